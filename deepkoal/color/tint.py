"""Whether a picture is in color, or in shades of one tint as old prints and scans are."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from deepkoal.color.conversion import rgb_to_lab

COLORED = 6.0
"""Deviation from the tint, in ab units, from which a picture is one in color."""
PERCENTILE = 97
"""Of places: a small thing in color, such as a balloon, is enough."""

_SIDE = 32  # so coarse that grain and JPEG's blocks are averaged away
_DEGREE = 3  # of the tint's course from shadow to highlight: sepia is browner in the middle
_ROUNDS = 3
_HALF_COUNTS = 3.0


def is_colored(rgb: NDArray[np.uint8]) -> bool:
    """Return whether a picture is in color: not grey, and no tint either, see `measure_colors`."""
    return measure_colors(rgb) >= COLORED


def measure_colors(rgb: NDArray[np.uint8]) -> float:
    """Return how far a picture's colors are from those of one tint.

    A tint (sepia, cyanotype, selenium, gold, split toning, a yellowed scan) gives one color to
    each lightness. So ab is fitted over L by a polynomial, robustly, and of the distances from it,
    averaged to about 32×32 places, the 97th percentile is returned.

    Args:
        rgb: uint8 or uint16 (H, W, 3), sRGB.

    Returns:
        In ab units: up to 3.2 of 40 tinted historical photos, with noise and JPEG too; 9 and more
        of 100 everyday color photos, and up to 10 of sepia prints with broad stains.
    """
    height, width = rgb.shape[:2]
    scale = _SIDE / (height * width) ** 0.5
    size = (max(4, round(width * scale)), max(4, round(height * scale)))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    lab = np.asarray(rgb_to_lab(small / np.iinfo(rgb.dtype).max)).reshape(-1, 3)
    l, ab = lab[:, 0] / 50 - 1, lab[:, 1:]
    powers = np.stack([l**power for power in range(_DEGREE + 1)], axis=1)
    weights = np.ones((len(l), 1), np.float32)
    distances = np.zeros(len(l), np.float32)
    for _ in range(_ROUNDS):  # reweighted, so that what has a color does not pull the tint along
        course = np.linalg.lstsq(powers * weights, ab * weights, rcond=None)[0]
        distances = np.hypot(*(ab - powers @ course).T)
        weights = (1 / np.sqrt(1 + (distances / _HALF_COUNTS) ** 2))[:, None]
    return float(np.percentile(distances, PERCENTILE))
