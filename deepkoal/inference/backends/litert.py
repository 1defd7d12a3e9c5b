"""Networks on LiteRT: no TensorFlow and no Keras, and there at once.

The file's graph computes no shapes, so LiteRT gives each of its tensors a size as soon as the
input's is known, and XNNPACK's kernels run all of it. A new size costs about a millisecond.
"""

from __future__ import annotations

import importlib.util
import io
import zipfile
from pathlib import Path

import numpy as np

from deepkoal.arrays import FloatArray
from deepkoal.errors import WeightsError
from deepkoal.inference.backends.base import AB_OUTPUT, NOTE, Description, FileBackend, refuse_file
from deepkoal.memory import count_cores
from deepkoal.models import NETWORK_STRIDE

_SIGNATURE = "serving_default"


def has_litert() -> bool:
    """Return whether `ai-edge-litert` is installed."""
    return importlib.util.find_spec("ai_edge_litert") is not None


class LiteRTBackend(FileBackend):
    """Runs a `.tflite` file that `export.export_litert` wrote, on the processor.

    Photos of a batch go through one after another: more threads serve one photo as well.
    Arguments, attributes and errors as in `FileBackend`; the engine is `ai-edge-litert`.
    """

    kind = "litert"

    @classmethod
    def check_installed(cls) -> None:
        """See `FileBackend.check_installed`."""
        if not has_litert():
            raise WeightsError(
                "LiteRT is not installed: pip install 'deepkoal[litert]', or use the keras backend"
            )

    def _open(self, path: Path, data: bytes) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self.description = _read_note(path, data)
        try:
            self._interpreter = Interpreter(model_content=data, num_threads=count_cores())
            runner = self._interpreter.get_signature_runner(_SIGNATURE)
            self._input = next(iter(runner.get_input_details().values()))["index"]
            self._indices = {
                name: details["index"]
                for name, details in runner.get_output_details().items()
                if name != AB_OUTPUT
            }
            del runner  # it holds arrays of the interpreter's, which then refuses a new size
            self.outputs = tuple(self._indices)
            self._size: tuple[int, ...] = (0, 0)
            self._resize((NETWORK_STRIDE, NETWORK_STRIDE))
        except (ValueError, RuntimeError, StopIteration) as error:
            raise refuse_file(path, "LiteRT", error) from error

    def predict(self, l_norm: FloatArray) -> dict[str, FloatArray]:
        """Run the network, see `Backend.predict`."""
        with self._lock:
            self._ensure_open()
            found = [self._predict_one(photo) for photo in l_norm]
        return {name: np.stack([outputs[name] for outputs in found]) for name in self._indices}

    def _resize(self, size: tuple[int, ...]) -> None:
        if size != self._size:
            self._interpreter.resize_tensor_input(self._input, (1, *size, 1))
            self._interpreter.allocate_tensors()
            self._size = size

    def _predict_one(self, l_norm: FloatArray) -> dict[str, FloatArray]:
        self._resize(l_norm.shape[:2])
        interpreter = self._interpreter
        interpreter.set_tensor(self._input, l_norm[None].astype(np.float32, copy=False))
        interpreter.invoke()
        return {name: interpreter.get_tensor(index)[0] for name, index in self._indices.items()}


def add_note(model: bytes, description: Description) -> bytes:
    """Return a model with its description behind it.

    As files that belong to a TensorFlow Lite model are packed: in a zip archive at its end, which
    readers of the model do not see and any unzip does.
    """
    file = io.BytesIO()
    file.write(model)
    with zipfile.ZipFile(file, "a") as archive:
        # A fixed date, so that the same model gives the same file.
        archive.writestr(zipfile.ZipInfo(NOTE), description.to_json())
    return file.getvalue()


def _read_note(path: Path, data: bytes) -> Description:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            text = archive.read(NOTE)
    except (zipfile.BadZipFile, KeyError) as error:
        raise refuse_file(path, "LiteRT", "it has no description of deepkoal's") from error
    return Description.from_json(text, path)
