"""The colors that a place may well have: what a user is offered to choose from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from deepkoal.color import ab_bins

APART = 18.0
"""How far apart two colors lie, in ab units: nearer ones look much the same."""

_WINDOW = 5.0  # in ab units: a color may lie between bins
_SPENT = 1e-6


def list_likely_colors(
    logits: NDArray[np.float32], count: int, apart: float = APART
) -> NDArray[np.float32]:
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
