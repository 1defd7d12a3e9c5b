"""Networks for use without this library: whole, as a SavedModel, or bare, for LiteRT and ONNX.

The names are loaded on first use, so that where an export goes is known without TensorFlow.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
