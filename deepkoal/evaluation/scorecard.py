"""The figures of the evaluation protocol, for programs and for people."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PROTOCOL = "deepkoal-protocol 2"
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


class Figure:
    """What one part of the protocol found: each is a frozen dataclass of numbers."""

    def lines(self) -> Sequence[Line]:
        """Return its lines of the scorecard's table."""
        raise NotImplementedError

    def table(self) -> Sequence[str]:
        """Return a table of its own, as lines of aligned text; none by default."""
        return ()

    def to_json(self) -> dict[str, Any]:
        """Return its fields as `json` takes them; what is infinite or undefined is None."""
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        return {field.name: _plain(getattr(self, field.name)) for field in fields}


@dataclass(frozen=True)
class Unmeasured(Figure):
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


@dataclass(frozen=True)
class Scorecard:
    """What `evaluate` found.

    Attributes:
        network: the network's name.
        working_sizes: sides in pixels at which the network saw the photos.
        temperature: of the annealed mean at vibrance 1; regressions do without.
        size: side in pixels of the square that every photo was measured as.
        photos: how many were measured; 0 where no figure needs a folder of photos.
        near_grey: how many were left out for having no colors to measure by.
        unreadable: for each file that could not be read, its name and why, in printable characters.
        failed: for each file at which something unexpected happened, likewise.
        figures: what was measured, by the names of `FIGURES`.
    """

    network: str
    working_sizes: tuple[int, ...]
    temperature: float
    size: int
    photos: int
    near_grey: int
    unreadable: tuple[str, ...]
    failed: tuple[str, ...]
    figures: Mapping[str, Figure]

    @property
    def rows(self) -> tuple[Any, ...]:
        """The output and the reference lines, `Row` each; none if "fidelity" was not measured."""
        return tuple(getattr(self.figures.get("fidelity"), "rows", ()))

    @property
    def psnr_at_cf(self) -> float | None:
        """PSNR in dB where ΔCF is at most 0.5; None if not measured or out of reach."""
        value: float | None = getattr(self.figures.get("fidelity"), "psnr_at_cf", None)
        return value

    def list_sizes(self) -> str:
        """Return the working sizes in words."""
        return " and ".join(map(str, self.working_sizes))

    def to_json(self) -> dict[str, Any]:
        """Return everything as `json` takes it; what is infinite or undefined is None."""
        card = {field.name: _plain(getattr(self, field.name)) for field in dataclasses.fields(self)}
        figures = {
            name: {**figure.to_json(), "protocol": PROTOCOL}
            for name, figure in self.figures.items()
        }
        return {"protocol": PROTOCOL} | card | {"figures": figures}

    def to_table(self) -> str:
        """Return everything as lines of plain, aligned text, without a newline at the end."""
        left_out = [f"{self.near_grey} near grey", f"{len(self.unreadable)} unreadable"]
        if self.failed:
            left_out.append(f"{len(self.failed)} failed")
        photos = f"{self.photos} photos at {self.size}×{self.size}; left out: {', '.join(left_out)}"
        tables = [line for figure in self.figures.values() for line in figure.table()]
        found = [line for figure in self.figures.values() for line in figure.lines()]
        return "\n".join(
            [
                f"{self.network}: working size {self.list_sizes()}, temperature "
                f"{self.temperature:g}",
                *([photos] if self.photos else []),
                "",
                *([*tables, ""] if tables else []),
                *align([("", "", "photos", ""), *map(_cells, found)]),
                "",
                "CF has signed opponents; figures made with their absolute values differ.",
                *(f"unreadable: {why}" for why in self.unreadable),
                *(f"failed: {why}" for why in self.failed),
            ]
        )


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


def _cells(line: Line) -> tuple[str, ...]:
    photos = "" if line.photos is None else str(line.photos)
    return line.name, line.value, photos, PROTOCOL


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {
            field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
