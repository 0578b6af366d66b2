"""The commands ``hwsim scatter`` and ``hwsim search``."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from hwsim.cli_options import ConfigPath, DataDir, Out, Quiet, Seed, Set, console_of, load


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(scatter)
    app.command()(search)


def scatter(config: ConfigPath, out: Out = None, assign: Set = None, seed: Seed = None, quiet: Quiet = False) -> None:
    """Print how evenly a configuration's pattern joins neurons to windows of neurons: scatter, degrees, interleavers, paths.

    With --out everything is written to scatter.json, and scatter.png shows which windows starve.
    """
    from hwsim import plots
    from hwsim.design import Design
    from hwsim.patterns import scatter_plots, scatter_report
    from hwsim.patterns.scatter import of_design
    from hwsim.rundir import SCATTER, SCATTER_PICTURE, RunDirectory
    from hwsim.watch import preparing

    loaded = load(config, assign, seed)
    directory = None if out is None else RunDirectory(out, loaded, None)
    design, console = Design(loaded), console_of(quiet)
    with preparing(quiet):
        found = of_design(design)
        tables = scatter_report.tables(design, found)
    for table in tables:
        console.print(table)
    if directory is not None:
        with directory.locked():
            directory.write_config()
            directory.write_json(SCATTER, scatter_report.as_json(design, found))
            plots.save(scatter_plots.scatter(design, found), directory, SCATTER_PICTURE)
        console.print(f"results in {directory.path}")


def search(
    config: ConfigPath,
    out: Out = None,
    data_dir: DataDir = None,
    trials: Annotated[int, typer.Option(metavar="N", help="moves to judge, all restarts together")] = 10000,
    draws: Annotated[int, typer.Option(metavar="N", help="random draws to compare with and to start from")] = 100,
    restarts: Annotated[int, typer.Option(metavar="N", help="climbs, each from the next best draw")] = 2,
    variance: Annotated[
        bool, typer.Option("--variance", help="weigh windows of the input layer by the variance of the data set's inputs")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="replace another run in --out")] = False,
    assign: Set = None,
    seed: Seed = None,
    quiet: Quiet = False,
) -> None:
    """Look for a clash-free pattern with good scatter: random draws, then local moves on the seeds of the best.

    Leaves connectivity.npz, a config.yaml that trains on it, search.json and search.png. Ctrl-C keeps the best so far.
    """
    from hwsim import data_fit
    from hwsim.design import Design
    from hwsim.patterns import search as searching
    from hwsim.patterns import search_report
    from hwsim.rundir import CONFIG, RunDirectory
    from hwsim.watch import preparing

    loaded = load(config, assign, seed)
    searching.check(loaded)
    data_fit.check(loaded, data_dir)
    design, console = Design(loaded), console_of(quiet)
    options = {"trials": trials, "draws": draws, "restarts": restarts, "variance": variance}
    directory = RunDirectory(out, loaded, "search", options, force=force)
    with preparing(quiet):
        spread = searching.input_variance(design.dataset(data_dir).train) if variance else None
        searching.Judge(loaded, spread).candidate(design.patterns)
    with directory.locked():
        with _watcher(quiet) as watch:
            found = searching.search(design, trials, draws, restarts, spread, watch)
        search_report.write(design, found, variance, directory)
    console.print(search_report.table(design, found, variance))
    console.print(search_report.line(found))
    console.print(
        f"results in {directory.path}; train on the best pattern with: hwsim train {directory / CONFIG}", soft_wrap=True
    )
    if not found.finished:
        console.print("interrupted: the best pattern so far was kept")
        raise typer.Exit(130)


@contextmanager
def _watcher(quiet: bool) -> Iterator[Callable[[Any], None] | None]:
    """A bar with the best score on a terminal, nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    parts = (TextColumn("searching"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[best]}"))
    with Progress(*parts, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, best="")
        yield lambda p: bar.update(task, total=p.total, completed=p.done, best=f"scatter {p.best:.4f}")
