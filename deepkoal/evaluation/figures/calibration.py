"""What a preset knows of its own colors: the gain to real vividness, the PSNR-optimal vibrance."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import minimize_scalar

from deepkoal.arrays import ByteArray
from deepkoal.evaluation.figures.fidelity import MATCHED, find_matched_row
from deepkoal.evaluation.metrics import psnr
from deepkoal.evaluation.photos import Bench, EvaluatedPhoto, PhotoSet, Workers
from deepkoal.evaluation.scorecard import Figure, Line
from deepkoal.guidance import VIBRANCE_RANGE, DecodingConfig
from deepkoal.inference.colorizer import Colorizer

_CLOSE = 0.05  # of log vibrance: PSNR is flat about its highest


@dataclass(frozen=True)
class PsnrOptimalVibrance(Figure):
    """Where PSNR is highest. A preset's is found on other photos than its figures are.

    Attributes:
        vibrance: as users give it.
        psnr: dB there, mean over photos.
        photos: how many were measured.
    """

    vibrance: float
    psnr: float
    photos: int

    def lines(self) -> Sequence[Line]:
        """Return the highest PSNR, and where it is."""
        name = f"PSNR's highest, at vibrance {self.vibrance:.2f}"
        return [Line(name, f"{self.psnr:.2f} dB", self.photos)]


def find_psnr_optimal_vibrance(bench: Bench) -> PsnrOptimalVibrance:
    """Return the vibrance of highest PSNR over every photo."""
    photos = bench.photos.photos

    def read(vibrance: float) -> float:
        def score(photo: EvaluatedPhoto) -> float:
            return psnr(photo.predict().render(vibrance=vibrance), photo.truth)

        scores = bench.workers.map(score, photos, f"vibrance {vibrance:.2f}")
        return float(np.mean(scores))

    vibrance, best = maximize(read)
    return PsnrOptimalVibrance(vibrance, best, len(photos))


def maximize(read: Callable[[float], float]) -> tuple[float, float]:
    """Return where a figure with one peak is highest, by Brent's method: vibrance and figure."""
    low, high = map(math.log, VIBRANCE_RANGE)
    found = minimize_scalar(
        lambda logarithm: -read(math.exp(logarithm)),
        bounds=(low, high),
        method="bounded",
        options={"xatol": _CLOSE},
    )
    return math.exp(found.x), -float(found.fun)


def calibrate(
    colorizer: Colorizer, photos: Sequence[ByteArray], *, progress: bool = False
) -> DecodingConfig:
    """Return a network's decoding with its gain and its PSNR-optimal vibrance measured.

    Args:
        colorizer: the network, with a decoding to begin with.
        photos: color photos that it was not trained on, uint8 (H, W, 3) sRGB, at least one.
        progress: draw bars on stderr.

    Returns:
        The decoding, with the gain at which the photos come out as colorful as they are, on
        average, at vibrance 1, and the vibrance of highest PSNR; all else as it was.
    """
    with _bench_of(colorizer, photos, progress) as bench:
        matched = find_matched_row(bench).vibrance or 1.0
        psnr_optimal = find_psnr_optimal_vibrance(bench).vibrance / matched
    low, high = VIBRANCE_RANGE
    return dataclasses.replace(
        colorizer.decoding,
        gain=colorizer.decoding.gain * matched,
        psnr_optimal_vibrance=min(max(psnr_optimal, low), high),
    )


def measure_psnr_at_cf(
    colorizer: Colorizer, photos: Sequence[ByteArray], *, progress: bool = False
) -> float | None:
    """Return PSNR@CF over photos in memory, at their own size.

    Args:
        colorizer: the network and its decoding.
        photos: color photos that it was not trained on, uint8 (H, W, 3) sRGB, at least one.
        progress: draw bars on stderr.

    Returns:
        PSNR in dB where the photos come out as colorful as they are, as `Fidelity.psnr_at_cf`;
        None if no vibrance brings them there.
    """
    with _bench_of(colorizer, photos, progress) as bench:
        row = find_matched_row(bench)
    return row.psnr if row.delta_cf <= MATCHED else None


@contextlib.contextmanager
def _bench_of(colorizer: Colorizer, photos: Sequence[ByteArray], progress: bool) -> Iterator[Bench]:
    evaluated = [
        EvaluatedPhoto.from_prediction(Path(str(index)), index, photo, colorizer.predict(photo))
        for index, photo in enumerate(photos)
    ]
    with Workers(progress=progress) as workers:
        yield Bench(colorizer, PhotoSet(evaluated), workers)
