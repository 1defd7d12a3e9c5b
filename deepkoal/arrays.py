"""One formula for NumPy arrays and any backend's tensors."""

from __future__ import annotations

from typing import Any

import numpy as np


def namespace(x: Any) -> Any:
    """Return the module whose functions work on `x`: NumPy for its arrays, else `keras.ops`.

    A photo being guided stays in NumPy, which answers at once and needs no backend; within a
    graph that is being exported the same lines become its ops. Only what both modules spell alike
    can be used: `exp`, `sum`, `matmul`, `einsum`, `where`, `clip`, `stack`, …
    """
    if isinstance(x, np.ndarray):
        return np
    from keras import ops  # here, so that NumPy's users need no backend

    return ops


def constant(values: np.ndarray, like: Any) -> Any:
    """Return an array as what `like` is, NumPy's or the backend's, and of its dtype."""
    if isinstance(like, np.ndarray):
        return np.asarray(values, like.dtype)
    from keras import ops

    return ops.convert_to_tensor(values, dtype=like.dtype)
