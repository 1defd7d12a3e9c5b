"""The networks: builders of plain functional graphs whose only input is lightness.

Loaded on first use, so that what finds weights need not load Keras.
"""

from deepkoal.keras_runtime import attach_stub

NETWORK_STRIDE = 32
"""Side of the square of pixels that every network's input can be a multiple of.

Here, where it costs no import of NumPy: the command line needs it to explain itself.
"""

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
