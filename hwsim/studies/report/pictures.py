"""Pictures of a study: two figures against each other, a mark for every design, the Pareto front drawn, 90 % intervals."""

import io
import math
from collections import Counter
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from matplotlib.patheffects import withStroke

from hwsim.pictures.style import GREY, panels
from hwsim.studies.definition.study import Study
from hwsim.studies.directory import StudyDirectory
from hwsim.studies.figures import of_column
from hwsim.studies.findings.comparisons import published
from hwsim.studies.findings.tables import DesignRow, design_rows, front_of, varying
from hwsim.studies.measuring.exploration import Explored
from hwsim.studies.report import comparison_pictures, courses
from hwsim.studies.report.axes import PublishedMark, axis_title, frame, mark_published, scaled, set_scale, style

_ROOM = (0.16, 0.05)
"""Width and height of a label, shares of the picture."""
_MOST_GROUPS = 6


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
    """The pictures of a study."""
    return pairs_of(explored.study)


def pairs_of(study: Study) -> list[Wanted]:
    """The Pareto pairs of a study, accuracies upright."""
    made: list[Wanted] = []
    for first, second in study.pareto_pairs:
        upright = "accuracy" in second or second.endswith(".clocks_per_input") or "accuracy" not in first
        made.append(Wanted(first, second) if upright else Wanted(second, first))
    return list(dict.fromkeys(made))


def write(explored: Explored, directory: StudyDirectory) -> list[str]:
    """Every picture that has something to show; returns the file names."""
    rows = design_rows(explored)
    made: dict[str, Picture] = {}
    for picture in wanted(explored):
        shown = [r for r in rows if picture.x in r.figures and picture.y in r.figures]
        if len(shown) >= 2:
            made[picture.file] = scatter(explored, shown, picture)
    made |= comparison_pictures.curves(explored) | courses.courses(explored) | comparison_pictures.correlations(explored)
    for name, fig in made.items():
        buffer = io.BytesIO()
        fig.savefig(buffer, format="png", metadata={"Software": None})
        directory.write(name, buffer.getvalue())
    return [*made]


def scatter(explored: Explored, rows: list[DesignRow], picture: Wanted) -> Picture:
    """A mark for every design, coloured by the first axis that has few values; the front is labelled."""
    fig, (ax,) = panels(width=6.4, height=4.0)
    set_scale(ax, "x", picture.x, [r.figures[picture.x].mean for r in rows])
    set_scale(ax, "y", picture.y, [r.figures[picture.y].mean for r in rows])
    apart = varying(rows, explored.study.chosen)
    group_axis = _grouping(rows, apart)
    groups = list(dict.fromkeys(r.labels[group_axis] for r in rows)) if group_axis else [""]
    places = _places(ax, rows, picture)
    front = sorted(front_of(rows, picture), key=lambda r: r.figures[picture.x].mean)
    if len(front) > 1:
        points = [places[r.design] for r in front]
        ax.plot(*zip(*points, strict=True), color=GREY, linewidth=1.4, zorder=1, label="Pareto front")
    marks: list[PublishedMark] = []
    for k, group in enumerate(groups):
        members = [r for r in rows if not group_axis or r.labels[group_axis] == group]
        _marks(ax, members, places, picture, k, f"{group_axis} {group}" if group_axis else "")
        marks += [PublishedMark(places[r.design][0], k, p) for r, p in published(explored, members, picture.y)]
    mark_published(ax, picture.y, marks)
    seeds = len(explored.study.seeds)
    bars = f"; bars: 90 % confidence over {seeds} seeds" if seeds > 1 else ""
    about = explored.study.about or explored.study.name
    frame(fig, ax, f"{about}\n{len(rows)} designs{bars}", axis_title(picture.x), picture.y)
    _labels(ax, front, places, [a for a in apart if a != group_axis], picture)
    return fig


def _places(ax: Axes, rows: list[DesignRow], picture: Wanted) -> dict[int, tuple[float, float]]:
    """Where each design's mark stands; where intervals would cover each other, marks of the same x stand side by side."""
    xs = {r.design: scaled(picture.x, r.figures[picture.x].mean) for r in rows}
    span = max(xs.values()) - min(xs.values())
    side_by_side = any(math.isfinite(h) and h > 0 for h in (r.figures[picture.y].half_width for r in rows))
    same, placed, result = Counter(xs.values()), Counter[float](), {}
    for r in rows:
        x = xs[r.design]
        off = (placed[x] - (same[x] - 1) / 2) if side_by_side else 0.0
        placed[x] += 1
        moved = x * 1.022**off if ax.get_xscale() == "log" else x + 0.011 * span * off
        result[r.design] = (moved, scaled(picture.y, r.figures[picture.y].mean))
    return result


def _marks(
    ax: Axes, rows: list[DesignRow], places: dict[int, tuple[float, float]], picture: Wanted, k: int, label: str
) -> None:
    xs, ys = zip(*(places[r.design] for r in rows), strict=True)
    halves = [scaled(picture.y, r.figures[picture.y].half_width) for r in rows]
    bars = [h if math.isfinite(h) else 0.0 for h in halves]
    ax.errorbar(
        xs,
        ys,
        yerr=bars if any(bars) else None,
        linestyle="none",
        markersize=5,
        elinewidth=0.9,
        capsize=2,
        label=label,
        **style(k),
    )


def _grouping(rows: list[DesignRow], varying_axes: list[str]) -> str | None:
    """The first varying axis with few labels."""
    return next((a for a in varying_axes if len({r.labels[a] for r in rows}) <= _MOST_GROUPS), None)


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
