"""What objects show of themselves at a prompt: one short line, however large their arrays are."""

from __future__ import annotations

import dataclasses
import reprlib
from typing import Any, TypeVar

T = TypeVar("T")


def short_repr(cls: type[T]) -> type[T]:
    """Give a dataclass a `repr` of its fields that differ from their defaults, arrays as shapes."""

    def show(self: Any) -> str:
        parts = []
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.repr and not _is_default(value, field):
                parts.append(f"{field.name}={summarize(value)}")
        return f"{cls.__name__}({', '.join(parts)})"

    cls.__repr__ = show  # type: ignore[method-assign]
    return cls


def summarize(value: Any) -> str:
    """Return a short text for a value: its `repr`, cut, or of an array `float32 (24, 36, 2)`."""
    return _REPR.repr(value)


class _Repr(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxdict = self.maxlist = self.maxtuple = 8
        self.maxstring = self.maxother = 80

    def repr1(self, x: Any, level: int) -> str:
        shape, dtype = getattr(x, "shape", None), getattr(x, "dtype", None)
        if shape is not None and dtype is not None and len(shape):
            name = getattr(dtype, "name", dtype)
            return f"{name} ({', '.join(map(str, shape))})"
        if dataclasses.is_dataclass(x):
            return repr(x)
        if isinstance(x, (bytes, bytearray)) and len(x) > self.maxstring:
            return f"{len(x)} bytes"
        return super().repr1(x, level)

    def repr_float(self, x: float, level: int) -> str:
        return f"{x:.4g}"


_REPR = _Repr()


def _is_default(value: Any, field: dataclasses.Field[Any]) -> bool:
    default = field.default
    if field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    return value is default or (
        default is not dataclasses.MISSING and type(value) is type(default) and value == default
    )
