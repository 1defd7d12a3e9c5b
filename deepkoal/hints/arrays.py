"""Hints as arrays: what all that computes with them takes, in NumPy and in a graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deepkoal.arrays import Tensor, arange, cast, namespace
from deepkoal.short_repr import short_repr

HINT_SHAPES: dict[str, tuple[int | None, ...]] = {
    "points": (None, 2),
    "ab": (None, 2),
    "own": (None,),
    "exact": (None,),
    "edges": (None, 4),
    "sides": (None, None),
    "region_ab": (None, 2),
    "region_own": (None,),
}
"""Of `HintArrays`, all of whose values are float32."""

SAMPLES = 8
"""Places that stand for each straight part of a stroke."""


@short_repr
@dataclass(frozen=True, eq=False)
class HintArrays:
    """Hints as arrays or tensors, known to lie on their photo.

    Attributes:
        points: float32 (K, 2), x and y in pixels from the photo's upper left corner: the points,
            then samples of the strokes.
        ab: float32 (K, 2), in CIE Lab units.
        own: float32 (K,), 1 where the place is to stay as it is, whatever ab says, else 0.
        exact: float32 (K,), 1 where a pixel is to have just this color, else 0.
        edges: float32 (E, 4), x and y of both ends of the regions' sides, in order around.
        sides: float32 (E, R), 1 where a side is of a region, else 0.
        region_ab: float32 (R, 2), as `ab`.
        region_own: float32 (R,), as `own`.
    """

    points: Tensor
    ab: Tensor
    own: Tensor
    exact: Tensor
    edges: Tensor
    sides: Tensor
    region_ab: Tensor
    region_own: Tensor


def sample_segments(segments: Tensor) -> Tensor:
    """Return `SAMPLES` places on each straight part of a stroke, its ends among them.

    Args:
        segments: float32 (S, 4), x and y of both ends.

    Returns:
        float32 (S · `SAMPLES`, 2).
    """
    ops = namespace(segments)
    share = cast(arange(SAMPLES, segments), "float32")[:, None] / (SAMPLES - 1)
    start, end = segments[:, None, :2], segments[:, None, 2:]
    return ops.reshape(start + share * (end - start), (-1, 2))


def cover_regions(hints: HintArrays, size: Sequence[Any], grid: Sequence[Any]) -> Tensor:
    """Return how much of each cell of a grid lies within each region.

    By winding numbers, so that an outline may cross itself and holes run the other way round.

    Args:
        hints: whose `edges` are counted in pixels of what the grid covers.
        size: height and width of that, in pixels; within a graph they may be tensors.
        grid: rows and columns, likewise.

    Returns:
        float32 (R, rows, columns), 0…1.
    """
    ops = namespace(hints.ab)
    rows, columns = grid
    scale = cast(ops.stack([columns, rows]), "float32") / cast(
        ops.stack(list(size)[::-1]), "float32"
    )
    edges = cast(hints.edges, "float32")
    x, y = edges[:, ::2] * scale[0], edges[:, 1::2] * scale[1]
    start, end = y[:, 0], y[:, 1]
    # Two lines for each row of cells; across, the share right of an edge is exact.
    lines = (cast(arange(2 * rows, hints.ab), "float32")[:, None] + 0.5) / 2
    crossed = cast((start > lines) != (end > lines), "float32") * ops.sign(end - start)
    slope = (x[:, 1] - x[:, 0]) / ops.where(end == start, 1.0, end - start)
    crossing = x[:, 0] + (lines - start) * slope
    left = cast(arange(columns, hints.ab), "float32")
    right_of = ops.clip(left + 1 - crossing[..., None], 0, 1) * crossed[..., None]
    winding = ops.einsum("er,yex->ryx", hints.sides, right_of)
    share = ops.clip(ops.abs(winding), 0, 1)
    return (share[:, ::2] + share[:, 1::2]) / 2


def find_cells(points: Tensor, size: Sequence[Any], grid: Sequence[Any]) -> Tensor:
    """Return the index, row by row, of a coarse grid's cell that each place of a photo lies in.

    Args:
        points: floating point (K, 2), x and y in pixels, inside the photo.
        size: height and width of the photo; within a graph they may be tensors.
        grid: rows and columns of the grid, likewise.

    Returns:
        Integers (K,).
    """
    ops = namespace(points)
    cells = ops.stack(list(grid))
    # In double precision, or a place just before a cell's edge would be found behind it.
    place = cast(points[:, ::-1], "float64") * cast(cells, "float64")
    place = cast(place / cast(ops.stack(list(size)), "float64"), "int32")
    place = ops.minimum(place, cells - 1)
    return place[:, 0] * cells[1] + place[:, 1]
