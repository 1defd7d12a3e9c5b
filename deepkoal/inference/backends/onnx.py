"""Networks on ONNX Runtime."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from deepkoal.arrays import FloatArray
from deepkoal.errors import WeightsError
from deepkoal.inference.backends.base import AB_OUTPUT, NOTE, Description, read_bytes, refuse_file
from deepkoal.models.weights import check_sha256


class OnnxBackend:
    """Runs an `.onnx` file that `export.export_onnx` wrote, on the processor.

    Args:
        path: the file.
        sha256: expected digest of the file in hexadecimal; None skips the check.

    Attributes:
        description: what the file tells beside its network.
        outputs: names of the network's outputs.

    Raises:
        WeightsError: the file is missing, damaged, another program's or not of that digest, or
            `onnxruntime` is not installed.
    """

    kind = "onnx"

    def __init__(self, path: str | Path, sha256: str | None = None) -> None:
        if importlib.util.find_spec("onnxruntime") is None:
            raise WeightsError(
                "ONNX Runtime is not installed: pip install onnxruntime, or use the keras backend"
            )
        import onnxruntime

        path = Path(path)
        data = read_bytes(path)
        check_sha256(path, data, sha256)
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

    @property
    def name(self) -> str:
        """The network's name."""
        return self.description.network

    def predict(self, l_norm: FloatArray) -> dict[str, FloatArray]:
        """Run the network, see `Backend.predict`."""
        found = self._session.run(
            self.outputs, {self._input: l_norm.astype(np.float32, copy=False)}
        )
        return dict(zip(self.outputs, found, strict=True))
