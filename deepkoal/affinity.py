"""How alike two places of a photo are to the eye of the network, and colors spread by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deepkoal.arrays import Tensor, arange, namespace
from deepkoal.short_repr import short_repr

FAINTEST = -60.0
"""Logarithm of the least affinity: below 1e-38 float32 is many times as slow."""


@short_repr
@dataclass(frozen=True)
class AffinityPoints:
    """Places of a photo, as an affinity compares them; leading dimensions are photos.

    Attributes:
        features: (..., N, F), what the network finds at them, see `models.efficientnet_unet`.
        l: (..., N), lightness in 0…100.
        position: (..., N, 2), row and column in units of the photo's side (the root of its area).
    """

    features: Tensor
    l: Tensor
    position: Tensor

    def take(self, indices: Any) -> AffinityPoints:
        """Return some of one photo's places.

        Args:
            indices: integer (K,).
        """
        ops = namespace(self.features)
        parts = (self.features, self.l, self.position)
        return AffinityPoints(*(ops.take(part, indices, axis=0) for part in parts))


def make_affinity_points(features: Tensor, l: Tensor) -> AffinityPoints:
    """List the places of a grid, row by row.

    Args:
        features: (h, w, F).
        l: (h, w), lightness in 0…100 at the same places.

    Returns:
        The h·w places.
    """
    ops = namespace(features)
    rows, columns = (
        ops.cumsum(ops.ones_like(l), axis=axis) - 0.5
        for axis in (0, 1)  # of any dynamic size
    )
    side = ops.sqrt((rows[-1, -1] + 0.5) * (columns[-1, -1] + 0.5))
    position = ops.stack([rows, columns], axis=-1) / side
    depth = features.shape[-1]
    return AffinityPoints(
        ops.reshape(features, (-1, depth)), ops.reshape(l, (-1,)), ops.reshape(position, (-1, 2))
    )


@short_repr
@dataclass(frozen=True)
class Kernel:
    """A mixture of Gaussians over the differences of features, lightness and position.

    K(x, k) = Σᵢ wᵢ exp(−|Δf|² / 2σ_f,ᵢ² − ΔL² / 2σ_L,ᵢ² − |Δp|² / 2σ_p,ᵢ²)

    No exponent is taken for less than `FAINTEST`.

    Attributes:
        features: the widths σ_f, one for each part of the mixture.
        lightness: the widths σ_L, in units of L.
        position: the widths σ_p, as shares of the photo's side.
        weights: the weights w.
        noise: variance of a hint about the color of its place, as `spread` has it, in the
            weights' units.
    """

    features: Sequence[Any] = (1.2, 0.9, 0.5, 0.35)
    lightness: Sequence[Any] = (60.0, 40.0, 25.0, 15.0)
    position: Sequence[Any] = (3.0, 1.2, 0.6, 0.15)
    weights: Sequence[Any] = (0.3, 0.3, 0.4, 0.3)
    noise: Any = 0.1

    def compare(
        self, points: AffinityPoints, hint_points: AffinityPoints, *, near: bool = True
    ) -> Tensor:
        """Return the affinity of N places to K others, (..., N, K).

        Args:
            points: N of them.
            hint_points: the K others, of the same photo or of another.
            near: whether position counts; between two photos it has no meaning.
        """
        ops = namespace(points.features)
        apart = square_distance(points.features, hint_points.features)
        apart_l = (points.l[..., :, None] - hint_points.l[..., None, :]) ** 2
        apart_p = square_distance(points.position, hint_points.position) if near else None
        total = 0.0
        for sigma_f, sigma_l, sigma_p, weight in zip(
            self.features, self.lightness, self.position, self.weights, strict=True
        ):
            exponent = apart / (2 * sigma_f**2) + apart_l / (2 * sigma_l**2)
            if apart_p is not None:
                exponent = exponent + apart_p / (2 * sigma_p**2)
            total = total + weight * ops.exp(ops.maximum(-exponent, FAINTEST))
        return total


def spread(
    points: AffinityPoints, hint_points: AffinityPoints, residuals: Tensor, kernel: Kernel
) -> Tensor:
    """Carry residuals known at some places to all: r(x) = K(x, ·) (K(·, ·) + noise·I)⁻¹ r.

    The mean of a Gaussian process with covariance K, or kriging (Rasmussen and Williams 2006,
    eq. 2.23): hints that agree count once, and each is honored at its own place.

    Args:
        points: N of them.
        hint_points: K of them, of the same photo.
        residuals: (..., K, 2), wanted minus predicted ab at the hints.
        kernel: see `Kernel`.

    Returns:
        (..., N, 2), to be added to the predicted ab.
    """
    ops = namespace(points.features)
    return ops.matmul(weigh_hints(points, hint_points, kernel)[1], residuals)


def weigh_hints(
    points: AffinityPoints, hint_points: AffinityPoints, kernel: Kernel
) -> tuple[Tensor, Tensor]:
    """Return K(x, ·) and K(x, ·) (K(·, ·) + noise·I)⁻¹, each (..., N, K), see `spread`."""
    ops = namespace(points.features)
    known = kernel.compare(points, hint_points)
    among = kernel.compare(hint_points, hint_points)
    order = arange(ops.shape(hint_points.l)[-1], known)
    among = ops.where(order[:, None] == order, among + kernel.noise, among)
    solved = ops.linalg.solve(among, ops.swapaxes(known, -1, -2))
    return known, ops.swapaxes(solved, -1, -2)


def square_distance(x: Tensor, y: Tensor) -> Tensor:
    """Return |xₙ − yₖ|², (..., N, K), of (..., N, D) and (..., K, D)."""
    ops = namespace(x)
    x2 = ops.sum(x * x, axis=-1)[..., :, None]
    y2 = ops.sum(y * y, axis=-1)[..., None, :]
    return ops.maximum(x2 + y2 - 2 * ops.matmul(x, ops.swapaxes(y, -1, -2)), 0.0)
