"""What ``hwsim scatter`` prints and writes: the vector, the windows that starve, degrees, interleavers, paths."""

from typing import Any, NamedTuple

import numpy as np

from hwsim.configuration import scatter_windows
from hwsim.configuration.provenance import provenance
from hwsim.configuration.scatter_windows import Grid
from hwsim.design import Design
from hwsim.patterns.figures import PATTERN_FIGURES, SCATTER, degrees, pattern_figures, sets
from hwsim.tables import Table, table
from models.pattern_quality import interleaver
from models.pattern_quality.scatter import Coverage, Scatter
from models.pattern_quality.statistics import DegreeStatistics

_STARVING = 0.5
"""Coverage below which a window is said to starve."""


class Entry(NamedTuple):
    """One entry of the scatter vector with its windows: ``1f``, ``1b``, .., ``net_f``, ``net_b``."""

    name: str
    coverage: Coverage
    grid: Grid
    layer: int

    @property
    def title(self) -> str:
        """In words."""
        direction = "forward" if self.name.endswith("f") else "backward"
        where = "network" if self.name.startswith("net") else f"junction {self.name[:-1]}"
        return f"{direction}, {where}"

    @property
    def starving(self) -> int:
        """Windows with less than half the edges (paths) that they should have."""
        return int((self.coverage.by_window < _STARVING).sum())

    def shown(self) -> str:
        """Number and size of the windows."""
        count = len(self.coverage.by_window)
        return f"{count:,} of {' × '.join(map(str, self.grid.size))}"


def entries(design: Design, found: Scatter) -> list[Entry]:
    """Every entry of a design's scatter vector."""
    grids = scatter_windows.grids(design.config)
    last = len(design.patterns)
    layers = [layer for i in range(1, last + 1) for layer in (i - 1, i)] + [0, last]
    both = zip(found.coverage.items(), grids.values(), layers, strict=True)
    return [Entry(name, coverage, grid, layer) for (name, coverage), grid, layer in both]


def tables(design: Design, found: Scatter) -> list[Table]:
    """Everything that a person wants to know."""
    return [_vector(design, found), _worst(design, found), _degrees(design), _figures(design)]


def _vector(design: Design, found: Scatter) -> Table:
    real, classes = scatter_windows.real_inputs(design.config).features, design.config.classes
    caption = (
        f"ideal: edges (paths) between a neuron and a window if they were spread evenly; starving: less than half of them.\n"
        f"Padding left out: {real:,} of {design.config.network.layers[0]:,} inputs and {classes:,} of "
        f"{design.config.network.layers[-1]:,} outputs count."
    )
    title = f"{design.config.name}: scatter {found.minimum:.4f} ({found.worst})"
    rows = table(title, "scatter", "of", "windows", "ideal", "starving", "value", caption=caption)
    for e in entries(design, found):
        values = (f"layer {e.layer}", e.shown(), f"{e.coverage.ideal:.4g}", f"{e.starving:,}", f"{e.coverage.value:.4f}")
        rows.add_row(e.title, *values, bold=e.name == found.worst)
    return rows


def worst_windows(design: Design, found: Scatter, most: int) -> list[tuple[Entry, int]]:
    """The least covered windows of all entries, the worst first; entries with nothing but full windows have none."""
    candidates = [
        (float(e.coverage.by_window[k]), number, int(k))
        for number, e in enumerate(entries(design, found))
        for k in np.argsort(e.coverage.by_window, kind="stable")[:most]
    ]
    every = entries(design, found)
    return [(every[number], k) for value, number, k in sorted(candidates)[:most] if value < 1]


def _worst(design: Design, found: Scatter) -> Table:
    rows = table("windows that starve most", "scatter", "window", "neurons", "coverage")
    for e, k in worst_windows(design, found, 8):
        members = e.grid.windows()[k]
        neurons = f"{members[0]}" if members.size == 1 else f"{members[0]} … {members[-1]}"
        rows.add_row(e.title, str(k), f"{neurons} of layer {e.layer}", f"{e.coverage.by_window[k]:.4f}")
    return rows


def _degrees(design: Design) -> Table:
    caption = (
        "Input sets: different ones among right neurons. Spread and dispersion are those of the junction's interleaver: "
        "edges by right neuron → by left neuron."
    )
    columns = ("d_out", "d_in", "unconnected left", "right", "input sets", "spread", "dispersion")
    rows = table("degrees and interleavers", "junction", *columns, caption=caption)
    both = zip(design.patterns, degrees(design), sets(design), strict=True)
    for i, (pattern, (left, right), (found, _)) in enumerate(both, 1):
        order = interleaver.interleaver(pattern)
        figures = (f"{found:,}", f"{interleaver.spread(order):,}", f"{interleaver.dispersion(order):.4f}")
        rows.add_row(str(i), _range(left), _range(right), str(left.unconnected), str(right.unconnected), *figures)
    return rows


def _range(d: DegreeStatistics) -> str:
    return str(d.least) if d.least == d.most else f"{d.least} … {d.most} (mean {d.mean:.2f}, deviation {d.deviation:.2f})"


def _figures(design: Design) -> Table:
    rows = table("paths", "figure", "value", "unit")
    figures = pattern_figures(design)
    for name in ("path_diversity", "paths_per_pair", "cut_off"):
        known = PATTERN_FIGURES[name]
        rows.add_row(f"{name}: {known.meaning}", f"{figures[name]:,.6g}", known.unit)
    return rows


def as_json(design: Design, found: Scatter) -> dict[str, Any]:
    """``scatter.json``."""
    result = provenance(design.config)
    result |= PATTERN_FIGURES.all_told(pattern_figures(design))
    windows = {e.name: _windows(e) for e in entries(design, found)}
    return result | SCATTER.all_told({"scatter_vector": found.vector, "worst": found.worst, "windows": windows})


def _windows(e: Entry) -> dict[str, Any]:
    grid = {key: list(getattr(e.grid, key)) for key in ("shape", "size", "stride")}
    return {"layer": e.layer, **grid, "ideal": e.coverage.ideal, "coverage": e.coverage.by_window.tolist()}
