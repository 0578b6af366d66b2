"""What is to be built for a board, before the configuration is known: clock, serial line, options of the tools."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from models.errors import ArgumentError
from rtl.boards.board import Board, SerialBoard
from rtl.boards.boards import board
from rtl.boards.clocks import Clocking
from rtl.boards.line import Line
from rtl.synthesis.flow import Options


@dataclass(frozen=True)
class Build:
    """What is to be built.

    Attributes
    ----------
    clock
        MHz that were asked for.
    clocking, line
        How that is made, and the serial line; ``None`` where a processor in the FPGA gives the clock.
    """

    board: Board
    clock: float
    clocking: Clocking | None = None
    line: Line | None = None

    @classmethod
    def of(cls, name: str, clock: float | None, baud: int | None) -> "Build":
        """For the board of this name.

        Parameters
        ----------
        clock
            MHz of the accelerator; ``None`` for the board's own.
        baud
            Bits per second on the line; ``None`` for as many as fit.

        Raises
        ------
        InputError
            If there is no such board, or it cannot have that.
        """
        found = board(name)
        asked = found.clock if clock is None else clock
        if not 0 < asked < 10_000:
            raise ArgumentError("megahertz", clock, "must be a number of MHz above 0")
        if isinstance(found, SerialBoard):
            clocking = found.clocking(asked)
            return cls(found, asked, clocking, Line.of(clocking.frequency, baud, found.baud))
        if baud is not None:
            raise ArgumentError(
                "baud", baud, f"means nothing on {name}, which has no serial line to the accelerator: leave it out"
            )
        return cls(found, asked)

    @property
    def frequency(self) -> Fraction:
        """MHz that come of it."""
        return Fraction(self.clock).limit_denominator(10**6) if self.clocking is None else self.clocking.frequency

    @property
    def overrides(self) -> dict[str, Any]:
        """What the board asks of the configuration, by key."""
        if self.line is None:
            return {"hardware.interface": "axi"}
        serial = {"hardware.interface": "serial", "hardware.beat_bits": 8, "hardware.parameter_stream": False}
        return serial | {"hardware.bit_clocks": self.line.bit_clocks}

    @property
    def shaping(self) -> dict[str, Any]:
        """What the files depend on beside the configuration."""
        return {"board": self.board.name, "clock": self.clock}

    def options(self, time_limit: float | None, cached: bool, seeds: int) -> Options:
        """Of the synthesis: the first placement that reaches the clock is enough.

        Raises
        ------
        InputError
            If one of them is not legal, or means nothing.
        """
        if self.board.built:
            return Options(float(self.frequency), time_limit, cached=cached, seeds=seeds, enough=True)
        if seeds > 1:
            raise ArgumentError("seeds", seeds, f"means nothing for {self.board.name}, which is not placed here", [1])
        return Options(time_limit=time_limit, cached=cached, seeds=seeds)

    @property
    def notes(self) -> list[str]:
        """What is done to the configuration, and why."""
        said = ", ".join(f"{key.removeprefix('hardware.')} {value}" for key, value in self.overrides.items())
        if self.line is None:
            return [f"hardware: {said}, whatever the configuration says: {self.board.title} has its own processor"]
        line = f"serial line: {self.line.baud_text} at {float(self.frequency):g} MHz"
        return [f"hardware: {said}, whatever the configuration says", line]
