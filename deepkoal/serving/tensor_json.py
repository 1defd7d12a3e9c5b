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

import numpy as np

from deepkoal.serving.signature import Array, Arrays, Signature, Slot
from deepkoal.serving.status import ServingError

BASE64_KEY = "b64"
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
    try:
        document = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        _reject(f"JSON Parse error: {' '.join(str(error).split()) or 'nested too deep'}")
    if not isinstance(document, dict):
        _reject("the request's JSON is not an object")
    name = document.get("signature_name", "")
    if not isinstance(name, str):
        _reject("'signature_name' key must be a string value.")
    signature = get_signature(name)
    if "instances" in document and "inputs" in document:
        _reject("Not formatted correctly expecting only one of 'inputs' or 'instances' keys")
    if "instances" in document:
        inputs = _read_rows(document["instances"], signature)
    elif "inputs" in document:
        inputs = _read_columns(document["inputs"], signature)
    else:
        _reject("Missing 'inputs' or 'instances' key")
    signature.check_inputs(inputs)
    return JsonRequest(signature, inputs, by_row="instances" in document)


def write_answer(outputs: Arrays, by_row: bool) -> bytes:
    """Return outputs as the JSON that answers a request.

    Names are left out where there is one output only. Strings are base64 where the output's name
    ends in `_bytes`, and UTF-8 elsewhere.

    Raises:
        ServingError: INVALID_ARGUMENT, where outputs cannot be told in the form asked for.
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


def _read_rows(rows: Any, signature: Signature) -> dict[str, Array]:
    if not isinstance(rows, list) or not rows:
        _reject("Expecting 'instances' to be a list/array with at least one value")
    if not _is_map(rows[0]):
        if len(signature.inputs) != 1 or any(map(_is_map, rows)):
            _reject(f"each of 'instances' must be an object with keys {_list_names(signature)}")
        (name,) = signature.inputs
        return {name: _read_array(name, rows, signature.inputs[name])}
    for number, row in enumerate(rows):
        if not _is_map(row) or row.keys() != signature.inputs.keys():
            _reject(
                f"Failed to process element: {number} of 'instances' list. JSON object keys must "
                f"be equal to: {_list_names(signature)}"
            )
    return {
        name: _read_array(name, [row[name] for row in rows], slot)
        for name, slot in signature.inputs.items()
    }


def _read_columns(columns: Any, signature: Signature) -> dict[str, Array]:
    if not _is_map(columns):
        if len(signature.inputs) != 1:
            _reject(f"'inputs' must be an object with keys {_list_names(signature)}")
        (name,) = signature.inputs
        columns = {name: columns}
    for name in signature.inputs:
        if name not in columns:
            _reject(f"Missing named input: {name} in 'inputs' object.")
    return {name: _read_array(name, columns[name], slot) for name, slot in signature.inputs.items()}


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
            text = value[BASE64_KEY].rstrip("=").encode("ascii")
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


def _is_map(value: Any) -> bool:
    return isinstance(value, Mapping) and value.keys() != {BASE64_KEY}


def _list_names(signature: Signature) -> str:
    return ",".join(signature.inputs)


def _reject(message: str) -> NoReturn:
    raise ServingError("INVALID_ARGUMENT", message)
