"""Faded lightness spread over the whole range again: pure functions of L."""

from __future__ import annotations

import cv2
import numpy as np

from deepkoal.arrays import FloatArray
from deepkoal.inference.scene import find_box

ENDS = (0.5, 99.5)
"""Percentiles of lightness that go to `BLACK` and `WHITE`."""

BLACK, WHITE = 4.0, 96.0

MOST_GAIN = 2.0
"""Contrast is raised by this at most: beyond, what is stretched is grain and fog."""

LEAST_GAIN = 1.05
"""Contrast that is raised by less is left as it is."""

LOCAL_SHARE = 0.3
"""Of the locally equalized lightness in the result of a photo that was faded to half."""

STRUCTURE = 30.0
"""Range of lightness from which a photo is taken to show more than grain and fog."""

CLIP_LIMIT = 2.0
"""Of CLAHE: how far a level's share of a block may exceed an even one."""

BLOCKS = 8

RADIUS_SHARE = 1 / 40
"""Of the longer side: radius of what `raise_local_contrast` takes for a thing's surroundings."""

EDGE = 12.0
"""Standard deviation of L from which a window holds an edge, across which nothing is averaged."""

MOST_LOCAL_GAIN = 1.0
"""Of the detail's contrast at full strength: twice as much."""


def stretch_tone(l: FloatArray) -> FloatArray:
    """Return faded lightness with its contrast restored, and that of other photos as it was.

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
    if gain <= LEAST_GAIN:
        return l
    curve = np.interp(l, [0, low, high, 100], [0, target_low, target_high, 100])
    stretched = np.asarray(curve, np.float32)
    share = LOCAL_SHARE * min(1.0, gain - 1) * min(1.0, (high - low) / STRUCTURE)
    return np.asarray(stretched + share * (equalize_locally(stretched) - stretched), np.float32)


def measure_range(l: FloatArray) -> tuple[float, float]:
    """Return the lightness at the percentiles `ENDS` of (H, W), inside a plain border."""
    inside = l[find_box(l)]
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


def raise_local_contrast(l: FloatArray, amount: float) -> FloatArray:
    """Return lightness whose details stand out more: l + amount · w · (l − base).

    The base is a guided filter of l by itself (He et al. 2013), which follows edges and so leaves
    no halos; w = 4 · l/100 · (1 − l/100) spares black and white.

    Args:
        l: float32 (H, W), 0…100.
        amount: 0…1.
    """
    height, width = l.shape
    side = 2 * max(1, round(RADIUS_SHARE * max(height, width))) + 1

    def average(x: FloatArray) -> FloatArray:
        return np.asarray(cv2.blur(x, (side, side), borderType=cv2.BORDER_REFLECT), np.float32)

    mean = average(l)
    variance = np.maximum(average(l * l) - mean * mean, 0)
    slope = np.asarray(variance / (variance + EDGE**2), np.float32)
    offset = np.asarray(mean - slope * mean, np.float32)
    base = average(slope) * l + average(offset)
    share = 4 * (l / 100) * (1 - l / 100)
    raised = l + np.float32(amount * MOST_LOCAL_GAIN) * share * (l - base)
    return np.asarray(np.clip(raised, 0, 100), np.float32)
