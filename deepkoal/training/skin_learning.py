"""Learning how a network's features tell skin, all else frozen: a logistic regression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import keras
import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from deepkoal.arrays import FloatArray
from deepkoal.errors import DeepkoalError
from deepkoal.inference.working_size import fit_working_size, run_network
from deepkoal.models import NETWORK_STRIDE
from deepkoal.rendering.resampling import resize
from deepkoal.short_repr import short_repr

SKIN, OTHER = 255, 0
"""Values of a mask; any other is not known."""

MOST = 150
"""Places of a photo that are looked at, of either kind: photos count alike."""
WHOLLY = 0.85
"""Share of a place's pixels that must be of its kind."""
PENALTY = 1e-5
"""Of the squared weights."""


@short_repr
@dataclass(frozen=True, eq=False)
class SkinPlaces:
    """Places of photos of one source.

    Attributes:
        features: float32 (N, F), a network's.
        is_skin: bool (N,).
    """

    features: FloatArray
    is_skin: np.ndarray


def gather_places(
    network: keras.Model, photos: Sequence[tuple[FloatArray, np.ndarray]], *, size: int, seed: int
) -> SkinPlaces:
    """Show photos to a network, and pick places of which it is known whether they are skin.

    Args:
        network: with an output `features`.
        photos: lightness, float32 (H, W) in 0…100, and masks, uint8 (H, W), see `SKIN`.
        size: at which photos are seen, see `fit_working_size`.
        seed: of the places.

    Raises:
        DeepkoalError: nothing is known of any place.
    """
    rng = np.random.default_rng(seed)
    features, is_skin = [], []
    for l, mask in photos:
        height, width = (int(side) for side in fit_working_size(np.array(l.shape), size))
        outputs = run_network(network, resize(l, height, width)[None], NETWORK_STRIDE)
        found = keras.ops.convert_to_numpy(outputs["features"])[0]
        for value in (SKIN, OTHER):
            share = (mask == value).astype(np.float32)
            share = cv2.resize(share, found.shape[1::-1], interpolation=cv2.INTER_AREA)
            places = np.argwhere(share > WHOLLY)
            rows, columns = rng.permutation(places)[:MOST].T
            features.append(found[rows, columns])
            is_skin.append(np.full(len(rows), value == SKIN))
    if not sum(map(len, features)):
        raise DeepkoalError(f"no mask has a place that is wholly {SKIN} or {OTHER}")
    return SkinPlaces(np.concatenate(features), np.concatenate(is_skin))


def learn_skin(sources: Sequence[SkinPlaces]) -> list[float]:
    """Return how features tell skin: weights and an offset, as `DecodingConfig.skin` has them.

    Logistic regression; skin and all else count half each, and sources alike within a half.

    Args:
        sources: places; some sources may have no skin, some nothing else.

    Raises:
        DeepkoalError: there is no skin, or nothing else.
    """
    features = np.concatenate([source.features for source in sources])
    inputs = np.hstack([features, np.ones((len(features), 1), np.float32)])
    is_skin = np.concatenate([source.is_skin for source in sources])
    counts = np.concatenate([_count_alike(source.is_skin) for source in sources])
    for half in (is_skin, ~is_skin):
        if not half.any():
            raise DeepkoalError("skin is learned from places that are skin and others that are not")
        counts[half] *= 0.5 / counts[half].sum()

    def lose(weights: FloatArray) -> tuple[float, FloatArray]:
        odds = inputs @ weights
        loss = counts @ (np.logaddexp(0, odds) - odds * is_skin)
        slope = inputs.T @ (counts * (expit(odds) - is_skin))
        free = np.append(weights[:-1], 0)
        return loss + PENALTY * free @ free, slope + 2 * PENALTY * free

    start = np.zeros(inputs.shape[1])
    found = minimize(lose, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
    return [round(float(weight), 3) for weight in found]


def _count_alike(is_skin: np.ndarray) -> FloatArray:
    """Return what each place of a source counts, so that its two kinds count 1 each."""
    counted: FloatArray = 1 / np.where(is_skin, is_skin.sum(), (~is_skin).sum()).astype(np.float32)
    return counted
