"""What was measured, as tables and as ``bench.json``."""

import json
from pathlib import Path
from typing import Any

from hwsim import tables
from hwsim.benchmark.commands import CommandRow
from hwsim.benchmark.engines import Row
from hwsim.figure import Figure, Figures
from hwsim.results.directory import add_file, check_usable
from models.errors import ArgumentError

_ROWS = "bench.json"

_SPEEDS = {
    "samples_per_second": Figure("samples/s", "training, per second of CPU time of one core", "more"),
    "edge_operations_per_second": Figure("edges/s", "FF, BP and UP of single edges", "more"),
    "seconds": Figure("s", "from the start of a command to its end, best run", "less"),
    "processor_seconds": Figure("s", "of a command and the processes that it waited for, on all cores, best run", "less"),
    "peak_memory": Figure("B", "resident at most, of a command's largest process", "less"),
    "rate": Figure("1/s", "what the file of commands says one run does, over its seconds", "more"),
}
SPEEDS = Figures(
    "benchmark",
    {
        **_SPEEDS,
        **{f"before_{name}": known._replace(meaning=f"{known.meaning}; other code") for name, known in _SPEEDS.items()},
        "gain": Figure("1", "how many times as fast as the other code, each at its best", "more"),
    },
)
"""By name, as ``bench.json`` has them; ``before_`` stands for the code that this one is compared with."""


def of_engines(rows: list[Row], before: list[Row] | None = None) -> tables.Table:
    """Training speeds as printed."""
    caption = "per second of CPU time of one core, best repetition, random data; edge operations: FF, BP and UP of one edge"
    headings = {"samples_per_second": "samples/s"}
    if before is not None:
        headings |= {"before_samples_per_second": "before", "gain": "gain"}
    heads = tables.columns(SPEEDS, **headings, edge_operations_per_second="edge operations/s")
    result = tables.table("training speed", "configuration", "engine", *heads, caption=caption)
    earlier = {r.key: r for r in before or ()}
    for r in rows:
        cells = [tables.number(r.samples_per_second, ",.0f")]
        if before is not None:
            was = earlier.get(r.key)
            cells += [tables.number(was.samples_per_second, ",.0f") if was else tables.NOTHING, _gain(r, was)]
        operations = tables.Told(f"{r.edge_operations_per_second / 1e6:,.0f} M", r.edge_operations_per_second)
        result.add_row(r.configuration, r.engine, *cells, operations)
    return result


def _gain(now: Row, before: Row | None) -> tables.Told:
    return tables.number(now.samples_per_second / before.samples_per_second, ".2f") if before else tables.NOTHING


def of_commands(rows: list[list[CommandRow]]) -> tables.Table:
    """Commands as printed; rows with a second entry are compared with it."""
    compared = any(len(row) > 1 for row in rows)
    headings = {"seconds": "time"} | ({"before_seconds": "before", "gain": "gain"} if compared else {})
    for name, heading in (("processor_seconds", "processor"), ("peak_memory", "memory")):
        headings |= {name: heading} | ({f"before_{name}": "before"} if compared else {})
    caption = "best run; time by the clock on the wall; processor time, and the largest memory, of processes waited for"
    columns = tables.columns(SPEEDS, **headings, rate="rate")
    result = tables.table("commands", "command", *columns, tables.Column("ended", left=True, wraps=True), caption=caption)
    for row in rows:
        told: dict[str, tables.Told] = {}
        for prefix, one in zip(("", "before_"), row, strict=False):
            told |= {prefix + name: cell for name, cell in _cells(one).items()}
        if (gain := _gain_of(row)) is not None:
            told["gain"] = tables.number(gain, ".2f")
        named = zip(("", "before: "), row, strict=False)
        ended = [f"{prefix}{one.spent.failure}" for prefix, one in named if one.spent.failure]
        cells = [told.get(name, tables.NOTHING) for name in (*headings, "rate")]
        result.add_row(row[0].name, *cells, "; ".join(ended))
    return result


def _cells(row: CommandRow) -> dict[str, tables.Told]:
    spent, rate = row.spent, row.rate
    if spent.failure is not None:
        return {}
    cells = {
        "seconds": tables.Told(f"{spent.seconds:,.2f} s", spent.seconds),
        "processor_seconds": tables.Told(f"{spent.processor_seconds:,.2f} s", spent.processor_seconds),
        "peak_memory": tables.Told(f"{spent.peak_memory / 1e6:,.0f} MB", spent.peak_memory),
    }
    return cells if rate is None else cells | {"rate": tables.Told(f"{rate:,.0f} {row.section.of}/s", rate)}


def _gain_of(row: list[CommandRow]) -> float | None:
    if len(row) < 2 or any(one.spent.failure for one in row):
        return None
    return row[1].spent.seconds / row[0].spent.seconds


def check_free(out: Path, force: bool) -> None:
    """Refuse a directory that holds rows already, before any is measured."""
    check_usable(out)
    if (out / _ROWS).exists() and not force:
        raise ArgumentError("out", str(out / _ROWS), "is there already: <force> replaces it")


def write(
    out: Path,
    force: bool,
    rows: list[Row],
    before: list[Row] | None = None,
    commands: list[list[CommandRow]] | None = None,
    against: str | None = None,
) -> None:
    """``bench.json`` in a directory."""
    earlier = {r.key: r for r in before or ()}
    content: dict[str, Any] = {"rows": [_of_engine(r, earlier.get(r.key)) for r in rows]}
    if commands is not None:
        content["commands"] = [_of_command(row) for row in commands]
    if against is not None:
        content["against"] = against
    add_file(out, _ROWS, (json.dumps(content, indent=2) + "\n").encode(), force)


def _of_engine(row: Row, before: Row | None) -> dict[str, Any]:
    told = {
        "samples_per_second": row.samples_per_second,
        "edge_operations_per_second": row.edge_operations_per_second,
    }
    if before is not None:
        told |= {
            "before_samples_per_second": before.samples_per_second,
            "gain": row.samples_per_second / before.samples_per_second,
        }
    return {"configuration": row.configuration, "engine": row.engine} | SPEEDS.all_told(told)


def _of_command(row: list[CommandRow]) -> dict[str, Any]:
    result: dict[str, Any] = {"command": row[0].name, "run": list(row[0].section.run), "of": row[0].section.of or None}
    for prefix, one in zip(("", "before_"), row, strict=False):
        told = {prefix + name: cell.value for name, cell in _cells(one).items()}
        result |= SPEEDS.all_told(told) | {f"{prefix}failure": one.spent.failure}
    gain = _gain_of(row)
    return result | ({} if gain is None else SPEEDS.all_told({"gain": gain}))
