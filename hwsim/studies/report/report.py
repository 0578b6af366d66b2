"""What a study has found, as the table on the terminal and as a Markdown report for an appendix."""

import json
from importlib import metadata

from hwsim import tables
from hwsim.figure import Figure, Figures
from hwsim.studies.definition.points import IllegalPoint
from hwsim.studies.directory import ILLEGAL, REPORT, RESULTS, SUMMARY, TIMING, TRIALS, StudyDirectory
from hwsim.studies.figures import of_column
from hwsim.studies.findings.estimates import Estimate
from hwsim.studies.findings.tables import DesignRow, columns, design_rows, fronts, headline, varying
from hwsim.studies.measuring.exploration import Explored
from hwsim.studies.measuring.workshop import code_of
from hwsim.studies.report import comparisons
from hwsim.studies.report.text import markdown_table, shown, title, unit_title

_MOST_ILLEGAL = 20
_MOST_DESIGNS = 2_000
"""In the report's table, beside those on a front; :data:`~hwsim.studies.directory.SUMMARY` has all."""

EXPLORED = Figures(
    "explored",
    {
        "seconds": Figure("s", "wall clock of the measurements of this call"),
        "workers": Figure("processes", "local ones; 0 if a cluster measured"),
        "measured": Figure("measurements", "made in this call; the others were known"),
        "engine_seconds": Figure("s", "of all processes in training loops"),
        "evaluation_seconds": Figure("s", "of all processes, judging held-out samples"),
        "rest_seconds": Figure(
            "s", "of all processes: everything else, their start and waiting included; of a cluster, during measurements"
        ),
        "training_samples": Figure("samples", "trained in this call"),
    },
)
"""By name, as ``timing.json`` of a study has them."""


def as_table(explored: Explored, most: int) -> tables.Table:
    """The designs with what varies and the headline figures; a star marks those on a Pareto front."""
    rows = design_rows(explored)
    axes, names, best = varying(rows), headline(explored), _on_a_front(explored)
    caption = "* on a Pareto front" + (f"; ± 90 % confidence over {n} seeds" if (n := len(explored.study.seeds)) > 1 else "")
    if len(rows) > most:
        caption += f"; {len(rows) - most:,} more designs in {SUMMARY}"
    first = tables.Column("", key="mark")
    table = tables.table(f"{explored.study.name}: {_tally(explored)}", first, *axes, *map(_column, names), caption=caption)
    for r in rows[:most]:
        mark = "*" if r.design in best else ("failed" if r.failed else "")
        table.add_row(mark, *(r.labels[a] for a in axes), *(_estimate(c, r.figures.get(c)) for c in names))
    return table


def _on_a_front(explored: Explored) -> set[int]:
    return {r.design for front in fronts(explored).values() for r in front}


def _tally(explored: Explored) -> str:
    p = explored.points
    designs = len({point.design for point in p.legal})
    parts = [f"{designs:,} designs, {len(p.legal):,} points"]
    parts += [f"{explored.failed:,} failed"] if explored.failed else []
    parts += [f"{len(p.illegal):,} illegal"] if p.illegal else []
    parts += [f"{sum(p.excluded.values()):,} excluded"] if p.excluded else []
    parts += [f"{p.repeated:,} repeated"] if p.repeated else []
    return ", ".join(parts)


def _column(name: str) -> tables.Column:
    known = of_column(name)
    unit, meaning = (known.unit, known.meaning) if known else ("", "")
    return tables.Column(title(name), key=name, unit=unit, meaning=meaning and f"{meaning}; mean over seeds, ci90: ±")


def _estimate(column: str, e: Estimate | None) -> tables.Told:
    if e is None:
        return tables.NOTHING
    return tables.Told(shown(column, e.mean, e.half_width), {"mean": e.mean, "ci90": e.half_width, "seeds": e.n})


def speed(explored: Explored) -> str | None:
    """How fast the study trained, per worker, and what its time was spent on; evaluation is counted by itself."""
    e = explored
    if not e.samples or not e.workers or not e.engine_seconds:
        return None
    rate = e.samples / (e.seconds * e.workers)
    share = e.engine_seconds / (e.engine_seconds + e.rest_seconds)
    parts = f"{e.engine_seconds:.1f} s training, {e.evaluation_seconds:.1f} s evaluation, {e.rest_seconds:.1f} s the rest"
    return (
        f"{rate:,.0f} training samples/s per worker, "
        f"{100 * share:.0f} % of its time without evaluation in the training loop ({parts})"
    )


def write(explored: Explored, directory: StudyDirectory, files: list[str], pictures: list[str], command: str) -> None:
    """``report.md``, and ``timing.json`` with everything that depends on the machine's speed."""
    directory.write(REPORT, markdown(explored, files, pictures, command).encode())
    directory.write(TIMING, _timing(explored))


def _timing(explored: Explored) -> bytes:
    e = explored
    content = EXPLORED.all_told(
        {
            "seconds": e.seconds,
            "workers": e.workers,
            "measured": e.measured,
            "engine_seconds": e.engine_seconds,
            "evaluation_seconds": e.evaluation_seconds,
            "rest_seconds": e.rest_seconds,
            "training_samples": e.samples,
        }
    )
    return (json.dumps(content, indent=2) + "\n").encode()


def markdown(explored: Explored, files: list[str], pictures: list[str], command: str) -> str:
    """The whole report; the same for the same results."""
    s = explored.study
    versions = {name: metadata.version(name) for name in ("hwsim", "numpy", "numba")}
    parts = [
        f"# {s.about or s.name}",
        f"Study `{s.name}`: {_tally(explored)}. Measured: {', '.join(s.measure)}; seeds {', '.join(map(str, s.seeds))}.",
        f"Made by `{command}`; {', '.join(f'{k} {v}' for k, v in versions.items())}; code {code_of(*s.measure)[:12]}.",
        *_axes(explored),
        *_choice(explored),
        *_designs(explored),
        *comparisons.sections(explored),
        *_fronts(explored),
        *(f"![{name.removesuffix('.png').replace('-', ' ')}]({name})" for name in pictures),
        *_illegal(explored),
        *_failures(explored),
        "## Figures",
        markdown_table(["figure", "unit", "meaning", "better"], _glossary(explored)),
        f"Every point is in {', '.join(f'`{f}`' for f in files)}.",
    ]
    return "\n\n".join(parts) + "\n"


def _axes(explored: Explored) -> list[str]:
    s = explored.study
    if not s.axes:
        return []
    rows = []
    for name, axis in s.axes.items():
        labels = dict.fromkeys(p.labels[name] for p in explored.points.legal)
        some = [*labels][:12]
        more = f", … ({len(labels)} in all)" if len(labels) > len(some) else ""
        key = axis.key or ("hardware.z" if axis.solve else "several keys")
        rows.append([name, f"`{key}`", ", ".join(some) + more, axis.when or ""])
    text = markdown_table(["axis", "key", "values", "only when"], rows)
    common = markdown_table(["key", "value at every point"], [[f"`{k}`", f"`{v}`"] for k, v in s.set.items()])
    return ["## Axes", text, *([common] if s.set else []), *(f"Constraint: `{c}`." for c in s.constraints)]


def _choice(explored: Explored) -> list[str]:
    """How settings were chosen, and what the trials of every combination came to, from the best down."""
    choose, tried = explored.study.choose, explored.tried
    if choose is None or tried is None:
        return []
    found = [r for r in design_rows(tried) if choose.by in r.figures]
    known = of_column(choose.by)
    found.sort(key=lambda r: r.figures[choose.by].mean, reverse=known is None or known.better == "more")
    others = [a for a in varying(found) if a not in choose.among]
    groups: dict[tuple[str, ...], list[DesignRow]] = {}
    for r in found:
        groups.setdefault(tuple(r.labels[a] for a in others), []).append(r)
    order = [tuple(r.labels[a] for a in others) for r in design_rows(explored)]
    cells = [
        [*group, *(groups[group][0].labels[a] for a in choose.among), *_best(groups[group], choose.by)]
        for group in dict.fromkeys(order)
        if group in groups
    ]
    titles = [*others, *choose.among, "trials", title(choose.by), "second best", "worst"]
    how = "all there are" if choose.trials is None else f"{choose.trials} proposed by Optuna ({choose.sampler})"
    at = "; ".join(f"{k} {v}" for k, v in choose.set.items())
    note = (
        f"For every combination of the other axes the setting of {', '.join(choose.among)} with the best {title(choose.by)} "
        f"of its trials, {how}, seeds {', '.join(map(str, choose.seeds))}{', with ' + at if at else ''}. "
        f"All trials are in `{TRIALS}`. What follows is measured with the settings chosen."
    )
    return ["## Chosen settings", markdown_table(titles, cells), note]


def _best(group: list[DesignRow], by: str) -> list[str]:
    shown_at = [group[k] if k < len(group) else None for k in (0, 1, len(group) - 1)]
    return [str(len(group)), *("" if r is None else _estimate(by, r.figures[by]) for r in shown_at)]


def _designs(explored: Explored) -> list[str]:
    rows = design_rows(explored)
    axes, names, best = varying(rows), headline(explored), _on_a_front(explored)
    cells = [
        ["*" if r.design in best else "", *(r.labels[a] for a in axes), *(_estimate(c, r.figures.get(c)) for c in names)]
        for k, r in enumerate(rows)
        if k < _MOST_DESIGNS or r.design in best
    ]
    seeds = len(explored.study.seeds)
    note = "\\* on a Pareto front." + (f" ± is the 90 % confidence interval over {seeds} seeds." if seeds > 1 else "")
    if more := len(rows) - len(cells):
        note += f" {more:,} more designs, none of them on a front, are in `{SUMMARY}`."
    return ["## Designs", markdown_table(["", *axes, *map(unit_title, names)], cells), note]


def _fronts(explored: Explored) -> list[str]:
    found = fronts(explored)
    parts = ["## Pareto fronts"] if found else []
    for (x, y), front in found.items():
        axes = varying(design_rows(explored))
        listed = "; ".join(f"{_name(r, axes)} ({_estimate(x, r.figures[x])}, {_estimate(y, r.figures[y])})" for r in front)
        parts.append(f"**{unit_title(x)} and {unit_title(y)}**: {listed}.")
    return parts


def _name(row: DesignRow, axes: list[str]) -> str:
    return " ".join(f"{a} {row.labels[a]}" for a in axes) or f"design {row.design}"


def illegal_lines(illegal: list[IllegalPoint], most: int) -> list[str]:
    """The first illegal combinations with their reasons."""
    lines = [f"{', '.join(f'{a} {v}' for a, v in i.labels.items())}: {i.reason}" for i in illegal[:most]]
    return lines + ([f"{len(illegal) - most:,} more in {ILLEGAL}"] if len(illegal) > most else [])


def _illegal(explored: Explored) -> list[str]:
    p = explored.points
    excluded = [f"- `{c}` excludes {n:,} combinations" for c, n in p.excluded.items()]
    lines = [f"- {line}" for line in illegal_lines(p.illegal, _MOST_ILLEGAL)]
    return ["## Combinations that are no designs", "\n".join(excluded + lines)] if excluded + lines else []


def failure_lines(explored: Explored, most: int) -> list[str]:
    """The first failed points with their errors."""
    of = [explored.tried, explored] if explored.tried is not None else [explored]
    failed = [(p, e) for each in of for p in each.points.legal if (e := each.error(p)) is not None]
    lines = [f"point {p.number} ({', '.join(p.labels.values())}, seed {p.seed}): {e}" for p, e in failed[:most]]
    return lines + ([f"{len(failed) - most:,} more in {RESULTS}"] if len(failed) > most else [])


def _failures(explored: Explored) -> list[str]:
    lines = [f"- {line}" for line in failure_lines(explored, _MOST_ILLEGAL)]
    return ["## Points that failed", "\n".join(lines)] if lines else []


def _glossary(explored: Explored) -> list[list[str]]:
    rows = []
    for column in columns(explored):
        known = of_column(column)
        if known is not None:
            rows.append([f"`{column}`", known.unit, known.meaning, known.better])
    return rows
