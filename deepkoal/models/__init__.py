"""The networks: builders of plain functional graphs whose only input is lightness.

Loaded on first use, so that what finds weights need not load Keras.
"""

from deepkoal.keras_runtime import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
