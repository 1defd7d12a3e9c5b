"""The quality that a JPEG file was saved with, read from its quantization tables."""

import functools
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

# ITU-T T.81, table K.1, row by row: the luminance table that libjpeg scales.
_LUMINANCE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99],
    ]
).ravel()


def estimate_quality(tables: Mapping[int, Sequence[int]]) -> int | None:
    """Return libjpeg's quality, 1…100, whose luminance table is the nearest to a file's.

    Exact for files whose tables libjpeg scaled, as most programs let it do. Others, such as
    Photoshop, have tables of their own, which are compared by their sum of squared logarithms.

    Args:
        tables: a file's quantization tables, 64 numbers each; the first is for luminance.

    Returns:
        The quality, or None where there is no such table.
    """
    table = np.array(tables.get(0, ()))
    if table.shape != (64,) or table.min() < 1:
        return None
    # Sorted, so that it does not matter in which order they are given.
    distances = np.square(_sorted_logarithms() - np.sort(np.log(table))).sum(axis=1)
    return int(np.argmin(distances)) + 1


@functools.cache
def _sorted_logarithms() -> NDArray[np.float64]:
    """Return the logarithms of libjpeg's tables at each quality (100, 64); jpeg_quality_scaling."""
    quality = np.arange(1, 101)
    scale = np.where(quality < 50, 5000 // quality, 200 - 2 * quality)[:, None]
    return np.sort(np.log(np.clip((_LUMINANCE * scale + 50) // 100, 1, 255)), axis=1)
