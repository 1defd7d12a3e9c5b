"""Photos read, colored and written by several threads, in order, in memory that stays bounded."""

from __future__ import annotations

import collections
import contextlib
import itertools
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from deepkoal.errors import DeepkoalError, PhotoError
from deepkoal.memory import count_cores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from deepkoal.cli.arguments.output_plan import Job
    from deepkoal.guidance import Reference
    from deepkoal.image_io import Photo
    from deepkoal.inference.colorizer import Colorizer
    from deepkoal.inference.options_file import SavedOptions

S = TypeVar("S")
T = TypeVar("T")

MOST_WORKERS = 8
"""Threads; more would wait for the network, which one photo at a time passes through."""
PIXELS = 32_000_000
"""Of all photos that are being colored; a larger photo is colored alone."""


class FolderRun:
    """Colors photo files: each of several threads takes one photo at a time from file to file.

    Decoding, coloring and encoding release the interpreter's lock, so threads are enough.

    Args:
        colorizer: what colors.
        look: how. Where its variation is the automatic one of several, all of them are written.
        reference: of the look, as the network sees it.
        save_options: a file to write the look to, with the photo's size; for one photo.
        quality: of JPEG and WebP, 1…100.
        max_pixels: of a photo, at most; None for `image_io.MAX_PIXELS`.
    """

    def __init__(
        self,
        colorizer: Colorizer,
        look: SavedOptions,
        *,
        reference: Reference | None = None,
        save_options: Path | None = None,
        quality: int = 95,
        max_pixels: int | None = None,
    ) -> None:
        self._colorizer = colorizer
        self._look = look
        self._reference = reference
        self._save_options = save_options
        self._quality = quality
        self._max_pixels = max_pixels
        self._budget = PixelBudget(PIXELS)
        self._stop = threading.Event()

    def color_all(self, jobs: Sequence[Job]) -> Generator[list[Path] | bytes | PhotoError]:
        """Color and write every photo.

        Yields:
            For each, in order: the files written, the photo as bytes where the job has no target,
            or why it could not be done.
        """
        workers = min(count_cores(), MOST_WORKERS)
        return work_ahead(self._color, jobs, workers=workers, ahead=2 * workers, stop=self._stop)

    def _color(self, job: Job) -> list[Path] | bytes | PhotoError:
        try:
            return self._color_file(job)
        except PhotoError as error:
            return error
        except CancelledError:
            raise
        except Exception as error:  # whatever it is, it must not cost other photos theirs
            cause = " ".join(str(error).split())
            if not isinstance(error, DeepkoalError):
                cause = f"{type(error).__name__}: {cause}"
            return PhotoError(f"{job.name}: cannot be colored ({cause})")

    def _color_file(self, job: Job) -> list[Path] | bytes:
        photo = self._read(job)
        height, width = photo.rgb.shape[:2]
        with self._budget.reserve(height * width):
            self._give_up_if_stopped()
            try:
                versions = self._color_versions(job, photo.rgb)
            except MemoryError as error:
                raise PhotoError(
                    f"{job.name}: not enough memory to color {width}×{height} pixels; scale it "
                    "down, or close programs"
                ) from error
            self._give_up_if_stopped()
            self._save_look(job, height, width)
            return self._write(job, photo, versions)

    def _give_up_if_stopped(self) -> None:
        if self._stop.is_set():
            raise CancelledError

    def _read(self, job: Job) -> Photo:
        from deepkoal.image_io import MAX_PIXELS, decode_photo, read_photo

        limit = self._max_pixels or MAX_PIXELS
        if job.source is None:
            return decode_photo(sys.stdin.buffer.read(), job.name, max_pixels=limit)
        return read_photo(job.source, max_pixels=limit)

    def _color_versions(self, job: Job, rgb: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
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

    def _write(
        self, job: Job, photo: Photo, versions: list[NDArray[np.uint8]]
    ) -> list[Path] | bytes:
        """Write a photo's results, and return where.

        Raises:
            PhotoError: one cannot be written.
        """
        from deepkoal.image_io import encode_photo, write_photo

        rgb, *others = versions
        if job.target is None:
            return encode_photo(rgb, job.suffix, photo, quality=self._quality)
        try:
            job.target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PhotoError(
                f"{job.target.parent}: cannot be made ({error.strerror}); choose another folder"
            ) from error
        # The photo last: where it is there, all others are too, so a later run may skip them.
        if job.comparison is not None:
            from deepkoal.rendering.contact_sheets import join_before_after

            write_photo(job.comparison, join_before_after(photo.rgb, rgb), quality=self._quality)
        for place, version in zip(job.variations, others, strict=True):
            write_photo(place, version, photo, quality=self._quality)
        write_photo(job.target, rgb, photo, quality=self._quality)
        return job.places


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
