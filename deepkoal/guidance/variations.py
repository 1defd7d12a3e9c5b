"""Alternative colors of one photo: each coherent, all together spread over what is plausible."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from deepkoal.arrays import Tensor, arange, cast, constant, namespace
from deepkoal.color import BIN_WIDTH, ab_bins
from deepkoal.errors import check_range
from deepkoal.guidance.affinity import AffinityPoints, Kernel
from deepkoal.guidance.decoding import DecodingConfig, decode_outputs
from deepkoal.short_repr import short_repr

SHARED = 0.7
"""Share of the noise's variance, which is 1, that is one for the whole photo; the rest follows
affinity."""
BREADTH = 2.0
"""How much broader the noise is than the affinity: hints stop within things, variations do not."""
VIBRANCE_STEP = 0.35
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
        count: of variations, the automatic one included.
        seed: from 0 up; the same seed gives the same latents. Of one beyond 32 bits these count.
        depth: F, how many features a place has.
        kernel: the affinity.

    Returns:
        Float32 arrays for n = count − 1 variations, see `compute_latents`.

    Raises:
        DeepkoalError: the count is below 1, the seed below 0, or either is no whole number.
    """
    check_range(count, "a count of variations", 1, whole=True)
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


def vary(logits: Tensor, points: AffinityPoints, latents: VariationLatents) -> Tensor:
    """Return a distribution conditioned on a vague observation, for each of n variations.

    With m(x) and S(x) the mean and covariance of the distribution at a place, and z(x) the noise,
    a variation is the posterior after a color was observed there vaguely, by a Gaussian of that
    covariance: p(bin) · exp(−½ (bin − μ)ᵀ S⁻¹ (bin − μ)), μ = m + S^½ z. So it moves where the
    network doubts and stays where it is certain, and it prefers colors that the network holds for
    possible.

    Args:
        logits: (h, w, Q).
        points: the h·w places, row by row.
        latents: for n variations, see `sample_latents`.

    Returns:
        (n, h, w, Q), logits, to be decoded at `latents.vibrances` times the vibrance asked for.
    """
    ops = namespace(logits)
    mean, covariance = _measure_moments(logits)
    noise_here = ops.reshape(latents.at(points), (-1, *ops.shape(logits)[:-1], 2))
    return logits + _weigh_bins(mean + _take_root(covariance, noise_here), covariance)


def sort_variations(
    logits: Tensor, points: AffinityPoints, latents: VariationLatents, decoding: DecodingConfig
) -> VariationLatents:
    """Return variations in the order of their likelihood, the likeliest first.

    That is by the mean over places of (ab − m)ᵀ S⁻¹ (ab − m), which is least where the Gaussian
    likelihood of the distribution is highest. ab is decoded at vibrance 1, so that the order holds
    for all.

    Args:
        logits: (h, w, Q), as the network predicted them.
        points: the h·w places, row by row.
        latents: of n variations.
        decoding: gives temperature and gain.
    """
    ops = namespace(logits)
    mean, covariance = _measure_moments(logits)
    varied = {"logits": vary(logits, points, latents)}
    ab = decode_outputs(varied, decoding, latents.vibrances[:, None, None, None])
    distance = _measure_distance(ab - mean, covariance)
    return latents.take(ops.argsort(ops.mean(distance, axis=(1, 2))))


Covariance = tuple[Tensor, Tensor, Tensor]
"""Variance of a, covariance of a and b, variance of b; (...) each."""


def _measure_moments(logits: Tensor) -> tuple[Tensor, Covariance]:
    ops = namespace(logits)
    mass = ops.exp(logits - ops.max(logits, axis=-1, keepdims=True))
    moments = ops.matmul(mass, constant(_monomials(), logits))
    moments = moments / ops.sum(mass, axis=-1, keepdims=True)
    a, b = moments[..., 0], moments[..., 1]
    within = BIN_WIDTH**2 / 12  # a bin is no point, so that no covariance vanishes
    covariance = (
        moments[..., 2] - a * a + within,
        moments[..., 3] - a * b,
        moments[..., 4] - b * b + within,
    )
    return moments[..., :2], covariance


def _monomials() -> np.ndarray:
    a, b = ab_bins().T
    return np.stack([a, b, a * a, a * b, b * b], axis=-1)


def _take_root(covariance: Covariance, z: Tensor) -> Tensor:
    """Return S^½ z; of a 2×2 matrix the root is (S + √|S|) / √(tr S + 2 √|S|)."""
    ops = namespace(z)
    aa, ab, bb = covariance
    root = ops.sqrt(_determinant(covariance))
    z_a, z_b = z[..., 0], z[..., 1]
    product = ops.stack([(aa + root) * z_a + ab * z_b, ab * z_a + (bb + root) * z_b], axis=-1)
    return product / ops.sqrt(aa + bb + 2 * root)[..., None]


def _weigh_bins(center: Tensor, covariance: Covariance) -> Tensor:
    """Return −½ (bin − center)ᵀ S⁻¹ (bin − center) of all bins, (..., Q), up to a constant."""
    ops = namespace(center)
    aa, ab, bb = covariance
    determinant = _determinant(covariance)
    a, b = center[..., 0], center[..., 1]
    lines = ops.stack([bb * a - ab * b, aa * b - ab * a], axis=-1) / determinant[..., None]
    squares = ops.stack([-bb / 2, ab, -aa / 2], axis=-1) / determinant[..., None]
    bins = constant(_monomials().T, center)
    return ops.matmul(lines, bins[:2]) + ops.matmul(squares, bins[2:])


def _measure_distance(offset: Tensor, covariance: Covariance) -> Tensor:
    """Return offsetᵀ S⁻¹ offset, (...)."""
    aa, ab, bb = covariance
    a, b = offset[..., 0], offset[..., 1]
    return (bb * a * a - 2 * ab * a * b + aa * b * b) / _determinant(covariance)


def _determinant(covariance: Covariance) -> Tensor:
    aa, ab, bb = covariance
    return aa * bb - ab * ab
