"""The inputs and outputs of a served function."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepkoal.serving.errors import ServingError
from deepkoal.serving.tensors.messages import DATA_TYPE_NUMBERS, DATA_TYPES

Array = NDArray[Any]
Arrays = Mapping[str, Array]

DEFAULT_SIGNATURE = "serving_default"


_DTYPES = {DATA_TYPE_NUMBERS[kind]: np.dtype(name) for name, kind in DATA_TYPES.items()}


def find_dtype(number: int) -> np.dtype[Any]:
    """Return NumPy's dtype of a `DataType`.

    Raises:
        ServingError: INVALID_ARGUMENT, there is none that is served.
    """
    if number not in _DTYPES:
        raise ServingError("INVALID_ARGUMENT", f"tensors of data type {number} are not served")
    return _DTYPES[number]


@dataclass(frozen=True)
class Slot:
    """A named tensor of a signature.

    Attributes:
        tensor: its name in the graph.
        dtype: NumPy's; `object` for strings, whose elements are bytes.
        shape: None in the place of a size that is free, or as a whole where the rank is.
        default: of an input that may be left out, what an element of it then is; None of others.
    """

    tensor: str
    dtype: np.dtype[Any]
    shape: tuple[int | None, ...] | None
    default: bytes | int | float | None = None

    @classmethod
    def read(cls, info: Any) -> Slot:
        """Read a `TensorInfo`."""
        dims = info.tensor_shape.dim
        free = info.tensor_shape.unknown_rank
        shape = None if free else tuple(None if dim.size < 0 else dim.size for dim in dims)
        return cls(info.name, find_dtype(info.dtype), shape)

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Return whether a tensor of that shape can be fed."""
        if self.shape is None:
            return True
        pairs = zip(self.shape, shape, strict=False)
        return len(shape) == len(self.shape) and all(want in (None, got) for want, got in pairs)

    def describe(self) -> str:
        """Return dtype and shape in words, as `float32 [?,2]`."""
        return f"{_name_dtype(self.dtype)} {_name_shape(self.shape)}"


@dataclass(frozen=True, eq=False)
class Signature:
    """A served function.

    Attributes:
        name: as requests call it.
        inputs: by name.
        outputs: by name.
        may_merge: whether requests gain from being run together.
    """

    name: str
    inputs: Mapping[str, Slot]
    outputs: Mapping[str, Slot]
    may_merge: bool = True

    @classmethod
    def read(cls, name: str, definition: Any) -> Signature:
        """Read a `SignatureDef`."""
        return cls(
            name,
            {key: Slot.read(info) for key, info in sorted(definition.inputs.items())},
            {key: Slot.read(info) for key, info in sorted(definition.outputs.items())},
        )

    @functools.cached_property
    def required(self) -> tuple[str, ...]:
        """Names of the inputs that may not be left out."""
        return tuple(name for name, slot in self.inputs.items() if slot.default is None)

    @functools.cached_property
    def is_batchable(self) -> bool:
        """Whether requests can be run together and get what they would get alone.

        That takes a free first dimension in all that goes in and out, that of a batch. Where
        another size of an output is free but none of the inputs', it depends on their values, and
        so on the neighbors'.
        """
        inputs, outputs = self.inputs.values(), self.outputs.values()
        if not self.may_merge:
            return False
        if any(slot.shape is None or slot.shape[:1] != (None,) for slot in (*inputs, *outputs)):
            return False
        inputs_vary, outputs_vary = (
            any(None in (slot.shape or ())[1:] for slot in slots) for slots in (inputs, outputs)
        )
        return inputs_vary or not outputs_vary

    def check_names(self, inputs: Iterable[str]) -> None:
        """Check that a request names the function's inputs and no others.

        Raises:
            ServingError: INVALID_ARGUMENT.
        """
        named = set(inputs)
        if not set(self.required) <= named <= set(self.inputs):
            missing = ", ".join(sorted(set(self.required) - named)) or "none"
            extra = ", ".join(sorted(named - set(self.inputs))) or "none"
            raise ServingError(
                "INVALID_ARGUMENT",
                f"inputs do not match signature {self.name}: missing {missing}, unknown {extra}",
            )

    def check_inputs(self, inputs: Arrays) -> None:
        """Check that a request gives what the function takes.

        Raises:
            ServingError: INVALID_ARGUMENT.
        """
        self.check_names(inputs)
        for name, array in inputs.items():
            slot = self.inputs[name]
            if array.dtype != slot.dtype:
                raise ServingError(
                    "INVALID_ARGUMENT",
                    f"input {name}: expected {_name_dtype(slot.dtype)}, "
                    f"got {_name_dtype(array.dtype)}",
                )
            if not slot.fits(array.shape):
                raise ServingError(
                    "INVALID_ARGUMENT",
                    f"input {name}: expected shape {_name_shape(slot.shape)}, "
                    f"got {_name_shape(array.shape)}",
                )

    def choose_outputs(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the outputs that a request asks for: all, where it names none.

        Raises:
            ServingError: INVALID_ARGUMENT, for an unknown name or one given twice.
        """
        chosen = tuple(names)
        for name in chosen:
            if name not in self.outputs:
                known = ",".join(self.outputs)
                raise ServingError(
                    "INVALID_ARGUMENT",
                    f"output tensor alias not found in signature: {name} Outputs expected to be "
                    f"in the set {{{known}}}.",
                )
        if len(set(chosen)) < len(chosen):
            raise ServingError("INVALID_ARGUMENT", "duplicate output tensor alias")
        return chosen or tuple(self.outputs)


def _name_dtype(dtype: np.dtype[Any]) -> str:
    return "string" if dtype.kind == "O" else dtype.name


def _name_shape(shape: tuple[int | None, ...] | None) -> str:
    if shape is None:
        return "of any shape"
    return "[" + ",".join("?" if size is None else str(size) for size in shape) + "]"


def count_bytes(arrays: Arrays) -> int:
    """Return the memory that arrays take, strings included."""
    return sum(
        array.nbytes + (sum(map(len, array.ravel())) if array.dtype.kind == "O" else 0)
        for array in arrays.values()
    )
