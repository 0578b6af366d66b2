"""The command ``hwsim board``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from hwsim.commands.completion import boards
from hwsim.commands.console import console_of, fail, stored
from hwsim.commands.hardware import tools
from hwsim.commands.options import Common, Force, Where, given
from hwsim.commands.progress import preparing, step_watcher
from models.errors import InputError


@dataclass(frozen=True)
class Boarding:
    """The board's clock and line, and how long the tools may try."""

    megahertz: Annotated[float | None, given("clock of the accelerator; default: the board's own", "MHZ", "--clock")] = None
    baud: Annotated[int | None, given("bits per second on the serial line; default: as many as fit", "N")] = None
    seeds: Annotated[int, given("placements at most, until one reaches the clock", "N")] = 1
    time_limit: Annotated[float | None, given("seconds for all tools together", "S")] = None
    no_cache: Annotated[bool, typer.Option("--no-cache", help="run the tools even if the result is known")] = False


def board(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="of the board, as --list has it", autocompletion=boards)
    ] = None,
    config: Annotated[Path | None, typer.Argument(metavar="CONFIG", help="configuration file (YAML)")] = None,
    *,
    show: Annotated[bool, typer.Option("--list", help="print the boards that there are")] = False,
    where: Where,
    boarding: Boarding,
    force: Force = False,
    common: Common,
) -> None:
    """Build all that a board needs, up to the bitstream.

    Where open tools cannot, the vendor's project; and driver, samples, README.
    Exit code 1 if the design does not fit, misses the clock or --time-limit, or if a tool fails.
    """
    from hwsim.design import Design
    from hwsim.results import kept_inputs
    from hwsim.results.directory import RunDirectory

    with tools():
        from rtl.boards import session

    console = console_of(common.quiet)
    if show:
        console.print(session.listed())
        return
    if name is None or config is None:
        missing = "NAME" if name is None else "CONFIG"
        raise InputError(missing, None, "is missing: hwsim board NAME CONFIG, or hwsim board --list")
    build = session.Build.of(name, boarding.megahertz, boarding.baud)
    options = build.options(boarding.time_limit, not boarding.no_cache, boarding.seeds)
    session.check(build, options)
    loaded = common.load_circuit(config, build.overrides)
    design = Design(loaded)
    shaping = build.shaping | {"baud": boarding.baud, "seeds": boarding.seeds, "time_limit": boarding.time_limit}
    directory = RunDirectory(where.out, loaded, "board", shaping, force=force)
    data = design.dataset(where.data_dir)
    for line in build.notes:
        console.print(line)
    emitted = session.generate(design)
    with directory.locked(), preparing(common.quiet), step_watcher(common.quiet) as watch:
        directory.begin()
        made = session.synthesise(build, emitted, directory / "synthesis", options, watch)
        written = session.write(build, emitted, data, made, directory) + kept_inputs.write(directory, loaded, data)
    if made is not None:
        console.print(session.table(made))
        for line in session.lines(made):
            console.print(line)
    found = stored(directory.path, session.FIGURES)
    console.found(found | found.get("resources", {}))
    for line in session.told(build, emitted, made):
        console.print(line)
    console.print(f"in {directory.path}: {', '.join(written)}", soft_wrap=True)
    if made is not None and made.failure is not None:
        raise typer.Exit(fail(made.failure, 1))
