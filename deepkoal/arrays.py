"""One formula for NumPy arrays and any backend's tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Tensor = Any
"""A NumPy array or a tensor of the current Keras backend."""

ByteArray = NDArray[np.uint8]
SampleArray = NDArray[Any]
"""A photo's samples: uint8 in 0…255 or uint16 in 0…65535."""
FloatArray = NDArray[np.float32]


def namespace(x: Any) -> Any:
    """Return the module whose functions work on `x`: NumPy for its arrays, else `keras.ops`.

    A tensor may bring its own, as those of `export.tracing` do.

    A photo being guided stays in NumPy, which answers at once and needs no backend; within a
    graph that is being exported the same lines become its ops. Only what both modules spell alike
    can be used: `exp`, `sum`, `matmul`, `einsum`, `where`, `clip`, `stack`, …
    """
    if isinstance(x, (np.ndarray, np.generic)):
        return np
    if (module := getattr(x, "array_module", None)) is not None:
        return module
    from keras import ops  # here, so that NumPy's users need no backend

    return ops


def constant(values: Any, like: Any) -> Any:
    """Return values as what `like` is, NumPy's array or the backend's tensor, and of its dtype."""
    ops = namespace(like)
    if ops is np:
        return np.asarray(values, like.dtype)
    return ops.convert_to_tensor(values, dtype=like.dtype)


def cast(x: Any, dtype: str) -> Any:
    """Return `x` with another dtype."""
    ops = namespace(x)
    return x.astype(dtype, copy=False) if ops is np else ops.cast(x, dtype)


def arange(count: Any, like: Any) -> Any:
    """Return 0, 1, … count − 1 as what `like` is: int64 in NumPy, int32 in a backend.

    Within a graph the count may be a tensor.
    """
    ops = namespace(like)
    return ops.arange(count, dtype="int64" if ops is np else "int32")


def fold(step: Callable[[Any, Any], Any], start: Any, count: Any) -> Any:
    """Return step(… step(step(start, 0), 1) …, count − 1), a loop that a graph can hold.

    Args:
        step: from what has come of the earlier numbers, and a number, to the same shape again.
        start: an array or tensor.
        count: of numbers; within a graph it may be a tensor.
    """
    ops = namespace(start)
    if ops is not np:
        return ops.fori_loop(0, count, lambda number, x: step(x, number), start)
    for number in range(count):
        start = step(start, number)
    return start


def settle(step: Callable[[Any], Any], start: Any, most: int) -> Any:
    """Return step(… step(start) …): until nothing changes any more, or `most` times.

    Args:
        step: from integers to integers of the same shape, and always the same ones.
        start: an array or tensor.
        most: rounds.
    """
    ops = namespace(start)
    if ops is np:
        for _ in range(most):
            before, start = start, step(start)
            if np.array_equal(before, start):
                break
        return start
    if (own := getattr(ops, "settle", None)) is not None:
        return own(step, start, most)

    def go_on(x: Any, _: Any) -> tuple[Any, Any]:
        after = step(x)
        return after, ops.any(after != x)

    changes = ops.any(ops.ones_like(start, dtype="bool"))
    return ops.while_loop(
        lambda _, changes: changes, go_on, (start, changes), maximum_iterations=most
    )[0]


def running_minimum(x: Any, axis: int) -> Any:
    """Return, at each place along an axis, the least of all up to it, with what came with it.

    Args:
        x: float32 (P, …), at most 512 long along the axis. Its first part is compared, the others
            come with it; of equal ones the last counts.
        axis: from 1 up.
    """
    ops = namespace(x)
    if ops is np:
        least = np.minimum.accumulate(x[:1], axis=axis)
        if len(x) == 1:
            return least
        sides = [-1 if each == axis else 1 for each in range(x.ndim)]
        places = np.arange(x.shape[axis], dtype=np.int16).reshape(sides)
        found = np.maximum.accumulate(np.where(x[:1] == least, places, 0), axis=axis)
        return np.take_along_axis(x, found.astype(np.intp), axis=axis)
    places = arange(ops.shape(x)[axis], x)

    def look_back(x: Any, number: Any) -> Any:
        before = ops.maximum(places - ops.left_shift(ops.ones_like(number), number), 0)
        earlier = ops.take(x, before, axis=axis)
        return ops.where(earlier[:1] < x[:1], earlier, x)

    return fold(look_back, x, 9)  # by 1, 2, 4, … 256 places
