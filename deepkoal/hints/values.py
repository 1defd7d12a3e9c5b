"""What hints are made of: colors, points and masks, each checked where it comes in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import ImageColor

from deepkoal.arrays import FloatArray
from deepkoal.color import rgb_to_lab
from deepkoal.errors import DeepkoalError

AB_LIMIT = 128.0
"""Largest |a| or |b| that a hint may ask for."""

MOST_POINTS = 10_000
"""Of a stroke or a polygon."""

Point: TypeAlias = tuple[float, float]


def parse_css(color: Any) -> tuple[int, ...]:
    """Return the red, green and blue, 0…255, of a CSS color.

    Raises:
        DeepkoalError: it is none.
    """
    try:
        return ImageColor.getrgb(color)[:3]
    except (ValueError, TypeError, AttributeError) as error:
        raise DeepkoalError(
            f"{color!r} is no color; give a CSS name, such as tomato, or #rrggbb"
        ) from error


def parse_color(color: Any) -> FloatArray:
    """Return the ab, float32 (2,) in CIE Lab units, of a CSS color or of a pair of ab.

    Raises:
        DeepkoalError: it is neither, or beyond `AB_LIMIT`.
    """
    if isinstance(color, str):
        return np.asarray(rgb_to_lab(np.array(parse_css(color), np.float32) / 255)[1:])
    if (
        isinstance(color, (tuple, np.ndarray))
        and len(color) == 2
        and all(is_number(part) and abs(part) <= AB_LIMIT for part in color)
    ):
        return np.array(color, np.float32)
    raise DeepkoalError(
        f"{show_value(color)} is no color; give a CSS color or a pair a, b in "
        f"−{AB_LIMIT:g}…{AB_LIMIT:g}"
    )


def check_points(points: Any, what: str, least: int) -> tuple[Point, ...]:
    """Return x and y of points, `least` to `MOST_POINTS` of them, as plain numbers.

    Raises:
        DeepkoalError: these are none, or too few or many; `what` is said to be made of them.
    """
    listed = list(points) if isinstance(points, Sequence | np.ndarray) else []
    if isinstance(points, str) or not all(
        isinstance(point, Sequence | np.ndarray)
        and len(point) == 2
        and all(is_number(part) for part in point)
        for point in listed
    ):
        listed = []
    if not least <= len(listed) <= MOST_POINTS:
        raise DeepkoalError(
            f"{what} is a list of {least} to {MOST_POINTS} points [x, y], not {show_value(points)}"
        )
    return tuple((float(x), float(y)) for x, y in listed)


def check_mask(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a mask, boolean (H, W), that holds something.

    Raises:
        DeepkoalError: it has another shape, or is empty.
    """
    if mask.ndim != 2 or not mask.any():
        raise DeepkoalError(
            f"a region's mask is boolean (H, W) with some of it true, not {mask.shape} with "
            f"{int(mask.sum())}"
        )
    return mask


def show_value(value: Any) -> str:
    """Return what an error says was given: on one line, also of an array, and not all of it."""
    return f"{' '.join(repr(value).split()):.80}"


def is_number(value: Any) -> bool:
    """Return whether this is a finite number, and no bool."""
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    return number and math.isfinite(value)
