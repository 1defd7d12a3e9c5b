"""Networks for use without this library: whole, as a SavedModel, or bare, for LiteRT and ONNX.

The names are loaded on first use, so that where an export goes is known without TensorFlow.
"""

from deepkoal.keras_runtime import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__, tensorflow=True)
