"""Photos and films by the million, colored by the workers of a Ray cluster.

Loaded on first use. `__init__.pyi` is the one list of the names.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
