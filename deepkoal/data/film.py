"""A layer that shows a network photos as old films recorded them."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from deepkoal.color import RGB_TO_XYZ, Tensor, film_lightness

_LEAST = np.array([[0, 0.02, 0.8], [0, 0.3, 0.25], [0.15, 0.2, 0.05]], "float32")
_MOST = np.array([[0.02, 0.22, 1], [0.12, 0.7, 0.65], [0.6, 0.7, 0.4]], "float32")
"""Shares of red, green and blue, before they are scaled to add up to 1: of blue-sensitive plates,
of orthochromatic films, of panchromatic ones and filters before them."""

_CHANCES = (0.2, 0.6)
"""Of a plate, and of a plate or an orthochromatic film."""


@keras.saving.register_keras_serializable(package="deepkoal")
class FilmLightness(keras.layers.Layer):
    """Return photos' lightness, a share of them as films of other color sensitivity recorded them.

    Input: rgb (B, H, W, 3), float32 sRGB in 0…1. Output: l (B, H, W, 1), float32 in 0…100. A
    network that saw true lightness alone takes the dark skin and the white sky of an
    orthochromatic film for what they are not.

    Args:
        share: of the photos that a film recorded, 0…1.
        seed: of the draws.
    """

    def __init__(self, share: float, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.share = share
        self.seed = seed
        self.seeds = keras.random.SeedGenerator(seed)
        self.built = True  # nothing waits for a shape, or Keras warns when a task begins

    def call(self, inputs: Tensor) -> Tensor:
        """Return the batch's lightness."""
        draws = keras.random.uniform((ops.shape(inputs)[0], 5), seed=self.seeds)
        kind = ops.sum(ops.cast(draws[:, :1] > np.array(_CHANCES, "float32"), "int32"), axis=1)
        least, most = (ops.take(ops.convert_to_tensor(x), kind, axis=0) for x in (_LEAST, _MOST))
        film = least + (most - least) * draws[:, 2:]
        film = film / ops.sum(film, axis=1, keepdims=True)
        eye = ops.convert_to_tensor(RGB_TO_XYZ[1:2], dtype="float32")
        return film_lightness(inputs, ops.where(draws[:, 1:2] < self.share, film, eye))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the input, with one channel."""
        return (*input_shape[:-1], 1)

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds the layer."""
        return {**super().get_config(), "share": self.share, "seed": self.seed}
