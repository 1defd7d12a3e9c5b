"""The photos of an evaluation: true colors, and what the network made of their lightness."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepkoal.errors import DeepkoalError, PhotoError
from deepkoal.evaluation.metrics import center_square, is_near_grey
from deepkoal.evaluation.workers import Workers
from deepkoal.image_io import list_photos, read_photo
from deepkoal.inference.colorizer import ByteArray, Colorizer
from deepkoal.inference.prediction import Prediction

SIZE = 256
"""Side in pixels of the square that every photo is measured as."""
BATCH = 16
"""Photos that are colored together, so that the memory they take stays bounded."""


@dataclass(frozen=True, eq=False)
class SeenPhoto:
    """A photo that the network has seen.

    Attributes:
        path: of the file.
        index: of the file in the sorted folder; the seed of everything drawn for this photo.
        truth: uint8 (256, 256, 3) sRGB.
        colored: the output at vibrance 1, likewise.
        outputs: of the network, in half precision, as all photos are held.
        unread: the prepared photo, but for its outputs.
    """

    path: Path
    index: int
    truth: ByteArray
    colored: ByteArray
    outputs: Mapping[str, NDArray[np.float16]]
    unread: Prediction

    @classmethod
    def from_prepared(
        cls, path: Path, index: int, truth: ByteArray, prediction: Prediction
    ) -> SeenPhoto:
        """Keep a photo that was just prepared."""
        outputs = dict(prediction.outputs)
        if "logits" in outputs:  # a softmax is the same, and half precision is finest about zero
            outputs["logits"] = outputs["logits"] - outputs["logits"].max(axis=-1, keepdims=True)
        half = {name: x.astype(np.float16) for name, x in outputs.items()}
        unread = dataclasses.replace(prediction, outputs={})
        return cls(path, index, truth, prediction.render(), half, unread)

    @property
    def lightness(self) -> NDArray[np.float32]:
        """The photo's lightness, float32 (256, 256) in 0…100."""
        return self.unread.l

    def prepare(self) -> Prediction:
        """Return the photo ready for another reading, without another pass of the network."""
        outputs = {name: x.astype(np.float32) for name, x in self.outputs.items()}
        return dataclasses.replace(self.unread, outputs=outputs)


@dataclass(frozen=True, eq=False)
class PhotoSet:
    """The photos of a folder that can be measured.

    Attributes:
        photos: at least one, in order of their names.
        near_grey: how many were left out for having no colors to measure by.
        unreadable: for each file that could not be read, why.
    """

    photos: Sequence[SeenPhoto]
    near_grey: int
    unreadable: tuple[str, ...]

    def spread(self, count: int) -> list[SeenPhoto]:
        """Return at most so many photos, spread evenly over all: for what takes long."""
        return [self.photos[index] for index in _spread(len(self.photos), count)]


@dataclass(frozen=True, eq=False)
class Bench:
    """What every figure is measured with.

    Attributes:
        colorizer: what is measured.
        photos: that it has seen.
        workers: to share the work among.
    """

    colorizer: Colorizer
    photos: PhotoSet
    workers: Workers

    @property
    def psnr_optimal_vibrance(self) -> float:
        """The vibrance at which hints are given, see `DecodingConfig`."""
        return self.colorizer.decoding.psnr_optimal_vibrance

    def tells(self, *outputs: str) -> bool:
        """Return whether the network has such outputs."""
        return all(output in self.photos.photos[0].outputs for output in outputs)

    def color_anew(self, photos: Sequence[ByteArray], doing: str) -> list[ByteArray]:
        """Show other photos to the network and return them colored, at vibrance 1."""

        def color() -> Iterator[ByteArray]:
            for start in range(0, len(photos), BATCH):
                yield from self.colorizer.colorize_batch(photos[start : start + BATCH])

        return list(self.workers.watch(color(), len(photos), doing))


def see_photos(
    colorizer: Colorizer,
    folder: str | os.PathLike[str],
    workers: Workers,
    *,
    limit: int | None = None,
) -> PhotoSet:
    """Show the photos of a folder to the network, each once, as the protocol has it.

    Each photo's short side is resized to 256 and its center cropped to 256×256; photos that are
    near grey are left out and counted, files that cannot be read are left out and listed. About
    1.2 MB a photo is held in memory at a working size of 128.

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
    paths = list_photos(folder)
    indices = _spread(len(paths), limit or len(paths))
    chosen = [paths[index] for index in indices]
    seen: list[SeenPhoto] = []
    near_grey, unreadable = 0, []
    truths = workers.iterate(_read_truth, chosen, "coloring")
    for path, index, truth in zip(chosen, indices, truths, strict=True):
        if isinstance(truth, PhotoError):
            unreadable.append(str(truth))
        elif truth is None:
            near_grey += 1
        else:
            seen.append(SeenPhoto.from_prepared(path, index, truth, colorizer.predict(truth)))
    if not seen:
        raise DeepkoalError(
            f"{os.fspath(folder)}: no photo to measure among {len(chosen)} ({near_grey} near "
            f"grey, {len(unreadable)} unreadable); give a folder of color photos"
        )
    return PhotoSet(seen, near_grey, tuple(unreadable))


def _spread(total: int, count: int) -> list[int]:
    count = min(total, count)
    return [index * total // count for index in range(count)]


def _read_truth(path: Path) -> ByteArray | PhotoError | None:
    """Return the photo as it is measured, why it cannot be read, or None if it is near grey."""
    try:
        truth = center_square(read_photo(path).rgb, SIZE)
    except PhotoError as error:
        return error
    return None if is_near_grey(truth) else truth
