"""The figures of the evaluation protocol, for programs and for people."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deepkoal.evaluation.fidelity import Fidelity, Row
from deepkoal.evaluation.table import PROTOCOL, Figure, Line, align


@dataclass(frozen=True)
class Scorecard:
    """What `evaluate` found.

    Attributes:
        network: the network's name.
        working_size: side in pixels at which the network saw the photos.
        temperature: of the annealed mean at vibrance 1; regressions do without.
        size: side in pixels of the square that every photo was measured as.
        photos: how many were measured.
        near_grey: how many were left out for having no colors to measure by.
        unreadable: for each file that could not be read, why.
        figures: what was measured, by the names of `FIGURES`.
    """

    network: str
    working_size: int
    temperature: float
    size: int
    photos: int
    near_grey: int
    unreadable: tuple[str, ...]
    figures: Mapping[str, Figure]

    @property
    def rows(self) -> tuple[Row, ...]:
        """The output and the reference lines; none if "psnr" was not measured."""
        closeness = self.figures.get("psnr")
        return closeness.rows if isinstance(closeness, Fidelity) else ()

    @property
    def psnr_at_cf(self) -> float | None:
        """PSNR in dB where ΔCF is at most 0.5; None if not measured or out of reach."""
        closeness = self.figures.get("psnr")
        return closeness.psnr_at_cf if isinstance(closeness, Fidelity) else None

    def to_json(self) -> dict[str, Any]:
        """Return everything as `json` takes it; what is infinite or undefined is None."""
        card = {"protocol": PROTOCOL} | {
            field.name: getattr(self, field.name) for field in dataclasses.fields(self)
        }
        figures = {
            name: {**_plain(figure), "protocol": PROTOCOL} for name, figure in self.figures.items()
        }
        if "psnr" in figures:
            figures["psnr"]["psnr_at_cf"] = self.psnr_at_cf
        return card | {"unreadable": list(self.unreadable), "figures": figures}

    def to_table(self) -> str:
        """Return everything as lines of plain, aligned text, without a newline at the end."""
        closeness = self.figures.get("psnr")
        rows = [*closeness.table(), ""] if isinstance(closeness, Fidelity) else []
        found = [line for figure in self.figures.values() for line in figure.lines()]
        return "\n".join(
            [
                f"{self.network}: working size {self.working_size}, temperature "
                f"{self.temperature:g}",
                f"{self.photos} photos at {self.size}×{self.size}; left out: {self.near_grey} "
                f"near grey, {len(self.unreadable)} unreadable",
                "",
                *rows,
                *align([("", "", "photos", ""), *map(self._cells, found)]),
                "",
                "CF has signed opponents; figures made with their absolute values differ.",
                *(f"unreadable: {why}" for why in self.unreadable),
            ]
        )

    def _cells(self, line: Line) -> tuple[str, ...]:
        photos = "" if line.photos is None else str(line.photos)
        return line.name, line.value, photos, PROTOCOL


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {
            field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
