"""A small U-Net that repairs lightness: what it would be undamaged, and where it was damaged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from deepkoal.models.layers import FusedBatchNormalization

WIDTHS = (24, 32, 64, 96)
"""Channels at strides 2, 4, 8 and 16: about as many multiplications at each."""

STRIDE = 2 ** len(WIDTHS)
"""Height and width must be multiples of this."""


def restorer(*, widths: Sequence[int] = WIDTHS) -> keras.Model:
    """Build the restoration network: a residual U-Net (Ronneberger et al. 2015, arXiv 1505.04597).

    Works at half size from the first convolution to the last, which makes each cost a quarter; as
    that has more channels than the 2×2 pixels it saw, no detail is lost. Normalized by batches in
    training only, so that a repair does not depend on what else is in the tile.

    Args:
        widths: channels at each stride, from 2 on.

    Returns:
        A functional model from `l_norm` (B, H, W, 1), float32 in −1…1, H and W multiples of
        `2 ** len(widths)`, to a dict of float32 (B, H, W, 1): `clean`, l_norm without damage,
        grain and blocks; `damage`, logits of the chance that a pixel is damaged.
    """
    l_norm = keras.Input((None, None, 1), name="l_norm")
    x, skips = l_norm, []
    for level, width in enumerate(widths):
        name = f"encoder_{level}"
        # Even kernels, so that padding is the same on all sides.
        kernel = 4 if level == 0 else 2
        x = _convolve(x, width, kernel, f"{name}_conv", strides=2)
        x = layers.ReLU(name=f"{name}_relu")(x)
        for block in range(1 if level < len(widths) - 1 else 2):
            x = _residual(x, width, f"{name}_block_{block}")
        skips.append(x)
    for level in range(len(widths) - 2, -1, -1):
        width, name = widths[level], f"decoder_{level}"
        x = _convolve(x, width, 1, f"{name}_conv")
        x = layers.UpSampling2D(2, name=f"{name}_up")(x)
        x = layers.Add(name=f"{name}_skip")([x, skips[level]])
        x = _residual(x, width, f"{name}_block_0")
    change = _unfold(x, "change", kernel_initializer="zeros")
    clean = layers.Add(dtype="float32", name="clean")([change, l_norm])
    damage = _unfold(x, "damage")
    return keras.Model(l_norm, {"clean": clean, "damage": damage}, name="restorer")


def _unfold(x: keras.KerasTensor, name: str, **settings: Any) -> keras.KerasTensor:
    """Return one value for each of the 2×2 pixels that a place stands for, (B, 2h, 2w, 1)."""
    x = layers.Conv2DTranspose(1, 4, 2, "same", name=f"{name}_conv", **settings)(x)
    return layers.Activation("linear", dtype="float32", name=name)(x)


def _convolve(
    x: keras.KerasTensor, width: int, kernel: int, name: str, strides: int = 1
) -> keras.KerasTensor:
    x = layers.Conv2D(width, kernel, strides, "same", use_bias=False, name=name)(x)
    return FusedBatchNormalization(momentum=0.97, name=f"{name}_norm")(x)


def _residual(x: keras.KerasTensor, width: int, name: str) -> keras.KerasTensor:
    """Add what two convolutions make of the features (He et al. 2016, arXiv 1512.03385)."""
    y = layers.ReLU(name=f"{name}_relu_0")(_convolve(x, width, 3, f"{name}_conv_0"))
    y = _convolve(y, width, 3, f"{name}_conv_1")
    return layers.ReLU(name=f"{name}_relu_1")(layers.Add(name=f"{name}_add")([x, y]))
