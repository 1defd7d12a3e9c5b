"""Samples of every depth and kind, brought to 8 or 16 bits."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from deepkoal.errors import DeepkoalError
from deepkoal.image_io.photo import Pixels

FULL = {8: 255, 16: 65_535}
"""The largest sample of a depth."""

_TURNS = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(pixels, 2).swapaxes(0, 1),
    8: lambda pixels: np.rot90(pixels),
}

_QUARTER = {1: 6, 6: 3, 3: 8, 8: 1, 2: 7, 7: 4, 4: 5, 5: 2}
"""EXIF orientation to the one that turns a quarter further, clockwise."""


def split_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Split a decoded picture of 8 bits and any Pillow mode into colors and alpha.

    Returns:
        The picture in mode L, RGB, CMYK or LAB, and its alpha in mode L or None.
    """
    alpha = None
    if image.has_transparency_data:
        gray = image.mode in ("1", "L", "LA", "La")
        image = image.convert("LA" if gray else "RGBA")
        alpha = image.getchannel("A")
        image = image.convert("L" if gray else "RGB")
    if image.mode == "1":
        image = image.convert("L")
    elif image.mode not in ("L", "RGB", "CMYK", "LAB"):
        image = image.convert("RGB")
    return image, alpha


def find_white(values: npt.NDArray[Any]) -> float:
    """Return the sample that is white, where a file does not say.

    255 and 65535 for those depths. Wider samples do not record what their white is, so it is the
    least of 1 (floats only), 255, 32767 (signed only) and 65535 that none of them exceeds, or else
    the largest finite sample.
    """
    if values.dtype in (np.uint8, np.uint16):
        return float(np.iinfo(values.dtype).max)
    usual: tuple[float, ...] = (255, 65535)
    if np.issubdtype(values.dtype, np.floating):
        usual = (1, 255, 65535)
    elif values.dtype == np.int16:
        usual = (255, 32767)
    finite = np.isfinite(values) if values.dtype.kind == "f" else True
    largest = float(np.max(values, where=finite, initial=0))
    return next((level for level in usual if largest <= level), largest)


def scale_samples(values: npt.NDArray[Any], white: float, bits: int) -> Pixels:
    """Scale samples so that `white` becomes 255 or 65535, rounded to nearest.

    What is below 0 is black, as is what is no number; infinity is white.

    Args:
        values: numbers of any type.
        white: see `find_white`.
        bits: 8 or 16.

    Returns:
        uint8 or uint16, same shape, writable and contiguous.
    """
    full = FULL[bits]
    if values.dtype.itemsize * 8 == bits and values.dtype.kind == "u" and white == full:
        return np.ascontiguousarray(values.astype(values.dtype.newbyteorder("="), copy=False))
    if values.dtype == np.uint16 and bits == 8:  # one pass without a float copy
        values = np.ascontiguousarray(values.astype(np.uint16, copy=False))
        return np.asarray(cv2.convertScaleAbs(values, alpha=full / white), np.uint8)
    exact = values.astype(np.float64)
    if values.dtype.kind == "f":
        exact = np.nan_to_num(exact, nan=0.0, posinf=white, neginf=0.0)
    exact *= full / white if white else 0.0
    return np.rint(np.clip(exact, 0, full)).astype(np.uint8 if bits == 8 else np.uint16)


def round_to_8_bits(pixels: Pixels) -> npt.NDArray[np.uint8]:
    """Return pixels of 8 or 16 bits as uint8, rounded to nearest."""
    if pixels.dtype == np.uint8:
        return pixels.astype(np.uint8, copy=False)
    return scale_samples(pixels, FULL[16], 8).astype(np.uint8, copy=False).reshape(pixels.shape)


def describe_no_pixels(given: object) -> str:
    """Return what is given instead of uint8 or uint16 (H, W, 3) or (H, W); empty if it is such."""
    if not isinstance(given, np.ndarray) or isinstance(given, np.matrix):  # has no third axis
        return type(given).__name__
    shape = given.shape
    is_picture = given.ndim == 2 or (given.ndim == 3 and shape[2] == 3)
    if given.dtype in (np.uint8, np.uint16) and is_picture and given.size:
        return ""
    return f"{given.dtype} {shape}"


def is_neutral(rgb: Pixels) -> bool:
    """Whether the three channels are alike everywhere."""
    return bool((rgb[..., 1:] == rgb[..., :1]).all())


def to_rgb(pixels: Pixels) -> Pixels:
    """Return pixels (H, W, 3): grey ones (H, W) in each of three channels."""
    return np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels


def turn_upright(pixels: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """Return pixels (H, W, …) turned as EXIF orientation asks (EXIF 2.32, 4.6.4)."""
    turn = _TURNS.get(orientation)
    return pixels if turn is None else np.ascontiguousarray(turn(pixels))


def check_rotation(rotation: object, name: str, error: type[DeepkoalError] = DeepkoalError) -> None:
    """Raise `error` unless a rotation is a number of whole quarters, in degrees."""
    if isinstance(rotation, bool) or rotation not in (0, 90, 180, 270):
        raise error(f"expected {name} as 0, 90, 180 or 270 degrees clockwise, got {rotation!r:.60}")


def rotate_orientation(orientation: int, rotation: int) -> int:
    """Return the EXIF orientation that turns as another one, and then by degrees clockwise."""
    for _ in range(int(rotation) // 90):
        orientation = _QUARTER[orientation]
    return orientation


def to_array(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Return the pixels of an RGB picture as a writable uint8 (H, W, 3) array."""
    width, height = image.size
    pixels = np.empty((height, width, 3), np.uint8)
    # Bands that fit the cache: np.array(image) takes three to four times as long.
    rows = max(1, 2**18 // width)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        pixels[top:bottom] = np.asarray(image.crop((0, top, width, bottom)))
    return pixels
