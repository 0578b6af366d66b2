"""Pictures of accuracy over the samples that a network has learned from: figures ``after_10``, ``after_50`` and so on."""

import math

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from hwsim.pictures.style import panels
from hwsim.studies.definition.comparisons import CourseSection, fits
from hwsim.studies.definition.labels import IDLE
from hwsim.studies.findings.tables import DesignRow, columns, design_rows, varying
from hwsim.studies.measuring.exploration import Explored
from hwsim.studies.report.axes import axis_title, is_share, scaled, style

_CHARACTERS = 12
"""Of a legend, in an inch."""

Stops = dict[str, int]
"""Samples by figure, in ascending order."""


def courses(explored: Explored) -> dict[str, Figure]:
    """By file name: every course that the study asks for of which two figures were measured."""
    made = {}
    for wanted in explored.study.courses:
        stops = _stops(explored, wanted)
        rows = [r for r in design_rows(explored) if fits(r.labels, wanted.where) and r.figures.keys() & stops.keys()]
        if len(stops) >= 2 and rows:
            made[_file(wanted)] = _picture(explored, rows, wanted, stops)
    return made


def _stops(explored: Explored, wanted: CourseSection) -> Stops:
    """The measured figures of a course; what was before stands at 0 samples."""
    there = columns(explored)
    stops = {c: int(c.removeprefix(f"{wanted.y}_")) for c in wanted.figures(there)}
    before = f"{wanted.y.removesuffix('after')}before"
    return ({before: 0} if before in there else {}) | dict(sorted(stops.items(), key=lambda s: s[1]))


def _file(wanted: CourseSection) -> str:
    """A name that :data:`hwsim.studies.directory.PICTURES` knows."""
    parts = [
        "course",
        wanted.y,
        "against-samples",
        *(["by", wanted.panels] if wanted.panels else []),
        *sum(wanted.where.items(), ()),
    ]
    return "-".join("".join(c if c.isalnum() else "-" for c in part).strip("-") for part in parts) + ".png"


def _picture(explored: Explored, rows: list[DesignRow], wanted: CourseSection, stops: Stops) -> Figure:
    """A panel for every label, and a line for every combination of the other axes."""
    labels = list(dict.fromkeys(r.labels[wanted.panels] for r in rows)) if wanted.panels else [""]
    fig, axes = panels(len(labels), height=3.2, per_row=2)
    others = [a for a in varying(rows) if a != wanted.panels]
    groups = list(dict.fromkeys(tuple(r.labels[a] for a in others) for r in rows))
    for ax, label in zip(axes, labels, strict=True):
        for r in rows:
            if not wanted.panels or r.labels[wanted.panels] == label:
                group = tuple(r.labels[a] for a in others)
                told = ", ".join(f"{a} {v}" for a, v in zip(others, group, strict=True) if v != IDLE)
                _line(ax, r, stops, groups.index(group), told)
        _dress(ax, wanted, stops, f"{wanted.panels} {label}" if wanted.panels else "")
    seeds = len(explored.study.seeds)
    chosen = [f"{a} {v}" for a, v in wanted.where.items()] + ([f"bars: 90 % over {seeds} seeds"] if seeds > 1 else [])
    title = explored.study.about or explored.study.name
    fig.suptitle("\n".join([title, *([", ".join(chosen)] if chosen else [])]), fontsize=9, x=0.01, ha="left")
    known = {label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels(), strict=True) if label}
    if known:
        columns_of_legend = max(1, min(len(known), int(_CHARACTERS * fig.get_figwidth()) // (max(map(len, known)) + 7)))
        fig.legend(
            known.values(), known.keys(), frameon=False, fontsize=8, ncols=columns_of_legend, loc="outside lower center"
        )
    return fig


def _line(ax: Axes, row: DesignRow, stops: Stops, group: int, label: str) -> None:
    there = [(n, c) for c, n in stops.items() if c in row.figures]
    halves = [row.figures[c].half_width for _, c in there]
    ax.errorbar(
        [n for n, _ in there],
        [scaled(c, row.figures[c].mean) for _, c in there],
        yerr=[scaled(there[0][1], h) if math.isfinite(h) else 0.0 for h in halves]
        if any(map(math.isfinite, halves))
        else None,
        markersize=3.5,
        linewidth=1.0,
        elinewidth=0.8,
        capsize=1.5,
        label=label,
        **style(group),
    )


def _dress(ax: Axes, wanted: CourseSection, stops: Stops, title: str) -> None:
    """Scales, ticks and titles: samples on a logarithmic scale that has room for none."""
    numbers = [*stops.values()]
    first = next(n for n in numbers if n)
    if numbers[0] == 0:
        ax.set_xscale("symlog", linthresh=first, linscale=0.6)
    else:
        ax.set_xscale("log")
    ax.xaxis.set_major_locator(FixedLocator(_apart(numbers)))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: _short(v)))
    ax.tick_params(axis="x", labelrotation=45 if len(numbers) > 7 else 0)
    ax.set_title(title, fontsize=9)
    ax.set_xlabel("samples learned from", fontsize=9)
    figure = f"{wanted.y}_{first}"
    ax.set_ylabel(
        axis_title(figure).replace(f" after {first:,} samples", "").replace(f" after {first} samples", ""), fontsize=9
    )
    if is_share(figure):
        low, high = ax.get_ylim()
        ax.set_ylim(max(low, 0.0), min(high, 100.5))


def _apart(numbers: list[int]) -> list[int]:
    """Those whose labels have room: the last, and from there down every one that is less than half of the one above."""
    kept = numbers[-1:]
    for n in reversed(numbers):
        kept += [n] if 2 * n < kept[-1] else []
    return kept[::-1]


def _short(n: float) -> str:
    """Thousands and millions by their letters."""
    for unit, letter in ((10**6, "M"), (10**3, "k")):
        if n >= unit:
            return f"{n / unit:g}{letter}"
    return f"{n:g}"
