"""What the command line needs of boards: from a name and options to files that are ready to use."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hwsim import tables
from hwsim.configuration.provenance import provenance
from hwsim.figure import Figure, Figures
from hwsim.results.directory import SAMPLES, RunDirectory
from models.data.dataset import Dataset
from rtl.boards import instructions, vivado, zynq
from rtl.boards.board import Board, ProcessorBoard, SerialBoard
from rtl.boards.boards import BOARDS
from rtl.boards.build import Build
from rtl.boards.built import built
from rtl.boards.line import Line
from rtl.boards.top import TOP, BoardTop
from rtl.cosim import golden
from rtl.emulation import session as emulation
from rtl.ports.packing import Packet
from rtl.synthesis import flow, results
from rtl.synthesis.flow import Around, Options, Synthesis
from rtl.synthesis.results import lines, table
from rtl.verilog import files
from rtl.verilog.emission import Verilog, around
from rtl.verilog.generate import generate

__all__ = ["Build", "check", "generate", "lines", "listed", "synthesise", "table", "told", "write"]

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


def check(build: Build, options: Options) -> None:
    """Refuse options that mean nothing, and tools that are missing.

    Raises
    ------
    InputError
        If there is one.
    """
    if build.board.built:
        flow.prepare(build.board.target, options)


def synthesise(
    build: Build, emitted: Verilog, folder: Path, options: Options, tell: Callable[[str], None] | None = None
) -> Synthesis | None:
    """Run the open tools where they know the board; raises what :func:`rtl.synthesis.flow.synthesise` does."""
    board = build.board
    if not board.built or not isinstance(board, SerialBoard):
        return None
    surroundings = Around(TOP, {SOURCE: top(build, emitted)}, board.constraints, board.packing, board=True)
    return flow.synthesise(emitted, board.target, folder, options, tell, surroundings)


def top(build: Build, emitted: Verilog) -> str:
    """Verilog of what is around the accelerator, on a board with a serial line."""
    board = build.board
    assert isinstance(board, SerialBoard) and build.clocking is not None
    inverted = [port for port, pin in board.pins.items() if pin.inverted]
    return around(BoardTop(emitted.top, build.clocking, board.lights, board.levels, inverted), TOP)


def write(build: Build, emitted: Verilog, data: Dataset, made: Synthesis | None, directory: RunDirectory) -> list[str]:
    """Write everything; returns the names of the files.

    Parameters
    ----------
    data
        What the board will be trained on.
    made
        What the open tools have made, if they know the board; a bitstream that is too slow is left out.
    """
    design = emitted.accelerator.plan.design
    texts, preface = _texts(build, emitted), instructions.readme(build, emitted, made)
    samples = emulation.arrays(design, data, emulation.training_samples(design, data, None))
    written = [*files.write(emitted, directory, golden.files(emitted), preface), *texts, SAMPLES]
    for name, text in texts.items():
        directory.write_text(name, text)
    directory.write_arrays(SAMPLES, samples)
    if made is not None and (bits := usable(made)) is not None:
        written.append(name := f"board.{made.target.family.extension}")
        directory.write_bytes(name, bits)
    directory.write_json(FIGURES, figures(build, emitted, made))
    return [*written, FIGURES]


def usable(made: Synthesis) -> bytes | None:
    """The bitstream, if the design fits and is as fast as the board's clock."""
    return made.bitstream if made.failure is None else None


def _texts(build: Build, emitted: Verilog) -> dict[str, str]:
    board = build.board
    if isinstance(board, ProcessorBoard):
        return {SCRIPT: zynq.script(board, emitted, build.clock), NOTEBOOK: zynq.notebook(emitted)}
    assert isinstance(board, SerialBoard)
    constraints = _CONSTRAINTS[board.target.family.name]
    texts = {SOURCE: top(build, emitted), constraints: board.constraints}
    return texts if board.built else texts | {SCRIPT: vivado.script(board, TOP, (SOURCE,), constraints)}


def figures(build: Build, emitted: Verilog, made: Synthesis | None) -> dict[str, Any]:
    """``build.json``."""
    known = provenance(emitted.accelerator.plan.config) if made is None else results.figures(made)
    own: dict[str, Any] = {"asked_clock": build.clock, "clock": float(build.frequency)}
    if build.clocking is not None and build.line is not None:
        setting = build.clocking.setting
        own |= {
            "oscillator": float(build.clocking.source),
            "pll": None if setting is None else dict(setting.dividers),
            "baud": round(float(build.line.baud), 1),
            "bit_clocks": build.line.bit_clocks,
        }
    bits = None if made is None else usable(made)
    own["bitstream_bytes"] = None if bits is None else len(bits)
    about = {"name": build.board.name, "title": build.board.title, "chip": build.board.target.device}
    return {"board": about} | BUILD.all_told(own) | known


def told(build: Build, emitted: Verilog, made: Synthesis | None) -> list[str]:
    """What it comes to, in lines."""
    of, clock = emitted.accelerator.plan, float(build.frequency)
    text = f"runs at {clock:g} MHz: {clock * 1e6 / of.period:,.0f} samples/s at most"
    if build.line is not None:
        text += f"; the serial line carries {float(build.line.baud) / 10 / Packet.sample(of).size:,.0f} a second at most"
    if made is None:
        return [text, f"generated only: Vivado makes the bitstream, {SCRIPT} tells it how"]
    bits = usable(made)
    return [text] if bits is None else [text, f"the bitstream has {len(bits):,} bytes"]


def listed() -> tables.Table:
    """All boards, and what was built for each."""
    heads = tables.columns(BUILD, clock="MHz", baud="bit/s")
    rows = tables.table("boards", "board", "what it is", "chip", *heads, "result")
    for k in (1, 2, 5):
        rows.columns[k].left = True
    rows.columns[5].wraps = True
    for b in BOARDS.values():
        line = tables.NOTHING
        if isinstance(b, SerialBoard):
            line = tables.number(Line.of(b.clocking(b.clock).frequency, None, b.baud).asked)
        rows.add_row(b.name, b.title, b.target.device, tables.number(b.clock, "g"), line, _result(b))
    return rows


def _result(of: Board) -> str:
    if not of.built:
        return "generated only: Vivado builds it"
    return f"bitstream board.{of.target.family.extension}: {built().get(of.name, 'none was built yet')}"
