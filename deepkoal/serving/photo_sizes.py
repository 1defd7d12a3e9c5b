"""What a request's photos will cost once they are decoded, known from their first bytes."""

from __future__ import annotations

import io

from deepkoal.errors import PhotoError
from deepkoal.image_io.kinds import READERS, sniff_kind
from deepkoal.serving.signature import Arrays


def count_pixels(inputs: Arrays) -> int:
    """Return how many pixels a request's tensors hold, or will when their photos are decoded.

    Args:
        inputs: strings that are photo files count by the width and height in their header, other
            strings not at all, numbers one each.
    """
    return sum(
        sum(map(_read_pixels, array.ravel())) if array.dtype.kind == "O" else array.size
        for array in inputs.values()
    )


def _read_pixels(data: bytes) -> int:
    try:
        kind = sniff_kind(data[:32], "photo")
        width, height = READERS[kind][0](io.BytesIO(data), "").size
    except PhotoError:
        return 0
    except Exception:  # damaged: readers raise nearly every kind of error; the model will report
        return 0
    return int(width * height)
