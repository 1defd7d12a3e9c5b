"""Hints on a photo of a given size: whether they lie on it, where, and where on another size."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from deepkoal.arrays import FloatArray
from deepkoal.errors import DeepkoalError
from deepkoal.guidance.hint_values import Point
from deepkoal.guidance.hints import AnyHint, Hint, Region, Stroke

_FINE = 1 / 256  # of the photo's side: how far a stroke may be from what was drawn
_LEAST = 0.1  # of a pixel: area of a region that colors something
_LINES = 64  # that measure it


def check_hints(hints: Sequence[AnyHint], height: int, width: int) -> None:
    """Make sure that hints lie on a photo of this size. Outlines may reach over its edges.

    Raises:
        DeepkoalError: a point, or all of a stroke or region, lies outside; or a region holds no
            pixel, as on a line.
    """
    for hint in hints:
        if isinstance(hint, Region) and hint.mask is not None:
            _check_aspect(hint.mask, height, width)
            continue
        points = np.array(place_points(hint, height, width), np.float64)
        last = np.nextafter((width, height), 0)
        if isinstance(hint, Region):
            if _measure_area(points, points.min(axis=0), points.max(axis=0)) < _LEAST:
                x, y = hint.points[0]
                raise DeepkoalError(
                    f"the region at x {x:g}, y {y:g} holds no pixel; its corners lie on a line or "
                    "too near each other"
                )
            is_inside = _measure_area(points, np.zeros(2), last) >= _LEAST
        else:
            is_inside = _meets(points, last)
        if not is_inside:
            x, y = hint.points[0]
            raise DeepkoalError(
                f"the {hint.kind} at x {x:g}, y {y:g} lies outside the photo of "
                f"{width}×{height} pixels; count from its upper left corner"
            )


def find_contradictions(
    hints: Iterable[AnyHint], height: int, width: int
) -> list[tuple[Hint, Hint]]:
    """Return hints at one pixel that differ in color: one, and the later one, which counts.

    Args:
        hints: on a photo, also strokes and regions, which contradict nothing.
        height: the photo's, in pixels.
        width: likewise.
    """
    last: dict[tuple[int, int], Hint] = {}
    found = []
    for hint in hints:
        if not isinstance(hint, Hint):
            continue
        ((x, y),) = np.array(place_points(hint, height, width), np.float32).astype(int).tolist()
        other = last.get((x, y))
        if other is not None and (
            other.is_own != hint.is_own or not np.allclose(other.ab, hint.ab)
        ):
            found.append((other, hint))
        last[x, y] = hint
    return found


def place_points(hint: AnyHint, height: int, width: int) -> list[Point]:
    """Return a hint's points in pixels of a photo of this size; a stroke's without idle ones.

    Relative ones are as exact as in a request to a server, so that both find the same cells.
    """
    points = keep_points(hint, height, width)
    if not hint.relative:
        return points
    return [(float(x), float(y)) for x, y in _scale(points, height, width)]


def keep_points(hint: AnyHint, height: int, width: int) -> list[Point]:
    """Return a hint's points in its own units; a stroke's without those that change nothing."""
    points = list(hint.points)
    if not isinstance(hint, Stroke) or len(points) < 3:
        return points
    line = _scale(points, height, width) if hint.relative else np.array(points, np.float32)
    simple = cv2.approxPolyDP(line[:, None], _FINE * math.sqrt(height * width), closed=False)[:, 0]
    kept, rest = [], iter(zip(points, line.tolist(), strict=True))
    for corner in simple.tolist():
        kept.append(next(point for point, place in rest if place == corner))
    return kept


def _scale(points: Sequence[Point], height: int, width: int) -> FloatArray:
    """Return shares of a photo's sides in pixels, float32 (K, 2); 1 is within the last one."""
    sides = np.array([width, height], np.float32)
    scaled = np.array(points, np.float32) * sides
    return np.asarray(np.minimum(scaled, np.nextafter(sides, np.float32(0))))


def resize_hint(hint: AnyHint, size: Sequence[int], new_size: Sequence[int]) -> AnyHint:
    """Return a hint on a photo as one on the same photo at another size.

    Args:
        hint: that lies on the photo.
        size: height and width of the photo, in pixels.
        new_size: likewise, of the other.
    """
    if hint.relative or not hint.points:
        return hint
    (rows, columns), (height, width) = new_size, size
    points = [(x * columns / width, y * rows / height) for x, y in hint.points]
    if isinstance(hint, Stroke):
        return replace(hint, points=points)
    if isinstance(hint, Region):
        return replace(hint, area=points)
    ((x, y),) = points  # which rounding must not move over the edge
    return replace(hint, x=min(x, math.nextafter(columns, 0)), y=min(y, math.nextafter(rows, 0)))


def _check_aspect(mask: NDArray[np.bool_], height: int, width: int) -> None:
    rows, columns = mask.shape
    if abs(rows * width - columns * height) > max(height, width, rows, columns):
        raise DeepkoalError(
            f"a region's mask of {columns}×{rows} pixels is not of the photo's shape, "
            f"{width}×{height}; give one as large as the photo"
        )


def _meets(points: NDArray[np.float64], last: NDArray[np.float64]) -> bool:
    """Return whether a line through points meets the rectangle from 0 to `last`, (x, y).

    By Liang and Barsky's clipping: of each part, from which share on and up to which it is inside.
    """
    start, end = points[: max(1, len(points) - 1)], points[-max(1, len(points) - 1) :]
    way = end - start
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.sort([-start / way, (last - start) / way], axis=0)
    idle = (start >= 0) & (start <= last)
    enter = np.where(way == 0, np.where(idle, 0, 2), shares[0]).max(axis=1)
    leave = np.where(way == 0, 1, shares[1]).min(axis=1)
    return bool((np.maximum(enter, 0) <= np.minimum(leave, 1)).any())


def _measure_area(
    corners: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> float:
    """Return a polygon's area within a rectangle, by winding numbers along some lines across it."""
    top, bottom = np.clip((corners[:, 1].min(), corners[:, 1].max()), low[1], high[1])
    lines = top + (np.arange(_LINES)[:, None] + 0.5) / _LINES * (bottom - top)
    (x, y), (x_end, y_end) = corners.T, np.roll(corners, -1, axis=0).T
    turns = np.sign(y_end - y) * ((y > lines) != (y_end > lines))
    at = x + (lines - y) * (x_end - x) / np.where(y == y_end, 1, y_end - y)
    at = np.where(turns == 0, low[0], np.clip(at, low[0], high[0]))
    order = np.argsort(at, axis=1, kind="stable")
    winding = np.cumsum(np.take_along_axis(turns, order, axis=1), axis=1)[:, :-1]
    widths = np.diff(np.take_along_axis(at, order, axis=1), axis=1)
    return float((widths * (winding != 0)).sum(axis=1).mean() * (bottom - top))
