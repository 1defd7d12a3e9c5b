"""Hints on what a network predicts of one photo, over arrays: from coarse chroma to its field."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import numpy as np

from deepkoal.arrays import Tensor, fold, namespace
from deepkoal.guidance import deviation
from deepkoal.hints import HintArrays, find_cells
from deepkoal.hints.arrays import cover_regions
from deepkoal.hints.reach import (
    Reach,
    contradict,
    fill_things,
    loosen,
    measure_reach,
    spread_confirmed,
)
from deepkoal.hints.things import compare_things, weigh_things
from deepkoal.inference.prediction.seen_photo import SeenPhoto
from deepkoal.rendering.resampling import resize
from deepkoal.rendering.upsampling import find_pixels, fit_chroma, touch_chroma


@dataclass(frozen=True, eq=False)
class HintedPhoto(SeenPhoto):
    """A seen photo that takes hints."""

    def fit_field(self, ab: Tensor, hints: HintArrays | None = None) -> Tensor:
        """Return the field, (..., h, w, 4), that carries coarse chroma (..., h, w, 2) to full size.

        Args:
            ab: as decoded; under hints of one version of the photo.
            hints: whose things take their colors, on a finer grid, and whose own pixels are met.
        """
        field = fit_chroma(self._coarse_l, ab)
        if hints is None:
            return field
        ops = namespace(ab)
        l = self._fine_l
        field = resize(field, *ops.shape(l))
        plain = field[..., :2] * l[..., None] + field[..., 2:]
        # What does not change is not fitted anew: outside their things hints move nothing.
        field = field + fit_chroma(l, self._apply_hints(ab, plain, hints) - plain)
        chosen = ops.nonzero(hints.exact)[0]
        found = (*self._find_pixels(hints.points), hints.ab)
        return touch_chroma(field, *(ops.take(each, chosen, axis=0) for each in found))

    def _find_pixels(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Return where the pixels of points lie in the inside, and their L; see `find_pixels`."""
        return find_pixels(self._move_inside(points), self.inner_l)

    @functools.cached_property
    def deviation(self) -> Tensor:
        """How far true colors may be from the guess: `guidance.deviation`, (h, w, 1).

        Where the network predicts no distribution it is 1.
        """
        logits = self.outputs.get("logits")
        if logits is None:
            return namespace(self.l).ones_like(self._coarse_l)[..., None]
        return deviation(logits)[..., None]

    def hinted_ab(self, ab: Tensor, hints: HintArrays) -> Tensor:
        """Return coarse chroma (h, w, 2) under hints."""
        field = self.fit_field(ab, hints)
        fine = field[..., :2] * self._fine_l[..., None] + field[..., 2:]
        return resize(fine, *namespace(ab).shape(ab)[:2])

    def _apply_hints(self, coarse: Tensor, ab: Tensor, hints: HintArrays) -> Tensor:
        """Return ab on the finer grid under hints.

        Args:
            coarse: float32 (h, w, 2), as decoded.
            ab: the same on the finer grid, float32 (H, W, 2).
            hints: on this photo.
        """
        ops = namespace(ab)
        cells = self.find_hint_cells(hints.points)
        guess = ops.take(self._at_points(coarse), cells, axis=0)
        contradiction = contradict(hints, guess)
        share = weigh_things(contradiction) if "things" in self.outputs else 0.0
        reach, loosened = self._measure_reach(hints, share), loosen(hints, contradiction)
        unsure = self._at_points(self.deviation)
        change = spread_confirmed(reach, hints, guess, loosened, unsure, cells)
        grid = ops.shape(self.outputs["features"])[:2]
        after = ab + resize(ops.reshape(change, (*grid, 2)), *ops.shape(self._fine_l))
        here = guess + ops.take(change, cells, axis=0)
        after = fill_things(reach, hints, after, ab, here, loosened)
        cover = cover_regions(
            replace(hints, edges=self._shift(hints.edges)),
            ops.shape(self.inner_l),
            ops.shape(self._fine_l),
        )

        def fill(after: Tensor, number: Tensor) -> Tensor:
            own = hints.region_own[number]
            wanted = own * ab + (1 - own) * hints.region_ab[number]
            return after + cover[number][..., None] * (wanted - after)

        return fold(fill, after, ops.shape(cover)[0])

    def _measure_reach(self, hints: HintArrays, share: Tensor) -> Reach:
        """Return `measure_reach` where things count for `share`; the last is kept."""
        for points, counted, reach in self._reaches[:]:  # a copy: other threads keep theirs
            if _is_same(points, hints.points) and _is_same(counted, share):
                return reach
        size = namespace(self.l).shape(self._fine_l)
        things = compare_things(self.outputs, self.decoding.kernel, share)
        reach = measure_reach(
            replace(things, vectors=resize(things.vectors, *size)),
            self._fine_l,
            self.points,
            self.find_hint_cells(hints.points),
            find_cells(
                self._move_inside(hints.points), namespace(self.l).shape(self.inner_l), size
            ),
            self.decoding.kernel,
        )
        self._reaches[:] = [(hints.points, share, reach)]
        return reach

    @functools.cached_property
    def _reaches(self) -> list[tuple[Tensor, Tensor, Reach]]:
        return []


def _is_same(one: Tensor, other: Tensor) -> bool:
    """Return whether these hold the same; what a graph holds is compared by identity."""
    if all(isinstance(each, np.ndarray | np.generic | float) for each in (one, other)):
        return np.array_equal(one, other)
    return one is other
