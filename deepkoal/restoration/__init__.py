"""Old photos touched up before they are colored: damage, noise, faded tone.

The names are loaded on first use, so that options are known without OpenCV.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
