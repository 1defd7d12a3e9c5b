"""Noise, grain and the blocks of JPEG files taken away, where they are found: pure functions of L.

What is done follows what is measured, so that a photo without noise comes back as it is.
"""

from __future__ import annotations

import cv2
import numpy as np

from deepkoal.arrays import FloatArray

BLOCK = 8
"""Side in pixels of the squares among which the plainest tell the noise; and of JPEG's blocks."""

PLAINEST = 5.0
"""Percentile of the squares by their noise that is taken for all of it: others hold detail."""

LUCK = 1.25
"""Noise of a whole photo over that of its `PLAINEST` squares, which by chance have less."""

SHOWN = (5.0, 95.0)
"""Mean lightness of squares that count: what is black or white has no noise left."""

LEAST_NOISE, FULL_NOISE = 1.0, 1.5
"""Standard deviations of L: below the former nothing is done, above the latter all of it."""

REACH = 1.1
"""Of non-local means: how different patches may be, in standard deviations of the noise."""

PATCH, SEARCH = 3, 15
"""Sides in pixels of its patches, and of where it looks for their like."""

SMALLEST = 256
"""Shorter side in pixels that a photo halved must have for its grain to be looked for."""

BLOCKY = (1.15, 1.4)
"""How much the edges of blocks stand out from which they are smoothed, and so in full."""

BLUR, SIMILAR = 1.0, 4.0
"""Standard deviations of the bilateral filter that smooths them, in pixels and in L."""


def reduce_noise(l: FloatArray, amount: float) -> FloatArray:
    """Return lightness with less noise, grain and JPEG blocks.

    Non-local means (Buades, Coll, Morel 2005) with the noise that `measure_noise` finds; likewise
    at half the size, a quarter and so on, as the grain of a fine scan is many pixels wide; then,
    where `measure_blocks` finds any, a bilateral filter (Tomasi, Manduchi 1998).

    Args:
        l: float32 (H, W), 0…100.
        amount: 0…1, of the change.
    """
    blocks = _rise(measure_blocks(l), *BLOCKY)
    clean = _reduce_grain(l)
    if blocks:
        smooth = cv2.bilateralFilter(clean, 0, SIMILAR, BLUR)
        clean = clean + np.float32(blocks) * (smooth - clean)
    if clean is l or not amount:
        return l
    return np.asarray(np.clip(l + np.float32(amount) * (clean - l), 0, 100), np.float32)


def measure_noise(l: FloatArray) -> float:
    """Return the standard deviation of the noise in L (H, W), that of the plainest squares.

    In each it is told by the mean of |N ∗ l| with Immerkær's mask N (1996), which sees neither
    planes nor straight edges along rows and columns.
    """
    rows, columns = (side // BLOCK for side in l.shape)
    if not rows or not columns:
        return 0.0
    mask = np.array([1, -2, 1], np.float32)
    response = np.abs(cv2.sepFilter2D(l, cv2.CV_32F, mask, mask)) * ((np.pi / 2) ** 0.5 / 6)
    noise, tone = (
        cv2.resize(
            x[: rows * BLOCK, : columns * BLOCK], (columns, rows), interpolation=cv2.INTER_AREA
        )
        for x in (response, l)
    )
    seen = noise[(tone > SHOWN[0]) & (tone < SHOWN[1])]
    return LUCK * float(np.percentile(seen, PLAINEST)) if seen.size else 0.0


def measure_blocks(l: FloatArray) -> float:
    """Return how much steeper L (H, W) is between JPEG's blocks than elsewhere; 1 without them.

    Along each axis differences of neighbors, less the mean of those beside them, are averaged by
    their place modulo 8; the highest mean over that of the others, of the axis where it is less.
    Blocks of a file that was cropped lie anywhere, those of one made smaller are not found.
    """
    return min(_measure_steps(l), _measure_steps(l.T))


def _measure_steps(l: FloatArray) -> float:
    steps = np.diff(l, axis=1)
    if steps.shape[1] < 4 * BLOCK:
        return 1.0
    jumps = np.abs(steps[:, 1:-1] - (steps[:, :-2] + steps[:, 2:]) / 2).mean(axis=0)
    means = np.array([jumps[place::BLOCK].mean() for place in range(BLOCK)])
    highest = means.max()
    others = (means.sum() - highest) / (BLOCK - 1)
    return float(highest / others) if others > 1e-3 else 1.0


def _reduce_grain(l: FloatArray) -> FloatArray:
    """Return lightness without its noise at its own size, then at half of it; without any, l."""
    noise = measure_noise(l)
    share = _rise(noise, LEAST_NOISE, FULL_NOISE)
    clean = l
    if share:
        levels = np.rint(np.clip(l, 0, 100) * 2.55).astype(np.uint8)
        found = cv2.fastNlMeansDenoising(levels, None, REACH * 2.55 * noise, PATCH, SEARCH)
        # The change alone, so that lightness is not rounded to levels.
        change = (found.astype(np.float32) - levels) / np.float32(2.55)
        clean = l + np.float32(share) * change
    height, width = l.shape
    if min(l.shape) < 2 * SMALLEST:
        return clean
    half = np.asarray(
        cv2.resize(clean, (width // 2, height // 2), interpolation=cv2.INTER_AREA), np.float32
    )
    coarse = _reduce_grain(half)
    if coarse is half:
        return clean
    change = cv2.resize(coarse - half, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(clean + change, np.float32)


def _rise(value: float, low: float, high: float) -> float:
    """Return 0 up to low, 1 from high on, and what lies between in proportion."""
    return min(1.0, max(0.0, (value - low) / (high - low)))
