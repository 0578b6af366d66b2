"""Two registers between two clocks."""

from typing import Any

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class Synchroniser(wiring.Component):
    """Brings bits that change in one clock domain into another one: what the first register cannot decide, it has by then.

    A bit that changes close to an edge is caught at that edge or at the next one. Bits that change together may be caught
    at different edges: a word must change in one bit at a time.

    Parameters
    ----------
    source, to
        Domains.
    init
        What all bits are after the reset of either domain.

    Ports
    -----
    i : in, width
        Of a register.
    o : out, width
        The second register.

    Attributes
    ----------
    first
        The first register.
    """

    latency = 2
    """Clocks of the domain into which it leads, and another one if a change is caught late."""

    def __init__(self, width: int, source: str, to: str, init: int = 0) -> None:
        self.source, self.to, self.init = source, to, init
        # Nothing may come between the two registers, and each of them stays one.
        attributes = {"ASYNC_REG": "TRUE", "altera_attribute": "-name SYNCHRONIZER_IDENTIFICATION FORCED"}
        super().__init__({"i": In(width, init=init), "o": Out(width, init=init)})
        self.first, self._second = (Signal(width, init=init, name=name, attrs=attributes) for name in ("first", "second"))

    def model(self) -> "SynchroniserModel":
        """The registers after reset, to be taken edge by edge."""
        return SynchroniserModel(self.init)

    def elaborate(self, platform: Any) -> Module:
        m, caught = Module(), Value.cast(self.i)
        if hasattr(platform, "get_caught"):  # a proof, in which it may be anything that a register can make of it
            caught = platform.get_caught(m, self)
        m.d[self.to] += [self.first.eq(caught), self._second.eq(self.first)]
        m.d.comb += self.o.eq(self._second)
        return m


class SynchroniserModel:
    """A :class:`Synchroniser` that decides at once."""

    def __init__(self, init: Any = 0) -> None:
        self._first = self.o = init

    def edge(self, i: Any) -> None:
        """An edge of the domain into which it leads."""
        self._first, self.o = i, self._first
