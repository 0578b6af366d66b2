"""The command ``hwsim data difficulty``."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hwsim.commands.completion import datasets
from hwsim.commands.console import console_of
from hwsim.commands.options import DataDir, file, overrides, seeding, setting, silent
from hwsim.tables import Column, Told, number, table
from models.errors import ArgumentError

if TYPE_CHECKING:
    from models.data.dataset import Dataset

_NETWORK = {"layers": [1, 1], "out_degree": "full"}
"""Stands in where a data set is asked for by name and no network plays a part."""


def difficulty(
    source: Annotated[
        str,
        typer.Argument(
            metavar="NAME|CONFIG",
            help="a data set, its file or a configuration file",
            show_default=False,
            autocompletion=datasets,
        ),
    ],
    out: Annotated[Path | None, file("JSON file")] = None,
    data_dir: DataDir = None,
    assign: Annotated[list[str] | None, setting("e.g. data.morse.sigma=3")] = None,
    seed: Annotated[int | None, seeding("of data that are drawn")] = None,
    quiet: Annotated[bool, silent("no table")] = False,
) -> None:
    """Show how hard a data set is to classify.

    Its training samples are judged by the metrics of the Morse paper, as meant and as published code.
    """
    from hwsim.measurements.difficulty_figures import DIFFICULTY_FIGURES, difficulty_figures
    from models.files.whole import write_whole

    sets = overrides(assign, seed)
    data = _dataset(source, data_dir, sets)
    found = difficulty_figures(data)
    head = Column("value", unit="as its row says", meaning="of the metric")
    rows = table(f"{data.name}: difficulty of {len(data.train):,} samples", "metric", head, "unit", "meaning")
    rows.columns[-1].left = rows.columns[-2].left = True
    for name, value in found.items():
        known = DIFFICULTY_FIGURES[name]
        unit = Told("" if known.unit == "1" else known.unit, known.unit)
        rows.add_row(Told(name.replace("_", " "), name), number(value, ".6g"), unit, known.meaning)
    console = console_of(quiet)
    console.print(rows)
    console.found(DIFFICULTY_FIGURES.all_told(found))
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
    from hwsim.configuration import config_file
    from hwsim.configuration.data_fit import morse_options
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
