"""Activation functions, and their tables over every representable pre-activation."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from models.numbers.format import Format

Real = npt.NDArray[np.floating]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Activation:
    """A scalar function of the pre-activation and its derivative, both as functions of the pre-activation."""

    name: str
    value: Callable[[Real], Real]
    derivative: Callable[[Real], Real]

    def tables(self, argument: Format, value: Format, derivative: Format) -> tuple[Integers, Integers]:
        """Tables A and A' of length 2**argument.width, read-only; entry k is that of ``argument.lowest + k``.

        An entry is floor(real value * 2**fraction + 1/2), clipped to its format.
        """
        return _tables(self, argument, value, derivative)


@lru_cache(maxsize=64)  # of a study's points few differ in their formats
def _tables(of: Activation, argument: Format, value: Format, derivative: Format) -> tuple[Integers, Integers]:
    s = argument.real(np.arange(argument.lowest, argument.highest + 1))
    made = value.quantise(of.value(s)), derivative.quantise(of.derivative(s))
    for table in made:
        table.flags.writeable = False
    return made


def sigmoid(s: Real) -> Real:
    """Logistic function, written so that no exponential overflows."""
    e = np.exp(-np.abs(s))
    return np.where(s >= 0, 1 / (1 + e), e / (1 + e)).astype(s.dtype, copy=False)


def _sigmoid_derivative(s: Real) -> Real:
    e = np.exp(-np.abs(s))
    return (e / (1 + e) ** 2).astype(s.dtype, copy=False)


ACTIVATIONS = {
    a.name: a
    for a in (
        Activation("sigmoid", sigmoid, _sigmoid_derivative),
        Activation("relu", lambda s: np.maximum(s, 0), lambda s: (s > 0).astype(s.dtype)),
        Activation("clipped_relu", lambda s: np.clip(s, 0, 1), lambda s: ((s > 0) & (s < 1)).astype(s.dtype)),
        Activation("tanh", np.tanh, lambda s: 1 - np.tanh(s) ** 2),
    )
}
"""Element-wise activations by name. Softmax belongs to the float engine, since it joins a whole layer."""
