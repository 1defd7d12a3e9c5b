"""What variations of a photo do apart from its automatic colors: noise that no photo decides."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from deepkoal.affinity import AffinityPoints, Kernel
from deepkoal.arrays import Tensor, arange, cast, constant, namespace
from deepkoal.errors import check_range
from deepkoal.short_repr import short_repr

MOST_VARIATIONS = 16
"""Of a photo, the automatic one included: each takes 14 MB beside the picture itself. Another seed
gives others."""
SHARED = 0.9
"""Share of the noise's variance, which is 1, that is one for the whole photo; the rest follows
affinity."""
BREADTH = 2.0
"""How much broader the noise is than the affinity: hints stop within things, variations do not."""
VIBRANCE_STEP = 0.6
"""Logarithm of the largest factor on vibrance among many variations."""

_WAVES = 128
_GOLDEN_RATIO = 0x9E3779B9  # its fraction in 32 bits: multiples of it lie far apart
_GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))


@short_repr
@dataclass(frozen=True, eq=False)
class VariationLatents:
    """What n variations do apart from the automatic colors, for any photo.

    Attributes:
        features: (F, J), frequencies of J waves along each feature.
        lightness: (J,), along lightness.
        position: (2, J), along rows and columns.
        phases: (J,).
        heights: (n, J, 2), each wave's part in a variation's noise.
        directions: (n, 2), noise that all places of a variation share.
        vibrances: (n,), factors on vibrance.
    """

    features: Tensor
    lightness: Tensor
    position: Tensor
    phases: Tensor
    heights: Tensor
    directions: Tensor
    vibrances: Tensor

    def at(self, points: AffinityPoints) -> Tensor:
        """Return the noise of each variation at N places, (n, N, 2); its variance is 1."""
        ops = namespace(points.features)
        angles = ops.matmul(points.features, self.features)
        angles = angles + ops.matmul(points.position, self.position)
        angles = angles + points.l[:, None] * self.lightness + self.phases
        return ops.matmul(ops.cos(angles), self.heights) + self.directions[:, None]

    def take(self, indices: Any) -> VariationLatents:
        """Return some of the variations.

        Args:
            indices: integer (k,).
        """
        ops = namespace(self.features)
        own = ("heights", "directions", "vibrances")
        taken = {name: ops.take(getattr(self, name), indices, axis=0) for name in own}
        return dataclasses.replace(self, **taken)


def sample_latents(count: int, seed: int, depth: int, kernel: Kernel) -> VariationLatents:
    """Return what the variations of a photo do apart from its automatic colors, as arrays.

    Args:
        count: of variations, the automatic one included, 1…16.
        seed: from 0 up; the same seed gives the same latents. Of one beyond 32 bits these count.
        depth: F, how many features a place has.
        kernel: the affinity.

    Returns:
        Float32 arrays for n = count − 1 variations, see `compute_latents`.

    Raises:
        DeepkoalError: the count is not in 1…16, the seed below 0, or either is no whole number.
    """
    check_range(count, "a count of variations", 1, MOST_VARIATIONS, whole=True)
    check_range(seed, "a seed", 0, whole=True)
    return compute_latents(int(count), np.array([int(seed) % 2**32], np.uint32), depth, kernel)


def compute_latents(
    count: Tensor | int, seed: Tensor, depth: int, kernel: Kernel
) -> VariationLatents:
    """Return the latents of a seed: the same in NumPy and, to float error, within a graph.

    What a whole photo shares is not drawn but placed: n points evenly on a sphere (a Fibonacci
    lattice, turned by the seed), of which one axis is vibrance and two are chroma, scaled so that
    the mean square of each of these two over the n is `SHARED`. To it comes a draw of the Gaussian
    process whose covariance is the affinity, made broader, so that places share it that are alike
    (random Fourier features; Rahimi and Recht 2007), of variance 1 − `SHARED`.

    Args:
        count: n + 1, from 1 up; within a graph a tensor, int32 ().
        seed: uint32 (1,).
        depth: F, how many features a place has.
        kernel: the affinity.

    Returns:
        Float32 arrays or tensors for n variations; those of a smaller n are not the first of these.
    """
    ops = namespace(seed)

    def uniform(stream: int, *shape: Tensor | int) -> Tensor:
        return _draw_uniform(seed, stream, shape)

    def normal(stream: int, *shape: Tensor | int) -> Tensor:  # Box and Muller 1958
        length = ops.sqrt(-2 * ops.log(uniform(stream, *shape)))
        return length * ops.cos(2 * math.pi * uniform(stream + 1, *shape))

    chance = uniform(0, _WAVES, 1)
    shares = np.cumsum(kernel.weights)
    part = ops.sum(cast(chance > constant(shares[:-1] / shares[-1], chance), "int32"), axis=-1)
    width_f, width_l, width_p = (
        BREADTH * ops.take(constant(widths, chance), part, axis=0)
        for widths in (kernel.features, kernel.lightness, kernel.position)
    )
    n = count - 1
    number, many = cast(arange(n, seed), "float32"), cast(ops.maximum(n, 1), "float32")
    rise = (2 * number + 1) / many - 1
    turn = _GOLDEN_ANGLE * number + 2 * math.pi * uniform(1, 1)
    # The mean of 1 − rise² over the n is (2 n² + 1) / 3 n².
    circle = ops.sqrt(2 * SHARED * (1 - rise * rise) * 3 * many**2 / (2 * many**2 + 1))
    return VariationLatents(
        features=normal(2, depth, _WAVES) / width_f,
        lightness=normal(4, _WAVES) / width_l,
        position=normal(6, 2, _WAVES) / width_p,
        phases=2 * math.pi * uniform(8, _WAVES),
        heights=normal(9, n, _WAVES, 2) * math.sqrt((1 - SHARED) * 2 / _WAVES),
        directions=ops.stack([circle * ops.cos(turn), circle * ops.sin(turn)], axis=-1),
        vibrances=ops.exp(VIBRANCE_STEP * rise),
    )


def _draw_uniform(seed: Tensor, stream: int, shape: tuple[Tensor | int, ...]) -> Tensor:
    """Return float32 (*shape), evenly spread between 0 and 1, both left out.

    A counter-based generator (Salmon et al. 2011): each number is a hash of the seed, the stream
    and its place, so that any library finds the same ones, in any order.
    """
    ops = namespace(seed)
    count: Tensor | int = 1
    for side in shape:
        count = count * side
    key = _hash(seed + constant(stream * _GOLDEN_RATIO % 2**32, seed))
    bits = _hash(ops.bitwise_xor(_hash(cast(arange(count, seed), "uint32")), key))
    # 23 bits and a half: all that float32 holds below 1.
    values = cast(ops.right_shift(bits, constant(9, seed)), "float32")
    return ops.reshape((values + 0.5) / 2**23, shape)


def _hash(x: Tensor) -> Tensor:
    """Return integers, uint32, in which every bit depends on every one of x: lowbias32.

    By Chris Wellons, https://github.com/skeeto/hash-prospector.
    """
    ops = namespace(x)
    for shift, factor in ((16, 0x21F0AAAD), (15, 0x735A2D97)):
        x = ops.bitwise_xor(x, ops.right_shift(x, constant(shift, x))) * constant(factor, x)
    return ops.bitwise_xor(x, ops.right_shift(x, constant(15, x)))
