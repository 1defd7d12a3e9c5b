"""The photos of an evaluation: true colors, and what the network made of their lightness."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from deepkoal.arrays import ByteArray, FloatArray
from deepkoal.errors import DeepkoalError, PhotoError, printable
from deepkoal.evaluation.metrics import center_square, is_near_grey
from deepkoal.image_io import list_photos, read_photo
from deepkoal.image_io.photo import explain_unlisted
from deepkoal.inference.colorizer import Colorizer
from deepkoal.inference.prediction import Prediction
from deepkoal.memory import count_cores
from deepkoal.progress_bars import count_photos
from deepkoal.short_repr import short_repr

S = TypeVar("S")
T = TypeVar("T")

SIZE = 256
"""Side in pixels of the square that every photo is measured as."""
BATCH = 16
"""Photos that are colored together, so that the memory they take stays bounded."""


class Workers:
    """A thread for each core. NumPy and OpenCV release the interpreter's lock.

    Args:
        progress: draw a bar on stderr for each piece of work, if it is a terminal.
    """

    def __init__(self, *, progress: bool = False) -> None:
        self._progress = progress
        self._pool = ThreadPoolExecutor(count_cores())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def iterate(self, work: Callable[[S], T], items: Sequence[S], doing: str) -> Iterator[T]:
        """Yield the result for each item, in order, as soon as it is there."""
        return self.watch(self._pool.map(work, items), len(items), doing)

    def map(self, work: Callable[[S], T], items: Sequence[S], doing: str) -> list[T]:
        """Return the result for each item, in order."""
        return list(self.iterate(work, items, doing))

    def watch(self, results: Iterable[T], total: int, doing: str) -> Iterator[T]:
        """Yield what comes, with a bar, where stderr is a terminal."""
        yield from count_photos(results, total, doing, wanted=self._progress, leave=False)


@short_repr
@dataclass(frozen=True, eq=False)
class EvaluatedPhoto:
    """A photo whose true colors are known, and what the network made of its lightness.

    Attributes:
        path: of the file.
        index: of the file in the sorted folder; the seed of everything drawn for this photo.
        truth: uint8 (256, 256, 3) sRGB.
        colored: the output at vibrance 1, likewise.
        outputs: of the network, in half precision, as all photos are held.
        prediction: the network's, but for its outputs.
    """

    path: Path
    index: int
    truth: ByteArray
    colored: ByteArray
    outputs: Mapping[str, NDArray[np.float16]]
    prediction: Prediction

    @classmethod
    def from_prediction(
        cls, path: Path, index: int, truth: ByteArray, prediction: Prediction
    ) -> EvaluatedPhoto:
        """Return a photo that takes half the memory: with its outputs in half precision."""
        outputs = dict(prediction.outputs)
        if "logits" in outputs:  # a softmax is the same, and half precision is finest about zero
            outputs["logits"] = outputs["logits"] - outputs["logits"].max(axis=-1, keepdims=True)
        half = {name: x.astype(np.float16) for name, x in outputs.items()}
        bare = dataclasses.replace(prediction, outputs={})
        return cls(path, index, truth, prediction.render(), half, bare)

    @property
    def lightness(self) -> FloatArray:
        """The photo's lightness, float32 (256, 256) in 0…100."""
        return np.asarray(self.prediction.l)

    def predict(self) -> Prediction:
        """Return what the network predicted, in single precision, without another pass."""
        outputs = {name: x.astype(np.float32) for name, x in self.outputs.items()}
        return dataclasses.replace(self.prediction, outputs=outputs)


@short_repr
@dataclass(frozen=True, eq=False)
class PhotoSet:
    """The photos of a folder that can be measured.

    Attributes:
        photos: in order of their names.
        near_grey: how many were left out for having no colors to measure by.
        unreadable: for each file that could not be read, its name and why, in printable characters.
        failed: for each file at which something unexpected happened, likewise.
    """

    photos: Sequence[EvaluatedPhoto] = ()
    near_grey: int = 0
    unreadable: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()

    def spread(self, count: int) -> list[EvaluatedPhoto]:
        """Return at most so many photos, spread evenly over all: for what takes long."""
        return [self.photos[index] for index in _spread(len(self.photos), count)]


@dataclass(frozen=True, eq=False)
class Bench:
    """What every figure is measured with.

    Attributes:
        colorizer: what is measured.
        photos: that it has colored.
        workers: to share the work among.
    """

    colorizer: Colorizer
    photos: PhotoSet
    workers: Workers
    _found: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)

    @property
    def psnr_optimal_vibrance(self) -> float:
        """The vibrance at which hints are given, see `DecodingConfig`."""
        return self.colorizer.decoding.psnr_optimal_vibrance

    def has_outputs(self, *names: str) -> bool:
        """Return whether the network has such outputs."""
        return all(name in self.photos.photos[0].outputs for name in names)

    def measure(self, find: Callable[[Bench], T]) -> T:
        """Return what a function finds on this bench; it is called once, however many ask."""
        if find not in self._found:
            self._found[find] = find(self)
        found: T = self._found[find]
        return found

    def color_anew(self, photos: Sequence[ByteArray], doing: str) -> list[ByteArray]:
        """Return other photos colored, at vibrance 1."""

        def color() -> Iterator[ByteArray]:
            for start in range(0, len(photos), BATCH):
                yield from self.colorizer.colorize_batch(photos[start : start + BATCH])

        return list(self.workers.watch(color(), len(photos), doing))


def load_photos(
    colorizer: Colorizer,
    folder: str | os.PathLike[str],
    workers: Workers,
    *,
    limit: int | None = None,
) -> PhotoSet:
    """Return the photos of a folder as the network colors them, each once, as the protocol has it.

    Each photo's short side is resized to 256 and its center cropped to 256×256; photos that are
    near grey are left out and counted. Files that cannot be read, and those at which anything else
    fails, are left out and listed: one photo ends no evaluation. About 1.2 MB a photo is held in
    memory at a working size of 128.

    Args:
        colorizer: the network.
        folder: of color photos, at any depth.
        workers: to share the reading among.
        limit: take at most so many files, spread evenly over the sorted folder.

    Raises:
        PhotoError: the folder cannot be listed.
        DeepkoalError: it holds no photo to measure, or the limit is below 1.
    """
    if limit is not None and limit < 1:
        raise DeepkoalError(f"limit must be at least 1 photo, not {limit}")
    unlisted: list[Path] = []
    paths = list_photos(folder, unlisted=unlisted)
    indices = _spread(len(paths), limit or len(paths))
    chosen = [paths[index] for index in indices]
    evaluated: list[EvaluatedPhoto] = []
    near_grey = 0
    unreadable = [printable(str(explain_unlisted(path))) for path in unlisted]
    failed: list[str] = []
    truths = workers.iterate(_read_truth, chosen, "coloring")
    for path, index, truth in zip(chosen, indices, truths, strict=True):
        try:
            if isinstance(truth, Exception):
                raise truth
            if truth is None:
                near_grey += 1
            else:
                prediction = colorizer.predict(truth)
                evaluated.append(EvaluatedPhoto.from_prediction(path, index, truth, prediction))
        except PhotoError as error:
            unreadable.append(printable(str(error)))
        except Exception as error:  # whatever it is, the other photos can be measured
            failed.append(printable(f"{path}: {type(error).__name__}: {error}"))
    if not evaluated:
        counts = f"{near_grey} near grey, {len(unreadable)} unreadable"
        counts += f", as {unreadable[0]}" if unreadable else ""
        raise DeepkoalError(
            f"{printable(os.fspath(folder))}: no photo to measure among {len(chosen)} "
            f"({counts}{f', {len(failed)} failed, as {failed[0]}' if failed else ''}); give a "
            "folder of color photos"
        )
    return PhotoSet(evaluated, near_grey, tuple(unreadable), tuple(failed))


def _spread(total: int, count: int) -> list[int]:
    count = min(total, count)
    return [index * total // count for index in range(count)]


def _read_truth(path: Path) -> ByteArray | Exception | None:
    """Return the photo as it is measured, why it cannot be, or None if it is near grey."""
    try:
        truth = center_square(read_photo(path).rgb, SIZE)
        return None if is_near_grey(truth) else truth
    except Exception as error:  # of this photo alone, see `load_photos`
        return error
