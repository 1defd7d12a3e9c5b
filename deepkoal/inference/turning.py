"""Which way up a photo is: the network is surer of its colors where it lies right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from deepkoal.arrays import FloatArray, SampleArray
from deepkoal.color import softmax
from deepkoal.image_io import Photo
from deepkoal.inference.colorizer import Colorizer

LEAST_LEAD = 0.15
"""Nats by which a turn must be surer than the photo as it is to be taken."""


def measure_certainty(colorizer: Colorizer, rgb: SampleArray) -> FloatArray:
    """Return how sure the network is of a photo at each of four turns.

    Args:
        colorizer: whose network predicts a distribution.
        rgb: uint8 or uint16 (H, W, 3), sRGB.

    Returns:
        float32 (4,): the negative mean entropy of its distribution, in nats, of the photo turned
        counterclockwise by 0, 90, 180 and 270 degrees.

    Raises:
        DeepkoalError: the network predicts no distribution.
    """
    certainties = []
    for turns in range(4):
        turned = np.ascontiguousarray(np.rot90(rgb, turns))
        logits = colorizer.predict(turned).demand_distribution("turns")
        mass = np.asarray(softmax(logits))
        certainties.append(np.mean(np.sum(mass * np.log(mass + 1e-9), axis=-1)))
    return np.array(certainties, np.float32)


def find_turn(certainties: FloatArray) -> int:
    """Return by how many quarter turns, counterclockwise, a photo is to be turned: 0…3.

    Args:
        certainties: see `measure_certainty`.
    """
    best = int(np.argmax(certainties))
    return best if certainties[best] - certainties[0] >= LEAST_LEAD else 0


def turn_photo(photo: Photo, turns: int) -> Photo:
    """Return a photo turned counterclockwise by quarter turns, 0…3."""
    if not turns:
        return photo
    dpi, alpha = photo.metadata.dpi, photo.alpha
    if dpi is not None and turns % 2:
        dpi = dpi[::-1]
    return replace(
        photo,
        rgb=np.ascontiguousarray(np.rot90(photo.rgb, turns)),
        alpha=None if alpha is None else np.ascontiguousarray(np.rot90(alpha, turns)),
        metadata=replace(photo.metadata, dpi=dpi),
    )
