"""The commands ``hwsim data``: which data sets there are, in which state, and how to get them."""

from typing import Annotated

import typer

from hwsim import cli_difficulty, report
from hwsim.cli_options import DataDir, Quiet, console_of
from models.errors import ArgumentError


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    data = typer.Typer(help="List, inspect and download data sets.", no_args_is_help=True)
    data.command("list")(list_)
    data.command()(info)
    data.command("fetch")(fetch_)
    cli_difficulty.register(data)
    app.add_typer(data, name="data")


def list_() -> None:
    """All data sets, and where they come from."""
    from models.data.catalogue import CATALOGUE

    rows = report.table("data sets", "name", "features", "classes", "training", "validation", "test", "obtained by")
    rows.columns[-1].justify, rows.columns[-1].no_wrap = "left", False
    for known in CATALOGUE.values():
        rows.add_row(known.name, str(known.features), str(known.classes), *(f"{n:,}" for n in known.counts), known.obtained)
    console_of().print(rows)


def info(name: Annotated[str, typer.Argument(metavar="NAME")], data_dir: DataDir = None) -> None:
    """Origin and licence of a data set, the state of its files, and its statistics if it can be loaded.

    Exit code 1 if a file is missing or damaged.
    """
    from hwsim import fetch
    from models.data import catalogue

    console = console_of()
    if name in catalogue.CATALOGUE:
        known = catalogue.CATALOGUE[name]
        for key in ("source", "licence", "obtained"):
            console.print(f"{key}: {getattr(known, key)}")
    broken = False
    if name in fetch.SOURCES and data_dir is not None:
        for file in fetch.verify(name, data_dir):
            console.print(f"{file.path}: {file.state}")
            broken |= file.state in (fetch.State.MISSING, fetch.State.CORRUPT)
    if broken:
        raise typer.Exit(1)
    data = catalogue.load(name, data_dir, seed=0)
    rows = report.table(
        f"{data.name}: {data.features} features, {data.classes} classes", "split", "samples", "mean", "deviation"
    )
    for split in ("train", "validation", "test"):
        samples = getattr(data, split)
        if len(samples):
            real = samples.real("float32")
            rows.add_row(split, f"{len(samples):,}", f"{real.mean():.4f}", f"{real.std():.4f}")
    console.print(rows)


def fetch_(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    data_dir: DataDir = None,
    mirror: Annotated[list[str] | None, typer.Option(help="address in place of the known ones", show_default=False)] = None,
    quiet: Quiet = False,
) -> None:
    """Download a data set into the data directory; an interrupted download is resumed."""
    from hwsim import fetch
    from hwsim.watch import download_watcher

    if data_dir is None:
        raise ArgumentError("data_dir", None, "is missing: give it or set HWSIM_DATA")
    with download_watcher(quiet) as watch:
        paths = fetch.fetch(name, data_dir, mirror, watch)
    for path in paths:
        console_of(quiet).print(str(path))
