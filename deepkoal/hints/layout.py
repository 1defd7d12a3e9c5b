"""Hints as plain rows of points and of marks: what a request can hold, and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from deepkoal.arrays import Tensor, arange, cast, namespace
from deepkoal.hints.arrays import SAMPLES, HintArrays, sample_segments
from deepkoal.hints.kinds import AnyHint, Region
from deepkoal.hints.placing import check_hints, place_points
from deepkoal.hints.values import Point
from deepkoal.short_repr import short_repr

KINDS = ("hint", "stroke", "region")
"""Of hints, by the numbers that `HintLayout.kinds` has."""

BELOW_ONE = 1 - 2**-24
"""A float32 times this is the one before it: of a side, the last pixel's far edge."""

_POINT, _STROKE, _REGION = range(3)
_MASK_DETAIL = 1 / 512  # of the side of a mask, how far its outline may be off


@short_repr
@dataclass(frozen=True, eq=False)
class HintLayout:
    """K points of M marks, which are hints, strokes and regions, as arrays or tensors.

    Attributes:
        points: float32 (K, 2), x and y in pixels; those of a mark lie together and in order.
        marks: int32 (K,), which mark each is of, from 0 up, not falling.
        kinds: int32 (M,), see `KINDS`.
        ab: float32 (M, 2), in CIE Lab units.
        own: float32 (M,), 1 where the place is to stay as it is, whatever ab says, else 0.
    """

    points: Tensor
    marks: Tensor
    kinds: Tensor
    ab: Tensor
    own: Tensor


def list_hints(hints: Sequence[AnyHint], height: int, width: int) -> HintArrays:
    """Return hints on a photo of this size as arrays.

    Raises:
        DeepkoalError: as `check_hints`.
    """
    return arrange_hints(lay_out(hints, height, width), (height, width))


def lay_out(hints: Sequence[AnyHint], height: int, width: int) -> HintLayout:
    """Return hints on a photo of this size as rows, a mask as its outline.

    Raises:
        DeepkoalError: as `check_hints`.
    """
    check_hints(hints, height, width)
    outlines = [
        outline_mask(hint.mask, height, width)
        if isinstance(hint, Region) and hint.mask is not None
        else place_points(hint, height, width)
        for hint in hints
    ]
    counts = [len(each) for each in outlines]
    return HintLayout(
        np.array([point for each in outlines for point in each], np.float32).reshape(-1, 2),
        np.repeat(np.arange(len(hints), dtype=np.int32), counts),
        np.array([KINDS.index(hint.kind) for hint in hints], np.int32),
        np.array([hint.ab for hint in hints], np.float32).reshape(-1, 2),
        np.array([hint.is_own for hint in hints], np.float32),
    )


def arrange_hints(layout: HintLayout, size: Sequence[Any]) -> HintArrays:
    """Return what computes with hints takes of their rows.

    Strokes are sampled, regions closed. Points of hints and strokes beyond the photo's edges are
    set on them. Of hints at one pixel the last alone is among them.

    Args:
        layout: of the hints.
        size: height and width of the photo; within a graph they may be tensors.
    """
    ops, points = namespace(layout.points), layout.points
    marks, kinds = (cast(each, "int32") for each in (layout.marks, layout.kinds))
    count = ops.shape(points)[0]
    none = ops.full((1,), -1, dtype="int32")  # a mark beside the first and the last
    starts = marks != ops.concatenate([none, marks], axis=0)[:count]
    ends = marks != ops.concatenate([marks, none], axis=0)[1:]
    order = cast(arange(count, points), "int32")
    first = ops.take(_find(starts), ops.cumsum(cast(starts, "int32")) - 1, axis=0)
    following = ops.take(points, ops.where(ends, first, order + 1), axis=0)
    lines = ops.concatenate([points, following], axis=-1)
    kind = ops.take(kinds, marks, axis=0)

    sides, regions = _find(kind == _REGION), _find(kinds == _REGION)
    singles = _find(kind == _POINT)
    singles = ops.take(singles, _find_last(ops.take(points, singles, axis=0)), axis=0)
    # A stroke is open, but for one of a single point.
    parts = _find((kind == _STROKE) & (starts | ops.logical_not(ends)))
    last = cast(ops.stack(list(size)[::-1]), "float32") * BELOW_ONE
    samples = ops.clip(sample_segments(ops.take(lines, parts, axis=0)), 0, last)
    of = ops.concatenate([singles, ops.repeat(parts, SAMPLES, axis=0)], axis=0)
    of = ops.take(marks, of, axis=0)
    own = ops.take(layout.own, of, axis=0)
    is_single = cast(arange(ops.shape(of)[0], points) < ops.shape(singles)[0], "float32")
    side_of = ops.take(marks, sides, axis=0)
    return HintArrays(
        # As exact as a request holds them, so that both find them in the same cells.
        points=ops.minimum(
            ops.concatenate([ops.take(points, singles, axis=0), samples], axis=0), last
        ),
        ab=ops.take(layout.ab, of, axis=0),
        own=own,
        exact=is_single * (1 - own),
        edges=ops.take(lines, sides, axis=0),
        sides=cast(side_of[:, None] == regions, "float32"),
        region_ab=ops.take(layout.ab, regions, axis=0),
        region_own=ops.take(layout.own, regions, axis=0),
    )


def _find(condition: Tensor) -> Tensor:
    """Return the indices, int32, at which it holds."""
    return cast(namespace(condition).nonzero(condition)[0], "int32")


def _find_last(points: Tensor) -> Tensor:
    """Return the indices, int32, of points (K, 2) after which none is at the same pixel."""
    ops = namespace(points)
    pixels = cast(points, "int32")
    order = arange(ops.shape(points)[0], points)
    again = ops.all(pixels[:, None] == pixels, axis=-1) & (order[:, None] < order)
    return _find(ops.logical_not(ops.any(again, axis=-1)))


def outline_mask(mask: NDArray[np.bool_], height: int, width: int) -> list[Point]:
    """Return a mask's outline, in pixels of a photo of this size, as one closed line.

    Holes run the other way round. From ring to ring it goes to and fro, which encloses nothing.
    """
    # Twice as large, for outlines run through the middles of the outermost pixels.
    doubled = np.pad(mask.repeat(2, axis=0).repeat(2, axis=1), 1).astype(np.uint8)
    contours, _ = cv2.findContours(doubled, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    detail = _MASK_DETAIL * max(doubled.shape)
    scale = np.array([width, height]) / mask.shape[::-1] / 2
    rings = [
        [(float(x), float(y)) for x, y in (ring[:, 0] - 0.5) * scale]
        for ring in (cv2.approxPolyDP(contour, detail, closed=True) for contour in contours)
        if len(ring) > 2
    ]
    home = rings[0][:1] if len(rings) > 1 else []
    return [point for ring in rings for point in (*ring, *(ring[:1] if home else ()), *home)]
