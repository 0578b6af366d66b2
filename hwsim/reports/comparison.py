"""The report of several runs: where their configurations differ, their figures side by side, their curves in one chart."""

from collections.abc import Sequence
from pathlib import Path

from hwsim.reports import charts
from hwsim.reports.configuration import meanings, values
from hwsim.reports.content import RunContent
from hwsim.reports.html import Child, joined, table, tag
from hwsim.reports.page import Page, Section
from hwsim.reports.values import Told, cell, term, text
from models.errors import InputError

_MOST_RUNS = 24
_LEFT_OUT = ("history", "files", "memories")
_ABSENT = "–"


def page(paths: Sequence[Path]) -> bytes:
    """The comparison of the runs in several directories.

    Parameters
    ----------
    paths
        The directories; the first is what the others are compared with.

    Raises
    ------
    InputError
        If one holds no configuration of a run, or no legal one, or if there are too many.
    """
    if len(paths) > _MOST_RUNS:
        raise InputError("DIR", f"{len(paths)} runs", f"are more than one page can show: give at most {_MOST_RUNS}")
    names = _names(paths)
    runs = {name: RunContent(path) for name, path in zip(names, paths, strict=True)}
    made = Page(f"{len(runs)} runs compared", "hwsim comparison", _headline(runs))
    for section in (_configurations(runs), _curves(made, runs), _figures(runs)):
        made.add(section)
    for name, run in runs.items():
        for what, why in run.missing:
            made.lacks(f"{name}, {what}", why)
    return made.html


def _names(paths: Sequence[Path]) -> list[str]:
    """A name for each directory: the last part of its path, as much of it as tells all apart."""
    parts = [path.resolve().parts for path in paths]
    names: list[str] = []
    for depth in range(1, max(map(len, parts)) + 1):
        names = ["/".join(p[-depth:]) for p in parts]
        if len(set(names)) == len(names):
            return names
    return [f"{name} ({k})" for k, name in enumerate(names, 1)]


def _headline(runs: dict[str, RunContent]) -> Child:
    judged = {}
    for name, run in runs.items():
        found = next((t for t in run.figures if t.name == "test_accuracy" and isinstance(t.value, float)), None)
        if found is not None:
            judged[name] = found.value
    if not judged:
        return f"{', '.join(runs)}."
    best = max(judged, key=lambda name: judged[name])
    sentence = f"{best} predicts the most test samples right, {text(judged[best], '1')} %"
    worst = min(judged, key=lambda name: judged[name])
    gap = f"; {worst} the fewest, {text(judged[worst], '1')} %" if worst != best else ""
    return joined(tag("b", f"{sentence}{gap}."), f" {len(runs)} runs: {', '.join(runs)}.")


def _configurations(runs: dict[str, RunContent]) -> Section:
    """Keys in which the configurations differ."""
    flat = [values(run.config) for run in runs.values()]
    keys = [k for k in dict.fromkeys(k for f in flat for k in f) if k != "name" and len({f.get(k) for f in flat}) > 1]
    told = meanings()
    rows: list[list[Child]] = [[term(k, told.get(k) or k), *(tag("code", f.get(k, _ABSENT)) for f in flat)] for k in keys]
    commands = [run.command or _ABSENT for run in runs.values()]
    rows = [["command", *commands], *rows] if len(set(commands)) > 1 else rows
    shown = table(["key", *runs], rows, "Keys whose values differ") if rows else tag("p", "All keys have the same values.")
    return Section("configuration", "Where the configurations differ", shown)


def _curves(made: Page, runs: dict[str, RunContent]) -> Section | None:
    histories = {name: run.history for name, run in runs.items() if run.history}
    if not histories:
        return None
    costs = {run.config.network.cost.replace("_", " ") for run in runs.values() if run.history}
    label = f"of {', '.join(histories)} by epoch; the table of figures has the last epoch"
    drawn = [
        made.chart("accuracy", f"Accuracy {label}", charts.curves(histories, "accuracy", "accuracy (%)")),
        made.chart("loss", f"Loss {label}", charts.curves(histories, "loss", f"mean {' or '.join(sorted(costs))}")),
    ]
    several = len(histories) > 1
    note = "A colour is a run; lines are dashed for held-out samples and dotted for test samples." if several else ""
    return Section("curves", "Curves", tag("p", note, class_="note"), tag("div", drawn, class_="pair"))


def _figures(runs: dict[str, RunContent]) -> Section | None:
    """Figures side by side; single numbers with their difference from the first run."""
    each = [{t.name: t for t in run.figures if t.name not in _LEFT_OUT} for run in runs.values()]
    rows: list[list[Child]] = []
    for name in dict.fromkeys(n for figures in each for n in figures):
        told = next(f[name] for f in each if name in f)
        cells = [_cell(figures.get(name), each[0].get(name), k) for k, figures in enumerate(each)]
        rows.append([term(told.title, told.meaning), told.shown_unit, *cells])
    head = ["figure", "unit", *runs]
    return Section("figures", "Figures", table(head, rows, "Figures of all runs")) if rows else None


def _cell(told: Told | None, first: Told | None, column: int) -> Child:
    if told is None:
        return _ABSENT
    shown = cell(told)
    if not column or first is None or not all(_is_number(t.value) for t in (told, first)) or told.value == first.value:
        return shown
    difference = told.value - first.value
    sign = "+" if difference > 0 else "−"
    return joined(shown, " ", tag("small", f"({sign}{text(abs(difference), told.unit)})"))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
