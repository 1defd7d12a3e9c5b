"""Keras networks made traceable for photos of any size."""

from __future__ import annotations

import keras
import tensorflow as tf


def make_traceable(network: keras.Model) -> keras.Model:
    """Return the network with the same layers and weights, fit for a graph of unknown size.

    Keras 3.15 refuses a symbolic size in `ops.image.resize` and so in `UpSampling2D`, unless it
    is nearest (github.com/keras-team/keras/pull/23315 mends it): such layers are replaced.

    Args:
        network: functional; models within it are left as they are.
    """
    return keras.models.clone_model(network, clone_function=_replace)


def _replace(layer: keras.layers.Layer) -> keras.layers.Layer:
    if not isinstance(layer, keras.layers.UpSampling2D) or layer.interpolation == "nearest":
        return layer
    return _Upsampling(layer.size, layer.interpolation, name=layer.name, dtype=layer.dtype_policy)


class _Upsampling(keras.layers.Layer):
    """What `UpSampling2D` computes, by `tf.image.resize`."""

    def __init__(self, size: tuple[int, int], interpolation: str, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.size = size
        self.interpolation = interpolation

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Return the maps enlarged."""
        resized = tf.image.resize(inputs, tf.shape(inputs)[1:3] * self.size, self.interpolation)
        return tf.cast(resized, inputs.dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return (B, H, W, C) of the enlarged maps."""
        batch, *sides, channels = input_shape
        enlarged = [side and side * by for side, by in zip(sides, self.size, strict=True)]
        return (batch, *enlarged, channels)
