"""What TensorFlow traces once: parts of graphs that call them often, networks for all sizes."""

from __future__ import annotations

import functools
import sys
import weakref
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


def trace_for_all_sizes(network: Any) -> Callable[[Any], Any]:
    """Return a Keras network's call on a batch, float32 (B, H, W, C), for inference.

    `predict_on_batch`, which is called on other backends, is traced for the first size and, for
    any other, anew, which takes koala-lite a second: it sees each photo at two sizes. The network
    is not kept alive.
    """
    import keras

    known: Callable[[], Any] = weakref.ref(network)
    if keras.backend.backend() != "tensorflow":
        return lambda batch: known().predict_on_batch(batch)
    import tensorflow as tf

    return tf.function(  # type: ignore[no-any-return]
        lambda batch: known()(batch, training=False),
        input_signature=[tf.TensorSpec(network.inputs[0].shape, tf.float32)],
        autograph=False,
    )
