"""How pictures of studies show figures: scales, names and units, colours and marks of groups."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from hwsim.figure import Figure
from hwsim.pictures.style import BLUE, GREEN, RED, YELLOW
from hwsim.studies.definition.comparisons import PublishedSection
from hwsim.studies.figures import of_column

COLOURS = (BLUE, RED, GREEN, YELLOW, "#66CCEE", "#AA3377")
MARKERS = ("o", "s", "^", "D", "v", "P")
_LOG_FROM = 12
"""Ratio of the largest to the smallest value from which an axis of counts is logarithmic."""
_DECADES = 1e4
"""Ratio from which a logarithmic axis has no ticks between powers of ten."""
_LEGEND_WIDTH = 100
"""Characters that fit into a line of the legend, with marks and gaps."""


def is_share(column: str) -> bool:
    """Whether a figure is shown in per cent."""
    known = of_column(column)
    return known is not None and known.unit == "1"


def scaled(column: str, value: float) -> float:
    """A value as pictures show it."""
    return 100 * value if is_share(column) else value


def axis_title(column: str) -> str:
    """Name and unit of a figure."""
    known = of_column(column) or Figure("", column)
    text = known.axis or column.partition(".")[2].replace("_", " ")
    if is_share(column):
        return f"{text} (%)"
    named = "(" in text or known.unit in text or known.unit.rstrip("s") in text
    return text if named else f"{text} ({known.unit})"


def set_scale(ax: Axes, which: Literal["x", "y"], column: str, values: list[float]) -> None:
    """Scale and ticks of an axis for the values of a figure: logarithmic for counts and densities that differ much."""
    axis = ax.xaxis if which == "x" else ax.yaxis
    ratio = max(values) / min(values) if min(values) > 0 else 0.0
    known = of_column(column)
    cost = known is not None and known.better == "less"
    if ratio >= _LOG_FROM and (cost or not is_share(column)):
        base = 2 if ratio < 2**12 and not is_share(column) else 10
        (ax.set_xscale if which == "x" else ax.set_yscale)("log", base=base)
        axis.set_minor_formatter(NullFormatter())
        between = (1, 2, 5) if base == 10 and ratio < _DECADES else (1,)
        axis.set_major_locator(LogLocator(base=base, subs=between, numticks=10))
    elif all(float(v).is_integer() for v in values):
        axis.set_major_locator(MaxNLocator(integer=True))
    if not is_share(column) or axis.get_scale() == "log":
        axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:,.0f}" if abs(v) >= 1000 else f"{v:.6g}"))


def frame(fig: Picture, ax: Axes, title: str, x: str, y_column: str) -> None:
    """Titles, margins and legend."""
    ax.set_xlabel(x, fontsize=9)
    ax.set_ylabel(axis_title(y_column), fontsize=9)
    ax.margins(0.09, 0.12)
    if is_share(y_column):
        low, high = ax.get_ylim()
        ax.set_ylim(max(low, 0.0), min(high, 100.5))
    fig.suptitle(title, fontsize=9, x=0.01, ha="left")
    handles, labels = ax.get_legend_handles_labels()
    kept = [(h, label) for h, label in zip(handles, labels, strict=True) if label]
    if kept:
        fits = max(1, _LEGEND_WIDTH // (max(len(label) for _, label in kept) + 7))
        columns = min(len(kept), fits, 4)
        fig.legend(*zip(*kept, strict=True), frameon=False, fontsize=8, ncols=columns, loc="outside lower center")


class PublishedMark(NamedTuple):
    """Where a published value stands along x, and the number of the group it belongs to."""

    x: float
    group: int
    published: PublishedSection


def style(group: int) -> dict[str, Any]:
    """Colour and mark of a group."""
    return {"color": COLOURS[group % len(COLOURS)], "marker": MARKERS[(group + group // len(COLOURS)) % len(MARKERS)]}


def mark_published(ax: Axes, column: str, marks: Sequence[PublishedMark]) -> None:
    """Published values of a figure as hollow marks in the style of their group; bars say how well they could be read."""
    hollow: dict[str, Any] = {"linestyle": "none", "markersize": 8, "markerfacecolor": "none"}
    for m in marks:
        bar = scaled(column, m.published.tolerance) or None
        y = scaled(column, m.published.value)
        ax.errorbar([m.x], [y], yerr=bar, elinewidth=0.9, capsize=3, zorder=3, label="", **hollow, **style(m.group))
    if marks:
        ax.plot([], [], color="#333333", marker="o", label="published", **hollow)
