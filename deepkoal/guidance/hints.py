"""Colors that a user gives to places of a photo."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ImageColor

from deepkoal.arrays import FloatArray, Tensor, cast, namespace
from deepkoal.color import rgb_to_lab
from deepkoal.errors import DeepkoalError

AB_LIMIT = 128.0
"""Largest |a| or |b| that a hint may ask for."""


@dataclass(frozen=True)
class Hint:
    """A color for a place of a photo, and by affinity for all that is like it.

    Attributes:
        x: from the photo's left edge, in pixels.
        y: from its upper edge.
        color: a CSS color (`"#c03020"`, `"tomato"`, `"rgb(192, 48, 32)"`), or ab in CIE Lab units
            as a pair. The photo keeps its lightness; of a color only ab is taken.

    Raises:
        DeepkoalError: a coordinate is not finite or negative, or the color is none.
    """

    x: float
    y: float
    color: str | tuple[float, float]

    def __post_init__(self) -> None:
        """Reject what no photo could use."""
        for name in ("x", "y"):
            value = getattr(self, name)
            if not is_number(value) or value < 0:
                raise DeepkoalError(f"a hint's {name} must be a number from 0 up, not {value!r}")
        _parse_color(self.color)

    @property
    def ab(self) -> FloatArray:
        """The color's ab, float32 (2,), in CIE Lab units."""
        return _parse_color(self.color)


def check_kind(hints: Any) -> tuple[Hint, ...]:
    """Return hints as a tuple, if they are some.

    Raises:
        DeepkoalError: this is no list of hints, or one is something else, such as a dict.
    """
    listed = tuple(hints) if isinstance(hints, Iterable) else (hints,)
    for hint in listed:
        if not isinstance(hint, Hint) or not isinstance(hints, Iterable):
            raise DeepkoalError(
                f"expected hints as a list of deepkoal.Hint(x, y, color), got {hint!r}; "
                "deepkoal.guidance.read_hints makes them of a JSON file"
            )
    return listed


def check_hints(hints: Sequence[Hint], height: int, width: int) -> None:
    """Make sure that hints lie on a photo of this size.

    Raises:
        DeepkoalError: one does not.
    """
    for hint in hints:
        if not (hint.x < width and hint.y < height):
            raise DeepkoalError(
                f"the hint at x {hint.x:g}, y {hint.y:g} lies outside the photo of "
                f"{width}×{height} pixels; count from its upper left corner"
            )


@dataclass(frozen=True, eq=False)
class HintArrays:
    """Hints as arrays or tensors, known to lie on their photo.

    Attributes:
        points: floating point (K, 2), x and y in pixels from the photo's upper left corner.
        ab: float32 (K, 2), in CIE Lab units.
    """

    points: Tensor
    ab: Tensor


def list_hints(hints: Sequence[Hint], height: int, width: int) -> HintArrays:
    """Return hints on a photo of this size as arrays.

    Raises:
        DeepkoalError: as `check_hints`.
    """
    check_hints(hints, height, width)
    points = np.array([(hint.x, hint.y) for hint in hints], np.float64).reshape(-1, 2)
    return HintArrays(points, np.array([hint.ab for hint in hints], np.float32).reshape(-1, 2))


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


def read_hints(path: str | Path) -> list[Hint]:
    """Read hints from a JSON file: a list of `{"x": 120, "y": 80, "color": "#c03020"}`.

    A color may also be `[a, b]` in CIE Lab units.

    Raises:
        DeepkoalError: the file cannot be read, is not such JSON or holds a hint that is none.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise DeepkoalError(
            f"{path}: cannot be read ({error.strerror}); check the path and your permissions"
        ) from error
    try:
        entries = json.loads(data.decode())
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DeepkoalError(f"{path}: cannot be read as JSON ({error}); {_FORM}") from error
    if not isinstance(entries, list):
        raise DeepkoalError(f"{path}: expected a list, got {type(entries).__name__}; {_FORM}")
    return [parse_hint(entry, f"{path}, hint {number}") for number, entry in enumerate(entries, 1)]


_FORM = 'hints are a list of {"x": 120, "y": 80, "color": "#c03020"}'


def parse_hint(entry: Any, where: str) -> Hint:
    """Return the hint that an entry of a hint file describes.

    Args:
        entry: of the file's list.
        where: it stands, for messages.

    Raises:
        DeepkoalError: it describes none.
    """
    if not isinstance(entry, dict) or set(entry) != {"x", "y", "color"}:
        got = sorted(entry) if isinstance(entry, dict) else entry
        raise DeepkoalError(f"{where}: expected x, y and color, got {got}; {_FORM}")
    color = entry["color"]
    try:
        return Hint(entry["x"], entry["y"], tuple(color) if isinstance(color, list) else color)
    except DeepkoalError as error:
        raise DeepkoalError(f"{where}: {error}") from error


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


def _parse_color(color: Any) -> FloatArray:
    if isinstance(color, str):
        return np.asarray(rgb_to_lab(np.array(parse_css(color), np.float32) / 255)[1:])
    if (
        isinstance(color, (tuple, np.ndarray))
        and len(color) == 2
        and all(is_number(part) and abs(part) <= AB_LIMIT for part in color)
    ):
        return np.array(color, np.float32)
    raise DeepkoalError(
        f"{color!r} is no color; give a CSS color or a pair a, b in −{AB_LIMIT:g}…{AB_LIMIT:g}"
    )


def is_number(value: Any) -> bool:
    """Return whether this is a finite number, and no bool."""
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    return number and math.isfinite(value)
