"""A film at a glance: frames of it before and after, on one sheet."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from fractions import Fraction

from deepkoal.arrays import ByteArray
from deepkoal.errors import VideoError, check_range
from deepkoal.guidance import ColorOptions
from deepkoal.inference.colorizer import Colorizer
from deepkoal.rendering.contact_sheets import SheetRow, desaturate, draw_sheet, fit_picture
from deepkoal.video.coloring import BATCH, FILM_SIZE
from deepkoal.video.files.film import Film
from deepkoal.video.files.frames import Frame, name_time, to_bytes

PAIRS = 3
"""Frames side by side, each before and after."""
MOST = 120
"""Frames on a sheet."""
COLORED = 768
"""Sides in pixels that a frame is scaled down to fit before it is colored."""
CELL = (240, 200)
"""Width and height in pixels that it is shown in."""
SEEK = 5.0
"""Seconds between frames from which on those between them are not read."""


def preview_film(
    film: Film, colorizer: Colorizer, options: ColorOptions | None = None, *, seconds: float = 10.0
) -> ByteArray:
    """Return a contact sheet of frames, each in grey and colored by itself.

    Args:
        film: to look through; of a file, what lies between is not read where that is long.
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
    colorizer = colorizer.limit_working_sizes(FILM_SIZE)
    chosen: list[tuple[str, ByteArray]] = []
    for frame in _pick_frames(film, seconds):
        # All of a large film's at full size would be gigabytes.
        rgb = fit_picture(to_bytes(frame.rgb), COLORED, COLORED)
        chosen.append((name_time(frame.pts * film.time_base), rgb))
        if len(chosen) > MOST:
            raise VideoError(
                f"a sheet holds {MOST} frames; choose more than {seconds:g} seconds between them"
            )
    cells: list[tuple[str, ByteArray, ByteArray]] = []
    for start in range(0, len(chosen), BATCH):
        batch = chosen[start : start + BATCH]
        colored = colorizer.colorize_batch([rgb for _, rgb in batch], options)
        for (time, before), after in zip(batch, colored, strict=True):
            cells.append((time, fit_picture(desaturate(before), *CELL), fit_picture(after, *CELL)))
    rows = []
    for start in range(0, len(cells), PAIRS):
        some = cells[start : start + PAIRS]
        pictures: list[ByteArray | None] = list(
            itertools.chain.from_iterable((before, after) for _, before, after in some)
        )
        pictures += [None] * (2 * PAIRS - len(pictures))
        rows.append(SheetRow("      ".join(time for time, _, _ in some), pictures))
    return draw_sheet(rows, ["before", "after"] * PAIRS, width=CELL[0], height=CELL[1])


def _pick_frames(film: Film, seconds: float) -> Iterator[Frame]:
    """Yield a film's first frame, and the first from each multiple of so many seconds on."""
    step = Fraction(seconds) / film.time_base
    is_sought = film.source is not None and seconds >= SEEK
    frames = film.read()
    first = frame = next(frames, None)
    while first is not None and frame is not None:
        yield frame
        due = first.pts + math.ceil(((frame.pts - first.pts) // step + 1) * step)
        if is_sought:
            frames = film.read(due)
        frame = next((each for each in frames if each.pts >= due), None)
