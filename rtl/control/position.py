"""Counters: where in an interleaved layer the neurons of a clock lie, and which bank a sample has."""

from typing import Any

import numpy as np
from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.blocks.choose import lookup
from rtl.blocks.registers import free_of_reset
from rtl.plan.interleaving import Interleaving
from rtl.plan.plan import JunctionPlan


class PositionCounter(wiring.Component):
    """Walks over the neurons of an interleaved layer.

    Latency 0: the outputs name the present neurons; a step takes effect in the next clock. One step per clock. After a reset
    they name any, until it is restarted.

    Ports
    -----
    restart : in, 1
        Go to the first neurons; wins over ``step``.
    step : in, 1
        Go to the next ones.
    group : out, bits(groups)
        Group of the first of them.
    base : out, bits(depth)
        Its address.
    phase : out, bits(phases)
        Where they lie (:class:`rtl.plan.interleaving.Interleaving`).
    next_group : out, bits(groups)
        The group of the next clock.
    next_phase : out, bits(phases)
        Its phase.
    """

    restart: Signal
    step: Signal
    group: Signal
    base: Signal
    phase: Signal
    next_group: Signal
    next_phase: Signal

    def __init__(self, interleaving: Interleaving) -> None:
        self._of = interleaving
        super().__init__(
            {
                "restart": In(1),
                "step": In(1),
                "group": Out(range(interleaving.groups)),
                "base": Out(range(interleaving.depth)),
                "phase": Out(range(interleaving.phases)),
                "next_group": Out(range(interleaving.groups)),
                "next_phase": Out(range(interleaving.phases)),
            }
        )
        free_of_reset(self, "group", "base", "phase")

    latency = 0

    def model(self) -> np.ndarray:
        """int64 [steps, 3]: group, base and phase, step by step."""
        of, rows, at = self._of, [], (0, 0, 0)
        for _ in range(of.clocks):
            rows.append(at)
            group, base, phase = at
            at = group + of.passes(phase), base + of.steps(phase), (phase + 1) % of.phases
        return np.array(rows)

    def elaborate(self, platform: object) -> Module:
        m, of = Module(), self._of
        climbs = lookup(self.phase, [int(of.steps(phase)) for phase in range(of.phases)], 1)
        passes = lookup(self.phase, [int(of.passes(phase)) for phase in range(of.phases)], 1)
        m.d.comb += [self.next_group.eq(self.group), self.next_phase.eq(self.phase)]
        m.d.sync += [self.group.eq(self.next_group), self.phase.eq(self.next_phase)]
        with m.If(self.restart):
            m.d.comb += [self.next_group.eq(0), self.next_phase.eq(0)]
            m.d.sync += self.base.eq(0)
        with m.Elif(self.step):
            m.d.comb += [
                self.next_group.eq(self.group + passes),
                self.next_phase.eq(Mux(self.phase == of.phases - 1, 0, self.phase + 1)),
            ]
            m.d.sync += self.base.eq(self.base + climbs)
        return m


class BankCounter(wiring.Component):
    """The bank, n mod ``banks``, of the sample that entered ``lag`` junction cycles ago.

    Latency 0. The first junction cycle only loads sample 0: then sample -1 - lag is at work.

    Ports
    -----
    advance : in, 1
        Begins a junction cycle.
    bank : out, bits(banks)
        Of the sample at work in the present cycle.
    """

    advance: Signal
    bank: Signal

    def __init__(self, banks: int, lag: int) -> None:
        self._banks, self._lag = banks, lag
        super().__init__({"advance": In(1), "bank": Out(range(banks))})

    latency = 0

    def model(self, cycles: int) -> np.ndarray:
        """int64 [cycles]: the bank after each advance."""
        return (np.arange(cycles) - 1 - self._lag) % self._banks

    def elaborate(self, platform: object) -> Module:
        m = Module()
        now = Signal(range(self._banks), init=(-2 - self._lag) % self._banks)
        m.d.comb += self.bank.eq(now)
        with m.If(self.advance):
            m.d.sync += now.eq(Mux(now == self._banks - 1, 0, now + 1))
        return m


def slot_group(m: Module, of: Interleaving, group: Any, phase: Any, slot: int) -> Any:
    """The group of the neuron in a slot: that of the clock's first neuron, or the next one."""
    leads = [int(of.leads(p, slot)) for p in range(of.phases)]
    if not any(leads):
        return group
    result = Signal(range(of.groups), name=f"group_of_slot_{slot}")
    m.d.comb += result.eq(group + lookup(phase, leads, 1))
    return result


def slot_groups(m: Module, of: Interleaving, group: Any, phase: Any) -> Value:
    """The groups of all slots side by side, or, where a clock's neurons are always of one group, that."""
    return Cat(slot_group(m, of, group, phase, k) for k in range(of.per_clock)) if of.walk else Value.cast(group)


def ended(j: JunctionPlan, enable: Value, phase: Any) -> Value:
    """An enable for the right neurons that end in a row: one for each slot, where the rows differ."""
    if not j.straddles:
        return enable
    return Cat(enable & lookup(phase, j.routing.ends(k), 1) for k in range(j.results_per_clock))
