"""EfficientNet-Lite, ImageNet classifiers of which the smallest is small enough to ship."""

from __future__ import annotations

import math

import keras

from deepkoal.errors import DeepkoalError
from deepkoal.models.layers import FusedBatchNormalization
from deepkoal.models.weights import find_shipped, load_weights

LITE0_SHA256 = "4f1bc7acc5fe6ee3a5219c2250406965a774f2eb46e5cc77d5762505263b6a88"

# Tan & Le 2019 (arXiv 1905.11946), table 1: repeats, kernel, stride, expansion, filters.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)

# Google's EfficientNet-Lite: width and depth as in EfficientNet-B0 to B2 (section 4), the stem,
# the head, and the repeats of the first and the last stage unscaled.
_WIDTHS_AND_DEPTHS = ((1.0, 1.0), (1.0, 1.1), (1.1, 1.2))

INPUT_SIZES = (224, 240, 260)
"""Side in pixels of the square photos that each variant was trained on."""


def efficientnet_lite(variant: int = 0) -> keras.Model:
    """Build EfficientNet-Lite0, 1 or 2, untrained and trainable.

    EfficientNet-B0 to B2 (Tan & Le 2019, arXiv 1905.11946) without squeeze-and-excitation and
    with ReLU6 for swish, as in Google's EfficientNet-Lite. The reference's dropout and stochastic
    depth, which act in training only, are left out. Layers are named `block0_depthwise` and so
    on; `weights.find_shipped("efficientnet-lite0")` are ImageNet weights for Lite0's.

    Args:
        variant: 0, 1 or 2: 4,652,008, 5,416,680 or 6,092,072 trainable parameters.

    Returns:
        A functional model. Input: float32 (B, H, W, 3), RGB as (rgb - 127) / 128, so in about
        [-1, 1]; H and W are any multiples of 32 (other sizes work, their maps round up).
        Outputs, a dict of float32: the last block's output at each stride,
        `stride_2` (B, H/2, W/2, 16), `stride_4` (…, 24), `stride_8` (…, 40),
        `stride_16` (…, 112), `stride_32` (…, 320), and `logits` (B, 1000) before softmax;
        the channels are Lite0's.

    Raises:
        DeepkoalError: there is no such variant here.
    """
    if variant not in range(len(_WIDTHS_AND_DEPTHS)):
        raise DeepkoalError(
            f"expected EfficientNet-Lite 0, 1 or 2, got {variant}; use one of these"
        )
    width, depth = _WIDTHS_AND_DEPTHS[variant]
    inputs = keras.Input((None, None, 3), name="rgb_norm")
    x = keras.layers.Conv2D(32, 3, 2, "same", use_bias=False, name="stem_conv")(inputs)
    x = _batch_norm(x, "stem", relu=True)
    maps, stride, block = {}, 2, 0
    for stage, (repeats, kernel, first_stride, expansion, filters) in enumerate(_STAGES):
        scaled = stage not in (0, len(_STAGES) - 1)
        for repeat in range(math.ceil(depth * repeats) if scaled else repeats):
            block_stride = first_stride if repeat == 0 else 1
            x = _inverted_residual(
                x, f"block{block}", kernel, block_stride, expansion, _round_filters(width * filters)
            )
            stride *= block_stride
            block += 1
            maps[f"stride_{stride}"] = x
    x = keras.layers.Conv2D(1280, 1, use_bias=False, name="head_conv")(x)
    x = _batch_norm(x, "head", relu=True)
    x = keras.layers.GlobalAveragePooling2D(name="head_pool")(x)
    logits = keras.layers.Dense(1000, name="head_logits")(x)
    return keras.Model(inputs, {**maps, "logits": logits}, name=f"efficientnet_lite{variant}")


def efficientnet_lite0() -> keras.Model:
    """Build the variant whose ImageNet weights ship, see `efficientnet_lite`."""
    return efficientnet_lite(0)


def imagenet_lite0() -> keras.Model:
    """Build EfficientNet-Lite0 with its ImageNet weights, which come with the library.

    Raises:
        WeightsError: the weights are missing or damaged.
    """
    encoder = efficientnet_lite0()
    load_weights(encoder, find_shipped("efficientnet-lite0"), LITE0_SHA256)
    return encoder


def _round_filters(filters: float) -> int:
    """Round to a multiple of 8, not below nine tenths, as Google's EfficientNet does."""
    rounded = max(8, int(filters + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * filters else rounded


def _inverted_residual(
    inputs: keras.KerasTensor, name: str, kernel: int, stride: int, expansion: int, filters: int
) -> keras.KerasTensor:
    x, channels = inputs, inputs.shape[-1]
    if expansion != 1:
        expanded = channels * expansion
        x = keras.layers.Conv2D(expanded, 1, use_bias=False, name=f"{name}_expand")(x)
        x = _batch_norm(x, f"{name}_expand", relu=True)
    x = keras.layers.DepthwiseConv2D(
        kernel, stride, "same", use_bias=False, name=f"{name}_depthwise"
    )(x)
    x = _batch_norm(x, f"{name}_depthwise", relu=True)
    x = keras.layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_project")(x)
    x = _batch_norm(x, f"{name}_project", relu=False)
    if stride == 1 and channels == filters:
        x = keras.layers.Add(name=f"{name}_add")([x, inputs])
    return x


def _batch_norm(x: keras.KerasTensor, name: str, *, relu: bool) -> keras.KerasTensor:
    x = FusedBatchNormalization(momentum=0.99, epsilon=1e-3, name=f"{name}_bn")(x)
    return keras.layers.ReLU(max_value=6.0, name=f"{name}_relu6")(x) if relu else x
