"""What old cameras, scanners and time do to lightness: pure functions, and a layer that draws them.

All take and return lightness l (B, H, W, 1), float32 in 0…100, and change nothing else: a network
that was trained on clean photos alone takes grain for texture and fading for fog.
"""

from __future__ import annotations

import functools
from typing import Any

import keras
import numpy as np
from keras import ops

from deepkoal.color import Tensor

CHANCE = 1 / 4
"""Of each fault, for a photo that is aged."""

WORST_NOISE = 15 / 2.55
"""Standard deviation of the strongest noise or grain, 15 of 255 levels: networks see photos small,
which halves the noise of a photo twice as large."""

WIDEST_BORDER = 0.12
"""Share of a side that a border covers at most."""

CLUMPS_SPREAD = 0.411
"""Standard deviation that `blur` at sigma 0.7 leaves of unit noise: grain is as strong as noise."""

BLOCK = 8
_LUMINANCE_STEPS = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    dtype="float32",
)
"""Quantization of luminance at quality 50: ITU-T T.81 (JPEG), annex K, table K.1."""


def blur(l: Tensor, sigma: float) -> Tensor:
    """Blur with a Gaussian, mirrored at the edges.

    Args:
        l: (B, H, W, 1).
        sigma: of the Gaussian in pixels, above 0.
    """
    radius = int(np.ceil(2 * sigma))
    offsets = np.arange(-radius, radius + 1)
    kernel = np.exp(-(offsets**2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).astype("float32")
    padded = ops.pad(l, [[0, 0], [radius, radius], [radius, radius], [0, 0]], mode="reflect")
    for shape in ((-1, 1, 1, 1), (1, -1, 1, 1)):
        padded = ops.conv(padded, kernel.reshape(shape), data_format="channels_last")
    return padded


def shrink(l: Tensor, factor: int) -> Tensor:
    """Average blocks of `factor` pixels and enlarge them again, bilinearly.

    Args:
        l: (B, H, W, 1), H and W multiples of `factor`.
        factor: 2 or more.
    """
    small = ops.average_pool(l, factor, strides=factor, data_format="channels_last")
    return ops.image.resize(small, l.shape[1:3], data_format="channels_last")


def compress(l: Tensor, coarseness: Tensor) -> Tensor:
    """Quantize 8×8 blocks as a JPEG file does (ITU-T T.81, annex A.3).

    Args:
        l: (B, H, W, 1), H and W multiples of 8.
        coarseness: (B, 1, 1, 1), the factor on the standard's table of quality 50: 1 for quality
            50, 5 for quality 10, 0.4 for quality 80.
    """
    height, width = l.shape[1:3]
    cosines = _cosines()
    levels = ops.reshape(l * 2.55 - 128, (-1, height // BLOCK, BLOCK, width // BLOCK, BLOCK))
    steps = _LUMINANCE_STEPS[None, None, :, None] * coarseness[..., None]
    spectrum = ops.einsum("ui,bhiwj,vj->bhuwv", cosines, levels, cosines)
    spectrum = ops.round(spectrum / steps) * steps
    levels = ops.einsum("ui,bhuwv,vj->bhiwj", cosines, spectrum, cosines)
    return (ops.reshape(levels, (-1, height, width, 1)) + 128) / 2.55


def fade(l: Tensor, black: Tensor, white: Tensor, gamma: Tensor) -> Tensor:
    """Squeeze lightness to `black`…`white` along a curve.

    Args:
        l: (B, H, W, 1).
        black: (B, 1, 1, 1), where 0 goes.
        white: (B, 1, 1, 1), where 100 goes.
        gamma: (B, 1, 1, 1), exponent of lightness over 100; 1 is straight.
    """
    return black + (white - black) * ops.power(ops.clip(l / 100, 1e-4, 1), gamma)


def frame(l: Tensor, widths: Tensor, tone: Tensor) -> Tensor:
    """Cover the edges with a plain border, as prints and scans have.

    Args:
        l: (B, H, W, 1).
        widths: (B, 4), share of the side covered at the top, bottom, left and right, 0…0.5.
        tone: (B, 1, 1, 1), the border's lightness.
    """
    height, width = l.shape[1:3]
    rows = (np.arange(height, dtype="float32")[None, :, None, None] + 0.5) / height
    columns = (np.arange(width, dtype="float32")[None, None, :, None] + 0.5) / width
    top, bottom, left, right = (widths[:, None, None, None, side] for side in range(4))
    inside = (rows > top) & (rows < 1 - bottom) & (columns > left) & (columns < 1 - right)
    return ops.where(inside, l, tone)


@functools.cache
def _cosines() -> np.ndarray:
    """Return the orthonormal 8-point DCT-II, (frequency, place)."""
    frequency, place = np.mgrid[:BLOCK, :BLOCK]
    matrix = np.cos((2 * place + 1) * frequency * np.pi / (2 * BLOCK)) / 2
    matrix[0] /= np.sqrt(2)
    return np.asarray(matrix, dtype="float32")


@keras.saving.register_keras_serializable(package="deepkoal")
class DegradeLightness(keras.layers.Layer):
    """Age a share of a batch's photos: fading, grain, noise, blur, low resolution, JPEG, borders.

    Input and output: l (B, H, W, 1), float32 in 0…100, H and W multiples of 8. Each fault comes
    to each of the chosen photos by itself, one time in four, at a strength drawn evenly.

    Args:
        share: of the photos that are aged at all, 0…1.
        seed: of the draws.
    """

    def __init__(self, share: float, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.share = share
        self.seed = seed
        self.seeds = keras.random.SeedGenerator(seed)
        self.built = True  # nothing waits for a shape, or Keras warns when a task begins

    def call(self, inputs: Tensor) -> Tensor:
        """Return the batch with some photos aged."""
        batch = ops.shape(inputs)[0]
        draws = keras.random.uniform((batch, 19, 1, 1), seed=self.seeds)
        aged, chosen, strength = draws[:, :1], draws[:, 1:8], draws[:, 8:15]
        aged = aged < self.share

        def sometimes(fault: int, changed: Tensor, l: Tensor) -> Tensor:
            return ops.where(aged & (chosen[:, fault : fault + 1] < CHANCE), changed, l)

        black, white, curve, softness, grain, noise, coarseness = ops.split(strength, 7, axis=1)
        gamma = 2 ** (1.5 * curve - 0.75)
        l = sometimes(0, fade(inputs, 25 * black, 100 - 25 * white, gamma), inputs)
        l = sometimes(1, l + softness * (blur(l, 1.0) - l), l)
        l = sometimes(2, shrink(l, 2), l)
        clumps = blur(keras.random.normal(ops.shape(l), seed=self.seeds), 0.7) / CLUMPS_SPREAD
        l = sometimes(3, l + WORST_NOISE * grain * clumps, l)
        specks = keras.random.normal(ops.shape(l), seed=self.seeds)
        l = sometimes(4, l + WORST_NOISE * noise * specks, l)
        l = sometimes(5, compress(l, 0.2 + 2.3 * coarseness), l)
        border = WIDEST_BORDER * ops.reshape(draws[:, 15:], (batch, 4))
        l = sometimes(6, frame(l, border, ops.where(black < 0.5, 3.0, 92.0)), l)
        return ops.clip(l, 0, 100)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds the layer."""
        return {**super().get_config(), "share": self.share, "seed": self.seed}
