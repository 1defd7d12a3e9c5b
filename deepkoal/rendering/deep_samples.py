"""Samples of 16 bits to lightness and back, so that a ramp keeps its 65,536 levels.

The tables of `composition`, as long as 16 bits are, would be too coarse in the shadows, where
sRGB's slope is 12.92: here curves are computed.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from deepkoal.arrays import FloatArray, SampleArray
from deepkoal.color import RGB_TO_XYZ, srgb_to_linear

FULL = 65535
"""The largest sample, and the unit of linear light in `composition`."""

_DELTA = 6 / 29  # CIE 15: below it, f(t) is linear
_LEAST_CURVED = 0.0031308  # IEC 61966-2-1


@functools.cache
def _linear() -> FloatArray:
    return np.asarray(srgb_to_linear(np.arange(FULL + 1) / FULL), np.float32)


@functools.cache
def _l_of_grey() -> FloatArray:
    return _to_l(srgb_to_linear(np.arange(FULL + 1) / FULL)).astype(np.float32)


def _to_l(y: NDArray[np.floating]) -> NDArray[np.floating]:
    l: NDArray[np.floating] = np.where(y > _DELTA**3, 116 * np.cbrt(y) - 16, y * (29 / 3) ** 3)
    return l


def deep_lightness(channels: Sequence[SampleArray], *, is_grey: bool) -> FloatArray:
    """Return the CIE lightness of samples.

    Args:
        channels: uint16 (r, W) each: red, green and blue, or grey.
        is_grey: whether they are all alike.

    Returns:
        float32 (r, W), L in 0…100.
    """
    if is_grey:
        return _l_of_grey()[channels[0]]
    linear = _linear()
    y = sum(
        np.float32(weight) * linear[channel]
        for weight, channel in zip(RGB_TO_XYZ[1], channels, strict=True)
    )
    return np.asarray(_to_l(np.asarray(y, np.float32)), np.float32)


def encode_linear(linear: FloatArray, rgb: NDArray[np.uint16]) -> None:
    """Write the sRGB samples of linear light.

    Args:
        linear: float32 (3, n) in 0…`FULL`; it is overwritten.
        rgb: uint16 (r, W, 3) of n pixels.
    """
    np.multiply(linear, np.float32(1 / FULL), out=linear)
    np.clip(linear, 0, 1, out=linear)
    curve = np.power(linear, np.float32(1 / 2.4))
    curve *= np.float32(1.055)
    curve -= np.float32(0.055)
    np.copyto(curve, linear * np.float32(12.92), where=linear <= _LEAST_CURVED)
    curve *= np.float32(FULL)
    np.rint(curve, out=curve)
    cv2.merge(tuple(curve.astype(np.uint16).reshape(3, *rgb.shape[:2])), dst=rgb)
