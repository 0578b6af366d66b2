"""Deltas: partial deltas times derivatives, as they are consumed."""

from typing import Any

import numpy as np
from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from models.numbers import format
from rtl.blocks.arithmetic import narrow, saturate, shape_of
from rtl.blocks.delay import delayed
from rtl.blocks.multiplier import Multipliers
from rtl.plan.plan import JunctionPlan, Plan
from rtl.plan.widths import partial_shape


class DeltaSource(wiring.Component):
    """The deltas that BP and UP of a row use.

    A hidden layer's are saturate(narrow(P d)); the last layer's are stored ready. Neurons that take several rows keep theirs
    until the last of them. Latency ``multiplier`` clocks, one row per clock.

    Ports
    -----
    valid : in, 1
        A row is there.
    begins : in, 1
        It is the first of its neurons.
    partial : in, q * partial, if hidden
        P of the row's neurons.
    derivative : in, q * derivative, if hidden
        d of the row's neurons.
    stored : in, q * delta, if last
        The deltas of the row's neurons.
    delta : out, q * delta
        For the row.
    saturated : out, q
        Which fresh deltas were clipped, to be counted; with a register behind the saturation, a clock before them.
    """

    def __init__(self, of: Plan, j: JunctionPlan) -> None:
        assert of.config.hardware is not None
        self._of, self._j, numbers = of, j, of.numbers
        self.latency = of.config.hardware.latency.multiplier
        # With three clocks or more, the last register stands behind the saturation.
        self._behind = 1 if self.latency >= (1 if j.is_last else 3) else 0
        q, delta = j.results_per_clock, shape_of(numbers.delta)
        ports = {"valid": In(1), "begins": In(1), "delta": Out(data.ArrayLayout(delta, q)), "saturated": Out(q)}
        if j.is_last:
            super().__init__(ports | {"stored": In(data.ArrayLayout(delta, q))})
            return
        partial, slope = partial_shape(of, of.junctions[j.number]), shape_of(numbers.derivative)
        self.multipliers = Multipliers(q, partial, slope, self.latency - self._behind)
        self._drop = numbers.product_fraction + numbers.derivative.fraction - numbers.delta.fraction
        ports |= {"partial": In(data.ArrayLayout(partial, q)), "derivative": In(data.ArrayLayout(slope, q))}
        super().__init__(ports)

    def model(self, operand: np.ndarray, derivative: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Deltas and saturations: of partial deltas and derivatives (hidden layers), or of stored deltas (last layer)."""
        numbers = self._of.numbers
        if derivative is None:
            return np.asarray(operand, np.int64), np.zeros(np.shape(operand), bool)
        partial = operand
        wide = format.narrow(self.multipliers.model(partial, derivative), self._drop, numbers.rounding["delta"])
        delta = format.saturate(wide, numbers.delta)
        return delta, delta != wide

    def elaborate(self, platform: object) -> Module:
        m, j = Module(), self._j
        last = self._behind
        begins = delayed(m, self.begins, self.latency - last, "begins")
        fresh = self._fresh(m, begins)
        if last:
            # The last register keeps what it has until the next neurons begin.
            kept = Signal(self.delta.shape(), reset_less=True)
            m.d.comb += self.delta.eq(kept)
            with m.If(begins):
                m.d.sync += kept.eq(fresh)
        elif j.rows_per_neuron == 1:
            m.d.comb += self.delta.eq(fresh)
        else:
            kept = Signal(self.delta.shape(), reset_less=True)
            m.d.comb += self.delta.eq(Mux(begins, fresh.as_value(), kept.as_value()))
            m.d.sync += kept.eq(self.delta)
        return m

    def _fresh(self, m: Module, begins: Any) -> Any:
        """Deltas of neurons that begin, in front of the last register."""
        j, numbers, until = self._j, self._of.numbers, self.latency - self._behind
        if j.is_last:
            return delayed(m, self.stored, until, "stored")
        m.submodules.multipliers = multipliers = self.multipliers
        m.d.comb += [multipliers.a.eq(self.partial), multipliers.b.eq(self.derivative)]
        fresh = Signal(self.delta.shape())
        valid = delayed(m, self.valid, until, "valid", valid=True)
        for k in range(j.results_per_clock):
            word, clipped = saturate(narrow(multipliers.product[k], self._drop, numbers.rounding["delta"]), numbers.delta)
            m.d.comb += [fresh[k].eq(word), self.saturated[k].eq(clipped & valid & begins)]
        return fresh
