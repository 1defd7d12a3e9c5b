"""Photo files to pixels inside a TensorFlow graph, as `deepkoal.image_io` reads them."""

from __future__ import annotations

import tensorflow as tf

from deepkoal.export.graph.header import (
    has_bytes,
    read_header,
    read_number,
    read_orientation,
    take_bytes,
)


def decode_photo(photo_bytes: tf.Tensor, max_pixels: int) -> tf.Tensor:
    """Decode a JPEG or PNG: any depth becomes 8 bits, alpha is dropped, a JPEG is set upright.

    The pixels are those of `images.decode_photo`, but that no color profile is applied, nor any
    orientation other than that in a JPEG's EXIF block.

    Args:
        photo_bytes: string (), a file's bytes.
        max_pixels: limit to width × height, checked before anything is decoded.

    Returns:
        rgb: uint8 (H, W, 3) in 0…255, sRGB.

    Raises:
        tf.errors.InvalidArgumentError: as the graph runs, for another kind of file, a damaged
            one, and too large a photo.
    """
    header = read_header(photo_bytes)
    is_jpeg = has_bytes(header, 0, b"\xff\xd8\xff")
    is_known = is_jpeg | has_bytes(header, 0, b"\x89PNG\r\n\x1a\n")
    # The bytes themselves are not shown: an error's text that is not UTF-8 cannot be raised.
    length = tf.strings.length(photo_bytes)
    message = "photo_bytes: expected a JPEG or PNG file, got something else of this many bytes"
    with tf.control_dependencies([tf.debugging.Assert(is_known, [message, length])]):
        size = tf.cond(
            is_jpeg,
            lambda: tf.image.extract_jpeg_shape(photo_bytes)[:2],
            lambda: read_number(tf.reshape(take_bytes(header, 16, 8), [2, 4]))[::-1],
        )
    fits = tf.reduce_prod(tf.cast(size, tf.int64)) <= max_pixels
    message = f"photo_bytes: expected at most {max_pixels} pixels, got this height and width"
    with tf.control_dependencies([tf.debugging.Assert(fits, [message, size])]):
        return tf.cond(
            is_jpeg,
            lambda: set_upright(_decode_jpeg(photo_bytes), read_orientation(header)),
            lambda: _decode_png(photo_bytes, is_deep=header[24] == 16),
        )


def set_upright(rgb: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Turn a picture as its EXIF orientation asks.

    Args:
        rgb: (H, W, 3).
        orientation: int32 (), 1…8.

    Returns:
        (H, W, 3), or (W, H, 3) for orientations 5…8.
    """
    turned = tf.transpose(rgb, tf.where(orientation >= 5, [1, 0, 2], [0, 1, 2]))
    is_mirrored = [
        tf.reduce_any(orientation == [3, 4, 7, 8]),  # top for bottom
        tf.reduce_any(orientation == [2, 3, 6, 7]),  # left for right
    ]
    upright = tf.reverse(turned, tf.boolean_mask([0, 1], tf.stack(is_mirrored)))
    return tf.ensure_shape(upright, [None, None, 3])


def _decode_jpeg(photo_bytes: tf.Tensor) -> tf.Tensor:
    # Pillow's transform and so its very pixels; TensorFlow's default is up to 6 levels off.
    return tf.io.decode_jpeg(photo_bytes, channels=3, dct_method="INTEGER_ACCURATE")


def _decode_png(photo_bytes: tf.Tensor, is_deep: tf.Tensor) -> tf.Tensor:
    def decode_deep() -> tf.Tensor:
        values = tf.io.decode_png(photo_bytes, channels=3, dtype=tf.uint16)
        return tf.cast((tf.cast(values, tf.int32) + 128) // 257, tf.uint8)

    return tf.cond(is_deep, decode_deep, lambda: tf.io.decode_png(photo_bytes, channels=3))
