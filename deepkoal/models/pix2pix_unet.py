"""Pix2Pix (Isola et al. 2017, arXiv 1611.07004): U-Net generator and PatchGAN discriminator."""

from __future__ import annotations

import keras
from keras import layers

from deepkoal.models.layers import CropLike

_SPREAD = 0.02
"""Standard deviation of the initial weights (appendix 6.2)."""


def pix2pix(*, filters: int = 64, depth: int = 8) -> keras.Model:
    """Build the U-Net-256 generator of Pix2Pix: L in, tanh ab out.

    The encoder is C64-C128-C256-C512-C512-C512-C512-C512, the decoder
    CD512-CD512-CD512-C512-C256-C128-C64 with skips (appendix 6.1): 4×4 convolutions of stride 2,
    leaky ReLU down, ReLU up, dropout of one half in the decoder's first three, no normalization in
    the first layer nor, after the paper's errata, at the bottleneck. The paper normalizes each
    photo by itself, over the batch of one it trains and tests with; here instance normalization
    does so at any batch size. Unlike the paper's, dropout acts in training only, so that a photo
    is colored the same each time.

    Meant for 256×256, where the bottleneck is one place. Any height and width work: odd sizes are
    rounded up on the way down and cropped on the way up.

    Args:
        filters: of the first layer.
        depth: how many times the size is halved.

    Returns:
        A functional model from `l_norm` (B, H, W, 1), float32 in −1…1, to a dict of float32:
        `ab_norm` (B, H, W, 2) in −1…1 (times 110: ab); and `features` (B, H/4, W/4, 2 · filters),
        the decoder's at that stride, by which like places are found.
    """
    l_norm = keras.Input((None, None, 1), name="l_norm")
    widths = [filters * min(2**level, 8) for level in range(depth)]
    x, skips = l_norm, []
    for level, width in enumerate(widths, 1):
        if level > 1:
            x = layers.LeakyReLU(0.2, name=f"encoder_{level}_relu")(x)
        x = _down(x, width, f"encoder_{level}", normalized=1 < level < depth)
        skips.append(x)
    features = None
    for level in range(depth - 1, 0, -1):
        skip, name = skips[level - 1], f"decoder_{level}"
        x = layers.ReLU(name=f"{name}_relu")(x)
        x = _up(x, widths[level - 1], f"{name}_conv", bias=False)
        x = CropLike(name=f"{name}_crop")([x, skip])
        x = _normalize(x, f"{name}_norm")
        if level > depth - 4:
            x = layers.Dropout(0.5, name=f"{name}_dropout")(x)
        if level == 2:
            features = layers.Activation("linear", dtype="float32", name="features")(x)
        x = layers.Concatenate(name=f"{name}_skip")([x, skip])
    x = layers.ReLU(name="decoder_0_relu")(x)
    x = _up(x, 2, "decoder_0_conv", bias=True)
    x = CropLike(name="decoder_0_crop")([x, l_norm])
    ab_norm = layers.Activation("tanh", dtype="float32", name="ab_norm")(x)
    return keras.Model(l_norm, {"ab_norm": ab_norm, "features": features}, name="pix2pix")


def patch_discriminator(*, filters: int = 64) -> keras.Model:
    """Build the PatchGAN of Pix2Pix: each score is of 70×70 pixels.

    C64-C128-C256-C512 (appendix 6.1), leaky ReLUs, no normalization in the first; the last two
    convolutions have stride 1. Conditional: it sees the lightness with the color.

    Args:
        filters: of the first layer.

    Returns:
        A functional model from `lab_norm` (B, H, W, 3), l_norm and ab_norm, to scores
        (B, H/8 − 2, W/8 − 2, 1), float32, not squashed.
    """
    x = lab_norm = keras.Input((None, None, 3), name="lab_norm")
    for number, (factor, strides) in enumerate([(1, 2), (2, 2), (4, 2), (8, 1)], 1):
        name = f"discriminator_{number}"
        if strides == 2:
            x = _down(x, factor * filters, name, normalized=number > 1)
        else:
            x = _step(x, factor * filters, name, bias=False)
            x = _normalize(x, f"{name}_norm")
        x = layers.LeakyReLU(0.2, name=f"{name}_relu")(x)
    scores = _step(x, 1, "discriminator_scores", bias=True)
    scores = layers.Activation("linear", dtype="float32", name="scores")(scores)
    return keras.Model(lab_norm, scores, name="patch_discriminator")


def _spread() -> keras.initializers.Initializer:
    return keras.initializers.RandomNormal(stddev=_SPREAD)


def _down(x: keras.KerasTensor, width: int, name: str, *, normalized: bool) -> keras.KerasTensor:
    # A bias before a normalization would be taken out again.
    x = layers.Conv2D(
        width, 4, 2, "same", use_bias=not normalized, kernel_initializer=_spread(), name=name
    )(x)
    return _normalize(x, f"{name}_norm") if normalized else x


def _up(x: keras.KerasTensor, width: int, name: str, *, bias: bool) -> keras.KerasTensor:
    return layers.Conv2DTranspose(
        width, 4, 2, "same", use_bias=bias, kernel_initializer=_spread(), name=name
    )(x)


def _step(x: keras.KerasTensor, width: int, name: str, *, bias: bool) -> keras.KerasTensor:
    x = layers.ZeroPadding2D(1, name=f"{name}_pad")(x)
    return layers.Conv2D(width, 4, use_bias=bias, kernel_initializer=_spread(), name=name)(x)


def _normalize(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Normalize each channel of each photo by itself."""
    gamma = keras.initializers.RandomNormal(mean=1.0, stddev=_SPREAD)
    return layers.GroupNormalization(-1, epsilon=1e-5, gamma_initializer=gamma, name=name)(x)
