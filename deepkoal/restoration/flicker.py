"""Exposure that changes from frame to frame of an old film, evened: pure functions of L.

Of light that an exposure makes g times brighter, L becomes (L + 16) · g^⅓ − 16 (CIE 15, above
L = 8). So the exposures of two frames differ by the logarithm of (L + 16) at the same places; and
if contrast flickers too, that depends on the tone, here along a straight line.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from deepkoal.arrays import FloatArray

SIZE = (96, 64)
"""Width and height in pixels at which frames are compared."""

SEEN = (2.0, 97.0)
"""L between which a place tells of the exposure: beyond, film and scan clip."""

LEAST_SEEN = 0.05
"""Share of the places that must."""

MIDDLE = 50.0
"""L at which an exposure is noted."""

LEAST_RANGE = 10.0
"""L that the darker and the lighter half of the places must be apart, to tell of the contrast."""

DEVIATION = 8.0
"""Of the average over time, in frames."""

REACH = 16
"""Frames before and after that it takes in."""

MOST_TILT = 0.3
"""The most that contrast is changed by, so that tones keep their order."""

KNEES = (8.0, 90.0)
"""L between which the change is exact; from there to black and white it fades out."""


def compare_exposures(before: FloatArray, after: FloatArray) -> NDArray[np.float64]:
    """Return how much longer a frame is exposed than the one before it.

    The medians, over the darker and the lighter half of the places, of log((L' + 16) / (L + 16)):
    what moves, comes or goes is no majority, and on either side of its edges errs either way.

    Args:
        before: float32 (h, w), L in 0…100, the earlier frame.
        after: likewise, of one size.

    Returns:
        float64 (2,): the change at L = 50, and its growth from there to L = 100; the sums of these
        over the frames of a shot are their exposures. 0 where too little can be seen.
    """
    x, y = (cv2.resize(l, SIZE, interpolation=cv2.INTER_AREA) for l in (before, after))
    low, high = SEEN
    seen = (np.minimum(x, y) > low) & (np.maximum(x, y) < high)
    if seen.mean() < LEAST_SEEN:
        return np.zeros(2)
    x, y = x[seen] + 16.0, y[seen] + 16.0
    change, tone = np.log(y / x), np.sqrt(x * y) - 16
    light = tone > np.median(tone)
    if not light.any():
        return np.array([np.median(change), 0.0])
    tones = [np.median(tone[half]) for half in (~light, light)]
    changes = [np.median(change[half]) for half in (~light, light)]
    if tones[1] - tones[0] < LEAST_RANGE:
        return np.array([np.median(change), 0.0])
    slope = (changes[1] - changes[0]) / (tones[1] - tones[0])
    middle = np.mean(changes) - slope * (np.mean(tones) - MIDDLE)
    return np.array([middle, slope * MIDDLE])


def average_exposure(exposures: NDArray[np.float64], index: int) -> NDArray[np.float64]:
    """Return the exposure that a frame should have: its shot's, around that time.

    That is the value there of the straight line through the exposures around it, by least squares
    weighted by a Gaussian of `DEVIATION`: so a fade or a sunrise stays one, from a shot's first
    frame to its last.

    Args:
        exposures: float64 (n, 2), of a shot's frames within `REACH`, in order.
        index: of the frame.
    """
    start = max(0, index - REACH)
    around = exposures[start : index + REACH + 1]
    times = np.arange(start, start + len(around)) - index
    weights = np.exp(-0.5 * (times / DEVIATION) ** 2)
    total, first, second = (float(np.sum(weights * times**power)) for power in range(3))
    if len(around) < 3:
        return np.asarray(exposures[index])
    shares = weights * (second - first * times) / (total * second - first * first)
    return np.asarray(shares @ around)


def change_exposure(l: FloatArray, change: NDArray[np.float64]) -> FloatArray:
    """Return lightness as of another exposure: (L + 16) · exp(c₀ + c₁ · (L − 50) / 50) − 16.

    Args:
        l: float32 of any shape, 0…100.
        change: float64 (2,), as `compare_exposures` returns it.

    Returns:
        float32, 0…100, which grows with l; 0 and 100 stay.
    """
    low, high = KNEES
    gain, tilt = change[0], np.clip(change[1], -MOST_TILT, MOST_TILT)

    def expose(tone: NDArray[np.floating]) -> NDArray[np.floating]:
        light = np.exp(gain + tilt * (tone - MIDDLE) / MIDDLE)
        return np.asarray((tone + 16) * light - 16)

    ends = np.clip(expose(np.array(KNEES)), 0.5, 99.5)
    exact = np.clip(expose(np.clip(l, low, high)), *ends)
    dark = ends[0] / low * l
    light = ends[1] + (100 - ends[1]) / (100 - high) * (l - high)
    return np.asarray(np.where(l < low, dark, np.where(l > high, light, exact)), np.float32)
