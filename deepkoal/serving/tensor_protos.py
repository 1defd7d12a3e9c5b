"""`TensorProto`, gRPC's form of a tensor, to arrays and back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework.tensor_pb2 import TensorProto

from deepkoal.serving.signature import Array
from deepkoal.serving.status import ServingError

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


def read_tensor(proto: Any) -> Array:
    """Return the array that a `TensorProto` holds, of dtype `object` for strings.

    Raises:
        ServingError: INVALID_ARGUMENT, for a proto at odds with itself. One value may stand for
            all of a tensor, but not for a tensor much larger than the proto.
    """
    size = math.prod(dim.size for dim in proto.tensor_shape.dim)
    if any(dim.size < 0 for dim in proto.tensor_shape.dim) or size > proto.ByteSize() + 2**20:
        raise ServingError("INVALID_ARGUMENT", "a tensor's shape and values do not match")
    try:
        array = np.asarray(tf.make_ndarray(proto))
        if array.dtype.kind == "O":
            array = array.reshape([dim.size for dim in proto.tensor_shape.dim])
        return array
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ServingError("INVALID_ARGUMENT", f"not a tensor ({error})") from error


def write_tensor(array: Array) -> TensorProto:
    """Return an array as a `TensorProto`, its values in the field of their type."""
    field = _FIELDS.get(array.dtype.name)
    if field is None:
        return tf.make_tensor_proto(array)
    proto = TensorProto(dtype=tf.as_dtype(array.dtype).as_datatype_enum)
    proto.tensor_shape.SetInParent()
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    getattr(proto, field).extend(array.ravel().tolist())
    return proto
