"""Lanes of multipliers with registers in and behind them."""

from typing import Any

import numpy as np
from amaranth.hdl import Cat, Module, Shape, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from models.numbers import format
from models.numbers.format import Rounding
from rtl.blocks.arithmetic import narrow
from rtl.blocks.delay import delayed

WIDEST = 18
"""Bits of an operand that one multiplier of most FPGAs takes."""


def product_shape(a: Shape, b: Shape, drop: int, rounding: Rounding) -> Shape:
    """Shape of a narrowed product."""
    return narrow(Signal(a) * Signal(b), drop, rounding).shape()


class Multipliers(wiring.Component):
    """``lanes`` multipliers, each followed by the narrowing of products.

    Latency ``stages`` clocks, one product per lane and clock. The first register stands behind the multiplier, the second in
    front of it, the third behind, the fourth in front, further ones behind.

    Parameters
    ----------
    lanes
        How many.
    a, b
        Shapes of the operands.
    drop, rounding
        Narrowing of the product.

    Ports
    -----
    a : in, lanes * a
        First operands.
    b : in, lanes * b
        Second operands.
    product : out, lanes * product
        Narrowed products, as wide as they must be.
    """

    def __init__(
        self, lanes: int, a: Shape, b: Shape, stages: int, drop: int = 0, rounding: Rounding = Rounding.FLOOR
    ) -> None:
        self.lanes, self.latency, self._drop, self._rounding = lanes, stages, drop, rounding
        self.shape = product_shape(a, b, drop, rounding)
        super().__init__(
            {
                "a": In(data.ArrayLayout(a, lanes)),
                "b": In(data.ArrayLayout(b, lanes)),
                "product": Out(data.ArrayLayout(self.shape, lanes)),
            }
        )

    def model(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Narrowed products of two arrays of integers."""
        return format.narrow(np.asarray(a, np.int64) * b, self._drop, self._rounding)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        before = 0 if self.latency < 2 else 1 if self.latency < 4 else 2
        for i in range(self.lanes):
            a: Any = delayed(m, self.a[i], before, f"a_{i}")
            b: Any = delayed(m, self.b[i], before, f"b_{i}")
            product = self._wide(m, a, b, i, self.latency - before)
            m.d.comb += self.product[i].eq(narrow(product, self._drop, self._rounding))
        return m

    def _wide(self, m: Module, a: Any, b: Any, i: int, behind: int) -> Any:
        """The product; one that takes two multipliers has registers between them and their sum, two if there are three."""
        if len(a) <= WIDEST or behind < 2 or not a.shape().signed:
            return delayed(m, a * b, behind, f"product_{i}")
        parts = min(behind - 1, 2)
        low = delayed(m, a[: WIDEST - 1] * b, parts, f"low_{i}")
        high = delayed(m, a[WIDEST - 1 :].as_signed() * b, parts, f"high_{i}")
        # The lowest bits are those of one part: the adder is as long as the other.
        upper = high + low.shift_right(WIDEST - 1)
        return delayed(m, Cat(low[: WIDEST - 1], upper).as_signed(), behind - parts, f"product_{i}")
