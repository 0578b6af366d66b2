"""The command ``hwsim bench``."""

import shlex
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from hwsim.commands.console import console_of, say
from hwsim.commands.options import Quiet, Seed, Where, given, overrides, replacing


def bench(
    where: Where,
    config: Annotated[
        list[Path] | None,
        typer.Argument(help="configurations; the shipped ones by default, unless commands are given", show_default=False),
    ] = None,
    commands: Annotated[
        list[Path] | None, given("measure the whole commands that a file names (YAML); may be repeated", "FILE")
    ] = None,
    against: Annotated[str | None, given("compare with the code of a checkout's folder or of a revision", "CODE")] = None,
    seconds: Annotated[float, typer.Option(min=0.05, max=600, help="time for each row of an engine")] = 2.0,
    force: Annotated[bool, replacing("the rows")] = False,
    seed: Seed = None,
    quiet: Quiet = False,
) -> None:
    """Measure the speed of engines and whole commands.

    Samples/s and edge operations/s on one core, side by side; of commands time and memory.
    Another state of the code can be measured in turns with this one.
    """
    import os

    from hwsim.benchmark import commands as whole
    from hwsim.benchmark import comparison, document, engines, report, trees
    from hwsim.configuration import config_file

    paths = config or ([] if commands else engines.shipped_configurations())
    loaded = [config_file.load(path, overrides(None, seed)) for path in paths]
    wanted = whole.load(commands or [])
    console = console_of(quiet)
    told = None if quiet else say
    if where.out is not None:
        report.check_free(where.out, force)
    if where.data_dir is not None:
        os.environ["HWSIM_DATA"] = str(where.data_dir.resolve())  # of the commands that are measured
    measured = report.Measured(against=against)
    with ExitStack() as stack:
        compared = [trees.this()]
        if against is not None:
            compared.append(stack.enter_context(trees.other(against)))
            if paths:
                of_engines = comparison.measure(paths, overrides(None, seed), seconds, compared, told)
                measured.engines, measured.before = of_engines
        else:
            measured.engines = engines.measure(loaded, seconds, told)
        if wanted:
            measured.commands = whole.measure(wanted, compared, told)
    for table in measured.tables():
        console.print(table)
    if where.out is not None:
        report.write(where.out, force, measured)
        document.write(where.out, force, measured, _command(paths, commands or [], against, seed))
    if any(row[0].spent.failure for row in measured.commands):
        raise typer.Exit(1)


def _command(paths: list[Path], commands: list[Path], against: str | None, seed: int | None) -> str:
    words = ["hwsim", "bench", *map(str, paths)]
    for option, value in [*(("--commands", c) for c in commands), ("--against", against), ("--seed", seed)]:
        words += [] if value is None else [option, str(value)]
    return shlex.join(words)
