"""Where commands print, and how tables look there."""

import logging
import sys
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table as Drawn
from rich.text import Text

from hwsim.tables import Table


class _Console(Console):
    """A console that knows the library's tables."""

    def print(self, *things: Any, **options: Any) -> None:
        super().print(*(_drawn(thing) if isinstance(thing, Table) else thing for thing in things), **options)


def console_of(quiet: bool = False) -> Console:
    """Where nobody watches, tables are as wide as they are; names are printed as they are, whatever brackets they hold.

    Quiet, the library's notes stay away, too.
    """
    logging.getLogger("hwsim").setLevel(logging.ERROR if quiet else logging.NOTSET)
    return _Console(quiet=quiet, width=None if sys.stdout.isatty() else 500, markup=False, emoji=False, highlight=False)


def say(text: str) -> None:
    """A line beside the results."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def fail(line: str, code: int) -> int:
    """Say in one line what went wrong; returns the exit code."""
    # What comes from a file or a name must not steer the terminal.
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in " ".join(line.split()))
    say(f"hwsim: {shown}")
    return code


def _drawn(table: Table) -> Drawn:
    """The table for a terminal."""
    result = Drawn(
        title=Text(table.title, no_wrap=True),
        box=box.SIMPLE_HEAD,
        title_justify="left",
        caption=table.caption,
        caption_justify="left",
        min_width=len(table.title),  # a title is cut, or wrapped, at the width of its table
    )
    for column in table.columns:
        result.add_column(column.name, justify="left" if column.left else "right", no_wrap=not column.wraps)
    for row in table.rows:
        result.add_row(*row.cells, style="bold" if row.bold else None)
    return result
