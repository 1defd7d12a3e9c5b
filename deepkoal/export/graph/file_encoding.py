"""Pixels to photo files inside a TensorFlow graph."""

from __future__ import annotations

import tensorflow as tf

from deepkoal.export.graph.assertions import demand, make_printable

PNG_COMPRESSION = 1
"""zlib's level: 3 takes twice as long for files 6 % smaller."""

_JPEG = ("jpeg", "jpg")


def encode_png(rgb: tf.Tensor) -> tf.Tensor:
    """Return a PNG file, string (), of uint8 (H, W, 3)."""
    return tf.io.encode_png(rgb, compression=PNG_COMPRESSION)


def check_format(format: tf.Tensor, quality: tf.Tensor) -> tf.Tensor:
    """Return whether a file is to be a JPEG, bool (), instead of a PNG.

    Args:
        format: string (), `png` or `jpeg`.
        quality: int32 (), 1…100.

    Raises:
        tf.errors.InvalidArgumentError: as the graph runs, where they are something else.
    """
    is_jpeg = tf.reduce_any(tf.strings.lower(format) == tf.constant(_JPEG))
    is_known = is_jpeg | (tf.strings.lower(format) == "png")
    message = "format: expected png or jpeg, which are what a graph can write, got"
    with (
        demand(is_known, message, make_printable(format)),
        demand((quality >= 1) & (quality <= 100), "quality: expected 1 to 100, got", quality),
    ):
        return tf.identity(is_jpeg)


def encode_photo(rgb: tf.Tensor, is_jpeg: tf.Tensor, quality: tf.Tensor) -> tf.Tensor:
    """Return a photo's file, string ().

    Args:
        rgb: uint8 (H, W, 3).
        is_jpeg: see `check_format`.
        quality: of a JPEG, int32 (), 1…100.
    """
    return tf.cond(
        is_jpeg,
        lambda: tf.raw_ops.EncodeJpegVariableQuality(images=rgb, quality=quality),
        lambda: encode_png(rgb),
    )
