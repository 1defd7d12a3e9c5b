"""Colors of one picture moved to another by sliced optimal transport, kept as a look-up table.

Lab samples of the photo are carried to those of the painting (Pitié, Kokaram and Dahyot 2007,
"Automated colour grading using colour distribution transfer": along the axes of random rotations
samples are matched by rank, again and again). What became of a and b is averaged into a small table
over Lab, as film labs use, so that like colors move alike, grain is not amplified, and a photo of
any size costs one interpolation a pixel. Lightness guides the matching and is kept.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.stats import special_ortho_group

from deepkoal.arrays import ByteArray, FloatArray
from deepkoal.color import rgb_to_lab

SAMPLES = 20_000
"""Pixels of either picture that are matched."""
TURNS = 24
"""Rotations, each of which matches three axes."""
CELLS = 25
"""Of the table along each axis of Lab."""
BLUR = 1.2
"""Standard deviation, in cells, over which the table is averaged."""

_LOW = np.array([0, -110, -110], np.float64)
_STEP = np.array([100, 220, 220]) / (CELLS - 1)


class ColorTable:
    """Where colors move to: a shift of a and b for each place of a grid over Lab.

    Args:
        shifts: float32 (`CELLS`, `CELLS`, `CELLS`, 2), in ab units.
    """

    def __init__(self, shifts: FloatArray) -> None:
        self._shifts = shifts

    @classmethod
    def match(cls, rgb: ByteArray, style: ByteArray, seed: int = 0) -> ColorTable:
        """Return the table that carries a photo's colors to those of a painting.

        Args:
            rgb: uint8 (H, W, 3) sRGB.
            style: likewise.
            seed: of rotations and samples.
        """
        rng = np.random.default_rng(seed)
        start, target = _sample(rgb, rng), _sample(style, rng)
        moved = _transport(start, target, rng)
        return cls(_tabulate(start, (moved - start)[:, 1:]))

    def shift(self, lab: FloatArray) -> FloatArray:
        """Return by how much a and b move, float32 (..., 2), for Lab colors (..., 3)."""
        places = np.moveaxis(_place(lab), -1, 0)
        shifts = [
            map_coordinates(self._shifts[..., axis], places, order=1, mode="nearest")
            for axis in (0, 1)
        ]
        return np.stack(shifts, axis=-1)


def _sample(rgb: ByteArray, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return `SAMPLES` of a picture's colors, Lab (n, 3)."""
    flat = rgb.reshape(-1, 3)
    chosen = flat[rng.integers(0, len(flat), SAMPLES)]
    # Rounded to levels they would come in ranks of many alike, which move apart at random.
    return np.asarray(rgb_to_lab((chosen + rng.uniform(-0.5, 0.5, chosen.shape)) / 255))


def _transport(
    start: NDArray[np.float64], target: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    moved = start.copy()
    for axes in special_ortho_group.rvs(3, TURNS, rng):
        along, wanted = moved @ axes, np.sort(target @ axes, axis=0)
        order = np.argsort(along, axis=0)
        matched = np.empty_like(along)
        np.put_along_axis(matched, order, wanted, axis=0)
        moved += (matched - along) @ axes.T
    return moved


def _tabulate(lab: NDArray[np.float64], shifts: NDArray[np.float64]) -> FloatArray:
    """Return the mean shift around each place of the grid; far from all colors, the nearest's."""
    cells = np.rint(_place(lab)).astype(int).clip(0, CELLS - 1)
    index = np.ravel_multi_index(tuple(cells.T), (CELLS,) * 3)
    weighted = np.column_stack([np.ones(len(lab)), shifts])
    sums = np.stack(
        [np.bincount(index, column, CELLS**3).reshape((CELLS,) * 3) for column in weighted.T], -1
    )
    # Ever wider means, each of which counts only where narrower ones found little.
    total = np.zeros_like(sums)
    for width, weight in ((BLUR, 1.0), (2 * BLUR, 1e-3), (4 * BLUR, 1e-6), (12 * BLUR, 1e-9)):
        total += weight * gaussian_filter(sums, (width, width, width, 0), mode="constant")
    return np.asarray(total[..., 1:] / np.maximum(total[..., :1], 1e-30), np.float32)


def _place(lab: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the places of colors in the grid, in cells."""
    return np.asarray((lab - _LOW) / _STEP)
