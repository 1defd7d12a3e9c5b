"""Which file of a version is served, and by what."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from deepkoal.errors import DeepkoalError
from deepkoal.serving.errors import ServingError
from deepkoal.serving.served_version import ServedVersion

AUTO = "auto"
MODEL_FILE = "saved_model.pb"
_SUFFIXES = {"litert": ".tflite", "onnx": ".onnx"}
ENGINES = (AUTO, "tensorflow", *_SUFFIXES)
"""What runs a version: TensorFlow a SavedModel, LiteRT or ONNX Runtime a bare network; `auto` goes
by the files that it has, in this order."""

FILES = {AUTO: MODEL_FILE, "tensorflow": MODEL_FILE} | {
    kind: f"NAME{suffix}" for kind, suffix in _SUFFIXES.items()
}
"""The file that each engine wants."""


def choose_file(files: Iterable[str], engine: str = AUTO) -> str | None:
    """Return which of a version's files an engine runs; None for none of them.

    Args:
        files: names below the version's folder.
        engine: one of `ENGINES`.
    """
    names = sorted(files)
    if engine in (AUTO, "tensorflow") and MODEL_FILE in names:
        return MODEL_FILE
    for kind, suffix in _SUFFIXES.items():
        if engine in (AUTO, kind):
            for name in names:
                if "/" not in name and name.endswith(suffix):
                    return name
    return None


def open_version(name: str, version: int, folder: Path, engine: str = AUTO) -> ServedVersion:
    """Load a version.

    Args:
        name: the model's.
        version: its number.
        folder: its files.
        engine: one of `ENGINES`.

    Raises:
        ServingError: it cannot be loaded.
    """
    file = choose_file((path.name for path in folder.glob("*")), engine)
    if file == MODEL_FILE:
        from deepkoal.serving.saved_model import SavedModelVersion

        return SavedModelVersion(name, version, folder)
    if file is None:
        raise ServingError("FAILED_PRECONDITION", f"{folder}: nothing that {engine} runs")
    from deepkoal.inference.colorizer import Colorizer
    from deepkoal.serving.network import NetworkVersion

    try:
        return NetworkVersion(name, version, Colorizer.from_file(folder / file))
    except DeepkoalError as error:
        raise ServingError("FAILED_PRECONDITION", str(error)) from error
