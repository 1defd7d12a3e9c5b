"""The parts whose cost grows with the photo, in TensorFlow ops: lightness, and chroma on it.

They repeat `rendering.composition`, whose OpenCV, tables and bands no graph can hold; the tests
keep the two within a grey level of each other. All between them is written once for both.
"""

from __future__ import annotations

import functools

import numpy as np
import tensorflow as tf

from deepkoal.color import RGB_TO_XYZ, lab_to_linear, linear_to_lab, linear_to_srgb, srgb_to_linear

_FULL = 65535  # linear light in these units indexes a table
_LUMINANCE = RGB_TO_XYZ[1].astype(np.float32)


def lightness(rgb: tf.Tensor) -> tf.Tensor:
    """As `composition.lightness`: uint8 (H, W, 3), sRGB, to L, float32 (H, W) in 0…100."""
    linear, l_of_y, _ = _build_tables()
    channels = zip(tf.unstack(tf.cast(rgb, tf.int32), axis=-1), _LUMINANCE, strict=True)
    y = tf.add_n([tf.gather(_FULL * weight * linear, channel) for channel, weight in channels])
    return tf.gather(l_of_y, tf.cast(tf.round(y), tf.int32))


@tf.function(
    input_signature=[
        tf.TensorSpec([None, None], tf.float32),
        tf.TensorSpec([None, None, 4], tf.float32),
    ],
    autograph=False,
)
def render(l: tf.Tensor, field: tf.Tensor) -> tf.Tensor:
    """As `composition.render`: L (H, W) and a field (h, w, 4) to sRGB, uint8 (H, W, 3)."""
    slope, offset = tf.split(tf.image.resize(field[None], tf.shape(l)), 2, axis=-1)
    l = l[None, ..., None]
    return compose_rgb(l, slope * l + offset)[0]


def compose_rgb(l: tf.Tensor, ab: tf.Tensor) -> tf.Tensor:
    """As `composition.compose_rgb`: L (..., 1) and ab (..., 2) to sRGB, uint8 (..., 3)."""
    lab = tf.concat([l, ab], axis=-1)
    linear = lab_to_linear(tf.reshape(lab, [-1, 3]))  # flat, as matmul is quickest
    # Luminance is linear, so the grey of the same L is known without another conversion.
    grey = tf.clip_by_value(tf.reduce_sum(linear * _LUMINANCE, axis=-1, keepdims=True), 0, 1)
    offset = linear - grey
    room = tf.where(offset > 0, 1 - grey, grey)
    shares = room / tf.maximum(tf.maximum(tf.abs(offset), room), 1e-6)
    linear = grey + tf.reduce_min(shares, axis=-1, keepdims=True) * offset
    _, _, level_of_linear = _build_tables()
    steps = tf.cast(_FULL * tf.clip_by_value(linear, 0, 1), tf.int32)
    return tf.reshape(tf.gather(level_of_linear, steps), tf.shape(lab))


@functools.cache
def _build_tables() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return linear light of each sRGB level, L of each step of Y, sRGB level of each of light."""
    with tf.init_scope():  # values, although a graph is being built
        linear = srgb_to_linear(np.arange(256, dtype=np.float32) / 255)
        steps = np.arange(_FULL + 1, dtype=np.float32)
        l_of_y = linear_to_lab(np.repeat(steps[:, None] / _FULL, 3, axis=1))[:, 0]
        levels = np.clip(np.rint(255 * linear_to_srgb((steps + 0.5) / _FULL)), 0, 255)
    return np.asarray(linear), np.asarray(l_of_y), levels.astype(np.uint8)
