"""Noise, grain and the blocks of JPEG files taken away, where they are found: pure functions of L.

What is done follows what is measured, so that a photo without noise comes back as it is.
"""

from __future__ import annotations

from typing import NamedTuple

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

WHITE = (0.46, 0.52)
"""How much the responses of neighbors oppose each other, from which they tell noise, and only it.

Of noise that is its own in every pixel they do by two thirds; of foliage, hair and stone in small
photos, even if sharpened, by 0.25 to 0.41.
"""

GRAINY, EVEN = (0.36, 0.42), (1.3, 1.2)
"""The same of grain in photos made smaller; and how much more of it other squares have.

Grain is nearly white there, as much of what is in the photo is; but it is everywhere.
"""

SOFT = (0.3, 0.25)
"""And at twice that size, where grain is wider than a pixel; grass and gravel have finer parts."""

COMMON = 25.0
"""Percentile of the squares whose noise is held against that of the `PLAINEST`."""

REACH = 1.1
"""Of non-local means: how different patches may be, in standard deviations of the noise."""

PATCH, SEARCH = 3, 15
"""Sides in pixels of its patches, and of where it looks for their like."""

SMALLEST = 128
"""Shorter side in pixels that a photo halved must have for its grain to be looked for."""

FINER = 1.6
"""Deviation of grain at a size over that at half of it."""

BLOCKY = (1.15, 1.4)
"""How much the edges of blocks stand out from which they are smoothed, and so in full."""

BLUR, SIMILAR = 1.0, 4.0
"""Standard deviations of the bilateral filter that smooths them, in pixels and in L."""


class Plainest(NamedTuple):
    """What noise may be in a photo, as its plainest squares tell.

    Attributes:
        deviation: standard deviation of L.
        whiteness: correlation of neighboring responses, negated: 2/3 of white noise, 0 and less of
            what is wide.
        unevenness: deviation in `COMMON` squares over that in these: near 1 of noise alone.
    """

    deviation: float = 0.0
    whiteness: float = 0.0
    unevenness: float = np.inf


def reduce_noise(l: FloatArray, amount: float) -> FloatArray:
    """Return lightness with less noise, grain and JPEG blocks.

    Non-local means (Buades, Coll, Morel 2005) with the noise that `measure_noise` finds; in large
    photos grain that is found at half the size, a quarter and so on is taken away there, and what
    is left of it at the size above; then, where `measure_blocks` finds any, a bilateral filter
    (Tomasi, Manduchi 1998).

    Args:
        l: float32 (H, W), 0…100.
        amount: 0…1, of the change.
    """
    blocks = _rise(measure_blocks(l), *BLOCKY)
    clean, _ = _reduce_grain(l)
    if blocks:
        smooth = cv2.bilateralFilter(clean, 0, SIMILAR, BLUR)
        clean = clean + np.float32(blocks) * (smooth - clean)
    if clean is l or not amount:
        return l
    return np.asarray(np.clip(l + np.float32(amount) * (clean - l), 0, 100), np.float32)


def measure_noise(l: FloatArray) -> float:
    """Return the standard deviation of white noise in L (H, W), that of the plainest squares.

    In each it is told by the mean of |N ∗ l| with Immerkær's mask N (1996), which sees neither
    planes nor straight edges along rows and columns. Where no square is plain, as in a photo full
    of leaves, N ∗ l is less white than noise makes it, see `WHITE`, and less of it is noise.
    """
    return _find_white(_see_plainest(l))


def _find_white(seen: Plainest) -> float:
    return seen.deviation * _rise(seen.whiteness, *WHITE)


def _find_grain(seen: Plainest, finer: Plainest) -> float:
    """Return the deviation of grain, of what is seen at a size and at twice that size."""
    is_even, is_soft = (
        _rise(-value, -high, -low)
        for value, (high, low) in ((seen.unevenness, EVEN), (finer.whiteness, SOFT))
    )
    return seen.deviation * _rise(seen.whiteness, *GRAINY) * is_even * is_soft


def _see_plainest(l: FloatArray) -> Plainest:
    rows, columns = (side // BLOCK for side in l.shape)
    if not rows or not columns:
        return Plainest()
    whole = slice(rows * BLOCK), slice(columns * BLOCK)
    mask = np.array([1, -2, 1], np.float32)
    response = cv2.sepFilter2D(l, cv2.CV_32F, mask, mask)[whole]
    noise, tone = (
        cv2.resize(x, (columns, rows), interpolation=cv2.INTER_AREA)
        for x in (np.abs(response), l[whole])
    )
    noise *= (np.pi / 2) ** 0.5 / 6
    counts = (tone > SHOWN[0]) & (tone < SHOWN[1])
    if not counts.any():
        return Plainest()
    least, less, common = np.percentile(noise[counts], (PLAINEST, 2 * PLAINEST, COMMON))
    squares = response.reshape(rows, BLOCK, columns, BLOCK).swapaxes(1, 2)[counts & (noise <= less)]
    power = 2 * np.mean(squares**2)
    if power < 1e-6 or not least:
        return Plainest()
    down = np.mean(squares[:, 1:] * squares[:, :-1])
    across = np.mean(squares[:, :, 1:] * squares[:, :, :-1])
    return Plainest(LUCK * float(least), float(-(down + across) / power), float(common / least))


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


def _reduce_grain(l: FloatArray, finer: Plainest | None = None) -> tuple[FloatArray, float]:
    """Return lightness without noise and grain, and the highest deviation found of them.

    Without any, l itself.

    Args:
        l: a photo's, or that at half the size it was seen at before.
        finer: what was seen there.
    """
    seen = _see_plainest(l)
    noise = _find_white(seen) if finer is None else _find_grain(seen, finer)
    clean = _average_alike(l, noise)
    height, width = l.shape
    if min(l.shape) < 2 * SMALLEST:
        return clean, noise
    half = np.asarray(
        cv2.resize(clean, (width // 2, height // 2), interpolation=cv2.INTER_AREA), np.float32
    )
    coarse, grain = _reduce_grain(half, seen)
    if coarse is half:
        return clean, noise
    clean = clean + cv2.resize(coarse - half, (width, height), interpolation=cv2.INTER_LINEAR)
    return _average_alike(clean, FINER * grain), max(noise, grain)


def _average_alike(l: FloatArray, noise: float) -> FloatArray:
    """Return lightness without noise of that deviation, by non-local means; of too little, l."""
    share = _rise(noise, LEAST_NOISE, FULL_NOISE)
    if not share:
        return l
    levels = np.rint(np.clip(l, 0, 100) * 2.55).astype(np.uint8)
    found = cv2.fastNlMeansDenoising(levels, None, REACH * 2.55 * noise, PATCH, SEARCH)
    # The change alone, so that lightness is not rounded to levels.
    change = (found.astype(np.float32) - levels) / np.float32(2.55)
    return np.asarray(l + np.float32(share) * change, np.float32)


def _rise(value: float, low: float, high: float) -> float:
    """Return 0 up to low, 1 from high on, and what lies between in proportion."""
    return min(1.0, max(0.0, (value - low) / (high - low)))
