"""A Keras network converted to what LiteRT or ONNX Runtime reads."""

from __future__ import annotations

import warnings
from typing import Any

import keras
import numpy as np

from deepkoal.atomic_files import temporary_folder
from deepkoal.color import ab_bins
from deepkoal.color.quantization import BIN_WIDTH
from deepkoal.guidance import DecodingConfig
from deepkoal.guidance.decoding import decode_outputs
from deepkoal.inference.backends import AB_OUTPUT


def convert_network(
    network: keras.Model,
    format: str,
    decoding: DecodingConfig | None,
    shape: tuple[int | None, ...],
    settings: dict[str, Any],
) -> bytes:
    """Return the file that Keras writes.

    Args:
        network: from l_norm, as it is.
        format: `litert` or `onnx`.
        decoding: of the output `ab`; None for none.
        shape: of the input: batch, height and width, None where they are free.
        settings: of the converter.
    """
    signature = [keras.InputSpec(shape=(*shape, 1), dtype="float32", name="l_norm")]
    suffix = {"litert": ".tflite", "onnx": ".onnx"}[format]
    network = _in_float32(network)
    if decoding is not None:
        outputs = {**network.output, AB_OUTPUT: _ChromaOutput(decoding)(network.output)}
        network = keras.Model(network.input, outputs, name=network.name)
    with temporary_folder() as folder, warnings.catch_warnings():
        # Keras asks NumPy for a name of old in order to support tf2onnx.
        warnings.filterwarnings("ignore", "In the future `np.object`", FutureWarning)
        file = folder / f"network{suffix}"
        network.export(file, format, verbose=False, input_signature=signature, **settings)
        return file.read_bytes()


class _ChromaOutput(keras.layers.Layer):
    """As `guidance.decode_outputs` at vibrance 1, in operations that all runtimes have.

    The mean over the bins is a convolution: a product of matrices would need shapes, which these
    graphs do not compute.
    """

    def __init__(self, decoding: DecodingConfig) -> None:
        super().__init__(name=AB_OUTPUT, trainable=False)
        self._decoding = decoding

    def call(self, outputs: dict[str, Any]) -> Any:
        """Return ab, float32 (B, h, w, 2)."""
        if "logits" not in outputs:
            return decode_outputs(outputs, self._decoding)
        bins, decoding = ab_bins(), self._decoding
        chroma = np.linalg.norm(bins, axis=-1)
        scores = outputs["logits"] / decoding.temperature
        scores = scores - (decoding.chroma_penalty / BIN_WIDTH * chroma).astype(np.float32)
        kernel = (decoding.gain * bins).astype(np.float32)[None, None]
        return keras.ops.conv(keras.ops.softmax(scores, axis=-1), keras.ops.array(kernel))


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
