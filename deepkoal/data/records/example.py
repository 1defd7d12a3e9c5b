"""One photo as a `tf.train.Example` and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

EMBEDDING_DTYPE = np.dtype("<f2")
"""Half precision, little endian, as embeddings are stored."""


def serialize_photo(
    jpeg: bytes,
    height: int,
    width: int,
    name: bytes,
    embedding: npt.NDArray[np.floating[Any]] | None = None,
) -> bytes:
    """Write one photo as the bytes of a `tf.train.Example`; the inverse of `parse_photo`.

    Args:
        jpeg: the photo as a JPEG file.
        height: its height in pixels.
        width: its width in pixels.
        name: its path below the photos' folder.
        embedding: floating point (D,), stored in half precision, or None.
    """
    features = {
        "jpeg": _bytes_feature(jpeg),
        "height": _int_feature(height),
        "width": _int_feature(width),
        "name": _bytes_feature(name),
    }
    if embedding is not None:
        features["embedding"] = _bytes_feature(embedding.astype(EMBEDDING_DTYPE).tobytes())
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return bytes(example.SerializeToString(deterministic=True))


def parse_photo(serialized: tf.Tensor, embedding_dim: int | None = None) -> dict[str, tf.Tensor]:
    """Read one photo's record, inside or outside tf.data.

    Args:
        serialized: string (), a `tf.train.Example`.
        embedding_dim: D, to read the embedding too, or None.

    Returns:
        A dict of `jpeg` and `name`, string (); `height` and `width`, int64 (); and, where
        asked for, `embedding`, float32 (D,).
    """
    features = {
        "jpeg": tf.io.FixedLenFeature([], tf.string),
        "height": tf.io.FixedLenFeature([], tf.int64),
        "width": tf.io.FixedLenFeature([], tf.int64),
        "name": tf.io.FixedLenFeature([], tf.string),
    }
    if embedding_dim is not None:
        features["embedding"] = tf.io.FixedLenFeature([], tf.string)
    photo: dict[str, tf.Tensor] = tf.io.parse_single_example(serialized, features)
    if embedding_dim is not None:
        half = tf.io.decode_raw(photo["embedding"], tf.float16, little_endian=True)
        photo["embedding"] = tf.ensure_shape(tf.cast(half, tf.float32), [embedding_dim])
    return photo


def _bytes_feature(content: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[content]))


def _int_feature(number: int) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[number]))
