"""TensorFlow Serving's messages, without TensorFlow: the fields that a server of photos needs.

They are the ones of tensorflow/core/{framework,protobuf} and tensorflow_serving/apis (Apache 2.0),
by name, number and type; a test compares them with those of tensorflow-serving-api. They live in a
pool of their own, so that TensorFlow's may be loaded beside them. Fields that are missing here are
passed over when a message is read.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory, wrappers_pb2

from deepkoal.serving.errors import CODES

_Field = descriptor_pb2.FieldDescriptorProto

_ENUMS: dict[str, dict[str, int]] = {
    "tensorflow.DataType": {
        "DT_INVALID": 0,
        "DT_FLOAT": 1,
        "DT_DOUBLE": 2,
        "DT_INT32": 3,
        "DT_UINT8": 4,
        "DT_INT16": 5,
        "DT_INT8": 6,
        "DT_STRING": 7,
        "DT_COMPLEX64": 8,
        "DT_INT64": 9,
        "DT_BOOL": 10,
        "DT_BFLOAT16": 14,
        "DT_UINT16": 17,
        "DT_COMPLEX128": 18,
        "DT_HALF": 19,
        "DT_RESOURCE": 20,
        "DT_VARIANT": 21,
        "DT_UINT32": 22,
        "DT_UINT64": 23,
    },
    "tensorflow.error.Code": {code: number for number, code in enumerate(CODES)},
    "tensorflow.serving.ModelVersionState": {
        "UNKNOWN": 0,
        "START": 10,
        "LOADING": 20,
        "AVAILABLE": 30,
        "UNLOADING": 40,
        "END": 50,
    },
}

# Number, type and, of what repeats, "repeated" or "map" (of which keys are strings).
_MESSAGES: dict[str, dict[str, tuple[Any, ...]]] = {
    "tensorflow.TensorShapeDim": {"size": (1, "int64"), "name": (2, "string")},
    "tensorflow.TensorShapeProto": {
        "dim": (2, "tensorflow.TensorShapeDim", "repeated"),
        "unknown_rank": (3, "bool"),
    },
    "tensorflow.TensorProto": {
        "dtype": (1, "tensorflow.DataType"),
        "tensor_shape": (2, "tensorflow.TensorShapeProto"),
        "tensor_content": (4, "bytes"),
        "float_val": (5, "float", "repeated"),
        "double_val": (6, "double", "repeated"),
        "int_val": (7, "int32", "repeated"),
        "string_val": (8, "bytes", "repeated"),
        "scomplex_val": (9, "float", "repeated"),
        "int64_val": (10, "int64", "repeated"),
        "bool_val": (11, "bool", "repeated"),
        "dcomplex_val": (12, "double", "repeated"),
        "half_val": (13, "int32", "repeated"),
        "uint32_val": (16, "uint32", "repeated"),
        "uint64_val": (17, "uint64", "repeated"),
    },
    "tensorflow.TensorInfo": {
        "name": (1, "string"),
        "dtype": (2, "tensorflow.DataType"),
        "tensor_shape": (3, "tensorflow.TensorShapeProto"),
    },
    "tensorflow.SignatureDef": {
        "inputs": (1, "tensorflow.TensorInfo", "map"),
        "outputs": (2, "tensorflow.TensorInfo", "map"),
        "method_name": (3, "string"),
    },
    "tensorflow.StatusProto": {
        "error_code": (1, "tensorflow.error.Code"),
        "error_message": (2, "string"),
    },
    "tensorflow.serving.ModelSpec": {
        "name": (1, "string"),
        "version": (2, "google.protobuf.Int64Value"),
        "signature_name": (3, "string"),
        "version_label": (4, "string"),
    },
    "tensorflow.serving.PredictRequest": {
        "model_spec": (1, "tensorflow.serving.ModelSpec"),
        "inputs": (2, "tensorflow.TensorProto", "map"),
        "output_filter": (3, "string", "repeated"),
    },
    "tensorflow.serving.PredictResponse": {
        "outputs": (1, "tensorflow.TensorProto", "map"),
        "model_spec": (2, "tensorflow.serving.ModelSpec"),
    },
    "tensorflow.serving.PredictLog": {"request": (1, "tensorflow.serving.PredictRequest")},
    "tensorflow.serving.PredictionLog": {"predict_log": (6, "tensorflow.serving.PredictLog")},
    "tensorflow.serving.GetModelMetadataRequest": {
        "model_spec": (1, "tensorflow.serving.ModelSpec"),
        "metadata_field": (2, "string", "repeated"),
    },
    "tensorflow.serving.GetModelMetadataResponse": {
        "model_spec": (1, "tensorflow.serving.ModelSpec"),
        "metadata": (2, "google.protobuf.Any", "map"),
    },
    "tensorflow.serving.SignatureDefMap": {"signature_def": (1, "tensorflow.SignatureDef", "map")},
    "tensorflow.serving.GetModelStatusRequest": {
        "model_spec": (1, "tensorflow.serving.ModelSpec"),
    },
    "tensorflow.serving.ModelVersionStatus": {
        "version": (1, "int64"),
        "state": (2, "tensorflow.serving.ModelVersionState"),
        "status": (3, "tensorflow.StatusProto"),
    },
    "tensorflow.serving.GetModelStatusResponse": {
        "model_version_status": (1, "tensorflow.serving.ModelVersionStatus", "repeated"),
    },
}

# In JSON these keep their names, others become lowerCamelCase.
_JSON_NAMES = ("error_code", "error_message", "model_version_status")


def _build_pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    for known in (any_pb2, wrappers_pb2):
        pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
    added = [known.DESCRIPTOR.name for known in (any_pb2, wrappers_pb2)]
    for package in ("tensorflow.error", "tensorflow", "tensorflow.serving"):
        file = descriptor_pb2.FileDescriptorProto(
            name=f"deepkoal/{package}.proto", package=package, syntax="proto3", dependency=added
        )
        for name, values in _ENUMS.items():
            if name.rpartition(".")[0] == package:
                enum = file.enum_type.add(name=name.rpartition(".")[2])
                for key, number in values.items():
                    enum.value.add(name=key, number=number)
        for name, fields in _MESSAGES.items():
            if name.rpartition(".")[0] == package:
                _add_message(file.message_type.add(name=name.rpartition(".")[2]), name, fields)
        pool.AddSerializedFile(file.SerializeToString())
        added.append(file.name)
    return pool


def _add_message(message: Any, full_name: str, fields: dict[str, tuple[Any, ...]]) -> None:
    for name, (number, kind, *many) in fields.items():
        field = message.field.add(name=name, number=number)
        field.label = _Field.LABEL_REPEATED if many else _Field.LABEL_OPTIONAL
        if name in _JSON_NAMES:
            field.json_name = name
        if many == ["map"]:
            entry = message.nested_type.add(name="".join(map(str.title, name.split("_"))) + "Entry")
            entry.options.map_entry = True
            for part, (place, part_kind) in {"key": (1, "string"), "value": (2, kind)}.items():
                _set_type(entry.field.add(name=part, number=place, label=1), part_kind)
            kind = f"{full_name}.{entry.name}"
        _set_type(field, kind)


def _set_type(field: Any, kind: str) -> None:
    if "." not in kind:
        field.type = getattr(_Field, f"TYPE_{kind.upper()}")
        return
    field.type = _Field.TYPE_ENUM if kind in _ENUMS else _Field.TYPE_MESSAGE
    field.type_name = f".{kind}"


_POOL = _build_pool()


def _find(name: str) -> Any:
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(name))


DATA_TYPE_NUMBERS = _ENUMS["tensorflow.DataType"]
STATE_NUMBERS = _ENUMS["tensorflow.serving.ModelVersionState"]

TensorProto = _find("tensorflow.TensorProto")
TensorInfo = _find("tensorflow.TensorInfo")
SignatureDef = _find("tensorflow.SignatureDef")
PredictRequest = _find("tensorflow.serving.PredictRequest")
PredictResponse = _find("tensorflow.serving.PredictResponse")
PredictionLog = _find("tensorflow.serving.PredictionLog")
GetModelMetadataRequest = _find("tensorflow.serving.GetModelMetadataRequest")
GetModelMetadataResponse = _find("tensorflow.serving.GetModelMetadataResponse")
SignatureDefMap = _find("tensorflow.serving.SignatureDefMap")
GetModelStatusRequest = _find("tensorflow.serving.GetModelStatusRequest")
GetModelStatusResponse = _find("tensorflow.serving.GetModelStatusResponse")

DATA_TYPES = {
    "float32": "DT_FLOAT",
    "float64": "DT_DOUBLE",
    "int32": "DT_INT32",
    "uint8": "DT_UINT8",
    "int16": "DT_INT16",
    "int8": "DT_INT8",
    "object": "DT_STRING",
    "complex64": "DT_COMPLEX64",
    "int64": "DT_INT64",
    "bool": "DT_BOOL",
    "uint16": "DT_UINT16",
    "complex128": "DT_COMPLEX128",
    "float16": "DT_HALF",
    "uint32": "DT_UINT32",
    "uint64": "DT_UINT64",
}
"""NumPy's names of dtypes to TensorFlow's; strings are objects."""
