"""Training: the task that `fit` sees, and runs that continue where they stopped.

The names below are loaded on first use: the task and its losses run on any backend, and whoever
needs only them, on a machine without TensorFlow, must not import what reads records.
"""

from deepkoal.keras_runtime import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
