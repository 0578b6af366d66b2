"""Where commands print: for people a console, tables drawn; for programs the one document of ``--json``."""

import json
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from hwsim.commands import document
from hwsim.tables import Table

if TYPE_CHECKING:
    import rich.console

_UNBOUNDED = 100_000
"""Characters of a line where nobody watches, and nobody says how many."""


_FIGURE = {"value", "unit", "meaning"}


class Console(Protocol):
    """What commands print on."""

    def print(self, thing: str | Table, *, soft_wrap: bool = False) -> None:
        """A table, or a line; one that wraps softly is for copying, and stays one line."""

    def found(self, figures: Mapping[str, Any]) -> None:
        """What a file of results has; of it, figures with value, unit and meaning count. People read tables and lines."""

    def at_most(self, rows: int) -> int:
        """How many rows of a long table are shown, if people look at so many; programs want all."""


class _ForPeople:
    """Tables are drawn; names are printed as they are, whatever brackets they hold."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._drawn: rich.console.Console | None = None

    def print(self, thing: str | Table, *, soft_wrap: bool = False) -> None:
        if self._quiet:
            return
        from hwsim.commands import drawing  # loads much, which no other command line needs

        width = _width()
        if self._drawn is None:
            self._drawn = drawing.console(width or _UNBOUNDED)
        if isinstance(thing, Table):
            drawing.draw(self._drawn, thing, width)
        else:
            drawing.say(self._drawn, thing, None if soft_wrap else width)

    def found(self, figures: Mapping[str, Any]) -> None:
        """Nothing: tables and lines say it."""

    def at_most(self, rows: int) -> int:
        return rows


class _ForPrograms:
    """Everything is kept for the document; lines are told beside it, too."""

    def __init__(self, kept: document.Document, quiet: bool) -> None:
        self._kept, self._quiet = kept, quiet

    def print(self, thing: str | Table, *, soft_wrap: bool = False) -> None:
        if isinstance(thing, Table):
            self._kept.tables.append(thing)
        else:
            self._kept.lines.append(thing)
            if not self._quiet:
                say(thing)  # at once: the document comes at the end

    def found(self, figures: Mapping[str, Any]) -> None:
        told = {name: known for name, known in figures.items() if isinstance(known, Mapping) and known.keys() >= _FIGURE}
        self._kept.figures |= told

    def at_most(self, rows: int) -> int:
        return sys.maxsize


def console_of(quiet: bool = False) -> Console:
    """Where a command prints what it has found.

    Where nobody watches, lines are as long as they are, or as ``COLUMNS`` says. Quiet, the library's notes stay away, too;
    what is for programs is not made quiet.
    """
    logging.getLogger("hwsim").setLevel(logging.ERROR if quiet else logging.NOTSET)
    kept = document.current()
    return _ForPeople(quiet) if kept is None else _ForPrograms(kept, quiet)


def stored(directory: Path, *names: str) -> dict[str, Any]:
    """What files of results hold that a command has just left in a directory, those that are there."""
    files = [file for name in names if (file := directory / name).is_file()]
    return {key: value for file in files for key, value in json.loads(file.read_bytes()).items()}


def _width() -> int | None:
    """Characters of a line, if they are bounded."""
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told) > 0:
        return int(told)
    if not sys.stdout.isatty():
        return None
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except OSError:
        return None


def say(text: str) -> None:
    """A line beside the results."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def fail(line: str, code: int) -> int:
    """Say in one line what went wrong; returns the exit code."""
    # What comes from a file or a name must not steer the terminal.
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in " ".join(line.split()))
    if (kept := document.current()) is not None:
        kept.fail(shown)
    say(f"hwsim: {shown}")
    return code
