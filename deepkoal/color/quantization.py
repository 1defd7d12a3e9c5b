"""The quantized ab plane: its bins, and colors as distributions over them and back."""

from __future__ import annotations

import functools

import numpy as np

from deepkoal.arrays import Tensor, constant, namespace
from deepkoal.color.conversion import in_gamut

BIN_WIDTH = 10.0
"""Side of a quantized ab bin (Zhang et al. 2016)."""


@functools.cache
def ab_bins() -> np.ndarray:
    """Return the quantized ab plane: centers of bins of width 10 that sRGB can show at some L.

    After Zhang et al. 2016 (arXiv 1603.08511), section 2.1; their 313 bins also count bins whose
    center lies outside the gamut.

    Returns:
        float32 (227, 2), in a fixed order (by a, then b). Read-only.
    """
    axis = np.arange(-120.0, 121.0, BIN_WIDTH)
    l, a, b = np.meshgrid(np.arange(0.5, 100.0, 0.5), axis, axis, indexing="ij")
    # In NumPy's double precision: a GPU's coarse products would find other bins.
    ia, ib = np.nonzero(in_gamut(np.stack([l, a, b], axis=-1)).any(axis=0))
    bins = np.stack([axis[ia], axis[ib]], axis=-1).astype("float32")
    bins.setflags(write=False)
    return bins


def encode_ab(ab: Tensor, neighbors: int = 5, sigma: float = 5.0) -> Tensor:
    """Encode ab as a soft distribution over `ab_bins` (Zhang et al. 2016, section 2.2).

    Args:
        ab: (..., 2) floating point.
        neighbors: how many nearest bins share the mass (more where the last ones are tied).
        sigma: width of the Gaussian that weighs them by distance, in ab units.

    Returns:
        (..., Q) of the same dtype, non-negative, summing to 1.
    """
    ops = namespace(ab)
    bins = constant(ab_bins(), ab)
    square = ops.sum(ab * ab, axis=-1, keepdims=True)
    distance = square - 2 * ops.matmul(ab, ops.transpose(bins)) + ops.sum(bins * bins, axis=-1)
    if ops is np:
        farthest = np.partition(distance, neighbors - 1, axis=-1)[..., neighbors - 1, None]
    else:
        farthest = -ops.top_k(-distance, neighbors)[0][..., -1:]
    mass = _unnormalized(ops.where(distance <= farthest, -distance / (2 * sigma**2), -1e9))
    return mass / ops.sum(mass, axis=-1, keepdims=True)


def decode_ab(logits: Tensor, temperature: float, chroma_penalty: float = 0.0) -> Tensor:
    """Return ab as the annealed mean of a distribution over `ab_bins`.

    Zhang et al. 2016, equation 5, with a prior against vivid bins: of p ∝ exp(logits / temperature
    − penalty · |bin| / 10), the mean.

    Args:
        logits: (..., Q) floating point, unnormalized log-probabilities.
        temperature: 1 gives the mean, towards 0 the mode: lower is more vivid.
        chroma_penalty: natural logarithm by which the likelihood of a bin falls for every 10 units
            of its chroma.

    Returns:
        ab: (..., 2).
    """
    ops = namespace(logits)
    bins = constant(ab_bins(), logits)
    scores = logits / temperature
    if chroma_penalty:
        scores = scores - chroma_penalty / BIN_WIDTH * ops.sqrt(ops.sum(bins * bins, axis=-1))
    mass = _unnormalized(scores)
    return ops.matmul(mass, bins) / ops.sum(mass, axis=-1, keepdims=True)


def softmax(logits: Tensor) -> Tensor:
    """Return the distribution that logits (..., Q) mean, (..., Q)."""
    mass = _unnormalized(logits)
    return mass / namespace(mass).sum(mass, axis=-1, keepdims=True)


def _unnormalized(logits: Tensor) -> Tensor:
    """Return softmax's numerator; NumPy has none, and dividing after a sum costs less."""
    ops = namespace(logits)
    return ops.exp(logits - ops.max(logits, axis=-1, keepdims=True))
