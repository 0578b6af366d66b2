"""Tables and figures as text, for whoever prints them."""

from dataclasses import dataclass, field


@dataclass
class Column:
    """How the cells of a column stand.

    Attributes
    ----------
    name
        Its heading.
    left
        Whether its cells begin at the left; figures end at the right.
    wraps
        Whether long cells may take several lines.
    """

    name: str
    left: bool = False
    wraps: bool = False


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
        """Another row at the end."""
        self.rows.append(Row(cells, bold))


def table(title: str, *columns: str, caption: str | None = None) -> Table:
    """An empty table in the house style: first column left, figures right."""
    return Table(title, [Column(name, left=i == 0) for i, name in enumerate(columns)], caption)


def percent(share: float) -> str:
    """A share as a percentage with two decimals, three for small ones."""
    return f"{100 * share:.{2 if share >= 0.01 else 3}f} %"


def loss(value: float) -> str:
    """A mean loss with four decimals, or as a power of ten once training has diverged."""
    return f"{value:.4f}" if value < 1e6 else f"{value:.3e}"


def bits(n: int) -> str:
    """A number of bits in the unit that reads best."""
    return f"{n:,} bit" if n < 10_000 else f"{n / 1000:,.1f} kbit" if n < 10_000_000 else f"{n / 1e6:,.1f} Mbit"
