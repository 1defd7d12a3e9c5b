"""Whether a network is uncertain where it errs, and whether hints help most there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.stats import spearmanr

from deepkoal.arrays import FloatArray
from deepkoal.evaluation.figures.hints import place_hints, true_hint
from deepkoal.evaluation.metrics import ab_error, psnr, rgb_to_ab
from deepkoal.evaluation.photos import Bench, EvaluatedPhoto
from deepkoal.evaluation.scorecard import Figure, Line, Unmeasured, format_figure

GRID = 32
"""Side of the grid of means on which uncertainty and error are compared."""
HINTS = 5


@dataclass(frozen=True)
class UncertaintyFigures(Figure):
    """What the map of uncertainty is worth.

    Attributes:
        correlation: Spearman's, between uncertainty and true ab error at vibrance 1, both as means
            over a 32×32 grid; per photo, then mean over photos.
        suggested: PSNR in dB with 5 true colors given where the network asks for them.
        random: the same with 5 at random places, those of PSNR(5).
        vibrance: at which these hints were given.
        photos: how many were measured.
    """

    correlation: float
    suggested: float
    random: float
    vibrance: float
    photos: int

    def lines(self) -> Sequence[Line]:
        """Return the correlation, and what suggestions are worth."""
        gain = f"{self.suggested - self.random:+.2f} dB"
        return [
            Line(
                "uncertainty and ab error, Spearman",
                format_figure(self.correlation, 3),
                self.photos,
            ),
            Line(f"PSNR({HINTS}), suggested places", f"{self.suggested:.2f} dB", self.photos),
            Line("  over random places", gain, self.photos),
        ]


def measure_uncertainty(bench: Bench) -> UncertaintyFigures | Unmeasured:
    """Return what the uncertainty of every photo is worth."""
    if not bench.has_outputs("logits", "features"):
        return Unmeasured("uncertainty", "the network predicts no distribution of colors")

    def measure(photo: EvaluatedPhoto) -> tuple[float, float, float]:
        prediction = photo.predict()
        suggested = [true_hint(photo, x, y) for x, y in prediction.suggest_hints(HINTS)]
        scores = [
            psnr(prediction.render(vibrance=bench.psnr_optimal_vibrance, hints=hints), photo.truth)
            for hints in (suggested, place_hints(photo, HINTS))
        ]
        return correlate(prediction.uncertainty(), map_error(photo)), scores[0], scores[1]

    photos = bench.photos.photos
    figures = np.array(bench.workers.map(measure, photos, "uncertainty"))
    correlations = figures[:, 0]
    known = correlations[np.isfinite(correlations)]
    return UncertaintyFigures(
        correlation=float(known.mean()) if known.size else float("nan"),
        suggested=float(figures[:, 1].mean()),
        random=float(figures[:, 2].mean()),
        vibrance=bench.psnr_optimal_vibrance,
        photos=len(photos),
    )


def map_error(photo: EvaluatedPhoto) -> FloatArray:
    """Return the true ab error of the output at vibrance 1, float32 (256, 256)."""
    return ab_error(rgb_to_ab(photo.colored), rgb_to_ab(photo.truth))


def correlate(uncertainty: FloatArray, error: FloatArray) -> float:
    """Return Spearman's rank correlation of two maps, as means over a 32×32 grid.

    Args:
        uncertainty: float32 (H, W), both sides multiples of 32.
        error: float32 (H, W).

    Returns:
        -1…1; NaN where either is the same everywhere, so that it has no ranks.
    """
    first, second = (
        cv2.resize(x, (GRID, GRID), interpolation=cv2.INTER_AREA).ravel()
        for x in (uncertainty, error)
    )
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(spearmanr(first, second).statistic)
