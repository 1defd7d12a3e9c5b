"""The studio: a web page that colors photos, on a server that only this machine can reach.

The names are loaded on first use, so that the page's files can be read without its server.
"""

from deepkoal.keras_runtime import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
