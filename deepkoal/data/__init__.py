"""Photos as training records: `prepare` writes them once, two tf.data pipelines read them.

Loaded on first use: only what reads and writes records needs TensorFlow.
"""

from deepkoal.keras_runtime import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__, tensorflow=True)
