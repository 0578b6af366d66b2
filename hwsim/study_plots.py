"""Pictures of a study: two figures against each other, a mark for every design, the Pareto front drawn, 90 % intervals."""

import io
import math
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from hwsim.explore import Explored
from hwsim.figures import Figure, of_column
from hwsim.plots import BLUE, GREEN, GREY, RED, YELLOW, figure
from hwsim.study_directory import StudyDirectory
from hwsim.study_results import DesignRow, design_rows, front_of, varying

_COLOURS = (BLUE, RED, GREEN, YELLOW, "#66CCEE", "#AA3377")
_MARKERS = ("o", "s", "^", "D", "v", "P")
_ROOM = (0.16, 0.05)
"""Width and height of a label, shares of the picture."""
_MOST_GROUPS = 6
_LOG_FROM = 12
"""Ratio of the largest to the smallest value from which an axis of counts is logarithmic."""


class Wanted(NamedTuple):
    """A picture: columns along x and y, and its file."""

    x: str
    y: str

    @property
    def file(self) -> str:
        """Its name."""
        (mx, x), (my, y) = self.x.split("."), self.y.split(".")
        hardware = ("check", "costs")
        prefix = "-".join(dict.fromkeys(m for m in (my, mx) if m not in hardware))
        return f"{prefix + '-' if prefix else ''}{y}-against-{x}.png".replace("_", "-")


def wanted(explored: Explored) -> list[Wanted]:
    """The pictures of a study: its Pareto pairs, accuracies upright."""
    made: list[Wanted] = []
    for first, second in explored.study.pareto_pairs:
        upright = "accuracy" in second or second.endswith(".clocks_per_input") or "accuracy" not in first
        made.append(Wanted(first, second) if upright else Wanted(second, first))
    return list(dict.fromkeys(made))


def write(explored: Explored, directory: StudyDirectory) -> list[str]:
    """Every picture that has something to show; returns the file names."""
    rows, names = design_rows(explored), []
    for picture in wanted(explored):
        shown = [r for r in rows if picture.x in r.figures and picture.y in r.figures]
        if len(shown) < 2:
            continue
        buffer = io.BytesIO()
        scatter(explored, shown, picture).savefig(buffer, format="png", metadata={"Software": None})
        directory.write(picture.file, buffer.getvalue())
        names.append(picture.file)
    return names


def scatter(explored: Explored, rows: list[DesignRow], picture: Wanted) -> Picture:
    """A mark for every design, coloured by the first axis that has few values; the front is labelled."""
    fig, (ax,) = figure(width=6.4, height=4.0)
    _scales(ax, rows, picture)
    group_axis = _grouping(rows)
    groups = list(dict.fromkeys(r.labels[group_axis] for r in rows)) if group_axis else [""]
    places = _places(ax, rows, picture)
    front = sorted(front_of(rows, picture), key=lambda r: r.figures[picture.x].mean)
    if len(front) > 1:
        points = [places[r.design] for r in front]
        ax.plot(*zip(*points, strict=True), color=GREY, linewidth=1.4, zorder=1, label="Pareto front")
    for k, group in enumerate(groups):
        members = [r for r in rows if not group_axis or r.labels[group_axis] == group]
        _marks(ax, members, places, picture, k, f"{group_axis} {group}" if group_axis else "")
    _frame(fig, ax, explored, rows, picture)
    _labels(ax, front, places, [a for a in varying(rows) if a != group_axis], picture)
    return fig


def _places(ax: Axes, rows: list[DesignRow], picture: Wanted) -> dict[int, tuple[float, float]]:
    """Where each design's mark stands; where intervals would cover each other, marks of the same x stand side by side."""
    xs = {r.design: _scaled(picture.x, r.figures[picture.x].mean) for r in rows}
    span = max(xs.values()) - min(xs.values())
    side_by_side = any(math.isfinite(h) and h > 0 for h in (r.figures[picture.y].half_width for r in rows))
    result = {}
    for r in rows:
        x = xs[r.design]
        same = [d for d, other in xs.items() if other == x]
        off = (same.index(r.design) - (len(same) - 1) / 2) if side_by_side else 0.0
        moved = x * 1.022**off if ax.get_xscale() == "log" else x + 0.011 * span * off
        result[r.design] = (moved, _scaled(picture.y, r.figures[picture.y].mean))
    return result


def _scaled(column: str, value: float) -> float:
    """Shares are shown as percentages."""
    return 100 * value if _is_share(column) else value


def _is_share(column: str) -> bool:
    known = of_column(column)
    return known is not None and known.unit == "1"


def _marks(
    ax: Axes, rows: list[DesignRow], places: dict[int, tuple[float, float]], picture: Wanted, k: int, label: str
) -> None:
    xs, ys = zip(*(places[r.design] for r in rows), strict=True)
    halves = [_scaled(picture.y, r.figures[picture.y].half_width) for r in rows]
    bars = [h if math.isfinite(h) else 0.0 for h in halves]
    style: dict[str, Any] = {"color": _COLOURS[k % len(_COLOURS)], "marker": _MARKERS[k % len(_MARKERS)]}
    ax.errorbar(
        xs,
        ys,
        yerr=bars if any(bars) else None,
        linestyle="none",
        markersize=5,
        elinewidth=0.9,
        capsize=2,
        label=label,
        **style,
    )


def _grouping(rows: list[DesignRow]) -> str | None:
    """The first varying axis with few labels."""
    return next((a for a in varying(rows) if len({r.labels[a] for r in rows}) <= _MOST_GROUPS), None)


def _scales(ax: Axes, rows: list[DesignRow], picture: Wanted) -> None:
    for column, axis, set_scale in ((picture.x, ax.xaxis, ax.set_xscale), (picture.y, ax.yaxis, ax.set_yscale)):
        values = [r.figures[column].mean for r in rows]
        ratio = max(values) / min(values) if min(values) > 0 else 0.0
        if not _is_share(column) and ratio >= _LOG_FROM:
            set_scale("log", base=2 if ratio < 2**12 else 10)
            axis.set_minor_formatter(NullFormatter())
            axis.set_major_locator(LogLocator(base=2 if ratio < 2**12 else 10, numticks=10))
        elif all(v == int(v) for v in values):
            axis.set_major_locator(MaxNLocator(integer=True))
        if not _is_share(column):
            axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:,.6g}"))


def _labels(
    ax: Axes, rows: list[DesignRow], places: dict[int, tuple[float, float]], axes: list[str], picture: Wanted
) -> None:
    """The designs of the front by what distinguishes them, as far as there is room; on the side where nothing can be."""
    upward, rightward = (
        known is not None and known.better == "more" for known in (of_column(picture.y), of_column(picture.x))
    )
    taken: list[tuple[float, float]] = []
    for r in rows if axes else []:
        x, y = ax.transAxes.inverted().transform(ax.transData.transform(places[r.design]))
        if any(abs(x - a) < _ROOM[0] and abs(y - b) < _ROOM[1] for a, b in taken):
            continue
        taken.append((x, y))
        near_edge = x < _ROOM[0] and not rightward
        ax.annotate(
            ", ".join(r.labels[a] for a in axes),
            places[r.design],
            xytext=(4 if rightward or near_edge else -4, 7 if upward else -7),
            textcoords="offset points",
            va="bottom" if upward else "top",
            ha="left" if rightward or near_edge else "right",
            fontsize=6.5,
            color="#333333",
            path_effects=[withStroke(linewidth=2, foreground="white")],
            zorder=1.5,
        )


def _frame(fig: Picture, ax: Axes, explored: Explored, rows: list[DesignRow], picture: Wanted) -> None:
    ax.set_xlabel(_axis_title(picture.x), fontsize=9)
    ax.set_ylabel(_axis_title(picture.y), fontsize=9)
    ax.margins(0.09, 0.12)
    if _is_share(picture.y):
        low, high = ax.get_ylim()
        ax.set_ylim(max(low, 0.0), min(high, 100.5))
    seeds = len(explored.study.seeds)
    bars = f"; bars: 90 % confidence over {seeds} seeds" if seeds > 1 else ""
    about = explored.study.about or explored.study.name
    fig.suptitle(f"{about}\n{len(rows)} designs{bars}", fontsize=9, x=0.01, ha="left")
    handles, labels = ax.get_legend_handles_labels()
    kept = [(h, label) for h, label in zip(handles, labels, strict=True) if label]
    if kept:
        columns = min(len(kept), 4)
        fig.legend(*zip(*kept, strict=True), frameon=False, fontsize=8, ncols=columns, loc="outside lower center")


def _axis_title(column: str) -> str:
    known = of_column(column) or Figure("", column)
    text = known.axis or column.partition(".")[2].replace("_", " ")
    if _is_share(column):
        return f"{text} (%)"
    return text if known.unit in text or known.unit.rstrip("s") in text else f"{text} ({known.unit})"
