"""The top module of a bitstream: clock, reset, accelerator, lights, and the pins' polarities."""

from collections.abc import Iterable, Mapping

from amaranth.hdl import ClockDomain, ClockSignal, Const, Instance, Module, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer, ResetSynchronizer
from amaranth.lib.wiring import In, Out

from rtl.boards.clocks import Clocking
from rtl.boards.lights import Lights, tick_bits
from rtl.ports.interface_table import CAUSES

TOP = "_board"  # which begins like no module of a design
CLOCK, BUTTON, RX, TX = "clock", "button", "rx", "tx"
"""Its ports, beside one ``light_<name>`` for each light and one ``held_<n>`` for each pin that is only held."""


class BoardTop(wiring.Component):
    """What is around an accelerator with a serial line.

    The accelerator stands in reset until its clock is steady and the button is not pressed.

    Parameters
    ----------
    design
        Name of the accelerator's top module.
    clocking
        How its clock is made.
    lights
        Names of those of :class:`rtl.boards.lights.Lights` that the board has.
    held
        Levels of pins that are only held, by port.
    inverted
        Ports whose pins have the opposite level: buttons to ground, lamps to the supply.

    Ports
    -----
    clock : in, 1
        The oscillator.
    button : in, 1
        Resets while pressed.
    rx : in, 1
        The line from the host, asynchronous; idle is 1.
    tx : out, 1
        The line to it.
    light_<name> : out, 1
        One for each light.
    <held> : out, 1
        One for each pin that is only held.
    """

    def __init__(
        self, design: str, clocking: Clocking, lights: Iterable[str], held: Mapping[str, int], inverted: Iterable[str]
    ) -> None:
        self._design, self._clocking, self._held = design, clocking, dict(held)
        self._lights, self._inverted = tuple(lights), frozenset(inverted)
        outputs = [TX, *(light_port(name) for name in self._lights), *self._held]
        super().__init__(dict.fromkeys((CLOCK, BUTTON, RX), In(1)) | dict.fromkeys(outputs, Out(1)))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.sync = ClockDomain()
        ticks, locked = Signal(), Signal()
        self._clocking.build(m, self.clock, ticks, locked)
        m.d.comb += ClockSignal().eq(ticks)
        waits = Signal()
        m.d.comb += waits.eq(self._level(BUTTON) | ~locked)
        m.submodules.reset = ResetSynchronizer(waits, stages=3)
        m.submodules.lights = lights = Lights(tick_bits(self._clocking.frequency))
        causes = Signal(CAUSES)
        m.submodules.design = Instance(
            self._design,
            i_clk=ClockSignal(),
            i_rst=ResetSignal(),
            i_rx=self.rx,
            o_tx=self.tx,
            o_causes=causes,
        )
        m.submodules.calm = FFSynchronizer(self.rx, lights.rx, init=1)  # the accelerator has its own
        m.d.comb += [lights.tx.eq(self.tx), lights.causes.eq(causes)]
        for name in self._lights:
            port = light_port(name)
            m.d.comb += getattr(self, port).eq(getattr(lights, name) ^ (port in self._inverted))
        m.d.comb += [getattr(self, port).eq(Const(level, 1)) for port, level in self._held.items()]
        return m

    def _level(self, port: str):  # type: ignore[no-untyped-def]
        value = getattr(self, port)
        return ~value if port in self._inverted else value


def light_port(name: str) -> str:
    """The port of a light."""
    return f"light_{name}"
