"""A film looked at before it is read: whether it is one, and its properties."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from deepkoal.arrays import SampleArray
from deepkoal.errors import PhotoError, VideoError
from deepkoal.image_io import list_photos
from deepkoal.video.files.containers import OpenFilm, explain_errors, open_container
from deepkoal.video.files.film import FOLDER_RATE, STREAM, Film
from deepkoal.video.files.frames import natural_key, read_frame


def open_film(
    source: str | Path, *, rate: Fraction | None = None, deinterlace: bool = False
) -> Film:
    """Look at a film.

    Args:
        source: a video file, a folder of frames in the order of their names (f2 before f10), or
            `-` for a y4m stream on standard input, which can be read once.
        rate: frames a second of a folder; 25 where None.
        deinterlace: whether frames woven of two fields are rebuilt (bwdif).

    Raises:
        VideoError: there is no such file, it is no film, has no frame that can be decoded, or
            PyAV is not installed.
    """
    if str(source) != STREAM and Path(source).is_dir():
        return _open_folder(Path(source), rate or FOLDER_RATE)
    path = None if str(source) == STREAM else Path(source)
    opened = open_container(path)
    film = _describe(path, opened)
    film.deinterlace = deinterlace
    if path is None:
        film.pending = opened
    else:
        opened.container.close()
    return film


def _open_folder(folder: Path, rate: Fraction) -> Film:
    paths = sorted((path for path in list_photos(folder) if path.parent == folder), key=natural_key)
    if not paths:
        raise VideoError(f"{folder}: holds no frames; expected JPEG, PNG or other photo files")
    rgb = _read_first(folder, paths)
    height, width, depth = *rgb.shape[:2], 8 * rgb.dtype.itemsize
    return Film(folder, height, width, 1 / rate, rate, depth, frames=len(paths), paths=paths)


def _read_first(folder: Path, paths: list[Path]) -> SampleArray:
    """Return the first frame that can be read, which says what size the others have."""
    first: PhotoError | None = None
    for path in paths:
        try:
            return read_frame(path, "auto")
        except PhotoError as error:
            first = first or error
    raise VideoError(f"{folder}: no frame in it can be read; of the first: {first}") from first


def _describe(path: Path | None, opened: OpenFilm) -> Film:
    name, stream = "standard input" if path is None else str(path), opened.stream
    film = Film(path, 0, 0, stream.time_base or Fraction(1, 1000), Fraction(1))
    if path is None:  # its header tells all, and what is read cannot be read again
        first, context = None, stream.codec_context
        width, height, turns = context.width, context.height, 0
        depth = context.format.components[0].bits if context.format else 8
    else:
        with explain_errors(name, "read"):
            first = next(film.decode(opened), None)
        if first is None:
            raise VideoError(
                f"{name}: no frame can be decoded; the file is damaged or cut off, try another copy"
            )
        film.damaged = 0
        film.marred.clear()
        width, height = first.width, first.height
        turns = round((first.rotation or 0) / 90) % 2
        depth = first.format.components[0].bits
        film.interlaced = bool(first.interlaced_frame)
    aspect = stream.sample_aspect_ratio or Fraction(1)
    film.height, film.width = (width, height) if turns else (height, width)
    film.aspect = (1 / aspect if turns else aspect) if aspect > 0 else Fraction(1)
    film.depth = depth
    film.rate = stream.average_rate or stream.guessed_rate or FOLDER_RATE
    film.frames = stream.frames
    return film
