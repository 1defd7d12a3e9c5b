"""Alternative colors of one photo: each coherent, all together spread over what is plausible."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from deepkoal.arrays import constant, namespace
from deepkoal.color import BIN_WIDTH, Tensor, ab_bins
from deepkoal.config import DeepkoalError
from deepkoal.guidance.affinity import Kernel, Places
from deepkoal.guidance.vibrance import read_ab

SHARED = 0.7
"""Share of the noise's variance that is one for the whole photo; the rest follows affinity."""
BREADTH = 2.0
"""How much broader the noise is than the affinity: hints stop within things, variations do not."""
VIBRANCE_STEP = 0.35
"""Logarithm of the largest factor on vibrance among many variations."""

_WAVES = 128
_GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))


@dataclass(frozen=True, eq=False)
class Noise:
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

    def at(self, places: Places) -> Tensor:
        """Return the noise of each variation at N places, (n, N, 2), of about unit variance."""
        ops = namespace(places.features)
        angles = ops.matmul(places.features, self.features)
        angles = angles + ops.matmul(places.position, self.position)
        angles = angles + places.l[:, None] * self.lightness + self.phases
        return ops.matmul(ops.cos(angles), self.heights) + self.directions[:, None]

    def take(self, indices: Any) -> Noise:
        """Return some of the variations.

        Args:
            indices: integer (k,).
        """
        ops = namespace(self.features)
        own = ("heights", "directions", "vibrances")
        taken = {name: ops.take(getattr(self, name), indices, axis=0) for name in own}
        return dataclasses.replace(self, **taken)


def draw_noise(count: int, seed: int, depth: int, kernel: Kernel) -> Noise:
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
    return Noise(*(array.astype(np.float32) for array in arrays))


def vary(logits: Tensor, places: Places, noise: Noise) -> Tensor:
    """Condition a distribution on what each of n variations vaguely tells.

    With m(x) and S(x) the mean and covariance of the distribution at a place, and z(x) the noise,
    a variation is what the distribution says after someone has vaguely told it a color, by a
    Gaussian of that covariance: p(bin) · exp(−½ (bin − μ)ᵀ S⁻¹ (bin − μ)), μ = m + S^½ z. So it
    moves where the network doubts and stays where it is certain, and it prefers colors that the
    network holds for possible.

    Args:
        logits: (h, w, Q).
        places: the h·w places, row by row.
        noise: for n variations, see `draw_noise`.

    Returns:
        (n, h, w, Q), logits, to be read at `noise.vibrances` times the vibrance asked for.
    """
    ops = namespace(logits)
    mean, covariance = _measure_moments(logits)
    grid = (*ops.shape(logits)[:-1], 2)
    noise_here = noise.at(places)
    told = (
        mean + _take_root(covariance, ops.reshape(noise_here[index], grid))
        for index in range(noise.directions.shape[0])
    )
    return ops.stack([logits + _weigh_bins(center, covariance) for center in told])


def rank_variations(logits: Tensor, varied: Tensor, noise: Noise, temperature: float) -> Tensor:
    """Order variations by likelihood.

    Args:
        logits: (h, w, Q), as told by the network.
        varied: (n, h, w, Q), what `vary` made of them.
        noise: the n variations'.
        temperature: of the annealed mean at vibrance 1, see `read_ab`.

    Returns:
        Integers (n,), most likely first: by the mean over places of (ab − m)ᵀ S⁻¹ (ab − m), which
        is least where the distribution's Gaussian likelihood is highest. ab is read as if
        vibrance 1 were asked for, so that the order holds for all.
    """
    ops = namespace(logits)
    mean, covariance = _measure_moments(logits)
    unlikely = []
    for index in range(noise.directions.shape[0]):
        ab = read_ab({"logits": varied[index]}, temperature, noise.vibrances[index])
        unlikely.append(ops.mean(_measure_distance(ab - mean, covariance)))
    return ops.argsort(ops.stack(unlikely))


def draw_variations(
    logits: Tensor, places: Places, noise: Noise, temperature: float, vibrance: Tensor | float
) -> Tensor:
    """Read several plausible colorings off one distribution, see `vary`.

    Args:
        logits: (h, w, Q), as told by the network.
        places: the h·w places, row by row.
        noise: for n variations, see `draw_noise`.
        temperature: of the annealed mean at vibrance 1, see `read_ab`.
        vibrance: of the automatic colors.

    Returns:
        ab (n + 1, h, w, 2) in CIE Lab units: first the automatic colors, then the variations, most
        likely first, see `rank_variations`.
    """
    ops = namespace(logits)
    automatic = read_ab({"logits": logits}, temperature, vibrance)[None]
    count = noise.directions.shape[0]
    if not count:
        return automatic
    varied = vary(logits, places, noise)
    looks = [
        read_ab({"logits": varied[index]}, temperature, vibrance * noise.vibrances[index])
        for index in range(count)
    ]
    order = rank_variations(logits, varied, noise, temperature)
    return ops.concatenate([automatic, ops.take(ops.stack(looks), order, axis=0)])


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
    slopes = (bb * a - ab * b, aa * b - ab * a, -bb / 2, ab, -aa / 2)
    weights = ops.stack(slopes, axis=-1) / determinant[..., None]
    return ops.matmul(weights, constant(_monomials().T, center))


def _measure_distance(offset: Tensor, covariance: Covariance) -> Tensor:
    """Return offsetᵀ S⁻¹ offset, (...)."""
    aa, ab, bb = covariance
    a, b = offset[..., 0], offset[..., 1]
    return (bb * a * a - 2 * ab * a * b + aa * b * b) / _determinant(covariance)


def _determinant(covariance: Covariance) -> Tensor:
    aa, ab, bb = covariance
    return aa * bb - ab * ab
