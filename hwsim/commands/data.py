"""The commands ``hwsim data``: which data sets there are, in which state, and how to get them."""

from typing import Annotated

import typer

from hwsim.commands.console import console_of
from hwsim.commands.difficulty import difficulty
from hwsim.commands.options import DataDir, Quiet, given
from hwsim.commands.progress import download_watcher
from hwsim.tables import table
from models.errors import ArgumentError


def list_() -> None:
    """All data sets, and where they come from."""
    from models.data.catalogue import CATALOGUE

    rows = table("data sets", "name", "features", "classes", "training", "validation", "test", "obtained by")
    rows.columns[-1].left = rows.columns[-1].wraps = True
    for known in CATALOGUE.values():
        rows.add_row(known.name, str(known.features), str(known.classes), *(f"{n:,}" for n in known.counts), known.obtained)
    console_of().print(rows)


def info(name: Annotated[str, typer.Argument(metavar="NAME")], data_dir: DataDir = None) -> None:
    """Origin and licence of a data set, the state of its files, and its statistics if it can be loaded.

    Exit code 1 if a file is missing or damaged.
    """
    from models.data import catalogue, fetch

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
    rows = table(f"{data.name}: {data.features} features, {data.classes} classes", "split", "samples", "mean", "deviation")
    for split in ("train", "validation", "test"):
        samples = getattr(data, split)
        if len(samples):
            real = samples.real("float32")
            rows.add_row(split, f"{len(samples):,}", f"{real.mean():.4f}", f"{real.std():.4f}")
    console.print(rows)


def fetch_(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    data_dir: DataDir = None,
    mirror: Annotated[list[str] | None, given("address in place of the known ones")] = None,
    quiet: Quiet = False,
) -> None:
    """Download a data set into the data directory; an interrupted download is resumed."""
    from models.data import fetch

    if data_dir is None:
        raise ArgumentError("data_dir", None, "is missing: give it or set HWSIM_DATA")
    with download_watcher(quiet) as watch:
        paths = fetch.fetch(name, data_dir, mirror, watch)
    for path in paths:
        console_of(quiet).print(str(path))


app = typer.Typer(help="List, inspect and download data sets.", no_args_is_help=True)
app.command("list")(list_)
app.command()(info)
app.command("fetch")(fetch_)
app.command()(difficulty)
