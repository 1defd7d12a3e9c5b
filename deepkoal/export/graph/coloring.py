"""A photo's way to a network and back to full size, in TensorFlow ops.

Each step repeats one of `colorizer`, `upsample` and `postprocess`, where its source is given.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import tensorflow as tf

from deepkoal.color import (
    RGB_TO_XYZ,
    lab_to_linear,
    linear_to_lab,
    linear_to_srgb,
    normalize_l,
    srgb_to_linear,
)
from deepkoal.inference.colorizer import ROUND_TO
from deepkoal.rendering.upsampling import EPSILON, NETWORK_STRIDE, RADIUS, find_stride

_FULL = 65535  # linear light in these units indexes a table
_LUMINANCE = RGB_TO_XYZ[1].astype(np.float32)


def fit_working_size(size: tf.Tensor, working_size: int) -> tf.Tensor:
    """As `colorizer.fit_working_size`: int32 (2,) to int32 (2,), height and width."""
    height, width = tf.unstack(tf.cast(size, tf.float64))
    stretch = tf.sqrt(tf.clip_by_value(height / width, 1 / 8, 8))
    sides = tf.stack([working_size * stretch, working_size / stretch])
    rounded = tf.cast(tf.round(sides / ROUND_TO), tf.int32) * ROUND_TO
    return tf.maximum(rounded, NETWORK_STRIDE)


def lightness(rgb: tf.Tensor) -> tf.Tensor:
    """As `postprocess.lightness`: uint8 (H, W, 3), sRGB, to L, float32 (H, W) in 0…100."""
    linear, l_of_y, _ = _build_tables()
    channels = zip(tf.unstack(tf.cast(rgb, tf.int32), axis=-1), _LUMINANCE, strict=True)
    y = tf.add_n([tf.gather(_FULL * weight * linear, channel) for channel, weight in channels])
    return tf.gather(l_of_y, tf.cast(tf.round(y), tf.int32))


def resize_for_network(x: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """As `upsample.resize_for_network`: float32 (1, H, W, C) to (1, height, width, C)."""
    shrunk = tf.minimum(tf.shape(x)[1:3], tf.stack([height, width]))
    x = tf.image.resize(x, shrunk, "area")
    return tf.image.resize(x, tf.stack([height, width]), "bilinear")


def predict(network: Any, l: tf.Tensor) -> dict[str, tf.Tensor]:
    """Run a Keras network on L (B, h, w, 1) in 0…100, mirrored at its edges to whole strides."""
    size = tf.shape(l)[1:3]
    height, width = tf.unstack(size)
    missing = -size % find_stride(network.name)
    paddings = tf.stack([[0, 0], [0, missing[0]], [0, missing[1]], [0, 0]])
    padded = tf.pad(normalize_l(l), paddings, "REFLECT")
    cropped = {}
    for name, output in network(padded, training=False).items():
        stride = tf.shape(padded)[1] // tf.shape(output)[1]
        output = output[:, : height // stride, : width // stride]
        cropped[name] = tf.cast(output, tf.float32)
    return cropped


def fit_chroma(l: tf.Tensor, ab: tf.Tensor) -> tf.Tensor:
    """As `upsample.fit_chroma`: full L (1, H, W, 1) and coarse ab (1, h, w, 2) to (1, h, w, 4)."""

    def mean(x: tf.Tensor) -> tf.Tensor:  # over the pixels inside the photo only
        return tf.nn.avg_pool2d(x, 2 * RADIUS + 1, 1, "SAME")

    height, width = tf.unstack(tf.shape(ab)[1:3])
    l_coarse = resize_for_network(l, height, width)
    l_mean = mean(l_coarse)
    variance = tf.maximum(mean(tf.square(l_coarse)) - tf.square(l_mean), 0)
    covariance = mean(l_coarse * ab) - l_mean * mean(ab)
    slope = mean(covariance / (variance + EPSILON))
    return tf.concat([slope, ab - slope * l_coarse], axis=-1)


@tf.function(
    input_signature=[
        tf.TensorSpec([None, None], tf.float32),
        tf.TensorSpec([1, None, None, 4], tf.float32),
    ],
    autograph=False,
)
def render(l: tf.Tensor, field: tf.Tensor) -> tf.Tensor:
    """As `postprocess.render`: L (H, W) and a field (1, h, w, 4) to sRGB, uint8 (H, W, 3)."""
    slope, offset = tf.split(tf.image.resize(field, tf.shape(l)), 2, axis=-1)
    l = l[None, ..., None]
    return compose_rgb(l, slope * l + offset)[0]


def compose_rgb(l: tf.Tensor, ab: tf.Tensor) -> tf.Tensor:
    """As `postprocess.compose_rgb`: L (..., 1) and ab (..., 2) to sRGB, uint8 (..., 3)."""
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
