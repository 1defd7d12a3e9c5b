"""Pictures at other sizes, and means over windows: all as two products with matrices of weights.

Written once for NumPy arrays and backend tensors. Every weight is a ratio of integers, so that
both libraries find the same one; products are of float32.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np

from deepkoal.arrays import Tensor, arange, cast, namespace
from deepkoal.traced_once import traced_once

_LARGE = 2**16
"""Pixels of a NumPy array from which the weights that are 0 are left out."""


def resize(x: Tensor, height: Tensor | int, width: Tensor | int) -> Tensor:
    """Return a picture at another size: by area along a side that shrinks, else bilinearly.

    Area: the mean of what a new pixel covers, its edges in part. Bilinear: with half-pixel
    centers, and the edge's value beyond it. Both as OpenCV's INTER_AREA and INTER_LINEAR and as
    TensorFlow's `area` and `bilinear`.

    Args:
        x: floating point (H, W) or (..., H, W, C).
        height: the new height in pixels; within a graph it may be a tensor.
        width: the new width, likewise.

    Returns:
        (height, width) or (..., height, width, C), of the same dtype.
    """
    shape = namespace(x).shape(x)
    rows, columns = shape if len(shape) == 2 else shape[-3:-1]
    if namespace(x) is np:
        if (rows, columns) == (height, width):
            return x
        if x.ndim == 2 and x.size > _LARGE:
            return _resize_rows(_resize_rows(x, height).T, width).T
    return _multiply(_weigh(rows, height, x), x, _weigh(columns, width, x))


def fit_grid(x: Tensor, side: int, least: int = 4) -> tuple[Tensor, Tensor]:
    """Return height and width of a grid of about side² places, of a picture's aspect.

    Args:
        x: (H, W), the picture; the grid is no finer.
        side: of the grid, where the picture is square.
        least: of either side of the grid.
    """
    ops = namespace(x)
    pair = cast(ops.stack(ops.shape(x)), "float32")
    wanted = ops.maximum(ops.round(side * ops.sqrt(pair / ops.flip(pair))), least)
    sides = cast(ops.minimum(wanted, pair), "int32")
    return sides[0], sides[1]


def box_filter(size: Sequence[Any], radius: int, like: Tensor) -> Callable[[Tensor], Tensor]:
    """Return a function that takes means over a square window around each pixel of a picture.

    Args:
        size: the picture's height and width; within a graph they may be tensors.
        radius: the window reaches this many pixels to each side of its center; what lies outside
            the picture does not count.
        like: what the pictures are, floating point.

    Returns:
        From (..., H, W, C) to the means, (..., H, W, C), of the same dtype.
    """
    ops = namespace(like)

    def weigh_window(size: Tensor | int) -> Tensor:
        places = arange(size, like)
        near = cast(ops.abs(places[:, None] - places) <= radius, "float32")
        return near / ops.sum(near, axis=1, keepdims=True)

    def blur(x: np.ndarray) -> np.ndarray:
        # OpenCV's running sums; in double precision, as differences of what is large are to come.
        side, border = (2 * radius + 1, 2 * radius + 1), cv2.BORDER_CONSTANT
        inside = cv2.blur(np.ones(x.shape[:2]), side, borderType=border)[..., None]
        total = np.asarray(cv2.blur(x.astype(np.float64), side, borderType=border))
        return np.asarray(total.reshape(x.shape) / inside, x.dtype)

    rows, columns = (weigh_window(side) for side in size)
    return lambda x: blur(x) if ops is np and x.ndim == 3 else _multiply(rows, x, columns)


def _weigh(source: Tensor | int, size: Tensor | int, like: Tensor) -> Tensor:
    """Return how much each of `source` pixels counts in each of `size`, float32 (size, source)."""
    ops = namespace(like)
    if ops is np:
        return _weigh_in_numpy(source, size)
    if isinstance(source, int) and isinstance(size, int):
        if source * size <= _LARGE:
            return ops.convert_to_tensor(_weigh_in_numpy(source, size), "float32")
        return _weigh_tensors(source, size, like)
    if hasattr(like, "array_module"):  # which knows of no sizes but its own
        return _weigh_tensors(source, size, like)
    return _weigh_once(*(ops.convert_to_tensor(side, "int32") for side in (source, size)))


@traced_once
def _weigh_once(source: Tensor, size: Tensor) -> Tensor:
    return _weigh_tensors(source, size, source)


def _weigh_tensors(source: Tensor | int, size: Tensor | int, like: Tensor) -> Tensor:
    return namespace(like).where(
        size < source, _weigh_by_area(source, size, like), _weigh_bilinearly(source, size, like)
    )


@functools.lru_cache(maxsize=32)  # a photo's are asked for again
def _weigh_in_numpy(source: int, size: int) -> np.ndarray:
    like = np.empty(0)
    weigh = _weigh_by_area if size < source else _weigh_bilinearly
    # An integer of NumPy's, as `fit_grid` has them, would make weights of 64 bits of them.
    weights: np.ndarray = weigh(int(source), int(size), like)
    weights.setflags(write=False)
    return weights


def _weigh_by_area(
    source: Tensor | int, size: Tensor | int, like: Tensor, edges: Tensor | None = None
) -> Tensor:
    """Return the weights of all old pixels, or of those between `edges`, integers (size, n + 1)."""
    ops = namespace(like)
    start = arange(size, like)[:, None] * source  # of a new pixel, in 1 / size of an old one
    edges = arange(source + 1, like) if edges is None else edges
    covered = ops.minimum(ops.maximum(edges * size, start), start + source)
    return ops.divide(cast(ops.diff(covered, axis=1), "float32"), source)


def _weigh_bilinearly(source: Tensor | int, size: Tensor | int, like: Tensor) -> Tensor:
    ops = namespace(like)
    center = (2 * arange(size, like)[:, None] + 1) * source - size  # in ½ / size of an old pixel
    center = ops.minimum(ops.maximum(center, 0), 2 * size * (source - 1))
    apart = ops.abs(center - 2 * size * arange(source, like))
    return ops.divide(cast(ops.maximum(2 * size - apart, 0), "float32"), 2 * size)


def _multiply(rows: Tensor, x: Tensor, columns: Tensor) -> Tensor:
    """Return rows (h, H) · x · columnsᵀ (W, w), of x (H, W) or of each of its channels."""
    ops = namespace(x)
    if len(x.shape) > 2:
        *more, height, width, channels = ops.shape(x)
        tall = ops.matmul(rows, ops.reshape(x, (*more, height, width * channels)))
        return ops.matmul(columns, ops.reshape(tall, (*more, -1, width, channels)))
    return ops.matmul(ops.matmul(rows, x), ops.transpose(columns))


def _resize_rows(x: np.ndarray, rows: int) -> np.ndarray:
    """Return an array (H, W) at another number of rows; of fewer without the weights that are 0.

    Of a photo at its full size that takes a tenth of the time. A graph has threads of its own for
    the whole product, and a loop would cost it more than it saves.
    """
    x, source = np.ascontiguousarray(x), len(x)
    if rows >= source:
        return x if rows == source else np.dot(_weigh_in_numpy(source, rows), x)
    count = min(source // rows + 2, source)  # that a new row covers, or may touch
    first = np.minimum(np.arange(rows) * source // rows, source - count)
    weights = _weigh_by_area(source, rows, x, first[:, None] + np.arange(count + 1))
    shrunk = np.empty((rows, x.shape[1]), np.result_type(weights, x))
    for start, row, out in zip(first.tolist(), weights, shrunk, strict=True):
        np.dot(row, x[start : start + count], out=out)
    return shrunk
