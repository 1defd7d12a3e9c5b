"""The noise of variations for a bounded number of seeds, as tables that a graph looks up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from deepkoal.guidance import Kernel, VariationLatents, sample_latents
from deepkoal.guidance.color_options import MOST_VARIATIONS

SEEDS = 32
"""How many seeds an export knows: 0…31."""


class LatentTable(tf.Module):
    """What `guidance.sample_latents` returns for every seed and count that an export knows.

    NumPy's generator cannot be repeated by TensorFlow's ops. With a table, a seed means the same
    photo in a served model as in Python.

    Args:
        depth: F, how many features a place has.
        kernel: the affinity.
    """

    def __init__(self, depth: int, kernel: Kernel) -> None:
        super().__init__(name="noise")
        drawn = [
            [sample_latents(1 + n, seed, depth, kernel) for n in range(MOST_VARIATIONS)]
            for seed in range(SEEDS)
        ]
        # The waves' heights are drawn last and one variation after another, so that those of a
        # smaller count are the first of the largest.
        waves = ("features", "lightness", "position", "phases", "heights")
        self._waves = {
            name: _keep([getattr(of_seed[-1], name) for of_seed in drawn]) for name in waves
        }
        self._shared = {
            name: _keep(
                [[_fill_up(getattr(latents, name)) for latents in of_seed] for of_seed in drawn]
            )
            for name in ("directions", "vibrances")
        }

    def look_up(self, count: tf.Tensor, seed: tf.Tensor) -> VariationLatents:
        """Return the noise of count − 1 variations.

        Args:
            count: int32 (), 1…16.
            seed: int32 (), 0…31.
        """
        parts = {name: tf.gather(table, seed) for name, table in self._waves.items()}
        for name, table in self._shared.items():
            parts[name] = tf.gather_nd(table, tf.stack([seed, count - 1]))
        for name in ("heights", *self._shared):
            parts[name] = parts[name][: count - 1]
        return VariationLatents(**parts)


def _keep(arrays: Sequence[Any]) -> tf.Variable:
    return tf.Variable(np.array(arrays), trainable=False)


def _fill_up(array: np.ndarray) -> np.ndarray:
    """Return (MOST_VARIATIONS − 1, ...) with zeros after the array's own entries."""
    return np.pad(array, [(0, MOST_VARIATIONS - 1 - len(array)), *[(0, 0)] * (array.ndim - 1)])
