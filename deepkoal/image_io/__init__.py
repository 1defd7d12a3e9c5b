"""Photo files: every common kind in as sRGB of 8 or 16 bits, and out with what it carried.

Loaded on first use, so that the command's help needs no library that reads photos.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
