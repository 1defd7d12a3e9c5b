"""The messages of TensorFlow Serving's `Predict`, without TensorFlow.

The stubs of tensorflow-serving-api import all of TensorFlow for the sake of one message,
`TensorProto`. A client needs few fields of few messages. Here they are, with the numbers they
have in tensorflow_serving/apis/{model,predict}.proto and tensorflow/core/framework/tensor.proto;
they live in a pool of their own, so that both can be used in one process.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PREDICT = "/tensorflow.serving.PredictionService/Predict"

_PACKAGE = "deepkoal.wire"
_FLOAT, _INT64, _INT32, _BOOL, _STRING, _MESSAGE, _BYTES = 2, 3, 5, 8, 9, 11, 12
"""descriptor.proto's Type."""
_ONE, _MANY = 1, 3  # its Label
_FIELDS: dict[str, list[tuple[str, int, int | str, int]]] = {
    "Int64Value": [("value", 1, _INT64, _ONE)],
    "ModelSpec": [
        ("name", 1, _STRING, _ONE),
        ("version", 2, "Int64Value", _ONE),
        ("signature_name", 3, _STRING, _ONE),
    ],
    "Dim": [("size", 1, _INT64, _ONE)],
    "Shape": [("dim", 2, "Dim", _MANY)],
    "Tensor": [
        ("dtype", 1, _INT32, _ONE),
        ("tensor_shape", 2, "Shape", _ONE),
        ("float_val", 5, _FLOAT, _MANY),
        ("int_val", 7, _INT32, _MANY),
        ("string_val", 8, _BYTES, _MANY),
        ("int64_val", 10, _INT64, _MANY),
        ("bool_val", 11, _BOOL, _MANY),
    ],
    # On the wire a map is a list of pairs.
    "Pair": [("key", 1, _STRING, _ONE), ("value", 2, "Tensor", _ONE)],
    "Request": [("model_spec", 1, "ModelSpec", _ONE), ("inputs", 2, "Pair", _MANY)],
    "Response": [("outputs", 1, "Pair", _MANY)],
}
# TensorFlow's DataType and the field of its values.
_DTYPES = {
    "float32": (1, "float_val"),
    "int32": (3, "int_val"),
    "object": (7, "string_val"),
    "int64": (9, "int64_val"),
    "bool": (10, "bool_val"),
}


def write_request(
    model: str, version: int | None, signature: str, inputs: Mapping[str, np.ndarray[Any, Any]]
) -> bytes:
    """Return a `PredictRequest`.

    Args:
        model: its name.
        version: None for the newest.
        signature: its name.
        inputs: by name: float32, int32, int64, bool, or of dtype `object` with bytes in them.
    """
    request = _find_class("Request")()
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    if version is not None:
        request.model_spec.version.value = version
    for name, array in inputs.items():
        number, field = _DTYPES[array.dtype.name]
        tensor = request.inputs.add(key=name).value
        tensor.dtype = number
        tensor.tensor_shape.SetInParent()
        for size in array.shape:
            tensor.tensor_shape.dim.add(size=size)
        getattr(tensor, field).extend(array.ravel().tolist())
    return bytes(request.SerializeToString())


def read_strings(response: bytes) -> dict[str, list[bytes]]:
    """Return the strings of each output in a `PredictResponse`, in order.

    Raises:
        google.protobuf.message.DecodeError: it is none.
    """
    outputs = _find_class("Response").FromString(response).outputs
    return {pair.key: list(pair.value.string_val) for pair in outputs}


@functools.cache
def _find_class(name: str) -> Any:
    return message_factory.GetMessageClass(
        _build_pool().FindMessageTypeByName(f"{_PACKAGE}.{name}")
    )


@functools.cache
def _build_pool() -> Any:
    file = descriptor_pb2.FileDescriptorProto(
        name="deepkoal/wire.proto", package=_PACKAGE, syntax="proto3"
    )
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for field, number, kind, label in fields:
            added = message.field.add(name=field, number=number, label=label)
            if isinstance(kind, str):
                added.type = _MESSAGE
                added.type_name = f".{_PACKAGE}.{kind}"
            else:
                added.type = kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool
