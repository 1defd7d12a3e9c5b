"""The networks: builders of plain functional graphs whose only input is lightness.

Loaded on first use, so that what finds weights need not load Keras.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
