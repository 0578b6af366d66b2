"""What was measured, as tables and as ``bench.json``."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hwsim import tables
from hwsim.benchmark.commands import CommandRow
from hwsim.benchmark.engines import EVALUATION, TRAINING, Row
from hwsim.benchmark.stores import STORES
from hwsim.figure import Figure, Figures
from hwsim.results.directory import add_file, check_usable
from models.errors import ArgumentError

ROWS, PAGE, PICTURE = "bench.json", "bench.md", "bench.png"

_SPEEDS = {
    "samples_per_second": Figure("samples/s", "training, per second of CPU time of one core", "more"),
    "edge_operations_per_second": Figure("edges/s", "FF, BP and UP of single edges", "more"),
    "clocks_per_second": Figure("clocks/s", "that the cycle-level machine simulates, per second of CPU time", "more"),
    "evaluation_share": Figure("1", "time to feed a sample forward, over that to train it in pipelined order", "less"),
    "seconds": Figure("s", "from the start of a command to its end, best run", "less"),
    "processor_seconds": Figure("s", "of a command and all processes that it has started, on all cores, best run", "less"),
    "peak_memory": Figure("B", "resident at most, of a command's largest process", "less"),
    "rate": Figure("1/s", "what the file of commands says one run does, over its seconds", "more"),
}
SPEEDS = Figures(
    "benchmark",
    {
        **_SPEEDS,
        **{f"before_{name}": known._replace(meaning=f"{known.meaning}; other code") for name, known in _SPEEDS.items()},
        "gain": Figure("1", "how many times as good as the other code, each at its best", "more"),
    },
)
"""By name, as ``bench.json`` has them; ``before_`` stands for the code that this one is compared with."""


_VALUES = Figures(
    "benchmark row",
    {
        "value": Figure("that of the row", "what this code comes to"),
        "before_value": Figure("that of the row", "what the other code comes to"),
        "gain": SPEEDS["gain"],
    },
)
"""Of tables whose rows have different units."""


@dataclass
class Measured:
    """All that one call has measured.

    Attributes
    ----------
    engines, before
        Rows of this code and of the other one, whatever their order.
    commands
        For every command a row for every state of the code, this one first.
    against
        The other code, as its caller has named it.
    """

    engines: list[Row] = field(default_factory=list)
    before: list[Row] = field(default_factory=list)
    commands: list[list[CommandRow]] = field(default_factory=list)
    against: str | None = None

    def pairs(self) -> list[tuple[Row, Row | None]]:
        """Rows of engines, each with the other code's."""
        earlier = {r.key: r for r in self.before}
        return [(r, earlier.get(r.key)) for r in self.engines]

    def tables(self) -> list[tables.Table]:
        """As printed: engines, what their rows come to, commands, what these have told; those that have rows."""
        made = [_of_engines(self), _of_rates(self), _of_commands(self), _of_told(self)]
        return [t for t in made if t.rows]


def _compared(measured: Measured, name: str, heading: str) -> dict[str, str]:
    """Headings of a figure, of both codes if there are two."""
    return {name: heading} | ({f"before_{name}": "before"} if measured.against is not None else {})


def _gains(measured: Measured) -> dict[str, str]:
    """The heading of a gain where two codes are compared."""
    return {} if measured.against is None else {"gain": "gain"}


def _gain(measured: Measured, gain: float | None, at_least: bool = False) -> list[tables.Told]:
    """The cell of a gain where there is such a column."""
    if measured.against is None:
        return []
    if gain is None:
        return [tables.NOTHING]
    text = f"{gain:,.2f}" if gain < 100 else f"{gain:,.0f}"
    return [tables.Told(f"> {text}") if at_least else tables.Told(text, gain)]


def _of_engines(measured: Measured) -> tables.Table:
    """Training speeds."""
    caption = "per second of CPU time of one core, best repetition, random data; edge operations: FF, BP and UP of one edge"
    headings = _compared(measured, "samples_per_second", "samples/s") | _gains(measured)
    heads = tables.columns(SPEEDS, **headings, edge_operations_per_second="edge operations/s")
    result = tables.table("training speed", "configuration", "engine", *heads, caption=caption)
    for now, was in measured.pairs():
        cells = [tables.number(now.samples_per_second, ",.0f")]
        if measured.against is not None:
            cells.append(tables.NOTHING if was is None else tables.number(was.samples_per_second, ",.0f"))
        cells += _gain(measured, None if was is None else now.samples_per_second / was.samples_per_second)
        operations = tables.Told(f"{now.edge_operations_per_second / 1e6:,.0f} M", now.edge_operations_per_second)
        result.add_row(now.configuration, now.engine, *cells, operations)
    return result


def _of_rates(measured: Measured) -> tables.Table:
    """Clocks a second, and what evaluation costs."""
    heads = tables.columns(_VALUES, **_compared(measured, "value", "now"), **_gains(measured))
    result = tables.table("what the rows come to", "configuration", tables.Column("figure", left=True, wraps=True), *heads)
    for now, was in measured.pairs():
        found, earlier = _rates(now, measured.engines), {} if was is None else _rates(was, measured.before)
        for name, value in found.items():
            known, other = SPEEDS[name], earlier.get(name)
            cells = [_shown(value, known)]
            if measured.against is not None:
                cells.append(tables.NOTHING if other is None else _shown(other, known))
            cells += _gain(measured, None if other is None else _ratio(value, other, known.better))
            result.add_row(now.configuration, _label(name, known.meaning), *cells)
    return result


def _rates(row: Row, rows: list[Row]) -> dict[str, float]:
    """What a row comes to, beside the others of its configuration."""
    found = {}
    if row.clocks is not None:
        found["clocks_per_second"] = row.samples_per_second * row.clocks
    training = next((r for r in rows if r.key == (row.configuration, TRAINING)), None)
    if row.engine == EVALUATION and training is not None:
        found["evaluation_share"] = training.samples_per_second / row.samples_per_second
    return found


def _shown(value: float, known: Figure) -> tables.Told:
    """A value in its unit."""
    digits = f"{value:,.0f}" if abs(value) >= 1000 or float(value).is_integer() else f"{value:,.3g}"
    return tables.Told(digits if known.unit == "1" else f"{digits} {known.unit}", value)


def _label(name: str, meaning: str) -> str:
    return f"{name.replace('_', ' ')}: {meaning}"


def _ratio(now: float, before: float, better: str) -> float | None:
    """How many times as good a figure is."""
    if not better or not now or not before:
        return None
    return now / before if better == "more" else before / now


def _of_commands(measured: Measured) -> tables.Table:
    """Whole commands."""
    headings = _compared(measured, "seconds", "time") | _gains(measured)
    for name, heading in (("processor_seconds", "processor"), ("peak_memory", "memory"), ("rate", "rate")):
        headings |= _compared(measured, name, heading)
    caption = "best run; time by the clock on the wall; processor time of all processes, and memory of the largest"
    columns = tables.columns(SPEEDS, **headings)
    result = tables.table("commands", "command", *columns, tables.Column("ended", left=True, wraps=True), caption=caption)
    for row in measured.commands:
        told: dict[str, tables.Told] = {}
        for prefix, one in zip(("", "before_"), row, strict=False):
            told |= {prefix + name: cell for name, cell in _cells(one).items()}
        told |= dict(zip(("gain",), _gain(measured, *gain_of(row)), strict=False))
        named = zip(("", "before: "), row, strict=False)
        ended = [f"{prefix}{one.spent.failure}" for prefix, one in named if one.spent.failure]
        cells = [told.get(name, tables.NOTHING) for name in headings]
        result.add_row(row[0].command.name, *cells, "; ".join(ended))
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
    return cells if rate is None else cells | {"rate": tables.Told(f"{rate:,.0f} {row.command.section.of}/s", rate)}


def gain_of(row: list[CommandRow]) -> tuple[float | None, bool]:
    """How many times as fast a command is, and whether it may be more because the other code did not come to its end."""
    if len(row) < 2 or row[0].spent.failure or (row[1].spent.failure and not row[1].spent.unfinished):
        return None, False
    return row[1].spent.seconds / row[0].spent.seconds, row[1].spent.unfinished


def _of_told(measured: Measured) -> tables.Table:
    """Figures that commands have left."""
    heads = tables.columns(_VALUES, **_compared(measured, "value", "now"), **_gains(measured))
    result = tables.table("what commands told", "command", tables.Column("figure", left=True, wraps=True), *heads)
    for row in measured.commands:
        now, was = row[0].told, row[1].told if len(row) > 1 else {}
        for name in [*now, *(name for name in was if name not in now)]:
            known = now.get(name) or was[name]
            said = Figure(known.unit, known.meaning, _better(name))
            cells = [_shown(now[name].value, said) if name in now else tables.NOTHING]
            if measured.against is not None:
                cells.append(_shown(was[name].value, said) if name in was else tables.NOTHING)
            both = name in now and name in was
            cells += _gain(measured, _ratio(now[name].value, was[name].value, said.better) if both else None)
            result.add_row(row[0].command.name, _label(name, said.meaning), *cells)
    return result


def _better(name: str) -> str:
    """Which way a figure is good, as far as it is one of ours; names may end in a number."""
    return next((known.better for key, known in STORES.items() if name.startswith(f"{key}_")), "")


def check_free(out: Path, force: bool) -> None:
    """Refuse a directory that holds rows already, before any is measured."""
    check_usable(out)
    for name in (ROWS, PAGE, PICTURE):
        if (out / name).exists() and not force:
            raise ArgumentError("out", str(out / name), "is there already: <force> replaces it")


def write(out: Path, force: bool, measured: Measured) -> None:
    """``bench.json`` in a directory."""
    content: dict[str, Any] = {"rows": [_row_of_engine(now, was, measured) for now, was in measured.pairs()]}
    if measured.commands:
        content["commands"] = [_row_of_command(row) for row in measured.commands]
    if measured.against is not None:
        content["against"] = measured.against
    add_file(out, ROWS, (json.dumps(content, indent=2) + "\n").encode(), force)


def _row_of_engine(now: Row, was: Row | None, measured: Measured) -> dict[str, Any]:
    told = {"samples_per_second": now.samples_per_second, "edge_operations_per_second": now.edge_operations_per_second}
    told |= _rates(now, measured.engines)
    if was is not None:
        earlier = {"samples_per_second": was.samples_per_second} | _rates(was, measured.before)
        told |= {f"before_{name}": value for name, value in earlier.items()}
        told["gain"] = now.samples_per_second / was.samples_per_second
    return {"configuration": now.configuration, "engine": now.engine} | SPEEDS.all_told(told)


def _row_of_command(row: list[CommandRow]) -> dict[str, Any]:
    command = row[0].command
    result: dict[str, Any] = {
        "command": command.name,
        "module": command.section.module,
        "run": list(command.section.run),
        "of": command.section.of or None,
    }
    for prefix, one in zip(("", "before_"), row, strict=False):
        told = {prefix + name: cell.value for name, cell in _cells(one).items()}
        result |= SPEEDS.all_told(told) | {f"{prefix}failure": one.spent.failure}
        result[f"{prefix}told"] = {name: value._asdict() for name, value in one.told.items()}
    gain, at_least = gain_of(row)
    return result | ({} if gain is None or at_least else SPEEDS.all_told({"gain": gain}))
