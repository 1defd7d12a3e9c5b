"""JSON text decoded by the types of a signature, and what that costs.

A value of another type or depth ends the decoding before further objects are made. What a request
may cost at most is known from its bytes, before any object is made.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import GenericAlias
from typing import Any

import msgspec
import numpy as np

from deepkoal.serving.errors import ServingError
from deepkoal.serving.tensors.signature import Signature, Slot

BASE64_KEY = "b64"

_VALUE_BYTES = 192  # an entry of a dictionary with its key, the costliest value
_CHUNK = 2**20
_MAP = re.compile(rb'\s*\{(?!\s*"b64")')
_LIST_OF_MAPS = re.compile(rb'\s*\[\s*\{(?!\s*"b64")')


class Base64(msgspec.Struct, forbid_unknown_fields=True):
    """A string that is not text: `{"b64": "…"}`."""

    b64: str


class Envelope(msgspec.Struct):
    """A request whose tensors are not decoded yet: JSON text, see `decode`."""

    signature_name: str = ""
    instances: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    inputs: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _LooseEnvelope(msgspec.Struct):
    signature_name: str = ""
    instances: Any = msgspec.UNSET
    inputs: Any = msgspec.UNSET


@dataclass(frozen=True)
class SignatureTypes:
    """The types that a signature's requests are decoded by.

    Attributes:
        row: of an element of `instances` with names.
        columns: of `inputs` with names.
        plain_row: of an element of `instances` without a name; None where several are required.
        plain_column: of `inputs` without a name; likewise.
    """

    row: Any
    columns: Any
    plain_row: Any
    plain_column: Any


def count_values(body: bytes) -> int:
    """Return an upper bound of the number of values in JSON text, valid or not.

    A value is the first of the text or of a container, or follows a comma; the key of an object
    goes with its value.
    """
    characters = np.frombuffer(body, np.uint8)
    return 1 + sum(
        int(np.count_nonzero(characters[start : start + _CHUNK] == mark))
        for start in range(0, len(body), _CHUNK)
        for mark in b",[{"
    )


def estimate_bytes(body: bytes, values: int) -> int:
    """Return an upper bound of the memory that decoding takes beside the body.

    Args:
        body: JSON text.
        values: from `count_values`.
    """
    # A string of one wide character takes four bytes for each, and is made in a growing buffer.
    is_wide = not body.isascii() or b"\\u" in body
    return (10 if is_wide else 4) * len(body) + _VALUE_BYTES * values


def decode_envelope(body: bytes) -> Envelope | _LooseEnvelope:
    """Return a request's parts.

    Raises:
        ServingError: INVALID_ARGUMENT, the body is no JSON or no request.
    """
    try:
        return msgspec.json.decode(body, type=Envelope)
    except msgspec.ValidationError as error:
        raise ServingError("INVALID_ARGUMENT", f"not a predict request: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"JSON Parse error: {error}"
        if b"NaN" not in body and b"Infinity" not in body:
            raise ServingError("INVALID_ARGUMENT", message) from error
    # TensorFlow Serving takes these two words for numbers, which JSON does not have.
    try:
        return msgspec.convert(json.loads(body), _LooseEnvelope)
    except (ValueError, RecursionError) as error:
        raise ServingError("INVALID_ARGUMENT", message) from error


def decode(key: str, value: Any, kind: Any, signature: Signature) -> Any:
    """Return a part of an envelope as a type.

    Args:
        key: of the part.
        value: JSON text, or what `json` made of it.
        kind: one of `SignatureTypes`.
        signature: for the error.

    Raises:
        ServingError: INVALID_ARGUMENT.
    """
    try:
        if isinstance(value, msgspec.Raw):
            return msgspec.json.decode(value, type=kind)
        return msgspec.convert(value, kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        wanted = ", ".join(f"{name}: {slot.describe()}" for name, slot in signature.inputs.items())
        raise ServingError(
            "INVALID_ARGUMENT", f"'{key}' does not fit the inputs ({wanted}): {error}"
        ) from error


def is_map(value: Any, in_list: bool = False) -> bool:
    """Return whether a part of an envelope is an object of named inputs, or a list of such.

    An object whose first key is `b64` is a string.
    """
    if isinstance(value, msgspec.Raw):
        return (_LIST_OF_MAPS if in_list else _MAP).match(memoryview(value)) is not None
    if in_list:
        value = value[0] if isinstance(value, list) and value else None
    return isinstance(value, dict) and next(iter(value), "") != BASE64_KEY


@functools.lru_cache(maxsize=256)
def build_types(signature: Signature) -> SignatureTypes:
    """Return the types of a signature's requests."""
    columns = {name: _nest(slot, slot.shape) for name, slot in signature.inputs.items()}
    rows = {
        name: _nest(slot, slot.shape and slot.shape[1:]) for name, slot in signature.inputs.items()
    }
    plain = signature.required[0] if len(signature.required) == 1 else None
    return SignatureTypes(
        row=_build_struct("Row", rows, signature),
        columns=_build_struct("Columns", columns, signature),
        plain_row=None if plain is None else rows[plain],
        plain_column=None if plain is None else columns[plain],
    )


def list_of(kind: Any) -> Any:
    """Return the type of lists of a type that is known at run time only."""
    return GenericAlias(list, (kind,))


def _nest(slot: Slot, shape: tuple[int | None, ...] | None) -> Any:
    """Return the type of nested lists that hold a tensor; any, where its rank is free."""
    if shape is None:
        return Any
    scalars: dict[str, Any] = {"O": str | Base64, "b": bool, "i": int, "u": int}
    nested = scalars.get(slot.dtype.kind, float)
    for _ in shape:
        nested = list_of(nested)
    return nested


def _build_struct(name: str, types: Mapping[str, Any], signature: Signature) -> Any:
    """Return a struct with a field for each input; a name of one need not be an identifier."""
    names = {f"field{number}": key for number, key in enumerate(types)}
    return msgspec.defstruct(
        name,
        [
            (field, types[key])
            if key in signature.required
            else (field, types[key] | msgspec.UnsetType, msgspec.UNSET)
            for field, key in names.items()
        ],
        rename=names,
        forbid_unknown_fields=True,
        kw_only=True,
    )
