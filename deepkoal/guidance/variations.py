"""Alternative colors of one photo: each coherent, all together spread over what is plausible."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from deepkoal.arrays import constant, namespace
from deepkoal.color import BIN_WIDTH, Tensor, ab_bins
from deepkoal.errors import DeepkoalError
from deepkoal.guidance.affinity import AffinityPoints, Kernel
from deepkoal.guidance.decoding import DecodingConfig, decode_outputs

SHARED = 0.7
"""Share of the noise's variance that is one for the whole photo; the rest follows affinity."""
BREADTH = 2.0
"""How much broader the noise is than the affinity: hints stop within things, variations do not."""
VIBRANCE_STEP = 0.35
"""Logarithm of the largest factor on vibrance among many variations."""

_WAVES = 128
_GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))


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
        """Return the noise of each variation at N places, (n, N, 2), of about unit variance."""
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
    """Draw what the variations of a photo do apart from its automatic colors.

    What a whole photo shares is not drawn but placed: n points evenly on a sphere (a Fibonacci
    lattice, turned by the seed), of which one axis is vibrance and two are chroma. To it comes a
    draw of the Gaussian process whose covariance is the affinity, made broader, so that places
    share it that are alike (random Fourier features; Rahimi and Recht 2007).

    Args:
        count: of variations, the automatic one included.
        seed: the same seed gives the same noise.
        depth: F, how many features a place has.
        kernel: the affinity.

    Returns:
        Float32 arrays for n = count − 1 variations.

    Raises:
        DeepkoalError: the count is below 1.
    """
    if count < 1:
        raise DeepkoalError(f"expected a count of variations from 1 up, got {count}")
    generator = np.random.default_rng(seed)
    weights = np.array(kernel.weights, np.float64)
    part = generator.choice(len(weights), _WAVES, p=weights / weights.sum())
    widths_f, widths_l, widths_p = (
        BREADTH * np.array(widths, np.float64)[part]
        for widths in (kernel.features, kernel.lightness, kernel.position)
    )
    scale = math.sqrt((1 - SHARED) * 2 / _WAVES)
    rise = (2 * np.arange(count - 1) + 1) / max(count - 1, 1) - 1
    turn = _GOLDEN_ANGLE * np.arange(count - 1) + generator.uniform(0, 2 * np.pi)
    circle = np.sqrt(2 * SHARED * (1 - rise**2))
    arrays = (
        generator.normal(size=(depth, _WAVES)) / widths_f,
        generator.normal(size=_WAVES) / widths_l,
        generator.normal(size=(2, _WAVES)) / widths_p,
        generator.uniform(0, 2 * np.pi, _WAVES),
        generator.normal(size=(count - 1, _WAVES, 2)) * scale,
        np.stack([circle * np.cos(turn), circle * np.sin(turn)], axis=-1),
        np.exp(VIBRANCE_STEP * rise),
    )
    return VariationLatents(*(array.astype(np.float32) for array in arrays))


def vary(logits: Tensor, points: AffinityPoints, latents: VariationLatents) -> Tensor:
    """Condition a distribution on what each of n variations vaguely tells.

    With m(x) and S(x) the mean and covariance of the distribution at a place, and z(x) the noise,
    a variation is what the distribution says after someone has vaguely told it a color, by a
    Gaussian of that covariance: p(bin) · exp(−½ (bin − μ)ᵀ S⁻¹ (bin − μ)), μ = m + S^½ z. So it
    moves where the network doubts and stays where it is certain, and it prefers colors that the
    network holds for possible.

    Args:
        logits: (h, w, Q).
        points: the h·w places, row by row.
        latents: for n variations, see `sample_latents`.

    Returns:
        (n, h, w, Q), logits, to be read at `noise.vibrances` times the vibrance asked for.
    """
    ops = namespace(logits)
    mean, covariance = _measure_moments(logits)
    noise_here = ops.reshape(latents.at(points), (-1, *ops.shape(logits)[:-1], 2))
    return logits + _weigh_bins(mean + _take_root(covariance, noise_here), covariance)


def rank_variations(
    logits: Tensor, varied: Tensor, latents: VariationLatents, temperature: float
) -> Tensor:
    """Order variations by likelihood.

    Args:
        logits: (h, w, Q), as told by the network.
        varied: (n, h, w, Q), what `vary` made of them.
        latents: the n variations'.
        temperature: of the annealed mean at vibrance 1, see `decode_outputs`.

    Returns:
        Integers (n,), most likely first: by the mean over places of (ab − m)ᵀ S⁻¹ (ab − m), which
        is least where the distribution's Gaussian likelihood is highest. ab is read as if
        vibrance 1 were asked for, so that the order holds for all.
    """
    ops = namespace(logits)
    mean, covariance = _measure_moments(logits)
    at = DecodingConfig(temperature=temperature)
    ab = decode_outputs({"logits": varied}, at, latents.vibrances[:, None, None, None])
    return ops.argsort(ops.mean(_measure_distance(ab - mean, covariance), axis=(1, 2)))


def draw_variations(
    logits: Tensor,
    points: AffinityPoints,
    latents: VariationLatents,
    temperature: float,
    vibrance: Tensor | float,
) -> Tensor:
    """Read several plausible colorings off one distribution, see `vary`.

    Args:
        logits: (h, w, Q), as told by the network.
        points: the h·w places, row by row.
        latents: for n variations, see `sample_latents`.
        temperature: of the annealed mean at vibrance 1, see `decode_outputs`.
        vibrance: of the automatic colors.

    Returns:
        ab (n + 1, h, w, 2) in CIE Lab units: first the automatic colors, then the variations, most
        likely first, see `rank_variations`.
    """
    ops = namespace(logits)
    at = DecodingConfig(temperature=temperature)
    automatic = decode_outputs({"logits": logits}, at, vibrance)[None]
    varied = vary(logits, points, latents)
    vibrances = vibrance * latents.vibrances[:, None, None, None]
    looks = decode_outputs({"logits": varied}, at, vibrances)
    order = rank_variations(logits, varied, latents, temperature)
    return ops.concatenate([automatic, ops.take(looks, order, axis=0)], axis=0)


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
