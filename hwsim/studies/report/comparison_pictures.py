"""Pictures of a figure along an axis, beside published values, and of two figures that may go together."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hwsim.pictures.style import GREY, panels
from hwsim.studies.definition.comparisons import CorrelationSection, CurveSection
from hwsim.studies.definition.labels import IDLE
from hwsim.studies.findings.comparisons import pairs_of, published
from hwsim.studies.findings.correlation import correlation
from hwsim.studies.findings.estimates import Estimate
from hwsim.studies.findings.tables import DesignRow, design_rows, varying
from hwsim.studies.measuring.exploration import Explored
from hwsim.studies.report.axes import PublishedMark, axis_title, frame, mark_published, scaled, set_scale, style
from hwsim.studies.report.comparisons import coefficient

_LONG_LABELS = 40
"""Characters of all labels together from which they stand upright."""
_MOST_GROUPS = 8


def curves(explored: Explored) -> dict[str, Figure]:
    """By file name: every picture along an axis that the study asks for and that has at least two places."""
    made = {}
    for wanted in explored.study.curves:
        rows = [r for r in design_rows(explored) if wanted.y in r.figures and r.labels[wanted.along] != IDLE]
        if wanted.x is not None:
            rows = [r for r in rows if wanted.x in r.figures and math.isfinite(r.figures[wanted.x].mean)]
        if len({r.labels[wanted.along] for r in rows}) >= 2:
            against = wanted.x.partition(".")[2] if wanted.x is not None else wanted.along
            name = f"curve-{wanted.y.replace('.', '-')}-against-{against}.png"
            made[name.replace("_", "-")] = _curve(explored, rows, wanted)
    return made


def _curve(explored: Explored, rows: list[DesignRow], wanted: CurveSection) -> Figure:
    """A line for every combination of the other axes; the axis' labels stand at equal distances, or where a figure is."""
    fig, (ax,) = panels(width=6.4, height=4.0)
    others = [a for a in varying(rows, explored.study.chosen) if a != wanted.along]
    places = {label: k for k, label in enumerate(dict.fromkeys(r.labels[wanted.along] for r in rows))}
    groups = list(dict.fromkeys(tuple(r.labels[a] for a in others) for r in rows))
    xs: dict[int, float] = {}
    marks: list[PublishedMark] = []
    for k, group in enumerate(groups):
        members = [r for r in rows if tuple(r.labels[a] for a in others) == group]
        aside = 0.06 * (k - (len(groups) - 1) / 2) / max(1, len(groups) / 6)
        if wanted.x is None:
            xs |= {r.design: places[r.labels[wanted.along]] + aside for r in members}
        else:
            xs |= {r.design: scaled(wanted.x, r.figures[wanted.x].mean) for r in members}
            members = sorted(members, key=lambda r: xs[r.design])
        label = ", ".join(f"{a} {v}" for a, v in zip(others, group, strict=True) if v != IDLE)
        line: Sequence[DesignRow | None] = members if wanted.x is not None else _gapped(members, places, wanted.along)
        _line(ax, line, xs, wanted.y, k, label)
        found = published(explored, members, wanted.y)
        marks += [PublishedMark(xs[r.design], k, p) for r, p in found]
    mark_published(ax, wanted.y, marks)
    if wanted.x is None:
        upright = sum(map(len, places)) > _LONG_LABELS
        ax.set_xticks(range(len(places)), [*places], rotation=60 if upright else 0, ha="right" if upright else "center")
        x_title = wanted.along.replace("_", " ")
    else:
        set_scale(ax, "x", wanted.x, [r.figures[wanted.x].mean for r in rows])
        x_title = axis_title(wanted.x)
    seeds = len(explored.study.seeds)
    bars = f"\nbars: 90 % confidence over {seeds} seeds" if seeds > 1 else ""
    frame(fig, ax, f"{explored.study.about or explored.study.name}{bars}", x_title, wanted.y)
    return fig


def _gapped(rows: list[DesignRow], places: dict[str, int], along: str) -> list[DesignRow | None]:
    """Designs in the order of the axis, ``None`` where one is missing between two."""
    ordered = sorted(rows, key=lambda r: places[r.labels[along]])
    made: list[DesignRow | None] = []
    for r in ordered:
        before = made[-1] if made else None
        if before is not None and places[r.labels[along]] > places[before.labels[along]] + 1:
            made.append(None)
        made.append(r)
    return made


def _line(ax: Axes, rows: Sequence[DesignRow | None], xs: dict[int, float], column: str, k: int, label: str) -> None:
    """A mark for every design, joined to its neighbours."""
    found = [r.figures[column] if r else Estimate(math.nan, math.nan, 0) for r in rows]
    halves = [scaled(column, e.half_width) if math.isfinite(e.half_width) else 0.0 for e in found]
    ax.errorbar(
        [xs[r.design] if r else math.nan for r in rows],
        [scaled(column, e.mean) for e in found],
        yerr=halves if any(halves) else None,
        markersize=4,
        linewidth=1.0,
        elinewidth=0.9,
        capsize=2,
        label=label,
        **style(k),
    )


def correlations(explored: Explored) -> dict[str, Figure]:
    """By file name: a picture of every pair of figures that the study correlates, if at least two designs have both."""
    made = {}
    for c in explored.study.correlations:
        pairs = pairs_of(explored, c)
        if len(pairs) >= 2:
            among = f"-by-{c.within}" if c.within is not None else ""
            among += "-points" if c.over == "points" else ""
            name = f"correlation-{c.y.replace('.', '-')}-against-{c.x.replace('.', '-')}{among}.png"
            made[name.replace("_", "-")] = _correlation(explored, c, pairs)
    return made


def _correlation(explored: Explored, wanted: CorrelationSection, pairs: list[tuple[dict[str, str], float, float]]) -> Figure:
    """A mark for every pair, grouped by the axis, and the straight line of least squares as drawn."""
    fig, (ax,) = panels(width=6.4, height=4.0)
    x, y = [p[1] for p in pairs], [p[2] for p in pairs]
    set_scale(ax, "x", wanted.x, x)
    set_scale(ax, "y", wanted.y, y)
    axis = wanted.within or _grouping(pairs)
    groups = list(dict.fromkeys(labels[axis] for labels, _, _ in pairs)) if axis else [""]
    for k, group in enumerate(groups):
        members = [(a, b) for labels, a, b in pairs if not axis or labels[axis] == group]
        ax.plot(
            [scaled(wanted.x, a) for a, _ in members],
            [scaled(wanted.y, b) for _, b in members],
            linestyle="none",
            markersize=4.5,
            label=f"{axis} {group}" if axis else "",
            **style(k),
        )
    _trend(ax, np.array([scaled(wanted.x, v) for v in x]), np.array([scaled(wanted.y, v) for v in y]))
    found = correlation(x, y)
    told = f"{len(pairs)} {wanted.over}"
    if found.pearson is not None and found.spearman is not None:
        told += f"; Pearson {coefficient(found.pearson)}, Spearman {coefficient(found.spearman)}"
    frame(fig, ax, f"{explored.study.about or explored.study.name}\n{told}", axis_title(wanted.x), wanted.y)
    return fig


def _trend(ax: Axes, x: np.ndarray, y: np.ndarray) -> None:
    """Straight on the picture: on a logarithmic axis in the logarithms."""
    logs = [scale == "log" for scale in (ax.get_xscale(), ax.get_yscale())]
    a, b = (np.log(v) if log else v for v, log in zip((x, y), logs, strict=True))
    deviation = a - a.mean()
    if not deviation.any():
        return
    slope = float(deviation @ (b - b.mean())) / float(deviation @ deviation)
    ends = np.array([a.min(), a.max()])
    line = b.mean() + slope * (ends - a.mean())
    drawn = [np.exp(v) if log else v for v, log in zip((ends, line), logs, strict=True)]
    ax.plot(*drawn, color=GREY, linewidth=1.4, zorder=1, label="trend")


def _grouping(pairs: list[tuple[dict[str, str], float, float]]) -> str | None:
    """The first varying axis with few labels."""
    axes = pairs[0][0]
    counts = {a: len({labels[a] for labels, _, _ in pairs}) for a in axes}
    return next((a for a, n in counts.items() if 1 < n <= _MOST_GROUPS), None)
