"""Hints on what a network said of one photo, over arrays: from coarse chroma to its field."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import numpy as np

from deepkoal.arrays import Tensor, fold, namespace
from deepkoal.guidance import HintArrays, find_cells
from deepkoal.guidance.hint_arrays import cover_regions
from deepkoal.guidance.hint_reach import Reach, fill_things, measure_reach, spread_confirmed
from deepkoal.inference.seen_photo import SeenPhoto
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
        reach = self._measure_reach(hints)
        cells = self.find_hint_cells(hints.points)
        guess = ops.take(self._at_points(coarse), cells, axis=0)
        change = spread_confirmed(reach, hints, guess)
        grid = ops.shape(self.outputs["features"])[:2]
        after = ab + resize(ops.reshape(change, (*grid, 2)), *ops.shape(self._fine_l))
        here = guess + ops.take(change, cells, axis=0)
        after = fill_things(reach, hints, after, ab, here)
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

    def _measure_reach(self, hints: HintArrays) -> Reach:
        """Return `measure_reach`, which depends on their places alone; the last is kept."""
        for points, reach in self._reaches[:]:  # a copy: other threads keep theirs meanwhile
            if _is_same(points, hints.points):
                return reach
        size = namespace(self.l).shape(self._fine_l)
        reach = measure_reach(
            resize(self.outputs["features"], *size),
            self._fine_l,
            self.points,
            self.find_hint_cells(hints.points),
            find_cells(
                self._move_inside(hints.points), namespace(self.l).shape(self.inner_l), size
            ),
            self.decoding.kernel,
        )
        self._reaches[:] = [(hints.points, reach)]
        return reach

    @functools.cached_property
    def _reaches(self) -> list[tuple[Tensor, Reach]]:
        return []


def _is_same(one: Tensor, other: Tensor) -> bool:
    """Return whether these are the same places; what a graph holds is compared by identity."""
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return np.array_equal(one, other)
    return one is other
