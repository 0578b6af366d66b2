"""What a board is: its FPGA, and where clock, button, serial line and lights are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from rtl.boards import pins
from rtl.boards.clocks import Clocking, Settings
from rtl.boards.pins import Pin, Place
from rtl.boards.top import BUTTON, CLOCK, RX, TX, light_port
from rtl.synthesis.targets import Target


@dataclass(frozen=True)
class Board:
    """A board.

    Attributes
    ----------
    name
        On the command line.
    title
        What it is called.
    target
        Its FPGA.
    clock
        MHz of the accelerator if nothing else is asked for.
    """

    name: str
    title: str
    target: Target
    clock: float

    @property
    def built(self) -> bool:
        """Whether open tools make its bitstream; else it is described for the vendor's."""
        return self.target.family.packer is not None


@dataclass(frozen=True)
class SerialBoard(Board):
    """A board whose pins are ours, and whose host is at the other end of a serial line.

    Attributes
    ----------
    platform
        Makes its description in Amaranth's terms.
    settings
        Of its PLL (:mod:`rtl.boards.pll`).
    write
        Writes constraints.
    button
        That resets.
    lights
        Where the lights of :class:`rtl.boards.lights.Lights` are, by their names.
    held
        Pins that are only held, and at which level.
    baud
        Bits per second on the line if nothing else is asked for.
    wired
        Where the line is, in words.
    flash
        What to do, and the commands for it.
    packing
        Options of the tool that makes the bitstream.
    port
        What the line is called on a computer with Linux and nothing else at its sockets.
    """

    platform: Callable[[], Any]
    settings: Settings
    write: pins.Writer
    button: Place
    lights: Mapping[str, Place]
    baud: int
    wired: str
    flash: Mapping[str, tuple[str, ...]]
    held: Mapping[Place, int] = field(default_factory=dict)
    packing: tuple[str, ...] = ()
    port: str = "/dev/ttyUSB0"

    @property
    def source(self) -> Fraction:
        """MHz of its oscillator."""
        found = self.pins[CLOCK].megahertz
        assert found is not None
        return found

    @property
    def pins(self) -> dict[str, Pin]:
        """By the ports of :class:`rtl.boards.top.BoardTop`."""
        platform = self.platform()
        ticks = pins.find(platform, (platform.default_clk, 0))
        places = {BUTTON: self.button, RX: ("uart", 0, "rx"), TX: ("uart", 0, "tx")}
        places |= {light_port(name): place for name, place in self.lights.items()}
        places |= dict(zip(self.levels, self.held, strict=True))
        return {CLOCK: ticks} | {port: pins.find(platform, place) for port, place in places.items()}

    @property
    def levels(self) -> dict[str, int]:
        """Of the pins that are only held, by port."""
        return {f"held_{n}": level for n, level in enumerate(self.held.values())}

    @property
    def constraints(self) -> str:
        """For its tools."""
        return self.write(self.pins)

    def clocking(self, megahertz: float) -> Clocking:
        """How a clock is made on it; raises what :func:`rtl.boards.pll.choose` does."""
        return Clocking.of(self.settings, self.source, megahertz)


@dataclass(frozen=True)
class ProcessorBoard(Board):
    """A board whose FPGA holds the host, a processor that reaches the accelerator through AXI.

    Attributes
    ----------
    part
        The FPGA as Vivado calls it.
    """

    part: str
