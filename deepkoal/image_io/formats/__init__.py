"""Which photo formats there are, how a file's format is found, and what opens it.

The tables of formats are its names, loaded on first use.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
