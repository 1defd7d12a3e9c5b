"""deepkoal: turns black-and-white photos into color.

The names below are loaded on first use, so that `import deepkoal` is quick and imports neither
Keras nor TensorFlow. `__init__.pyi` is their one list: it serves type checkers and the loader.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, _lazy_names = lazy_loader.attach_stub(__name__, __file__)
__all__ = ["__version__", *_lazy_names]
