"""Whether colors stop where things do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deepkoal.evaluation.metrics import away_from_edges, read_ab, stray_share
from deepkoal.evaluation.photos import Bench, SeenPhoto
from deepkoal.evaluation.table import Line


@dataclass(frozen=True)
class Bleeding:
    """Chroma's gradient energy more than 3 px from any edge of L, at vibrance 1.

    Attributes:
        ratio: the output's mean share over the truth's; 1 is as clean as a photograph. A ratio of
            means, not a mean of ratios, which a few truths with hardly any share would decide.
        share: of the output, 0…1, mean over photos.
        true_share: of the true photos, likewise.
        photos: how many were measured.
    """

    ratio: float
    share: float
    true_share: float
    photos: int

    def lines(self) -> Sequence[Line]:
        """Return the ratio, and the two shares it is made of."""
        shares = f"{self.share:.3f} of its chroma gradients, {self.true_share:.3f} of the truth's"
        return [Line(f"bleeding ({shares})", f"{self.ratio:.2f}", self.photos)]


def measure_bleeding(bench: Bench) -> Bleeding:
    """Measure every photo."""
    photos = bench.photos.photos
    share, true_share = np.mean(bench.workers.map(_measure, photos, "bleeding"), axis=0).tolist()
    ratio = share / true_share if true_share > 0 else float("inf")
    return Bleeding(ratio, share, true_share, len(photos))


def _measure(photo: SeenPhoto) -> tuple[float, float]:
    away = away_from_edges(photo.lightness)
    return stray_share(read_ab(photo.colored), away), stray_share(read_ab(photo.truth), away)
