"""What every table must be: nothing is cut when it is drawn, and for programs its cells are values."""

import io
import re
from contextlib import redirect_stdout

from hwsim.commands import drawing

WIDTHS = (None, 120, 80, 60, 40, 20)
NUMBER = re.compile(r"[~±+-]?[\d.,]*\d([.,]\d+)?( ?(%|[kMG]?bit|s|M|W|mW))?")


def drawn(rows, width):
    """A table in lines of so many characters, as in a pipe."""
    out = io.StringIO()
    with redirect_stdout(out):
        drawing.draw(drawing.console(width or 100_000), rows, width)
    return out.getvalue()


def uncut(rows):
    """No figure is cut at any width, no word is, and no line is longer than it must be."""
    longest = max((len(w) for r in rows.rows for c in r.cells for w in c.split()), default=0)
    for width in WIDTHS:
        text = drawn(rows, width)
        assert not re.search(r"\S…|…\S", text) and "\x1b" not in text
        assert all(len(line.rstrip()) <= max(width or 10**6, longest + 6) for line in text.splitlines()), (width, text)
        for cell in (cell for row in rows.rows for cell in row.cells):
            figure = isinstance(getattr(cell, "value", None), int | float)
            parts = [cell] if figure and (width or 80) >= 40 else cell.split()
            assert all(part in text for part in parts), (width, cell)


def raw(told, labels=False):
    """In a table of a document no text is a number, and numbers have unit and meaning; labels of axes are texts."""
    for column in told["columns"]:
        cells = [row[column["name"]] for row in told["rows"]]
        texts = column["name"] == "unit" or (labels and "." not in column["name"])
        assert texts or not [c for c in cells if isinstance(c, str) and NUMBER.fullmatch(c)], (told["title"], column)
        if any(isinstance(c, int | float | list | dict) for c in cells):
            assert column["unit"] and column["meaning"], (told["title"], column)
