"""Which backend runs which file."""

from __future__ import annotations

from pathlib import Path

from deepkoal.inference.backends.litert import LiteRTBackend
from deepkoal.inference.backends.onnx import OnnxBackend

_BACKENDS: dict[str, type[LiteRTBackend] | type[OnnxBackend]] = {
    ".tflite": LiteRTBackend,
    ".onnx": OnnxBackend,
}

SUFFIXES = {backend.kind: suffix for suffix, backend in _BACKENDS.items()}
"""For each backend that runs files, what their names end in."""


def find_backend(path: str | Path) -> str:
    """Return the kind of backend that runs a file, by its name: `keras` for all others."""
    backend = _BACKENDS.get(Path(path).suffix.lower())
    return "keras" if backend is None else backend.kind


def open_backend(path: str | Path, sha256: str | None = None) -> LiteRTBackend | OnnxBackend:
    """Open a file that deepkoal exported on the backend that its name asks for.

    Args:
        path: ends in `.tflite` or `.onnx`.
        sha256: expected digest of the file in hexadecimal; None skips the check.

    Raises:
        WeightsError: as `LiteRTBackend` and `OnnxBackend`.
    """
    return _BACKENDS[Path(path).suffix.lower()](path, sha256)
