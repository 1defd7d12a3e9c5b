"""What is asked of a request, checked inside a TensorFlow graph as it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

_SHOWN = 40  # characters of a text that came


def demand(condition: tf.Tensor, message: str, *got: Any) -> Any:
    """Return a context whose ops run only where the condition holds.

    Args:
        condition: bool (...), all of which must be true.
        message: what was expected; plain ASCII, for others are escaped on the way to a client.
        got: tensors to be shown after it; texts need `make_printable`.

    Raises:
        tf.errors.InvalidArgumentError: as the graph runs, where it does not hold.
    """
    check = tf.debugging.Assert(tf.reduce_all(condition), [message, *got], summarize=8)
    return tf.control_dependencies([check])


def make_printable(text: tf.Tensor) -> tf.Tensor:
    """Shorten texts, string (...), and mend them: one that is not UTF-8 would raise another error.

    Bytes that are no UTF-8 come out as question marks.
    """
    utf8 = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", replacement_char=ord("?"))
    return tf.strings.substr(utf8, 0, _SHOWN, unit="UTF8_CHAR")


def demand_one_batch(photos: tf.Tensor, others: Sequence[tuple[str, tf.Tensor]]) -> Any:
    """Return a context, as `demand` does, for inputs that have an entry for each photo.

    Args:
        photos: (N,).
        others: names of inputs, and the inputs, (N, ...).
    """
    count = tf.shape(photos)[0]
    sizes = tf.stack([tf.shape(other)[0] for _, other in others])
    names = ", ".join(name for name, _ in others)
    message = f"expected as many entries for each of {names} as photos, got this many, and photos"
    return demand(sizes == count, message, sizes, count)
