"""What runs a network: Keras, LiteRT or ONNX Runtime, alike to everything that reads its outputs.

Importing this package imports none of the three: each is imported when its engine is made.
"""

from deepkoal.engines.base import NOTE, Description, Engine
from deepkoal.engines.keras import KerasEngine
from deepkoal.engines.litert import LiteRTEngine, add_note, has_litert
from deepkoal.engines.onnx import OnnxEngine
from deepkoal.engines.opening import SUFFIXES, find_engine, open_engine

__all__ = [
    "NOTE",
    "SUFFIXES",
    "Description",
    "Engine",
    "KerasEngine",
    "LiteRTEngine",
    "OnnxEngine",
    "add_note",
    "find_engine",
    "has_litert",
    "open_engine",
]
