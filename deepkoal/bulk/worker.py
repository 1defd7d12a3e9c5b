"""One worker of a cluster: it fetches files, colors them, and puts the results in their places."""

from __future__ import annotations

import pickle
import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol

from deepkoal.atomic_files import temporary_folder
from deepkoal.bulk.items import BulkItem, BulkOutcome, explain_shared
from deepkoal.bulk.storage import Storage
from deepkoal.errors import DeepkoalError, PhotoError
from deepkoal.image_io.formats.kinds import START_BYTES, UnknownKindError, is_photo_name, sniff_kind
from deepkoal.memory import limit_cores

if TYPE_CHECKING:
    import pyarrow

THREADS = 2
"""Of a worker, which has one core: one waits for a file while the other colors."""


class Job(Protocol):
    """One file to color, and the files that it leaves, its own first."""

    @property
    def places(self) -> list[Path]:
        """The files, whether they are there or not."""


class Colored(Protocol):
    """What became of a file: the paths it left, or why not."""

    @property
    def result(self) -> list[Path] | bytes | PhotoError:
        """The files that were written, or why the file could not be colored."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader should know, a line each."""

    @property
    def is_colored(self) -> bool:
        """Whether it was colored, rather than left as it is."""

    @property
    def is_whole(self) -> bool:
        """Whether the result has all that the file had."""


class Colorer(Protocol):
    """Colors files on a disk; it is pickled and sent to each worker."""

    def plan(self, source: Path, folder: Path, label: str, *, is_alone: bool) -> Job:
        """Return the job of coloring a file into a folder; `label` is what messages call it."""

    def color(self, job: Any) -> Colored:
        """Do a job; several threads call it."""


@dataclass(frozen=True)
class Errand:
    """What every worker of a run is given.

    Attributes:
        sources: folders of photos.
        target: the results' folder.
        colorer: a `Colorer`, pickled: it is opened once the worker knows how many cores it has.
        since: in nanoseconds since 1970; results that are newer are this run's.
    """

    sources: Sequence[Storage]
    target: Storage
    colorer: bytes
    since: int


class BulkWorker:
    """Colors items; Ray Data makes one for each core and gives it one block after another.

    Args:
        errand: of the run.
    """

    def __init__(self, errand: Errand) -> None:
        use_one_core()
        self._errand = errand
        self._colorer: Colorer = pickle.loads(errand.colorer)
        self._pool = ThreadPoolExecutor(THREADS)

    def __call__(self, block: pyarrow.Table) -> Iterator[pyarrow.Table]:
        """Color a block of pickled items, and yield their pickled outcomes."""
        items: list[BulkItem] = [pickle.loads(item) for item in block["item"].to_pylist()]
        yield pack(list(self.color_block(items)))

    def color_block(self, items: Sequence[BulkItem]) -> Iterator[BulkOutcome]:
        """Color items and yield what became of each, in order.

        Where this run's result of the first is there already, a worker that is no more has begun
        the block: what it had done is not done again.
        """
        first, *others = items
        outcome, is_again = self._color(first, is_again=True)
        yield outcome
        for outcome, _ in self._pool.map(partial(self._color, is_again=is_again), others):
            yield outcome

    def _color(self, item: BulkItem, *, is_again: bool) -> tuple[BulkOutcome, bool]:
        """Return what became of an item, and whether it was done already.

        Args:
            item: to color.
            is_again: whether to look for a result that this run has written.
        """
        source = self._errand.sources[item.source]
        name = source.name(item.path)
        try:
            self._check_folder(source)
            if not (item.is_photo or item.is_film):
                sniff_kind(source.read_start(item.path, START_BYTES), name)
            return self._color_file(item, source, name, is_again=is_again)
        except UnknownKindError as error:
            if error.is_picture:
                return BulkOutcome(item.number, error=str(error)), False
            note = f"{name}: passed over, {error.what}"
            return BulkOutcome(item.number, notes=(note,), state="passed over"), False
        except DeepkoalError as error:
            return BulkOutcome(item.number, error=str(error)), False
        except Exception as error:  # whatever it is, it must not cost other photos theirs
            cause = " ".join(str(error).split())
            text = f"{name}: cannot be colored ({type(error).__name__}: {cause})"
            return BulkOutcome(item.number, error=text), False

    def _check_folder(self, source: Storage) -> None:
        for storage in (source, self._errand.target):
            if storage.folder is not None and not storage.folder.is_dir():
                raise PhotoError(
                    f"{storage}: there is no such folder on the node {socket.gethostname()}; all "
                    "nodes need it under the same path, or use an object store"
                )

    def _color_file(
        self, item: BulkItem, source: Storage, name: str, *, is_again: bool
    ) -> tuple[BulkOutcome, bool]:
        target = self._errand.target
        with temporary_folder() as scratch:
            photo, folder = self._place(item, source, scratch)
            is_fetched = source.folder is not None
            if not is_fetched and not (item.is_photo or item.is_film):
                source.fetch(item.path, photo)  # for its content decides its result's name
                is_fetched = True
            job = self._colorer.plan(photo, folder, name, is_alone=item.is_alone)
            names = [_join(item.folder, place.name) for place in job.places]
            self._check_rivals(item, names, scratch / "rivals")
            shown = tuple(map(target.name, names))
            if is_again and self._is_done(names, self._errand.since):
                return BulkOutcome(item.number, shown), True
            if item.if_newer is not None and self._is_done(names, item.if_newer):
                return BulkOutcome(item.number, shown, state="done"), False
            if not is_fetched:
                source.fetch(item.path, photo)
            colored = self._colorer.color(job)
            if isinstance(colored.result, PhotoError):
                error = str(colored.result)
                return BulkOutcome(item.number, notes=colored.notes, error=error), False
            assert not isinstance(colored.result, bytes)
            written = [_join(item.folder, path.name) for path in colored.result]
            if target.folder is None:
                # The file that a run goes by comes last.
                for path, place in reversed(list(zip(colored.result, written, strict=True))):
                    target.put(path, place)
        return BulkOutcome(
            item.number,
            tuple(map(target.name, written)),
            colored.notes,
            state="colored" if colored.is_colored else "left",
            is_whole=colored.is_whole,
        ), False

    def _check_rivals(self, item: BulkItem, names: Sequence[str], scratch: Path) -> None:
        """Refuse a photo whose results another photo leaves, now that their names are known."""
        source, target = self._errand.sources[item.source], self._errand.target
        photos = [path for path in item.rivals if is_photo_name(PurePosixPath(path))]
        for path in item.rivals:
            place = scratch / PurePosixPath(path).name
            if path not in photos:
                start = source.read_start(path, START_BYTES)
                try:
                    sniff_kind(start, path)
                except UnknownKindError:
                    continue
                scratch.mkdir(exist_ok=True)
                place.write_bytes(start)  # which tells what its result is called
            job = self._colorer.plan(place, scratch, path, is_alone=photos in ([], [path]))
            for other in job.places:
                if (result := _join(item.folder, other.name)) in names:
                    problem = explain_shared(target.name(result), source.name(path))
                    raise PhotoError(f"{source.name(item.path)}: {problem}")

    def _place(self, item: BulkItem, source: Storage, scratch: Path) -> tuple[Path, Path]:
        """Return where the file is or is to be put, and the folder of its results."""
        target = self._errand.target
        path = PurePosixPath(item.path)
        photo = scratch / "in" / path.name if source.folder is None else source.folder / path
        folder = scratch / "out" if target.folder is None else target.folder / item.folder
        return photo, folder

    def _is_done(self, names: Sequence[str], since: int) -> bool:
        since -= since % 1_000_000_000  # as object stores date an object that is asked for by name
        changes = [self._errand.target.find_change(name) for name in names]
        return all(change is not None and change >= since for change in changes)


def pack(rows: Sequence[Any]) -> pyarrow.Table:
    """Return a block of pickled objects: a name on an old disk may be no text to Arrow."""
    import pyarrow

    return pyarrow.table({"item": pyarrow.array(map(pickle.dumps, rows), pyarrow.binary())})


def _join(folder: str, name: str) -> str:
    return str(PurePosixPath(folder) / name)


def use_one_core() -> None:
    """Keep this process, LiteRT and OpenCV included, to the one core that a worker has."""
    import cv2

    limit_cores(1)
    cv2.setNumThreads(1)
