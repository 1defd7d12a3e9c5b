"""A film at a glance: frames of it before and after, on one sheet."""

from __future__ import annotations

import itertools

import numpy as np

from deepkoal.arrays import ByteArray
from deepkoal.errors import VideoError, check_range
from deepkoal.guidance import ColorOptions
from deepkoal.inference.colorizer import Colorizer
from deepkoal.rendering.contact_sheets import SheetRow, desaturate, draw_sheet
from deepkoal.video.film import Film
from deepkoal.video.frames import Frame, name_time, to_bytes

PAIRS = 3
"""Frames side by side, each before and after."""
MOST = 120
"""Frames on a sheet."""


def preview_film(
    film: Film, colorizer: Colorizer, options: ColorOptions | None = None, *, seconds: float = 10.0
) -> ByteArray:
    """Return a contact sheet of frames, each in grey and colored by itself.

    Args:
        film: to look through; frames in between are not decoded where the film can be sought in.
        colorizer: what colors.
        options: how.
        seconds: between frames; the first is the film's first.

    Returns:
        uint8 (H, W, 3) sRGB.

    Raises:
        VideoError: the film cannot be read, or is so long that the sheet would hold more than
            `MOST` frames.
    """
    check_range(seconds, "seconds", 0.01, error=VideoError)
    chosen: list[Frame] = []
    due = None
    for frame in film.read():
        time = float(frame.pts * film.time_base)
        if due is not None and time < due:
            continue
        due = time + seconds if due is None else due + seconds
        chosen.append(Frame(to_bytes(frame.rgb), frame.pts))
        if len(chosen) > MOST:
            raise VideoError(
                f"a sheet holds {MOST} frames; choose more than {seconds:g} seconds between them"
            )
    if not chosen:
        raise VideoError(f"{film.name}: no frame can be decoded; try another copy")
    colored = colorizer.colorize_batch([np.asarray(each.rgb, np.uint8) for each in chosen], options)
    cells: list[tuple[str, ByteArray, ByteArray]] = [
        (name_time(frame.pts * film.time_base), desaturate(np.asarray(frame.rgb, np.uint8)), rgb)
        for frame, rgb in zip(chosen, colored, strict=True)
    ]
    rows = []
    for start in range(0, len(cells), PAIRS):
        some = cells[start : start + PAIRS]
        pictures: list[ByteArray | None] = list(
            itertools.chain.from_iterable((before, after) for _, before, after in some)
        )
        pictures += [None] * (2 * PAIRS - len(pictures))
        rows.append(SheetRow("      ".join(time for time, _, _ in some), pictures))
    return draw_sheet(rows, ["before", "after"] * PAIRS, width=240, height=200)
