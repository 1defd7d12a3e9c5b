"""A photo as the network saw it: its inside, its coarse grids, and places among them.

Written once for NumPy arrays and for tensors of a graph that is being exported.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

import numpy as np

from deepkoal.arrays import Tensor, cast, namespace
from deepkoal.guidance import AffinityPoints, DecodingConfig, make_affinity_points
from deepkoal.hints import find_cells
from deepkoal.hints.reach import FINER
from deepkoal.rendering.resampling import resize


@dataclass(frozen=True, eq=False)
class SeenPhoto:
    """What a network predicts of one photo.

    Attributes:
        l: float32 (H, W), the photo's own lightness in 0…100.
        outputs: the network's outputs, float32 (h, w, C) each: `logits` or `ab_norm`, and for
            hints, references and variations `features`.
        decoding: the constants of decoding them.
        border: what `scene.find_border` left of the photo, float32 (4,): the network saw the inside
            alone, which the outputs are of, and what lies around it stays neutral. None where it
            saw all.
    """

    l: Tensor
    outputs: dict[str, Tensor]
    decoding: DecodingConfig = field(repr=False)
    border: Tensor | None = None

    @functools.cached_property
    def box(self) -> Tensor | None:
        """The inside's first row, last row + 1, first column, last column + 1: int32 (4,)."""
        if self.border is None:
            return None
        ops = namespace(self.border)
        height, width = ops.shape(self.l)
        sides = cast(ops.stack([height, height, width, width]), "float32")
        return cast(ops.round(self.border * sides), "int32")

    @functools.cached_property
    def inner_l(self) -> Tensor:
        """The inside's lightness, float32 (h, w)."""
        box = self.box
        return self.l if box is None else self.l[box[0] : box[1], box[2] : box[3]]

    @functools.cached_property
    def points(self) -> AffinityPoints:
        """What an affinity compares: the places of `outputs["features"]`."""
        features = self.outputs["features"]
        ops = namespace(features)
        size = ops.shape(features)[:2]
        same = ops is np and size == np.shape(self._coarse_l)  # a graph learns sizes as it runs
        return make_affinity_points(
            features, self._coarse_l if same else resize(self.inner_l, *size)
        )

    @functools.cached_property
    def _coarse_l(self) -> Tensor:
        """Lightness at the size of the coarse chroma, float32 (h, w)."""
        colors = self.outputs["logits" if "logits" in self.outputs else "ab_norm"]
        return resize(self.inner_l, *namespace(colors).shape(colors)[:2])

    @functools.cached_property
    def _fine_l(self) -> Tensor:
        """Lightness on the grid that hints are spread on.

        A multiple of the chroma's that holds its places, so that the field there is the same one.
        """
        ops = namespace(self.l)
        rows, columns = ops.shape(self._coarse_l)
        finer = 1 + (FINER - 1) * (ops.shape(self.outputs["features"])[0] // rows)
        return resize(self.inner_l, finer * rows, finer * columns)

    def _shift(self, edges: Tensor) -> Tensor:
        """Return lines (E, 4) of the photo as lines of its inside."""
        if self.box is None:
            return edges
        ops = namespace(edges)
        first = ops.stack([self.box[2], self.box[0]] * 2)
        return edges - cast(first, "float64" if ops is np else edges.dtype)

    def find_hint_cells(self, points: Tensor) -> Tensor:
        """Return the indices, (K,), of places (K, 2), x and y in pixels, among `points`."""
        ops = namespace(self.l)
        grid = ops.shape(self.outputs["features"])[:2]
        return find_cells(self._move_inside(points), ops.shape(self.inner_l), grid)

    def _move_inside(self, points: Tensor) -> Tensor:
        """Return places of the photo (K, 2), x and y, as the nearest ones of its inside."""
        box = self.box
        if box is None:
            return points
        ops = namespace(points)
        edges = cast(box, "float64" if ops is np else points.dtype)
        first, end = ops.stack([edges[2], edges[0]]), ops.stack([edges[3], edges[1]])
        points, size = points - first, end - first
        return ops.where(points < size, ops.maximum(points, 0), size - 0.5)

    def _at_points(self, ab: Tensor) -> Tensor:
        """Return a map (..., h, w, C), such as ab, at the N places of the features, (..., N, C)."""
        ops = namespace(ab)
        height, width = ops.shape(self.outputs["features"])[:2]
        shape = (*ops.shape(ab)[:-3], height * width, ab.shape[-1])
        return ops.reshape(resize(ab, height, width), shape)

    def _add(self, ab: Tensor, difference: Tensor) -> Tensor:
        """Add to ab (..., h, w, 2) what is to change at the N places, (..., N, 2)."""
        ops = namespace(ab)
        size = ops.shape(ab)
        grid = ops.shape(self.outputs["features"])[:2]
        difference = ops.reshape(difference, (*size[:-3], *grid, 2))
        return ab + resize(difference, *size[-3:-1])
