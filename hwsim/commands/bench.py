"""The command ``hwsim bench``."""

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
    commands: Annotated[Path | None, given("measure the whole commands that a file names (YAML)", "FILE")] = None,
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
    from hwsim.benchmark import comparison, engines, report, trees
    from hwsim.configuration import config_file

    paths = config or ([] if commands is not None else engines.shipped_configurations())
    loaded = [config_file.load(path, overrides(None, seed)) for path in paths]
    wanted = None if commands is None else whole.load(commands)
    console = console_of(quiet)
    told = None if quiet else say
    if where.out is not None:
        report.check_free(where.out, force)
    if where.data_dir is not None:
        os.environ["HWSIM_DATA"] = str(where.data_dir.resolve())  # of the commands that are measured
    with ExitStack() as stack:
        compared = [trees.this()]
        if against is not None:
            compared.append(stack.enter_context(trees.other(against)))
        rows = before = None
        if not paths:
            rows = []
        elif against is None:
            rows = engines.measure(loaded, seconds, told)
        else:
            rows, before = comparison.measure(paths, overrides(None, seed), seconds, compared, told)
        ran = None
        if wanted is not None and commands is not None:
            ran = whole.measure(wanted, commands.resolve().parent, compared, told)
    if paths:
        console.print(report.of_engines(rows, before))
    if ran is not None:
        console.print(report.of_commands(ran))
    if where.out is not None:
        report.write(where.out, force, rows, before, ran, against)
    if ran is not None and any(row[0].spent.failure for row in ran):
        raise typer.Exit(1)
