"""Whether vivid colors are right, and whether a photo has more than one hue.

A place is a cell of a 32×32 grid over the photo: the mean ab of its 8×8 pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepkoal.arrays import FloatArray
from deepkoal.evaluation.figures.fidelity import find_matched_row
from deepkoal.evaluation.metrics import average_to_grid, rgb_to_ab
from deepkoal.evaluation.photos import Bench, EvaluatedPhoto
from deepkoal.evaluation.scorecard import Figure, Line, format_figure

GRID = 32
VIVID = 30.0
"""Chroma above which a place is vivid."""
COLORED = 12.0
"""Chroma above which the truth can bear a vivid place out."""
HUE_REACH = 30.0
"""Degrees of hue within which a vivid place is right."""
REDS = (-10.0, 60.0)
"""Hues that count as red, in degrees of the ab plane: crimson to orange."""
NOTICED = 5.0
"""Chroma above which a place has a hue that is seen."""
ONE_HUE = 15.0
"""Degrees of hue spread below which a photo has one hue."""


@dataclass(frozen=True)
class Vividness(Figure):
    """Whether vivid places are right, over the places of all photos, at the vibrance of PSNR@CF.

    A place that is shown vivid is right if its hue is within 30° of the truth's and the truth's
    chroma is above 12. Blotches of color are vivid and wrong.

    Attributes:
        precision: share of the places shown vivid that are right, 0…1; NaN where there are none.
        recall: share of the truly vivid places that are shown vivid and right; likewise.
        red_precision: `precision` of those shown vivid at a hue of -10…60°; likewise.
        vibrance: at which the photos were shown.
        photos: how many were measured.
    """

    precision: float
    recall: float
    red_precision: float
    vibrance: float
    photos: int

    def lines(self) -> Sequence[Line]:
        """Return the three shares."""
        shares = {
            f"vivid precision, at vibrance {self.vibrance:.2f}": self.precision,
            "  recall": self.recall,
            "  red precision": self.red_precision,
        }
        return [Line(name, format_figure(share, 3), self.photos) for name, share in shares.items()]


@dataclass(frozen=True)
class HueSpread(Figure):
    """Circular standard deviation of a photo's hues, weighted by chroma, at vibrance 1.

    Attributes:
        mean: in degrees, over the photos that have a hue anywhere; NaN where none has.
        true_mean: of the true photos, likewise.
        one_hued: share of photos whose spread is below 15°, 0…1.
        true_one_hued: of the true photos, likewise.
        photos: how many were measured.
    """

    mean: float
    true_mean: float
    one_hued: float
    true_one_hued: float
    photos: int

    def lines(self) -> Sequence[Line]:
        """Return the share of one-hued photos, and the mean spread."""
        share = f"one-hued photos (of the true ones {self.true_one_hued:.1%})"
        spread = f"hue spread (of the true photos {format_figure(self.true_mean, 1)}°)"
        return [
            Line(share, f"{self.one_hued:.1%}", self.photos),
            Line(spread, f"{format_figure(self.mean, 1)}°", self.photos),
        ]


def measure_vividness(bench: Bench) -> Vividness:
    """Return how right the vivid places of every photo are."""
    photos = bench.photos.photos
    vibrance = bench.measure(find_matched_row).vibrance or 1.0

    def count(photo: EvaluatedPhoto) -> NDArray[np.int64]:
        shown = photo.predict().render(vibrance=vibrance)
        return count_vivid(*(average_to_grid(rgb_to_ab(x), GRID) for x in (shown, photo.truth)))

    counts = np.sum(bench.workers.map(count, photos, "vivid"), axis=0).tolist()
    vivid, right, truly, found, red, red_right = counts
    return Vividness(
        precision=_divide(right, vivid),
        recall=_divide(found, truly),
        red_precision=_divide(red_right, red),
        vibrance=vibrance,
        photos=len(photos),
    )


def count_vivid(ab: FloatArray, truth: FloatArray) -> NDArray[np.int64]:
    """Count vivid places.

    Args:
        ab: float32 (h, w, 2), as shown, in CIE Lab units.
        truth: float32 (h, w, 2), the true photo's.

    Returns:
        int64 (6,): places shown vivid, those of them that are right, truly vivid places, those of
        them that are shown vivid and right, places shown vivid and red, those of them that are
        right.
    """
    true_chroma = np.linalg.norm(truth, axis=-1)
    vivid = np.linalg.norm(ab, axis=-1) > VIVID
    right = vivid & (hue_difference(ab, truth) <= HUE_REACH) & (true_chroma > COLORED)
    truly = true_chroma > VIVID
    hue = np.degrees(np.arctan2(ab[..., 1], ab[..., 0]))
    red = vivid & (hue >= REDS[0]) & (hue <= REDS[1])
    masks = vivid, right, truly, truly & right, red, red & right
    return np.array([np.count_nonzero(mask) for mask in masks])


def hue_difference(ab: FloatArray, truth: FloatArray) -> FloatArray:
    """Return the angle between two chromas, (..., 2) each, as float32 (...) in degrees, 0…180."""
    cross = ab[..., 0] * truth[..., 1] - ab[..., 1] * truth[..., 0]
    return np.asarray(np.degrees(np.abs(np.arctan2(cross, (ab * truth).sum(axis=-1)))), np.float32)


def measure_hue_spread(bench: Bench) -> HueSpread:
    """Return how many hues every photo has."""
    photos = bench.photos.photos

    def spread(photo: EvaluatedPhoto) -> list[float]:
        return [hue_spread(rgb_to_ab(rgb)) for rgb in (photo.colored, photo.truth)]

    spreads = np.array(bench.workers.map(spread, photos, "hues"))
    mean, true_mean = (
        float(x[np.isfinite(x)].mean()) if np.isfinite(x).any() else float("nan") for x in spreads.T
    )
    one_hued, true_one_hued = np.mean(spreads < ONE_HUE, axis=0).tolist()  # NaN is not below
    return HueSpread(mean, true_mean, one_hued, true_one_hued, len(photos))


def hue_spread(ab: FloatArray) -> float:
    """Return the circular standard deviation of hue over places of some chroma.

    sqrt(-2 ln R), R being the length of the mean of unit vectors of hue, weighted by chroma
    (Mardia and Jupp 2000, section 2.3).

    Args:
        ab: float32 (H, W, 2), in CIE Lab units.

    Returns:
        Degrees; NaN where no place has a chroma above 5, so that a grey photo has no hue.
    """
    places = average_to_grid(ab, GRID).reshape(-1, 2).astype(np.float64)
    chroma = np.linalg.norm(places, axis=-1)
    places, chroma = places[chroma > NOTICED], chroma[chroma > NOTICED]
    if not chroma.size:
        return float("nan")
    length = min(max(float(np.linalg.norm(places.sum(axis=0)) / chroma.sum()), 1e-9), 1.0)
    return float(np.degrees(np.sqrt(-2 * np.log(length))))


def _divide(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
