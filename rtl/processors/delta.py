"""Deltas: partial deltas times derivatives, as they are consumed."""

from typing import Any

import numpy as np
from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from models.numbers import format
from rtl.blocks.arithmetic import narrow_into, shape_of
from rtl.blocks.choose import lookup, route
from rtl.blocks.delay import delayed
from rtl.blocks.multiplier import Multipliers
from rtl.plan.plan import JunctionPlan, Plan
from rtl.plan.ranges import delta_range, fits
from rtl.plan.widths import partial_shape


class DeltaSource(wiring.Component):
    """The deltas that BP and UP of a row use.

    A hidden layer's are saturate(narrow(P d)); the last layer's are stored ready. A neuron that goes on in the next row
    keeps its delta. Latency ``multiplier`` clocks, one row per clock.

    Ports
    -----
    valid : in, 1
        A row is there.
    begins : in, 1
        Its first lane holds the first edge of its neuron.
    phase : in, bits(routes)
        Which slots the neurons have (:class:`rtl.plan.routing.Routing`).
    complete : in, 1, if stalls
        It is the last clock of the row: then neurons go on in the next.
    partial : in, q * partial, if hidden
        P of the neurons that begin in the row, by slot.
    derivative : in, q * derivative, if hidden
        d of these neurons, by slot.
    stored : in, q * delta, if last
        The deltas of these neurons, by slot.
    delta : out, segments * delta
        Of the row's neurons, one after the other.
    saturated : out, q
        Which fresh deltas were clipped, by slot, to be counted; with a register behind the saturation, a clock before them.
    """

    def __init__(self, of: Plan, j: JunctionPlan) -> None:
        assert of.config.hardware is not None
        self._of, self._j, numbers = of, j, of.numbers
        self.latency = of.config.hardware.latency.multiplier
        # With three clocks or more, the last register stands behind the saturation.
        self._behind = 1 if self.latency >= (1 if j.is_last else 3) else 0
        q, delta = j.results_per_clock, shape_of(numbers.delta)
        ports = {
            "valid": In(1),
            "begins": In(1),
            "phase": In(range(j.routing.phases)),
            "delta": Out(data.ArrayLayout(delta, j.routing.segments)),
            "saturated": Out(q),
        }
        if j.stalls:
            ports |= {"complete": In(1)}
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
        m, of = Module(), self._j.routing
        until = self.latency - self._behind
        begins, phase = delayed(m, self.begins, until, "begins"), delayed(m, self.phase, until, "phase")
        fresh, phases = self._fresh(m, begins, phase), range(of.phases)
        now = Signal(self.delta.shape())
        held = Signal(self.delta.shape(), reset_less=True)
        for k in range(of.segments):
            m.d.comb += now[k].eq(route(phase, [of.slot(p, k) for p in phases], fresh))
        if of.carries:
            # The last neuron of a row is the first one of the next, unless that begins another.
            kept = held[0]
            if of.segments > 1:
                kept = Signal(kept.shape(), name="kept", reset_less=True)
                with m.If(delayed(m, self.complete, until, "complete") if self._j.stalls else 1):
                    m.d.sync += kept.eq(route(phase, [of.last(p) for p in phases], now))
            with m.If(~begins):
                m.d.comb += now[0].eq(kept)
        if self._behind or (of.carries and of.segments == 1):
            m.d.sync += held.eq(now)
        m.d.comb += self.delta.eq(held if self._behind else now)
        return m

    def _fresh(self, m: Module, begins: Any, phase: Any) -> Any:
        """Deltas of neurons that begin, by slot, in front of the last register."""
        j, numbers, until = self._j, self._of.numbers, self.latency - self._behind
        if j.is_last:
            return delayed(m, self.stored, until, "stored")
        m.submodules.multipliers = multipliers = self.multipliers
        m.d.comb += [multipliers.a.eq(self.partial), multipliers.b.eq(self.derivative)]
        fresh = Signal(data.ArrayLayout(shape_of(numbers.delta), j.results_per_clock))
        valid = delayed(m, self.valid, until, "valid", valid=True)
        all_fit = fits(delta_range(self._of, j), numbers.delta)
        for k in range(j.results_per_clock):
            word, clipped = narrow_into(
                multipliers.product[k], self._drop, numbers.rounding["delta"], numbers.delta, all_fit
            )
            first = lookup(phase, j.routing.begins(k), 1) if j.straddles else begins
            m.d.comb += [fresh[k].eq(word), self.saturated[k].eq(clipped & valid & first)]
        return fresh
