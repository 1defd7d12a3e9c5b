"""Figures as lines of plain, aligned text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

PROTOCOL = "deepkoal-protocol 1"
"""Name and version of the definitions; figures of one version can be held against each other."""


@dataclass(frozen=True)
class Line:
    """One figure of the scorecard's table.

    Attributes:
        name: what was measured.
        value: as it is printed, with its unit; "–" where it was not measured.
        photos: how many it was measured on, if on photos.
    """

    name: str
    value: str
    photos: int | None = None


class Figure(Protocol):
    """What one part of the protocol found: a frozen dataclass of numbers."""

    def lines(self) -> Sequence[Line]:
        """Return its lines of the table."""
        ...


@dataclass(frozen=True)
class Unmeasured:
    """A figure that was asked for and could not be measured.

    Attributes:
        name: of the figure.
        why: in a few words.
    """

    name: str
    why: str

    def lines(self) -> Sequence[Line]:
        """Return one line, with a dash for a figure."""
        return [Line(f"{self.name} ({self.why})", "–")]


def format_figure(figure: float | None, digits: int) -> str:
    """Return a figure as the table has it; a dash for none."""
    if figure is None or math.isnan(figure):
        return "–"
    return f"{figure:.{digits}f}"


def align(table: Sequence[tuple[str, ...]]) -> list[str]:
    """Join cells to lines: the first and last column to the left, those between to the right."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = []
    for name, *figures, last in table:
        right = (cell.rjust(width) for cell, width in zip(figures, widths[1:-1], strict=True))
        lines.append("  ".join([name.ljust(widths[0]), *right, last]).rstrip())
    return lines
