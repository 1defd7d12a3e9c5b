"""Formulas over `arrays.namespace` as ONNX graphs, without being written again.

A function is called once with tensors that stand for its arguments, as a Keras model is built.
"""

from deepkoal.export.tracing.graph import trace
from deepkoal.export.tracing.tensor import Dims, OnnxTensor

__all__ = ["Dims", "OnnxTensor", "trace"]
