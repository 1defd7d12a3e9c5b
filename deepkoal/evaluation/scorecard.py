"""The figures of the evaluation protocol, for programs and for people."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

PROTOCOL = "deepkoal-protocol 1"
"""Name and version of the definitions; figures of one version can be held against each other."""
MATCHED = 0.5
"""ΔCF up to which a set is as colorful as the truth."""

_HEAD = ("", "vibrance", "PSNR", "CF", "ΔCF", "ΔE", "SSIM", "")


@dataclass(frozen=True)
class Row:
    """The figures of one way to color the set; None where one is not measured.

    Attributes:
        name: what was measured.
        vibrance: that it was read at; None for reference lines.
        psnr: dB over RGB, mean over photos; infinite for the truth.
        cf: colorfulness (Hasler and Süsstrunk 2003, signed), mean over photos.
        delta_cf: how far `cf` is from that of the true photos, without a sign.
        delta_e: CIEDE2000, mean over pixels and photos.
        ssim: structural similarity over RGB, mean over photos.
    """

    name: str
    vibrance: float | None
    psnr: float
    cf: float
    delta_cf: float
    delta_e: float | None = None
    ssim: float | None = None


@dataclass(frozen=True)
class Scorecard:
    """What `evaluate` found.

    Attributes:
        network: the network's name.
        working_size: side in pixels at which the network saw the photos.
        temperature: of the annealed mean at vibrance 1; regressions do without.
        parameters: of the network, trained or not.
        seconds_per_photo: median of network and rendering, a photo of `size` at a time.
        size: side in pixels of the square that every photo was measured as.
        photos: how many were measured.
        near_grey: how many were left out for having no colors to measure by.
        unreadable: for each file that could not be read, why.
        colored: the network's output at vibrance 1.
        matched: at the vibrance that is as colorful as the truth, or comes nearest.
        references: the grey photos, the mean training color and the true photos.
    """

    network: str
    working_size: int
    temperature: float
    parameters: int
    seconds_per_photo: float
    size: int
    photos: int
    near_grey: int
    unreadable: tuple[str, ...]
    colored: Row
    matched: Row
    references: tuple[Row, ...]

    @property
    def psnr_at_cf(self) -> float | None:
        """PSNR in dB where ΔCF is at most 0.5; None if no vibrance brings it there."""
        return self.matched.psnr if self.matched.delta_cf <= MATCHED else None

    @property
    def rows(self) -> tuple[Row, ...]:
        """Every row, as the table has them."""
        return (self.colored, self.matched, *self.references)

    def to_json(self) -> dict[str, Any]:
        """Return everything as `json` takes it; the truth's infinite PSNR is None."""
        rows = [
            {**dataclasses.asdict(row), "psnr": _finite(row.psnr), "protocol": PROTOCOL}
            for row in self.rows
        ]
        card = {"protocol": PROTOCOL, **dataclasses.asdict(self)}
        for name in ("colored", "matched", "references"):
            del card[name]
        return card | {
            "unreadable": list(self.unreadable),
            "psnr_at_cf": self.psnr_at_cf,
            "rows": rows,
        }

    def to_table(self) -> str:
        """Return everything as lines of plain, aligned text, without a newline at the end."""
        return "\n".join(
            [
                f"{self.network}: {self.parameters:,} parameters, working size "
                f"{self.working_size}, temperature {self.temperature:g}, "
                f"{self.seconds_per_photo:.3f} s a photo",
                f"{self.photos} photos at {self.size}×{self.size}; left out: {self.near_grey} "
                f"near grey, {len(self.unreadable)} unreadable",
                "",
                *_align([_HEAD, *map(_cells, self.rows)]),
                "",
                f"PSNR@CF: {self._describe_matched()} ({PROTOCOL})",
                "CF has signed opponents; figures made with their absolute values differ.",
                *(f"unreadable: {why}" for why in self.unreadable),
            ]
        )

    def _describe_matched(self) -> str:
        at = f"at vibrance {self.matched.vibrance:.2f}"
        if self.psnr_at_cf is not None:
            return f"{self.psnr_at_cf:.2f} dB {at}"
        return f"not reached; nearest {at}, where CF is {self.matched.delta_cf:.2f} off the truth's"


def _finite(figure: float) -> float | None:
    return figure if math.isfinite(figure) else None


def _cells(row: Row) -> tuple[str, ...]:
    figures = (row.vibrance, row.psnr, row.cf, row.delta_cf, row.delta_e, row.ssim)
    digits = (2, 2, 2, 2, 2, 4)
    return (row.name, *map(_format, figures, digits), PROTOCOL)


def _format(figure: float | None, digits: int) -> str:
    return "–" if figure is None else f"{figure:.{digits}f}"


def _align(table: list[tuple[str, ...]]) -> list[str]:
    """Join cells to lines: the first and last column to the left, figures to the right."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = []
    for name, *figures, last in table:
        right = (cell.rjust(width) for cell, width in zip(figures, widths[1:-1], strict=True))
        lines.append("  ".join([name.ljust(widths[0]), *right, last]).rstrip())
    return lines
