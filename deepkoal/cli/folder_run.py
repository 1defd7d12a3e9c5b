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
from typing import TYPE_CHECKING, TypeVar

from deepkoal.atomic_files import write_bytes_atomically
from deepkoal.cli.arguments.result_options import DOUBT_SUFFIX, LAYER_SUFFIX, ResultOptions
from deepkoal.errors import DeepkoalError, PhotoError
from deepkoal.memory import count_cores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from deepkoal.cli.arguments.output_plan import Job
    from deepkoal.guidance import Reference
    from deepkoal.image_io import Photo
    from deepkoal.image_io.photo import Pixels
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
    """What was done with a photo.

    Attributes:
        written: its files.
        data: its result, where that goes to standard output.
        note: what the user should know of it, or empty.
        is_colored: whether it was colored.
    """

    written: Sequence[Path] = ()
    data: bytes | None = None
    note: str = ""
    is_colored: bool = True


class FolderRun:
    """Colors photo files: each of several threads takes one photo at a time from file to file.

    Decoding, coloring and encoding release the interpreter's lock, so threads are enough.

    Args:
        colorizer: what colors.
        look: how. Where its variation is the automatic one of several, all of them are written.
        reference: of the look, as the network sees it.
        save_options: a file to write the look to, with the photo's size; for one photo.
        results: what is written of them, and which photos are left alone.
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
        results: ResultOptions | None = None,
        quality: int = 95,
        max_pixels: int | None = None,
    ) -> None:
        self._colorizer = colorizer
        self._look = look
        self._reference = reference
        self._save_options = save_options
        self._results = results or ResultOptions()
        self._quality = quality
        self._max_pixels = max_pixels
        self._budget = PixelBudget(PIXELS)
        self._stop = threading.Event()

    def color_all(self, jobs: Sequence[Job]) -> Generator[Outcome | PhotoError]:
        """Color and write every photo.

        Yields:
            For each, in order: what was done, or why it could not be.
        """
        workers = min(count_cores(), MOST_WORKERS)
        return work_ahead(self._color, jobs, workers=workers, ahead=2 * workers, stop=self._stop)

    def _color(self, job: Job) -> Outcome | PhotoError:
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

    def _color_file(self, job: Job) -> Outcome:
        from deepkoal.color.tint import is_colored

        photo = self._read(job)
        policy = self._results.choose(job.source)
        if policy != "recolor" and is_colored(photo.rgb):
            return self._leave(job, photo, policy)
        height, width = photo.rgb.shape[:2]
        with self._budget.reserve(height * width):
            self._give_up_if_stopped()
            try:
                photo, note = self._turn(job, photo)
                versions, doubt = self._color_versions(photo.rgb)
            except MemoryError as error:
                raise PhotoError(
                    f"{job.name}: not enough memory to color {width}×{height} pixels; scale it "
                    "down, or close programs"
                ) from error
            self._give_up_if_stopped()
            look = self._place_look(job, *photo.rgb.shape[:2])
            outcome = self._write(job, photo, look, versions, doubt)
            return replace(outcome, note=note)

    def _leave(self, job: Job, photo: Photo, policy: str) -> Outcome:
        """Leave a photo that is in color as it is, in its place among the results, or out."""
        from deepkoal.image_io import write_photo

        if policy == "skip" or job.target is None or job.source is None:
            note = f"{job.name}: in color already, left out"
            return Outcome(note=note, is_colored=False)
        _make_folder(job.target.parent)
        if job.source.suffix.lower() == job.target.suffix.lower():
            write_bytes_atomically(job.target, job.source.read_bytes())
        else:
            write_photo(job.target, photo.rgb, photo, quality=self._quality)
        return Outcome([job.target], note=f"{job.name}: in color already, kept", is_colored=False)

    def _turn(self, job: Job, photo: Photo) -> tuple[Photo, str]:
        """Return the photo upright, as far as that is wanted, and what was done about it."""
        import numpy as np

        from deepkoal.inference.turning import find_turn, measure_certainty

        turns = 0
        if self._results.auto_rotate:
            turns = find_turn(measure_certainty(self._colorizer, photo.rgb))
        if not turns:
            return photo, ""
        rgb = np.ascontiguousarray(np.rot90(photo.rgb, turns))
        alpha = None if photo.alpha is None else np.ascontiguousarray(np.rot90(photo.alpha, turns))
        side = {1: "turned to the left", 2: "turned upside down", 3: "turned to the right"}[turns]
        return replace(photo, rgb=rgb, alpha=alpha), f"{job.name}: {side}, as it seems to lie"

    def _give_up_if_stopped(self) -> None:
        if self._stop.is_set():
            raise CancelledError

    def _read(self, job: Job) -> Photo:
        from deepkoal.image_io import MAX_PIXELS, decode_photo, read_photo

        limit = self._max_pixels or MAX_PIXELS
        if job.source is None:
            return decode_photo(sys.stdin.buffer.read(), job.name, max_pixels=limit)
        return read_photo(job.source, max_pixels=limit)

    def _color_versions(self, rgb: Pixels) -> tuple[list[Pixels], NDArray[np.float32] | None]:
        """Return the photo colored with variations that obey every option, and the doubt."""
        prediction = self._colorizer.predict(rgb)
        options = replace(self._look.fit(*rgb.shape[:2]), reference=self._reference)
        doubt = prediction.uncertainty(hints=options.hints) if self._results.doubt else None
        choice = self._look.variation
        if choice is None or choice.index:
            variation = None if choice is None else choice.find(prediction)
            return [prediction.render(options, variation=variation)], doubt
        return prediction.variations(choice.count, options, seed=choice.seed), doubt

    def _place_look(self, job: Job, height: int, width: int) -> SavedOptions:
        """Return the look of one photo, and write it where that is wanted."""
        from deepkoal.inference.options_file import write_options
        from deepkoal.inference.saved_parts import PhotoIdentity, hash_file

        sha256 = "" if job.source is None else hash_file(job.source)
        look = self._look.place(PhotoIdentity(width, height, sha256))
        look = replace(look, network=self._colorizer.identity)
        if self._save_options is not None:
            write_options(self._save_options, look)
        return look

    def _note_making(self, photo: Photo, look: SavedOptions, index: int) -> Photo:
        """Return what the result's metadata are to be: of the version of that index."""
        from deepkoal.inference.provenance import add_provenance

        if not self._results.provenance:
            return photo
        choice = look.variation
        if choice is not None and index:
            look = replace(look, variation=replace(choice, index=index))
        return add_provenance(photo, look)

    def _write(
        self,
        job: Job,
        photo: Photo,
        look: SavedOptions,
        versions: list[Pixels],
        doubt: NDArray[np.float32] | None,
    ) -> Outcome:
        """Write a photo's results, and return where.

        Raises:
            PhotoError: one cannot be written.
        """
        from deepkoal.image_io import encode_photo, write_photo
        from deepkoal.rendering.mark import draw_mark

        shown = [draw_mark(rgb) for rgb in versions] if self._results.mark else versions
        rgb, *others = shown
        like = self._note_making(photo, look, 0)
        if job.target is None:
            return Outcome(data=encode_photo(rgb, job.suffix, like, quality=self._quality))
        _make_folder(job.target.parent)
        # The photo last: where it is there, all others are too, so a later run may skip them.
        if job.comparison is not None:
            from deepkoal.rendering.contact_sheets import join_before_after

            write_photo(job.comparison, join_before_after(photo.rgb, rgb), quality=self._quality)
        for index, (place, version) in enumerate(zip(job.variations, others, strict=True), 1):
            own = self._note_making(photo, look, index)
            write_photo(place, version, own, quality=self._quality)
        self._write_beside(job, photo, versions[0], doubt)
        write_photo(job.target, rgb, like, quality=self._quality)
        return Outcome(job.places)

    def _write_beside(
        self, job: Job, photo: Photo, colored: Pixels, doubt: NDArray[np.float32] | None
    ) -> None:
        """Write the map of doubt and the layer of color, where they are wanted."""
        import numpy as np

        from deepkoal.image_io import write_photo
        from deepkoal.rendering.color_layer import make_color_layer

        if doubt is not None:
            levels = np.rint(255 * doubt).astype(np.uint8)
            write_photo(job.beside[DOUBT_SUFFIX], np.dstack([levels] * 3))
        if self._results.layer:
            layer, alpha = make_color_layer(photo.rgb, colored)
            write_photo(job.beside[LAYER_SUFFIX], layer, replace(photo, rgb=layer, alpha=alpha))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PhotoError(
            f"{folder}: cannot be made ({error.strerror}); choose another folder"
        ) from error


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
