"""Whether lines and outlines lie on a photo, which they may reach over: in NumPy and in a graph."""

from __future__ import annotations

import math

from deepkoal.arrays import Tensor, arange, cast, namespace

LEAST_AREA = 0.1
"""Of a region that colors something, in pixels."""

_LINES = 64  # that measure it


def meets(start: Tensor, end: Tensor, last: Tensor) -> Tensor:
    """Return which straight parts meet the rectangle from 0 to `last`.

    By Liang and Barsky's clipping: from which share of its way on and up to which each is inside.

    Args:
        start: floating point (K, 2), x and y of one end.
        end: likewise, of the other; the same one for a point.
        last: (2,), x and y.

    Returns:
        bool (K,).
    """
    ops = namespace(start)
    start, end, last = (cast(each, "float64") for each in (start, end, last))
    way = end - start
    is_idle = way == 0
    safe = ops.where(is_idle, 1.0, way)
    to_first, to_last = -start / safe, (last - start) / safe
    stays = (start >= 0) & (start <= last)
    enter = ops.where(is_idle, ops.where(stays, 0.0, 2.0), ops.minimum(to_first, to_last))
    leave = ops.where(is_idle, 1.0, ops.maximum(to_first, to_last))
    least, most = ops.maximum(enter[:, 0], enter[:, 1]), ops.minimum(leave[:, 0], leave[:, 1])
    return ops.maximum(least, 0.0) <= ops.minimum(most, 1.0)


def measure_areas(edges: Tensor, sides: Tensor, last: Tensor | None = None) -> Tensor:
    """Return the areas of polygons, by winding numbers along some lines across them.

    Args:
        edges: floating point (E, 4), x and y of both ends of their sides.
        sides: (E, R), 1 where a side is of a polygon, else 0.
        last: (2,), x and y: of each only what lies in the rectangle from 0 to there. All of it
            where None.

    Returns:
        float64 (R,).
    """
    ops = namespace(edges)
    edges, of = cast(edges, "float64"), ops.transpose(cast(sides, "float64"))  # (R, E)
    x, y, x_end, y_end = (edges[:, number] for number in range(4))
    # With a start there may be no sides at all, as in a request without hints.
    left, right = ops.min(x, initial=0.0), ops.max(x, initial=0.0)
    top = ops.min(ops.where(of > 0, y, math.inf), axis=1, initial=math.inf)
    bottom = ops.max(ops.where(of > 0, y, -math.inf), axis=1, initial=-math.inf)
    if last is not None:
        last = cast(last, "float64")
        left, right = ops.zeros_like(last[0]), last[0]
        top, bottom = (ops.minimum(ops.maximum(each, 0.0), last[1]) for each in (top, bottom))
    share = (cast(arange(_LINES, edges), "float64") + 0.5) / _LINES
    lines = (top[:, None] + share * (bottom - top)[:, None])[..., None]  # (R, lines, 1)
    crossed = cast((y > lines) != (y_end > lines), "float64") * of[:, None]
    turns = ops.sign(y_end - y) * crossed
    at = x + (lines - y) * (x_end - x) / ops.where(y == y_end, 1.0, y_end - y)
    at = ops.where(turns == 0, left, ops.clip(at, left, right))
    order = ops.argsort(at, axis=-1)
    at = ops.take_along_axis(at, order, axis=-1)
    winding = ops.cumsum(ops.take_along_axis(turns, order, axis=-1), axis=-1)[..., :-1]
    widths = cast(winding != 0, "float64") * (at[..., 1:] - at[..., :-1])
    return ops.mean(ops.sum(widths, axis=-1), axis=1) * (bottom - top)
