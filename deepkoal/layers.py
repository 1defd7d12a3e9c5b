"""Keras layers that Keras itself does not have."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from deepkoal.color import Tensor

Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable(package="deepkoal")
class StandardizeVector(keras.layers.Layer):
    """Shift and scale each vector to zero mean and unit variance, so that scales compare.

    Input and output: (B, D), floating point.

    Args:
        epsilon: added to the variance.
    """

    def __init__(self, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def call(self, inputs: Tensor) -> Tensor:
        """Return the standardized vectors."""
        centered = inputs - ops.mean(inputs, axis=-1, keepdims=True)
        variance = ops.mean(ops.square(centered), axis=-1, keepdims=True)
        return centered * ops.rsqrt(variance + self.epsilon)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds the layer."""
        return {**super().get_config(), "epsilon": self.epsilon}


@keras.saving.register_keras_serializable(package="deepkoal")
class ReplicateEmbedding(keras.layers.Layer):
    """Repeat a vector at each place of a feature map (Deep Koalarization, section 3.2).

    Input: `[features (B, h, w, C), embedding (B, D)]`; output: (B, h, w, D).
    """

    def call(self, inputs: list[Tensor]) -> Tensor:
        """Return the embedding at each place of the features."""
        features, embedding = inputs
        height, width = ops.shape(features)[1:3]
        batch, depth = ops.shape(embedding)
        return ops.broadcast_to(embedding[:, None, None, :], (batch, height, width, depth))

    def compute_output_shape(self, input_shape: list[Shape]) -> Shape:
        """Return (B, h, w, D)."""
        features, embedding = input_shape
        return (*features[:3], embedding[-1])
