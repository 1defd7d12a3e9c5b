"""Linear equations, which ONNX has no operator for."""

from __future__ import annotations

from deepkoal.arrays import namespace
from deepkoal.export.tracing.tensor import OnnxTensor


def solve(a: OnnxTensor, b: OnnxTensor) -> OnnxTensor:
    """Solve linear equations by Gauss and Jordan's elimination, as `numpy.linalg.solve`.

    Without pivots: covariances with noise, which are positive definite, need none.
    """
    ops = namespace(a)
    size = ops.shape(a)[0]
    places = ops.arange(size, "int64")

    def eliminate(number: OnnxTensor, rows: OnnxTensor) -> OnnxTensor:
        row = rows[number]
        column = ops.take(rows, number, axis=1)
        column = column - (places == number).cast("float32")
        rest: OnnxTensor = rows - column[:, None] * (row / row[number])
        return rest

    solved: OnnxTensor = ops.fori_loop(0, size, eliminate, ops.concatenate([a, b], axis=1))
    return solved[:, size:]
