"""Evens coarse chroma out: over places that look alike, and over what no edge divides.

Steps of `chroma_cleanup`; they take blotches and halos.
"""

from __future__ import annotations

import math

from deepkoal.affinity import FAINTEST, Kernel, make_affinity_points
from deepkoal.arrays import Tensor, cast, namespace
from deepkoal.rendering.resampling import fit_grid, resize

ALIKE = Kernel(features=(0.15,), lightness=(8.0,), position=(0.3,), weights=(1.0,))
"""Which places should have one color; for features of unit length, as `REFERENCE_KERNEL`."""

COMPARED = 12
"""Side of the grid, of a square photo, whose places `non_local_means` compares all others to."""

REACH = 1.0
"""How far colors even out where lightness is even, as a share of the photo's side."""

EDGE = 4.0
"""Difference of L that divides places as much as `REACH`."""

_WIDE = math.sqrt(3) * 2 / math.sqrt(15)
"""Width of the first of two rounds, of which the second is half as wide: together 1."""


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

    ab + share · (m − ab), where m is ab filtered along rows and columns, twice, by weights of
    exp(−√2 (Δp / REACH + Σ|ΔL| / EDGE) / ρ), Σ|ΔL| the ups and downs of lightness on the way and ρ
    half as large the second time: the domain transform (Gastal and Oliveira 2011). Twice is
    enough; a third round changes nothing.

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
    widely = [_compare_along(lines, side) for lines in (l, ops.swapaxes(l, 0, 1))]
    mean = ab
    for weights in (*widely, *(near * near for near in widely)):
        weights = weights / ops.sum(weights, axis=-1, keepdims=True)
        mean = ops.swapaxes(ops.matmul(weights, mean), -3, -2)
    return ab + share[..., None] * (mean - ab)


def _compare_along(l: Tensor, side: Tensor) -> Tensor:
    """Return the weights between the places of each row in the first round, (h, w, w)."""
    ops = namespace(l)
    steps = ops.abs(ops.diff(l, axis=1)) / EDGE + 1 / (REACH * side)
    way = ops.cumsum(ops.concatenate([0 * l[:, :1], steps], axis=1), axis=1)
    apart = ops.abs(way[:, :, None] - way[:, None, :])
    return ops.exp(ops.maximum(-math.sqrt(2) / _WIDE * apart, FAINTEST / 2))
