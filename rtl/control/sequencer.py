"""The walk over a junction's weight rows."""

import numpy as np
from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.blocks.choose import lookup
from rtl.blocks.properties import Monitor, implies
from rtl.blocks.registers import free_of_reset
from rtl.control.position import PositionCounter
from rtl.plan.plan import JunctionPlan


class Sequencer(wiring.Component):
    """Row, sweep and right neurons of every clock of a pass.

    Latency one clock: the pass begins in the clock after ``advance``; one row per clock, or in as many clocks as it takes
    (:class:`hwsim.schedule.passes.JunctionSchedule`). Only passes that consist of sweeps have ``sweep``, ``step`` and
    ``first``. All outputs but ``active`` are
    meaningless while nothing is active.

    Ports
    -----
    advance : in, 1
        Begins a junction cycle.
    active : out, 1
        A row is there.
    row : out, bits(C)
        Weight row.
    clock : out, bits(K)
        Clock of the pass: the row, unless rows take several clocks.
    complete : out, 1
        The last clock of the row.
    sweep : out, bits(d_out)
        Sweep.
    step : out, bits(D)
        Clock of the sweep.
    first : out, 1
        First sweep: every left neuron is met for the first time.
    begins : out, 1
        The row's first lane holds the first edge of its right neuron.
    ends : out, 1
        The row holds last edges of right neurons.
    group : out, bits(G)
        Group of the first lane's right neuron.
    base : out, bits(D_next)
        Its address in the right layer's memories.
    next_row : out, bits(C)
        The row of the next clock.
    next_group : out, bits(G)
        Its group.
    next_phase : out, bits(phases)
        Its phase.
    phase : out, bits(phases)
        Where the row's right neurons lie (:class:`rtl.plan.interleaving.Interleaving`), and where they straddle rows, which
        lanes are theirs (:class:`rtl.plan.routing.Routing`).
    """

    def __init__(self, j: JunctionPlan) -> None:
        self._j, self._part = j, Signal(range(j.rows_per_neuron), name="part", reset_less=True)
        right = j.right
        super().__init__(
            {
                "advance": In(1),
                "active": Out(1),
                "row": Out(range(j.rows)),
                "clock": Out(range(j.clocks)),
                "complete": Out(1),
                "sweep": Out(range(j.d_out)),
                "step": Out(range(j.depth)),
                "first": Out(1),
                "begins": Out(1),
                "ends": Out(1),
                "group": Out(range(right.groups)),
                "base": Out(range(right.depth)),
                "phase": Out(range(right.phases)),
                "next_row": Out(range(j.rows)),
                "next_group": Out(range(right.groups)),
                "next_phase": Out(range(right.phases)),
            }
        )
        free_of_reset(self, "row", "sweep", "step", *(["clock"] if j.stalls else []))

    latency = 1

    def model(self) -> dict[str, np.ndarray]:
        """All outputs, int64 [K] each, over a pass."""
        j, c = self._j, self._j.schedule.row
        position = PositionCounter(j.right).model()[c // j.rows_per_neuron]
        edges = c * j.z
        swept = c if j.sweeps else np.zeros_like(c)
        return {
            "row": c,
            "clock": np.arange(j.clocks),
            "complete": j.completes.astype(np.int64),
            "sweep": swept // j.depth,
            "step": swept % j.depth,
            "first": (j.sweeps & (swept < j.depth)).astype(np.int64),
            "begins": (edges % j.d_in == 0).astype(np.int64),
            "ends": ((edges + j.z) // j.d_in > edges // j.d_in).astype(np.int64),
            "group": position[:, 0],
            "base": position[:, 1],
            "phase": position[:, 2],
        }

    def properties(self, p: Monitor) -> None:
        """A pass is the model's, clock by clock."""
        clocks, model = self._j.clocks, self.model()
        at, running = Signal(range(clocks), name="at"), Signal(name="running")
        last = at == clocks - 1
        with p.module.If(self.advance):
            p.module.d.sync += [at.eq(0), running.eq(1)]
        with p.module.Elif(running):
            p.module.d.sync += [at.eq(Mux(last, 0, at + 1)), running.eq(~last)]
        p.assume(
            "advance",
            "a pass begins when the one before is in its last clock or over",
            implies(self.advance, ~running | last),
        )
        p.require("active", f"a pass has {clocks} clocks, a row in every one", self.active == running)
        parts = (model["row"] % self._j.rows_per_neuron).tolist()
        p.require(
            "part",
            "rows of a neuron are counted",
            implies(running, self._part == lookup(at, parts, max(len(self._part), 1))),
        )
        for name, values in model.items():
            port = getattr(self, name)
            p.require(
                name,
                f"{name} is that of the clock",
                implies(running, port == lookup(at, values.tolist(), max(len(port), 1))),
            )
        p.reach("second_clock", "a pass goes on", running & (at == min(1, clocks - 1)))

    def elaborate(self, platform: object) -> Module:
        m, j = Module(), self._j
        m.submodules.position = position = PositionCounter(j.right)
        part = self._part
        begins, ends = part == 0, part == j.rows_per_neuron - 1
        if j.straddles:
            of = j.routing
            begins = lookup(self.phase, [int(of.offset(p) == 0) for p in range(of.phases)], 1)
            ends = lookup(self.phase, [int(len(of.ended(p)) > 0) for p in range(of.phases)], 1)
        complete = lookup(self.clock, j.completes.astype(int).tolist(), 1)
        m.d.comb += [
            self.complete.eq(complete),
            self.begins.eq(begins),
            self.ends.eq(ends),
            position.restart.eq(self.advance),
            # Where neurons straddle rows, every row has a phase of its own.
            position.step.eq(complete & (1 if j.straddles else self.ends)),
            self.group.eq(position.group),
            self.base.eq(position.base),
            self.phase.eq(position.phase),
            self.next_row.eq(self.row),
            self.next_group.eq(position.next_group),
            self.next_phase.eq(position.next_phase),
        ]
        m.d.sync += self.row.eq(self.next_row)
        goes_on = [part.eq(Mux(self.ends, 0, part + 1))]
        if j.sweeps:
            last_step = Signal()
            m.d.comb += [last_step.eq(self.step == j.depth - 1), self.first.eq(self.sweep == 0)]
            goes_on += [self.step.eq(Mux(last_step, 0, self.step + 1)), self.sweep.eq(self.sweep + last_step)]
        # What the counters say after a pass means nothing, so that they need not be held.
        with m.If(self.advance):
            m.d.comb += self.next_row.eq(0)
            m.d.sync += [self.active.eq(1), self.sweep.eq(0), self.step.eq(0), part.eq(0)]
        with m.Else():
            m.d.sync += self.active.eq(self.active & (self.clock != j.clocks - 1))
            with m.If(complete):
                m.d.comb += self.next_row.eq(self.row + 1)
                m.d.sync += goes_on
        if j.stalls:
            m.d.sync += self.clock.eq(Mux(self.advance, 0, self.clock + 1))
        else:
            m.d.comb += self.clock.eq(self.row)
        return m
