"""The command ``hwsim data difficulty``."""

import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from hwsim import config_file, report
from models.errors import ArgumentError

if TYPE_CHECKING:
    from models.data.dataset import Dataset

_NETWORK = {"layers": [1, 1], "out_degree": "full"}
"""Stands in where a data set is asked for by name and no network plays a part."""


def register(app: typer.Typer) -> None:
    """Add the command to those of data sets."""
    app.command()(difficulty)


def difficulty(
    source: Annotated[
        str,
        typer.Argument(metavar="NAME|CONFIG", help="a data set, its file or a configuration file", show_default=False),
    ],
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="JSON file", show_default=False)] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", metavar="DIR", envvar="HWSIM_DATA", help="folder of the data sets", show_default=False),
    ] = None,
    assign: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="e.g. data.morse.sigma=3", show_default=False),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", help="of data that are drawn", show_default=False)
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="no table")] = False,
) -> None:
    """Print how hard the training samples are to classify, by the metrics of the Morse paper and by its published code."""
    from hwsim.difficulty_figures import DIFFICULTY_FIGURES, difficulty_figures
    from hwsim.rundir import write_whole

    sets = dict(config_file.assignment(text) for text in assign or []) | ({} if seed is None else {"seed": seed})
    data = _dataset(source, data_dir, sets)
    found = difficulty_figures(data)
    table = report.table(f"{data.name}: difficulty of {len(data.train):,} samples", "metric", "value", "unit", "meaning")
    table.columns[-1].justify = table.columns[-2].justify = "left"
    for name, value in found.items():
        known = DIFFICULTY_FIGURES[name]
        table.add_row(name.replace("_", " "), f"{value:.6g}", "" if known.unit == "1" else known.unit, known.meaning)
    console = Console(quiet=quiet, width=None if sys.stdout.isatty() else 500, markup=False, emoji=False, highlight=False)
    console.print(table)
    if out is None:
        return
    finite = {name: value if math.isfinite(value) else None for name, value in found.items()}
    figures = DIFFICULTY_FIGURES.all_told(finite)
    content = {"data": data.name, "samples": len(data.train), "classes": data.classes, "figures": figures}
    try:
        write_whole(out, (json.dumps(content, indent=2) + "\n").encode())
    except OSError as e:
        raise ArgumentError("out", str(out), f"cannot be written: {e.strerror or e}") from None


def _dataset(source: str, data_dir: Path | None, sets: dict[str, Any]) -> "Dataset":
    """The training samples of a configuration, or the data set of that name."""
    from hwsim.data_fit import morse_options
    from hwsim.design import Design
    from models.data import catalogue

    if Path(source).suffix in (".yaml", ".yml"):
        return Design(config_file.load(source, sets)).unpadded(data_dir)
    catalogue.file_of(source, data_dir)  # tells which names there are
    for key in sets:
        if key != "seed" and not key.startswith("data.morse."):
            raise ArgumentError(
                "assignments", key, "has no effect on a data set's name: give a configuration", ["data.morse.sigma"]
            )
    plain = {"network": _NETWORK, "connectivity": {"kind": "full"}, "data": {"name": source}}
    config = config_file.parse(config_file.with_overrides(plain, sets))
    return catalogue.load(source, data_dir, config.seed, morse_options=morse_options(config))
