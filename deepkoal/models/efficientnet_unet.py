"""The default network: an ImageNet classifier as encoder and semantic expert, a U-Net decoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
    encoder: keras.Model,
    *,
    widths: Sequence[int] = (160, 96, 64),
    fusion: int = 256,
    things: Sequence[int] = (),
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
        things: channels of the hidden layers and of the output `things`; none for no such output.
            Its layers are frozen: no loss of a training knows of things. They are learned by
            `training.auxiliary.things_learning`.

    Returns:
        A functional model from `l_norm` (B, H, W, 1), float32 in −1…1, H and W multiples of 32,
        to `{"logits": (B, H/4, W/4, Q), "features": (B, H/4, W/4, widths[-1])}`: unnormalized
        log-probabilities over `color.ab_bins()`, and features by which like places are found, see
        `deepkoal.affinity`. Where asked for, `things` (B, H/4, W/4, things[1]), too: places of one
        thing lie near each other there, places of others far, see `hints.things`.
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
    outputs = {"logits": logits, "features": compared}
    if things:
        outputs["things"] = _tell_things(taps, *things)
    return keras.Model(l_norm, outputs, name="lite")


def _tell_things(
    taps: Mapping[str, keras.KerasTensor], hidden: int, depth: int
) -> keras.KerasTensor:
    """Return vectors of things, of the encoder's maps of all strides, from the coarsest on.

    At each stride but the last a convolution looks around, so that a place knows what it is part
    of; the last one draws the outlines.
    """
    x = None
    for stride in (32, 16, 8, 4):
        part = layers.Conv2D(hidden, 1, trainable=False, name=f"things_{stride}")(
            taps[f"stride_{stride}"]
        )
        if x is not None:
            part = layers.Add(name=f"things_add_{stride}")(
                [DoubleSize(name=f"things_up_{stride}")(x), part]
            )
        x = layers.ReLU(name=f"things_relu_{stride}")(part)
        if stride > 4:
            x = layers.Conv2D(
                hidden, 3, padding="same", trainable=False, name=f"things_around_{stride}"
            )(x)
    return layers.Conv2D(depth, 1, use_bias=False, dtype="float32", trainable=False, name="things")(
        x
    )


def _convolution(x: keras.KerasTensor, filters: int, name: str) -> keras.KerasTensor:
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"{name}_conv")(x)
    x = FusedBatchNormalization(name=f"{name}_norm")(x)
    return layers.ReLU(name=name)(x)
