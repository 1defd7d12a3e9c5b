"""How alike two places of a photo are to the eye of the network, and colors spread by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deepkoal.arrays import namespace
from deepkoal.color import Tensor


@dataclass(frozen=True)
class Places:
    """Places of a photo, as an affinity compares them.

    Attributes:
        features: (N, F), the network's features, each of unit length.
        l: (N,), lightness in 0…100.
        position: (N, 2), row and column in units of the photo's side (the root of its area).
    """

    features: Tensor
    l: Tensor
    position: Tensor


@dataclass(frozen=True)
class Kernel:
    """A mixture of Gaussians over the differences of features, lightness and position.

    K(x, k) = Σᵢ wᵢ exp(−|Δf|² / 2σ_f,ᵢ² − ΔL² / 2σ_L,ᵢ² − |Δp|² / 2σ_p,ᵢ²)

    Attributes:
        features: the widths σ_f, one for each part of the mixture.
        lightness: the widths σ_L, in units of L.
        position: the widths σ_p, as shares of the photo's side.
        weights: the weights w.
        damping: λ, the affinity at which half of a residual is taken over.
    """

    features: Sequence[float] = (0.35, 0.35)
    lightness: Sequence[float] = (15.0, 15.0)
    position: Sequence[float] = (0.4, 0.2)
    weights: Sequence[float] = (0.5, 0.5)
    damping: float = 0.02

    def compare(self, places: Places, marks: Places, *, near: bool = True) -> Tensor:
        """Return the affinity of N places to K marks, (N, K).

        Args:
            places: N of them.
            marks: K of them, of the same photo or of another.
            near: whether position counts; between two photos it has no meaning.
        """
        ops = namespace(places.features)
        apart = 2 - 2 * ops.matmul(places.features, ops.transpose(marks.features))
        apart_l = (places.l[:, None] - marks.l[None]) ** 2
        apart_p = ops.sum((places.position[:, None] - marks.position[None]) ** 2, axis=-1)
        total = 0.0
        for sigma_f, sigma_l, sigma_p, weight in zip(
            self.features, self.lightness, self.position, self.weights, strict=True
        ):
            exponent = apart / (2 * sigma_f**2) + apart_l / (2 * sigma_l**2)
            if near:
                exponent = exponent + apart_p / (2 * sigma_p**2)
            total = total + weight * ops.exp(-exponent)
        return total


def spread(places: Places, marks: Places, residuals: Tensor, kernel: Kernel) -> Tensor:
    """Carry residuals known at some marks to all places: r(x) = Σ K(x,k)·r_k / (Σ K(x,k) + λ).

    Args:
        places: N of them.
        marks: K of them, of the same photo.
        residuals: (K, 2), wanted minus predicted ab at the marks.
        kernel: see `Kernel`.

    Returns:
        (N, 2), to be added to the predicted ab.
    """
    ops = namespace(places.features)
    weights = kernel.compare(places, marks)
    return ops.matmul(weights, residuals) / (
        ops.sum(weights, axis=1, keepdims=True) + kernel.damping
    )
