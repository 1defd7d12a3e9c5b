"""Tensors that write down, as ONNX nodes, what is computed with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from deepkoal.export.tracing.graph import Graph

Dims = tuple[int | None, ...]
"""A number for each axis, None where the size is free."""

_TYPES = ("bool", "int64", "float32", "float64")
"""Of two types the later one is the result's."""


class OnnxTensor:
    """A tensor that is yet to be computed.

    Attributes:
        graph: that computes it.
        name: in the graph.
        dtype: one of `_TYPES`.
        shape: a number for each axis, None where it is free.
    """

    __array_ufunc__ = None  # so that NumPy's arrays leave operators to these
    __iter__ = None

    def __init__(self, graph: Graph, name: str, dtype: str, shape: Dims) -> None:
        self.graph, self.name, self.dtype, self.shape = graph, name, dtype, tuple(shape)

    @property
    def array_module(self) -> Any:
        """What `arrays.namespace` returns."""
        from deepkoal.export.tracing import operators

        return operators

    def cast(self, dtype: str) -> OnnxTensor:
        """Return the same values in another type."""
        dtype = as_type(dtype)
        if dtype == self.dtype:
            return self
        return self.graph.add("Cast", [self], dtype, self.shape, to=code_of(dtype))

    def combine(
        self, kind: str, other: Any, *, swap: bool = False, dtype: str | None = None
    ) -> OnnxTensor:
        """Return an operator of this and another, broadcast and of one type.

        Args:
            kind: ONNX's operator.
            other: a tensor, an array or a number.
            swap: whether the other is the first.
            dtype: of the result, if it is not theirs.
        """
        if not isinstance(other, OnnxTensor):
            array = np.asarray(other)
            is_wider = array.dtype.kind == "f" and self.dtype in ("int64", "bool")
            other = self.graph.lift(array, "float32" if is_wider else self.dtype)
        common = max(self.dtype, other.dtype, key=_TYPES.index)
        pair = [self.cast(common), other.cast(common)]
        shape = broadcast(self.shape, other.shape)
        return self.graph.add(kind, pair[::-1] if swap else pair, dtype or common, shape)

    def _divide(self, other: Any, *, swap: bool) -> OnnxTensor:
        first = self.cast("float32") if self.dtype in ("int64", "bool") else self
        return first.combine("Div", other, swap=swap)

    def __add__(self, other: Any) -> OnnxTensor:
        return self.combine("Add", other)

    __radd__ = __add__

    def __mul__(self, other: Any) -> OnnxTensor:
        return self.combine("Mul", other)

    __rmul__ = __mul__

    def __sub__(self, other: Any) -> OnnxTensor:
        return self.combine("Sub", other)

    def __rsub__(self, other: Any) -> OnnxTensor:
        return self.combine("Sub", other, swap=True)

    def __truediv__(self, other: Any) -> OnnxTensor:
        return self._divide(other, swap=False)

    def __rtruediv__(self, other: Any) -> OnnxTensor:
        return self._divide(other, swap=True)

    def __floordiv__(self, other: Any) -> OnnxTensor:
        return self.combine("Div", other)  # of sizes, which are no less than 0

    def __rfloordiv__(self, other: Any) -> OnnxTensor:
        return self.combine("Div", other, swap=True)

    def __mod__(self, other: Any) -> OnnxTensor:
        """Return the remainder, of the divisor's sign."""
        quotient = self / other
        whole = self.graph.add("Floor", [quotient], quotient.dtype, quotient.shape)
        return self.combine("Sub", whole.combine("Mul", other))

    def __pow__(self, exponent: int) -> OnnxTensor:
        result = self
        for _ in range(exponent - 1):
            result = result * self
        return result

    def __neg__(self) -> OnnxTensor:
        return self.graph.add("Neg", [self], self.dtype, self.shape)

    def __lt__(self, other: Any) -> OnnxTensor:
        return self.combine("Less", other, dtype="bool")

    def __gt__(self, other: Any) -> OnnxTensor:
        return self.combine("Greater", other, dtype="bool")

    def __le__(self, other: Any) -> OnnxTensor:
        return self.combine("LessOrEqual", other, dtype="bool")

    def __ge__(self, other: Any) -> OnnxTensor:
        return self.combine("GreaterOrEqual", other, dtype="bool")

    def __eq__(self, other: Any) -> OnnxTensor:  # type: ignore[override]
        if self.dtype == "bool":
            return self.combine("Xor", other).__invert__()
        return self.combine("Equal", other, dtype="bool")

    def __ne__(self, other: Any) -> OnnxTensor:  # type: ignore[override]
        return self.combine("Xor", other) if self.dtype == "bool" else ~(self == other)

    __hash__ = object.__hash__

    def __and__(self, other: Any) -> OnnxTensor:
        return self.combine("And", other)

    def __or__(self, other: Any) -> OnnxTensor:
        return self.combine("Or", other)

    def __invert__(self) -> OnnxTensor:
        return self.graph.add("Not", [self], "bool", self.shape)

    def __bool__(self) -> bool:
        raise TypeError("a tensor of a graph is not true or false before the graph runs")

    def __getitem__(self, key: Any) -> OnnxTensor:
        """Return a part, by numbers, slices, `...` and None, as NumPy has it."""
        keys = list(key) if isinstance(key, tuple) else [key]
        given = sum(each is not None and each is not Ellipsis for each in keys)
        missing = [slice(None)] * (len(self.shape) - given)
        at = next((i for i, each in enumerate(keys) if each is Ellipsis), len(keys))
        keys[at : at + 1] = missing
        of_axes = [each for each in keys if each is not None]
        part = self._slice(of_axes)
        for axis in reversed(range(len(of_axes))):
            if not isinstance(of_axes[axis], slice):
                shape = part.shape[:axis] + part.shape[axis + 1 :]
                inputs = [part, self.graph.lift(of_axes[axis], "int64")]
                part = self.graph.add("Gather", inputs, self.dtype, shape, axis=axis)
        left = [each for each in keys if each is None or isinstance(each, slice)]
        new = [axis for axis, each in enumerate(left) if each is None]
        if not new:
            return part
        dims = iter(part.shape)
        shape = tuple(1 if each is None else next(dims) for each in left)
        return self.graph.add("Unsqueeze", [part, np.array(new)], self.dtype, shape)

    def _slice(self, keys: Sequence[Any]) -> OnnxTensor:
        cut = [
            axis
            for axis, key in enumerate(keys)
            if isinstance(key, slice)
            and any(part is not None for part in (key.start, key.stop, key.step))
        ]
        if not cut:
            return self
        steps = [1 if keys[axis].step is None else keys[axis].step for axis in cut]
        far = 2**31 - 1
        starts, ends = [], []
        for axis, step in zip(cut, steps, strict=True):
            start, end = keys[axis].start, keys[axis].stop
            starts.append((0 if step > 0 else far) if start is None else start)
            ends.append((far if step > 0 else -far) if end is None else end)
        shape = tuple(None if axis in cut else size for axis, size in enumerate(self.shape))
        lists = [self.graph.lift(each, "int64") for each in (starts, ends, cut, steps)]
        return self.graph.add("Slice", [self, *lists], self.dtype, shape)


def as_type(dtype: str) -> str:
    """Return the type that stands for one of NumPy's."""
    return "int64" if dtype == "int32" else dtype


def code_of(dtype: str) -> int:
    """Return ONNX's number of a type."""
    from onnx import helper

    return int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))


def broadcast(one: Dims, other: Dims) -> Dims:
    """Return the shape of an operator's result."""
    length = max(len(one), len(other))
    pairs = zip((1,) * (length - len(one)) + one, (1,) * (length - len(other)) + other, strict=True)
    return tuple(b if a == 1 else a if b == 1 or b is None else b for a, b in pairs)
