"""Whether a thing keeps its colors when less is seen around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deepkoal.evaluation.metrics import ab_error, read_ab
from deepkoal.evaluation.photos import SIZE, Bench
from deepkoal.evaluation.table import Line

CROP = round(0.6 * SIZE)
"""Side in pixels of the center crop that is colored on its own."""
PHOTOS = 100


@dataclass(frozen=True)
class ContextShift:
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
    """Measure at most 100 photos, spread over the set."""
    photos = bench.photos.spread(PHOTOS)
    start = (SIZE - CROP) // 2
    center = slice(start, start + CROP), slice(start, start + CROP)
    alone = bench.color_anew([photo.truth[center] for photo in photos], "context")
    shifts = [
        ab_error(read_ab(crop), read_ab(photo.colored)[center]).mean()
        for crop, photo in zip(alone, photos, strict=True)
    ]
    return ContextShift(float(np.mean(shifts)), len(photos))
