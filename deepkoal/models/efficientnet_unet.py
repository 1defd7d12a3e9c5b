"""The default network: an ImageNet classifier as encoder and semantic expert, a U-Net decoder."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

from deepkoal.color import ab_bins
from deepkoal.models.layers import (
    DoubleSize,
    FusedBatchNormalization,
    ProjectUnit,
    ReplicateEmbedding,
    StandardizeVector,
)


def lite(
    encoder: keras.Model, *, widths: Sequence[int] = (160, 96, 64), fusion: int = 256
) -> keras.Model:
    """Build the default network: encoder, semantic fusion, U-Net decoder to stride 4.

    The encoder is a classifier that also outputs its class logits; standardized, they are the
    semantic embedding that is fused at the bottleneck as in Deep Koalarization (arXiv
    1712.03400), so one pass serves as encoder and expert.

    Args:
        encoder: from (B, H, W, 3) in −1…1 to a dict of feature maps `stride_4`, `stride_8`,
            `stride_16`, `stride_32` and class `logits` (B, D); for example
            `efficientnet_lite0()`. It becomes the layer named `encoder` and is trained along.
        widths: channels of the decoder at strides 16, 8 and 4; the last is that of `features`.
        fusion: channels after the fusion at stride 32.

    Returns:
        A functional model from `l_norm` (B, H, W, 1), float32 in −1…1, H and W multiples of 32,
        to `{"logits": (B, H/4, W/4, Q), "features": (B, H/4, W/4, widths[-1])}`: unnormalized
        log-probabilities over `color.ab_bins()`, and features by which like places are found, see
        `guidance.affinity`.
    """
    l_norm = keras.Input((None, None, 1), name="l_norm")
    grey = layers.Concatenate(name="grey")([l_norm, l_norm, l_norm])
    taps = keras.Model(encoder.input, encoder.output, name="encoder")(grey)
    embedding = StandardizeVector(dtype="float32", name="standardize")(taps["logits"])
    replicated = ReplicateEmbedding(name="replicate")([taps["stride_32"], embedding])
    x = layers.Concatenate(name="concatenate")([taps["stride_32"], replicated])
    x = layers.Conv2D(fusion, 1, activation="relu", name="fusion")(x)
    for stride, width in zip((16, 8, 4), widths, strict=True):
        x = DoubleSize(name=f"up_{stride}")(x)
        x = layers.Concatenate(name=f"skip_{stride}")([x, taps[f"stride_{stride}"]])
        x = _convolution(x, width, f"decoder_{stride}")
    features = _convolution(x, widths[-1], "features")
    logits = layers.Conv2D(len(ab_bins()), 1, dtype="float32", name="logits")(features)
    compared = ProjectUnit(name="affinity")(features)
    return keras.Model(l_norm, {"logits": logits, "features": compared}, name="lite")


def _convolution(x: keras.KerasTensor, filters: int, name: str) -> keras.KerasTensor:
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"{name}_conv")(x)
    x = FusedBatchNormalization(name=f"{name}_norm")(x)
    return layers.ReLU(name=name)(x)
