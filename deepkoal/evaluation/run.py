"""Measures a network by the evaluation protocol."""

from __future__ import annotations

import math
import os
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from deepkoal.colorizer import ByteArray, Colorizer, PreparedPhoto
from deepkoal.config import DeepkoalError, PhotoError
from deepkoal.evaluation.scorecard import Row, Scorecard
from deepkoal.guidance import VIBRANCE_RANGE
from deepkoal.images import list_photos, read_photo
from deepkoal.metrics import center_square, ciede2000, colorfulness, is_near_grey, psnr, ssim
from deepkoal.postprocess import compose_rgb

T = TypeVar("T")

SIZE = 256
"""Side in pixels of the square that every photo is measured as."""
MEAN_TRAINING_AB = (1.82, 5.72)
"""Mean color of the 25,056 photos that koala-lite was trained on, in CIE Lab units: over the
pixels of each photo's center square at 64×64, then over photos. Standard error 0.05 and 0.08."""

_CLOSE = 0.1  # ΔCF at which the search stops: closer than asked, so that its PSNR repeats
_READINGS = 16
_TIMED = 16
_MEASURED = ("colored", "grey photo", "mean training color", "true photo")


@dataclass(frozen=True)
class _Seen:
    """A photo that the network has seen: the truth, the default output, and the way to others.

    The outputs that chroma is read from are kept in half precision, as all photos are held.
    """

    truth: ByteArray
    colored: ByteArray
    l: NDArray[np.float32]
    outputs: dict[str, NDArray[np.float16]]
    temperature: float

    @classmethod
    def from_prepared(cls, truth: ByteArray, prepared: PreparedPhoto) -> _Seen:
        outputs = {name: x for name, x in prepared.outputs.items() if name != "features"}
        if "logits" in outputs:  # a softmax is the same, and half precision is finest about zero
            outputs["logits"] = outputs["logits"] - outputs["logits"].max(axis=-1, keepdims=True)
        half = {name: x.astype(np.float16) for name, x in outputs.items()}
        return cls(truth, prepared.render(), prepared.l, half, prepared.temperature)

    def measure(self) -> list[tuple[float, float, float, float]]:
        """Return PSNR, CF, ΔE and SSIM of each of `_MEASURED`."""
        truth = self.truth
        no_ab = np.zeros((*self.l.shape, 2), np.float32)
        # One channel for all three, for they are rounded each on its own.
        grey = compose_rgb(self.l, no_ab)[..., 1:2].repeat(3, axis=-1)
        mean_color = compose_rgb(self.l, no_ab + np.array(MEAN_TRAINING_AB, np.float32))
        return [
            (psnr(rgb, truth), colorfulness(rgb), ciede2000(rgb, truth), ssim(rgb, truth))
            for rgb in (self.colored, grey, mean_color, truth)
        ]

    def measure_at(self, vibrance: float) -> tuple[float, float]:
        """Return PSNR and CF."""
        outputs = {name: x.astype(np.float32) for name, x in self.outputs.items()}
        rgb = PreparedPhoto(self.l, outputs, self.temperature).render(vibrance)
        return psnr(rgb, self.truth), colorfulness(rgb)


def evaluate(
    colorizer: Colorizer,
    photos: str | os.PathLike[str],
    *,
    limit: int | None = None,
    progress: bool = False,
) -> Scorecard:
    """Measure a colorizer on color photos by the evaluation protocol.

    Each photo's short side is resized to 256 and its center cropped to 256×256; photos that are
    near grey are left out and counted, files that cannot be read are left out and listed. The
    network sees each photo once, and some again to be timed. About 1 MB a photo is held in memory
    at a working size of 128.

    Args:
        colorizer: what to measure.
        photos: a folder of color photos, at any depth.
        limit: measure at most so many files, spread evenly over the sorted folder.
        progress: draw bars on stderr.

    Raises:
        PhotoError: the folder cannot be listed.
        DeepkoalError: it holds no photo to measure, or the limit is below 1.
    """
    if limit is not None and limit < 1:
        raise DeepkoalError(f"limit must be at least 1 photo, not {limit}")
    paths = list_photos(photos)
    count = min(len(paths), limit or len(paths))
    chosen = [paths[index * len(paths) // count] for index in range(count)]
    seen: list[_Seen] = []
    near_grey, unreadable = 0, []
    with ThreadPoolExecutor(os.cpu_count()) as pool:

        def watch(results: Iterable[T], doing: str, total: int) -> Iterator[T]:
            bar = tqdm(results, doing, total, leave=False, unit=" photos", disable=not progress)
            yield from bar

        for truth in watch(pool.map(_read_truth, chosen), "coloring", count):
            if isinstance(truth, PhotoError):
                unreadable.append(str(truth))
            elif truth is None:
                near_grey += 1
            else:
                seen.append(_Seen.from_prepared(truth, colorizer.open(truth)))
        if not seen:
            raise DeepkoalError(
                f"{os.fspath(photos)}: no photo to measure among {count} ({near_grey} near grey, "
                f"{len(unreadable)} unreadable); give a folder of color photos"
            )
        seconds = _time_photos(colorizer, [each.truth for each in seen[:_TIMED]])
        measured = watch(pool.map(_Seen.measure, seen), "measuring", len(seen))
        means = np.mean(list(measured), axis=0)
        true_cf = float(means[-1][1])

        def read(vibrance: float) -> Row:
            passes = pool.map(lambda each: each.measure_at(vibrance), seen)
            pairs = list(watch(passes, f"vibrance {vibrance:.2f}", len(seen)))
            return _row("colored, CF matched", vibrance, np.mean(pairs, axis=0), true_cf)

        matched = match_colorfulness(read, true_cf)
    colored, *references = (
        _row(name, 1.0 if name == "colored" else None, figures, true_cf)
        for name, figures in zip(_MEASURED, means, strict=True)
    )
    return Scorecard(
        network=colorizer.network.name,
        working_size=colorizer.working_size,
        temperature=colorizer.temperature,
        parameters=colorizer.network.count_params(),
        seconds_per_photo=seconds,
        size=SIZE,
        photos=len(seen),
        near_grey=near_grey,
        unreadable=tuple(unreadable),
        colored=colored,
        matched=matched,
        references=tuple(references),
    )


def match_colorfulness(read: Callable[[float], Row], true_cf: float) -> Row:
    """Search the vibrance at which a set is as colorful as the truth.

    Colorfulness grows with vibrance, so vibrance is bisected (by ratio), from 1 towards the end
    of its range where the truth must lie.

    Args:
        read: measures the set at a vibrance.
        true_cf: colorfulness of the true photos.

    Returns:
        The row that came nearest: its ΔCF is above 0.5 only where no vibrance reaches the truth.
    """
    neutral = read(1.0)
    low, high = (1.0, VIBRANCE_RANGE[1]) if neutral.cf < true_cf else (VIBRANCE_RANGE[0], 1.0)
    end = read(high if neutral.cf < true_cf else low)
    rows = [neutral, end]
    reachable = (neutral.cf < true_cf) != (end.cf < true_cf)
    while reachable and len(rows) < _READINGS and min(row.delta_cf for row in rows) > _CLOSE:
        middle = math.sqrt(low * high)
        rows.append(read(middle))
        low, high = (middle, high) if rows[-1].cf < true_cf else (low, middle)
    return min(rows, key=lambda row: row.delta_cf)


def _read_truth(path: Path) -> ByteArray | PhotoError | None:
    """Return the photo as it is measured, why it cannot be read, or None if it is near grey."""
    try:
        truth = center_square(read_photo(path).rgb, SIZE)
    except PhotoError as error:
        return error
    return None if is_near_grey(truth) else truth


def _time_photos(colorizer: Colorizer, photos: Sequence[ByteArray]) -> float:
    """Return the median of seconds from a photo to its colored copy, nothing else running."""
    seconds = []
    for photo in photos:
        start = time.perf_counter()
        colorizer.open(photo).render()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def _row(name: str, vibrance: float | None, means: NDArray[np.float64], true_cf: float) -> Row:
    psnr_mean, cf, *others = map(float, means)
    return Row(name, vibrance, psnr_mean, cf, abs(cf - true_cf), *others)
