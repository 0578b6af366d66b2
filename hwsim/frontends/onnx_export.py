"""A network as an ONNX model: integers with their step, or (QONNX) real numbers behind a quantiser."""

from collections.abc import Sequence
from importlib import metadata
from typing import Any

import numpy as np

from hwsim.frontends.extras import package
from hwsim.frontends.matrices import Junction, real_type
from hwsim.frontends.onnx_constants import QONNX
from models.numbers.format import Format

_OPSET, _IR = 19, 9
"""Versions of the operators and of the file of 2023, which reference evaluators and runtimes read."""

_OPERATORS = {"sigmoid": "Sigmoid", "relu": "Relu", "clipped_relu": "Clip", "tanh": "Tanh", "softmax": "Softmax"}


def onnx_model(name: str, found: Sequence[Junction], quantisers: bool) -> bytes:
    """The file: samples ``input`` [batch, N_0] become ``output`` [batch, N_L].

    Parameters
    ----------
    name
        Of the graph.
    quantisers
        Whether integers are real numbers behind nodes ``Quant`` of QONNX, which tell width and step; else they are integers
        behind ``DequantizeLinear``, which every runtime knows.
    """
    onnx = package("onnx")
    kind = real_type(found)
    graph = _Graph(kind, quantisers)
    at = "input"
    for i, junction in enumerate(found, 1):
        bias = graph.numbers(f"bias_{i}", junction.bias, junction.bias_format)
        weight = graph.masked(
            f"weight_{i}", graph.numbers(f"weight_{i}", junction.weight, junction.weight_format), junction.mask
        )
        at = graph.node("Gemm", [at, weight, bias], f"junction_{i}", transB=1)
        last = "output" if junction is found[-1] else f"activation_{i}"
        limits = [graph.constant(f"limit_{n}", np.array(n, kind)) for n in (0, 1)] * (junction.activation == "clipped_relu")
        axis = {"axis": -1} if junction.activation == "softmax" else {}
        at = graph.node(_OPERATORS[junction.activation], [at, *limits], last, **axis)
    real = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    sizes = found[0].weight.shape[1], found[-1].weight.shape[0]
    ends = [
        onnx.helper.make_tensor_value_info(n, real, ["batch", s]) for n, s in zip(("input", "output"), sizes, strict=True)
    ]
    body = onnx.helper.make_graph(graph.nodes, name, ends[:1], ends[1:], list(graph.initializers.values()))
    domains = [onnx.helper.make_opsetid("", _OPSET)] + [onnx.helper.make_opsetid(QONNX[0], 1)] * quantisers
    more = {"producer_name": "hwsim", "producer_version": metadata.version("hwsim"), "ir_version": _IR}
    model = onnx.helper.make_model(body, opset_imports=domains, **more)
    return bytes(model.SerializeToString(deterministic=True))


class _Graph:
    """Nodes and constants as they are added; each method returns the name of the tensor that it makes."""

    def __init__(self, kind: type[np.floating], quantisers: bool) -> None:
        self._onnx, self._kind, self._quantisers = package("onnx"), kind, quantisers
        self.nodes: list[Any] = []
        self.initializers: dict[str, Any] = {}

    def constant(self, name: str, array: np.ndarray) -> str:
        self.initializers[name] = self._onnx.numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def node(self, op: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(self._onnx.helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def numbers(self, name: str, array: np.ndarray, of: Format | None) -> str:
        """Weights or biases."""
        if of is None:
            return self.constant(name, array.astype(self._kind))
        step = self.constant(f"{name}_step", np.array(1 / of.one, np.float32))
        if not self._quantisers:
            return self.node("DequantizeLinear", [self.constant(f"{name}_integers", array), step], name)
        zero = self.constant("zero_point", np.zeros((), np.float32))
        width = self.constant(f"{name}_width", np.array(of.width, np.float32))
        given = self.constant(f"{name}_real", of.real(array).astype(np.float32))
        more = {"domain": QONNX[0], "signed": int(of.signed), "narrow": 0, "rounding_mode": "ROUND"}
        return self.node("Quant", [given, step, zero, width], name, **more)

    def masked(self, name: str, weight: str, mask: np.ndarray | None) -> str:
        """Weights of which those without an edge are 0 and stay so."""
        if mask is None:
            return weight
        edges, zero = self.constant(f"{name}_edges", mask), self.constant("no_weight", np.zeros((), self._kind))
        return self.node("Where", [edges, weight, zero], f"{name}_at_edges")
