"""The command ``hwsim bench``."""

from pathlib import Path
from typing import Annotated

import typer

from hwsim.commands.console import console_of, say
from hwsim.commands.options import Out, Quiet, Seed, overrides, replacing


def bench(
    config: Annotated[
        list[Path] | None, typer.Argument(help="configurations; the shipped ones by default", show_default=False)
    ] = None,
    out: Out = None,
    seconds: Annotated[float, typer.Option(min=0.05, max=600, help="time for each row")] = 2.0,
    force: Annotated[bool, replacing("the rows")] = False,
    seed: Seed = None,
    quiet: Quiet = False,
) -> None:
    """Measure the training speed of every engine.

    Samples/s and edge operations/s on one core, side by side.
    """
    from hwsim import benchmark
    from hwsim.configuration import config_file

    loaded = [config_file.load(path, overrides(None, seed)) for path in (config or benchmark.shipped_configurations())]
    console = console_of(quiet)
    if out is not None:
        benchmark.check_free(out, force)
    rows = benchmark.measure(loaded, seconds, None if quiet else say)
    console.print(benchmark.as_table(rows))
    if out is not None:
        benchmark.write(rows, out, force)
