"""The restoration network alone, as a file for LiteRT or ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepkoal.errors import DeepkoalError
from deepkoal.export.conversion import convert_network
from deepkoal.export.output_paths import check_file, check_packages
from deepkoal.inference.backends import NOTE, SUFFIXES, Description, add_note
from deepkoal.models.weights import write_whole

if TYPE_CHECKING:
    import keras

INTERFACE = {
    "l_norm": "float32 (B, H, W, 1): CIE L* under D65, 0…100, divided by 50, less 1; H and W "
    "multiples of 32",
    "clean": "float32 (B, H, W, 1): l_norm without damage, grain and blocks",
    "damage": "float32 (B, H, W, 1): how likely a pixel is damaged, before the sigmoid",
}


def export_restorer(network: keras.Model, path: str | Path) -> Path:
    """Write `models.restorer` as a `.tflite` file, weights in half precision, or an `.onnx` file.

    Both take any height and width that are multiples of 32; what goes in and out is described in
    the file, as in those of `export_litert` and `export_onnx`.

    Args:
        network: on Keras.
        path: the file; its folder exists.

    Returns:
        The file written.

    Raises:
        DeepkoalError: the name ends otherwise, there is no such folder, or onnx and tf2onnx are
            not installed.
        WeightsError: the file cannot be written.
    """
    path = Path(path)
    kinds = {suffix: kind for kind, suffix in SUFFIXES.items()}
    if (kind := kinds.get(path.suffix.lower())) is None:
        raise DeepkoalError(f"{path}: expected a name that ends in {' or '.join(kinds)}")
    check_file(path, path.suffix.lower())
    check_packages(kind)
    description = Description(network.name, 0, {}, interface=INTERFACE)
    free = (None, None)
    if kind == "litert":
        import tensorflow as tf

        settings: dict[str, Any] = {
            "optimizations": [tf.lite.Optimize.DEFAULT],
            "target_spec": {"supported_types": [tf.float16]},
        }
        model = convert_network(network, kind, None, (1, *free), settings)
        write_whole(path, add_note(model, description))
        return path
    import onnx

    graph = onnx.load_from_string(convert_network(network, kind, None, (None, *free), {}))
    note = graph.metadata_props.add()
    note.key, note.value = NOTE, description.to_json()
    write_whole(path, graph.SerializeToString())
    return path
