"""The walk over a junction's weight rows."""

import numpy as np
from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.blocks.choose import lookup
from rtl.blocks.properties import Monitor, implies
from rtl.control.position import PositionCounter
from rtl.plan.plan import JunctionPlan


class Sequencer(wiring.Component):
    """Row, sweep and right neurons of every clock of a pass.

    Latency one clock: the pass begins in the clock after ``advance``; one row per clock. All outputs but ``active`` are
    meaningless while nothing is active.

    Ports
    -----
    advance : in, 1
        Begins a junction cycle.
    active : out, 1
        A row is there.
    row : out, bits(C)
        Weight row.
    sweep : out, bits(d_out)
        Sweep.
    step : out, bits(D)
        Clock of the sweep.
    first : out, 1
        First sweep: every left neuron is met for the first time.
    begins : out, 1
        The row holds the first edges of its right neurons.
    ends : out, 1
        The row holds the last edges of its right neurons.
    group : out, bits(G)
        Which right neurons those are: their group.
    base : out, bits(D_next)
        Address of the first of them in the right layer's memories.
    phase : out, bits(phases)
        Where they lie (:class:`rtl.plan.interleaving.Interleaving`).
    """

    def __init__(self, j: JunctionPlan) -> None:
        self._j, self._part = j, Signal(range(j.rows_per_neuron))
        right = j.right
        super().__init__(
            {
                "advance": In(1),
                "active": Out(1),
                "row": Out(range(j.rows)),
                "sweep": Out(range(j.d_out)),
                "step": Out(range(j.depth)),
                "first": Out(1),
                "begins": Out(1),
                "ends": Out(1),
                "group": Out(range(right.groups)),
                "base": Out(range(right.depth)),
                "phase": Out(range(right.phases)),
            }
        )

    latency = 1

    def model(self) -> dict[str, np.ndarray]:
        """All outputs, int64 [C] each, over a pass."""
        j, c = self._j, np.arange(self._j.rows)
        position = PositionCounter(j.right).model()[c // j.rows_per_neuron]
        return {
            "row": c,
            "sweep": c // j.depth,
            "step": c % j.depth,
            "first": (c < j.depth).astype(np.int64),
            "begins": (c % j.rows_per_neuron == 0).astype(np.int64),
            "ends": ((c + 1) % j.rows_per_neuron == 0).astype(np.int64),
            "group": position[:, 0],
            "base": position[:, 1],
            "phase": position[:, 2],
        }

    def properties(self, p: Monitor) -> None:
        """A pass is the model's, row by row."""
        rows, model = self._j.rows, self.model()
        at, running = Signal(range(rows), name="at"), Signal(name="running")
        last = at == rows - 1
        with p.module.If(self.advance):
            p.module.d.sync += [at.eq(0), running.eq(1)]
        with p.module.Elif(running):
            p.module.d.sync += [at.eq(Mux(last, 0, at + 1)), running.eq(~last)]
        p.assume(
            "advance", "a pass begins when the one before is in its last row or over", implies(self.advance, ~running | last)
        )
        p.require("active", f"a pass has {rows} rows, one in every clock", self.active == running)
        parts = [row % self._j.rows_per_neuron for row in range(rows)]
        p.require(
            "part",
            "rows of a neuron are counted",
            implies(running, self._part == lookup(at, parts, max(len(self._part), 1))),
        )
        for name, values in model.items():
            port = getattr(self, name)
            p.require(
                name, f"{name} is that of the row", implies(running, port == lookup(at, values.tolist(), max(len(port), 1)))
            )
        p.reach("second_row", "a pass goes on", running & (at == min(1, rows - 1)))

    def elaborate(self, platform: object) -> Module:
        m, j = Module(), self._j
        m.submodules.position = position = PositionCounter(j.right)
        part, last_step = self._part, Signal()
        m.d.comb += [
            last_step.eq(self.step == j.depth - 1),
            self.first.eq(self.sweep == 0),
            self.begins.eq(part == 0),
            self.ends.eq(part == j.rows_per_neuron - 1),
            position.restart.eq(self.advance),
            position.step.eq(self.active & self.ends),
            self.group.eq(position.group),
            self.base.eq(position.base),
            self.phase.eq(position.phase),
        ]
        with m.If(self.advance):
            m.d.sync += [self.active.eq(1), self.row.eq(0), self.sweep.eq(0), self.step.eq(0), part.eq(0)]
        with m.Elif(self.active):
            m.d.sync += [
                self.active.eq(self.row != j.rows - 1),
                self.row.eq(self.row + 1),
                self.step.eq(Mux(last_step, 0, self.step + 1)),
                self.sweep.eq(self.sweep + last_step),
                part.eq(Mux(self.ends, 0, part + 1)),
            ]
        return m
