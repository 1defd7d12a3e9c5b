"""Learning what belongs to one thing: where things are known it gets better, and repeats."""

import numpy as np
import pytest
from tiny_networks import tiny_lite

from deepkoal.training.auxiliary.mapped_photos import BACKGROUND, INSIDE, OTHER, map_photo
from deepkoal.training.auxiliary.things_learning import learn_things

# Keras copies TensorFlow's variables in a way that NumPy 2 announces the end of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

BOX = slice(32, 96)


def two_things(seed, side=128):
    """Lightness and masks of a dark thing beside a light one, on grey ground."""
    rng = np.random.default_rng(seed)
    l, masks = np.full((side, side), 50.0), np.zeros((side, side), np.uint8)
    masks[BOX, 16:64], masks[BOX, 64:112] = 1, 2
    l[masks == 1], l[masks == 2] = 20, 80
    return (l + rng.normal(0, 2, l.shape)).astype("float32"), masks


@pytest.fixture
def network():
    return tiny_lite(things=(8, 4))


def test_what_a_click_means_is_read_from_masks(network):
    l, masks = two_things(0)
    photo = map_photo(network, l, masks, size=128)
    assert [part.shape for part in photo.maps] == [(side, side, 8) for side in (32, 16, 8, 4)]
    for cell, kinds, path in zip(photo.clicks, photo.kinds, photo.paths, strict=True):
        row, column = divmod(int(cell), 32)
        thing = masks[4 * row + 2, 4 * column + 2]
        small = masks[2::4, 2::4]
        expected = np.select([small == thing, small > 0], [INSIDE, OTHER], BACKGROUND)
        assert thing > 0
        np.testing.assert_array_equal(kinds, expected)
        assert path[row, column] == 0
        assert path[kinds == INSIDE].mean() < path[kinds == OTHER].mean()
    assert map_photo(network, l, np.zeros_like(masks)) is None


def test_learning_tells_things_apart_changes_nothing_else_and_repeats(network):
    photos = [map_photo(network, *two_things(seed), size=128, seed=seed) for seed in range(8)]
    kept = {each.path: np.asarray(each) for each in network.weights}
    again = tiny_lite(things=(8, 4))
    before, after = learn_things(network, photos, steps=60, learning_rate=0.03, batch_size=4)
    assert learn_things(again, photos, steps=60, learning_rate=0.03, batch_size=4)[1] == after
    assert after.inside > 0.9
    assert after.background < 0.2 < before.background
    assert after.other < 0.2
    changed = {each.path for each in network.weights if not np.array_equal(each, kept[each.path])}
    assert changed == {path for path in kept if path.startswith("things")}
    assert all("things" not in each.path for each in network.trainable_variables)
