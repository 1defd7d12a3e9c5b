"""Evens coarse chroma out: over places that look alike, and over what no edge divides.

Steps of `chroma_cleanup`; they take blotches and halos.
"""

from __future__ import annotations

import math

from deepkoal.arrays import Tensor, cast, namespace
from deepkoal.guidance.affinity import FAINTEST, Kernel, make_affinity_points
from deepkoal.rendering.resampling import fit_grid, resize

ALIKE = Kernel(features=(0.15,), lightness=(8.0,), position=(0.3,), weights=(1.0,))
"""Which places should have one color; for features of unit length, as `REFERENCE_KERNEL`."""

COMPARED = 12
"""Side of the grid, of a square photo, whose places `non_local_means` compares all others to."""

REACH = 1.0
"""How far colors even out where lightness is even, as a share of the photo's side."""

EDGE = 4.0
"""Difference of L that divides places as much as `REACH`."""

ROUNDS = 2
"""Passes of the domain transform; a third changes nothing."""


def non_local_means(ab: Tensor, features: Tensor, l: Tensor, share: Tensor) -> Tensor:
    """Pull each place toward the mean color of places like it, so that blotches vanish.

    ab + share · (m − ab), where m is the mean of ab weighted by affinity, as in non-local means
    (Buades, Coll and Morel 2005), over the photo on a grid of about `COMPARED` squared places.

    Args:
        ab: (..., h, w, 2).
        features: (h, w, F).
        l: (h, w), lightness in 0…100.
        share: (h, w) in 0…1, how far each place is pulled.

    Returns:
        (..., h, w, 2).
    """
    ops = namespace(ab)
    grid = fit_grid(l, COMPARED)
    others = make_affinity_points(resize(features, *grid), resize(l, *grid))
    affinity = ALIKE.compare(make_affinity_points(features, l), others)
    size = ops.shape(ab)
    mean = ops.matmul(affinity, ops.reshape(resize(ab, *grid), (*size[:-3], -1, 2)))
    mean = mean / ops.maximum(ops.sum(affinity, axis=-1, keepdims=True), 1e-12)
    mean = ops.reshape(mean, size)
    return ab + share[..., None] * (mean - ab)


def domain_transform(ab: Tensor, l: Tensor, share: Tensor) -> Tensor:
    """Even colors out over what no edge of lightness divides: a halo spreads over its whole wall.

    ab + share · (m − ab), where m is ab filtered along rows and columns in turn, `ROUNDS` times,
    by the weight exp(−√2 (Δp / REACH + Σ|ΔL| / EDGE) / ρ), Σ|ΔL| the ups and downs of lightness on
    the way and ρ half as large in each round: the domain transform, by normalized convolution
    (Gastal and Oliveira 2011).

    Args:
        ab: (..., h, w, 2).
        l: (h, w), lightness in 0…100.
        share: (h, w) in 0…1, how far each place is evened.

    Returns:
        (..., h, w, 2).
    """
    ops = namespace(ab)
    height, width = ops.shape(l)
    side = ops.sqrt(cast(ops.stack([height * width]), "float32"))
    kernels = [_compare_along(lines, side) for lines in (l, ops.swapaxes(l, 0, 1))]
    mean = ab
    for number in range(ROUNDS):
        power = 2**number * math.sqrt((4**ROUNDS - 1) / 3) / 2 ** (ROUNDS - 1)  # 1 / ρ
        for kernel in kernels:
            weights = ops.exp(ops.maximum(power * kernel, FAINTEST))
            weights = weights / ops.sum(weights, axis=-1, keepdims=True)
            mean = ops.swapaxes(ops.matmul(weights, mean), -3, -2)
    return ab + share[..., None] * (mean - ab)


def _compare_along(l: Tensor, side: Tensor) -> Tensor:
    """Return the logarithm of the weights between the places of each row, (h, w, w)."""
    ops = namespace(l)
    steps = ops.abs(ops.diff(l, axis=1)) / EDGE + 1 / (REACH * side)
    way = ops.cumsum(ops.concatenate([0 * l[:, :1], steps], axis=1), axis=1)
    return -math.sqrt(2) * ops.abs(way[:, :, None] - way[:, None, :])
