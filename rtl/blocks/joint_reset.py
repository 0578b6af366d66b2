"""Two clock domains that are reset together, whichever of them is asked to be."""

from typing import Any

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.blocks.properties import Monitor, implies
from rtl.blocks.synchroniser import Synchroniser, SynchroniserModel


class JointReset(wiring.Component):
    """Resets both sides of what lies between a bus and a core, one by one, so that neither works on the other's past.

    The bus is closed first; then the core is held, then the bus's side of the queues, whose counts nobody heeds by now; then
    the core is released, and the bus is opened when that is known. A reset of one clock is enough on either side, and one
    that comes meanwhile is part of it or begins it anew. Both clocks must run for it to come to its end.

    Parameters
    ----------
    bus, core
        Domains; neither has a reset of its own.

    Ports
    -----
    bus_reset : in, 1
        Asks for a reset, at the bus's clock.
    core_reset : in, 1
        Asks for a reset, at the core's clock.
    closed : out, 1
        Nothing may pass the bus's ports.
    bus_held : out, 1
        Reset of what is behind them at the bus's clock.
    core_held : out, 1
        Reset of what is at the core's clock.
    """

    latency = 1
    """Clocks from ``bus_reset`` to ``closed``; one of the core and three of the bus from ``core_reset``. Once nobody asks
    any more, the bus is open again before 12 clocks of each have passed, one after the other."""

    def __init__(self, bus: str = "bus", core: str = "core") -> None:
        self.bus, self.core = bus, core
        self.ordered = Synchroniser(1, bus, core, init=1)
        self.obeyed, self.asked = Synchroniser(1, core, bus, init=1), Synchroniser(1, core, bus)
        self._cleared = Signal(name="cleared")
        ports = {"bus_reset": In(1), "core_reset": In(1), "closed": Out(1), "bus_held": Out(1)}
        super().__init__(ports | {"core_held": Out(1, init=1)})

    def model(self) -> "JointResetModel":
        """Both sides at power-up, to be taken from edge to edge."""
        return JointResetModel()

    def elaborate(self, platform: object) -> Module:
        m, held, obeys = Module(), self.bus_held, self.core_held
        m.submodules.ordered, m.submodules.obeyed, m.submodules.asked = self.ordered, self.obeyed, self.asked
        orders, settled, asks = self.ordered.i, self.obeyed.i, self.asked.i
        wanted = self.bus_reset | self.asked.o
        m.d.comb += self.closed.eq(orders | held | self.obeyed.o)
        # The core's counts are 0 a clock behind ``obeys``, and known here no later than that it has settled.
        m.d[self.bus] += [held.eq(orders & self.obeyed.o), self._cleared.eq(held)]
        with m.If(orders):
            m.d[self.bus] += orders.eq(wanted | ~self._cleared)
        with m.Else():
            # Not before the core is known to be released: else what is known of it may be of the time before.
            m.d[self.bus] += orders.eq(wanted & ~self.obeyed.o)
        m.d[self.core] += [obeys.eq(self.ordered.o), settled.eq(obeys), asks.eq(self.core_reset | (asks & ~obeys))]
        return m

    def properties(self, p: Monitor, w_tick: Value, r_tick: Value) -> None:
        """Each side does what the other is ready for; the bus ticks with ``w_tick``, the core with ``r_tick``."""
        m = p.module
        reset, opened = Signal(2, init=3, name="reset_bus_core"), Signal(name="opened")
        # Which of both have been reset, at power-up or by an edge of their own, since the bus was open.
        with m.If(~self.closed):
            m.d.sync += reset.eq(0)
        for side, at_edge in enumerate((w_tick & self.bus_held, r_tick & self.core_held)):
            with m.If(self.closed & at_edge):
                m.d.sync += reset[side].eq(1)
        was_held, core_was_held = p.past(self.bus_held, "bus_was_held"), p.past(self.core_held, "core_was_held")
        p.require("closed_first", "nothing is reset while the bus is open", ~(self.core_held | self.bus_held) | self.closed)
        p.require(
            "core_first",
            "the bus's side is reset when the core's side has been, and is still held",
            implies(self.bus_held & ~was_held, self.core_held & reset[1]),
        )
        p.require(
            "both", "the core goes on when both have been reset", implies(core_was_held & ~self.core_held, reset.all())
        )
        opens = p.past(self.closed, "was_closed") & ~self.closed
        p.require("opens_last", "the bus opens when the core goes on", implies(opens, ~core_was_held & ~self.bus_held))
        m.d.sync += opened.eq(opened | ~self.closed)
        p.reach("again", "a bus that was open is closed, and both sides are reset", opened & self.closed & reset.all())


class JointResetModel:
    """A :class:`JointReset`, from edge to edge; changes are never caught late."""

    def __init__(self) -> None:
        self._orders, self._obeys, self._settled, self._asks = 1, 1, 1, 0
        self._held = self._cleared = 0
        self._ordered, self._obeyed, self._asked = SynchroniserModel(1), SynchroniserModel(1), SynchroniserModel(0)

    def clock(self, *, w_tick: int = 0, r_tick: int = 0, bus_reset: int = 0, core_reset: int = 0) -> dict[str, Any]:
        """Outputs; then edges of the clocks that tick, the bus's with ``w_tick`` and the core's with ``r_tick``."""
        closed = self._orders or self._held or self._obeyed.o
        result = {"closed": int(bool(closed)), "bus_held": self._held, "core_held": self._obeys}
        orders, obeys, settled, asks = self._orders, self._obeys, self._settled, self._asks
        if w_tick:
            wanted = bus_reset or self._asked.o
            finished = self._cleared if orders else self._obeyed.o
            self._orders = int(bool((wanted or not finished) if orders else (wanted and not finished)))
            self._cleared, self._held = self._held, int(orders and self._obeyed.o)
            self._obeyed.edge(settled)
            self._asked.edge(asks)
        if r_tick:
            self._asks = int(bool(core_reset or (asks and not obeys)))
            self._settled, self._obeys = obeys, self._ordered.o
            self._ordered.edge(orders)
        return result
