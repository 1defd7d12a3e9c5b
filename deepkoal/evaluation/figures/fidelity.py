"""How close the colors come to the truth: PSNR, CF, ΔE, SSIM, PSNR@CF and PSNR@0.7CF."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from deepkoal.evaluation.metrics import ciede2000, colorfulness, psnr, ssim
from deepkoal.evaluation.photos import Bench, EvaluatedPhoto
from deepkoal.evaluation.scorecard import PROTOCOL, Figure, Line, align, format_figure
from deepkoal.guidance import VIBRANCE_RANGE
from deepkoal.rendering.composition import compose_rgb
from deepkoal.rendering.contact_sheets import desaturate

MEAN_TRAINING_AB = (1.82, 5.72)
"""Mean color of the 25,056 photos that koala-lite was trained on, in CIE Lab units: over the
pixels of each photo's center square at 64×64, then over photos. Standard error 0.05 and 0.08."""
MATCHED = 0.5
"""ΔCF up to which a set is as colorful as the truth."""
MODERATE = 0.7
"""Share of the truth's colorfulness that most people would choose to look at."""

_CLOSE = 0.002  # of log vibrance, where the search stops: closer than asked, so that PSNR repeats
_MEASURED = ("colored", "grey photo", "mean training color", "true photo")
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
class Fidelity(Figure):
    """How close the output is to the truth, beside reference lines.

    Attributes:
        colored: the network's output at vibrance 1.
        matched: at the vibrance that is as colorful as the truth, or comes nearest.
        moderate: at the vibrance that has 0.7 of the truth's colorfulness, or comes nearest.
        psnr_optimal: at the preset's vibrance of highest PSNR, see `DecodingConfig`.
        references: the grey photos, the mean training color and the true photos.
    """

    colored: Row
    matched: Row
    moderate: Row
    psnr_optimal: Row
    references: tuple[Row, ...]

    @property
    def true_cf(self) -> float:
        """Colorfulness of the true photos."""
        return self.references[-1].cf

    @property
    def psnr_at_cf(self) -> float | None:
        """PSNR in dB where ΔCF is at most 0.5; None if no vibrance brings it there."""
        return self._psnr_at(self.matched, 1)

    @property
    def psnr_at_0_7_cf(self) -> float | None:
        """PSNR in dB within 0.5 of 0.7 of the truth's CF; None if no vibrance brings it there."""
        return self._psnr_at(self.moderate, MODERATE)

    @property
    def rows(self) -> tuple[Row, ...]:
        """Every row, as the table has them."""
        return (self.colored, self.matched, self.moderate, self.psnr_optimal, *self.references)

    def table(self) -> list[str]:
        """Return the rows as lines of aligned text."""
        return align([_HEAD, *map(_cells, self.rows)])

    def lines(self) -> Sequence[Line]:
        """Return the headline figures, PSNR@CF and PSNR@0.7CF."""
        return [
            self._line("PSNR@CF", self.matched, self.psnr_at_cf),
            self._line("PSNR@0.7CF", self.moderate, self.psnr_at_0_7_cf),
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the rows and both headline figures as `json` takes them."""
        headlines = {"psnr_at_cf": self.psnr_at_cf, "psnr_at_0_7_cf": self.psnr_at_0_7_cf}
        return {**super().to_json(), **headlines}

    def _psnr_at(self, row: Row, share: float) -> float | None:
        return row.psnr if abs(row.cf - share * self.true_cf) <= MATCHED else None

    def _line(self, name: str, row: Row, value: float | None) -> Line:
        at = f"at vibrance {row.vibrance:.2f}"
        if value is not None:
            return Line(f"{name}, {at}", f"{value:.2f} dB")
        off = f"not reached; nearest {at}, where CF is {row.cf:.2f} of {self.true_cf:.2f}"
        return Line(f"{name} ({off})", "–")


def measure_fidelity(bench: Bench) -> Fidelity:
    """Return how close every photo comes: as it is, at two colorfulnesses, and at its best."""
    photos = bench.photos.photos
    means = np.mean(bench.workers.map(_measure, photos, "measuring"), axis=0)
    true_cf = float(means[-1][1])
    colored, *references = (
        _row(name, 1.0 if name == "colored" else None, figures, true_cf)
        for name, figures in zip(_MEASURED, means, strict=True)
    )
    return Fidelity(
        colored,
        bench.measure(find_matched_row),
        bench.measure(_find_moderate_row),
        _read(bench, bench.psnr_optimal_vibrance, "colored, PSNR optimal"),
        tuple(references),
    )


def find_matched_row(bench: Bench) -> Row:
    """Return PSNR and CF at the vibrance of PSNR@CF, or the nearest to it that there is."""
    true_cf = bench.measure(_measure_true_cf)
    return match_colorfulness(
        lambda vibrance: _read(bench, vibrance, "colored, CF matched"), true_cf
    )


def match_colorfulness(read: Callable[[float], Row], cf: float) -> Row:
    """Search the vibrance at which a set has a certain colorfulness.

    Colorfulness grows with vibrance, so its root is sought by Brent's method on the logarithm of
    vibrance, from 1 to the end of its range where the root must lie.

    Args:
        read: measures the set at a vibrance.
        cf: colorfulness to reach, such as that of the true photos.

    Returns:
        The row that came nearest: more than 0.5 off only where no vibrance reaches that far.
    """
    low, high = VIBRANCE_RANGE
    rows: list[Row] = []

    @functools.cache  # Brent's method asks for the ends again
    def miss(logarithm: float) -> float:
        rows.append(read(min(max(math.exp(logarithm), low), high)))
        return rows[-1].cf - cf

    neutral = miss(0.0)
    end = math.log(high if neutral < 0 else low)
    if neutral * miss(end) < 0:
        brentq(miss, 0.0, end, xtol=_CLOSE)
    return min(rows, key=lambda row: abs(row.cf - cf))


def _find_moderate_row(bench: Bench) -> Row:
    cf = MODERATE * bench.measure(_measure_true_cf)
    return match_colorfulness(lambda vibrance: _read(bench, vibrance, "colored, 0.7 CF"), cf)


def _measure_true_cf(bench: Bench) -> float:
    return float(np.mean([colorfulness(photo.truth) for photo in bench.photos.photos]))


def _read(bench: Bench, vibrance: float, name: str) -> Row:
    """Return PSNR and CF of every photo at a vibrance."""
    at = functools.partial(_measure_at, vibrance=vibrance)
    pairs = bench.workers.map(at, bench.photos.photos, f"vibrance {vibrance:.2f}")
    return _row(name, vibrance, np.mean(pairs, axis=0), bench.measure(_measure_true_cf))


def _measure(photo: EvaluatedPhoto) -> list[tuple[float, float, float, float]]:
    """Return PSNR, CF, ΔE and SSIM of each of `_MEASURED`."""
    truth = photo.truth
    mean_ab = np.broadcast_to(np.array(MEAN_TRAINING_AB, np.float32), (*photo.lightness.shape, 2))
    rgbs = photo.colored, desaturate(truth), compose_rgb(photo.lightness, mean_ab)
    return [
        *(
            (psnr(rgb, truth), colorfulness(rgb), ciede2000(rgb, truth), ssim(rgb, truth))
            for rgb in rgbs
        ),
        (math.inf, colorfulness(truth), 0.0, 1.0),  # by definition
    ]


def _measure_at(photo: EvaluatedPhoto, vibrance: float) -> tuple[float, float]:
    """Return PSNR and CF."""
    rgb = photo.predict().render(vibrance=vibrance)
    return psnr(rgb, photo.truth), colorfulness(rgb)


def _row(name: str, vibrance: float | None, means: NDArray[np.float64], true_cf: float) -> Row:
    psnr_mean, cf, *others = map(float, means)
    return Row(name, vibrance, psnr_mean, cf, abs(cf - true_cf), *others)


def _cells(row: Row) -> tuple[str, ...]:
    figures = (row.vibrance, row.psnr, row.cf, row.delta_cf, row.delta_e, row.ssim)
    digits = (2, 2, 2, 2, 2, 4)
    return (row.name, *map(format_figure, figures, digits), PROTOCOL)
