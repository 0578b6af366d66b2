"""The commands ``hwsim data``: which data sets there are, in which state, and how to get them."""

from typing import Annotated

import typer

from hwsim.commands.completion import datasets
from hwsim.commands.console import console_of
from hwsim.commands.difficulty import difficulty
from hwsim.commands.options import DataDir, Quiet, expanded, given
from hwsim.commands.progress import download_watcher
from hwsim.figure import Figure, Figures
from hwsim.tables import columns, number, table
from models.errors import ArgumentError

DATA_SETS = Figures(
    "data sets",
    {
        "features": Figure("features", "of a sample"),
        "classes": Figure("classes", "that samples belong to"),
        "train": Figure("samples", "to train on"),
        "validation": Figure("samples", "held out"),
        "test": Figure("samples", "to test on"),
    },
)
"""Of a data set, as tables have them."""

SPLITS = Figures(
    "splits",
    {
        "samples": Figure("samples", "of the split"),
        "mean": Figure("1", "of all features of all samples of the split, as real numbers"),
        "deviation": Figure("1", "standard deviation of the same"),
    },
)
"""Of one split of a data set, as tables have them."""


def list_() -> None:
    """List all data sets, and where they come from."""
    from models.data.catalogue import CATALOGUE

    counts = {"train": "training", "validation": "validation", "test": "test"}
    heads = columns(DATA_SETS, features="features", classes="classes", **counts)
    rows = table("data sets", "name", *heads, "obtained by")
    rows.columns[-1].left = rows.columns[-1].wraps = True
    for known in CATALOGUE.values():
        sizes = number(known.features, ""), number(known.classes, "")
        rows.add_row(known.name, *sizes, *map(number, known.counts), known.obtained)
    console_of().print(rows)


def info(name: Annotated[str, typer.Argument(metavar="NAME", autocompletion=datasets)], data_dir: DataDir = None) -> None:
    """Show the origin, files and statistics of a data set.

    Also its licence, and the state of every file; statistics if it can be loaded.
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
    heads = columns(SPLITS, samples="samples", mean="mean", deviation="deviation")
    rows = table(f"{data.name}: {data.features} features, {data.classes} classes", "split", *heads)
    for split in ("train", "validation", "test"):
        samples = getattr(data, split)
        if len(samples):
            real = samples.real("float32")
            rows.add_row(split, number(len(samples)), *(number(float(x), ".4f") for x in (real.mean(), real.std())))
    console.print(rows)


def fetch_(
    name: Annotated[str, typer.Argument(metavar="NAME", autocompletion=datasets)],
    data_dir: DataDir = None,
    mirror: Annotated[list[str] | None, given("address in place of the known ones")] = None,
    quiet: Quiet = False,
) -> None:
    """Download a data set into the data directory.

    An interrupted download is resumed.
    """
    from models.data import fetch

    if data_dir is None:
        raise ArgumentError("data_dir", None, "is missing: give it or set HWSIM_DATA")
    with download_watcher(quiet) as watch:
        paths = fetch.fetch(name, data_dir, mirror, watch)
    for path in paths:
        console_of(quiet).print(str(path))


app = typer.Typer(help="List, inspect and download data sets.", no_args_is_help=True)
app.command("list")(expanded(list_))
app.command()(expanded(info))
app.command("fetch")(expanded(fetch_))
app.command()(expanded(difficulty))
