"""Full-size lightness in and full-size RGB out: the parts whose cost grows with the photo.

They are the one thing that an export repeats, in `export.graph.full_size`: here tables, bands and
OpenCV make 12 megapixels quick, and none of these is to be had in a TensorFlow graph.

Everything is sRGB (IEC 61966-2-1) and CIE Lab under D65, the white point being the sRGB matrix's
own row sums, so that ab = 0 is exactly R = G = B. Photos are worked in small bands of rows, which
stay in a core's cache, on a few threads: numpy and OpenCV release the interpreter lock.
"""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from deepkoal.arrays import FloatArray, SampleArray
from deepkoal.color import RGB_TO_XYZ, WHITE_D65, linear_to_srgb, srgb_to_linear
from deepkoal.rendering.bands import THREADS, work_in_bands
from deepkoal.rendering.deep_samples import deep_lightness, encode_linear

_TO_Y = RGB_TO_XYZ[1].astype(np.float32)
_XYZ_TO_RGB = np.linalg.inv(RGB_TO_XYZ / WHITE_D65[:, None])
_DELTA = 6 / 29  # CIE 15: below it, f(t) is linear
_FULL = 65535  # linear light is worked in these units, so that its integer part indexes a table


def _to_l(y: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(y > _DELTA**3, 116 * np.cbrt(y) - 16, y * (29 / 3) ** 3)


_LINEAR = srgb_to_linear(np.arange(256) / 255)
_L_OF_GREY = _to_l(_LINEAR).astype(np.float32)
_L_OF_Y = _to_l(np.arange(_FULL + 1) / _FULL).astype(np.float32)
# The half makes the cast to an index, which truncates, round to the nearest.
_Y_OF_CHANNEL = [
    (_FULL * weight * _LINEAR + half).astype(np.float32)
    for weight, half in zip(RGB_TO_XYZ[1], (0.5, 0, 0), strict=True)
]
_BYTE_OF_LINEAR = np.clip(
    np.rint(255 * linear_to_srgb((np.arange(_FULL + 1) + 0.5) / _FULL)), 0, 255
).astype(np.uint8)


def lightness(rgb: SampleArray, *, threads: int = THREADS) -> FloatArray:
    """Return a photo's CIE lightness.

    A photo without color costs one table per pixel and is exact; otherwise L is within 0.01 of
    the exact value. Of 16 bits it is exact.

    Args:
        rgb: uint8 or uint16 (H, W, 3), sRGB, or (H, W), grey.
        threads: how many bands are worked at once.

    Returns:
        float32 (H, W), L in 0…100.
    """
    height, width = rgb.shape[:2]
    l = np.empty((height, width), np.float32)

    def work(top: int, bottom: int) -> None:
        channels = cv2.split(rgb[top:bottom])
        band = l[top:bottom]
        is_grey = all(cv2.norm(channels[0], other, cv2.NORM_INF) == 0 for other in channels[1:])
        if rgb.dtype == np.uint16:
            band[:] = deep_lightness(channels, is_grey=is_grey)
            return
        if is_grey:
            cv2.LUT(channels[0], _L_OF_GREY, dst=band)
            return
        red, green, blue = map(cv2.LUT, channels, _Y_OF_CHANNEL)
        y = cv2.add(cv2.add(red, green), blue)
        cv2.LUT(y.astype(np.uint16), _L_OF_Y, dst=band)

    work_in_bands(height, width, threads, work)
    return l


def compose_rgb(l: FloatArray, ab: FloatArray, *, bits: int = 8) -> SampleArray:
    """Return the sRGB of Lab; where a color leaves the gamut, its chroma gives way.

    Lightness does not. There the linear RGB is mixed with the grey of the same luminance Y, just
    enough that every channel is in 0…1. Y, hence L, is a weighted sum of linear RGB and so is kept;
    the hue in Lab may turn slightly, since a straight line in linear RGB is a curve in Lab.

    Args:
        l: float32 (r, W), L in 0…100.
        ab: float32 (r, W, 2), CIE Lab units, any values.
        bits: of the result's samples, 8 or 16.

    Returns:
        uint8 (r, W, 3), sRGB, or uint16 for 16 bits.
    """
    f = np.empty((3, *l.shape), np.float32)
    _shift_lightness(l, f[1])
    np.add(f[1], ab[..., 0] * np.float32(1 / 500), out=f[0])
    np.subtract(f[1], ab[..., 1] * np.float32(1 / 200), out=f[2])
    rgb = np.empty((*l.shape, 3), np.uint8 if bits == 8 else np.uint16)
    _encode(f, rgb)
    return rgb


def render(
    l: FloatArray,
    field: FloatArray,
    *,
    bits: int = 8,
    threads: int = THREADS,
) -> SampleArray:
    """Return a photo of any size in color: its own lightness, with the chroma of a field.

    The same as `compose_rgb` of the field's ab at every pixel, within a grey level of rounding, in
    little more memory than the output's.

    Args:
        l: float32 (H, W), the photo's L in 0…100.
        field: float32 (h, w, 4), its chroma, see `rendering.upsampling`.
        bits: of the result's samples, 8 or 16.
        threads: how many bands are worked at once.

    Returns:
        uint8 (H, W, 3), sRGB, or uint16 for 16 bits.
    """
    height, width = l.shape
    size = width, len(field)
    # Bilinear even where the photo is narrower than the field, which `resize` would average.
    stretched = cv2.resize(_in_units_of_f(field), size, interpolation=cv2.INTER_LINEAR)
    grid = cast(FloatArray, np.ascontiguousarray(stretched.transpose(0, 2, 1)))
    rgb = np.empty((height, width, 3), np.uint8 if bits == 8 else np.uint16)

    def work(top: int, bottom: int) -> None:
        planes = np.empty((bottom - top, 4, width), np.float32)
        for row, out in enumerate(planes, top):
            _interpolate(grid, (row + 0.5) * len(grid) / height - 0.5, out)
        f = np.empty((3, bottom - top, width), np.float32)
        _shift_lightness(l[top:bottom], f[1])
        for channel, out in enumerate((f[0], f[2])):
            np.multiply(f[1], planes[:, channel], out=out)
            np.add(out, planes[:, 2 + channel], out=out)
        _encode(f, rgb[top:bottom])

    work_in_bands(height, width, threads, work)
    return rgb


def _interpolate(grid: FloatArray, center: float, out: FloatArray) -> None:
    """Write what lies between a grid's rows, float32 (h, C, W): bilinear, as `resize` is."""
    center = min(max(center, 0.0), len(grid) - 1.0)
    above = int(center)
    below, weight = min(above + 1, len(grid) - 1), center - above
    cv2.addWeighted(grid[above], 1 - weight, grid[below], weight, 0, dst=out)


def _shift_lightness(l: FloatArray, out: FloatArray) -> None:
    """Write f(Y) - delta, with f of CIE 15: f(Y) = (L + 16) / 116."""
    cv2.addWeighted(l, 1 / 116, l, 0, 16 / 116 - _DELTA, dst=out)


def _in_units_of_f(field: FloatArray) -> FloatArray:
    """Rewrite ab = slope * L + offset as f(X) - delta and f(Z) - delta, linear in f(Y) - delta.

    f(X) = f(Y) + a / 500, f(Z) = f(Y) - b / 200, and L = 116 * (f(Y) - delta) + 8.
    """
    scale = np.array([1 / 500, -1 / 200], np.float32)
    slope, offset = field[..., :2] * scale, field[..., 2:] * scale
    return np.concatenate([1 + 116 * slope, offset + 8 * slope], axis=2)


def _encode(f: FloatArray, rgb: SampleArray) -> None:
    """Write the sRGB samples of f(X), f(Y), f(Z), each less delta. Overwrites f (3, r, W)."""
    e = f.reshape(3, -1)
    # X = f^3 above delta and its tangent below: with p = max(e, 0),
    # X = delta^3 + 3 delta^2 e + p^2 (p + 3 delta).
    p = cv2.threshold(e, 0, 0, cv2.THRESH_TOZERO)[1]
    cube = np.add(p, np.float32(3 * _DELTA))
    cube *= p
    cube *= p
    cv2.scaleAdd(e, 3 * _DELTA**2, cube, dst=cube)
    x, y, z = cube[:1], cube[1:2], cube[2:]  # less delta^3
    linear = cast(FloatArray, p)
    for row, (to_x, to_y, to_z) in zip(linear, _FULL * _XYZ_TO_RGB, strict=True):
        out = row[None]
        cv2.addWeighted(x, to_x, y, to_y, _FULL * _DELTA**3, dst=out)
        cv2.scaleAdd(z, to_z, out, dst=out)
    lowest, highest, *_ = cv2.minMaxLoc(linear)
    slack = 0.5 if rgb.dtype == np.uint8 else 0.01  # less than half a sample, in the shadows too
    if lowest < -slack or highest > _FULL + slack:
        _fit_in_gamut(linear, slack)
    if rgb.dtype == np.uint16:
        encode_linear(linear, rgb)
        return
    planes = cv2.LUT(linear.astype(np.uint16), _BYTE_OF_LINEAR).reshape(3, *rgb.shape[:2])
    cv2.merge(tuple(planes), dst=rgb)


def _fit_in_gamut(linear: FloatArray, slack: float) -> None:
    """Mix linear RGB (3, n) outside 0…_FULL with its grey by the largest share that fits.

    The share is the least of 1, (_FULL - Y) / (highest - Y) and Y / (Y - lowest).
    """
    highest, lowest = _find_extremes(linear)
    outside = np.flatnonzero((lowest < -slack) | (highest > _FULL + slack))
    rgb = linear.take(outside, axis=1)
    grey = np.clip(_TO_Y @ rgb, 0, _FULL)
    rgb -= grey
    highest, lowest = _find_extremes(rgb)  # less their grey
    above, below, tiny = _FULL - grey, grey, np.float32(1e-6)
    share = np.minimum(
        above / np.maximum(np.maximum(highest, above), tiny),
        below / np.maximum(np.maximum(-lowest, below), tiny),
    )
    rgb *= share
    rgb += grey
    for channel, fitted in zip(linear, rgb, strict=True):
        channel[outside] = fitted


def _find_extremes(rgb: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the highest and the lowest of the channels (3, n) at each pixel."""
    red, green, blue = rgb
    return (
        np.maximum(np.maximum(red, green), blue),
        np.minimum(np.minimum(red, green), blue),
    )
