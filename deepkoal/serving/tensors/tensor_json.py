"""TensorFlow Serving's JSON form of requests and answers to arrays and back.

The rules are those of its REST API: https://www.tensorflow.org/tfx/serving/api_rest
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import msgspec
import numpy as np

from deepkoal.serving.errors import ServingError
from deepkoal.serving.tensors.json_types import (
    BASE64_KEY,
    Base64,
    SignatureTypes,
    build_types,
    decode,
    decode_envelope,
    is_map,
    list_of,
)
from deepkoal.serving.tensors.signature import Array, Arrays, Signature, Slot

BYTES_SUFFIX = "_bytes"


@dataclass(frozen=True)
class JsonRequest:
    """A predict request.

    Attributes:
        signature: that it calls.
        inputs: as `Signature.check_inputs` wants them.
        by_row: whether it came, and is to be answered, in row form.
    """

    signature: Signature
    inputs: Arrays
    by_row: bool


def read_request(body: bytes, get_signature: Callable[[str], Signature]) -> JsonRequest:
    """Read the body of a predict request.

    Args:
        body: JSON with `instances` or `inputs`, and perhaps `signature_name`.
        get_signature: finds a signature by that name, which may be empty.

    Raises:
        ServingError: INVALID_ARGUMENT.
    """
    envelope = decode_envelope(body)
    signature = get_signature(envelope.signature_name)
    types = build_types(signature)
    by_row = envelope.instances is not msgspec.UNSET
    if by_row and envelope.inputs is not msgspec.UNSET:
        _reject("Not formatted correctly expecting only one of 'inputs' or 'instances' keys")
    if by_row:
        columns = _read_rows(envelope.instances, signature, types)
    elif envelope.inputs is not msgspec.UNSET:
        columns = _read_columns(envelope.inputs, signature, types)
    else:
        _reject("Missing 'inputs' or 'instances' key")
    inputs = {
        name: _read_array(name, columns[name], slot)
        for name, slot in signature.inputs.items()
        if columns.get(name, msgspec.UNSET) is not msgspec.UNSET
    }
    signature.check_inputs(inputs)
    return JsonRequest(signature, inputs, by_row)


def write_answer(outputs: Arrays, by_row: bool) -> bytes:
    """Return outputs as the JSON that answers a request.

    Names are left out where there is one output only. Strings are base64 where the output's name
    ends in `_bytes`, and UTF-8 elsewhere.

    Raises:
        ServingError: INVALID_ARGUMENT, where outputs cannot be written in the form asked for.
    """
    if by_row and len({array.shape[:1] for array in outputs.values()} | {()}) != 2:
        _reject("the outputs have no common first dimension: ask with 'inputs', not 'instances'")
    values: Any = {name: _write_array(name, array) for name, array in outputs.items()}
    if len(values) == 1:
        (values,) = values.values()
    elif by_row:
        values = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
    key = "predictions" if by_row else "outputs"
    return json.dumps({key: values}, separators=(",", ":")).encode()


def _read_rows(rows: Any, signature: Signature, types: SignatureTypes) -> Mapping[str, Any]:
    """Return nested lists for each input."""
    if is_map(rows, in_list=True):
        decoded = decode("instances", rows, list_of(types.row), signature)
        fields = zip(signature.inputs.items(), types.row.__struct_fields__, strict=True)
        return {
            name: _fill([getattr(row, field) for row in decoded], slot)
            for (name, slot), field in fields
        }
    if types.plain_row is None:
        _reject(f"each of 'instances' must be an object with keys {_list_names(signature)}")
    decoded = decode("instances", rows, list_of(types.plain_row), signature)
    if not decoded:
        _reject("Expecting 'instances' to be a list/array with at least one value")
    return dict.fromkeys(signature.required, decoded)


def _fill(values: list[Any], slot: Slot) -> Any:
    """Return rows of an input, with its default where some leave it out; unset where all do."""
    if all(value is msgspec.UNSET for value in values):
        return msgspec.UNSET
    default = slot.default.decode() if isinstance(slot.default, bytes) else slot.default
    return [default if value is msgspec.UNSET else value for value in values]


def _read_columns(columns: Any, signature: Signature, types: SignatureTypes) -> Mapping[str, Any]:
    """Return nested lists for each input."""
    if is_map(columns):
        decoded = decode("inputs", columns, types.columns, signature)
        return dict(zip(signature.inputs, msgspec.structs.astuple(decoded), strict=True))
    if types.plain_column is None:
        _reject(f"'inputs' must be an object with keys {_list_names(signature)}")
    decoded = decode("inputs", columns, types.plain_column, signature)
    return dict.fromkeys(signature.required, decoded)


def _read_array(name: str, value: Any, slot: Slot) -> Array:
    """Return nested lists as an array of the slot's dtype."""
    if slot.dtype.kind == "O":
        flat: list[bytes] = []
        try:
            shape = _read_strings(name, value, flat)
            array = np.empty(len(flat), object)
            array[:] = flat
            return array.reshape(shape)
        except (ValueError, RecursionError):
            _reject(f"input {name}: nested too deep")
    try:
        array = np.array(value)
    except (ValueError, OverflowError, RecursionError):
        _reject(f"input {name}: expected nested lists of like lengths")
    accepted = "b" if slot.dtype.kind == "b" else "iu" if slot.dtype.kind in "iu" else "iuf"
    if array.size and array.dtype.kind not in accepted:
        _reject(f"input {name}: a JSON value is not of expected type: {slot.dtype.name}")
    if array.size and slot.dtype.kind in "iu":
        limits = np.iinfo(slot.dtype)
        if not (limits.min <= int(array.min()) and int(array.max()) <= limits.max):
            _reject(f"input {name}: a number does not fit {slot.dtype.name}")
    with np.errstate(over="ignore"):
        return array.astype(slot.dtype)


def _read_strings(name: str, value: Any, flat: list[bytes]) -> tuple[int, ...]:
    """Append the strings of nested lists, and return the lists' shape."""
    if isinstance(value, list):
        shapes = {_read_strings(name, item, flat) for item in value}
        if len(shapes) > 1:
            _reject(f"input {name}: expected nested lists of like lengths")
        return (len(value), *(shapes.pop() if shapes else ()))
    flat.append(_read_string(name, value))
    return ()


def _read_string(name: str, value: Any) -> bytes:
    try:
        if isinstance(value, str):
            return value.encode("utf-8")
        if isinstance(value, dict) and value.keys() == {BASE64_KEY}:
            value = Base64(value[BASE64_KEY])
        if isinstance(value, Base64):
            text = value.b64.rstrip("=").encode("ascii")
            return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except (AttributeError, UnicodeEncodeError, binascii.Error):
        _reject(f"input {name}: Unable to base64 decode")
    _reject(f'input {name}: a JSON value is not of expected type: string or {{"b64": …}}')


def _write_array(name: str, array: Array) -> Any:
    if array.dtype.kind == "O":
        write = _write_base64 if name.endswith(BYTES_SUFFIX) else _write_text
        return _nest([write(value) for value in array.ravel()], array.shape)
    if array.dtype == np.float32:
        # The shortest number that is the same float32, as TensorFlow Serving writes it.
        return _nest([float(text) for text in array.ravel().astype(str)], array.shape)
    return array.tolist()


def _nest(values: list[Any], shape: tuple[int, ...]) -> Any:
    """Return values, in C order, as nested lists."""
    flat = np.empty(len(values), object)
    flat[:] = values
    return flat.reshape(shape).tolist()


def _write_base64(value: bytes) -> dict[str, str]:
    return {BASE64_KEY: base64.b64encode(value).decode("ascii")}


def _write_text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _list_names(signature: Signature) -> str:
    return ",".join(signature.required)


def _reject(message: str) -> NoReturn:
    raise ServingError("INVALID_ARGUMENT", message)
