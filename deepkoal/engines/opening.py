"""Which engine runs which file."""

from __future__ import annotations

from pathlib import Path

from deepkoal.engines.litert import LiteRTEngine
from deepkoal.engines.onnx import OnnxEngine

_ENGINES: dict[str, type[LiteRTEngine] | type[OnnxEngine]] = {
    ".tflite": LiteRTEngine,
    ".onnx": OnnxEngine,
}

SUFFIXES = {engine.kind: suffix for suffix, engine in _ENGINES.items()}
"""For each engine that runs files, what their names end in."""


def find_engine(path: str | Path) -> str:
    """Return the kind of engine that runs a network's file, by its name: `keras` for all others."""
    engine = _ENGINES.get(Path(path).suffix.lower())
    return "keras" if engine is None else engine.kind


def open_engine(path: str | Path, sha256: str | None = None) -> LiteRTEngine | OnnxEngine:
    """Open a file that deepkoal exported on the engine that its name tells.

    Args:
        path: ends in `.tflite` or `.onnx`.
        sha256: expected digest of the file in hexadecimal; None skips the check.

    Raises:
        WeightsError: as `LiteRTEngine` and `OnnxEngine`.
    """
    return _ENGINES[Path(path).suffix.lower()](path, sha256)
