"""What can be said of a design's connectivity before anything is trained: the measurement ``pattern`` of a study."""

from functools import cached_property

import numpy as np

from hwsim.configuration import scatter_windows
from hwsim.design import Design
from hwsim.figure import Figure, Figures
from hwsim.patterns.scatter import scatter
from models.pattern_quality import interleaver
from models.pattern_quality.scatter import Scatter
from models.pattern_quality.statistics import DegreeStatistics, in_degrees, input_sets, out_degrees, paths

_MOST_JUNCTIONS = 8
"""Junctions with columns of their own; the minima are those of all junctions, however many there are."""

_ENTRIES = {
    f"scatter_{i}{direction}": Figure("1", f"{what} scatter of junction {i}", "more", f"{what} scatter, junction {i}")
    for i in range(1, _MOST_JUNCTIONS + 1)
    for direction, what in (("f", "forward"), ("b", "backward"))
}

PATTERN_FIGURES = Figures(
    "pattern",
    {
        "scatter_min": Figure("1", "least value of the scatter vector, the score of a pattern", "more", "scatter"),
        "scatter_net_f": Figure("1", "scatter of paths from input windows to outputs", "more", "forward scatter, network"),
        "scatter_net_b": Figure("1", "scatter of paths from inputs to output windows", "more", "backward scatter, network"),
        **_ENTRIES,
        "spread": Figure(
            "edges", "least over the junctions: spread (Crozier) of the interleaver of a junction", "more", "spread"
        ),
        "dispersion": Figure(
            "1",
            "least over the junctions: different displacements over pairs of edges (Heegard, Wicker)",
            "more",
            "dispersion",
        ),
        "out_degree_least": Figure("edges", "fewest edges of a left neuron, all junctions, padding left out", "more"),
        "out_degree_most": Figure("edges", "most edges of a left neuron, all junctions, padding left out", "less"),
        "in_degree_least": Figure("edges", "fewest edges of a right neuron, all junctions, padding left out", "more"),
        "in_degree_most": Figure("edges", "most edges of a right neuron, all junctions, padding left out", "less"),
        "degree_variation": Figure(
            "1",
            "greatest standard deviation of degrees over their mean, on any side of any junction",
            "less",
            "degree variation",
        ),
        "unconnected_left": Figure("neurons", "left neurons without an edge, all junctions, padding left out", "less"),
        "unconnected_right": Figure("neurons", "right neurons without an edge, all junctions, padding left out", "less"),
        "input_sets": Figure(
            "1", "different sets of left neurons per right neuron, least over the junctions", "more", "input sets per neuron"
        ),
        "cut_off": Figure("neurons", "of all layers, on no path from an input to an output, padding left out", "less"),
        "path_diversity": Figure(
            "1", "share of pairs of an input and an output that a path joins", "more", "path diversity"
        ),
        "paths_per_pair": Figure("paths", "mean over pairs of an input and an output", "more", "paths per pair"),
    },
)

SCATTER = Figures(
    "scatter",
    {
        "scatter_vector": Figure("1", "scatter of every junction and of the network, forward, backward"),
        "worst": Figure("name", "the entry of the scatter vector that has the minimum"),
        "windows": Figure(
            "edges (paths), 1",
            "by entry: grid of its windows over a layer, ideal number of edges, coverage: mean of min(edges / ideal, 1), "
            "and the most that is attainable",
        ),
    },
)
"""What ``scatter.json`` has beside them."""

WINDOWS = Figures(
    "windows",
    {
        "layer": Figure("number", "of the layer in which the windows lie, from 0"),
        "windows": Figure("windows", "of the layer"),
        "window": Figure("number", "of a window, from 0"),
        "ideal": Figure("edges (paths)", "between a neuron and a window if they were spread evenly"),
        "attainable": Figure("1", "greatest coverage that whole numbers of edges allow"),
        "coverage": Figure("1", "of the window: mean of min(edges / ideal, 1)", "more"),
        "starving": Figure("windows", "with less than half of the coverage that is attainable", "less"),
        "scatter": Figure("1", "of the entry: mean coverage of its windows", "more"),
    },
)
"""Of an entry of the scatter vector, and of a window, as tables have them."""

OF_JUNCTION = Figures(
    "pattern of a junction",
    {
        "junction": Figure("number", "of the junction, from 1"),
        "d_out": Figure("edges", "of a left neuron: least, most, mean and deviation"),
        "d_in": Figure("edges", "of a right neuron: least, most, mean and deviation"),
        "unconnected_left": Figure("neurons", "left neurons of the junction without an edge", "less"),
        "unconnected_right": Figure("neurons", "right neurons of the junction without an edge", "less"),
        "input_sets": Figure("sets", "of left neurons, different ones among right neurons", "more"),
        "spread": Figure("edges", "of the junction's interleaver (Crozier)", "more"),
        "dispersion": Figure("1", "of the junction's interleaver (Heegard, Wicker)", "more"),
    },
)
"""Of the pattern of one junction, as a table has them."""


class Findings:
    """What can be said of a design's connectivity, each thing found when it is first asked for, and once.

    Parameters
    ----------
    design
        Whose patterns are judged.
    """

    def __init__(self, design: Design) -> None:
        self.design = design

    @cached_property
    def scatter(self) -> Scatter:
        """How evenly neurons are joined to windows."""
        return scatter(self.design)

    @cached_property
    def degrees(self) -> list[tuple[DegreeStatistics, DegreeStatistics]]:
        """Out-degrees and in-degrees of every junction; inputs and outputs that are padding are left out."""
        inputs, outputs = scatter_windows.real_neurons(self.design.config)
        last = len(self.design.patterns) - 1
        return [
            (out_degrees(p, inputs if i == 0 else None), in_degrees(p, outputs if i == last else None))
            for i, p in enumerate(self.design.patterns)
        ]

    @cached_property
    def sets(self) -> list[tuple[int, int]]:
        """Different input sets in every junction, and the right neurons that have them; padded outputs are left out."""
        _, outputs = scatter_windows.real_neurons(self.design.config)
        last = len(self.design.patterns) - 1
        counted = [outputs if i == last else np.arange(p.n_right) for i, p in enumerate(self.design.patterns)]
        return [(input_sets(p, c), c.size) for p, c in zip(self.design.patterns, counted, strict=True)]

    @cached_property
    def interleavers(self) -> list[tuple[int, float]]:
        """Spread and dispersion of the interleaver of every junction."""
        orders = map(interleaver.interleaver, self.design.patterns)
        return [(interleaver.spread(order), interleaver.dispersion(order)) for order in orders]

    @cached_property
    def figures(self) -> dict[str, int | float]:
        """Every figure of ``PATTERN_FIGURES`` that the design has; those of junctions it lacks are left out."""
        result: dict[str, int | float] = {"scatter_min": self.scatter.minimum}
        columns = {f"scatter_{name}": value for name, value in self.scatter.vector.items()}
        result |= {name: value for name, value in columns.items() if name in PATTERN_FIGURES}
        spreads, dispersions = zip(*self.interleavers, strict=True)
        return result | {"spread": min(spreads), "dispersion": min(dispersions)} | self._degrees() | self._paths()

    def _degrees(self) -> dict[str, int | float]:
        left, right = zip(*self.degrees, strict=True)
        both: tuple[DegreeStatistics, ...] = left + right
        return {
            "out_degree_least": min(d.least for d in left),
            "out_degree_most": max(d.most for d in left),
            "in_degree_least": min(d.least for d in right),
            "in_degree_most": max(d.most for d in right),
            "degree_variation": max(d.deviation / d.mean if d.mean else 0.0 for d in both),
            "unconnected_left": sum(d.unconnected for d in left),
            "unconnected_right": sum(d.unconnected for d in right),
            "input_sets": min(found / neurons for found, neurons in self.sets),
        }

    def _paths(self) -> dict[str, int | float]:
        found = paths(self.design.patterns, *scatter_windows.real_neurons(self.design.config))
        return {"cut_off": found.cut_off, "path_diversity": found.diversity, "paths_per_pair": found.per_pair}


def pattern_figures(design: Design) -> dict[str, int | float]:
    """:attr:`Findings.figures` of a design."""
    return Findings(design).figures
