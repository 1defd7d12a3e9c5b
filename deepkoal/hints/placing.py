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
from deepkoal.hints.bounds import LEAST_AREA, measure_areas, meets
from deepkoal.hints.kinds import AnyHint, Hint, Region, Stroke
from deepkoal.hints.values import Point

_FINE = 1 / 256  # of the photo's side: how far a stroke may be from what was drawn


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
            edges = np.hstack([points, np.roll(points, -1, axis=0)])
            sides = np.ones((len(points), 1))
            if measure_areas(edges, sides)[0] < LEAST_AREA:
                x, y = hint.points[0]
                raise DeepkoalError(
                    f"the region at x {x:g}, y {y:g} holds no pixel; its corners lie on a line or "
                    "too near each other"
                )
            is_inside = measure_areas(edges, sides, last)[0] >= LEAST_AREA
        else:
            is_inside = meets(points, points[[*range(1, len(points)), -1]], last).any()
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
