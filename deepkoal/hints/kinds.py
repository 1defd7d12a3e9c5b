"""Colors that a user gives to a photo: at a point, along a stroke, or all over a region."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from deepkoal.arrays import FloatArray
from deepkoal.errors import DeepkoalError
from deepkoal.hints.values import (
    Point,
    check_mask,
    check_points,
    is_number,
    parse_color,
    show_value,
)
from deepkoal.short_repr import short_repr

OWN = "own"
"""The color of a hint that keeps its place as it is; `grey` keeps it without color."""


@dataclass(frozen=True, kw_only=True)
class _Mark:
    """What the three kinds of hints share."""

    kind: ClassVar[str]

    @property
    def ab(self) -> FloatArray:
        """The color's ab, float32 (2,), in CIE Lab units; 0 where it is `own`."""
        return np.zeros(2, np.float32) if self.is_own else parse_color(self.color)  # type: ignore[attr-defined]

    @property
    def is_own(self) -> bool:
        """Whether the place is to stay as it is."""
        return isinstance(self.color, str) and self.color.strip().lower() == OWN  # type: ignore[attr-defined]


@short_repr
@dataclass(frozen=True)
class Hint(_Mark):
    """A color for a place of a photo, and for the thing that it lies on.

    Attributes:
        x: from the photo's left edge, in pixels.
        y: from its upper edge.
        color: a CSS color (`"#c03020"`, `"tomato"`, `"rgb(192, 48, 32)"`), or ab in CIE Lab units
            as a pair. The photo keeps its lightness; of a color only ab is taken. `"grey"` keeps
            the thing without color, `"own"` as it is without hints.
        relative: whether x and y are shares of the photo's width and height, 0…1.

    Raises:
        DeepkoalError: a coordinate is not finite or negative, or the color is none.
    """

    x: float
    y: float
    color: str | tuple[float, float]
    relative: bool = False

    kind: ClassVar[str] = "hint"

    def __post_init__(self) -> None:
        """Reject what no photo could use."""
        for name in ("x", "y"):
            value = getattr(self, name)
            if not is_number(value) or value < 0:
                raise DeepkoalError(f"a hint's {name} must be a number from 0 up, not {value!r}")
        _check_rest(self)

    @property
    def points(self) -> tuple[Point, ...]:
        """The one place, as a stroke has several."""
        return ((self.x, self.y),)


@short_repr
@dataclass(frozen=True)
class Stroke(_Mark):
    """A color for what a line is drawn over, and for the thing that it lies on.

    Attributes:
        points: x and y of its corners in order, in pixels, one or more.
        color: as a `Hint`'s.
        relative: likewise.

    Raises:
        DeepkoalError: these are no points, or the color is none.
    """

    points: Sequence[Point]
    color: str | tuple[float, float]
    relative: bool = False

    kind: ClassVar[str] = "stroke"

    def __post_init__(self) -> None:
        """Reject what no photo could use."""
        object.__setattr__(self, "points", check_points(self.points, "a stroke", 1))
        _check_rest(self)


@short_repr
@dataclass(frozen=True, eq=False)
class Region(_Mark):
    """A color for all that lies within an outline, and for nothing else.

    Attributes:
        area: x and y of a polygon's corners in order, in pixels, three or more; or a mask of the
            whole photo, boolean (H, W) at any size.
        color: as a `Hint`'s.
        relative: whether the corners are shares of the photo's width and height, 0…1.

    Raises:
        DeepkoalError: this is no polygon or mask, the mask is empty, or the color is none.
    """

    area: Sequence[Point] | NDArray[Any]
    color: str | tuple[float, float]
    relative: bool = False

    kind: ClassVar[str] = "region"

    def __post_init__(self) -> None:
        """Reject what no photo could use."""
        area: Any = self.area
        is_mask = isinstance(area, np.ndarray) and area.dtype == bool
        area = check_mask(area) if is_mask else check_points(area, "a region", 3)
        object.__setattr__(self, "area", area)
        _check_rest(self)

    def __eq__(self, other: object) -> bool:
        """Return whether another region has the same outline and color."""
        return (
            isinstance(other, Region)
            and (self.color, self.relative) == (other.color, other.relative)
            and isinstance(self.area, tuple) == isinstance(other.area, tuple)
            and np.array_equal(self.area, other.area)
        )

    def __hash__(self) -> int:
        """Return a number that equal regions share."""
        return hash((self.color, self.relative, np.shape(self.area)))

    @property
    def mask(self) -> NDArray[np.bool_] | None:
        """The mask, where one was given instead of a polygon."""
        return self.area if isinstance(self.area, np.ndarray) else None

    @property
    def points(self) -> tuple[Point, ...]:
        """The polygon's corners; none of a mask."""
        return self.area if isinstance(self.area, tuple) else ()


AnyHint: TypeAlias = Hint | Stroke | Region


def check_kind(hints: Any) -> tuple[AnyHint, ...]:
    """Return hints as a tuple, if they are some.

    Raises:
        DeepkoalError: this is no list of hints, or one is something else, such as a dict.
    """
    listed = tuple(hints) if isinstance(hints, Iterable) else (hints,)
    for hint in listed:
        if not isinstance(hint, AnyHint) or not isinstance(hints, Iterable):
            raise DeepkoalError(
                f"expected hints as a list of deepkoal.Hint(x, y, color), got {show_value(hint)}; "
                "deepkoal.hints.read_hints makes them of a JSON file"
            )
    return listed


def _check_rest(hint: AnyHint) -> None:
    if not isinstance(hint.relative, bool):
        raise DeepkoalError(f"a {hint.kind}'s relative must be true or false: {hint.relative!r}")
    if not hint.is_own:
        parse_color(hint.color)
    for x, y in hint.points if hint.relative else ():
        if max(x, y) > 1:
            raise DeepkoalError(
                f"a relative {hint.kind}'s x and y must lie in 0…1, not {x:g}, {y:g}"
            )
