"""Pictures of the machine at work: who does what when, which memory is accessed in which clock, and how busy it all is."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator

from hwsim.events.log import ACCESS, BANK, CLOCK, INDEX, MEMORY, OPERATION, EventLog, Rows, owners
from hwsim.pictures.style import BLUE, GREEN, GREY, RED, YELLOW, panels
from hwsim.schedule.timeline import NONE, BankTable, Timeline
from hwsim.vocabulary import (
    ACCESSES,
    ACTIVATION,
    BIAS,
    BP,
    BUBBLE,
    DELTA,
    DERIVATIVE,
    FF,
    HOST,
    INFERENCE,
    MEMORIES,
    OPERATIONS,
    PARTIAL,
    UP,
    WEIGHT,
)
from models.errors import InputError

COLOURS = {FF: BLUE, BP: RED, UP: GREEN, HOST: YELLOW}
"""One colour per operation, in all pictures of the machine."""
NAMES = {FF: "feedforward", BP: "backpropagation", UP: "update", HOST: "host"}

_WIDTH = 7.4
_INK, _FAINT = "#222222", "#777777"
_LEGEND: dict[str, Any] = {"handlelength": 1.4, "handletextpad": 0.5, "columnspacing": 1.6}
_GROUP: dict[str, Any] = {"ha": "right", "va": "center", "fontsize": 7.5}
_MOST_LINES, _MOST_COLUMNS = 64, 400
"""Of a strip: beyond, several memories or clocks share one."""
_DATAFLOW = (ACTIVATION, WEIGHT, BIAS, PARTIAL, DERIVATIVE, DELTA)
"""The order of a junction's memories in pictures."""
_KEPT = "#E8E8E8"
_DOTS = (0, (1, 1))


def _tint(colour: str, share: float) -> str:
    """A colour mixed with white."""
    r, g, b = (1 - share * (1 - c) for c in to_rgb(colour))
    return to_hex((r, g, b))


def _finish(fig: Figure, ax: Axes, title: str, handles: Sequence[Artist], columns: int) -> Figure:
    ax.grid(False)
    ax.spines[:].set_visible(False)
    fig.suptitle(title, fontsize=9, x=0.01, ha="left")
    fig.legend(handles=handles, frameon=False, fontsize=7.5, ncols=columns, loc="outside lower center", **_LEGEND)
    return fig


_HATCH = _tint(BLUE, 0.55)


# Timeline.


class _Line(NamedTuple):
    """A row of the timeline picture: where it is, and what its group is called if it is the first of one."""

    y: float
    label: str
    group: str
    size: int


def timeline(t: Timeline, title: str) -> Figure:
    """Which sample every operation works on in each junction cycle, and what each bank holds.

    The journey of one sample, the first to enter in steady state, is framed. For more than some forty junction cycles take a
    part, :meth:`hwsim.schedule.timeline.Timeline.within`; :func:`hwsim.schedule.timeline.illustration` shows all there is.
    """
    operations = [(j, o) for j in range(t.n_junctions) for o in (FF, BP, UP) if j or o != BP]
    lines = list(_lines(t, operations))
    height = lines[-1].y + 1
    fig, (ax,) = panels(width=_WIDTH, height=0.165 * height + 0.8)
    cells = _Cells(ax, t)
    for (j, o), line in zip(operations, lines, strict=False):
        cells.operation(j, o, line.y)
    at = iter(lines[len(operations) :])
    for table in t.tables:
        for bank in range(table.banks):
            cells.bank(table, bank, next(at).y)
    cells.draw()
    _draw_phases(ax, t, height)
    ax.set_xlim(t.cycles[0] - 0.5, t.cycles[-1] + 0.5)
    ax.set_ylim(height - 0.4, -1.6)
    ax.set_yticks([line.y for line in lines], [line.label for line in lines])
    ax.tick_params(axis="x", length=0, labelsize=7)
    ax.tick_params(axis="y", length=0, labelsize=6.5)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=24, integer=True, steps=[1, 2, 5, 10]))
    ax.set_xlabel("junction cycle", fontsize=8)
    for line in lines:
        if line.size:
            where = line.y + (line.size - 1) / 2
            ax.text(-0.075, where, line.group, transform=ax.get_yaxis_transform(), **_GROUP)
    return _finish(fig, ax, title, _timeline_legend(t, cells.framed), 4)


def _lines(t: Timeline, operations: list[tuple[int, int]]) -> Iterator[_Line]:
    y = 0.0
    for j, o in operations:
        first = o == FF
        y += 0.5 if first and j else 0
        yield _Line(y, OPERATIONS[o], f"junction {j + 1}" if first else "", (3 if j else 2) if first else 0)
        y += 1
    y += 0.8
    for table in t.tables:
        for bank in range(table.banks):
            name = f"{table.key.kind}\nof {table.key.owner}"
            yield _Line(y, f"bank {bank}", name if bank == 0 else "", table.banks if bank == 0 else 0)
            y += 1
        y += 0.5


class _Cells:
    """Cells of a timeline picture, one a junction cycle; gathered to be drawn at once."""

    def __init__(self, ax: Axes, t: Timeline) -> None:
        self.ax, self.t = ax, t
        self.framed = t.steady[0] if t.steady[0] < t.steady[1] else None
        self._font = float(np.clip(130 / max(len(t.cycles), 1), 3, 7))
        self._shapes: list[list[tuple[float, float]]] = []
        self._colours: list[str] = []

    def operation(self, j: int, o: int, y: float) -> None:
        """What one operation of one junction works on."""
        t = self.t
        lag = t.hops.feedforward_lag(j + 1) if o == FF else t.hops.backward_lag(j + 1, t.n_junctions)
        for cycle, sample in zip(t.cycles.tolist(), t.sample[j, o].tolist(), strict=True):
            if sample == NONE:
                if 0 <= cycle - lag < len(t.kinds):
                    self._outline(cycle, cycle, y, edgecolor=_FAINT, linestyle=_DOTS, linewidth=0.6)
            elif t.kinds[sample] == INFERENCE:
                self._fill(cycle, cycle, y, _tint(BLUE, 0.25))
                self._outline(cycle, cycle, y, edgecolor=_HATCH, hatch="////", linewidth=0)
                self._number(cycle, y, sample, _INK)
            else:
                self._fill(cycle, cycle, y, COLOURS[o])
                self._number(cycle, y, sample, "white")
            if sample == self.framed:
                self._frame(cycle, cycle, y)

    def bank(self, table: BankTable, bank: int, y: float) -> None:
        """What one bank holds: written, kept, read."""
        cycles, holds = self.t.cycles, table.holds[bank]
        begins = np.flatnonzero(np.diff(holds, prepend=NONE - 1) != 0)
        for a, b in zip(begins, np.append(begins[1:], len(holds)), strict=True):
            if holds[a] != NONE:
                self._fill(cycles[a], cycles[b - 1], y, _KEPT)
        for i, cycle in enumerate(cycles.tolist()):
            written, writer, read, reader = (
                int(a[bank, i]) for a in (table.written, table.writer, table.read, table.reader)
            )
            if written != NONE and read != NONE:
                self._both(cycle, y, (read, _tint(COLOURS[reader], 0.4)), (written, COLOURS[writer]))
            elif written != NONE:
                self._fill(cycle, cycle, y, COLOURS[writer])
                self._number(cycle, y, written, _INK if writer == HOST else "white")
            elif read != NONE:
                self._fill(cycle, cycle, y, _tint(COLOURS[reader], 0.4))
                self._number(cycle, y, read, _INK)
        mine = cycles[(holds == self.framed) | (table.written[bank] == self.framed)]
        if self.framed is not None and len(mine):
            self._frame(mine[0], mine[-1], y)

    def draw(self) -> None:
        """Draw all colours."""
        self.ax.add_collection(PolyCollection(self._shapes, facecolors=self._colours, linewidths=0), autolim=False)

    def _fill(self, first: float, last: float, y: float, colour: str) -> None:
        left, right, top, bottom = first - 0.44, last + 0.44, y - 0.38, y + 0.38
        self._shapes.append([(left, top), (right, top), (right, bottom), (left, bottom)])
        self._colours.append(colour)

    def _both(self, cycle: float, y: float, read: tuple[int, str], written: tuple[int, str]) -> None:
        """One sample is read while another takes its place."""
        left, right, top, bottom = cycle - 0.44, cycle + 0.44, y - 0.38, y + 0.38
        self._shapes += [[(left, top), (right, top), (left, bottom)], [(right, top), (right, bottom), (left, bottom)]]
        self._colours += [read[1], written[1]]
        self._number(cycle - 0.22, y - 0.13, read[0], _INK, 0.72)
        self._number(cycle + 0.22, y + 0.11, written[0], "white", 0.72)

    def _number(self, x: float, y: float, sample: int, ink: str, size: float = 1) -> None:
        style: dict[str, Any] = {"ha": "center", "va": "center", "in_layout": False, "clip_on": True}
        self.ax.text(x, y + 0.03, str(sample), fontsize=size * self._font, color=ink, **style)

    def _outline(self, first: float, last: float, y: float, **style: Any) -> None:
        corner, style = (first - 0.44, y - 0.38), {"zorder": 2, "facecolor": "none", "in_layout": False, **style}
        self.ax.add_patch(Rectangle(corner, last - first + 0.88, 0.76, **style))

    def _frame(self, first: float, last: float, y: float) -> None:
        self._outline(first, last, y, edgecolor=_INK, linewidth=1.2, zorder=3)


def _draw_phases(ax: Axes, t: Timeline, height: float) -> None:
    """Names of fill, steady state and drain above, and lines between them."""
    steady, end = t.steady
    first, last = int(t.cycles[0]), int(t.cycles[-1]) + 1
    for name, a, b in (("fill", first, steady), ("steady state", steady, end), ("drain", end, last)):
        a, b = max(a, first), min(b, last)
        if a >= b:
            continue
        ax.plot([a - 0.42, b - 0.58], [-0.75, -0.75], color=_FAINT, linewidth=0.8)
        ax.text((a + b - 1) / 2, -0.9, name, ha="center", va="bottom", fontsize=7.5, color=_FAINT)
        if a > first:
            ax.plot([a - 0.5] * 2, [-1, height - 0.6], color=_FAINT, linewidth=0.6, linestyle=(0, (4, 3)), zorder=0)


def _timeline_legend(t: Timeline, framed: int | None) -> list[Patch]:
    handles = [
        Patch(facecolor=BLUE, label="feedforward (FF), writes"),
        *([Patch(facecolor=RED, label="backpropagation (BP), writes")] if t.n_junctions > 1 else []),
        Patch(facecolor=GREEN, label="update (UP)"),
        Patch(facecolor=YELLOW, label="host writes"),
        Patch(facecolor=_tint(BLUE, 0.4), label="FF reads"),
        Patch(facecolor=_tint(GREEN, 0.4), label="UP reads, and BP" if t.n_junctions > 1 else "UP reads"),
        Patch(facecolor=_KEPT, label="kept for later"),
    ]
    reasons = []
    if (t.kinds == INFERENCE).any():
        handles.append(
            Patch(facecolor=_tint(BLUE, 0.25), hatch="////", edgecolor=_HATCH, linewidth=0, label="FF, inference only")
        )
        reasons = ["inference"]
    if (t.kinds == BUBBLE).any():
        reasons.insert(0, "bubble")
    if reasons:
        handles.append(Patch(facecolor="white", edgecolor=_FAINT, linestyle=_DOTS, label=f"idle: {', '.join(reasons)}"))
    if framed is not None:
        handles.append(Patch(facecolor="white", edgecolor=_INK, label=f"sample {framed} all the way"))
    return handles


# Occupancy.


class _Strip(NamedTuple):
    """One port of the memories of one bank; ``used`` is bool [memories, clocks, operations]."""

    label: str
    owner: int
    used: npt.NDArray[np.bool_]

    @property
    def height(self) -> float:
        """In inches: more for more memories, though not in proportion."""
        return 0.12 + 0.0045 * min(len(self.used), _MOST_LINES)


def occupancy(log: EventLog, first: int, clocks: int, title: str) -> Figure:
    """Which memories are accessed in which clock, by which operation.

    One strip is one port of the memories of one bank; each memory is a line in it, or several share one where there are
    more than 64. The figures on the right: memories, and the share of the clocks in which their ports are in use.

    Parameters
    ----------
    first, clocks
        The clocks shown: usually a junction cycle, ``log.header.clocking.begin(cycle)`` and its period.

    Raises
    ------
    InputError
        If the log has no events there.
    """
    part = log.within(first, first + clocks)
    if not len(part):
        raise InputError("clocks", f"{first} .. {first + clocks - 1}", "have no events in the log")
    strips = _strips(part.rows, first, clocks)
    leads = [i == 0 or strips[i - 1].owner != s.owner for i, s in enumerate(strips)]
    gaps = [0.26 if lead else 0.04 for lead in leads]
    bottoms = np.cumsum([g + s.height for g, s in zip(gaps, strips, strict=True)])
    middles = [b - s.height / 2 for b, s in zip(bottoms, strips, strict=True)]
    fig, (ax,) = panels(width=_WIDTH, height=bottoms[-1] + 0.5)
    for s, bottom in zip(strips, bottoms, strict=True):
        extent = (first - 0.5, first + clocks - 0.5, bottom, bottom - s.height)
        ax.imshow(_blend(s.used), extent=extent, aspect="auto", interpolation="nearest")
        frame = Rectangle((extent[0], extent[3]), clocks, s.height, fill=False, edgecolor=GREY, linewidth=0.5, clip_on=False)
        ax.add_patch(frame)
    ax.set_xlim(first - 0.5, first + clocks - 0.5)
    ax.set_ylim(bottoms[-1], 0)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=12, integer=True, steps=[1, 2, 5, 10]))
    ax.set_xlabel("clock", fontsize=8)
    ax.set_yticks(middles, [s.label for s in strips])
    ax.tick_params(axis="x", labelsize=7)
    ax.tick_params(axis="y", labelsize=6.5, length=0)
    right = ax.secondary_yaxis("right")
    shares = [f"{len(s.used)} × {100 * s.used.any(axis=2).mean():.0f} %" for s in strips]
    right.set_yticks(middles, shares)
    right.tick_params(labelsize=6.5, length=0, labelcolor=_FAINT)
    right.spines[:].set_visible(False)
    for s, middle, lead in zip(strips, middles, leads, strict=True):
        if lead:
            above, where = middle - s.height / 2 - 0.05, ax.get_yaxis_transform()
            ax.text(-0.009, above, f"junction {s.owner}", transform=where, ha="right", fontsize=7.5, weight="bold")
            ax.text(1.009, above, "memories × in use", transform=where, fontsize=6.5, color=_FAINT)
    present = np.unique(part.rows[:, OPERATION]).tolist()
    return _finish(fig, ax, title, [Patch(facecolor=COLOURS[o], label=NAMES[o]) for o in present], 4)


def _strips(rows: Rows, first: int, clocks: int) -> list[_Strip]:
    owner, memory, index = owners(rows), rows[:, MEMORY], rows[:, INDEX]
    rank = np.array([_DATAFLOW.index(m) for m in range(len(MEMORIES))])[memory]
    keys = np.stack([owner, rank, rows[:, BANK], rows[:, ACCESS]], 1)
    result = []
    for key in np.unique(keys, axis=0):
        mine = (keys == key).all(axis=1)
        junction, kind, bank, access = (int(v) for v in (key[0], _DATAFLOW[key[1]], key[2], key[3]))
        memories = int(index[(owner == junction) & (memory == kind)].max()) + 1
        used = np.zeros((memories, clocks, len(OPERATIONS)), np.bool_)
        used[index[mine], rows[mine, CLOCK] - first, rows[mine, OPERATION]] = True
        place = "" if kind in (WEIGHT, BIAS) else f" bank {bank}"
        result.append(_Strip(f"{MEMORIES[kind]}{place}, {ACCESSES[access]}", junction, used))
    return result


def _blend(used: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """RGB [lines, columns, 3]: the operations' colours, mixed where several memories or clocks share a cell."""
    share = _averaged(_averaged(used.astype(np.float64), 0, _MOST_LINES), 1, _MOST_COLUMNS)
    colours = np.array([to_rgb(COLOURS[o]) for o in range(len(OPERATIONS))])
    crowded = np.maximum(share.sum(axis=2, keepdims=True), 1)
    share /= crowded
    mixed: npt.NDArray[np.float64] = share @ colours + (1 - share.sum(axis=2, keepdims=True))
    return np.clip(mixed, 0, 1)


def _averaged(values: npt.NDArray[np.float64], axis: int, most: int) -> npt.NDArray[np.float64]:
    """Means of neighbours along an axis, so that at most so many are left."""
    n = values.shape[axis]
    if n <= most:
        return values
    edges = np.arange(most) * n // most
    sizes = np.diff(edges, append=n).reshape([-1 if a == axis else 1 for a in range(values.ndim)])
    means: npt.NDArray[np.float64] = np.add.reduceat(values, edges, axis) / sizes
    return means


# Utilisation.


def utilisation(counts: npt.ArrayLike, lanes: Sequence[int], clocks: int, title: str, limit: float | None = None) -> Figure:
    """How much of the time every operation of every junction works.

    Parameters
    ----------
    counts
        int [L, 3, 2]: clocks and edges per junction and operation, as :attr:`hwsim.machine.machine.Machine.counts` has them.
    lanes
        z of every junction.
    clocks
        Clocks in all.
    limit
        The share of clocks that a junction cycle allows, C / (C + flush), drawn as a line.
    """
    done = np.asarray(counts, np.float64)
    n = len(done)
    bars = [(j, o) for j in range(n) for o in (FF, BP, UP) if j or o != BP]
    y = np.array([i + 0.6 * j for i, (j, _) in enumerate(bars)])
    busy = np.array([done[b][0] for b in bars]) / max(clocks, 1)
    edges = np.array([done[j, o][1] / lanes[j] for j, o in bars]) / max(clocks, 1)
    fig, (ax,) = panels(width=_WIDTH * 0.8, height=0.22 * (y[-1] + 1) + 0.55)
    colours = [COLOURS[o] for _, o in bars]
    idle = bool((busy - edges > 5e-4).any())
    if idle:
        ax.barh(y, 100 * busy, height=0.8, color=[_tint(c, 0.4) for c in colours])
    ax.barh(y, 100 * edges, height=0.8, color=colours)
    for at, b, e in zip(y, 100 * busy, 100 * edges, strict=True):
        inside = e > 12
        x, align, ink = (e - 1, "right", "white") if inside else (b + 1, "left", _INK)
        ax.text(x, at, f"{e:.1f} %", ha=align, va="center_baseline", fontsize=7.5, color=ink)
    ax.set_xlim(0, 100)
    ax.set_ylim(y[-1] + 0.6, -0.6)
    ax.set_yticks(y, [OPERATIONS[o] for _, o in bars])
    ax.tick_params(labelsize=7.5)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("share of all clocks (%)", fontsize=8)
    for j in range(n):
        middle = float(np.mean([at for at, (k, _) in zip(y, bars, strict=True) if k == j]))
        ax.text(-0.07, middle, f"junction {j + 1}", transform=ax.get_yaxis_transform(), **_GROUP)
    handles: list[Artist] = [Patch(facecolor=COLOURS[o], label=NAMES[o]) for o in (FF, BP, UP) if n > 1 or o != BP]
    if idle:
        handles.append(Patch(facecolor=_KEPT, label="pale: lanes without an edge"))
    if limit is not None:
        line = ax.axvline(100 * limit, color=_FAINT, linewidth=0.9, linestyle=(0, (4, 3)))
        line.set_label(f"C / (C + flush), {100 * limit:.1f} %")
        handles.append(line)
    _finish(fig, ax, title, handles, 3 if len(handles) > 4 else 4)
    ax.grid(True, axis="x", color="#E6E6E6", linewidth=0.6)
    return fig
