"""Photos that are in color already: left as they are, in their place among the results, or out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deepkoal.cli.files.result_files import ResultFiles

if TYPE_CHECKING:
    from deepkoal.cli.files.jobs import Job
    from deepkoal.image_io import Photo


def leave_out(job: Job) -> tuple[list[Path], tuple[str, ...]]:
    """Return the files, none, and the note of a photo that is not to be among the results."""
    return [], (f"{job.name}: in color already, left out",)


def keep_as_it_is(
    job: Job,
    photo: Photo,
    source: Path | bytes,
    *,
    rotation: int = 0,
    quality: int | None = None,
    keep_times: bool = False,
) -> tuple[list[Path] | bytes, tuple[str, ...]]:
    """Write a photo as it is, byte for byte where its result is of its own format.

    Args:
        job: what is wanted, with a suffix.
        photo: its first page, rotated.
        source: its file, or what was read of stdin.
        rotation: degrees clockwise by which it was asked to be rotated, which a file of several
            pages is not: none may be lost.
        quality: of lossy formats, 1…100; None for the photo's own.
        keep_times: whether the result has its photo's times of access and change.

    Returns:
        The files written, or the photo as bytes where the job has no target; and what its reader
        should know, a line each.

    Raises:
        PhotoError: it cannot be written.
    """
    from deepkoal.image_io import encode_photo
    from deepkoal.image_io.losses import note_losses

    rotation = rotation if photo.pages == 1 else 0
    is_own = _is_of_its_format(job, source)
    content = None
    if is_own and not rotation:
        content = source if isinstance(source, bytes) else source.read_bytes()
    kept = f"only rotated by {rotation} degrees" if rotation else "kept as it is"
    losses = [] if is_own else note_losses(photo, job.suffix)
    notes = tuple(f"{job.name}: {line}" for line in (f"in color already, {kept}", *losses))
    if job.target is None:
        return content or encode_photo(photo.rgb, job.suffix, photo, quality=quality), notes
    with ResultFiles(job, photo, quality=quality, keep_times=keep_times) as files:
        files.keep(photo, content)
    return files.written, notes


def _is_of_its_format(job: Job, source: Path | bytes) -> bool:
    """Return whether a photo's result is of its file's format, and so may have its very bytes."""
    from deepkoal.image_io.formats import FORMATS
    from deepkoal.image_io.formats.kinds import sniff

    if isinstance(source, bytes) or job.target is None:
        return FORMATS[job.suffix.lower()] == sniff(source, job.name)
    return job.suffix.lower() == source.suffix.lower()
