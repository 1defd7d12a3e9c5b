"""Faded lightness spread over the whole range again: pure functions of L."""

from __future__ import annotations

import cv2
import numpy as np

from deepkoal.arrays import FloatArray
from deepkoal.inference.scene import find_border

ENDS = (0.5, 99.5)
"""Percentiles of lightness that go to `BLACK` and `WHITE`."""

BLACK, WHITE = 4.0, 96.0

MOST_GAIN = 2.0
"""Contrast is raised by this at most: beyond, what is stretched is grain and fog."""

LOCAL_SHARE = 0.3
"""Of the locally equalized lightness in the result."""

CLIP_LIMIT = 2.0
"""Of CLAHE: how far a level's share of a block may exceed an even one."""

BLOCKS = 8


def stretch_tone(l: FloatArray) -> FloatArray:
    """Return lightness whose contrast was faded, restored; that of other photos hardly changes.

    What the percentiles `ENDS` enclose goes to `BLACK`…`WHITE` along a straight line, by no more
    than `MOST_GAIN`; what lies beyond is squeezed, never cut off. Then contrast-limited adaptive
    equalization (Zuiderveld 1994, CLAHE) is mixed in, in proportion to how faded the photo was.

    Args:
        l: float32 (H, W), 0…100. A plain border is left out of what is measured.

    Returns:
        float32 (H, W), 0…100; each step grows with l.
    """
    low, high = measure_range(l)
    target_low, target_high = find_targets(low, high)
    gain = (target_high - target_low) / max(high - low, 1e-3)
    if gain <= 1.0:
        return l
    stretched = np.interp(l, [0, low, high, 100], [0, target_low, target_high, 100])
    stretched = stretched.astype(np.float32)
    share = LOCAL_SHARE * min(1.0, gain - 1)
    return np.asarray(stretched + share * (equalize_locally(stretched) - stretched), np.float32)


def measure_range(l: FloatArray) -> tuple[float, float]:
    """Return the lightness at the percentiles `ENDS` of (H, W), inside a plain border."""
    height, width = l.shape
    top, bottom, left, right = find_border(l) * np.array([height, height, width, width])
    inside = l[round(top) : round(bottom), round(left) : round(right)]
    step = max(1, int((inside.size / 1e6) ** 0.5))  # a million pixels say as much
    low, high = np.percentile(inside[::step, ::step], ENDS)
    return float(low), float(high)


def find_targets(low: float, high: float) -> tuple[float, float]:
    """Return where the ends of a photo's range go: to black and white as far as the gain allows.

    A night scene keeps its blacks, and a photo of snow its whites: ends never move inward.
    """
    target_low, target_high = min(low, BLACK), max(high, WHITE)
    excess = (target_high - target_low) - MOST_GAIN * (high - low)
    if excess > 0:
        down, up = low - target_low, target_high - high
        target_low += excess * down / (down + up)
        target_high -= excess * up / (down + up)
    return target_low, target_high


def equalize_locally(l: FloatArray) -> FloatArray:
    """Return lightness (H, W) after CLAHE over `BLOCKS`×`BLOCKS` blocks, in 65,536 levels."""
    clahe = cv2.createCLAHE(CLIP_LIMIT, (BLOCKS, BLOCKS))
    levels = clahe.apply(np.rint(l * 655.35).astype(np.uint16))
    return np.asarray(levels.astype(np.float32) / 655.35, np.float32)
