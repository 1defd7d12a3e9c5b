"""ONNX graphs in the making, and functions as ONNX models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from deepkoal.export.tracing.tensor import Dims, OnnxTensor, as_type, code_of

OPSET = 18
IR_VERSION = 10
"""Of ONNX's files: what runtimes of 2024 read."""

_current: ContextVar[Graph] = ContextVar("graph")


def current() -> Graph:
    """Return the graph that is being made."""
    return _current.get()


class Graph:
    """Nodes in the making: of the graph, and of the bodies of loops within."""

    def __init__(self) -> None:
        self.nodes: list[list[Any]] = [[]]
        self._count = 0

    def add(
        self, kind: str, inputs: Sequence[Any], dtype: str, shape: Dims, **attributes: Any
    ) -> OnnxTensor:
        """Return the output of a new node.

        Args:
            kind: ONNX's operator.
            inputs: tensors, arrays and numbers, or None for those that are left out.
            dtype: of the output.
            shape: of the output, None for what is not known.
            attributes: of the operator.
        """
        from onnx import helper

        names = ["" if each is None else self.lift(each).name for each in inputs]
        name = self.name()
        self.nodes[-1].append(helper.make_node(kind, names, [name], **attributes))
        return OnnxTensor(self, name, dtype, shape)

    def name(self) -> str:
        """Return a name that nothing has."""
        self._count += 1
        return f"t{self._count}"

    def lift(self, value: Any, dtype: str | None = None) -> OnnxTensor:
        """Return a number, an array or a list of scalars as a tensor, of a type if it is given."""
        from onnx import numpy_helper

        if isinstance(value, OnnxTensor):
            return value if dtype is None else value.cast(dtype)
        if isinstance(value, (list, tuple)) and any(isinstance(x, OnnxTensor) for x in value):
            parts = [self.lift(x, dtype)[None] for x in value]
            return self.add("Concat", parts, parts[0].dtype, (len(parts),), axis=0)
        array = np.asarray(value)
        kind = {"b": "bool", "i": "int64", "u": "int64", "f": "float32"}[array.dtype.kind]
        array = array.astype(as_type(dtype or kind))
        constant = numpy_helper.from_array(array)
        return self.add("Constant", [], str(array.dtype), array.shape, value=constant)

    def loop(
        self,
        count: Any,
        body: Callable[[Any, OnnxTensor], OnnxTensor],
        start: OnnxTensor,
        *,
        is_settling: bool = False,
    ) -> OnnxTensor:
        """Return body(… body(1, body(0, start)) …), as often as counted.

        Args:
            count: of rounds.
            body: from a round's number and what came of those before.
            start: what the first is given.
            is_settling: whether a round that changes nothing is the last.
        """
        from onnx import TensorProto, helper

        number, going, state, going_on = (self.name() for _ in range(4))
        self.nodes.append([])
        before, changes = OnnxTensor(self, state, start.dtype, start.shape), going
        result = body(OnnxTensor(self, number, "int64", ()), before)
        if is_settling:
            changed = (result != before).cast("int64")
            changes = self.add("ReduceMax", [changed], "int64", (), keepdims=0).cast("bool").name
        self.nodes[-1].append(helper.make_node("Identity", [changes], [going_on]))
        code = code_of(start.dtype)
        inner = helper.make_graph(
            self.nodes.pop(),
            "body",
            [
                helper.make_tensor_value_info(number, TensorProto.INT64, ()),
                helper.make_tensor_value_info(going, TensorProto.BOOL, ()),
                helper.make_tensor_value_info(state, code, None),
            ],
            [
                helper.make_tensor_value_info(going_on, TensorProto.BOOL, ()),
                helper.make_tensor_value_info(result.name, code, None),
            ],
        )
        inputs = [self.lift(count, "int64"), self.lift(True), start]
        return self.add("Loop", inputs, start.dtype, start.shape, body=inner)


def trace(
    function: Callable[..., Mapping[str, OnnxTensor]], inputs: Mapping[str, Dims], name: str
) -> Any:
    """Return a function of tensors as an ONNX model.

    Args:
        function: takes the inputs by name and returns the outputs by name.
        inputs: the shape of each, float32, None where a size is free.
        name: of the graph.
    """
    from onnx import checker, helper

    graph = Graph()
    given = {key: OnnxTensor(graph, key, "float32", shape) for key, shape in inputs.items()}
    token = _current.set(graph)
    try:
        outputs = function(**given)
    finally:
        _current.reset(token)
    for key, value in outputs.items():
        graph.nodes[-1].append(helper.make_node("Identity", [value.name], [key]))
    taken, made = (
        [
            helper.make_tensor_value_info(key, code_of(value.dtype), value.shape)
            for key, value in each.items()
        ]
        for each in (given, outputs)
    )
    (nodes,) = graph.nodes
    model = helper.make_model(
        helper.make_graph(nodes, name, taken, made),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    checker.check_model(model)
    return model
