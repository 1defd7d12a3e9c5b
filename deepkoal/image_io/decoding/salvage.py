"""Damaged photos: the rows that decode, and how many they are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image

from deepkoal.errors import PhotoError

_END_OF_JPEG = b"\xff\xd9"


def load_rows(open_again: Callable[[], Image.Image]) -> tuple[Image.Image, str]:
    """Decode as much of a damaged picture as there is.

    It is decoded over a black and over a white ground: what comes out the same was decoded. Of
    that the rows that are whole are kept, so that no gap is seen by the network.

    Args:
        open_again: opens the picture, without decoding it.

    Returns:
        The picture, cut to those rows, and a line that says how much it is.

    Raises:
        PhotoError: there is no whole row.
    """
    grounds = [_load_over(open_again(), level) for level in (0, 255)]
    black, white = (np.asarray(image).reshape(image.height, -1) for image in grounds)
    top, bottom, note = find_rows((black == white).all(axis=1))
    image = grounds[0]
    return image.crop((0, top, image.width, bottom)), note


def find_rows(whole: npt.NDArray[np.bool_]) -> tuple[int, int, str]:
    """Return where the longest run of whole rows begins and ends, and a line that says so.

    Args:
        whole: for each row, whether it was decoded, (H,).

    Raises:
        PhotoError: none was.
    """
    rows = np.flatnonzero(whole)
    if not len(rows):
        raise PhotoError("nothing of it can be decoded")
    longest = max(np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1), key=len)
    top, bottom = int(longest[0]), int(longest[-1]) + 1
    share = f"{int(100 * (bottom - top) / len(whole))} %"
    note = f"damaged: rows {top + 1} to {bottom} of {len(whole)} decode ({share}), cut to them"
    return top, bottom, note


def close_jpeg(data: bytes) -> bytes:
    """Return a JPEG file that ends as one should, so that what there is of it is decoded."""
    return data + _END_OF_JPEG


def _load_over(image: Image.Image, level: int) -> Image.Image:
    """Decode a picture over a ground of that level, as far as it goes."""
    ground = level / 255 if image.mode == "F" else level
    bands = len(image.getbands())
    color = ground if bands == 1 else (level,) * bands
    image.im = Image.core.fill(image.mode, image.size, color)  # type: ignore[attr-defined]
    try:
        image.load()
    except Exception:  # what was decoded until then lies there
        image.tile = []  # type: ignore[attr-defined]
    return image
