"""Learning how far hints reach: on photos whose objects are known, it gets better and repeats."""

import numpy as np
import pytest

from deepkoal.guidance import Kernel
from deepkoal.training.auxiliary.affinity_learning import PhotoFeatures, learn_affinity

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning", "ignore:`shuffle=True` was passed"
)


def photos_of_two_objects(count=20, size=8, scale=4):
    """Each half of a photo has its color; one feature in four tells the halves, noise the rest."""
    rng = np.random.default_rng(0)
    half = np.repeat([0, 1], size // 2)[None, None, :].repeat(count, 0).repeat(size, 1)
    features = rng.normal(0, 1, (count, size, size, 4))
    features[..., 0] = 2.0 * half - 1
    features /= np.linalg.norm(features, axis=-1, keepdims=True)
    colors = rng.normal(0, 40, (count, 2, 2))
    ab = colors[np.arange(count)[:, None, None], half]
    return PhotoFeatures(
        features.astype("float32"),
        np.full((count, size, size), 50, "float32"),
        np.zeros((count, size, size, 2), "float32"),
        ab.repeat(scale, 1).repeat(scale, 2).astype("float32"),
    )


def test_learning_makes_hints_reach_further_and_repeats_under_its_seed():
    photos = photos_of_two_objects()
    settings = {"steps": 60, "batch_size": 2, "learning_rate": 0.03, "start": Kernel(), "seed": 3}
    learned, again = (learn_affinity(photos, **settings) for _ in range(2))
    before, after = learned.error
    assert after < 0.8 * before
    # What tells the objects apart has come to count for more than what does not.
    weight = np.linalg.norm(learned.projection, axis=1)
    assert weight[0] > weight[1:].max()
    assert all(width > 0 for width in learned.kernel.features)
    np.testing.assert_allclose(learned.projection, again.projection, atol=1e-5)
    assert learned.kernel == again.kernel
