"""The commands ``hwsim scatter`` and ``hwsim search``."""

from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from hwsim.commands.console import console_of
from hwsim.commands.options import Common, ConfigPath, Force, Out, Where
from hwsim.commands.progress import preparing, search_watcher


def scatter(config: ConfigPath, out: Out = None, *, common: Common) -> None:
    """Show how evenly a pattern joins neurons to windows.

    Scatter, degrees, interleavers and paths of the pattern that a configuration has are printed. With --out everything
    is written to scatter.json, and scatter.png shows which windows starve.
    """
    from hwsim.design import Design
    from hwsim.patterns import scatter_picture, scatter_report
    from hwsim.patterns.figures import Findings
    from hwsim.pictures.style import save
    from hwsim.results.directory import SCATTER, SCATTER_PICTURE, RunDirectory

    loaded = common.load(config)
    directory = None if out is None else RunDirectory(out, loaded, None)
    found, console = Findings(Design(loaded)), console_of(common.quiet)
    with preparing(common.quiet):
        tables = scatter_report.tables(found)
    for table in tables:
        console.print(table)
    console.found(scatter_report.as_json(found))
    if directory is not None:
        with directory.locked():
            directory.write_config()
            directory.write_json(SCATTER, scatter_report.as_json(found))
            save(scatter_picture.scatter(found.design, found.scatter), directory, SCATTER_PICTURE)
        console.print(f"results in {directory.path}")


@dataclass(frozen=True)
class Climbing:
    """How long, and by what measure, a better pattern is looked for."""

    trials: Annotated[int, typer.Option(metavar="N", help="moves to judge, all restarts together")] = 10000
    draws: Annotated[int, typer.Option(metavar="N", help="random draws to compare with and to start from")] = 100
    restarts: Annotated[int, typer.Option(metavar="N", help="climbs, each from the next best draw")] = 2
    variance: Annotated[
        bool, typer.Option("--variance", help="weigh windows of the input layer by the variance of the data set's inputs")
    ] = False


def search(config: ConfigPath, where: Where, climbing: Climbing, *, force: Force = False, common: Common) -> None:
    """Search clash-free patterns for good scatter.

    First random draws, then local moves on the seeds of the best. Leaves connectivity.npz, a config.yaml that trains on
    it, search.json and search.png. Ctrl-C keeps the best so far.
    """
    from hwsim.configuration import data_fit
    from hwsim.design import Design
    from hwsim.patterns import search, search_report
    from hwsim.results.directory import CONFIG, RunDirectory

    loaded = common.load(config)
    search.check(loaded)
    data_fit.check(loaded, where.data_dir)
    design, console = Design(loaded), console_of(common.quiet)
    directory = RunDirectory(where.out, loaded, "search", asdict(climbing), force=force)
    with preparing(common.quiet):
        spread = search.input_variance(design.dataset(where.data_dir).train) if climbing.variance else None
        search.Judge(loaded, spread).candidate(design.patterns)
    with directory.locked():
        with search_watcher(common.quiet) as watch:
            found = search.search(design, climbing.trials, climbing.draws, climbing.restarts, spread, watch)
        search_report.write(design, found, climbing.variance, directory)
    console.found(search_report.as_json(design, found, climbing.variance))
    console.print(search_report.table(design, found, climbing.variance))
    console.print(search_report.line(found))
    console.print(
        f"results in {directory.path}; train on the best pattern with: hwsim train {directory / CONFIG}", soft_wrap=True
    )
    if not found.finished:
        console.print("interrupted: the best pattern so far was kept")
        raise typer.Exit(130)
