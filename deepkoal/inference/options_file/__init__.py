"""A look kept as JSON: how a photo was colored, to be applied again, to a rescan of it or others.

Loaded on first use, so that the command's help is quick.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
