"""What the lights of a board show, long enough for a person to see it."""

from fractions import Fraction
from math import floor, log2

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.ports.interface_table import CAUSES, DRAINED, ERROR, RESULT

STAYS = 3
"""Ticks for which a light stays on, less up to one: 1/32 to 3/32 s."""
_SLOW, _FAST = 5, 2
"""Bits of the count of ticks that blink once in 1 to 2 s, and once in 1/8 to 1/4 s."""


def tick_bits(megahertz: Fraction) -> int:
    """Bits of a counter that overflows 32 to 64 times a second."""
    return max(1, floor(log2(megahertz * 10**6 / 32)))


class Lights(wiring.Component):
    """Lights of an accelerator on a serial line; each follows what it shows by one clock and stays on for a moment.

    Parameters
    ----------
    bits
        Of the counter of clocks; when it overflows, that is a tick.

    Ports
    -----
    rx : in, 1
        The line to the accelerator, in step with the clock; idle is 1.
    tx : in, 1
        The line from it.
    causes : in, 3
        Whether a result waits, no sample waits or is under way, something was wrong (:mod:`rtl.ports.interface_table`).
    alive : out, 1
        Blinks slowly, and fast while samples wait or are under way.
    busy : out, 1
        Samples wait or are under way.
    result : out, 1
        A result waits.
    error : out, 1
        A packet was dropped, a sample not trained on or a request refused, until the host clears that.
    line : out, 1
        Something comes or goes on the line.
    """

    latency = 1
    """Clocks from what is shown to its light."""

    def __init__(self, bits: int) -> None:
        self._bits = bits
        lights = dict.fromkeys(("alive", "busy", "result", "error", "line"), Out(1))
        super().__init__({"rx": In(1), "tx": In(1), "causes": In(CAUSES), **lights})

    def model(self) -> "LightsModel":
        """The lights after reset, to be taken clock by clock."""
        return LightsModel(self._bits)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        time = Signal(self._bits + _SLOW + 1)
        tick = Signal()
        m.d.sync += time.eq(time + 1)
        m.d.comb += tick.eq(time[: self._bits].all())
        shown = {
            "busy": ~self.causes[DRAINED],
            "result": self.causes[RESULT],
            "error": self.causes[ERROR],
            "line": ~(self.rx & self.tx),
        }
        for name, event in shown.items():
            left = Signal(range(STAYS + 1), name=f"{name}_left")
            with m.If(event):
                m.d.sync += left.eq(STAYS)
            with m.Elif(tick & left.any()):
                m.d.sync += left.eq(left - 1)
            m.d.comb += getattr(self, name).eq(left.any())
        m.d.comb += self.alive.eq(Mux(self.busy, time[self._bits + _FAST], time[self._bits + _SLOW]))
        return m


class LightsModel:
    """The :class:`Lights`, clock by clock."""

    def __init__(self, bits: int) -> None:
        self._tick, self._time = 1 << bits, 0
        self._left = dict.fromkeys(("busy", "result", "error", "line"), 0)

    def clock(self, rx: int, tx: int, causes: int) -> dict[str, int]:
        """Outputs of a clock with these inputs."""
        result = {name: int(left > 0) for name, left in self._left.items()}
        ticks = self._time // self._tick
        result["alive"] = ticks // (4 if result["busy"] else 32) % 2
        ends = self._time % self._tick == self._tick - 1
        events = {"result": causes & 1, "busy": not causes >> 1 & 1, "error": causes >> 2 & 1, "line": not (rx and tx)}
        for name, event in events.items():
            self._left[name] = STAYS if event else max(0, self._left[name] - ends)
        self._time += 1
        return result
