"""What ``hwsim scatter`` prints and writes: the vector, the windows that starve, degrees, interleavers, paths."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hwsim.configuration import scatter_windows
from hwsim.configuration.provenance import provenance
from hwsim.configuration.scatter_windows import Grid
from hwsim.design import Design
from hwsim.patterns.figures import OF_JUNCTION, PATTERN_FIGURES, SCATTER, WINDOWS, Findings
from hwsim.tables import Column, Table, Told, columns, number, table
from models.pattern_quality.scatter import Coverage, Scatter
from models.pattern_quality.statistics import DegreeStatistics

FloatArray = npt.NDArray[np.float64]

STARVING = 0.5
"""Share of the attainable coverage below which a window is said to starve."""


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
    def shares(self) -> FloatArray:
        """float64 [windows]: coverage over the attainable."""
        return self.coverage.by_window / self.coverage.attainable

    @property
    def starving(self) -> int:
        """Windows with less than half the coverage that they could have."""
        return int((self.shares < STARVING).sum())

    def place(self, k: int) -> str:
        """Where window ``k`` lies: neurons of its layer, or of an image or feature map rows, columns and channels."""
        grid = self.grid
        begins = [int(at) * step for at, step in zip(np.unravel_index(k, grid.counts), grid.stride, strict=True)]
        if len(begins) == 1:
            members = grid.windows()[k]
            return _span("neuron", int(members[0]), int(members[-1]))
        names = ("row", "column", "channel")
        spans = zip(names, begins, grid.size, strict=False)
        return ", ".join(_span(name, begin, begin + size - 1) for name, begin, size in spans)

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


def tables(of: Findings) -> list[Table]:
    """Everything that a person wants to know."""
    return [_vector(of.design, of.scatter), _worst(of.design, of.scatter), _degrees(of), _figures(of)]


def _vector(design: Design, found: Scatter) -> Table:
    real, classes = scatter_windows.real_inputs(design.config).features, design.config.classes
    caption = (
        f"ideal: edges (paths) between a neuron and a window if they were spread evenly; at most: what whole numbers of "
        f"them allow; starving: less than half of that.\n"
        f"Padding left out: {real:,} of {design.config.network.layers[0]:,} inputs and {classes:,} of "
        f"{design.config.network.layers[-1]:,} outputs count.{_image(design)}"
    )
    title = f"{design.config.name}: scatter {found.minimum:.4f} ({found.worst})"
    named = {"ideal": "ideal", "attainable": "at most", "starving": "starving", "scatter": "value"}
    layer, windows = columns(WINDOWS, layer="of", windows="windows")
    rows = table(title, Column("scatter", key="entry"), layer, windows, *columns(WINDOWS, **named), caption=caption)
    for e in entries(design, found):
        sizes = number(e.coverage.ideal, ".4g"), number(e.coverage.attainable, ".4g"), number(e.starving)
        windows_of = _layer(e), Told(e.shown(), len(e.coverage.by_window))
        value = number(e.coverage.value, ".4f")
        rows.add_row(Told(e.title, e.name), *windows_of, *sizes, value, bold=e.name == found.worst)
    return rows


def _layer(e: Entry) -> Told:
    return Told(f"layer {e.layer}", e.layer)


def _image(design: Design) -> str:
    """Which image windows of the inputs lie on where nobody says anything else."""
    image, asked = scatter_windows.real_inputs(design.config).image, design.config.scatter.windows
    if image is None or {"left_1", "network_left"} <= asked.keys():
        return ""
    shape = " × ".join(map(str, image))
    return f"\nWindows of layer 0 lie on the {shape} image that these inputs are, and rows and columns are its own."


def worst_windows(design: Design, found: Scatter, most: int) -> list[tuple[Entry, int]]:
    """Windows of all entries with the least of what they could have, the worst first; those that have all are left out."""
    every = entries(design, found)
    candidates = [
        (float(e.shares[k]), number, int(k))
        for number, e in enumerate(every)
        for k in np.argsort(e.shares, kind="stable")[:most]
    ]
    return [(every[number], k) for share, number, k in sorted(candidates)[:most] if share < 1 - 1e-9]


def _worst(design: Design, found: Scatter) -> Table:
    window, layer = columns(WINDOWS, window="window", layer="of")
    heads = [window, layer, Column("where"), *columns(WINDOWS, coverage="coverage", attainable="at most")]
    rows = table("windows that lack most", Column("scatter", key="entry"), *heads)
    for e, k in worst_windows(design, found, 8):
        coverage = number(float(e.coverage.by_window[k]), ".4f"), number(e.coverage.attainable, ".4g")
        rows.add_row(Told(e.title, e.name), number(k, ""), _layer(e), e.place(k), *coverage)
    return rows


def _degrees(of: Findings) -> Table:
    caption = (
        "Input sets: different ones among right neurons. Spread and dispersion are those of the junction's interleaver: "
        "edges by right neuron → by left neuron."
    )
    named = {"d_out": "d_out", "d_in": "d_in", "unconnected_left": "unconnected left", "unconnected_right": "right"}
    named |= {"input_sets": "input sets", "spread": "spread", "dispersion": "dispersion"}
    heads = columns(OF_JUNCTION, junction="junction", **named)
    rows = table("degrees and interleavers", *heads, caption=caption)
    both = zip(of.degrees, of.sets, of.interleavers, strict=True)
    for i, ((left, right), (found, _), (spread, dispersion)) in enumerate(both, 1):
        figures = number(found), number(spread), number(dispersion, ".4f")
        lonely = number(left.unconnected, ""), number(right.unconnected, "")
        rows.add_row(number(i), _range(left), _range(right), *lonely, *figures)
    return rows


def _range(d: DegreeStatistics) -> Told:
    told = {"least": d.least, "most": d.most, "mean": d.mean, "deviation": d.deviation}
    if d.least == d.most:
        return Told(str(d.least), told)
    return Told(f"{d.least} … {d.most} (mean {d.mean:.2f}, deviation {d.deviation:.2f})", told)


def _figures(of: Findings) -> Table:
    rows = table("paths", "figure", Column("value", unit="as its row says", meaning="of the figure"), "unit")
    figures = of.figures
    for name in ("path_diversity", "paths_per_pair", "cut_off"):
        known = PATTERN_FIGURES[name]
        rows.add_row(Told(f"{name}: {known.meaning}", name), number(figures[name], ",.6g"), known.unit)
    return rows


def as_json(of: Findings) -> dict[str, Any]:
    """``scatter.json``."""
    result, found = provenance(of.design.config), of.scatter
    result |= PATTERN_FIGURES.all_told(of.figures)
    windows = {e.name: _windows(e) for e in entries(of.design, found)}
    return result | SCATTER.all_told({"scatter_vector": found.vector, "worst": found.worst, "windows": windows})


def _windows(e: Entry) -> dict[str, Any]:
    grid = {key: list(getattr(e.grid, key)) for key in ("shape", "size", "stride")}
    of = e.coverage
    return {"layer": e.layer, **grid, "ideal": of.ideal, "attainable": of.attainable, "coverage": of.by_window.tolist()}


def _span(what: str, first: int, last: int) -> str:
    return f"{what} {first}" if first == last else f"{what}s {first} … {last}"
