"""The vibrance that comes nearest to the true colors: what a preset's reading is to know."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from deepkoal.evaluation.metrics import psnr
from deepkoal.evaluation.photos import Bench, SeenPhoto
from deepkoal.evaluation.table import Line
from deepkoal.guidance import VIBRANCE_RANGE

_CLOSE = 0.05  # of log vibrance: PSNR is flat about its highest


@dataclass(frozen=True)
class PsnrOptimalVibrance:
    """Where PSNR is highest. For a preset, it is to be found on photos it is not judged by.

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
    """Search the vibrance of highest PSNR over every photo."""
    photos = bench.photos.photos

    def read(vibrance: float) -> float:
        def score(photo: SeenPhoto) -> float:
            return psnr(photo.prepare().render(vibrance=vibrance), photo.truth)

        scores = bench.workers.map(score, photos, f"vibrance {vibrance:.2f}")
        return float(np.mean(scores))

    vibrance, best = maximize(read)
    return PsnrOptimalVibrance(vibrance, best, len(photos))


def maximize(read: Callable[[float], float]) -> tuple[float, float]:
    """Search the vibrance at which a figure with one peak is highest, by Brent's method.

    Returns:
        The vibrance and the figure there.
    """
    low, high = map(math.log, VIBRANCE_RANGE)
    found = minimize_scalar(
        lambda logarithm: -read(math.exp(logarithm)),
        bounds=(low, high),
        method="bounded",
        options={"xatol": _CLOSE},
    )
    return math.exp(found.x), -float(found.fun)
