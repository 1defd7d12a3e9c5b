"""Whether colors stop where things do, and stay when less is seen around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deepkoal.evaluation.metrics import ab_error, away_from_edges, rgb_to_ab, stray_share
from deepkoal.evaluation.photos import SIZE, Bench, EvaluatedPhoto
from deepkoal.evaluation.scorecard import Figure, Line

CROP = round(0.6 * SIZE)
"""Side in pixels of the center crop that is colored on its own."""
PHOTOS = 100


@dataclass(frozen=True)
class Bleeding(Figure):
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
    """Return the bleeding over every photo."""
    photos = bench.photos.photos
    share, true_share = np.mean(
        bench.workers.map(_compare_shares, photos, "bleeding"), axis=0
    ).tolist()
    ratio = share / true_share if true_share > 0 else float("inf")
    return Bleeding(ratio, share, true_share, len(photos))


def _compare_shares(photo: EvaluatedPhoto) -> tuple[float, float]:
    away = away_from_edges(photo.lightness)
    return stray_share(rgb_to_ab(photo.colored), away), stray_share(rgb_to_ab(photo.truth), away)


@dataclass(frozen=True)
class ContextShift(Figure):
    """How far colors move when only the center of a photo is seen, at vibrance 1.

    Attributes:
        ab: mean distance in the ab plane, over pixels and photos, between the center 60 % crop
            colored on its own and the same pixels colored inside the whole photo.
        photos: how many were measured.
    """

    ab: float
    photos: int

    def lines(self) -> Sequence[Line]:
        """Return the distance."""
        return [Line("context shift, ab of a center crop", f"{self.ab:.2f}", self.photos)]


def measure_context(bench: Bench) -> ContextShift:
    """Return the context shift of at most 100 photos, spread over the set."""
    photos = bench.photos.spread(PHOTOS)
    start = (SIZE - CROP) // 2
    center = slice(start, start + CROP), slice(start, start + CROP)
    alone = bench.color_anew([photo.truth[center] for photo in photos], "context")
    shifts = [
        ab_error(rgb_to_ab(crop), rgb_to_ab(photo.colored)[center]).mean()
        for crop, photo in zip(alone, photos, strict=True)
    ]
    return ContextShift(float(np.mean(shifts)), len(photos))
