"""Activation tables: activation and derivative of every representable pre-activation."""

from typing import Any

import numpy as np
from amaranth.hdl import Cat, Const, Module
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
        rows = [np.roll(table, self._argument.lowest).astype(object) for _, _, table in values]
        columns = {(i, k): rows[i] >> k & 1 for i, (_, fmt, _) in enumerate(values) for k in range(fmt.width)}
        # A bit that never changes, such as the sign of what is never negative, needs no place.
        places = [place for place, column in columns.items() if column.min() != column.max()]
        words = sum((columns[place] << at for at, place in enumerate(places)), np.zeros(len(rows[0]), object))
        word: Any = None
        if places:
            rom: Any = Memory(shape=len(places), depth=words.size, init=words.tolist())
            m.submodules.rom = rom
            word = read(m, rom, self.argument.as_unsigned(), self.latency, "word")
        for i, (signal, fmt, _) in enumerate(values):
            bits = (
                word[places.index((i, k))] if (i, k) in places else Const(int(columns[i, k][0]), 1) for k in range(fmt.width)
            )
            m.d.comb += signal.eq(Cat(*bits))
        return m
