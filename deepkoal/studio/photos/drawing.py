"""Pictures for the page: photos at the sizes of a screen, as files that browsers show."""

from __future__ import annotations

import base64
from typing import TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from deepkoal.arrays import ByteArray
from deepkoal.image_io import Photo, encode_photo

PREVIEW_PIXELS = 1_500_000
"""Of a photo on the screen, at most: so few that the answer to a click seems immediate."""
PREVIEW_SIDE = 16_384
"""Of a photo on the screen, at most: what browsers show, and far below what JPEG can have."""
DRAFT_PIXELS = 250_000
"""Of a photo on the screen while something is being dragged."""
THUMBNAIL_PIXELS = 110_000
"""Of a variation: more than 240 pixels wide on a screen of a common aspect."""

_QUALITY = 90

T = TypeVar("T", np.uint8, np.float32)


def fit_size(height: int, width: int, most_pixels: int) -> tuple[int, int]:
    """Return the height and width of the same photo within these pixels and `PREVIEW_SIDE`."""
    share = min(1.0, (most_pixels / (height * width)) ** 0.5, PREVIEW_SIDE / max(height, width))
    return max(1, int(height * share)), max(1, int(width * share))


def shrink(picture: NDArray[T], height: int, width: int) -> NDArray[T]:
    """Return a picture at a smaller size by area.

    As `rendering.resampling.resize`, whose matrices of weights are for the network's sizes: from
    a strip to its preview they would take gigabytes.
    """
    return cast(NDArray[T], cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA))


def encode(rgb: ByteArray, alpha: ByteArray | None = None) -> bytes:
    """Return a picture, uint8 (H, W, 3), as a JPEG file, or as a PNG file if it has alpha."""
    if alpha is None:
        return encode_photo(rgb, "JPEG", quality=_QUALITY)
    return encode_photo(rgb, "PNG", Photo(rgb, alpha))


def draw_thumbnail(rgb: ByteArray) -> bytes:
    """Return a photo, uint8 (H, W, 3), as a small JPEG file."""
    return encode(shrink(rgb, *fit_size(rgb.shape[0], rgb.shape[1], THUMBNAIL_PIXELS)))


def name_type(data: bytes) -> str:
    """Return the media type of a picture that was drawn here."""
    return "image/png" if data.startswith(b"\x89PNG") else "image/jpeg"


def inline(data: bytes) -> str:
    """Return a picture as a `data:` URL."""
    return f"data:{name_type(data)};base64,{base64.b64encode(data).decode()}"
