"""What `arrays.namespace` returns for an `OnnxTensor`: NumPy's words, ONNX's nodes.

Only what the formulas that are exported so use; each as NumPy's function of that name.
"""

# ruff: noqa: D103

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from deepkoal.export.tracing.elimination import solve
from deepkoal.export.tracing.graph import current
from deepkoal.export.tracing.tensor import Dims, OnnxTensor, as_type, broadcast

Axis = int | tuple[int, ...] | None


def _map(kind: str) -> Callable[[OnnxTensor], OnnxTensor]:
    return lambda x: x.graph.add(kind, [x], x.dtype, x.shape)


exp, log, sqrt, cos, abs, sign, round = map(
    _map, ("Exp", "Log", "Sqrt", "Cos", "Abs", "Sign", "Round")
)


def _combine(kind: str) -> Callable[[Any, Any], OnnxTensor]:
    def combine(x: Any, y: Any) -> OnnxTensor:
        if isinstance(x, OnnxTensor):
            return x.combine(kind, y)
        return _lift(y).combine(kind, x, swap=True)

    return combine


def _lift(x: Any) -> OnnxTensor:
    return x if isinstance(x, OnnxTensor) else current().lift(x)


maximum, minimum = map(_combine, ("Max", "Min"))


def divide(x: OnnxTensor, y: Any) -> OnnxTensor:
    return x.__truediv__(y)


def shape(x: OnnxTensor) -> tuple[Any, ...]:
    """Return the sizes: numbers, and tensors for those that are free."""
    sizes = [each for each in x.shape if each is None]
    whole = x.graph.add("Shape", [x], "int64", (len(x.shape),)) if sizes else None
    return tuple(
        size if whole is None or size is not None else whole[axis]
        for axis, size in enumerate(x.shape)
    )


def cast(x: OnnxTensor, dtype: str) -> OnnxTensor:
    return x.cast(dtype)


def convert_to_tensor(values: Any, dtype: str) -> OnnxTensor:
    return current().lift(np.asarray(values), as_type(dtype))


def clip(x: OnnxTensor, low: Any, high: Any) -> OnnxTensor:
    return minimum(maximum(x, low), high)


def where(condition: OnnxTensor, x: Any, y: Any) -> OnnxTensor:
    graph = condition.graph
    if not isinstance(x, OnnxTensor) and not isinstance(y, OnnxTensor):
        x = graph.lift(x, "float32")
    if not isinstance(x, OnnxTensor):
        x = graph.lift(x, y.dtype)
    y = graph.lift(y, x.dtype)
    shape = broadcast(condition.shape, broadcast(x.shape, y.shape))
    return graph.add("Where", [condition, x, y], x.dtype, shape)


def logical_not(x: OnnxTensor) -> OnnxTensor:
    return ~x


def _reduce(kind: str) -> Callable[..., OnnxTensor]:
    def reduce(
        x: OnnxTensor, axis: Axis = None, keepdims: bool = False, initial: float | None = None
    ) -> OnnxTensor:
        rank = len(x.shape)
        axes = range(rank) if axis is None else (axis,) if isinstance(axis, int) else axis
        gone = sorted(each % rank for each in axes)
        sizes: list[int | None] = []
        for place, size in enumerate(x.shape):
            if place not in gone:
                sizes.append(size)
            elif keepdims:
                sizes.append(1)
        inputs = [x, np.array(gone, np.int64)]
        result = x.graph.add(kind, inputs, x.dtype, tuple(sizes), keepdims=int(keepdims))
        bound = {"ReduceMax": maximum, "ReduceMin": minimum}
        return result if initial is None else bound[kind](result, initial)

    return reduce


sum, mean, max, min = map(_reduce, ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin"))


def all(x: OnnxTensor) -> OnnxTensor:
    return min(x.cast("int64")) > 0


def std(x: OnnxTensor, axis: int) -> OnnxTensor:
    rest = x - mean(x, axis=axis, keepdims=True)
    return sqrt(mean(rest * rest, axis=axis))


def matmul(x: Any, y: Any) -> OnnxTensor:
    first, second = _lift(x), _lift(y)
    outer = broadcast(first.shape[:-2], second.shape[:-2])
    shape = (*outer, first.shape[-2], second.shape[-1])
    return first.graph.add("MatMul", [first, second], first.dtype, shape)


def einsum(equation: str, x: OnnxTensor, y: OnnxTensor) -> OnnxTensor:
    free = (None,) * len(equation.partition("->")[2])
    return x.graph.add("Einsum", [x, y], x.dtype, free, equation=equation)


def reshape(x: OnnxTensor, shape: Sequence[Any]) -> OnnxTensor:
    known = tuple(size if isinstance(size, int) and size >= 0 else None for size in shape)
    return x.graph.add("Reshape", [x, x.graph.lift(list(shape), "int64")], x.dtype, known)


def transpose(x: OnnxTensor) -> OnnxTensor:
    return _permute(x, list(range(len(x.shape)))[::-1])


def swapaxes(x: OnnxTensor, one: int, other: int) -> OnnxTensor:
    order = list(range(len(x.shape)))
    order[one], order[other] = order[other], order[one]
    return _permute(x, order)


def moveaxis(x: OnnxTensor, source: int, target: int) -> OnnxTensor:
    order = list(range(len(x.shape)))
    axis = order.pop(source)
    order.insert(target % len(x.shape), axis)
    return _permute(x, order)


def _permute(x: OnnxTensor, order: list[int]) -> OnnxTensor:
    shape = tuple(x.shape[axis] for axis in order)
    return x.graph.add("Transpose", [x], x.dtype, shape, perm=order)


def flip(x: OnnxTensor, axis: int | None = None) -> OnnxTensor:
    count = len(x.shape)
    keys = [slice(None, None, -1 if axis in (None, each) else None) for each in range(count)]
    return x[tuple(keys)]


def stack(parts: Sequence[Any], axis: int = 0) -> OnnxTensor:
    like = next(x for x in parts if isinstance(x, OnnxTensor))
    at = axis % (len(like.shape) + 1)
    lifted = [like.graph.lift(x, like.dtype) for x in parts]
    return concatenate([x[(*[slice(None)] * at, None)] for x in lifted], at)


def concatenate(parts: Sequence[OnnxTensor], axis: int = 0) -> OnnxTensor:
    first = parts[0]
    at = axis % len(first.shape)
    sizes = [x.shape[at] for x in parts]
    total = None if None in sizes else int(np.sum([size for size in sizes if size is not None]))
    shape: Dims = (*first.shape[:at], total, *first.shape[at + 1 :])
    return first.graph.add("Concat", list(parts), first.dtype, shape, axis=at)


def take(x: OnnxTensor, indices: OnnxTensor, axis: int) -> OnnxTensor:
    shape = (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])
    return x.graph.add("Gather", [x, indices], x.dtype, shape, axis=axis)


def take_along_axis(x: OnnxTensor, indices: OnnxTensor, axis: int) -> OnnxTensor:
    return x.graph.add("GatherElements", [x, indices], x.dtype, indices.shape, axis=axis)


def nonzero(x: OnnxTensor) -> tuple[OnnxTensor, ...]:
    found = x.graph.add("NonZero", [x], "int64", (len(x.shape), None))
    return tuple(found[axis] for axis in range(len(x.shape)))


def ones_like(x: OnnxTensor) -> OnnxTensor:
    return zeros_like(x) + 1


def zeros_like(x: OnnxTensor) -> OnnxTensor:
    return x * 0


def arange(count: Any, dtype: str) -> OnnxTensor:
    graph = current()
    number = graph.add("Range", [graph.lift(0), count, graph.lift(1)], "int64", (None,))
    return number.cast(dtype)


def diff(x: OnnxTensor, axis: int) -> OnnxTensor:
    before = (slice(None),) * (axis % len(x.shape))
    return x[(*before, slice(1, None))] - x[(*before, slice(None, -1))]


def cumsum(x: OnnxTensor, axis: int = 0) -> OnnxTensor:
    return x.graph.add("CumSum", [x, axis], x.dtype, x.shape)


def cumprod(x: OnnxTensor, axis: int) -> OnnxTensor:
    """Return running products of zeros and ones: of others they would be something else."""
    return (cumsum(1 - x, axis) == 0).cast(x.dtype)


def left_shift(x: OnnxTensor, count: OnnxTensor) -> OnnxTensor:
    power = x.graph.add("Pow", [2.0, count.cast("float32")], "float32", count.shape)
    return x * power.cast("int64")


def arctan2(y: OnnxTensor, x: OnnxTensor) -> OnnxTensor:
    """Return the angle by the half of it, whose tangent is y / (r + x) or (r − x) / y."""
    length = sqrt(x * x + y * y)
    ahead = y / maximum(length + x, np.finfo(np.float32).tiny)
    ratio = where(x < 0, (length - x) / y, ahead)
    return ratio.graph.add("Atan", [ratio], ratio.dtype, ratio.shape) * 2


def fori_loop(
    low: int, high: Any, body: Callable[[Any, OnnxTensor], OnnxTensor], start: OnnxTensor
) -> OnnxTensor:
    """Return a loop from 0, see `Graph.loop`."""
    return start.graph.loop(high, body, start)


def settle(body: Callable[[OnnxTensor], OnnxTensor], start: OnnxTensor, most: int) -> OnnxTensor:
    """Return `arrays.settle`."""
    return start.graph.loop(most, lambda _, x: body(x), start, is_settling=True)


linalg = SimpleNamespace(solve=solve)
