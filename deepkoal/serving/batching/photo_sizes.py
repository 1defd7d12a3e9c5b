"""What a request's photos will cost once they are decoded, known from their first bytes."""

from __future__ import annotations

import io

from deepkoal.errors import PhotoError
from deepkoal.image_io.formats import jpeg_xl, plugins
from deepkoal.image_io.formats.kinds import START_BYTES, sniff_kind
from deepkoal.serving.batching.pace import LARGE_PIXELS
from deepkoal.serving.tensors.signature import Arrays

_PLAIN = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
"""Formats whose size is in a header that Pillow reads: where it cannot, the file is damaged."""


def count_pixels(inputs: Arrays) -> int:
    """Return how many pixels a request's tensors hold, or will when their photos are decoded.

    Args:
        inputs: strings that are photo files count by the width and height in their header, other
            strings not at all, numbers one each. A format whose header tells nothing counts as a
            large photo.
    """
    return sum(
        sum(map(_read_pixels, array.ravel())) if array.dtype.kind == "O" else array.size
        for array in inputs.values()
    )


def _read_pixels(data: bytes) -> int:
    try:
        kind = sniff_kind(data[:START_BYTES], "photo")
    except PhotoError:
        return 0
    try:
        if kind == "JXL":
            width, height = jpeg_xl.read_size(data)
        else:
            width, height = plugins.open_image(kind, io.BytesIO(data)).size
    except Exception:  # of nearly every kind, on damaged data, which the model will report
        return 0 if kind in _PLAIN else LARGE_PIXELS + 1
    return int(width * height)
