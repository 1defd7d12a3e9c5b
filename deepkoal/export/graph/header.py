"""What a photo file says in its first bytes, read inside a TensorFlow graph."""

from __future__ import annotations

import tensorflow as tf

HEADER = 2**17
"""How many of a file's first bytes are searched."""

_EXIF = b"Exif\0\0"
_APP1, _START_OF_SCAN = b"\xff\xe1", b"\xff\xda"  # JPEG markers: ITU-T T.81, table B.1
_ORIENTATION = 274  # a tag of TIFF 6.0, which an EXIF block is laid out in
_MOST_TAGS, _TAG_BYTES = 64, 12
_MOST_SEGMENTS = 64
"""Passed before an EXIF block, which cameras write first; a header could hold 32,000 empty ones."""


def read_header(photo_bytes: tf.Tensor) -> tf.Tensor:
    """Return a file's first bytes, int32 (HEADER,), zeros where it is shorter."""
    return tf.cast(tf.io.decode_raw(photo_bytes, tf.uint8, fixed_length=HEADER), tf.int32)


def take_bytes(header: tf.Tensor, place: tf.Tensor | int, count: int) -> tf.Tensor:
    """Return int32 (count,), the bytes at a place.

    Of a place outside the header, where only damage points, some bytes inside are returned.
    """
    return tf.slice(header, [tf.clip_by_value(place, 0, HEADER - count)], [count])


def has_bytes(header: tf.Tensor, place: tf.Tensor | int, expected: bytes) -> tf.Tensor:
    """Return bool (), whether these bytes are at that place."""
    return tf.reduce_all(take_bytes(header, place, len(expected)) == list(expected))


def read_number(digits: tf.Tensor, little: tf.Tensor | bool = False) -> tf.Tensor:
    """Return int32 (...), the unsigned number that bytes (..., n) hold; 4 bytes may wrap.

    Args:
        digits: int32 (..., n), bytes.
        little: bool (), whether the least byte comes first.
    """
    powers = [256**power for power in range(digits.shape[-1])]
    return tf.reduce_sum(digits * tf.where(little, powers, powers[::-1]), axis=-1)


def read_orientation(header: tf.Tensor) -> tf.Tensor:
    """Find a JPEG's EXIF block and the orientation in it.

    Args:
        header: int32 (HEADER,), the JPEG's first bytes.

    Returns:
        int32 (), 1…8: 1 where the file says nothing, or nothing that makes sense.
    """

    def is_exif(place: tf.Tensor) -> tf.Tensor:
        return has_bytes(header, place, _APP1) & has_bytes(header, place + 4, _EXIF)

    def is_passed(place: tf.Tensor) -> tf.Tensor:
        is_segment = (place < HEADER) & has_bytes(header, place, b"\xff")
        return is_segment & ~has_bytes(header, place, _START_OF_SCAN) & ~is_exif(place)

    def find_next(place: tf.Tensor) -> list[tf.Tensor]:
        return [place + 2 + read_number(take_bytes(header, place + 2, 2))]

    (place,) = tf.while_loop(
        is_passed, find_next, [tf.constant(2)], maximum_iterations=_MOST_SEGMENTS
    )
    tiff = place + 10
    little = has_bytes(header, tiff, b"II")
    directory = tiff + read_number(take_bytes(header, tiff + 4, 4), little)
    count = read_number(take_bytes(header, directory, 2), little)
    entries = take_bytes(header, directory + 2, _MOST_TAGS * _TAG_BYTES)
    entries = tf.reshape(entries, [_MOST_TAGS, _TAG_BYTES])
    is_wanted = (tf.range(_MOST_TAGS) < count) & (
        read_number(entries[:, :2], little) == _ORIENTATION
    )
    found = tf.reduce_max(tf.where(is_wanted, read_number(entries[:, 8:10], little), 0))
    return tf.where(is_exif(place) & (found >= 1) & (found <= 8), found, 1)
