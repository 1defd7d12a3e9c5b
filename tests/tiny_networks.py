"""Networks with all the parts of the real ones, small enough to be trained in a test."""

import keras
import numpy as np

from deepkoal import models
from deepkoal.semantic import SemanticEmbedder


def tiny_encoder():
    """From (B, H, W, 3) to what `models.lite` needs of an encoder; 8 channels, 6 classes."""
    inputs = keras.Input((None, None, 3), name="rgb_norm")
    x, outputs = inputs, {}
    for stride in (2, 4, 8, 16, 32):
        x = keras.layers.Conv2D(8, 3, 2, "same", use_bias=False, name=f"tiny_{stride}_conv")(x)
        x = keras.layers.BatchNormalization(name=f"tiny_{stride}_bn")(x)
        x = keras.layers.ReLU(name=f"tiny_{stride}_relu")(x)
        outputs[f"stride_{stride}"] = x
    x = keras.layers.GlobalAveragePooling2D(name="tiny_pool")(x)
    return keras.Model(inputs, {**outputs, "logits": keras.layers.Dense(6, name="tiny_head")(x)})


def tiny_lite(seed=0):
    return randomize(models.lite(tiny_encoder(), widths=(8, 8, 8), fusion=8), seed)


def tiny_embedder(dim=5, seed=1):
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, name="tiny_conv")(inputs)
    x = keras.layers.BatchNormalization(name="tiny_norm")(x)
    x = keras.layers.GlobalAveragePooling2D(name="tiny_pool")(x)
    classifier = keras.Model(inputs, keras.layers.Dense(dim, name="tiny_head")(x), name="tiny")
    randomize(classifier, seed)
    return SemanticEmbedder(classifier, input_size=8, identity=f"tiny:{seed}")


def randomize(network, seed):
    """Give every kernel weights that depend on the seed only, not on the backend."""
    generator = np.random.default_rng(seed)
    for variable in network.weights:
        if len(variable.shape) > 1:
            deviation = np.sqrt(2 / np.prod(variable.shape[:-1]))
            variable.assign(generator.normal(0, deviation, variable.shape).astype("float32"))
    return network
