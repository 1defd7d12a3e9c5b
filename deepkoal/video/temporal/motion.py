"""How things move from one frame to another, and where that can be trusted.

Optical flow is OpenCV's dense inverse search (DIS; Kroeger, Timofte, Dai and Van Gool 2016), run
both ways: where following a place there and back does not lead home, or the lightness there is
another, the place is hidden in the other frame or was not found. In a fade all
lightness is another: the change of exposure is taken out first.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np

from deepkoal.arrays import ByteArray, FloatArray
from deepkoal.restoration.flicker import change_exposure, compare_exposures

ROUND_TRIP = 1.0
"""Pixels that a place may end up from itself, after there and back, for half of it to count."""
SHARE = 0.05
"""The same as a share of its way: the faster, the less exact."""
LIGHT = 6.0
"""Difference in L at which half of a place counts."""
FADE = 0.05
"""Change of exposure, as `compare_exposures` measures it, that is taken out: 3.3 at L = 50.

In a pan it is 0.002 at most.
"""


@dataclass(frozen=True, eq=False)
class Motion:
    """Where each place of a frame is in another.

    Attributes:
        places: float32 (h, w, 2), x and y in pixels.
        trust: float32 (h, w) in 0…1; 0 where it is hidden there or lies outside.
    """

    places: FloatArray
    trust: FloatArray

    def fetch(self, there: FloatArray) -> FloatArray:
        """Return values of the other frame, (h, w, C), as seen at this one's places."""
        return _fetch(there, self.places)


class MotionEstimator:
    """Estimates motion; it holds buffers, so that each thread needs its own."""

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)

    def estimate(self, x: FloatArray, y: FloatArray) -> tuple[Motion, Motion]:
        """Return the motion from x to y, and from y to x.

        Args:
            x: float32 (h, w), L in 0…100.
            y: likewise.
        """
        change = compare_exposures(x, y)
        if abs(change[0]) > FADE:
            x = change_exposure(x, change)
        x8, y8 = _to_bytes(x), _to_bytes(y)
        there = self._follow(x8, y8)
        back = self._follow(y8, x8)
        return _trust(x, y, there, back), _trust(y, x, back, there)

    def _follow(self, x: ByteArray, y: ByteArray) -> FloatArray:
        start = np.zeros((*x.shape, 2), np.float32)
        return np.asarray(self._flow.calc(x, y, start), np.float32)


def _to_bytes(l: FloatArray) -> ByteArray:
    return np.asarray(cv2.convertScaleAbs(l, alpha=2.55), np.uint8)


def _trust(x: FloatArray, y: FloatArray, there: FloatArray, back: FloatArray) -> Motion:
    height, width = x.shape
    places = there + _list_places(height, width)
    home = there + _fetch(back, places)
    allowed = ROUND_TRIP**2 + SHARE**2 * _square(there)
    error = _square(home) / allowed
    light = (_fetch(y, places) - x) * np.float32(1 / LIGHT)
    light *= light
    across, down = places[..., 0], places[..., 1]
    inside = (across > -0.5) & (across < width - 0.5) & (down > -0.5) & (down < height - 0.5)
    # Far out, these weights fall so fast that nothing hidden leaks through.
    trust = inside / ((1 + error * error) * (1 + light * light))
    return Motion(places, np.asarray(trust, np.float32))


def _square(vectors: FloatArray) -> FloatArray:
    return np.asarray(vectors[..., 0] ** 2 + vectors[..., 1] ** 2)


def _fetch(there: FloatArray, places: FloatArray) -> FloatArray:
    columns, rows = cv2.split(places)
    found = cv2.remap(there, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.float32)


@functools.lru_cache(maxsize=4)
def _list_places(height: int, width: int) -> FloatArray:
    rows, columns = np.indices((height, width), np.float32)
    return np.stack([columns, rows], axis=-1)
