"""A network alone, as one file for LiteRT or ONNX Runtime.

Both hold a graph that takes photos of any size, and a description by which `Colorizer.from_file`
reads its outputs as it reads Keras's.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from deepkoal.arrays import FloatArray
from deepkoal.errors import DeepkoalError
from deepkoal.export.output_paths import check_file
from deepkoal.inference.backends import NOTE, Backend, Description, add_note
from deepkoal.inference.colorizer import ByteArray, Colorizer
from deepkoal.models.embedder import SemanticEmbedder
from deepkoal.models.weights import write_whole

PRECISIONS = ("float32", "float16", "int8")


def export_litert(
    colorizer: Colorizer,
    path: str | Path,
    *,
    precision: str = "float32",
    photos: Iterable[ByteArray] = (),
) -> Path:
    """Write a network as a `.tflite` file, for LiteRT (TensorFlow Lite) on phones and computers.

    Its signature `serving_default` takes `l_norm`, float32 (1, H, W, 1) in −1…1, and returns the
    network's outputs, float32. Resize the input to any multiples of 32 first.

    Args:
        colorizer: the network and how it is read, on Keras.
        path: the file, ending in `.tflite`; its folder exists.
        precision: `float32`; `float16`, where weights take half the space and arithmetic stays
            float32; or `int8`, where weights and arithmetic are 8-bit integers.
        photos: uint8 (H, W, 3) or (H, W), for `int8`: like those to be colored. By their outputs
            the range of every layer's integers is chosen. A few dozen do.

    Returns:
        The file written.

    Raises:
        DeepkoalError: the name ends otherwise, there is no such folder or precision, `int8` is
            asked for with no photos, or the network cannot be exported.
        WeightsError: the file cannot be written.
    """
    path = _check(colorizer, path, ".tflite")
    if precision not in PRECISIONS:
        raise DeepkoalError(f"no precision {precision!r}; there are: {', '.join(PRECISIONS)}")
    settings: dict[str, Any] = {}
    if precision != "float32":
        settings["optimizations"] = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        settings["target_spec"] = {"supported_types": [tf.float16]}
    if precision == "int8":
        shown = _list_inputs(colorizer, photos)
        if not shown:
            raise DeepkoalError("int8 needs photos to choose its ranges by; give some")
        settings["representative_dataset"] = lambda: ([l_norm] for l_norm in shown)
    model = _convert(colorizer.network, "litert", batch=1, **settings)
    write_whole(path, add_note(model, _describe(colorizer)))
    return path


def export_onnx(colorizer: Colorizer, path: str | Path) -> Path:
    """Write a network as an `.onnx` file, for ONNX Runtime and others.

    It takes `l_norm`, float32 (B, H, W, 1) in −1…1, H and W any multiples of 32, and returns the
    network's outputs, float32.

    Args:
        colorizer: the network and how it is read, on Keras.
        path: the file, ending in `.onnx`; its folder exists.

    Returns:
        The file written.

    Raises:
        DeepkoalError: the name ends otherwise, there is no such folder, or the network cannot be
            exported.
        WeightsError: the file cannot be written.
    """
    import onnx

    path = _check(colorizer, path, ".onnx")
    model = onnx.load_from_string(_convert(colorizer.network, "onnx", batch=None))
    note = model.metadata_props.add()
    note.key, note.value = NOTE, _describe(colorizer).to_json()
    for value in (*model.graph.input, *model.graph.output):
        for name, axis in zip("BHW", value.type.tensor_type.shape.dim, strict=False):
            axis.dim_param = name if value in model.graph.input else f"{name}_{value.name}"
    write_whole(path, model.SerializeToString())
    return path


def _check(colorizer: Colorizer, path: str | Path, suffix: str) -> Path:
    network, path = colorizer.network, Path(path)
    check_file(path, suffix)
    if keras.backend.backend() != "tensorflow":
        raise DeepkoalError(
            f"an export needs Keras on TensorFlow, but it runs on {keras.backend.backend()}; set "
            "KERAS_BACKEND=tensorflow"
        )
    if any(isinstance(layer, SemanticEmbedder) for layer in network.layers):
        raise DeepkoalError(
            f"{network.name} runs on Keras only: neither LiteRT nor ONNX Runtime resizes photos as "
            "its expert sees them; export it as saved_model, or export koala-lite"
        )
    return path


def _describe(colorizer: Colorizer) -> Description:
    return Description(
        colorizer.backend.name, list(colorizer.working_sizes), colorizer.decoding.to_config()
    )


def _convert(network: keras.Model, format: str, *, batch: int | None, **settings: Any) -> bytes:
    """Return the file that Keras writes."""
    signature = [keras.InputSpec(shape=(batch, None, None, 1), dtype="float32", name="l_norm")]
    suffix = {"litert": ".tflite", "onnx": ".onnx"}[format]
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # Keras asks NumPy for a name of old in order to support tf2onnx.
        warnings.filterwarnings("ignore", "In the future `np.object`", FutureWarning)
        file = Path(folder, f"network{suffix}")
        _in_float32(network).export(
            file, format, verbose=False, input_signature=signature, **settings
        )
        return file.read_bytes()


def _in_float32(network: keras.Model) -> keras.Model:
    """Return the network, or where it computes in mixed precision a copy that does not."""
    layers = _list_layers(network)
    if all(layer.compute_dtype == "float32" for layer in layers):
        return network
    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    for layer in _list_layers(copy):
        layer.dtype_policy = "float32"
    return copy


def _list_layers(network: keras.Model) -> list[keras.layers.Layer]:
    """Return a network's layers and those of networks within it."""
    layers = list(network.layers)
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            layers += _list_layers(layer)
    return layers


class _Recorder:
    """An backend that keeps what it is shown."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.kind, self.name, self.outputs = backend.kind, backend.name, backend.outputs
        self.shown: list[FloatArray] = []

    def predict(self, l_norm: FloatArray) -> dict[str, FloatArray]:
        self.shown.append(l_norm.astype(np.float32))
        return self._backend.predict(l_norm)


def _list_inputs(colorizer: Colorizer, photos: Iterable[ByteArray]) -> list[FloatArray]:
    """Return what the network is shown of each photo."""
    recorder = _Recorder(colorizer.backend)
    watched = Colorizer(recorder, working_size=colorizer.working_sizes)
    for photo in photos:
        watched.predict(photo)
    return recorder.shown
