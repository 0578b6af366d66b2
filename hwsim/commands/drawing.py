"""How tables look on a terminal: as they are where they fit, with folded texts where those are too wide, else row by row.

No figure is ever cut: where the figures of a row do not fit side by side, they stand below each other, each behind the
heading of its column.
"""

import textwrap
from collections.abc import Iterator
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table as Drawn
from rich.text import Text

from hwsim.tables import Table

_MARGIN, _BETWEEN = 2, 3
"""Blanks at either end of a row, and between cells; where these are too many, one."""
_INDENT = "  "
_WORDS: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}
_READABLE = 80
"""Characters of a line below a table where nobody says how wide lines may be."""


def console(width: int) -> Console:
    """Standard output, in lines of so many characters: no colours unless it is a terminal, and markup is text."""
    return Console(width=width, markup=False, emoji=False, highlight=False)


def say(console: Console, text: str, width: int | None) -> None:
    """Print a line, broken between words where it is longer than ``width``."""
    for line in text.splitlines() or [""]:
        _paragraph(console, line, width or max(len(line), 1))


def draw(console: Console, table: Table, width: int | None) -> None:
    """Print a table in lines of at most ``width`` characters; ``None``: as wide as it is."""
    roomy = fitted(table, width)
    widths = roomy or fitted(table, width, tight=True)
    whole = width or max(_READABLE, sum(widths or []) + _BETWEEN * len(table.columns))
    _paragraph(console, table.title, width or max(len(table.title), 1), "table.title")
    if widths is not None:
        console.print(_side_by_side(table, widths, roomy is None), crop=False)
    else:
        for line in _row_by_row(table, whole):
            console.print(line, soft_wrap=True)
    for remark in (table.caption or "").splitlines():
        _paragraph(console, remark, whole, "table.caption")


def fitted(table: Table, width: int | None, tight: bool = False) -> list[int] | None:
    """Characters of every column; ``None`` where figures would be cut.

    The widest column that may give way does so, character by character: texts down to their longest word, figures never,
    headings down to theirs.
    """
    cells = [[row.cells[i] for row in table.rows] for i in range(len(table.columns))]
    natural, least = [], []
    for column, texts in zip(table.columns, cells, strict=True):
        heading = max(map(len, column.name.split()), default=0)
        longest = max((max(map(len, t.splitlines() or [""])) for t in texts), default=0)
        folds = column.wraps or (column.left and longest > _READABLE // 3)
        words = max((len(word) for t in texts for word in t.split()), default=0)
        natural.append(max(len(column.name), longest))
        least.append(max(heading, words if folds else longest))
    if width is None:
        return natural
    margin, between = (1, 1) if tight else (_MARGIN, _BETWEEN)
    room = width - 2 * margin - between * (len(natural) - 1)
    if sum(least) > room:
        return None
    while sum(natural) > room:
        loose = [have - need for have, need in zip(natural, least, strict=True)]
        widest = max((n for n, more in zip(natural, loose, strict=True) if more), default=0)
        natural[next(i for i, more in enumerate(loose) if more and natural[i] == widest)] -= 1
    return natural


def _side_by_side(table: Table, widths: list[int], tight: bool) -> Drawn:
    result = Drawn(box=box.SIMPLE_HEAD, padding=(0, 0 if tight else 1))
    for column, width in zip(table.columns, widths, strict=True):
        result.add_column(column.name, justify="left" if column.left else "right", width=width, overflow="fold")
    for row in table.rows:
        result.add_row(*row.cells, style="bold" if row.bold else None)
    return result


def _row_by_row(table: Table, width: int) -> Iterator[Text]:
    """Every row as a paragraph: its first cell, then the others behind their headings, as many in a line as fit."""
    for row in table.rows:
        yield Text()
        told = [(c.name, cell) for c, cell in zip(table.columns, row.cells, strict=True) if cell.strip()]
        pieces = [" ".join(f"{name} {cell}".split()) for name, cell in told]
        yield from (Text(line, style="bold" if row.bold else "") for line in _packed(pieces, width))
    yield Text()


def _packed(pieces: list[str], width: int) -> Iterator[str]:
    """Lines of pieces: the first alone, the others below it; only what is longer than a line is broken, between words."""
    line = ""
    for i, piece in enumerate(pieces):
        indent = _INDENT * (1 if i == 0 else 2)
        if line and i > 1 and len(line) + _BETWEEN + len(piece) <= width:
            line += " " * _BETWEEN + piece
            continue
        if line:
            yield line
        *whole, rest = textwrap.wrap(
            piece, max(width, 2 * len(indent) + 10), initial_indent=indent, subsequent_indent=indent + _INDENT, **_WORDS
        )
        yield from whole
        line = rest
    if line:
        yield line


def _paragraph(console: Console, text: str, width: int, style: str = "") -> None:
    for part in textwrap.wrap(text, width, **_WORDS) or [""]:
        console.print(Text(part, style=style), soft_wrap=True)
