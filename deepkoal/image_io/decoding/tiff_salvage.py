"""Damaged TIFF files of any depth: the strips and tiles that decode, and which rows are whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

_PLAIN = 1  # Compression: none


def decode_whole_parts(page: Any) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Decode what can be of a page, part by part; of an uncompressed part that is cut, its rows.

    Args:
        page: tifffile's.

    Returns:
        Samples (H, W, channels), 0 where nothing decodes, and which rows are whole (H,).
    """
    samples = np.zeros(_measure(page), page.dtype)
    missing = np.ones(samples.shape[:3], bool)
    size = page.parent.filehandle.size
    places = zip(page.dataoffsets, page.databytecounts, strict=True)
    for index, (start, count) in enumerate(places):
        there = min(count, size - start)
        if there < count and (page.compression != _PLAIN or there <= 0):
            continue
        page.parent.filehandle.seek(start)
        data = page.parent.filehandle.read(there)
        try:
            part, (plane, _, top, left, _), shape = page.decode(
                data.ljust(count, b"\0"), index, jpegtables=page.jpegtables
            )
        except Exception:  # decoders raise nearly every kind there is
            continue
        if part is None:
            continue
        # A tile may reach beyond the picture.
        height, width = (
            min(shape[1], samples.shape[1] - top),
            min(shape[2], samples.shape[2] - left),
        )
        if there < count:  # as many rows as there are bytes of
            height = min(height, there * shape[1] // count)
        rows, columns = slice(top, top + height), slice(left, left + width)
        samples[plane, rows, columns] = part[0, :height, :width]
        missing[plane, rows, columns] = False
    joined = np.moveaxis(samples[..., 0], 0, -1) if len(samples) > 1 else samples[0]
    return joined, np.asarray(~missing.any(axis=(0, 2)))


def _measure(page: Any) -> tuple[int, int, int, int]:
    channels = page.samplesperpixel
    is_planar = page.planarconfig == 2 and channels > 1
    return (
        channels if is_planar else 1,
        page.imagelength,
        page.imagewidth,
        1 if is_planar else channels,
    )
