"""What runs a network: Keras, LiteRT or ONNX Runtime, alike to everything that reads its outputs.

Importing this package imports none of the three: each is imported when its backend is made.
"""

from deepkoal.inference.backends.base import AB_OUTPUT, NOTE, Backend, Description
from deepkoal.inference.backends.keras import KerasBackend
from deepkoal.inference.backends.litert import LiteRTBackend, add_note, has_litert
from deepkoal.inference.backends.onnx import OnnxBackend
from deepkoal.inference.backends.opening import SUFFIXES, find_backend, open_backend

__all__ = [
    "AB_OUTPUT",
    "NOTE",
    "SUFFIXES",
    "Backend",
    "Description",
    "KerasBackend",
    "LiteRTBackend",
    "OnnxBackend",
    "add_note",
    "find_backend",
    "has_litert",
    "open_backend",
]
