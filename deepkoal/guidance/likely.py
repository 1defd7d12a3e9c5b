"""The colors that a place may well have: what a user is offered to choose from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from deepkoal.color import ab_bins

APART = 18.0
"""How far apart two colors lie at least, in ab units: less, and they look the same."""


def list_likely_colors(
    logits: NDArray[np.float32], count: int, apart: float = APART
) -> NDArray[np.float32]:
    """List the likeliest colors of a place that differ to the eye.

    Each is the bin that has most mass among those farther than `apart` from all that were chosen
    before, moved to the mean of its surroundings within half that distance.

    Args:
        logits: float (Q,) over `color.ab_bins()`.
        count: of colors; fewer come where the bins run out.
        apart: in ab units.

    Returns:
        float32 (count, 2), ab in CIE Lab units, the likeliest first.
    """
    bins = ab_bins()
    mass = np.exp(logits - np.max(logits))
    free = np.ones(len(bins), bool)
    colors: list[NDArray[np.float32]] = []
    while len(colors) < count and free.any():
        best = int(np.argmax(np.where(free, mass, -1)))
        distance = np.linalg.norm(bins - bins[best], axis=-1)
        near = np.where(distance <= apart / 2, mass, 0)
        colors.append(near @ bins / near.sum())
        free &= distance > apart
    return np.array(colors, np.float32).reshape(-1, 2)
