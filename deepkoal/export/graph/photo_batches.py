"""What signatures share: their inputs declared, and photos of a batch worked on one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from deepkoal.export.graph.full_size import render
from deepkoal.inference.prediction.core import PredictionCore

PARALLEL_PHOTOS = 2


def declare_inputs(**inputs: tuple[list[int | None], tf.DType]) -> Any:
    """Return a decorator that makes a TensorFlow function of a method.

    Args:
        inputs: shape and dtype of each, by name, in order.
    """
    specs = [tf.TensorSpec(shape, dtype, name) for name, (shape, dtype) in inputs.items()]
    return tf.function(input_signature=specs, autograph=False)


def map_photos(
    function: Callable[[Any], tf.Tensor], inputs: Any, shape: list[int | None] | None = None
) -> tf.Tensor:
    """Return the strings that a function makes of each photo, (N, *shape)."""
    return tf.map_fn(
        function,
        inputs,
        fn_output_signature=tf.TensorSpec(shape or [], tf.string),
        parallel_iterations=PARALLEL_PHOTOS,
    )


def render_photo(photo: PredictionCore, field: tf.Tensor) -> tf.Tensor:
    """Return a photo, uint8 (H, W, 3), whose border, where it has one, is neutral."""
    inside = render(photo.inner_l, field)
    top, bottom, left, right = tf.unstack(photo.box)
    height, width = tf.unstack(tf.shape(photo.l))

    def frame() -> tf.Tensor:
        around = [[top, height - bottom], [left, width - right], [0, 0]]
        grey = render(photo.l, tf.zeros([1, 1, 4]))
        return tf.where(tf.pad(tf.ones_like(inside, tf.bool), around), tf.pad(inside, around), grey)

    return tf.cond(tf.reduce_all(tf.shape(inside)[:2] == [height, width]), lambda: inside, frame)
