"""Cross-entropy of a distribution over quantized ab, rare colors weighed up."""

from __future__ import annotations

import functools

import keras
import numpy as np
from keras import ops

from deepkoal.color import Tensor, ab_bins, encode_ab
from deepkoal.losses.loss_domain import LossDomain

_REACH = 110
"""ab targets are looked up on a grid of unit steps from −110 to 110."""


@functools.cache
def _soft_targets() -> np.ndarray:
    """Tabulate `encode_ab` at whole ab values: float32 (221 * 221, Q).

    The exact encoding of a batch of 48 photos takes about 0.3 s on two cores, which each step would
    pay. A look-up moves a target by at most half a unit of a and of b, a tenth of its width.
    """
    axis = np.arange(-_REACH, _REACH + 1, dtype="float32")
    ab = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    return np.concatenate(
        [ops.convert_to_numpy(encode_ab(part)) for part in np.array_split(ab, 16)]
    )


def rebalancing_weights(prior: np.ndarray, mix: float, power: float) -> np.ndarray:
    """Weigh rare colors up, after Zhang et al. 2016, equation 4, with its exponent free.

    w = ((1 − mix) · prior + mix / Q) ** −power, scaled so that its mean under the prior is 1.

    Args:
        prior: float (Q,), share of each ab bin among the training pixels, summing to 1.
        mix: share of the uniform distribution, 0…1 (λ in the paper).
        power: 0 weighs all alike, 1 is the paper's.

    Returns:
        float32 (Q,).
    """
    weights = ((1 - mix) * prior + mix / len(prior)) ** -power
    return np.asarray(weights / np.sum(weights * prior), "float32")


@keras.saving.register_keras_serializable(package="deepkoal")
class RebalancedCrossEntropy(keras.losses.Loss):
    """Cross-entropy of an ab distribution with soft targets (Zhang et al. 2016, section 2.2).

    `y_true` is ab (B, h, w, 2) in ab units, `y_pred` logits (B, h, w, Q); the result is a scalar.

    Args:
        weights: float (Q,), how much each ab bin counts, for example `rebalancing_weights`.
    """

    domain = LossDomain.LOGITS

    def __init__(self, weights: np.ndarray, name: str = "cross_entropy") -> None:
        super().__init__(name=name)
        self.weights = np.asarray(weights, dtype="float32")
        if self.weights.shape != (len(ab_bins()),):
            raise ValueError(f"expected {len(ab_bins())} weights, got shape {self.weights.shape}")
        # Tensors made here, not in `call`: there each compiled function would copy the 44 MB.
        self._targets = ops.convert_to_tensor(_soft_targets())
        self._target_weights = ops.convert_to_tensor(_soft_targets() @ self.weights)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss at each place, (B, h, w)."""
        steps = ops.cast(ops.round(ops.clip(y_true, -_REACH, _REACH)), "int32") + _REACH
        index = steps[..., 0] * (2 * _REACH + 1) + steps[..., 1]
        target = ops.take(self._targets, index, axis=0)
        weight = ops.take(self._target_weights, index, axis=0)
        logits = ops.cast(y_pred, "float32")
        entropy = ops.logsumexp(logits, axis=-1) - ops.sum(target * logits, axis=-1)
        return weight * entropy

    def get_config(self) -> dict[str, object]:
        """Return what rebuilds the loss."""
        return {"weights": self.weights.tolist(), "name": self.name}
