"""Which way up a photo is: the network is surer of its colors where it lies right."""

from __future__ import annotations

import numpy as np

from deepkoal.arrays import ByteArray, FloatArray
from deepkoal.color import softmax
from deepkoal.inference.colorizer import Colorizer

LEAST_LEAD = 0.15
"""Nats by which a turn must be surer than the photo as it is to be taken."""


def measure_certainty(colorizer: Colorizer, rgb: ByteArray) -> FloatArray:
    """Return how sure the network is of a photo at each of four turns.

    Args:
        colorizer: whose network predicts a distribution.
        rgb: uint8 (H, W, 3) sRGB.

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
