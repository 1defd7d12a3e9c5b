"""`TensorProto`, gRPC's form of a tensor, to arrays and back; what decoding a message costs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from google.protobuf.descriptor import FieldDescriptor

from deepkoal.serving.errors import ServingError
from deepkoal.serving.tensors.messages import DATA_TYPE_NUMBERS, DATA_TYPES, TensorProto
from deepkoal.serving.tensors.signature import Array, find_dtype

MAX_FIELDS = 2**16
"""Of a message. Numbers of a tensor are packed in one; strings are one each."""
_FIELD_BYTES = 192
_FIXED_FACTOR, _VARINT_FACTOR = 4, 16  # memory for a byte of packed numbers
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5  # types on the wire
_TEXT = (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)
_FIXED = (FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE)

# The field of each dtype, as in TensorFlow's tensor.proto: what TensorFlow Serving answers with,
# so that a client may read it without a helper. Others go as bytes in tensor_content.
_FIELDS = {
    "bool": "bool_val",
    "float32": "float_val",
    "float64": "double_val",
    "int8": "int_val",
    "int16": "int_val",
    "int32": "int_val",
    "int64": "int64_val",
    "object": "string_val",
    "uint8": "int_val",
    "uint16": "int_val",
    "uint32": "uint32_val",
    "uint64": "uint64_val",
}


def estimate_bytes(message: bytes, descriptor: Any) -> int:
    """Return an upper bound of the memory that decoding a message takes beside it.

    Two bytes of a message can be a message within it, which takes many times as much.

    Args:
        message: serialized.
        descriptor: of its type.

    Raises:
        ServingError: INVALID_ARGUMENT, not a message, or (HTTP's 413) one of more than
            `MAX_FIELDS` fields, those of messages within it included.
    """
    fields, size = 0, 2 * len(message)
    parts = [(0, len(message), descriptor)]
    while parts:
        place, end, kind = parts.pop()
        while place < end:
            fields += 1
            if fields > MAX_FIELDS:
                raise ServingError(
                    "INVALID_ARGUMENT",
                    f"the request has more than {MAX_FIELDS} fields; send fewer tensors or strings "
                    "at a time, and numbers packed or as tensor_content",
                    413,
                )
            tag, place = _read_varint(message, place)
            wire = tag & 7
            if wire == _LENGTH:
                length, place = _read_varint(message, place)
                field = kind.fields_by_number.get(tag >> 3)
                if field is not None and field.message_type is not None:
                    parts.append((place, place + length, field.message_type))
                elif field is not None and field.type not in _TEXT:
                    size += length * (_FIXED_FACTOR if field.type in _FIXED else _VARINT_FACTOR)
                place += length
            elif wire == _VARINT:
                _, place = _read_varint(message, place)
            elif wire in (_FIXED32, _FIXED64):
                place += 4 if wire == _FIXED32 else 8
            else:
                place = end + 1
        if place != end:
            raise ServingError("INVALID_ARGUMENT", "not a PredictRequest")
    return size + _FIELD_BYTES * fields


def _read_varint(message: bytes, place: int) -> tuple[int, int]:
    """Return a number and the place behind it; at the end of the message, a place beyond."""
    value = shift = 0
    for byte in message[place : place + 10]:
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
    return 0, len(message) + 1


def read_tensor(proto: Any) -> Array:
    """Return the array that a `TensorProto` holds, of dtype `object` for strings.

    Raises:
        ServingError: INVALID_ARGUMENT, for a proto at odds with itself. One value may stand for
            all of a tensor, but not for a tensor much larger than the proto.
    """
    size = math.prod(dim.size for dim in proto.tensor_shape.dim)
    if any(dim.size < 0 for dim in proto.tensor_shape.dim) or size > proto.ByteSize() + 2**20:
        raise ServingError("INVALID_ARGUMENT", "a tensor's shape and values do not match")
    shape = [dim.size for dim in proto.tensor_shape.dim]
    dtype = find_dtype(proto.dtype)
    try:
        if proto.tensor_content:
            return np.frombuffer(proto.tensor_content, dtype).reshape(shape).copy()
        values = _read_values(proto, dtype)
        if len(values) < size:  # the last stands for those that are missing
            values = np.pad(values, (0, size - len(values)), "edge")
        return values.reshape(shape)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ServingError("INVALID_ARGUMENT", f"not a tensor ({error})") from error


def _read_values(proto: Any, dtype: np.dtype[Any]) -> Array:
    """Return the values in the field of a dtype, (n,)."""
    if dtype == np.float16:
        return np.fromiter(proto.half_val, np.uint16).view(np.float16)
    if dtype.kind == "c":  # real and imaginary parts by turns
        parts = proto.scomplex_val if dtype == np.complex64 else proto.dcomplex_val
        return np.fromiter(parts, dtype.type(0).real.dtype).view(dtype)
    values = getattr(proto, _FIELDS[dtype.name])
    if dtype.kind != "O":
        return np.fromiter(values, dtype, len(values))
    array = np.empty(len(values), object)
    array[:] = values
    return array


def write_tensor(array: Array) -> Any:
    """Return an array as a `TensorProto`, its values in the field of their type."""
    proto = TensorProto(dtype=DATA_TYPE_NUMBERS[DATA_TYPES[array.dtype.name]])
    proto.tensor_shape.SetInParent()
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    field = _FIELDS.get(array.dtype.name)
    if field is None:
        proto.tensor_content = array.tobytes()
    else:
        getattr(proto, field).extend(array.ravel().tolist())
    return proto
