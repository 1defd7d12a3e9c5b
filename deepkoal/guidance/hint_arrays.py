"""Hints as arrays: what all that computes with them takes, in NumPy and in a graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from deepkoal.arrays import FloatArray, Tensor, arange, cast, namespace
from deepkoal.guidance.hint_placing import check_hints, place_points
from deepkoal.guidance.hint_values import Point
from deepkoal.guidance.hints import AnyHint, Hint, Region
from deepkoal.short_repr import short_repr

SAMPLES = 8
"""Places that stand for each straight part of a stroke."""

_MASK_DETAIL = 1 / 512  # of the side of a mask, how far its outline may be off


@short_repr
@dataclass(frozen=True, eq=False)
class HintArrays:
    """Hints as arrays or tensors, known to lie on their photo.

    Attributes:
        points: float32 (K, 2), x and y in pixels from the photo's upper left corner: the points,
            and samples of the strokes.
        ab: float32 (K, 2), in CIE Lab units.
        own: float32 (K,), 1 where the place is to stay as it is, whatever ab says, else 0.
        exact: float32 (K,), 1 where a pixel is to have just this color, else 0.
        edges: floating point (E, 4), x and y of both ends of the regions' sides, in order around.
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


def list_hints(hints: Sequence[AnyHint], height: int, width: int) -> HintArrays:
    """Return hints on a photo of this size as arrays.

    Raises:
        DeepkoalError: as `check_hints`.
    """
    check_hints(hints, height, width)
    regions = [hint for hint in hints if isinstance(hint, Region)]
    rings = [_list_rings(region, height, width) for region in regions]
    edges = [np.concatenate([_join(ring, closed=True) for ring in each]) for each in rings]
    others = [hint for hint in hints if not isinstance(hint, Region)]
    points = [
        np.array(place_points(hint, height, width))
        if isinstance(hint, Hint)
        else _sample_stroke(place_points(hint, height, width), height, width)
        for hint in others
    ]
    counts = [len(each) for each in points]
    exact = [isinstance(hint, Hint) and not hint.is_own for hint in others]
    sides = np.repeat(np.eye(len(regions), dtype=np.float32), [len(each) for each in edges], axis=0)

    def repeat(values: Sequence[Any], *shape: int) -> FloatArray:
        return np.repeat(np.array(values, np.float32).reshape(-1, *shape), counts, axis=0)

    return HintArrays(
        points=_round_inside(np.concatenate([np.zeros((0, 2)), *points]), height, width),
        ab=repeat([hint.ab for hint in others], 2),
        own=repeat([hint.is_own for hint in others]),
        exact=repeat(exact),
        edges=np.concatenate([np.zeros((0, 4)), *edges]),
        sides=sides.reshape(sum(len(each) for each in edges), len(regions)),
        region_ab=np.array([hint.ab for hint in regions], np.float32).reshape(-1, 2),
        region_own=np.array([hint.is_own for hint in regions], np.float32),
    )


def _round_inside(points: NDArray[np.float64], height: int, width: int) -> FloatArray:
    """Return places as exact as a request holds them, so that both find them in the same cells."""
    last = np.nextafter(np.array([width, height], np.float32), np.float32(0))
    return np.minimum(points.astype(np.float32), last)


def sample_segments(segments: Tensor) -> Tensor:
    """Return `SAMPLES` places on each straight part of a stroke, its ends among them.

    Args:
        segments: floating point (S, 4), x and y of both ends.

    Returns:
        (S · `SAMPLES`, 2), of the same dtype.
    """
    ops = namespace(segments)
    share = cast(arange(SAMPLES, segments), str(segments.dtype))[:, None] / (SAMPLES - 1)
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


def _sample_stroke(points: Sequence[Point], height: int, width: int) -> NDArray[np.float64]:
    segments = _join(points, closed=False) if len(points) > 1 else np.array([points[0] * 2])
    last = np.nextafter((width, height), 0)
    samples: NDArray[np.float64] = np.clip(sample_segments(segments), 0, last)
    return samples


def _join(points: Sequence[Point], *, closed: bool) -> NDArray[np.float64]:
    """Return the sides of a line or ring, (S, 4)."""
    line = np.array(points, np.float64)
    ends = np.roll(line, -1, axis=0)
    sides = np.concatenate([line, ends], axis=1)
    return np.asarray(sides if closed else sides[:-1])


def _list_rings(region: Region, height: int, width: int) -> list[Sequence[Point]]:
    """Return a region's outlines, in pixels of the photo; holes run the other way round."""
    if region.mask is None:
        return [place_points(region, height, width)]
    # Twice as large, for outlines run through the middles of the outermost pixels.
    doubled = np.pad(region.mask.repeat(2, axis=0).repeat(2, axis=1), 1).astype(np.uint8)
    contours, _ = cv2.findContours(doubled, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    detail = _MASK_DETAIL * max(doubled.shape)
    scale = np.array([width, height]) / region.mask.shape[::-1] / 2
    return [
        [(float(x), float(y)) for x, y in (ring[:, 0] - 0.5) * scale]
        for ring in (cv2.approxPolyDP(contour, detail, closed=True) for contour in contours)
        if len(ring) > 2
    ]
