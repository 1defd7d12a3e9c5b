"""The parts whose cost grows with the photo, in TensorFlow ops: lightness, and chroma on it.

They repeat `rendering.composition`, whose OpenCV, tables and bands no graph can hold; the tests
keep the two within a grey level of each other. All between them is written once for both.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from deepkoal.color import (
    RGB_TO_XYZ,
    WHITE_D65,
    XYZ_TO_RGB,
    linear_to_lab,
    linear_to_srgb,
    srgb_to_linear,
)
from deepkoal.rendering.bands import BAND_PIXELS

PARALLEL_BANDS = 2

_FULL = 65535  # linear light in these units indexes a table
_LUMINANCE = RGB_TO_XYZ[1].astype(np.float32)


def lightness(rgb: tf.Tensor) -> tf.Tensor:
    """As `composition.lightness`: uint8 (H, W, 3), sRGB, to L, float32 (H, W) in 0…100."""
    linear, l_of_y, _ = _build_tables()
    tables = [_FULL * weight * linear for weight in _LUMINANCE]

    def measure(band: tf.Tensor) -> tf.Tensor:
        channels = tf.unstack(tf.cast(tf.gather(rgb, band), tf.int32), axis=-1)
        y = tf.add_n([tf.gather(*pair) for pair in zip(tables, channels, strict=True)])
        return tf.gather(l_of_y, tf.cast(tf.round(y), tf.int32))

    return _map_bands(measure, tf.shape(rgb), tf.TensorSpec([None, None], tf.float32))


@tf.function(
    input_signature=[
        tf.TensorSpec([None, None], tf.float32),
        tf.TensorSpec([None, None, 4], tf.float32),
    ],
    autograph=False,
)
def render(l: tf.Tensor, field: tf.Tensor) -> tf.Tensor:
    """As `composition.render`: L (H, W) and a field (h, w, 4) to sRGB, uint8 (H, W, 3)."""
    size, last = tf.shape(l), tf.shape(field)[0] - 1
    grid = tf.image.resize(field[None], [last + 1, size[1]])[0]
    grid = tf.transpose(grid, [0, 2, 1])

    def color(band: tf.Tensor) -> tf.Tensor:
        center = (tf.cast(band, tf.float32) + 0.5) * tf.cast(last + 1, tf.float32)
        center = center / tf.cast(size[0], tf.float32) - 0.5
        center = tf.clip_by_value(center, 0, tf.cast(last, tf.float32))
        above = tf.cast(center, tf.int32)
        weight = (center - tf.floor(center))[:, None, None]
        upper, lower = tf.gather(grid, above), tf.gather(grid, tf.minimum(above + 1, last))
        slope_a, slope_b, a, b = tf.unstack(upper + weight * (lower - upper), axis=1)
        l_band = tf.gather(l, band)
        return compose_rgb(l_band, slope_a * l_band + a, slope_b * l_band + b)

    return _map_bands(color, size, tf.TensorSpec([None, None, 3], tf.uint8))


def _map_bands(
    work: Callable[[tf.Tensor], tf.Tensor], size: tf.Tensor, spec: tf.TensorSpec
) -> tf.Tensor:
    """Return what is made of all rows of a photo, (H, W, ...), band by band.

    Of a whole photo each step would write and read back more than a core's cache holds.

    Args:
        work: from int32 (r,), indices of rows, to what they become, (r, W, ...).
        size: int32, height, width and what follows.
        spec: of what `work` returns.
    """
    height, width = size[0], size[1]
    rows = tf.minimum(tf.maximum(BAND_PIXELS // width, 1), height)
    bands = tf.map_fn(
        lambda top: work(tf.minimum(top + tf.range(rows), height - 1)),  # the last is filled up
        tf.range(0, height, rows),
        fn_output_signature=spec,
        parallel_iterations=PARALLEL_BANDS,
    )
    return tf.reshape(bands, tf.concat([[-1], tf.shape(bands)[2:]], axis=0))[:height]


def compose_rgb(l: tf.Tensor, a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """As `composition.compose_rgb`: planes of Lab (r, W) to sRGB, uint8 (r, W, 3).

    Plane by plane, for TensorFlow takes several times as long where three channels lie together.
    """
    f_y = (l + 16) / 116
    ratios = [_to_light(f) for f in (f_y + a / 500, f_y, f_y - b / 200)]
    grey = tf.clip_by_value(ratios[1], 0, 1)  # of the same L: luminance is linear
    offsets = [
        tf.add_n([weight * ratio for weight, ratio in zip(row, ratios, strict=True)]) - grey
        for row in (XYZ_TO_RGB * WHITE_D65).astype(np.float32)
    ]
    share = tf.ones_like(grey)
    for offset in offsets:
        room = tf.where(offset > 0, 1 - grey, grey)
        share = tf.minimum(share, room / tf.maximum(tf.maximum(tf.abs(offset), room), 1e-6))
    _, _, level_of_linear = _build_tables()
    planes = []
    for offset in offsets:
        step = _FULL * tf.clip_by_value(grey + share * offset, 0, 1)
        planes.append(tf.gather(level_of_linear, tf.cast(step, tf.int32)))
    return tf.stack(planes, axis=-1)


def _to_light(f: tf.Tensor) -> tf.Tensor:
    """Undo CIE 15's f: a cube, and below 6/29 its tangent."""
    return tf.where(f > 6 / 29, f * f * f, 3 * (6 / 29) ** 2 * (f - 4 / 29))


@functools.cache
def _build_tables() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return linear light of each sRGB level, L of each step of Y, sRGB level of each of light."""
    with tf.init_scope():  # values, although a graph is being built
        linear = srgb_to_linear(np.arange(256, dtype=np.float32) / 255)
        steps = np.arange(_FULL + 1, dtype=np.float32)
        l_of_y = linear_to_lab(np.repeat(steps[:, None] / _FULL, 3, axis=1))[:, 0]
        levels = np.clip(np.rint(255 * linear_to_srgb((steps + 0.5) / _FULL)), 0, 255)
    return np.asarray(linear), np.asarray(l_of_y), levels.astype(np.uint8)
