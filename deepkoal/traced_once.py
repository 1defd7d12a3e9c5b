"""Parts of TensorFlow's graphs that are traced once, however often a graph calls them."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any


def traced_once(work: Callable[..., Any]) -> Callable[..., Any]:
    """Return `work`, which TensorFlow's graphs hold once and call.

    Most of the time that an export takes is tracing, and what it wrote is read by every server that
    starts. Anywhere else `work` is called as it is: in NumPy, in JAX, and where TensorFlow computes
    at once.

    Args:
        work: from tensors, and perhaps numbers, to a tensor; nothing else may decide what it
            returns.
    """

    @functools.cache
    def share() -> Any:
        import tensorflow as tf

        return tf.function(work, autograph=False)

    @functools.wraps(work)
    def call(*values: Any, **options: Any) -> Any:
        tensorflow = sys.modules.get("tensorflow")
        is_traced = tensorflow and any(map(tensorflow.is_symbolic_tensor, values))
        return (share() if is_traced else work)(*values, **options)

    return call
