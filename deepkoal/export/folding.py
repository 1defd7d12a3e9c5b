"""A network for inference alone: batch normalization folded into the convolutions before it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

_FOLDABLE = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)


class _Nothing(keras.layers.Layer):
    """What a normalization becomes: called as that was."""

    def call(self, x: Any, training: Any = None, mask: Any = None) -> Any:
        return x


def fold_normalization(model: keras.Model) -> keras.Model:
    """Return a model of the same outputs, within rounding, whose convolutions are normalized.

    With its mean, variance, scale and shift fixed, a batch normalization multiplies and shifts
    each channel, which a convolution's kernel and bias do as well (Jacob et al. 2018, section
    3.2). TensorFlow then runs convolution, bias and activation as one, and has less to plan.

    Args:
        model: a functional model, which may contain others; it is left as it is.
    """
    pairs = list(_find_pairs(model))
    folded = {id(norm) for norm, _ in pairs}
    biased = {id(convolution) for _, convolution in pairs}
    made: dict[int, Any] = {}

    def clone(layer: Any) -> Any:
        config = layer.get_config()
        if id(layer) in folded:
            return _Nothing(name=layer.name, dtype=layer.dtype_policy)
        if id(layer) in biased:
            config["use_bias"] = True
        made[id(layer)] = type(layer).from_config(config)
        return made[id(layer)]

    lean = keras.models.clone_model(model, clone_function=clone, recursive=True)
    norms = {id(convolution): norm for norm, convolution in pairs}
    for layer in _list_layers(model):
        if id(layer) in norms:
            made[id(layer)].set_weights(_fold(layer, norms[id(layer)]))
        elif id(layer) in made:
            made[id(layer)].set_weights(layer.get_weights())
    return lean


def _list_layers(model: keras.Model) -> Iterator[Any]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _list_layers(layer)
        else:
            yield layer


def _find_pairs(model: keras.Model) -> Iterator[tuple[Any, Any]]:
    """Yield each batch normalization after a convolution that nothing else follows, and that."""
    for layer in _list_layers(model):
        if isinstance(layer, keras.layers.BatchNormalization):
            before = layer.input._keras_history.operation
            is_plain = isinstance(before, _FOLDABLE) and not before.use_bias
            is_linear = is_plain and before.activation is keras.activations.linear
            if is_linear and len(before._outbound_nodes) == 1:
                yield layer, before


def _fold(convolution: Any, norm: keras.layers.BatchNormalization) -> list[np.ndarray]:
    """Return kernel and bias."""
    (kernel,) = convolution.get_weights()
    mean, variance = (np.asarray(each) for each in (norm.moving_mean, norm.moving_variance))
    factor = 1 / np.sqrt(variance + norm.epsilon)
    if norm.scale:
        factor = factor * np.asarray(norm.gamma)
    bias = -mean * factor
    if norm.center:
        bias = bias + np.asarray(norm.beta)
    # Of a depthwise kernel, (h, w, channels, multiplier), each pair of the last two is a channel.
    shape = kernel.shape[-2:] if isinstance(convolution, _FOLDABLE[1]) else (1, -1)
    return [kernel * factor.reshape(shape), bias]
