"""Counters: where in an interleaved layer the neurons of a clock lie, and which bank a sample has."""

import numpy as np
from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.blocks.choose import lookup
from rtl.plan.interleaving import Interleaving


class PositionCounter(wiring.Component):
    """Walks the groups of an interleaved layer.

    Latency 0: the outputs name the present group; a step takes effect in the next clock. One step per clock.

    Ports
    -----
    restart : in, 1
        Go to the first group; wins over ``step``.
    step : in, 1
        Go to the next group.
    group : out, bits(groups)
        Number of the group.
    base : out, bits(depth)
        Address of its first neuron.
    phase : out, bits(phases)
        Where its neurons lie (:class:`rtl.plan.interleaving.Interleaving`).
    """

    restart: Signal
    step: Signal
    group: Signal
    base: Signal
    phase: Signal

    def __init__(self, interleaving: Interleaving) -> None:
        self._of = interleaving
        super().__init__(
            {
                "restart": In(1),
                "step": In(1),
                "group": Out(range(interleaving.groups)),
                "base": Out(range(interleaving.depth)),
                "phase": Out(range(interleaving.phases)),
            }
        )

    latency = 0

    def model(self) -> np.ndarray:
        """int64 [groups, 3]: group, base and phase, step by step."""
        of, g = self._of, np.arange(self._of.groups)
        return np.stack([g, g * of.per_clock // of.memories, g % of.phases], 1)

    def elaborate(self, platform: object) -> Module:
        m, of = Module(), self._of
        climbs = lookup(self.phase, [int(of.steps(phase)) for phase in range(of.phases)], 1)
        with m.If(self.restart):
            m.d.sync += [self.group.eq(0), self.base.eq(0), self.phase.eq(0)]
        with m.Elif(self.step):
            m.d.sync += [
                self.group.eq(self.group + 1),
                self.base.eq(self.base + climbs),
                self.phase.eq(Mux(self.phase == of.phases - 1, 0, self.phase + 1)),
            ]
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
