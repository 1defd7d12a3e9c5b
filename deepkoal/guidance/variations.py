"""Alternative colors of one photo: each coherent, all together spread over what is plausible."""

from __future__ import annotations

import numpy as np

from deepkoal.affinity import AffinityPoints
from deepkoal.arrays import Tensor, constant, namespace
from deepkoal.color import BIN_WIDTH, ab_bins
from deepkoal.guidance.decoding import DecodingConfig, decode_outputs
from deepkoal.guidance.variation_latents import VariationLatents

SPREAD = 0.8
"""How far variations go, in standard deviations of what the network holds for possible. At 1 they
were 0.7 to 0.9 dB worse in the mean than at 0.7, and the best of eight was no better."""

Covariance = tuple[Tensor, Tensor, Tensor]
"""Variance of a, covariance of a and b, variance of b; (...) each."""


def vary(logits: Tensor, points: AffinityPoints, latents: VariationLatents) -> Tensor:
    """Return a distribution conditioned on a vague observation, for each of n variations.

    With m(x) and S(x) the mean and covariance of the distribution at a place, and z(x) the noise
    times `SPREAD`, a variation is the posterior after a color was observed there vaguely, by a
    Gaussian of that covariance: p(bin) · exp(−½ (bin − μ)ᵀ S⁻¹ (bin − μ)), μ = m + S^½ z. So it
    moves where the network doubts and stays where it is certain, and it prefers colors that the
    network holds for possible.

    Args:
        logits: (h, w, Q).
        points: the h·w places, row by row.
        latents: for n variations, see `sample_latents`.

    Returns:
        (n, h, w, Q), logits, to be decoded at `latents.vibrances` times the vibrance asked for.
    """
    ops = namespace(logits)
    mean, covariance = _measure_moments(logits)
    noise_here = SPREAD * ops.reshape(latents.at(points), (-1, *ops.shape(logits)[:-1], 2))
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
