"""The command ``hwsim mutate``."""

from dataclasses import dataclass
from typing import Annotated

import typer

from hwsim.commands.completion import choice
from hwsim.commands.console import console_of, say, stored
from hwsim.commands.hardware import tools
from hwsim.commands.options import Again, Common, ConfigPath, Out
from hwsim.commands.progress import mutant_watcher, step_watcher


@dataclass(frozen=True)
class Mutating:
    """How many mutants, by which simulator, and how long they are tried."""

    count: Annotated[int, typer.Option(metavar="N", help="mutants, drawn from the seed")] = 100
    simulator: Annotated[
        str, typer.Option(metavar="NAME", help="icarus | verilator; for many mutants", autocompletion=choice("simulator"))
    ] = "verilator"
    time_limit: Annotated[float, typer.Option(metavar="S", help="seconds for each proof that a mutant is no fault")] = 20.0
    workers: Annotated[int, typer.Option(metavar="N", help="mutants at once; results do not depend on it")] = 1


def mutate(config: ConfigPath, wanted: Mutating, again: Again, *, out: Out = None, common: Common) -> None:
    """Plant faults in the Verilog, and see which are caught.

    Each single fault is caught by co-simulation, proved to be no fault, or open; --resume goes on.
    Exit code 1 if any is open.
    """
    from hwsim.design import Design
    from hwsim.results.directory import METRICS, RunDirectory

    with tools():
        from rtl.mutation import session

    options = session.Options(wanted.count, wanted.simulator, wanted.time_limit, wanted.workers)
    session.check(options)
    loaded = common.load_circuit(config)
    console = console_of(common.quiet)
    directory = RunDirectory(out, loaded, "mutate", {"count": wanted.count}, resume=again.resume, force=again.force)
    with directory.locked():
        known = session.resumed(directory, options) if again.resume else {}
        try:
            with mutant_watcher(common.quiet) as progress, step_watcher(common.quiet) as watch:
                found = session.mutate(Design(loaded), options, directory, known, watch or _nothing, progress or _nothing)
        except KeyboardInterrupt:
            say(f"interrupted: mutants judged so far are in {directory.path}; --resume goes on")
            raise
    console.found(stored(directory.path, METRICS))
    console.print(session.summary(loaded.name, found))
    open_ = sum(j.verdict == session.OPEN for j in found)
    if any(j.verdict != "caught" for j in found):
        console.print(session.details(found))
    if open_:
        say(f"{open_} of {len(found)} mutants are open: neither shown nor proved equivalent; all in {directory.path}")
        say("--resume tries these again, with a longer --time-limit for example")
        raise typer.Exit(1)
    console.print(f"no mutant is open; all in {directory.path}")


def _nothing(*_: object) -> None:
    """Nobody watches."""
