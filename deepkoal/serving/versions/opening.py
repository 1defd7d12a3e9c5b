"""Which file of a version is served, and by what."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from deepkoal.errors import DeepkoalError
from deepkoal.serving.errors import ServingError

if TYPE_CHECKING:
    from deepkoal.serving.versions.served_version import ServedVersion

AUTO = "auto"
MODEL_FILE = "saved_model.pb"
_SUFFIXES = {"litert": ".tflite", "onnx": ".onnx"}
BACKENDS = (AUTO, "tensorflow", *_SUFFIXES)
"""What runs a version: TensorFlow a SavedModel, LiteRT or ONNX Runtime a bare network; `auto` goes
by the files that it has, in this order."""

FILES = {AUTO: MODEL_FILE, "tensorflow": MODEL_FILE} | {
    kind: f"NAME{suffix}" for kind, suffix in _SUFFIXES.items()
}
"""The file that each backend wants."""


def choose_file(files: Iterable[str], backend: str = AUTO) -> str | None:
    """Return which of a version's files a backend runs; None for none of them.

    Args:
        files: names below the version's folder.
        backend: one of `BACKENDS`.
    """
    names = sorted(files)
    if backend in (AUTO, "tensorflow") and MODEL_FILE in names:
        return MODEL_FILE
    for kind, suffix in _SUFFIXES.items():
        if backend in (AUTO, kind):
            for name in names:
                if "/" not in name and name.endswith(suffix):
                    return name
    return None


def open_version(name: str, version: int, folder: Path, backend: str = AUTO) -> ServedVersion:
    """Load a version.

    Args:
        name: the model's.
        version: its number.
        folder: its files.
        backend: one of `BACKENDS`.

    Raises:
        ServingError: it cannot be loaded.
    """
    file = choose_file((path.name for path in folder.glob("*")), backend)
    if file == MODEL_FILE:
        from deepkoal.serving.versions.saved_model import SavedModelVersion

        return SavedModelVersion(name, version, folder)
    if file is None:
        raise ServingError("FAILED_PRECONDITION", f"{folder}: nothing that {backend} runs")
    from deepkoal.inference.colorizer import Colorizer
    from deepkoal.serving.versions.network import NetworkVersion

    try:
        return NetworkVersion(name, version, Colorizer.from_file(folder / file))
    except DeepkoalError as error:
        raise ServingError("FAILED_PRECONDITION", str(error)) from error
