"""What the command line needs of boards: from a name and options to files that are ready to use."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hwsim import tables
from hwsim.configuration.provenance import provenance
from hwsim.figure import Figure, Figures
from hwsim.results.directory import SAMPLES, RunDirectory
from models.data.dataset import Dataset
from models.errors import ArgumentError
from rtl.boards import instructions, vivado, zynq
from rtl.boards.board import Board, ProcessorBoard, SerialBoard
from rtl.boards.boards import BOARDS, board
from rtl.boards.clocks import Clocking
from rtl.boards.line import Line
from rtl.boards.top import TOP, BoardTop
from rtl.cosim import golden
from rtl.emulation import session as emulation
from rtl.ports.packing import Packet
from rtl.synthesis import results
from rtl.synthesis.flow import Around, Options, Synthesis, prepare, synthesise
from rtl.synthesis.results import lines, table
from rtl.verilog import files
from rtl.verilog.emission import Verilog, around
from rtl.verilog.generate import generate

__all__ = ["Build", "generate", "lines", "listed", "plan", "table"]

SOURCE, FIGURES, NOTEBOOK, SCRIPT = "board.v", "build.json", "board.ipynb", "board.tcl"
_CONSTRAINTS = {"ecp5": "board.lpf", "ice40": "board.pcf", "xc7": "board.xdc"}

BUILD = Figures(
    "boards",
    {
        "clock": Figure("MHz", "of the accelerator, as the board's PLL or oscillator makes it"),
        "asked_clock": Figure("MHz", "as asked for"),
        "oscillator": Figure("MHz", "of the board"),
        "pll": Figure("numbers", "dividers of the PLL, by its cell's names; null without one"),
        "baud": Figure("1/s", "bits per second on the serial line, as whole clocks make them"),
        "bit_clocks": Figure("clocks", "of a bit on the serial line"),
        "bitstream_bytes": Figure("bytes", "size of the bitstream; null if there is none"),
    },
)
"""By name, as ``build.json`` has them beside those of a synthesis."""


@dataclass(frozen=True)
class Build:
    """What is to be built for a board, before the configuration is known.

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

    @property
    def overrides(self) -> dict[str, Any]:
        """What the board asks of the configuration, by key."""
        if self.line is None:
            return {"hardware.interface": "axi"}
        serial = {"hardware.interface": "serial", "hardware.beat_bits": 8}
        return serial | {"hardware.bit_clocks": self.line.bit_clocks}

    @property
    def shaping(self) -> dict[str, Any]:
        """What the files depend on beside the configuration."""
        return {"board": self.board.name, "clock": self.clock}

    def check(self, options: Options) -> None:
        """Refuse options that mean nothing, and tools that are missing.

        Raises
        ------
        InputError
            If there is one.
        """
        if self.board.built:
            prepare(self.board.target, options)

    def options(self, time_limit: float | None, cached: bool, seeds: int) -> Options:
        """Of the synthesis: the first placement that reaches the clock is enough."""
        if not self.board.built:
            if seeds > 1:
                raise ArgumentError("seeds", seeds, f"means nothing for {self.board.name}, which is not placed here", [1])
            return Options(time_limit=time_limit, cached=cached)
        asked = None if self.clocking is None else float(self.clocking.frequency)
        return Options(asked, time_limit, cached=cached, seeds=seeds, enough=True)

    def made(
        self, emitted: Verilog, folder: Path, options: Options, tell: Callable[[str], None] | None = None
    ) -> Synthesis | None:
        """Run the open tools where they know the board; raises what :func:`rtl.synthesis.flow.synthesise` does."""
        board = self.board
        if not board.built or not isinstance(board, SerialBoard):
            return None
        surroundings = Around(TOP, {SOURCE: self.top(emitted)}, board.constraints, board.packing, board=True)
        return synthesise(emitted, board.target, folder, options, tell, surroundings)

    def top(self, emitted: Verilog) -> str:
        """Verilog of what is around the accelerator."""
        board = self.board
        assert isinstance(board, SerialBoard) and self.clocking is not None
        inverted = [port for port, pin in board.pins.items() if pin.inverted]
        return around(BoardTop(emitted.top, self.clocking, board.lights, board.levels, inverted), TOP)

    def write(self, emitted: Verilog, data: Dataset, made: Synthesis | None, directory: RunDirectory) -> list[str]:
        """Write everything; returns the names of the files.

        Parameters
        ----------
        data
            What the board will be trained on.
        made
            What the open tools have made, if they know the board; a bitstream that is too slow is left out.
        """
        texts, usable = self._texts(emitted), dict[str, bytes]()
        if made is not None and made.bitstream is not None and made.failure is None:
            usable[f"board.{made.target.family.extension}"] = made.bitstream
        preface = instructions.readme(self, emitted, made)
        written = files.write(emitted, directory, golden.files(emitted), preface)
        for name, text in texts.items():
            directory.write_text(name, text)
        for name, content in usable.items():
            directory.write_bytes(name, content)
        design = emitted.accelerator.plan.design
        samples = emulation.training_samples(design, data, None)
        directory.write_arrays(SAMPLES, emulation.arrays(design, data, samples))
        directory.write_json(FIGURES, self.figures(emitted, made))
        return [*written, *texts, *usable, SAMPLES, FIGURES]

    def _texts(self, emitted: Verilog) -> dict[str, str]:
        board = self.board
        if isinstance(board, ProcessorBoard):
            return {SCRIPT: zynq.script(board, emitted, self.clock), NOTEBOOK: zynq.notebook(emitted)}
        assert isinstance(board, SerialBoard)
        constraints = _CONSTRAINTS[board.target.family.name]
        texts = {SOURCE: self.top(emitted), constraints: board.constraints}
        if not board.built:
            texts[SCRIPT] = vivado.script(board, TOP, (SOURCE,), constraints)
        return texts

    def figures(self, emitted: Verilog, made: Synthesis | None) -> dict[str, Any]:
        """``build.json``."""
        known = provenance(emitted.accelerator.plan.config) if made is None else results.figures(made)
        own: dict[str, Any] = {"asked_clock": self.clock}
        if self.clocking is not None and self.line is not None:
            setting = self.clocking.setting
            own |= {
                "clock": float(self.clocking.frequency),
                "oscillator": float(self.clocking.source),
                "pll": None if setting is None else dict(setting.dividers),
                "baud": round(float(self.line.baud), 1),
                "bit_clocks": self.line.bit_clocks,
            }
        own["bitstream_bytes"] = None if made is None or made.bitstream is None else len(made.bitstream)
        about = {"name": self.board.name, "title": self.board.title, "chip": self.board.target.device}
        return {"board": about} | BUILD.all_told(own) | known

    def told(self, emitted: Verilog, made: Synthesis | None) -> list[str]:
        """What it comes to."""
        period = emitted.accelerator.plan.period
        clock = self.clock if self.clocking is None else float(self.clocking.frequency)
        text = f"runs at {clock:g} MHz: {clock * 1e6 / period:,.0f} samples/s at most"
        if self.line is not None:
            sample = Packet.sample(emitted.accelerator.plan).size
            text += f"; the serial line carries {float(self.line.baud) / 10 / sample:,.0f} a second at most"
        if made is not None and made.bitstream is not None and made.failure is None:
            return [text, f"the bitstream has {len(made.bitstream):,} bytes"]
        return [text] if made is not None else [text, f"generated only: Vivado makes the bitstream, {SCRIPT} tells it how"]

    def lines(self) -> list[str]:
        """What is done to the configuration, and why."""
        if self.clocking is None or self.line is None:
            return [f"hardware: interface axi, whatever the configuration says: {self.board.title} has its own processor"]
        frequency = float(self.clocking.frequency)
        said = ", ".join(f"{key.removeprefix('hardware.')} {value}" for key, value in self.overrides.items())
        return [
            f"hardware: {said}, whatever the configuration says",
            f"serial line: {self.line.baud_text} at {frequency:g} MHz",
        ]


def plan(name: str, clock: float | None, baud: int | None) -> Build:
    """What is to be built for a board.

    Parameters
    ----------
    name
        Of the board.
    clock
        MHz of the accelerator; ``None`` for the board's own.
    baud
        Bits per second on the line; ``None`` for as much as fits.

    Raises
    ------
    InputError
        If there is no such board, or it cannot have that.
    """
    found = board(name)
    asked = found.clock if clock is None else clock
    if not isinstance(found, SerialBoard):
        if baud is not None:
            raise ArgumentError("baud", baud, f"means nothing on {name}, which has no serial line to the accelerator")
        _positive(asked)
        return Build(found, asked)
    _positive(asked)
    clocking = found.clocking(asked)
    return Build(found, asked, clocking, Line.of(clocking.frequency, baud, found.baud))


def _positive(clock: float) -> None:
    if not 0 < clock < 10_000:
        raise ArgumentError("megahertz", clock, "must be a number of MHz above 0")


def listed() -> tables.Table:
    """All boards."""
    rows = tables.table("boards", "board", "what it is", "chip", "MHz", "bit/s", "result")
    for column in rows.columns[1:3]:
        column.left = True
    rows.columns[5].left = True
    for b in BOARDS.values():
        made = f"bitstream board.{b.target.family.extension}" if b.built else "generated only: Vivado builds it"
        line = ""
        if isinstance(b, SerialBoard):
            line = f"{round(Line.of(b.clocking(b.clock).frequency, None, b.baud).asked):,}"
        rows.add_row(b.name, b.title, b.target.device, f"{b.clock:g}", line, made)
    return rows
