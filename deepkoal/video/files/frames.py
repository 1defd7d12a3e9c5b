"""Frames, and folders of them, one picture each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deepkoal.arrays import ByteArray, SampleArray
from deepkoal.errors import PhotoError, VideoError
from deepkoal.image_io import read_photo, write_image
from deepkoal.image_io.reading import Depth

if TYPE_CHECKING:
    from deepkoal.video.files.film import Film


MOST_NAMED = 5
"""Frames of a folder that a message names."""


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame of a film.

    Attributes:
        rgb: uint8 or uint16 (H, W, 3), sRGB.
        pts: its time, in units of the film's `time_base`.
    """

    rgb: SampleArray
    pts: int


def to_bytes(rgb: SampleArray) -> ByteArray:
    """Return samples of 8 or 16 bits as 8."""
    return np.asarray(rgb // 257 if rgb.dtype == np.uint16 else rgb, np.uint8)


def read_frames(film: Film, start: int, stop: int | None) -> Iterator[Frame]:
    """Yield the frames of a film that is a folder of them.

    Args:
        film: theirs.
        start: number of the first.
        stop: number before which the last one lies; None for the film's end.

    A damaged one is left out, and noted in `film.unread`; its time passes all the same.

    Raises:
        VideoError: one is missing, may not be read, or is of another size than the first.
    """
    for index, path in enumerate(film.paths[start:stop], start):
        try:
            rgb = read_frame(path, 8 if film.depth == 8 else 16)
        except PhotoError:
            film.unread.add(path)
            continue
        if rgb.shape[:2] != (film.height, film.width):
            raise VideoError(
                f"{path}: expected a frame of {film.width}×{film.height} pixels, as the first "
                f"has, got {rgb.shape[1]}×{rgb.shape[0]}; scale the frames alike"
            )
        yield Frame(rgb, index)


def read_frame(path: Path, depth: Depth) -> SampleArray:
    """Return a picture's samples.

    Raises:
        PhotoError: it is damaged.
        VideoError: it is missing or may not be read: that is to be mended, and no damage.
    """
    try:
        return read_photo(path, depth=depth).rgb
    except PhotoError as error:
        if isinstance(error.__cause__, (FileNotFoundError, PermissionError)):
            raise VideoError(str(error)) from error
        raise


def describe_unread(film: Film) -> str:
    """Return which frames of a folder could not be read, in one line."""
    names = [path.name for path in film.paths if path in film.unread]
    some = ", ".join(names[:MOST_NAMED]) + (", …" if len(names) > MOST_NAMED else "")
    what = "one frame" if len(names) == 1 else f"{len(names)} frames"
    return f"{what} of the folder cannot be read; the frame before stands longer: {some}"


def natural_key(path: Path) -> tuple[list[str | int], str]:
    """Return what sorts names as people count: f2 before f10."""
    parts = re.split(r"([0-9]+)", path.name)
    return [int(part) if index % 2 else part for index, part in enumerate(parts)], path.name


def write_frames(folder: Path, film: Film, frames: Iterable[Frame]) -> Iterator[int]:
    """Write each frame as a PNG of its depth, whole or not at all.

    They are named as the film's own where it is a folder of frames, else by their time.

    Yields:
        1 after each frame.

    Raises:
        VideoError: one cannot be written.
    """
    stems = Counter(path.stem for path in film.paths)
    for frame in frames:
        path = folder / f"{_name_frame(frame, film, stems)}.png"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_image(path, frame.rgb)
        except OSError as error:
            raise VideoError(
                f"{path}: cannot be written ({error.strerror}); check the disk and your permissions"
            ) from error
        yield 1


def _name_frame(frame: Frame, film: Film, stems: Counter[str]) -> str:
    if not film.paths:
        return name_time(frame.pts * film.time_base)
    own = film.paths[frame.pts]
    return own.stem if stems[own.stem] == 1 else own.name  # of 1.jpg and 1.png both are kept


def name_time(seconds: float | object) -> str:
    """Return a time as files are named by it, such as `00-01-23.456`."""
    whole = round(float(seconds) * 1000)  # type: ignore[arg-type]
    minutes, rest = divmod(whole, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}-{minutes:02}-{rest // 1000:02}.{rest % 1000:03}"
