"""Hints as rows of numbers and texts: the form that requests to a served model have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deepkoal.arrays import FloatArray
from deepkoal.errors import DeepkoalError
from deepkoal.hints.kinds import OWN, AnyHint, Hint, Region, Stroke
from deepkoal.hints.layout import KINDS, outline_mask
from deepkoal.hints.placing import check_hints, keep_points
from deepkoal.hints.values import Point, parse_css

NO_MARK = -1
"""The mark of a point that is none, where a batch of requests needs equally many."""


@dataclass(frozen=True, eq=False)
class HintRows:
    """K points of M hints.

    Attributes:
        points: float32 (K, 2), x and y in pixels, or in shares of the photo's width and height.
        marks: K numbers of hints, not falling; `NO_MARK` for no point.
        kinds: M of `KINDS`; an empty one is no hint.
        colors: M of `#rrggbb`, `grey`, `own`, or `a,b` in CIE Lab units.
        relative: M truths, whether a hint's points are shares.
    """

    points: FloatArray
    marks: Sequence[int]
    kinds: Sequence[str]
    colors: Sequence[str]
    relative: Sequence[bool]


def write_rows(hints: Sequence[AnyHint], size: tuple[int, int] | None = None) -> HintRows:
    """Return hints as rows.

    Args:
        hints: of any kind.
        size: height and width of their photo, if known: strokes are as simple as the colorizer
            draws them then.

    Raises:
        DeepkoalError: a mask is not of the photo's shape.
    """
    listed = [_list_points(hint, size) for hint in hints]
    return HintRows(
        np.array([point for points, _ in listed for point in points], np.float32).reshape(-1, 2),
        [mark for mark, (points, _) in enumerate(listed) for _ in points],
        [hint.kind for hint in hints],
        [write_color(hint.color) for hint in hints],
        [relative for _, relative in listed],
    )


def read_rows(rows: HintRows) -> list[AnyHint]:
    """Return the hints of rows, without those that are none.

    Raises:
        DeepkoalError: one is no hint, or there are too few or too many rows.
    """
    sizes = (
        [len(rows.points), len(rows.marks)],
        [len(rows.kinds), len(rows.colors), len(rows.relative)],
    )
    if any(len(set(each)) > 1 for each in sizes):
        raise DeepkoalError(
            "expected as many hint_points as hint_marks, and as many hint_kinds as hint_colors and "
            f"hint_relative, got {sizes[0]} and {sizes[1]}"
        )
    places: list[list[Point]] = [[] for _ in rows.kinds]
    last = 0
    for (x, y), mark in zip(rows.points, rows.marks, strict=True):
        if mark == NO_MARK:
            continue
        if not last <= mark < len(places):
            raise DeepkoalError(
                f"hint_marks: expected numbers of hint_kinds that do not fall, or {NO_MARK}, "
                f"got {mark} after {last}"
            )
        places[mark].append((float(x), float(y)))
        last = int(mark)
    parts = zip(rows.kinds, places, rows.colors, rows.relative, strict=True)
    return [_build(*part) for part in parts if part[0]]


def write_color(color: Any) -> str:
    """Return a hint's color as text, for `read_color`.

    Raises:
        DeepkoalError: it is none.
    """
    if not isinstance(color, str):
        return ",".join(repr(float(part)) for part in color)
    plain = color.strip().lower()
    return plain if plain in (OWN, "grey") else "#%02x%02x%02x" % parse_css(color)  # noqa: UP031


def read_color(text: str) -> str | tuple[float, float]:
    """Return the color of a text: a pair is ab in CIE Lab units."""
    a, comma, b = text.partition(",")
    try:
        return (float(a), float(b)) if comma else text
    except ValueError:  # of `rgb(192, 48, 32)`
        return text


def _list_points(hint: AnyHint, size: tuple[int, int] | None) -> tuple[Sequence[Point], bool]:
    if isinstance(hint, Region) and hint.mask is not None:
        if size is not None:
            check_hints([hint], *size)
        return outline_mask(hint.mask, 1, 1), True
    return hint.points if size is None else keep_points(hint, *size), hint.relative


def _build(kind: str, points: list[Point], color: str, relative: bool) -> AnyHint:
    chosen: Any = read_color(color)
    if kind == Stroke.kind:
        return Stroke(points, chosen, bool(relative))
    if kind == Region.kind:
        return Region(points, chosen, bool(relative))
    if kind != Hint.kind:
        raise DeepkoalError(
            f"hint_kinds: expected {', '.join(KINDS)} or an empty text for no hint, got {kind!r}"
        )
    if len(points) != 1:
        raise DeepkoalError(f"hint_points: expected 1 for a hint, got {len(points)}")
    return Hint(*points[0], chosen, bool(relative))
