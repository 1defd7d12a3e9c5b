"""Photo files read, worked on and written by several threads, in order, in bounded memory."""

from __future__ import annotations

import contextlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypedDict

from deepkoal.cli.arguments.result_options import ResultOptions
from deepkoal.cli.files.input_files import read_stream
from deepkoal.cli.files.result_files import ResultFiles, Sign, Version, label_page
from deepkoal.cli.photo_runs.photos_in_color import keep_as_it_is, leave_out
from deepkoal.cli.photo_runs.work_ahead import PixelBudget, work_ahead
from deepkoal.errors import DeepkoalError, PhotoError
from deepkoal.memory import count_cores

if TYPE_CHECKING:
    from deepkoal.cli.files.jobs import Job
    from deepkoal.image_io import Photo
    from deepkoal.image_io.reading import Depth
    from deepkoal.inference.content_credentials import ContentSigner
    from deepkoal.inference.options_file import SavedOptions

MOST_WORKERS = 8
"""Threads; more would wait for the network, which one photo at a time passes through."""
PIXELS = 32_000_000
"""Of all photos that are being worked on; a larger photo is worked on alone."""


@dataclass(frozen=True)
class Outcome:
    """What became of a photo.

    Attributes:
        result: the files written, the photo as bytes where the job has no target, or why it could
            not be done.
        notes: what its reader should know, a line each.
        is_colored: whether it was worked on, rather than left as it is.
        is_whole: whether the result has all that its file had, as any photo's has.
    """

    result: list[Path] | bytes | PhotoError
    notes: tuple[str, ...] = ()
    is_colored: bool = True
    is_whole: bool = True


class ReadKeywords(TypedDict, total=False):
    """How photos are read, see `image_io.read_photo`."""

    max_pixels: int | None
    depth: Depth
    salvage: bool
    stretch: bool
    rotate: int


class PhotoRun(ABC):
    """Works on photo files: each of several threads takes one photo at a time from file to file.

    Decoding, coloring and encoding release the interpreter's lock, so threads are enough.

    Args:
        results: what is written of them, and which photos are left as they are.
        reading: how photos are read.
        quality: of lossy formats, 1…100; None for each photo's own.
        keep_times: whether results have their photos' times of access and change.
        signer: signs the results; None to leave them unsigned.

    Attributes:
        verb: what messages say cannot be done.
        takes_color: whether photos in color are worked on whatever the results say.
    """

    verb: ClassVar[str] = "colored"
    takes_color: ClassVar[bool] = False

    def __init__(
        self,
        *,
        results: ResultOptions | None = None,
        reading: ReadKeywords | None = None,
        quality: int | None = None,
        keep_times: bool = False,
        signer: ContentSigner | None = None,
    ) -> None:
        self._results = results or ResultOptions()
        self._quality = quality
        self._reading: ReadKeywords = reading or {}
        self._keep_times = keep_times
        self._signer = signer
        self._budget = PixelBudget(PIXELS)
        self._stop = threading.Event()

    def run_all(self, jobs: Sequence[Job]) -> Generator[Outcome]:
        """Work on every photo and write it, and yield what became of each, in order."""
        workers = min(count_cores(), MOST_WORKERS)
        return work_ahead(self.run_one, jobs, workers=workers, ahead=2 * workers, stop=self._stop)

    @abstractmethod
    def _make_versions(self, job: Job, photo: Photo, beside: ResultFiles | None) -> list[Version]:
        """Return a page as it is to be written, and other versions of it.

        Args:
            job: what is wanted.
            photo: the page.
            beside: takes what is written beside it.
        """

    def run_one(self, job: Job) -> Outcome:
        """Work on one photo and write it; threads may do that at the same time."""
        try:
            return self._run_file(job)
        except PhotoError as error:
            return Outcome(error)
        except CancelledError:
            raise
        except Exception as error:  # whatever it is, it must not cost other photos theirs
            cause = " ".join(str(error).split())
            if not isinstance(error, DeepkoalError):
                cause = f"{type(error).__name__}: {cause}"
            return Outcome(PhotoError(f"{job.name}: cannot be {self.verb} ({cause})"))

    def _run_file(self, job: Job) -> Outcome:
        from deepkoal.color.tint import is_colored
        from deepkoal.image_io import encode_photo
        from deepkoal.image_io.formats.kinds import sniff
        from deepkoal.image_io.losses import choose_kept_suffix, note_losses
        from deepkoal.inference.options_file import hash_bytes

        source = read_stream() if job.source is None else job.source
        if isinstance(source, bytes):
            job = replace(job, sha256=hash_bytes(source))
        photo = self._read(job, source)
        if not job.suffix:
            job = replace(job, suffix=choose_kept_suffix(photo, sniff(source, job.name)))
        losses = note_losses(photo, job.suffix)
        notes = [f"{job.name}: {note}" for note in (*photo.notes, *losses)]
        policy = self._results.choose(job.source)
        if not self.takes_color and policy != "recolor" and is_colored(photo.rgb):
            return self._leave(job, photo, source, policy)
        sign = self._find_sign(job, source)
        if job.target is None:
            if photo.pages > 1:
                notes.append(f"{job.name}: the first of its {photo.pages} pages; -o a.tif has all")
            with self._reserve(photo):
                rgb, like = self._make_page(job, photo)[0]
                encoded = encode_photo(rgb, job.suffix, like, quality=self._quality)
                encoded = encoded if sign is None else sign(encoded, job.suffix, like)
            return Outcome(encoded, tuple(notes))
        files = ResultFiles(
            job, photo, quality=self._quality, keep_times=self._keep_times, sign=sign
        )
        with files:
            for page in files.order:
                before = photo if page == 0 else self._read(job, source, page)
                before = label_page(before, page)
                with self._reserve(before):
                    beside = files if page == 0 else None
                    files.add(page, before, self._make_page(job, before, beside))
        return Outcome(files.written, tuple(notes))

    def _leave(self, job: Job, photo: Photo, source: Path | bytes, policy: str) -> Outcome:
        if policy == "skip":
            return Outcome(*leave_out(job), is_colored=False)
        kept = keep_as_it_is(
            job,
            photo,
            source,
            rotation=self._find_rotation(job),
            quality=self._quality,
            keep_times=self._keep_times,
        )
        return Outcome(*kept, is_colored=False)

    def _make_page(
        self, job: Job, photo: Photo, beside: ResultFiles | None = None
    ) -> list[Version]:
        height, width = photo.rgb.shape[:2]
        try:
            return self._make_versions(job, photo, beside)
        except MemoryError as error:
            raise PhotoError(
                f"{job.name}: not enough memory for {width}×{height} pixels; scale it down, or "
                "close programs"
            ) from error

    def _note_look(self, job: Job, photo: Photo, look: SavedOptions) -> Photo:
        """Return what a result is written with: its metadata say how it was made.

        Args:
            job: of the photo.
            photo: that was worked on.
            look: how, but for the photo.
        """
        from deepkoal.cli.files.result_provenance import ResultProvenance

        provenance = ResultProvenance(None, noted=self._results.provenance)
        placed = provenance.place(job, look, photo.rgb.shape[:2])
        return provenance.note(photo, placed, 0)

    def _find_sign(self, job: Job, source: Path | bytes) -> Sign | None:
        """Return what signs the results of a photo, see `ResultFiles`."""
        from deepkoal.image_io.formats import FORMATS
        from deepkoal.inference.provenance import read_provenance

        signer = self._signer
        if signer is None:
            return None

        def sign(data: bytes, suffix: str, like: Photo) -> bytes:
            made = read_provenance(like.metadata.xmp) if self._results.provenance else None
            kind = FORMATS[suffix.lower()]
            return signer.sign(data, kind, parent=source, name=job.name, parameters=made)

        return sign

    @contextlib.contextmanager
    def _reserve(self, photo: Photo) -> Iterator[None]:
        """Wait for room for a photo, of which one of 16 bits takes twice as much."""
        height, width = photo.rgb.shape[:2]
        with self._budget.reserve(height * width * photo.rgb.itemsize):
            self._give_up_if_stopped()
            yield

    def _give_up_if_stopped(self) -> None:
        if self._stop.is_set():
            raise CancelledError

    def _read(self, job: Job, source: Path | bytes, page: int = 0) -> Photo:
        from deepkoal.image_io import read_photo

        reading: ReadKeywords = {**self._reading, "rotate": self._find_rotation(job)}
        return read_photo(source, name=job.name, page=page, **reading)

    def _find_rotation(self, job: Job) -> int:
        """Return by how many degrees clockwise a photo is rotated as it is read."""
        return self._reading.get("rotate", 0)
