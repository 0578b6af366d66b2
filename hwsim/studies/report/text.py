"""Figures of a study as text: what a column is called, values in digits that their interval deserves, Markdown tables."""

import math
from typing import Any

from hwsim.studies.figures import of_column, trains


def title(column: str) -> str:
    """What a person calls a column."""
    measurement, _, name = column.partition(".")
    engine = f"{measurement} " if trains(measurement) else ""
    return f"{engine}{name.replace('_', ' ')}" if of_column(column) else column


def unit_title(column: str) -> str:
    """The same with the unit."""
    known, name = of_column(column), title(column)
    return name if known is None or known.unit == "1" or known.unit in name else f"{name} ({known.unit})"


def shown(column: str, value: float, half_width: float = 0.0) -> str:
    """A value, and ± half the width of its interval if that is finite and not 0; shares in per cent."""
    known, wide = of_column(column), math.isfinite(half_width) and half_width != 0
    if known is not None and known.unit == "1":
        return f"{100 * value:.2f}" + (f" ± {100 * half_width:.2f}" if wide else "") + " %"
    text = f"{value:,.0f}" if abs(value) >= 1000 or float(value).is_integer() else f"{value:.4g}"
    return f"{text} ± {half_width:.2g}" if wide else text


def markdown_table(titles: list[str], rows: list[list[Any]]) -> str:
    """Rows under their titles."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join("| " + " | ".join(str(c).replace("|", "\\|") for c in line) + " |" for line in lines)
