"""Tables and figures as text, for whoever prints them; each figure in them still knows its value, unit and meaning."""

from dataclasses import dataclass, field
from typing import Any

from hwsim.figure import Figures


class Told(str):
    """A value as people read it.

    Attributes
    ----------
    value
        What it tells: a number, a truth, a text, a list of them, or ``None`` where there is nothing to tell.
    """

    value: Any

    def __new__(cls, text: str, value: Any = None) -> "Told":
        """A text that tells a value."""
        made = super().__new__(cls, text)
        made.value = value
        return made


@dataclass
class Column:
    """How the cells of a column stand, and what they are.

    Attributes
    ----------
    name
        Its heading.
    left
        Whether its cells begin at the left; figures end at the right.
    wraps
        Whether long cells may take several lines.
    key
        Its name for programs: that of the figure, if its cells are figures.
    unit, meaning
        Of the figures in it; empty for texts.
    """

    name: str
    left: bool = False
    wraps: bool = False
    key: str = ""
    unit: str = ""
    meaning: str = ""

    def __post_init__(self) -> None:
        self.key = self.key or "_".join(self.name.split())


@dataclass(frozen=True)
class Row:
    """Cells, one a column, and whether they stand out."""

    cells: tuple[str, ...]
    bold: bool = False


@dataclass
class Table:
    """A table that is filled row by row.

    Attributes
    ----------
    caption
        Lines below it.
    """

    title: str
    columns: list[Column]
    caption: str | None = None
    rows: list[Row] = field(default_factory=list)

    def add_row(self, *cells: str, bold: bool = False) -> None:
        """Another row at the end; cells that are :class:`Told` keep their values."""
        self.rows.append(Row(cells, bold))


def table(title: str, *columns: str | Column, caption: str | None = None) -> Table:
    """An empty table in the house style: first column left, figures right."""
    made = [Column(c) if isinstance(c, str) else c for c in columns]
    made[0].left = True
    return Table(title, made, caption)


def columns(figures: Figures, **headings: str) -> list[Column]:
    """Columns of registered figures, by name of the figure: their headings."""
    return [
        Column(heading, key=name, unit=figures[name].unit, meaning=figures[name].meaning)
        for name, heading in headings.items()
    ]


def number(value: float, form: str = ",") -> Told:
    """A number in Python's format."""
    return Told(f"{value:{form}}", value)


def percent(share: float) -> Told:
    """A share as a percentage with two decimals, three for small ones."""
    return Told(f"{100 * share:.{2 if share >= 0.01 else 3}f} %", share)


def loss(value: float) -> Told:
    """A mean loss with four decimals, or as a power of ten once training has diverged."""
    return Told(f"{value:.4f}" if value < 1e6 else f"{value:.3e}", value)


def bits(n: int) -> Told:
    """A number of bits in the unit that reads best."""
    return Told(f"{n:,} bit" if n < 10_000 else f"{n / 1000:,.1f} kbit" if n < 10_000_000 else f"{n / 1e6:,.1f} Mbit", n)


NOTHING = Told("", None)
"""An empty cell: there is nothing to tell."""
