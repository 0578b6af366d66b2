"""The command ``hwsim emulate``."""

import shlex
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hwsim.commands import document
from hwsim.commands.console import Console, console_of, fail
from hwsim.commands.hardware import tools
from hwsim.commands.options import Again, Common, ConfigPath, Where, given
from hwsim.commands.progress import preparing, step_watcher
from models.errors import ArgumentError

if TYPE_CHECKING:
    from rtl.emulation.board import Board, Spell


@dataclass(frozen=True)
class Emulating:
    """Where the board listens, and whether it is trained at once."""

    port: Annotated[int, typer.Option(metavar="N", help="TCP port on this machine; 0: any free one")] = 0
    train: Annotated[int | None, given("train it on so many samples, compare its weights with the reference's", "N")] = None
    adapt: Annotated[
        str | None, given("train on all of the data's groups but this one, have the board adapt to it, compare", "GROUP")
    ] = None
    every: Annotated[int, typer.Option(metavar="K", help="samples of a batch, after which the pipeline is drained")] = 500


def emulate(config: ConfigPath, where: Where, emulating: Emulating, *, again: Again, common: Common) -> None:
    """Run the design as a virtual board.

    It is the Verilog with the wires of a serial line, as a pseudo-terminal and a TCP port.
    The driver trains it as it trains an FPGA. It serves until it is interrupted; with --train or --adapt it learns at
    once: exit code 1 if a weight then differs from the reference's.
    """
    from hwsim.design import Design
    from hwsim.results import kept_inputs
    from hwsim.results.directory import TERMINAL, RunDirectory
    from hwsim.results.stored import read_run

    with tools():
        from rtl.emulation import adapting, session
        from rtl.emulation.board import Board
        from rtl.emulation.program import BuildError

    loaded = common.load_circuit(config, session.SETTINGS)
    design, asked = Design(loaded), session.Asked(emulating.train, emulating.every, emulating.adapt)
    session.check(design, emulating.port, asked)
    console = console_of(common.quiet)
    directory = RunDirectory(where.out, loaded, "emulate", asked.options, **asdict(again))
    if again.resume and (began := directory.recorded_options) != asked.options:
        how = "".join(f" <{name}> {value}" for name, value in sorted(began.items(), reverse=True))
        raise ArgumentError(
            "resume",
            str(directory.path),
            f"began with{how}: give the same" if began else "began without <train>: leave it out",
        )
    if again.resume:
        design = Design.of(loaded, inputs=read_run(directory.path).inputs)
    lesson: session.Lesson | None = None
    if asked.adapt is not None:
        lesson = adapting.Adapting.to(asked.adapt, design, where.data_dir)
    data = design.dataset(where.data_dir)
    samples = session.training_samples(design, data, asked.samples)
    if asked.samples is not None:
        lesson = session.Training(design, data, samples, asked)
    with directory.locked():
        try:
            with preparing(common.quiet), step_watcher(common.quiet) as watch:
                program = session.prepare(design, data, samples, directory, watch)
        except BuildError as e:
            raise typer.Exit(fail(str(e), 1)) from None
        kept_inputs.write(directory, loaded, data)
        with Board(program, directory / TERMINAL, emulating.port) as board:
            address = f"tcp:127.0.0.1:{board.port}"
            console.print(f"{loaded.name}: a board at {address} and {directory / TERMINAL} ({board.device})")
            if lesson is None:
                words = session.client(directory.path, address, asked)
                console.print(f"train it: {shlex.join(['python', *words])}", soft_wrap=True)
                _serve(board, console)
                return
            lesson.prepare(directory)
            fed, words = lesson.fed(directory), lesson.client(directory, address, again.resume)
            seconds = _run([sys.executable, *words], directory.path, common.quiet)
            board.stop()
            speed = session.Speed(fed, next(s for s in board.spells() if not s.whole), seconds)
        difference, told = lesson.judged(directory, speed)
    console.print(speed.told)
    if difference is not None:
        raise typer.Exit(fail(f"board and reference differ: {difference}; in {directory.path}", 1))
    console.print(told)
    console.print(f"board = reference in every weight and bias; results in {directory.path}")


def _serve(board: "Board", console: Console) -> None:
    """Until the interrupt key is pressed, or the program is ended from outside."""

    def follow() -> None:
        for spell in board.spells():
            console.print(_told(spell))

    try:
        follow()
    except KeyboardInterrupt:
        board.stop()
        follow()


def _told(spell: "Spell") -> str:
    who = "stopped" if spell.whole else "a client has left"
    text = f"{who}: {spell.clocks:,} clocks, {spell.bytes_in:,} bytes in, {spell.bytes_out:,} out"
    return text + (f", {spell.clocks / spell.seconds:,.0f} clocks/s" if spell.seconds else "")


def _run(words: list[str], directory: Path, quiet: bool) -> float:
    """Run the client, which prints where we do and answers an interrupt itself; returns its seconds."""
    from hwsim.results.directory import CHECKPOINT

    began = time.monotonic()
    interrupted = False
    told = None if document.current() is None else sys.stderr  # standard output is the document's
    with subprocess.Popen(words, stdout=subprocess.DEVNULL if quiet else told) as process:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            code, interrupted = process.wait(), True
    if interrupted or code == 130:
        goes_on = f"; the same command with --resume continues what is in {directory}"
        raise typer.Exit(fail("interrupted" + (goes_on if (directory / CHECKPOINT).is_file() else ""), 130))
    if code:
        raise typer.Exit(fail(f"the program that trains the board has ended with code {code}", 1))
    return time.monotonic() - began
