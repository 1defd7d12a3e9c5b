"""Cutting square training and evaluation photos out of JPEG bytes: pure functions of tensors."""

from __future__ import annotations

import math

import tensorflow as tf

SMALLEST_AREA = 0.6
"""Smallest random crop, as a share of the photo's largest square."""

WIDEST_ASPECT = 5 / 4
"""Most oblong random crop, either way, before it is resized to a square."""


def draw_uniform(seed: int, index: tf.Tensor, count: int) -> tf.Tensor:
    """Draw the random numbers that belong to the photo at `index` of the stream of `seed`.

    Returns:
        float32 (count,), uniform in 0…1, a pure function of the arguments.
    """
    return tf.random.stateless_uniform([count], seed=tf.stack([tf.cast(seed, tf.int64), index]))


def choose_crop(draws: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """Choose a nearly square part of a photo.

    Args:
        draws: float32 (4,), 0…1: they decide area, aspect, row and column.
        height: integer (), the photo's height in pixels.
        width: integer (), its width in pixels.

    Returns:
        int32 (4,): top row, left column, height and width of the crop, inside the photo.
    """
    full = tf.cast(tf.stack([height, width]), tf.float32)
    area = SMALLEST_AREA + (1 - SMALLEST_AREA) * draws[0]
    # log-uniform, so that tall and wide are alike; half of its logarithm goes to either side
    stretch = tf.exp((draws[1] - 0.5) * math.log(WIDEST_ASPECT))
    side = tf.sqrt(area) * tf.reduce_min(full)
    shape = tf.clip_by_value(tf.round(tf.stack([side * stretch, side / stretch])), 1.0, full)
    corner = tf.minimum(tf.floor(draws[2:4] * (full - shape + 1)), full - shape)
    return tf.cast(tf.concat([corner, shape], axis=0), tf.int32)


def crop_training_photo(
    jpeg: tf.Tensor, height: tf.Tensor, width: tf.Tensor, draws: tf.Tensor, size: int
) -> tf.Tensor:
    """Decode a random crop of a photo, resize it to a square and flip it half of the time.

    Args:
        jpeg: string (), a JPEG file.
        height: integer (), its height in pixels.
        width: integer (), its width in pixels.
        draws: float32 (5,), 0…1: four for `choose_crop`, one for the horizontal flip.
        size: side of the result in pixels.

    Returns:
        uint8 (size, size, 3), RGB.
    """
    window = choose_crop(draws[:4], height, width)
    # Files with a small fault keep their bytes and are readable elsewhere: no reason to stop here.
    rgb = tf.io.decode_and_crop_jpeg(jpeg, window, channels=3, try_recover_truncated=True)
    rgb = resize_antialiased(rgb, size, size)
    return tf.where(draws[4] < 0.5, tf.reverse(rgb, axis=[1]), rgb)


def crop_evaluation_photo(
    jpeg: tf.Tensor, height: tf.Tensor, width: tf.Tensor, size: int
) -> tf.Tensor:
    """Decode a photo, resize its short side to `size` and cut out the central square.

    Args:
        jpeg: string (), a JPEG file.
        height: integer (), its height in pixels.
        width: integer (), its width in pixels.
        size: side of the result in pixels.

    Returns:
        uint8 (size, size, 3), RGB.
    """
    full = tf.stack([height, width])
    scale = size / tf.reduce_min(full)
    shape = tf.cast(tf.round(tf.cast(full, scale.dtype) * scale), tf.int32)
    rgb = tf.io.decode_jpeg(jpeg, channels=3, try_recover_truncated=True)
    rgb = resize_antialiased(rgb, shape[0], shape[1])
    top, left = (shape[0] - size) // 2, (shape[1] - size) // 2
    return tf.ensure_shape(rgb[top : top + size, left : left + size], [size, size, 3])


def resize_antialiased(
    rgb: tf.Tensor, height: int | tf.Tensor, width: int | tf.Tensor
) -> tf.Tensor:
    """Resize a uint8 photo (H, W, 3) bilinearly, antialiased where it shrinks.

    Returns:
        uint8 (height, width, 3).
    """
    shape = tf.stack([height, width])

    def resize(antialias: bool) -> tf.Tensor:
        return tf.image.resize(rgb, shape, "bilinear", antialias=antialias)

    # Enlarging gives the same either way, without the antialiasing kernel in a fifth of the time.
    shrinks = tf.reduce_any(tf.shape(rgb)[:2] > shape)
    resized = tf.cond(shrinks, lambda: resize(True), lambda: resize(False))
    return tf.cast(tf.clip_by_value(tf.round(resized), 0.0, 255.0), tf.uint8)
