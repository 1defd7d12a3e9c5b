"""Photos read, colored and written by several threads, in order, in memory that stays bounded."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from deepkoal.cli.arguments.result_options import DOUBT_SUFFIX, LAYER_SUFFIX, ResultOptions
from deepkoal.cli.console import report
from deepkoal.cli.result_files import ResultFiles, Sign, Version, label_page
from deepkoal.cli.work_ahead import PixelBudget, work_ahead
from deepkoal.errors import DeepkoalError, PhotoError
from deepkoal.memory import count_cores

if TYPE_CHECKING:
    from deepkoal.arrays import SampleArray
    from deepkoal.cli.arguments.output_plan import Job
    from deepkoal.guidance import ColorOptions, Reference
    from deepkoal.image_io import Photo
    from deepkoal.image_io.reading import Depth
    from deepkoal.inference.colorizer import Colorizer
    from deepkoal.inference.content_credentials import ContentSigner
    from deepkoal.inference.options_file import SavedOptions
    from deepkoal.inference.prediction import Prediction

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
        is_colored: whether it was colored, rather than left as it is.
    """

    result: list[Path] | bytes | PhotoError
    notes: tuple[str, ...] = ()
    is_colored: bool = True


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
        results: what is written of them, and which photos are left as they are.
        reading: how photos are read.
        restyle: gives each colored photo a style, and calls what it is given now and then.
        quality: of lossy formats, 1…100; None for each photo's own.
        keep_times: whether results have their photos' times of access and change.
        signer: signs the results; None to leave them unsigned.
    """

    def __init__(
        self,
        colorizer: Colorizer,
        look: SavedOptions,
        *,
        reference: Reference | None = None,
        save_options: Path | None = None,
        results: ResultOptions | None = None,
        reading: ReadKeywords | None = None,
        restyle: Callable[[SampleArray, Callable[[], None]], SampleArray] | None = None,
        quality: int | None = None,
        keep_times: bool = False,
        signer: ContentSigner | None = None,
    ) -> None:
        self._colorizer = colorizer
        self._look = look
        self._reference = reference
        self._save_options = save_options
        self._results = results or ResultOptions()
        self._quality = quality
        self._reading: ReadKeywords = reading or {}
        self._restyle = restyle
        self._keep_times = keep_times
        self._signer = signer
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
        from deepkoal.color.tint import is_colored
        from deepkoal.image_io import encode_photo

        source = sys.stdin.buffer.read() if job.source is None else job.source
        photo = self._read(job, source)
        notes = [f"{job.name}: {note}" for note in photo.notes]
        policy = self._results.choose(job.source)
        if policy != "recolor" and is_colored(photo.rgb):
            return self._leave(job, photo, policy)
        sign = self._find_sign(job, source)
        if job.target is None:
            if photo.pages > 1:
                notes.append(f"{job.name}: the first of its {photo.pages} pages; -o a.tif has all")
            with self._reserve(photo):
                rgb, like = self._color_page(job, photo)[0]
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
                    files.add(page, before, self._color_page(job, before, beside))
        return Outcome(files.written, tuple(notes))

    def _leave(self, job: Job, photo: Photo, policy: str) -> Outcome:
        """Leave a photo that is in color as it is, in its place among the results, or out."""
        if policy == "skip" or job.target is None or job.source is None:
            return Outcome([], (f"{job.name}: in color already, left out",), is_colored=False)
        with ResultFiles(job, photo, keep_times=self._keep_times) as files:
            files.keep(photo)
        notes = (f"{job.name}: in color already, kept as it is",)
        return Outcome(files.written, notes, is_colored=False)

    def _color_page(
        self, job: Job, photo: Photo, beside: ResultFiles | None = None
    ) -> list[Version]:
        """Return a page colored, and its variations, each with what it is written with.

        Args:
            job: what is wanted.
            photo: the page.
            beside: takes what is written beside it.
        """
        from deepkoal.rendering.mark import draw_mark

        height, width = photo.rgb.shape[:2]
        try:
            versions = self._color_versions(job, photo, beside)
        except MemoryError as error:
            raise PhotoError(
                f"{job.name}: not enough memory to color {width}×{height} pixels; scale it "
                "down, or close programs"
            ) from error
        self._give_up_if_stopped()
        if self._restyle is not None:
            versions = [self._restyle(rgb, self._give_up_if_stopped) for rgb in versions]
        look = self._place_look(job, height, width)
        return [
            (
                draw_mark(rgb) if self._results.mark else rgb,
                self._note_making(photo, look, index),
            )
            for index, rgb in enumerate(versions)
        ]

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

    def _color_versions(
        self, job: Job, photo: Photo, beside: ResultFiles | None
    ) -> list[SampleArray]:
        """Return the photo colored, and variations that obey every option as it does."""
        from deepkoal.inference.hint_gamut import list_unshowable

        prediction = self._colorizer.predict(photo.rgb)
        options = replace(self._look.fit(*photo.rgb.shape[:2]), reference=self._reference)
        for hint, shown in list_unshowable(prediction, options.hints):
            report(
                f"{hint.kind} at {hint.points[0][0]:g}, {hint.points[0][1]:g}: {hint.color} "
                f"cannot be shown at that lightness; the nearest that can is {shown}"
            )
        choice = self._look.variation
        if choice is None or choice.index:
            variation = None if choice is None else choice.find(prediction)
            versions = [prediction.render(options, variation=variation)]
        else:
            versions = prediction.variations(choice.count, options, seed=choice.seed)
        if beside is not None:
            self._add_beside(beside, job, photo, prediction, options, versions[0])
        return versions

    def _add_beside(
        self,
        beside: ResultFiles,
        job: Job,
        photo: Photo,
        prediction: Prediction,
        options: ColorOptions,
        rgb: SampleArray,
    ) -> None:
        """Add the maps that are wanted beside a photo."""
        if self._results.doubt:
            doubt = prediction.uncertainty(hints=options.hints)
            beside.add_map(job.beside[DOUBT_SUFFIX], doubt)
        if self._results.layer:
            beside.add_layer(job.beside[LAYER_SUFFIX], photo, rgb)

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

    def _place_look(self, job: Job, height: int, width: int) -> SavedOptions:
        """Return the look of one photo, and write it where that is wanted.

        Before the photo: what was colored can be again.
        """
        from deepkoal.inference.options_file import write_options
        from deepkoal.inference.saved_parts import PhotoIdentity, hash_file

        sha256 = "" if job.source is None else hash_file(job.source)
        look = self._look.place(PhotoIdentity(width, height, sha256))
        look = replace(look, network=self._colorizer.identity)
        if self._save_options is not None:
            write_options(self._save_options, look)
        return look

    def _note_making(self, photo: Photo, look: SavedOptions, index: int) -> Photo:
        """Return what a version of that index is written with: its metadata say how it was made."""
        from deepkoal.inference.provenance import add_provenance

        if not self._results.provenance:
            return photo
        if look.variation is not None and index:
            look = replace(look, variation=replace(look.variation, index=index))
        return add_provenance(photo, look)
