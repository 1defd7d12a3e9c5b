"""Photos in the manner of a painting: its colors, its texture, or both. Loaded on first use."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
