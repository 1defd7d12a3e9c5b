"""Networks on ONNX Runtime."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from deepkoal.arrays import FloatArray
from deepkoal.errors import WeightsError
from deepkoal.inference.backends.base import AB_OUTPUT, NOTE, Description, FileBackend, refuse_file


class OnnxBackend(FileBackend):
    """Runs an `.onnx` file that `export.export_onnx` wrote, on the processor.

    Arguments, attributes and errors as in `FileBackend`; the engine is `onnxruntime`.
    """

    kind = "onnx"

    @classmethod
    def check_installed(cls) -> None:
        """See `FileBackend.check_installed`."""
        if importlib.util.find_spec("onnxruntime") is None:
            raise WeightsError(
                "ONNX Runtime is not installed: pip install onnxruntime, or use the keras backend"
            )

    def _open(self, path: Path, data: bytes) -> None:
        import onnxruntime

        try:
            self._session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
        except Exception as error:  # it derives one of its own from Exception for each kind
            raise refuse_file(path, "ONNX Runtime", error) from error
        notes = self._session.get_modelmeta().custom_metadata_map
        if NOTE not in notes:
            raise refuse_file(path, "ONNX Runtime", "it has no description of deepkoal's")
        self.description = Description.from_json(notes[NOTE], path)
        self._input = self._session.get_inputs()[0].name
        names = [output.name for output in self._session.get_outputs()]
        self.outputs = tuple(name for name in names if name != AB_OUTPUT)

    def predict(self, l_norm: FloatArray) -> dict[str, FloatArray]:
        """Run the network, see `Backend.predict`."""
        with self._lock:
            self._ensure_open()
            session = self._session
        found = session.run(self.outputs, {self._input: l_norm.astype(np.float32, copy=False)})
        return dict(zip(self.outputs, found, strict=True))
