"""Networks for use without this library: a SavedModel that colors photo files by itself."""

from deepkoal.export.saved_model import MAX_PIXELS, export_saved_model
from deepkoal.export.warm_up import WARM_UP_FILE

__all__ = ["MAX_PIXELS", "WARM_UP_FILE", "export_saved_model"]
