"""Nodes of an ONNX graph whose inputs are all known: what numbers they stand for.

Of quantised weights these are the numbers that the quantisers give, in ONNX's own operators and in those of QONNX.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from hwsim.frontends.layers import MOST_ELEMENTS
from models.errors import InputError

QONNX = ("qonnx.custom_op.general", "finn.custom_op.general", "onnx.brevitas")
"""Domains in which the operators of QONNX are, the oldest last."""

_MOST_BITS = 32


@dataclass(frozen=True, eq=False)
class Node:
    """One operation.

    Attributes
    ----------
    where
        How messages call it: file, name and operator.
    name, op
        What the file calls it, and its operator.
    inputs, outputs
        Names of tensors.
    attributes
        By name.
    """

    where: str
    name: str
    op: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any]

    def refused(self, rule: str) -> InputError:
        """That this node cannot be mapped, and why."""
        return InputError(self.where, None, rule)


@dataclass(frozen=True, eq=False)
class Constant:
    """A known tensor.

    Attributes
    ----------
    values
        float64, int64 or bool.
    mask
        Where an edge is, of the same shape, if the file tells.
    quantised
        Whether they are integers times a step.
    """

    values: np.ndarray
    mask: np.ndarray | None = None
    quantised: bool = False
    shape: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", self.values.shape)

    def moved(self, how: Callable[[np.ndarray], np.ndarray]) -> "Constant":
        """The same numbers elsewhere."""
        return replace(self, values=how(self.values), mask=None if self.mask is None else how(self.mask))


def evaluated(node: Node, given: Sequence[Constant]) -> Constant:
    """What a node makes of constants.

    Raises
    ------
    InputError
        If it is none of the operations that lead to weights, or does not fit its inputs.
    """
    if node.op not in _OPERATIONS:
        raise node.refused(f"makes constants in a way that is not read; such are {', '.join(sorted(_OPERATIONS))}")
    if len(given) < _LEAST.get(node.op, 1):
        raise node.refused("lacks inputs")
    try:
        result = _OPERATIONS[node.op](node, *given)
    except InputError:
        raise
    except (ValueError, TypeError, IndexError, OverflowError) as e:
        raise node.refused(f"does not fit its inputs: {e}") from None
    if result.values.dtype.kind == "f" and not np.isfinite(result.values).all():
        raise node.refused("makes values that are no finite numbers")
    return result


def _same(node: Node, x: Constant, *_: Constant) -> Constant:
    return x


def _cast(node: Node, x: Constant) -> Constant:
    # 1, 10, 11 and 16 are the floating-point types; all others are whole numbers or truth values.
    return x if node.attributes.get("to") in (1, 10, 11, 16) else replace(x, values=np.trunc(x.values).astype(np.int64))


def _transpose(node: Node, x: Constant) -> Constant:
    return x.moved(lambda a: np.transpose(a, node.attributes.get("perm")))


def _reshape(node: Node, x: Constant, to: Constant) -> Constant:
    sizes = [x.shape[i] if n == 0 else int(n) for i, n in enumerate(to.values.reshape(-1))]
    return x.moved(lambda a: a.reshape(sizes))


def _flatten(node: Node, x: Constant) -> Constant:
    axis = node.attributes.get("axis", 1)
    return x.moved(lambda a: a.reshape(int(np.prod(a.shape[:axis], dtype=object)), -1))


def _squeeze(node: Node, x: Constant, *axes: Constant) -> Constant:
    chosen = tuple(int(n) for n in axes[0].values.reshape(-1)) if axes else node.attributes.get("axes")
    return x.moved(lambda a: np.squeeze(a, None if chosen is None else tuple(chosen)))


def _unsqueeze(node: Node, x: Constant, *axes: Constant) -> Constant:
    chosen = tuple(int(n) for n in axes[0].values.reshape(-1)) if axes else tuple(node.attributes["axes"])
    return x.moved(lambda a: np.expand_dims(a, chosen))


def _arithmetic(how: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Callable[..., Constant]:
    def result(node: Node, a: Constant, b: Constant) -> Constant:
        shape = np.broadcast_shapes(a.shape, b.shape)
        if np.prod(shape, dtype=object) > MOST_ELEMENTS:
            raise node.refused(f"makes more than {MOST_ELEMENTS} numbers, too many for a network")
        with np.errstate(all="ignore"):  # checked behind it
            values = how(a.values.astype(np.float64), b.values.astype(np.float64))
        masks = [c.mask for c in (a, b) if c.mask is not None and c.mask.shape == shape]
        return Constant(values, masks[0] if masks else None)

    return result


def _where(node: Node, mask: Constant, x: Constant, other: Constant) -> Constant:
    """Weights where there are edges, else 0."""
    if mask.values.dtype != bool or mask.shape != x.shape or other.values.any():
        raise node.refused("must choose between weights, where a mask of their shape has an edge, and 0 elsewhere")
    return replace(x, values=np.where(mask.values, x.values, 0), mask=mask.values)


def _dequantised(node: Node, x: Constant, step: Constant, *zero: Constant) -> Constant:
    if node.attributes.get("block_size", 0):
        raise node.refused("has a step for every block, which is not read: one for all, or one for each neuron")
    shape = [1] * x.values.ndim
    if step.values.size > 1:
        shape[node.attributes.get("axis", 1)] = step.values.size
    steps = _step(node, step, tuple(shape), x.shape)
    zeros = zero[0].values.reshape(shape) if zero else 0
    return replace(x, values=(x.values - zeros) * steps, quantised=True)


def _quant(node: Node, x: Constant, step: Constant, zero: Constant, bits: Constant) -> Constant:
    width = float(bits.values.reshape(-1)[0]) if bits.values.size == 1 else 0.0
    if not (1 <= width <= _MOST_BITS and width.is_integer()):
        raise node.refused(f"must have one bit width, a whole number in 1..{_MOST_BITS}, that is known")
    signed, narrow = bool(node.attributes.get("signed", 1)), bool(node.attributes.get("narrow", 0))
    highest = 2 ** (width - 1) - 1 if signed else 2**width - 1 - narrow
    lowest = -(2 ** (width - 1)) + narrow if signed else 0
    mode = node.attributes.get("rounding_mode", b"ROUND").decode("ascii", "replace").upper()
    if mode not in _ROUNDINGS:
        raise node.refused(f"rounds by {mode[:20]}: must be {', '.join(_ROUNDINGS)}")
    steps = _step(node, step, step.shape, x.shape)
    zeros = np.broadcast_to(zero.values, x.shape)
    # QONNX divides in single precision: in double, numbers that lie half-way there would fall to the other side.
    quotients = x.values.astype(np.float32) / steps.astype(np.float32) + zeros.astype(np.float32)
    integers = _ROUNDINGS[mode](np.clip(quotients.astype(np.float64), lowest, highest))
    return replace(x, values=(integers - zeros) * steps, quantised=True)


def _bipolar(node: Node, x: Constant, step: Constant) -> Constant:
    return replace(x, values=np.where(x.values >= 0, 1.0, -1.0) * _step(node, step, step.shape, x.shape), quantised=True)


def _step(node: Node, step: Constant, shape: tuple[int, ...], of: tuple[int, ...]) -> np.ndarray:
    steps = step.values.astype(np.float64).reshape(shape)
    if not (steps > 0).all() or np.broadcast_shapes(steps.shape, of) != of:
        raise node.refused("must have a positive step, one for all or one for each neuron")
    return steps


def _half(towards: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: np.copysign(np.floor(np.abs(x) + 0.5) if towards > 0 else np.ceil(np.abs(x) - 0.5), x)


_ROUNDINGS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "ROUND": np.round,
    "HALF_EVEN": np.round,
    "CEIL": np.ceil,
    "FLOOR": np.floor,
    "UP": lambda x: np.copysign(np.ceil(np.abs(x)), x),
    "DOWN": np.trunc,
    "HALF_UP": _half(1),
    "HALF_DOWN": _half(-1),
}
"""Of QONNX: up and down are away from 0 and towards it."""

_OPERATIONS: dict[str, Callable[..., Constant]] = {
    "Add": _arithmetic(np.add),
    "BipolarQuant": _bipolar,
    "Cast": _cast,
    "DequantizeLinear": _dequantised,
    "Div": _arithmetic(np.divide),
    "Flatten": _flatten,
    "Identity": _same,
    "IntQuant": _quant,
    "Mul": _arithmetic(np.multiply),
    "Quant": _quant,
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Sub": _arithmetic(np.subtract),
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
    "Where": _where,
}
_LEAST = {"BipolarQuant": 2, "DequantizeLinear": 2, "IntQuant": 4, "Quant": 4, "Reshape": 2, "Where": 3}
_LEAST |= dict.fromkeys(("Add", "Div", "Mul", "Sub"), 2)
