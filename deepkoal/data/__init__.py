"""Photos as training records: `prepare` writes them once, two tf.data pipelines read them.

Loaded on first use: only what reads and writes records needs TensorFlow.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
