"""Networks for inference: batch normalization within the convolutions, the outputs the same."""

import keras
import numpy as np
import pytest
from keras import layers

from deepkoal.export.folding import fold_normalization


def build(middle):
    inputs = keras.Input((8, 8, 3))
    x = middle(layers.Conv2D(6, 3, use_bias=False, name="first")(inputs))
    inner_input = keras.Input((None, None, x.shape[-1]))
    inner = layers.DepthwiseConv2D(3, depth_multiplier=2, use_bias=False)(inner_input)
    inner = layers.BatchNormalization(scale=False)(inner)
    x = keras.Model(inner_input, inner, name="inner")(x)  # an encoder is a network of its own
    model = keras.Model(inputs, {"out": layers.Conv2D(2, 1)(x)})
    generator = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(generator.uniform(0.3, 1.5, weight.shape))
    return model


def branch(x):
    """Both what is normalized and what is not are looked at."""
    return layers.Concatenate()([layers.BatchNormalization()(x), x])


def change_first(x):
    return layers.BatchNormalization()(layers.ReLU()(x))


@pytest.mark.parametrize(
    ("middle", "left"),
    [
        (layers.BatchNormalization(), 0),
        (layers.BatchNormalization(center=False, epsilon=0.5), 0),
        (branch, 1),
        (change_first, 1),
    ],
)
def test_a_folded_network_says_the_same_with_fewer_layers(middle, left):
    model = build(middle)
    photos = np.random.default_rng(1).uniform(-1, 1, (2, 8, 8, 3)).astype("float32")
    before = model.get_weights()
    folded = fold_normalization(model)
    expected, given = (np.asarray(each(photos)["out"]) for each in (model, folded))
    np.testing.assert_allclose(given, expected, rtol=1e-4, atol=1e-4)
    assert sum("moving_mean" in weight.path for weight in folded.weights) == left
    for weight, former in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, former)
