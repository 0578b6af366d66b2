"""Activation tables: activation and derivative of every representable pre-activation."""

from typing import Any

import numpy as np
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from models.numbers.format import Format
from rtl.blocks.arithmetic import shape_of
from rtl.blocks.ram import read


class ActivationTable(wiring.Component):
    """A ROM of activations and, in a training build, derivatives.

    Latency ``stages`` clocks; one lookup per clock. Addressed by the bits of the pre-activation.

    Parameters
    ----------
    argument, value, slope
        Formats of the pre-activation, the activation and the derivative; no derivative if ``slope`` is ``None``.
    tables
        Both over all pre-activations, the least first.

    Ports
    -----
    argument : in, argument
        A pre-activation.
    value : out, value
        Its activation.
    slope : out, slope, if trains
        Its derivative.
    """

    def __init__(
        self, argument: Format, value: Format, slope: Format | None, tables: tuple[np.ndarray, np.ndarray], stages: int
    ) -> None:
        self.latency, self._argument, self._value, self._slope, self._tables = stages, argument, value, slope, tables
        ports = {"argument": In(shape_of(argument)), "value": Out(shape_of(value))}
        super().__init__(ports | ({} if slope is None else {"slope": Out(shape_of(slope))}))

    def model(self, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Activations and derivatives of pre-activations."""
        at = np.asarray(s) - self._argument.lowest
        return self._tables[0][at], self._tables[1][at]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        values = [(self.value, self._value, self._tables[0])]
        if self._slope is not None:
            values.append((self.slope, self._slope, self._tables[1]))
        # Negative arguments come last when their bits are taken as they are.
        negative = -self._argument.lowest
        rows = np.zeros(len(self._tables[0]), object)
        at = 0
        for _, fmt, table in values:
            bits = np.roll(table, -negative).astype(object) & ((1 << fmt.width) - 1)
            rows |= bits << at
            at += fmt.width
        rom: Any = Memory(shape=at, depth=rows.size, init=rows.tolist())
        m.submodules.rom = rom
        word = read(m, rom, self.argument.as_unsigned(), self.latency, "word")
        at = 0
        for signal, fmt, _ in values:
            m.d.comb += signal.eq(word[at : at + fmt.width])
            at += fmt.width
        return m
