"""What a network predicts of a photo, from its pass to every reading of its outputs.

Loaded on first use: the commands name a prediction in their types alone.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
