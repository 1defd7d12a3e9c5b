"""A network's doubt in what it said of a photo: how much, between which colors, what would help."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from deepkoal.arrays import FloatArray, SampleArray
from deepkoal.errors import check_range
from deepkoal.guidance import (
    expected_error,
    list_likely_colors,
    remaining_doubt,
    scale_error,
    suggest_hints,
)
from deepkoal.guidance.uncertainty import SHARPER
from deepkoal.hints import AnyHint, Hint, check_kind, list_hints
from deepkoal.inference.prediction.core import PredictionCore
from deepkoal.rendering.resampling import resize

Pixels = TypeVar("Pixels", FloatArray, SampleArray)


@dataclass(frozen=True, eq=False)
class PredictionDoubt(PredictionCore):
    """The part of a `Prediction` that measures doubt, in NumPy arrays."""

    def uncertainty(self, *, hints: Iterable[AnyHint] = ()) -> FloatArray:
        """Return how much the network doubts the colors of each place.

        Args:
            hints: that have been given; what they settled is doubted less.

        Returns:
            float32 (H, W): e / (e + 20), where e is how far, in ab units, the network expects the
            true color from the one shown, by its distribution at a temperature of 0.5. That follows
            true errors closer than the distribution as it is does, or its entropy
            (models/koala-lite/README.md).

        Raises:
            DeepkoalError: the network predicts no distribution, or a hint lies outside the photo.
        """
        error = self._expect_error(SHARPER, hints)
        full = np.asarray(resize(scale_error(error), *self.inner_l.shape), np.float32)
        return self._frame(full, np.zeros_like(self.l))

    def suggest_hints(
        self, count: int = 5, *, hints: Iterable[AnyHint] = ()
    ) -> list[tuple[float, float]]:
        """Return where hints would help most, the most helpful first.

        Args:
            count: of places.
            hints: that have been given; what they settled is not asked for again.

        Returns:
            x and y of each place, in pixels.

        Raises:
            DeepkoalError: the network predicts no distribution, or a hint lies outside the photo.
        """
        doubt = self._expect_error(1.0, hints)
        cells = suggest_hints(doubt, self.points, self.decoding.kernel, count)
        scale = np.array(self.inner_l.shape) / doubt.shape
        first = (0, 0) if self.box is None else self.box[::2]
        return [(float(x), float(y)) for y, x in (cells + 0.5) * scale + first]

    def list_likely_colors(self, x: float, y: float, count: int = 6) -> FloatArray:
        """Return the colors that a place may well have, the likeliest first.

        Args:
            x: from the photo's left edge, in pixels.
            y: from its upper edge.
            count: of colors, at most.

        Returns:
            float32 (count, 2), ab in CIE Lab units.

        Raises:
            DeepkoalError: the network predicts no distribution, the place lies outside the photo
                or the count is no whole number from 1 up.
        """
        check_range(count, "a count of colors", 1, whole=True)
        logits = self.demand_distribution("likely colors")
        (cell,) = self.find_hint_cells(list_hints([Hint(x, y, (0, 0))], *self.l.shape).points)
        return list_likely_colors(logits.reshape(-1, logits.shape[-1])[cell], count)

    def _frame(self, inside: Pixels, whole: Pixels) -> Pixels:
        """Return what is known of the inside within what holds for the whole photo."""
        if self.box is None:
            return inside
        top, bottom, left, right = self.box
        whole[top:bottom, left:right] = inside
        return whole

    def _expect_error(self, temperature: float, hints: Iterable[AnyHint]) -> FloatArray:
        given = list_hints(check_kind(hints), *self.l.shape)
        logits = self.demand_distribution("measures of doubt")
        error: FloatArray = expected_error(
            logits, np.asarray(self.decode(), np.float32), temperature
        )
        if len(given.points):
            hint_points = self.points.take(self.find_hint_cells(given.points))
            error = remaining_doubt(error, self.points, hint_points, self.decoding.kernel)
        return error
