"""Results in whole groups, where rows end in the middle of neurons and of groups."""

from typing import Any

import numpy as np
from amaranth.hdl import Const, Module, Mux, Shape, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from rtl.blocks.choose import lookup
from rtl.blocks.delay import delayed
from rtl.plan.plan import JunctionPlan


class Gathering(wiring.Component):
    """Keeps the results of a row until their group is complete.

    Latency 0 from a group's last neuron to the group. q neurons end in the last row of a pass; if the last group is short,
    the one before is complete then, too, and the last follows a clock later (``late``). The first row of the next pass
    completes none.

    Ports
    -----
    valid : in, 1
        Neurons are there.
    ends : in, 1
        They are the sample's last ones.
    phase : in, bits(routes)
        In which slots they are (:class:`rtl.plan.routing.Routing`).
    given : in, q * word
        Their words, by slot.
    full : out, 1
        A group is complete.
    last : out, 1
        It is the sample's last one.
    taken : out, q * word
        Its words; those of neurons that the layer does not have mean nothing.
    """

    def __init__(self, j: JunctionPlan, word: Shape) -> None:
        self._j, self._phases = j, range(j.routing.phases)
        self.late = j.late
        words = data.ArrayLayout(word, j.results_per_clock)
        super().__init__(
            {
                "valid": In(1),
                "ends": In(1),
                "phase": In(self._phases),
                "given": In(words),
                "full": Out(1),
                "last": Out(1),
                "taken": Out(words),
            }
        )

    latency = 0

    def model(self, words: np.ndarray) -> np.ndarray:
        """[G, q] of a sample's words [N], zeros behind the last."""
        groups = np.zeros((self._j.groups, self._j.results_per_clock), np.int64)
        groups.flat[: self._j.n_right] = words
        return groups

    def elaborate(self, platform: object) -> Module:
        m, j, right = Module(), self._j, self._j.right
        whole = Signal()
        after, last = Const(0), self.valid & self.ends
        m.d.comb += whole.eq(self.valid & lookup(self.phase, [int(right.passes(p)) for p in self._phases], 1))
        if self.late:
            after = last = delayed(m, last, 1, "ending", valid=True)
        m.d.comb += [self.full.eq(whole | after), self.last.eq(last)]
        kept: Any = Signal(self.given.shape(), reset_less=True)
        for k in range(j.results_per_clock):
            here = lookup(self.phase, j.routing.ends(k), 1)
            leads = lookup(self.phase, [int(right.leads(p, k)) for p in self._phases], 1)
            with m.If(self.valid & here):
                m.d.sync += kept[k].eq(self.given[k])
            m.d.comb += self.taken[k].eq(Mux(here & ~leads & ~after, self.given[k], kept[k]))
        return m
