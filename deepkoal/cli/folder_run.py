"""Photos read, colored and written by several threads, in order, in memory that stays bounded."""

from __future__ import annotations

import collections
import contextlib
import itertools
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, TypeVar

from deepkoal.cli.result_files import ResultFiles, Version, label_page
from deepkoal.errors import DeepkoalError, PhotoError
from deepkoal.memory import count_cores

if TYPE_CHECKING:
    from deepkoal.arrays import SampleArray
    from deepkoal.cli.arguments.output_plan import Job
    from deepkoal.guidance import Reference
    from deepkoal.image_io import Photo
    from deepkoal.image_io.reading import Depth
    from deepkoal.inference.colorizer import Colorizer
    from deepkoal.inference.options_file import SavedOptions

S = TypeVar("S")
T = TypeVar("T")

MOST_WORKERS = 8
"""Threads; more would wait for the network, which one photo at a time passes through."""
PIXELS = 32_000_000
"""Of all photos that are being colored; a larger photo is colored alone."""


@dataclass(frozen=True)
class Outcome:
    """What became of a photo.

    Attributes:
        result: the files written, the photo as bytes where the job has no target, or why it could
            not be done.
        notes: what its reader should know, a line each.
    """

    result: list[Path] | bytes | PhotoError
    notes: tuple[str, ...] = ()


class ReadKeywords(TypedDict, total=False):
    """How photos are read, see `image_io.read_photo`."""

    max_pixels: int | None
    depth: Depth
    salvage: bool
    stretch: bool


class FolderRun:
    """Colors photo files: each of several threads takes one photo at a time from file to file.

    Decoding, coloring and encoding release the interpreter's lock, so threads are enough.

    Args:
        colorizer: what colors.
        look: how. Where its variation is the automatic one of several, all of them are written.
        reference: of the look, as the network sees it.
        save_options: a file to write the look to, with the photo's size; for one photo.
        reading: how photos are read.
        quality: of lossy formats, 1…100; None for each photo's own.
        keep_times: whether results have their photos' times of access and change.
    """

    def __init__(
        self,
        colorizer: Colorizer,
        look: SavedOptions,
        *,
        reference: Reference | None = None,
        save_options: Path | None = None,
        reading: ReadKeywords | None = None,
        quality: int | None = None,
        keep_times: bool = False,
    ) -> None:
        self._colorizer = colorizer
        self._look = look
        self._reference = reference
        self._save_options = save_options
        self._quality = quality
        self._reading: ReadKeywords = reading or {}
        self._keep_times = keep_times
        self._budget = PixelBudget(PIXELS)
        self._stop = threading.Event()

    def color_all(self, jobs: Sequence[Job]) -> Generator[Outcome]:
        """Color and write every photo, and yield what became of each, in order."""
        workers = min(count_cores(), MOST_WORKERS)
        return work_ahead(self._color, jobs, workers=workers, ahead=2 * workers, stop=self._stop)

    def _color(self, job: Job) -> Outcome:
        try:
            return self._color_file(job)
        except PhotoError as error:
            return Outcome(error)
        except CancelledError:
            raise
        except Exception as error:  # whatever it is, it must not cost other photos theirs
            cause = " ".join(str(error).split())
            if not isinstance(error, DeepkoalError):
                cause = f"{type(error).__name__}: {cause}"
            return Outcome(PhotoError(f"{job.name}: cannot be colored ({cause})"))

    def _color_file(self, job: Job) -> Outcome:
        source = sys.stdin.buffer.read() if job.source is None else job.source
        photo = self._read(job, source)
        notes = [f"{job.name}: {note}" for note in photo.notes]
        if job.target is None:
            from deepkoal.image_io import encode_photo

            if photo.pages > 1:
                notes.append(f"{job.name}: the first of its {photo.pages} pages; -o a.tif has all")
            with self._reserve(photo):
                rgb, like = self._color_page(job, photo)[0]
                encoded = encode_photo(rgb, job.suffix, like, quality=self._quality)
            return Outcome(encoded, tuple(notes))
        files = ResultFiles(job, photo, quality=self._quality, keep_times=self._keep_times)
        with files:
            for page in files.order:
                before = photo if page == 0 else self._read(job, source, page)
                before = label_page(before, page)
                with self._reserve(before):
                    files.add(page, before, self._color_page(job, before))
        return Outcome(files.written, tuple(notes))

    def _color_page(self, job: Job, photo: Photo) -> list[Version]:
        """Return a page colored, and its variations, each with what it is written with."""
        height, width = photo.rgb.shape[:2]
        try:
            versions = self._color_versions(job, photo.rgb)
        except MemoryError as error:
            raise PhotoError(
                f"{job.name}: not enough memory to color {width}×{height} pixels; scale it "
                "down, or close programs"
            ) from error
        self._give_up_if_stopped()
        self._save_look(job, height, width)
        return [(version, photo) for version in versions]

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

        return read_photo(source, name=job.name, page=page, **self._reading)

    def _color_versions(self, job: Job, rgb: SampleArray) -> list[SampleArray]:
        """Return the photo colored, and variations that obey every option as it does."""
        prediction = self._colorizer.predict(rgb)
        options = replace(self._look.fit(*rgb.shape[:2]), reference=self._reference)
        choice = self._look.variation
        if choice is None or choice.index:
            variation = None if choice is None else choice.find(prediction)
            return [prediction.render(options, variation=variation)]
        return prediction.variations(choice.count, options, seed=choice.seed)

    def _save_look(self, job: Job, height: int, width: int) -> None:
        """Write the look where it is wanted, before the photo: what was colored can be again."""
        from deepkoal.inference.options_file import write_options
        from deepkoal.inference.saved_parts import PhotoIdentity, hash_file

        if self._save_options is not None:
            sha256 = "" if job.source is None else hash_file(job.source)
            photo = PhotoIdentity(width, height, sha256)
            write_options(self._save_options, self._look.place(photo))


def work_ahead(
    work: Callable[[S], T],
    items: Iterable[S],
    *,
    workers: int,
    ahead: int,
    stop: threading.Event,
) -> Generator[T]:
    """Yield `work(item)` for each item, in order, while threads work on the next ones.

    Args:
        work: is called in a thread; what it raises is raised where its result would come.
        items: to work on.
        workers: threads.
        ahead: items that are begun or done, at most, beside the one that is waited for.
        stop: is set when the iterator ends before the items do, so that `work` can give up early.
            The threads have ended when the iterator has.
    """
    pool = ThreadPoolExecutor(workers)
    remaining = iter(items)
    begun: collections.deque[Future[T]] = collections.deque()
    try:
        while True:
            for item in itertools.islice(remaining, ahead + 1 - len(begun)):
                begun.append(pool.submit(work, item))
            if not begun:
                return
            yield begun.popleft().result()
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


class PixelBudget:
    """Bounds how many pixels threads work on together; a larger photo is worked on alone.

    Args:
        pixels: in all.
    """

    def __init__(self, pixels: int) -> None:
        self._free = self._all = pixels
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def reserve(self, pixels: int) -> Iterator[None]:
        """Wait until there is room for so many pixels, and take it for the block."""
        taken = min(pixels, self._all)
        with self._changed:
            self._changed.wait_for(lambda: taken <= self._free)
            self._free -= taken
        try:
            yield
        finally:
            with self._changed:
                self._free += taken
                self._changed.notify_all()
