"""The studio: a web page that colors photos, on a server that only this machine can reach.

The names are loaded on first use, so that the page's files can be read without its server.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
