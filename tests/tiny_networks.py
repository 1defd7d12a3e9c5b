"""Networks with all the parts of the real ones, small enough to be trained in a test."""

import keras
import numpy as np

from deepkoal import models
from deepkoal.color import ab_bins
from deepkoal.models.embedder import SemanticEmbedder
from deepkoal.models.layers import ReplicateEmbedding


def tiny_encoder():
    """From (B, H, W, 3) to what `models.lite` needs of an encoder; 8 channels, 6 classes."""
    inputs = keras.Input((None, None, 3), name="rgb_norm")
    x = keras.layers.Conv2D(8, 4, 4, use_bias=False, name="tiny_stem")(inputs)
    x = keras.layers.BatchNormalization(name="tiny_norm")(x)
    x = keras.layers.ReLU(name="tiny_relu")(x)
    outputs = {"stride_4": x}
    for stride in (8, 16, 32):
        x = keras.layers.AveragePooling2D(2, name=f"tiny_{stride}")(x)
        outputs[f"stride_{stride}"] = x
    x = keras.layers.GlobalAveragePooling2D(name="tiny_pool")(x)
    return keras.Model(inputs, {**outputs, "logits": keras.layers.Dense(6, name="tiny_head")(x)})


def tiny_lite(seed=0, things=()):
    network = models.lite(tiny_encoder(), widths=(8, 8, 8), fusion=8, things=things)
    return randomize(network, seed)


def tiny_embedder(dim=5, seed=1):
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, name="tiny_conv")(inputs)
    x = keras.layers.BatchNormalization(name="tiny_norm")(x)
    x = keras.layers.GlobalAveragePooling2D(name="tiny_pool")(x)
    classifier = keras.Model(inputs, keras.layers.Dense(dim, name="tiny_head")(x), name="tiny")
    randomize(classifier, seed)
    return SemanticEmbedder(classifier, input_size=8, identity=f"tiny:{seed}")


def tiny_koala(seed=0, embedder=None):
    """What training needs of `models.koala`, of a thousandth of its size."""
    l_norm = keras.Input((None, None, 1), name="l_norm")
    embedding = (embedder or tiny_embedder())(l_norm)
    x = keras.layers.Conv2D(8, 4, 4, activation="relu", name="encoder_1")(l_norm)
    x = keras.layers.Concatenate(name="concatenate")(
        [x, ReplicateEmbedding(name="replicate")([x, embedding])]
    )
    x = keras.layers.Conv2D(8, 1, activation="relu", name="fusion")(x)
    x = keras.layers.Conv2D(2, 3, padding="same", activation="tanh", name="decoder_5")(x)
    ab_norm = keras.layers.UpSampling2D(4, name="ab_norm")(x)
    return randomize(keras.Model(l_norm, {"ab_norm": ab_norm}, name="koala"), seed)


def randomize(network, seed):
    """Give every kernel that is trained, and what tells things, weights that depend on the seed
    only, not on the backend."""
    generator = np.random.default_rng(seed)
    things = [each for each in network.non_trainable_variables if "things" in each.path]
    for variable in network.trainable_variables + things:
        if len(variable.shape) > 1:
            deviation = np.sqrt(2 / np.prod(variable.shape[:-1]))
            variable.assign(generator.normal(0, deviation, variable.shape).astype("float32"))
    return network


def red_network():
    """A network that answers every photo with much the same red."""
    bins = ab_bins()
    bias = -0.05 * np.hypot(*(bins - (60, 40)).T)
    l_norm = keras.Input((None, None, 1), name="l_norm")
    x = keras.layers.AveragePooling2D(4)(l_norm)
    features = keras.layers.Conv2D(2, 1, name="features")(x)
    logits = keras.layers.Conv2D(
        len(bins), 1, bias_initializer=keras.initializers.Constant(bias), name="logits"
    )(features)
    return keras.Model(l_norm, {"logits": logits, "features": features}, name="lite")
