"""Where a film's shots begin: a frame that no motion explains by the one before it.

Small copies of two frames are compared after the first has been moved along the optical flow to the
second, and by correlation, so that neither motion nor a change of light is taken for a cut.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from deepkoal.arrays import ByteArray, FloatArray

THUMB = (48, 36)
"""Width and height in pixels at which frames are compared."""
CUT = 0.75
"""Correlation below which a shot begins.

Of 1770 pairs of unlike photos 99 % lie below 0.70, of pans by 7 % of the width a
frame 98 % above 0.92.
"""
FLAT = 3.0
"""Deviation, of 255, that is added to a thumb's own: noise of a black frame is no structure."""


class CutDetector:
    """Finds cuts in a film, frame by frame."""

    def __init__(self) -> None:
        self._last: ByteArray | None = None
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def is_cut(self, thumb: ByteArray) -> bool:
        """Return whether a shot begins with this frame: not with the film's first.

        Args:
            thumb: uint8 of `THUMB`, as `make_thumb` returns it.
        """
        last, self._last = self._last, thumb
        if last is None:
            return False
        if _correlate(last, thumb) >= CUT:
            return False
        flow = self._flow.calc(thumb, last, np.zeros((*thumb.shape, 2), np.float32))
        return _correlate(_warp(last, flow), thumb) < CUT


def make_thumb(l: FloatArray) -> ByteArray:
    """Return a frame as `CutDetector` compares it.

    Args:
        l: float32 (H, W), lightness in 0…100.
    """
    small = cv2.resize(l, THUMB, interpolation=cv2.INTER_AREA)
    return np.asarray(np.clip(small * 2.55 + 0.5, 0, 255), np.uint8)


def _warp(thumb: ByteArray, flow: Any) -> ByteArray:
    rows, columns = np.indices(thumb.shape, np.float32)
    return np.asarray(
        cv2.remap(
            thumb,
            columns + flow[..., 0],
            rows + flow[..., 1],
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
    )


def _correlate(x: ByteArray, y: ByteArray) -> float:
    """Return the correlation of two thumbs; 1 where neither has any structure."""
    a, b = x - np.mean(x), y - np.mean(y)
    both = (np.mean(a * a) + FLAT**2) * (np.mean(b * b) + FLAT**2)
    return float((np.mean(a * b) + FLAT**2) / np.sqrt(both))
