"""Networks on LiteRT: no TensorFlow and no Keras, and there at once.

The file's graph computes no shapes, so LiteRT gives each of its tensors a size as soon as the
input's is known, and XNNPACK's kernels run all of it. A new size costs about a millisecond.
"""

from __future__ import annotations

import importlib.util
import io
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from deepkoal.arrays import FloatArray
from deepkoal.errors import WeightsError
from deepkoal.inference.backends.base import AB_OUTPUT, NOTE, Description, FileBackend, refuse_file
from deepkoal.memory import count_cores
from deepkoal.models import NETWORK_STRIDE

MOST_AT_ONCE = 4
"""Photos of a batch that are seen at once: each takes an interpreter, with weights of its own."""

_SIGNATURE = "serving_default"


def has_litert() -> bool:
    """Return whether `ai-edge-litert` is installed."""
    return importlib.util.find_spec("ai_edge_litert") is not None


class LiteRTBackend(FileBackend):
    """Runs a `.tflite` file that `export.export_litert` wrote, on the processor.

    One photo is served by all cores; of several each by one, with an interpreter of its own:
    threads that share a photo wait for each other in loops, which keeps cores from other work.
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
        self.description = _read_note(path, data)
        try:
            self._runner = _Runner(data, count_cores())
            self._runner.resize((NETWORK_STRIDE, NETWORK_STRIDE))
        except (ValueError, RuntimeError, StopIteration) as error:
            raise refuse_file(path, "LiteRT", error) from error
        self.outputs = tuple(self._runner.indices)
        self._crew: ThreadPoolExecutor | None = None
        self._own = threading.local()

    def predict(self, l_norm: FloatArray) -> dict[str, FloatArray]:
        """Run the network, see `Backend.predict`."""
        with self._lock:
            self._ensure_open()
            several = min(len(l_norm), count_cores(), MOST_AT_ONCE) > 1
            if several and self._crew is None:
                self._crew = ThreadPoolExecutor(min(count_cores(), MOST_AT_ONCE), "litert")
            if several and self._crew is not None:
                found = list(self._crew.map(self._predict_alone, l_norm))
            else:
                found = [self._runner.run(photo) for photo in l_norm]
        return {name: np.stack([outputs[name] for outputs in found]) for name in self.outputs}

    def _predict_alone(self, photo: FloatArray) -> dict[str, FloatArray]:
        """Run the network on one photo, by this thread and an interpreter that it keeps."""
        own = self._own
        if not hasattr(own, "runner"):
            own.runner = _Runner(self._data, 1)
        found: dict[str, FloatArray] = own.runner.run(photo)
        return found


class _Runner:
    """An interpreter of a file, for one photo at a time."""

    def __init__(self, data: bytes, threads: int) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(model_content=data, num_threads=threads)
        runner = self._interpreter.get_signature_runner(_SIGNATURE)
        self._input = next(iter(runner.get_input_details().values()))["index"]
        self.indices = {
            name: details["index"]
            for name, details in runner.get_output_details().items()
            if name != AB_OUTPUT
        }
        del runner  # it holds arrays of the interpreter's, which then refuses a new size
        self._size: tuple[int, ...] = (0, 0)

    def resize(self, size: tuple[int, ...]) -> None:
        """Make ready for photos of a size."""
        if size != self._size:
            self._interpreter.resize_tensor_input(self._input, (1, *size, 1))
            self._interpreter.allocate_tensors()
            self._size = size

    def run(self, l_norm: FloatArray) -> dict[str, FloatArray]:
        """Return the outputs, (h, w, C) each, of l_norm (H, W, 1)."""
        self.resize(l_norm.shape[:2])
        interpreter = self._interpreter
        interpreter.set_tensor(self._input, l_norm[None].astype(np.float32, copy=False))
        interpreter.invoke()
        return {name: interpreter.get_tensor(index)[0] for name, index in self.indices.items()}


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
