"""Options that several commands share, and the console they print to."""

import logging
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from hwsim import config_file
from hwsim.whole_configuration import Configuration

ConfigPath = Annotated[Path, typer.Argument(metavar="CONFIG", help="configuration file (YAML)", show_default=False)]
Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="directory for the results", show_default=False)]
Seed = Annotated[int | None, typer.Option("--seed", metavar="N", help="in place of the configuration's", show_default=False)]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="any configuration key, e.g. data.morse.sigma=3", show_default=False),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="no progress and no tables")]
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", metavar="DIR", envvar="HWSIM_DATA", help="folder of the data sets", show_default=False),
]


def console_of(quiet: bool = False) -> Console:
    """Where nobody watches, tables are as wide as they are; names are printed as they are, whatever brackets they hold.

    Quiet, the library's notes stay away, too.
    """
    logging.getLogger("hwsim").setLevel(logging.ERROR if quiet else logging.NOTSET)
    return Console(quiet=quiet, width=None if sys.stdout.isatty() else 500, markup=False, emoji=False, highlight=False)


def overrides(assignments: list[str] | None, seed: int | None = None) -> dict[str, Any]:
    """What ``--set`` and ``--seed`` say, by configuration key."""
    given = dict(config_file.assignment(text) for text in assignments or [])
    return given | ({} if seed is None else {"seed": seed})


def load(path: Path, assignments: list[str] | None, seed: int | None) -> Configuration:
    """The configuration with what the command line says in place of what the file says."""
    return config_file.load(path, overrides(assignments, seed))
