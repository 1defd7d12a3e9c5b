"""Folders of frames, one picture each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from deepkoal.errors import VideoError
from deepkoal.image_io import write_image
from deepkoal.video.film import Film, Frame


def write_frames(folder: Path, film: Film, frames: Iterable[Frame]) -> Iterator[int]:
    """Write each frame as a PNG of its depth, whole or not at all.

    They are named as the film's own where it is a folder of frames, else by their time.

    Yields:
        1 after each frame.

    Raises:
        VideoError: one cannot be written.
    """
    for frame in frames:
        name = film.paths[frame.pts].stem if film.paths else name_time(frame.pts * film.time_base)
        path = folder / f"{name}.png"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_image(path, frame.rgb)
        except OSError as error:
            raise VideoError(
                f"{path}: cannot be written ({error.strerror}); check the disk and your permissions"
            ) from error
        yield 1


def name_time(seconds: float | object) -> str:
    """Return a time as files are named by it, such as `00-01-23.456`."""
    whole = round(float(seconds) * 1000)  # type: ignore[arg-type]
    minutes, rest = divmod(whole, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}-{minutes:02}-{rest // 1000:02}.{rest % 1000:03}"
