"""Networks for use without this library: whole, as a SavedModel, or bare, for LiteRT and ONNX."""

from deepkoal.export.portable import PRECISIONS, export_litert, export_onnx
from deepkoal.export.saved_model import MAX_PIXELS, export_saved_model

__all__ = ["MAX_PIXELS", "PRECISIONS", "export_litert", "export_onnx", "export_saved_model"]
