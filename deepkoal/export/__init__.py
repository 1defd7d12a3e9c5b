"""Networks for use without this library: a SavedModel that colors photo files by itself."""

from deepkoal.export.saved_model import MAX_PIXELS, export_saved_model

__all__ = ["MAX_PIXELS", "export_saved_model"]
