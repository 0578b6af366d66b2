"""What was measured, as a page in Markdown and a picture of the gains."""

import io
import os
import platform
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from hwsim import tables
from hwsim.benchmark.report import PAGE, PICTURE, Measured, gain_of
from hwsim.pictures.style import BLUE, GREY, RED, panels
from hwsim.results.directory import add_file

_HOLLOW: dict[str, Any] = {"marker": "s", "markersize": 4.5, "color": RED, "markerfacecolor": "none"}
_PROCESSORS = Path("/proc/cpuinfo")


def write(out: Path, force: bool, measured: Measured, command: str) -> None:
    """``bench.md`` and, where two states of the code have been compared, ``bench.png``."""
    drawn = picture(measured)
    if drawn is not None:
        add_file(out, PICTURE, drawn, force)
    add_file(out, PAGE, page(measured, command, drawn is not None).encode(), force)


def page(measured: Measured, command: str, has_picture: bool) -> str:
    """The tables, with the command that has made them and the machine that it ran on."""
    parts = ["# Speed", f"`{command}`", f"{_machine()}."]
    if measured.against is not None:
        parts[-1] += f" Before: the code of `{measured.against}`, measured in turns with this one."
    for table in measured.tables():
        parts += [f"## {table.title[0].upper()}{table.title[1:]}", markdown(table)]
        parts += [f"{table.caption[0].upper()}{table.caption[1:]}."] if table.caption else []
    if has_picture:
        parts.append(f"![How many times as fast, and with what part of the memory]({PICTURE})")
    return "\n\n".join(parts) + "\n"


def markdown(table: tables.Table) -> str:
    """A table without the columns in which nothing is told."""
    kept = [k for k in range(len(table.columns)) if any(row.cells[k] for row in table.rows)]
    heads = [table.columns[k].name for k in kept]
    rules = ["---" if table.columns[k].left else "---:" for k in kept]
    rows = [[row.cells[k].replace("|", "\\|") for k in kept] for row in table.rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [heads, rules, *rows])


def _machine() -> str:
    names = [line.partition(":")[2].strip() for line in _lines(_PROCESSORS) if line.startswith("model name")]
    return f"{os.cpu_count()} cores, {names[0] if names else platform.machine()}; Python {platform.python_version()}"


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


class _Mark(NamedTuple):
    """A row of the picture: gains in time and, of commands, in memory."""

    label: str
    time: float
    memory: float | None = None
    at_least: bool = False


def _groups(measured: Measured) -> dict[str, list[_Mark]]:
    """Rows by what stands above them."""
    groups: dict[str, list[_Mark]] = {}
    for now, was in measured.pairs():
        if was is not None:
            mark = _Mark(now.engine, now.samples_per_second / was.samples_per_second)
            groups.setdefault(now.configuration, []).append(mark)
    for row in measured.commands:
        gain, at_least = gain_of(row)
        if gain is not None:
            now_memory, was_memory = row[0].spent.peak_memory, row[1].spent.peak_memory
            memory = was_memory / now_memory if now_memory and was_memory else None
            groups.setdefault("commands", []).append(_Mark(row[0].command.name, gain, memory, at_least))
    return groups


def picture(measured: Measured) -> bytes | None:
    """Gains as PNG, row by row on a logarithmic axis; nothing if there are none."""
    groups = _groups(measured)
    if not groups:
        return None
    fig, (ax,) = panels(width=6.4, height=0.6 + 0.19 * sum(len(marks) + 1 for marks in groups.values()))
    ax.set_xscale("log")
    ax.axvline(1, color=GREY, linewidth=1.2, zorder=1)
    labels: list[str] = []
    titles: list[int] = []
    for title, marks in groups.items():
        titles.append(len(labels))
        labels.append(title)
        for mark in marks:
            _draw(ax, len(labels), mark)
            labels.append(mark.label)
    ax.set_yticks(range(len(labels)), labels)
    for k in titles:
        ax.get_yticklabels()[k].set_fontweight("bold")
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.grid(False, axis="y")
    _finish(ax, any(mark.memory for marks in groups.values() for mark in marks))
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _draw(ax: Axes, y: float, mark: _Mark) -> None:
    """A line from 1 to the gain in time, its value, and a hollow mark for memory."""
    ax.plot([1, mark.time], [y, y], color=BLUE, linewidth=1.6, zorder=2)
    ax.plot([mark.time], [y], marker=">" if mark.at_least else "o", color=BLUE, markersize=4.5, zorder=3)
    if mark.memory is not None:
        ax.plot(
            [mark.memory], [y], marker="s", markersize=4.5, color=RED, markerfacecolor="none", linestyle="none", zorder=4
        )
    text = f"{'> ' if mark.at_least else ''}{mark.time:.{2 if mark.time < 10 else 0}f}"
    ax.annotate(text, (max(mark.time, 1), y), xytext=(6, 0), textcoords="offset points", va="center", fontsize=7)


def _finish(ax: Axes, has_memory: bool) -> None:
    """Axis, and what the marks mean."""
    low, high = ax.get_xlim()
    ax.set_xlim(min(low, 0.8), max(high * 1.4, 2.0))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    if max(high, 2.0) < 10:
        ax.set_xticks([1, 2, 3, 5], minor=False)
    ax.set_xlabel("times as good as before", fontsize=9)
    ax.plot([], [], marker="o", color=BLUE, markersize=4.5, label="speed")
    if has_memory:
        ax.plot([], [], linestyle="none", label="memory", **_HOLLOW)
        ax.legend(fontsize=8, loc="lower right", frameon=False)
