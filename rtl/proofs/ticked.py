"""What lies between two clocks, as something with one clock: in every step of it each of the two ticks, or does not."""

from typing import Any

from amaranth.hdl import DomainRenamer, EnableInserter, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.blocks.properties import Monitor


class Ticked(wiring.Component):
    """A component with the domains ``write`` and ``read``, whose edges are inputs: so they can come in any order.

    A proof of it is one for all clocks, of any ratio, phase and jitter.

    Ports
    -----
    w_tick : in, 1
        The step is an edge of ``write``.
    r_tick : in, 1
        It is one of ``read``.
    part : out, interface signature
        The component's ports.
    """

    latency = 0
    """More steps than the part's clocks."""

    def __init__(self, part: Any) -> None:
        super().__init__({"w_tick": In(1), "r_tick": In(1), "part": Out(part.signature)})
        self.part = part

    def model(self) -> "TickedModel":
        """The part's model, by the names of the ports here."""
        return TickedModel(self.part.model())

    def properties(self, p: Monitor) -> None:
        """What the part states."""
        self.part.properties(p, self.w_tick, self.r_tick)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        ticks = EnableInserter({"write": self.w_tick, "read": self.r_tick})
        m.submodules.part = DomainRenamer({"write": "sync", "read": "sync"})(ticks(self.part))
        return m


class TickedModel:
    """A part's model, from step to step."""

    def __init__(self, part: Any) -> None:
        self._part = part

    def clock(self, **inputs: Any) -> dict[str, Any]:
        """Outputs of a step with these inputs."""
        told = self._part.clock(**{name.removeprefix("part_"): value for name, value in inputs.items()})
        return {f"part_{name}": value for name, value in told.items()}
