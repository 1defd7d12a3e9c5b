"""The network of Deep Koalarization, table 1 (Baldassarre, González-Morín & Rodés-Guirao 2017)."""

from __future__ import annotations

import keras
from keras import layers

from deepkoal.models.layers import ReplicateEmbedding


def koala(embedder: keras.Model) -> keras.Model:
    """Build the reference network of arXiv 1712.03400: encoder, fusion, decoder.

    Fully convolutional: any height and width that are multiples of 8.

    Args:
        embedder: frozen semantic embedder, l_norm (B, H, W, 1) to a vector (B, D); for example
            `SemanticEmbedder.inception_resnet_v2()`. It becomes the layer named `embedding`.

    Returns:
        A functional model from `l_norm` (B, H, W, 1), float32 in −1…1, to
        a dict of float32: `ab_norm` (B, H, W, 2) in −1…1 (times 110: ab); and `features`
        (B, H/4, W/4, 64), the decoder's last at that stride, by which like places are found.
    """
    l_norm = keras.Input((None, None, 1), name="l_norm")
    embedding = embedder(l_norm)
    x = _encoder(l_norm)
    replicated = ReplicateEmbedding(name="replicate")([x, embedding])
    x = layers.Concatenate(name="concatenate")([x, replicated])
    x = layers.Conv2D(256, 1, activation="relu", name="fusion")(x)
    return keras.Model(l_norm, _decoder(x), name="koala")


def _convolution(
    x: keras.KerasTensor, filters: int, name: str, strides: int = 1
) -> keras.KerasTensor:
    convolution = layers.Conv2D(filters, 3, strides, "same", activation="relu", name=name)
    return convolution(x)


def _encoder(x: keras.KerasTensor) -> keras.KerasTensor:
    plan = [(64, 2), (128, 1), (128, 2), (256, 1), (256, 2), (512, 1), (512, 1), (256, 1)]
    for number, (filters, strides) in enumerate(plan, 1):
        x = _convolution(x, filters, f"encoder_{number}", strides)
    return x


def _decoder(x: keras.KerasTensor) -> dict[str, keras.KerasTensor]:
    x = _convolution(x, 128, "decoder_1")
    x = layers.UpSampling2D(name="decoder_up_1")(x)
    x = _convolution(x, 64, "decoder_2")
    x = _convolution(x, 64, "decoder_3")
    features = layers.Activation("linear", dtype="float32", name="features")(x)
    x = layers.UpSampling2D(name="decoder_up_2")(x)
    x = _convolution(x, 32, "decoder_4")
    x = layers.Conv2D(2, 3, 1, "same", activation="tanh", dtype="float32", name="decoder_5")(x)
    ab_norm = layers.UpSampling2D(name="ab_norm", dtype="float32")(x)
    return {"ab_norm": ab_norm, "features": features}
