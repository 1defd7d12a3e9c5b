"""How much a network doubts, between which colors, and where a hint would settle most."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from deepkoal.affinity import AffinityPoints, Kernel, weigh_hints
from deepkoal.arrays import FloatArray, Tensor, constant, namespace
from deepkoal.color import ab_bins
from deepkoal.errors import check_range

HALF_DOUBT = 20.0
"""Expected error, in ab units, at which the share of `scale_error` is 0.5."""
SHARPER = 0.5
"""Temperature at which expected errors follow true ones best from place to place: the tails of a
distribution, which every doubted place has, tell little of where it errs."""
APART = 18.0
"""How far apart two colors lie, in ab units: nearer ones look much the same."""

_WINDOW = 5.0  # in ab units: a color may lie between bins
_SPENT = 1e-6
_MOST_PLACES = 1024  # of which all pairs are compared


def uncertainty(logits: Tensor, temperature: float = 1.0) -> Tensor:
    """Measure the doubt of a distribution by its entropy over that of the uniform one.

    Args:
        logits: (..., Q).
        temperature: that divides them; 1 takes the distribution as it is.

    Returns:
        (...), 0 where one bin has all the mass, 1 where all have the same.
    """
    ops = namespace(logits)
    scores = logits - ops.max(logits, axis=-1, keepdims=True)
    scores = scores / temperature
    mass = ops.exp(scores)
    total = ops.sum(mass, axis=-1)
    entropy = ops.log(total) - ops.sum(mass * scores, axis=-1) / total
    return ops.clip(entropy / math.log(logits.shape[-1]), 0.0, 1.0)


def deviation(logits: Tensor) -> Tensor:
    """Measure how far from its mean the true color may lie: a distribution's standard deviation.

    Args:
        logits: (..., Q).

    Returns:
        √(Σ p(bin) · |bin − mean|²), (...), in CIE Lab units, at least 1.
    """
    ops = namespace(logits)
    mass = ops.exp(logits - ops.max(logits, axis=-1, keepdims=True))
    mass = mass / ops.sum(mass, axis=-1, keepdims=True)
    bins = ab_bins()
    mean = ops.matmul(mass, constant(bins, logits))
    square = ops.matmul(mass, constant((bins**2).sum(axis=-1, keepdims=True), logits))[..., 0]
    return ops.sqrt(ops.maximum(square - ops.sum(mean * mean, axis=-1), 1.0))


def expected_error(logits: Tensor, ab: Tensor, temperature: float = 1.0) -> Tensor:
    """Measure how far from the color shown the true one lies, by the distribution itself.

    Args:
        logits: (..., Q).
        ab: (..., 2), the color shown, in CIE Lab units.
        temperature: as in `uncertainty`.

    Returns:
        Σ p(bin) · |bin − ab|, (...), in CIE Lab units.
    """
    ops = namespace(logits)
    mass = ops.exp((logits - ops.max(logits, axis=-1, keepdims=True)) / temperature)
    bins = ab_bins()
    squares = constant((bins**2).sum(axis=-1), logits)
    distance = ops.sum(ab * ab, axis=-1, keepdims=True) + squares
    distance = distance - 2 * ops.matmul(ab, constant(bins.T, logits))
    distance = ops.sqrt(ops.maximum(distance, 0.0))
    return ops.sum(mass * distance, axis=-1) / ops.sum(mass, axis=-1)


def scale_error(error: Tensor) -> Tensor:
    """Return expected errors, in ab units, as shares of 0…1: e / (e + `HALF_DOUBT`)."""
    return error / (error + HALF_DOUBT)


def remaining_doubt(
    doubt: FloatArray, points: AffinityPoints, hint_points: AffinityPoints, kernel: Kernel
) -> FloatArray:
    """Return what doubt is left after hints.

    doubt · √(1 − K(x, ·) (K(·, ·) + noise·I)⁻¹ K(·, x) / K(x, x)): the deviation of the Gaussian
    process that `spread` takes the mean of (Rasmussen and Williams 2006, eq. 2.24).

    Args:
        doubt: float (h, w), the deviation of the error, in any unit.
        points: the h·w places, row by row, NumPy's.
        hint_points: the K places of the hints.
        kernel: the affinity that hints spread by.

    Returns:
        float (h, w), in the same unit.
    """
    known, weights = weigh_hints(points, hint_points, kernel)
    share = np.sum(known * weights, axis=-1) / sum(kernel.weights)
    left = np.sqrt(np.maximum(1 - share, 0)).reshape(doubt.shape)
    return np.asarray(doubt * left, np.float32)


def suggest_hints(
    doubt: FloatArray, points: AffinityPoints, kernel: Kernel, count: int
) -> NDArray[np.intp]:
    """Choose the places where hints would take most doubt away.

    The error of the colors is taken for a Gaussian process, as `spread` has it: its deviation is
    the doubt and its correlation the affinity. The place is chosen, one after another, of which a
    hint lowers the sum of all places' variances most (Cohn, Ghahramani and Jordan 1996, for
    Gaussian processes): like places share the gain, and what a hint has settled is asked no more.

    Args:
        doubt: float (h, w), the deviation of the error, in any unit.
        points: the h·w places, row by row, NumPy's. Of more than 1,024 an even part is compared.
        kernel: the affinity that hints spread by.
        count: of hints.

    Returns:
        Integers (count, 2): row and column of each, where a hint helps most first.

    Raises:
        DeepkoalError: the count is below 1 or above that of the places compared.
    """
    step = max(1, math.ceil(math.sqrt(doubt.size / _MOST_PLACES)))
    candidates = np.arange(doubt.size).reshape(doubt.shape)[step // 2 :: step, step // 2 :: step]
    compared = candidates.ravel()
    check_range(count, "a count of hints", 1, compared.size, whole=True)
    doubted = doubt.ravel()[compared]
    among = points.take(compared)
    covariance = doubted[:, None] * kernel.compare(among, among) * doubted
    noise = max(kernel.noise * float(np.mean(doubted**2)), float(np.finfo(np.float32).tiny))
    chosen: list[int] = []
    for _ in range(count):
        gain = np.sum(covariance**2, axis=0) / (np.diagonal(covariance) + noise)
        gain[chosen] = -1
        best = int(np.argmax(gain))
        chosen.append(best)
        known = covariance[:, best].copy()
        covariance -= np.outer(known, known / (known[best] + noise))
    return np.stack(np.unravel_index(compared[chosen], doubt.shape), axis=-1)


def list_likely_colors(logits: FloatArray, count: int, apart: float = APART) -> FloatArray:
    """List the likeliest colors of a place that differ to the eye.

    Each is where most mass lies, by a narrow Gaussian window, and the mean of that mass; nothing
    that lies within `apart` of it is listed after it.

    Args:
        logits: float (Q,) over `color.ab_bins()`.
        count: of colors; fewer come where next to no mass is left.
        apart: in ab units.

    Returns:
        float32 (count, 2), ab in CIE Lab units, the likeliest first.
    """
    bins = ab_bins()
    distance = np.linalg.norm(bins[:, None] - bins, axis=-1)
    window = np.exp(-0.5 * (distance / _WINDOW) ** 2)
    mass = np.exp(logits - np.max(logits)).astype(np.float64)
    mass /= mass.sum()
    colors: list[NDArray[np.float64]] = []
    while len(colors) < count and mass.sum() > _SPENT:
        best = int(np.argmax(window @ mass))
        near = window[best] * mass
        colors.append(near @ bins / near.sum())
        mass = np.where(distance[best] > apart, mass, 0)
    return np.array(colors, np.float32).reshape(-1, 2)
