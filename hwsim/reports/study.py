"""The report of a study: parallel coordinates, Pareto fronts and a table that follow one filter, and any design's origin."""

import base64
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hwsim.reports import values
from hwsim.reports.html import Child, Html, joined, table, tag
from hwsim.reports.page import Page, Section
from hwsim.reports.study_content import StudyContent
from hwsim.reports.values import Told, term, tiles
from hwsim.studies.directory import SUMMARY
from hwsim.studies.figures import of_column
from hwsim.studies.findings.tables import DesignRow, front_of, headline_of, varying
from hwsim.studies.report.pictures import Wanted, pairs_of
from hwsim.studies.report.text import shown, title, unit_title
from models.files.regular import read_bytes

_LARGEST_PICTURE = 1 << 24
_MOST_LISTED = 50
_MOST_DESIGNS = 10_000
_LOG_FROM = 12
"""Ratio of the largest to the smallest value from which an axis of costs is logarithmic."""


@dataclass(frozen=True)
class Repeating:
    """How a point is repeated from inside the study's directory.

    Attributes
    ----------
    commands
        By measurement: the command that makes it once more, without settings and seed.
    settings
        Of the keys that a design sets: the words of the command line.
    seed
        The words before a seed.
    whole
        The command that repeats the whole study.
    """

    commands: Mapping[str, str]
    settings: Callable[[Mapping[str, Any]], str]
    seed: str
    whole: str


def page(path: Path, repeat: Repeating) -> bytes:
    """The report of the study in a directory.

    Parameters
    ----------
    path
        The directory; what it lacks is named in the report.
    repeat
        How to repeat what is shown.

    Raises
    ------
    InputError
        If it holds no study, or no legal one.
    """
    content = StudyContent(path)
    s, rows = content.study, content.designs
    made = Page(s.about or s.name, "hwsim study", _headline(content), tiles(_tiles(content)))
    if rows:
        made.program("study.js", study=_data(content, repeat))
        made.add(_filters())
        made.add(_fronts(content))
        made.add(_designs())
        _chosen(made, content)
    made.add(_pictures(content))
    made.add(_axes(content))
    made.add(_listed("failed", "Points that failed", "point", content.failures))
    made.add(_listed("illegal", "Combinations that are no designs", "combination", content.illegal))
    made.add(_glossary(content))
    made.add(_origin(content, repeat))
    if more := len(rows) - len(_shown_designs(content)):
        made.lacks(f"{more:,} designs", f"none of them on a front: a browser would take long; {SUMMARY} has them")
    for what, why in content.missing:
        made.lacks(what, why)
    return made.html


def _best(content: StudyContent) -> tuple[str, DesignRow] | None:
    """The headline's figure, and the design that is best in it."""
    names = headline_of(content.study, content.columns)
    known = [c for c in names if (f := of_column(c)) is not None and f.better]
    column = next((c for c in known if c.endswith("test_accuracy")), known[0] if known else None)
    having = [r for r in content.designs if column in r.figures and math.isfinite(r.figures[column].mean)] if column else []
    if column is None or not having:
        return None
    sign = 1 if (f := of_column(column)) is not None and f.better == "more" else -1
    return column, max(having, key=lambda r: sign * r.figures[column].mean)


def _headline(content: StudyContent) -> Child:
    found = _best(content)
    if found is None:
        return tag("b", f"{len(content.designs):,} designs, none with a figure that could be best.")
    column, row = found
    estimate, axes = row.figures[column], varying(content.designs)
    name = ", ".join(f"{a} {row.labels[a]}" for a in axes) or "its only design"
    best = f"The best {title(column)} is {shown(column, estimate.mean, estimate.half_width)}, with {name}."
    seeds = len(content.study.seeds)
    of = f"{len(content.designs):,} designs" + (
        f", {seeds} seeds each; ± is a 90 % confidence interval" if seeds > 1 else ""
    )
    return joined(tag("b", best), f" {of}.")


def _tiles(content: StudyContent) -> list[Told]:
    known = [Told("designs", len(content.designs), "", "different configurations that were measured")]
    for column in headline_of(content.study, content.columns)[:5]:
        figure = of_column(column)
        values = [r.figures[column].mean for r in content.designs if column in r.figures]
        finite = [v for v in values if math.isfinite(v)]
        if figure is None or not figure.better or not finite:
            continue
        best = max(finite) if figure.better == "more" else min(finite)
        which = "largest" if figure.better == "more" else "smallest"
        known.append(Told(f"{which} {title(column)}", best, figure.unit, f"{figure.meaning}; of all designs"))
    return known


def _data(content: StudyContent, repeat: Repeating) -> dict[str, Any]:
    """What the page's program works on: axes, figures and designs, shares in per cent."""
    rows, s = _shown_designs(content), content.study
    axes, head = varying(rows), headline_of(s, content.columns)
    columns = [*head, *(c for c in content.columns if c not in head)]
    labels = {a: list(dict.fromkeys(r.labels[a] for r in rows)) for a in axes}
    position = {a: {label: k for k, label in enumerate(labels[a])} for a in axes}
    settings = [repeat.settings(d) for d in content.sets]
    designs = [
        {
            "design": r.design,
            "labels": [position[a][r.labels[a]] for a in axes],
            "values": [_scaled(c, r.figures[c].mean) if c in r.figures else None for c in columns],
            "halves": [_scaled(c, r.figures[c].half_width) if c in r.figures else None for c in columns],
            "failed": r.failed,
            "settings": settings[r.design] if r.design < len(settings) else None,
            "keys": _keys(content.sets[r.design]) if r.design < len(content.sets) else [],
        }
        for r in rows
    ]
    return {
        "axes": [{"name": a, "labels": labels[a]} for a in axes],
        "figures": [_figure(content, c, c in head) for c in columns],
        "pairs": [[columns.index(w.x), columns.index(w.y)] for w in _pairs(content)],
        "designs": designs,
        "commands": [[m, repeat.commands.get(m)] for m in s.measure],
        "seeds": list(s.seeds),
        "seed": repeat.seed,
        "whole": repeat.whole,
    }


def _shown_designs(content: StudyContent) -> list[DesignRow]:
    """Those on a front, and of the others the first, as many as a browser draws at once."""
    rows = content.designs
    if len(rows) <= _MOST_DESIGNS:
        return rows
    best = {r.design for w in pairs_of(content.study) for r in front_of(rows, (w.x, w.y))}
    return [r for k, r in enumerate(rows) if k < _MOST_DESIGNS or r.design in best]


def _keys(sets: Mapping[str, Any]) -> list[list[str]]:
    from hwsim.reports.configuration import value_text

    return [[key, value_text(value)] for key, value in sets.items()]


def _scaled(column: str, value: float) -> float | None:
    if not math.isfinite(value):
        return None
    figure = of_column(column)
    return 100 * value if figure is not None and figure.unit == "1" else value


def _figure(content: StudyContent, column: str, first: bool) -> dict[str, Any]:
    figure = of_column(column)
    assert figure is not None
    found = [r.figures[column].mean for r in content.designs if column in r.figures]
    finite = [v for v in found if math.isfinite(v)]
    wide = bool(finite) and min(finite) > 0 and max(finite) / min(finite) >= _LOG_FROM
    share = figure.unit == "1"
    return {
        "column": column,
        "title": title(column),
        "unit": "%" if share else figure.unit,
        "meaning": figure.meaning,
        "better": figure.better,
        "share": share,
        "log": wide and (figure.better == "less" or not share),
        "first": first,
    }


def _pairs(content: StudyContent) -> list[Wanted]:
    """The pairs of figures whose fronts are drawn."""
    return [w for w in pairs_of(content.study) if front_of(content.designs, (w.x, w.y))]


def _filters() -> Section:
    search = tag("input", type="search", id="search", autocomplete="off", placeholder="part of a label")
    controls = tag(
        "div",
        tag("label", "Search ", search, for_="search"),
        tag("button", "Reset all filters", type="button", id="reset"),
        tag("output", id="count", for_="search", aria_live="polite"),
        class_="controls",
    )
    how = (
        "A line is a design. Drag along an axis to keep the designs in that range, drag again for another range, "
        "click the axis to let go; axes can be moved by their names. The same without a pointer: the fields below."
    )
    label = "Parallel coordinates of all designs; the fields below set the same ranges"
    plot = tag("div", id="parallel", class_="plot", role="img", aria_label=label)
    ranges = tag(
        "details", tag("summary", "Ranges and values as fields"), tag("div", id="ranges", class_="ranges"), id="filters"
    )
    note = tag("p", how, class_="note")
    return Section("explore", "Which designs", controls, note, tag("div", plot, class_="scrolls"), ranges)


def _fronts(content: StudyContent) -> Section | None:
    drawn = []
    for k, w in enumerate(_pairs(content)):
        label = (
            f"{unit_title(w.y)} against {unit_title(w.x)} of the designs that the filter keeps; their front in words below"
        )
        plot = tag("div", id=f"front-{k}", class_="plot", role="img", aria_label=label)
        caption = tag("figcaption", id=f"front-{k}-words")
        drawn.append(tag("figure", tag("h3", f"{title(w.y)} against {title(w.x)}"), plot, caption, class_="chart"))
    note = "The line joins the designs, among those that the filter keeps, that no other beats in both figures."
    body = [tag("p", f"{note} Click a mark for its configuration.", class_="note"), tag("div", drawn, class_="pair")]
    return Section("fronts", "Pareto fronts", *body) if drawn else None


def _designs() -> Section:
    more = tag(
        "details", tag("summary", "More figures"), tag("div", id="columns", class_="ranges labels"), class_="controls"
    )
    note = "A star marks designs on a Pareto front of what the filter keeps. Headings sort; a number opens its design."
    grid = tag("div", tag("table", id="grid"), class_="frame", tabindex=0, role="region", aria_label="Table of designs")
    rest = tag("button", type="button", id="more", hidden=True)
    without = tag("noscript", tag("p", "This table needs JavaScript; summary.csv beside this file holds the same."))
    return Section("designs", "Designs", tag("p", note, class_="note"), more, without, grid, rest)


def _chosen(made: Page, content: StudyContent) -> None:
    """Where the design that was clicked is shown, and what all designs begin with."""
    close = tag("button", "Close", type="button", class_="close")
    chosen = tag("aside", close, tag("div", id="chosen-content"), id="chosen", hidden=True, tabindex=-1, aria_label="Design")
    base = tag("pre", tag("code", content.base), tabindex=0) if content.base else None
    below = tag("details", tag("summary", "What every design begins with: base.yaml"), base) if base else None
    made.add(Section("base", "Common configuration", below, chosen) if below else None)
    if below is None:
        made.add(Section("base", "Common configuration", tag("p", "Not recorded in this directory."), chosen))


def _pictures(content: StudyContent) -> Section | None:
    """Pictures of comparisons; those of fronts are charts above."""
    drawn = {w.file for w in pairs_of(content.study)}
    made: list[Html] = []
    for file in content.pictures:
        if file.name in drawn:
            continue
        says = file.stem.replace("-", " ")
        source = f"data:image/png;base64,{base64.b64encode(read_bytes(file, _LARGEST_PICTURE)).decode()}"
        made.append(tag("figure", tag("img", src=source, alt=says), tag("figcaption", f"{says}."), class_="picture"))
    return Section("pictures", "Comparisons", tag("div", made, class_="pair")) if made else None


def _axes(content: StudyContent) -> Section | None:
    s = content.study
    rows: list[list[Child]] = []
    for name, axis in s.axes.items():
        labels = list(dict.fromkeys(r.labels[name] for r in content.designs))
        more = f", … ({len(labels):,} in all)" if len(labels) > 12 else ""
        key = axis.key or ("hardware.z" if axis.solve else "several keys")
        rows.append([name, tag("code", key), ", ".join(labels[:12]) + more, axis.when or ""])
    common = [[tag("code", key), tag("code", str(value))] for key, value in s.set.items()]
    parts = [table(["axis", "key", "values", "only when"], rows, "Axes of the study")] if rows else []
    parts += [table(["key", "value at every point"], common, "Values at every point")] if common else []
    parts += [tag("p", "Constraint: ", tag("code", c)) for c in s.constraints]
    return Section("axes", "Axes", *parts) if parts else None


def _listed(name: str, heading: str, what: str, lines: list[tuple[str, str]]) -> Section | None:
    if not lines:
        return None
    more = tag("p", f"{len(lines) - _MOST_LISTED:,} more.") if len(lines) > _MOST_LISTED else None
    return Section(name, heading, table([what, "reason"], lines[:_MOST_LISTED], heading), more)


def _glossary(content: StudyContent) -> Section | None:
    rows: list[list[Child]] = []
    for column in content.columns:
        figure = of_column(column)
        if figure is not None:
            rows.append(
                [term(title(column), figure.meaning), tag("code", column), figure.unit, figure.meaning, figure.better]
            )
    head = ["figure", "column", "unit", "meaning", "better"]
    return Section("figures", "Figures", table(head, rows, "Unit and meaning of every figure")) if rows else None


def _origin(content: StudyContent, repeat: Repeating) -> Section:
    s = content.study
    rows: list[list[Child]] = [
        ["study", tag("code", s.name)],
        ["measured", ", ".join(s.measure)],
        ["seeds", values.text(list(s.seeds))],
    ]
    rows += [["made by", content.made_by.removeprefix("Made by ")]] if content.made_by else []
    command = tag("div", tag("pre", tag("code", repeat.whole), tabindex=0), class_="command")
    told = "In the directory of this report, this measures the whole study once more:"
    return Section("origin", "Provenance", tag("p", told), command, table(["what", "value"], rows, "What it was made with"))
