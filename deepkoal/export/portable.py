"""A network alone, as one file for LiteRT or ONNX Runtime.

Both hold a graph that takes photos of any size, and a description: `Colorizer.from_file` reads its
outputs by it as it reads Keras's, and other programs learn from it what they are. For these there
is the output `ab`, too: see docs/exports.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from deepkoal.arrays import FloatArray
from deepkoal.color import ab_bins
from deepkoal.errors import DeepkoalError
from deepkoal.export.conversion import convert_network
from deepkoal.export.output_paths import check_file, check_packages, check_size
from deepkoal.inference.backends import AB_OUTPUT, NOTE, Backend, Description, add_note
from deepkoal.inference.colorizer import ByteArray, Colorizer
from deepkoal.models.embedder import SemanticEmbedder
from deepkoal.models.weights import write_whole
from deepkoal.rendering.resampling import resize

PRECISIONS = ("float32", "float16", "int8")


def export_litert(
    colorizer: Colorizer,
    path: str | Path,
    *,
    precision: str = "float32",
    photos: Iterable[ByteArray] = (),
    size: tuple[int, int] | None = None,
) -> Path:
    """Write a network as a `.tflite` file, for LiteRT (TensorFlow Lite) on phones and computers.

    Its signature `serving_default` takes `l_norm`, float32 (1, H, W, 1) in −1…1, and returns the
    network's outputs, float32, and, but for int8, which would be too coarse for it, `ab`, float32
    (1, h, w, 2) in CIE Lab units at vibrance 1. Resize the input to any multiples of 32 first.

    Args:
        colorizer: the network and how it is read, on Keras.
        path: the file, ending in `.tflite`; its folder exists.
        precision: `float32`; `float16`, where weights take half the space and arithmetic stays
            float32; or `int8`, where weights and arithmetic are 8-bit integers.
        photos: uint8 (H, W, 3) or (H, W), for `int8`: like those to be colored. By their outputs
            the range of every layer's integers is chosen. A few dozen do.
        size: height and width, multiples of 32, for programs that want fixed ones, as many
            accelerators of phones do; such a file is not for `Colorizer`.

    Returns:
        The file written.

    Raises:
        DeepkoalError: the name ends otherwise, there is no such folder, precision or size, `int8`
            is asked for with no photos, or the network cannot be exported.
        WeightsError: the file cannot be written.
    """
    path = _check(colorizer, path, ".tflite", size)
    if precision not in PRECISIONS:
        raise DeepkoalError(f"no precision {precision!r}; there are: {', '.join(PRECISIONS)}")
    settings: dict[str, Any] = {}
    if precision != "float32":
        settings["optimizations"] = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        settings["target_spec"] = {"supported_types": [tf.float16]}
    if precision == "int8":
        shown = _list_inputs(colorizer, photos, size)
        if not shown:
            raise DeepkoalError("int8 needs photos to choose its ranges by; give some")
        settings["representative_dataset"] = lambda: ([l_norm] for l_norm in shown)
    decoding = None if precision == "int8" else colorizer.decoding
    model = convert_network(
        colorizer.network, "litert", decoding, (1, *(size or (None, None))), settings
    )
    write_whole(path, add_note(model, _describe(colorizer, size, has_ab=decoding is not None)))
    return path


def export_onnx(
    colorizer: Colorizer, path: str | Path, *, size: tuple[int, int] | None = None
) -> Path:
    """Write a network as an `.onnx` file, for ONNX Runtime and others.

    It takes `l_norm`, float32 (B, H, W, 1) in −1…1, H and W any multiples of 32, and returns the
    network's outputs, float32, and `ab`, float32 (B, h, w, 2) in CIE Lab units at vibrance 1.

    Args:
        colorizer: the network and how it is read, on Keras.
        path: the file, ending in `.onnx`; its folder exists.
        size: as for `export_litert`.

    Returns:
        The file written.

    Raises:
        DeepkoalError: the name ends otherwise, there is no such folder or size, the network cannot
            be exported, or onnx and tf2onnx are not installed.
        WeightsError: the file cannot be written.
    """
    check_packages("onnx")
    import onnx

    path = _check(colorizer, path, ".onnx", size)
    shape = (None, *(size or (None, None)))
    model = onnx.load_from_string(
        convert_network(colorizer.network, "onnx", colorizer.decoding, shape, {})
    )
    note = model.metadata_props.add()
    note.key, note.value = NOTE, _describe(colorizer, size, has_ab=True).to_json()
    for value in (*model.graph.input, *model.graph.output):
        for name, axis in zip("BHW", value.type.tensor_type.shape.dim, strict=False):
            if not axis.dim_value:
                axis.dim_param = name if value in model.graph.input else f"{name}_{value.name}"
    write_whole(path, model.SerializeToString())
    return path


def _check(
    colorizer: Colorizer, path: str | Path, suffix: str, size: tuple[int, int] | None
) -> Path:
    network, path = colorizer.network, Path(path)
    check_file(path, suffix)
    if size is not None:
        check_size(size)
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


def _describe(colorizer: Colorizer, size: tuple[int, int] | None, *, has_ab: bool) -> Description:
    interface: dict[str, Any] = {
        "l_norm": "float32 (B, H, W, 1): CIE L* under D65, 0…100, divided by 50, less 1; H and W "
        "multiples of 32",
        "features": "float32 (B, h, w, F): vectors that are alike where things are alike",
    }
    if "things" in colorizer.backend.outputs:
        interface["things"] = "float32 (B, h, w, T): vectors that are near where a thing is one"
    if "logits" in colorizer.backend.outputs:
        interface["logits"] = "float32 (B, h, w, Q): of the Q bins of ab, before softmax"
        interface["bins"] = ab_bins().tolist()
        interface["ab of logits"] = (
            "gain * sum(p * bins), p = softmax(logits / temperature - chroma_penalty * |bin| / 10)"
        )
    else:
        interface["ab_norm"] = "float32 (B, h, w, 2): ab divided by 110"
    if has_ab:
        interface[AB_OUTPUT] = "float32 (B, h, w, 2): CIE a* and b*, coarse, for vibrance 1"
    return Description(
        colorizer.backend.name,
        list(colorizer.working_sizes),
        colorizer.decoding.to_config(),
        None if size is None else list(size),
        interface,
    )


class _Recorder:
    """An backend that keeps what it is shown."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.kind, self.name, self.outputs = backend.kind, backend.name, backend.outputs
        self.shown: list[FloatArray] = []

    def predict(self, l_norm: FloatArray) -> dict[str, FloatArray]:
        self.shown.append(l_norm.astype(np.float32))
        return self._backend.predict(l_norm)


def _list_inputs(
    colorizer: Colorizer, photos: Iterable[ByteArray], size: tuple[int, int] | None
) -> list[FloatArray]:
    """Return what the network is shown of each photo, at one size if there is one."""
    recorder = _Recorder(colorizer.backend)
    watched = Colorizer(recorder, working_size=colorizer.working_sizes)
    for photo in photos:
        watched.predict(photo)
    return recorder.shown if size is None else [resize(shown, *size) for shown in recorder.shown]
