"""Marks of a brush, a burin or a tile, laid one over another until they cover a picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from deepkoal.arrays import ByteArray

Field = NDArray[np.float64]
"""One value at each pixel, (H, W)."""
Levels = NDArray[np.float64]
"""A color in levels of 255, (3,)."""
Color = tuple[int, int, int]


@dataclass(frozen=True)
class Marks:
    """How the marks of a layer look.

    Attributes:
        count: of marks.
        length: in pixels; 0 makes dots.
        width: in pixels.
        bristles: light and dark lines along a mark, as thick paint keeps them, in levels of 255.
        jitter: by how much the colors of marks differ, in levels of 255.
    """

    count: int
    length: float
    width: float
    bristles: float = 0.0
    jitter: float = 12.0


def smooth_noise(rng: np.random.Generator, side: int, scale: float) -> Field:
    """Return noise whose hills are about `scale` pixels wide, (side, side), 0…1."""
    cells = max(2, round(side / scale))
    noise = cv2.resize(rng.random((cells, cells)), (side, side), interpolation=cv2.INTER_CUBIC)
    low, high = noise.min(), noise.max()
    return np.asarray((noise - low) / (high - low))


def curl(height: Field) -> Field:
    """Return the direction along the contours of a hilly field, in radians, (H, W)."""
    dy, dx = np.gradient(height)
    return np.asarray(np.arctan2(dx, -dy))


def lay_marks(
    canvas: ByteArray,
    rng: np.random.Generator,
    marks: Marks,
    direction: Field,
    choose: Callable[[int, int], Levels],
) -> None:
    """Lay marks over a picture at random places.

    Args:
        canvas: uint8 (H, W, 3) sRGB, which is painted on.
        rng: of places and colors.
        marks: how they look.
        direction: in which they run, in radians.
        choose: the color at x, y, levels of 255.
    """
    height, width = canvas.shape[:2]
    for x, y in rng.uniform((0, 0), (width, height), (marks.count, 2)):
        base = choose(int(x), int(y)) + rng.normal(0, marks.jitter, 3)
        if marks.length == 0:
            radius = max(1, round(rng.normal(marks.width, marks.width / 6)))
            cv2.circle(canvas, (int(x), int(y)), radius, _clip(base), -1, cv2.LINE_AA)
            continue
        path = _follow(direction, x, y, marks.length * rng.uniform(0.6, 1.2))
        _draw(canvas, path, _clip(base), marks.width)
        if marks.bristles:
            across = _across(path) * marks.width
            for offset in (-0.35, -0.12, 0.12, 0.35):
                shade = base + rng.normal(0, marks.bristles)
                _draw(canvas, path + offset * across, _clip(shade), 1)


def _follow(direction: Field, x: float, y: float, length: float) -> NDArray[np.float64]:
    """Return the path (n, 2) that follows a field of directions from a place."""
    height, width = direction.shape
    path = [(x, y)]
    for _ in range(max(1, round(length / 4))):
        column, row = int(np.clip(x, 0, width - 1)), int(np.clip(y, 0, height - 1))
        angle = direction[row, column]
        x, y = x + 4 * np.cos(angle), y + 4 * np.sin(angle)
        path.append((x, y))
    return np.array(path)


def _across(path: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the unit vector (2,) at right angles to a path's whole run."""
    along = path[-1] - path[0]
    return np.array([-along[1], along[0]]) / max(float(np.hypot(*along)), 1e-6)


def _draw(canvas: ByteArray, path: NDArray[np.float64], color: Color, width: float) -> None:
    points = np.rint(16 * path).astype(np.int32)
    cv2.polylines(canvas, [points], False, color, max(1, round(width)), cv2.LINE_AA, 4)


def _clip(color: NDArray[np.float64]) -> Color:
    red, green, blue = (int(level) for level in np.clip(color, 0, 255))
    return red, green, blue
