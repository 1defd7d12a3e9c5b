"""What a user's hints are worth: PSNR with k true colors given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deepkoal.arrays import FloatArray
from deepkoal.evaluation.metrics import psnr, rgb_to_ab
from deepkoal.evaluation.photos import Bench, EvaluatedPhoto
from deepkoal.evaluation.scorecard import Figure, Line, Unmeasured
from deepkoal.hints import Hint

COUNTS = (0, 1, 2, 5, 10, 20, 50, 100)
PATCH = 6
"""Side in pixels of the patch whose mean color a hint gives."""
PUBLISHED = (24.43, 25.37, 26.20, 27.39, 28.42, 29.34, 30.42, 31.13)
"""PSNR at `COUNTS` of siggraph17 (Zhang et al. 2017) on 1,000 ImageNet photos at 256×256."""


@dataclass(frozen=True)
class HintCurve(Figure):
    """PSNR when true colors are given at random places.

    Attributes:
        vibrance: at which hints were given.
        counts: of hints.
        psnr: dB for each count, mean over photos.
        photos: how many were measured.
    """

    vibrance: float
    counts: tuple[int, ...]
    psnr: tuple[float, ...]
    photos: int

    def lines(self) -> Sequence[Line]:
        """Return a line for each count."""
        return [
            Line(
                f"PSNR({count}), hints at vibrance {self.vibrance:g}", f"{psnr:.2f} dB", self.photos
            )
            for count, psnr in zip(self.counts, self.psnr, strict=True)
        ]


def measure_hints(bench: Bench) -> HintCurve | Unmeasured:
    """Return the PSNR of every photo at every count of `COUNTS`."""
    if not bench.has_outputs("features"):
        return Unmeasured("PSNR(k)", "the network predicts no features to spread hints by")

    def measure(photo: EvaluatedPhoto) -> list[float]:
        hints = place_hints(photo, COUNTS[-1])
        prediction = photo.predict()
        return [
            psnr(
                prediction.render(vibrance=bench.psnr_optimal_vibrance, hints=hints[:count]),
                photo.truth,
            )
            for count in COUNTS
        ]

    photos = bench.photos.photos
    means = np.mean(bench.workers.map(measure, photos, "hints"), axis=0)
    return HintCurve(bench.psnr_optimal_vibrance, COUNTS, tuple(means.tolist()), len(photos))


def place_hints(photo: EvaluatedPhoto, count: int) -> list[Hint]:
    """Return hints of the true colors of random patches, evenly over the photo, at their centers.

    Args:
        photo: its index is the seed. A smaller count gives the first of a larger one's.
        count: of hints.
    """
    height, width = photo.lightness.shape
    generator = np.random.default_rng(photo.index)
    corners = generator.integers(0, (height - PATCH + 1, width - PATCH + 1), (count, 2))
    ab = rgb_to_ab(photo.truth)
    return [_make_hint(ab, left, top) for top, left in corners.tolist()]


def true_hint(photo: EvaluatedPhoto, x: float, y: float) -> Hint:
    """Return a hint of the true color of the patch around a place, or of the nearest inside."""
    height, width = photo.lightness.shape
    left, top = (
        min(max(round(center - PATCH / 2), 0), side - PATCH)
        for center, side in ((x, width), (y, height))
    )
    return _make_hint(rgb_to_ab(photo.truth), left, top)


def _make_hint(ab: FloatArray, left: int, top: int) -> Hint:
    """Return a hint of the mean color of the patch with this corner."""
    a, b = ab[top : top + PATCH, left : left + PATCH].mean(axis=(0, 1)).tolist()
    return Hint(left + PATCH / 2, top + PATCH / 2, (a, b))
