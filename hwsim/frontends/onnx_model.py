"""Linear layers from an ONNX or QONNX model: one chain of operations from its input to its output."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hwsim.frontends.batch_norm import BatchNorm, batch_norm
from hwsim.frontends.chain import Chain
from hwsim.frontends.extras import package
from hwsim.frontends.layers import FoundLayers, Layer
from hwsim.frontends.names import brief, field
from hwsim.frontends.onnx_constants import QONNX, Constant, Node, evaluated
from hwsim.frontends.onnx_file import OnnxFile
from models.errors import InputError

KIND = "ONNX"
_ACTIVATIONS = {"Relu": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh", "Softmax": "softmax", "LogSoftmax": "softmax"}
_HARMLESS = ("Identity", "Dropout", "Cast")
_QUANTISERS = ("Quant", "IntQuant", "QuantizeLinear", "DequantizeLinear")
_FEW_CHANNELS = (1, 3)


def read(path: Path) -> FoundLayers:
    """The layers of a model, with their activations.

    Raises
    ------
    InputError
        If the file is damaged, or its graph is no chain of linear layers, activations and what can be folded into them. The
        line names node, operator and rule.
    """
    return _Reader(path).read()


class _Reader:
    """Nodes in the order of the file, which must be one in which each comes behind those that it needs."""

    def __init__(self, path: Path) -> None:
        self._path, self._file = path, OnnxFile(path)
        self._chain = Chain(path, KIND)
        self._constants: dict[str, Constant] = {}
        self._gone: set[str] = set()  # tensors of samples behind which there is something already
        self._known: set[str] = set()
        self._quantised: list[bool] = []
        self._sizes: list[int] | None = None  # of what a sample is, where it is known
        self._at = ""

    def read(self) -> FoundLayers:
        graph = self._file.graph
        for name, array in self._file.initializers():
            self._new(field(self._path, name), name)
            self._constants[name] = Constant(array)
        inputs = [value for value in graph.input if value.name not in self._constants]
        if len(inputs) != 1:
            names = ", ".join(brief(value.name) for value in inputs[:5])
            raise InputError(str(self._path), None, f"has {len(inputs)} inputs ({names}), where one must be, of the samples")
        self._at = inputs[0].name
        self._new(field(self._path, self._at), self._at)
        self._sizes = _sizes(inputs[0])
        for one in graph.node:
            self._take(self._node(one))
        outputs = [value.name for value in graph.output]
        if outputs != [self._at]:
            rule = f"has the outputs {brief(', '.join(outputs))}: must be one, the last of its nodes, {brief(self._at)}"
            raise InputError(str(self._path), None, rule)
        found = self._chain.finished()
        found.quantised = all(self._quantised)
        return found

    def _new(self, where: str, name: str) -> None:
        if name in self._known:
            raise InputError(where, None, f"has the name {brief(name)}, which another tensor has already")
        self._known.add(name)

    def _node(self, one: Any) -> Node:
        """A node whose operator is one that can be meant."""
        name = one.name or next(iter(one.output), "")
        op = f"{one.domain}.{one.op_type}" if one.domain not in ("", "ai.onnx", *QONNX) else one.op_type
        where = f"{field(self._path, name)} ({brief(op)})"
        if (one.domain, one.op_type) in self._file.own_functions:
            raise InputError(where, None, "is a function of the model's own: inline it (onnx.inliner) first")
        helper = package("onnx", "onnx.helper")
        try:
            attributes = {a.name: helper.get_attribute_value(a) for a in one.attribute}
        except ValueError:
            raise InputError(where, None, "has an attribute without a value") from None
        return Node(where, name, op, list(one.input), list(one.output), attributes)

    def _take(self, node: Node) -> None:
        for name in node.outputs:
            if name:
                self._new(node.where, name)
        if not node.outputs or not node.outputs[0]:
            raise node.refused("has no output")
        if node.op == "Constant":
            self._constants[node.outputs[0]] = self._constant(node)
            return
        unknown = [name for name in node.inputs if name and name not in self._constants and name != self._at]
        if unknown and unknown[0] in self._gone:
            rule = f"takes {brief(unknown[0])}, which other nodes take, too: branches do not map to junctions in a row"
            raise node.refused(rule)
        if unknown:
            raise node.refused(f"takes {brief(unknown[0])}, which no node before it makes: a circle, or nodes out of order")
        places = [i for i, name in enumerate(node.inputs) if name == self._at]
        known = [Constant(np.zeros(0)) if not n else self._constants[n] for n in node.inputs if n != self._at]
        if not places:
            self._constants[node.outputs[0]] = evaluated(node, known)
            return
        if len(places) > 1:
            raise node.refused("takes the same signals twice: they are no junctions in a row")
        self._apply(node, places[0], known)
        self._gone.add(self._at)
        self._at = node.outputs[0]

    def _constant(self, node: Node) -> Constant:
        for key, value in node.attributes.items():
            if key == "value":
                return Constant(self._file.array(node.name, value))
            if key in ("value_float", "value_floats"):
                array = np.asarray(value, np.float64)
                if not np.isfinite(array).all():
                    raise node.refused("holds values that are no finite numbers")
                return Constant(array)
            if key in ("value_int", "value_ints"):
                return Constant(np.asarray(value, np.int64))
        raise node.refused("holds no tensor of numbers")

    def _apply(self, node: Node, place: int, known: list[Constant]) -> None:
        """One operation on the samples."""
        if place and node.op not in ("Add", "Mul", "MatMul", "Gemm"):
            raise node.refused("takes the signals where a constant must be")
        if node.op in _ACTIVATIONS:
            self._activation(node)
        elif node.op in _OPERATIONS and (not place or node.op in ("Add", "Mul")):
            _OPERATIONS[node.op](self, node, known)
        elif node.op in _QUANTISERS:
            self._chain.found.left_out.append(brief(node.name))
        elif node.op not in _HARMLESS:
            raise node.refused(_why_not(node.op))

    def _activation(self, node: Node) -> None:
        if "oftmax" in node.op:
            last = -1 if self._file.opset >= 13 else 1
            if node.attributes.get("axis", last) not in (-1, 1):
                raise node.refused("must go over the last axis, the classes")
        self._chain.activation(node.where, _ACTIVATIONS[node.op])

    def _clip(self, node: Node, known: list[Constant]) -> None:
        limits = [c.values.reshape(-1).tolist() for c in known]
        limits += [[node.attributes[key]] for key in ("min", "max") if key in node.attributes]
        if limits not in ([[0], [1]], [[0], []], [[0]]):
            raise node.refused("must clip to 0..1, or from 0 on: the accelerator has no other")
        self._chain.activation(node.where, "clipped_relu" if limits == [[0], [1]] else "relu")

    def _gemm(self, node: Node, known: list[Constant]) -> None:
        a = node.attributes
        if a.get("transA", 0) or len(known) not in (1, 2):
            raise node.refused("must multiply signals, not turned round, by a constant matrix, and add a constant")
        weight = known[0].moved(np.transpose) if not a.get("transB", 0) else known[0]
        scale = float(a.get("alpha", 1.0))
        if scale != 1:
            weight = Constant(weight.values * scale, weight.mask)
        bias = known[1].values * float(a.get("beta", 1.0)) if len(known) == 2 and known[1].values.size else None
        self._layer(node, weight, bias)

    def _matmul(self, node: Node, known: list[Constant]) -> None:
        self._layer(node, known[0].moved(np.transpose), None)

    def _layer(self, node: Node, weight: Constant, bias: np.ndarray | None) -> None:
        if weight.values.ndim != 2 or 0 in weight.shape or weight.values.dtype == bool:
            raise InputError(node.where, list(weight.shape), "must have weights of the shape [inputs, outputs]")
        if self._sizes is not None:
            if len(self._sizes) > 1:
                raise InputError(node.where, self._sizes, "takes samples of more than one axis: put a Flatten before it")
            if self._sizes != [weight.shape[1]]:
                rule = f"takes {weight.shape[1]} inputs, but a sample has {self._sizes[0]} there"
                raise node.refused(rule)
        values = weight.values.astype(np.float64)
        mask = weight.mask
        if mask is not None and values[~mask].any():  # something was added to all weights behind it
            mask = None
        layer = Layer(brief(node.name), values, np.zeros(len(values)), mask, values == 0)
        self._chain.linear(node.where, layer, bias is not None)
        if bias is not None:
            self._chain.bias(node.where, bias)
        self._quantised.append(weight.quantised)
        self._sizes = [len(values)]

    def _add(self, node: Node, known: list[Constant]) -> None:
        if self._chain.takes_bias:
            self._chain.bias(node.where, known[0].values)
        else:
            self._chain.scaled(node.where, BatchNorm(node.name, np.ones(1), known[0].values))

    def _sub(self, node: Node, known: list[Constant]) -> None:
        self._chain.scaled(node.where, BatchNorm(node.name, np.ones(1), -known[0].values))

    def _mul(self, node: Node, known: list[Constant]) -> None:
        self._chain.scaled(node.where, BatchNorm(node.name, known[0].values, np.zeros(1)))

    def _div(self, node: Node, known: list[Constant]) -> None:
        if not known[0].values.all():
            raise node.refused("divides by 0")
        self._chain.scaled(node.where, BatchNorm(node.name, 1 / known[0].values, np.zeros(1)))

    def _norm(self, node: Node, known: list[Constant]) -> None:
        if node.attributes.get("training_mode", 0) or len(known) != 4:
            raise node.refused("must be batch normalisation after training: scale, bias, mean and variance are constants")
        epsilon = float(node.attributes.get("epsilon", 1e-5))
        parts = dict(zip(("weight", "bias", "mean", "variance"), (c.values.astype(np.float64) for c in known), strict=True))
        if not 0 <= epsilon < 1 or (parts["variance"] + epsilon == 0).any():
            raise node.refused("has a variance and an epsilon that are both 0, or no epsilon")
        self._chain.scaled(node.where, batch_norm(self._path, node.name, parts, epsilon))

    def _flatten(self, node: Node, known: list[Constant]) -> None:
        """Samples become rows; their numbers keep their order."""
        if node.op == "Flatten":
            whole = node.attributes.get("axis", 1) == 1
        else:
            whole = bool(known) and known[0].values.size == 2 and not node.attributes.get("allowzero", 0)
            width = int(known[0].values.reshape(-1)[-1]) if whole else 0
            count = None if self._sizes is None else int(np.prod(self._sizes, dtype=object))
            whole = whole and (width == -1 or (width > 0 and count in (None, width)))
            if whole and width > 0 and self._sizes is None:
                self._sizes = [width]
        if not whole:
            raise node.refused("must make one row of every sample, [batch, numbers], and nothing else")
        if self._sizes is not None:
            if len(self._sizes) == 3 and self._sizes[0] > 1 and self._sizes[2] not in _FEW_CHANNELS:
                rule = (
                    "flattens images whose channels come first, while those of hwsim's data sets come last: "
                    "export the layers behind it alone, trained on flat samples"
                )
                raise InputError(node.where, self._sizes, rule)
            self._sizes = [int(np.prod(self._sizes, dtype=object))]


_OPERATIONS: dict[str, Callable[[_Reader, Node, list[Constant]], None]] = {
    "Add": _Reader._add,
    "BatchNormalization": _Reader._norm,
    "Clip": _Reader._clip,
    "Div": _Reader._div,
    "Flatten": _Reader._flatten,
    "Gemm": _Reader._gemm,
    "MatMul": _Reader._matmul,
    "Mul": _Reader._mul,
    "Reshape": _Reader._flatten,
    "Sub": _Reader._sub,
}


def _why_not(op: str) -> str:
    if op in ("MatMul", "Gemm"):
        return "must multiply the signals by a constant matrix that stands second"
    if "Conv" in op:
        return "is a convolution: only linear layers can be imported; `hwsim frontend` trains networks with convolutions"
    if op in ("LeakyRelu", "PRelu", "Elu", "Gelu", "HardSigmoid", "Selu", "BipolarQuant"):
        return "is an activation that the accelerator does not have: train with Relu, Sigmoid, Tanh or Clip to 0..1"
    return "is no linear layer, activation or part of one: only such networks can be imported"


def _sizes(value: Any) -> list[int] | None:
    """The axes of one sample, behind that of the batch; None where they are not told."""
    if not value.type.tensor_type.HasField("shape"):
        return None
    sizes = [d.dim_value for d in value.type.tensor_type.shape.dim]
    known = sizes if len(sizes) == 1 else sizes[1:]
    return known if known and all(n > 0 for n in known) else None
