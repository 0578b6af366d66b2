"""The tables of a study: a row for every point, a row for every design with means over its seeds, CSV and Parquet."""

import csv
import io
import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from hwsim.studies.definition.study import Study
from hwsim.studies.directory import ILLEGAL, PARQUET, RESULTS, SUMMARY, TRIALS, StudyDirectory
from hwsim.studies.figures import columns_of, of_column, trains
from hwsim.studies.findings.estimates import Estimate, estimate, pareto_front
from hwsim.studies.measuring.exploration import Explored


@dataclass(frozen=True)
class DesignRow:
    """One design: its labels by axis, how many of its points failed, and estimates by column."""

    design: int
    labels: dict[str, str]
    failed: int
    figures: dict[str, Estimate]


def columns(explored: Explored) -> list[str]:
    """``measurement.figure`` of everything that was measured at least once, in the order of the registry."""
    seen: dict[str, set[str]] = {m: set() for m in explored.study.measure}
    for (_, measurement), key in explored.keys.items():
        result = explored.results.get(key)
        seen[measurement] |= set(result.figures) if result is not None else set()
    return [c for m in explored.study.measure for c in columns_of(m) if c.partition(".")[2] in seen[m]]


def point_rows(explored: Explored) -> list[dict[str, Any]]:
    """One row for every legal point, in the order of the points."""
    names, rows = columns(explored), []
    for p in explored.points.legal:
        row: dict[str, Any] = {"point": p.number, "design": p.design, **p.labels, "seed": p.seed}
        for column in names:
            measurement, _, figure = column.partition(".")
            result = explored.result(p, measurement)
            row[column] = None if result is None else result.figures.get(figure)
        rows.append(row | {"error": explored.error(p)})
    return rows


def design_rows(explored: Explored) -> list[DesignRow]:
    """One row for every design, in the order of the axes."""
    names = columns(explored)
    by_design: dict[int, list[dict[str, Any]]] = {}
    labels = {}
    for p, row in zip(explored.points.legal, point_rows(explored), strict=True):
        by_design.setdefault(p.design, []).append(row)
        labels[p.design] = p.labels
    result = []
    for design, rows in by_design.items():
        values = {c: [r[c] for r in rows if r[c] is not None] for c in names}
        figures = {c: estimate(v) for c, v in values.items() if v}
        result.append(DesignRow(design, labels[design], sum(r["error"] is not None for r in rows), figures))
    return result


def illegal_rows(explored: Explored) -> list[dict[str, Any]]:
    """One row for every combination that is no design."""
    return [{**i.labels, "reason": i.reason} for i in explored.points.illegal]


def trial_rows(explored: Explored) -> list[dict[str, Any]]:
    """One row for every setting that a study has tried, in the order of the trials, and whether it was chosen."""
    tried = explored.tried
    rows = design_rows(tried) if tried is not None else []
    return [flat(r) | {"chosen": r.design in explored.chosen} for r in rows]


def varying(rows: list[DesignRow], but: Collection[str] = ()) -> list[str]:
    """Axes that have more than one label, without some."""
    axes = rows[0].labels if rows else {}
    return [a for a in axes if a not in but and len({r.labels[a] for r in rows}) > 1]


def headline(explored: Explored) -> list[str]:
    """The columns a person looks at first: what Pareto fronts are about, and accuracies."""
    return headline_of(explored.study, columns(explored))


def headline_of(study: Study, available: list[str]) -> list[str]:
    """The same where only the names of the columns are known."""
    wanted = [c for pair in study.pareto_pairs for c in pair]
    wanted += [f"{m}.test_accuracy" for m in study.measure if trains(m)]
    chosen = [c for c in available if c in wanted]
    return chosen or available[:6]


def fronts(explored: Explored) -> dict[tuple[str, str], list[DesignRow]]:
    """The Pareto front of every pair of figures that was measured."""
    rows, result = design_rows(explored), {}
    for pair in explored.study.pareto_pairs:
        result[pair] = front_of(rows, pair)
    return {pair: front for pair, front in result.items() if front}


def front_of(rows: list[DesignRow], pair: tuple[str, str]) -> list[DesignRow]:
    """The designs that no other beats in both figures of a pair, by their means."""
    have = [r for r in rows if all(c in r.figures for c in pair)]
    points = [(r.figures[pair[0]].mean, r.figures[pair[1]].mean) for r in have]
    better = [f.better if (f := of_column(c)) else "less" for c in pair]
    return [have[i] for i in pareto_front(points, (better[0], better[1]))]


def write(explored: Explored, directory: StudyDirectory) -> list[str]:
    """All tables as files; Parquet only if its package is there. Returns the names of the files."""
    points, designs = point_rows(explored), [flat(r) for r in design_rows(explored)]
    illegal = illegal_rows(explored)
    made = {RESULTS: points, SUMMARY: designs}
    made |= {name: rows for name, rows in ((ILLEGAL, illegal), (TRIALS, trial_rows(explored))) if rows}
    for name, rows in made.items():
        directory.write(name, as_csv(rows))
    parquet = {name: rows for name, rows in zip(PARQUET, (points, designs), strict=True) if rows}
    for name, rows in parquet.items():
        data = as_parquet(rows)
        if data is None:
            return [*made]
        directory.write(name, data)
    return [*made, *parquet]


def flat(row: DesignRow) -> dict[str, Any]:
    """A design as a row of ``summary.csv``: mean and half width of every figure."""
    result: dict[str, Any] = {"design": row.design, **row.labels, "failed": row.failed}
    for column, e in row.figures.items():
        result |= {column: e.mean, f"{column}.ci90": None if math.isinf(e.half_width) else e.half_width}
    return result | {"seeds": max((e.n for e in row.figures.values()), default=0)}


def as_csv(rows: list[dict[str, Any]]) -> bytes:
    """Rows as CSV; the first line names every column that any row has."""
    names = dict.fromkeys(name for row in rows for name in row)
    text = io.StringIO()
    writer = csv.DictWriter(text, [*names], restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def as_parquet(rows: list[dict[str, Any]]) -> bytes | None:
    """Rows as Parquet with the unit of every figure in its column's metadata; ``None`` without the package."""
    try:
        import pyarrow.parquet
    except ModuleNotFoundError:
        return None
    sink = io.BytesIO()
    pyarrow.parquet.write_table(as_arrow(rows), sink)
    return sink.getvalue()


def as_arrow(rows: list[dict[str, Any]]) -> Any:
    """Rows as a table of pyarrow, with unit and meaning of every figure in its column's metadata."""
    import pyarrow

    names = dict.fromkeys(name for row in rows for name in row)
    arrays = {name: pyarrow.array([row.get(name) for row in rows]) for name in names}
    fields = []
    for name, array in arrays.items():
        known = of_column(name.removesuffix(".ci90"))
        meta = {"unit": known.unit, "meaning": known.meaning} if known else None
        fields.append(pyarrow.field(name, array.type, metadata=meta))
    return pyarrow.Table.from_arrays([*arrays.values()], schema=pyarrow.schema(fields))
