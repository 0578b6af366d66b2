"""Degrees, neurons without edges, and the paths that join inputs with outputs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.compiled import njit
from models.connectivity.pattern import Pattern

Int64Array = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

_WORD = 64
"""Outputs whose reach is followed at once, a bit each."""


@dataclass(frozen=True)
class DegreeStatistics:
    """How many edges the neurons on one side of a junction have.

    Attributes
    ----------
    least, most, mean
        Edges per neuron.
    deviation
        Their standard deviation, over all neurons.
    unconnected
        Neurons without an edge.
    """

    least: int
    most: int
    mean: float
    deviation: float
    unconnected: int

    @classmethod
    def of(cls, degrees: Int64Array) -> "DegreeStatistics":
        """The statistics of int64 [neurons]."""
        mean, deviation = float(degrees.mean()), float(degrees.std())
        return cls(int(degrees.min()), int(degrees.max()), mean, deviation, int((degrees == 0).sum()))


@dataclass(frozen=True)
class Paths:
    """Paths from inputs to outputs, padding left out.

    Attributes
    ----------
    joined
        Pairs of an input and an output with at least one path between them.
    pairs
        All pairs.
    total
        Paths of all pairs; a float64, exact up to 2**53.
    cut_off
        Neurons of all layers on no path from an input to an output.
    """

    joined: int
    pairs: int
    total: float
    cut_off: int

    @property
    def diversity(self) -> float:
        """Share of the pairs that are joined."""
        return self.joined / self.pairs

    @property
    def per_pair(self) -> float:
        """Mean number of paths between an input and an output."""
        return self.total / self.pairs


def out_degrees(pattern: Pattern, neurons: Int64Array | None = None) -> DegreeStatistics:
    """Of the left neurons, or of those of them that count."""
    return DegreeStatistics.of(pattern.out_degrees if neurons is None else pattern.out_degrees[neurons])


def in_degrees(pattern: Pattern, neurons: Int64Array | None = None) -> DegreeStatistics:
    """Of the right neurons, or of those of them that count."""
    return DegreeStatistics.of(pattern.in_degrees if neurons is None else pattern.in_degrees[neurons])


def input_sets(pattern: Pattern, neurons: Int64Array | None = None) -> int:
    """Different sets of left neurons among the right neurons, or among those of them that count.

    Right neurons with the same inputs can differ only in what they make of them. Clash-free type 1 repeats itself every
    n_left edges: however many right neurons there are, n_left / gcd(n_left, d_in) sets are all they have.
    """
    chosen = np.arange(pattern.n_right) if neurons is None else neurons
    # A stable sort by right neuron of edges in the order of their left neurons: rows stay where they are, each in order.
    left = pattern.left[np.lexsort((pattern.left, pattern.right))]
    degrees, found = pattern.in_degrees[chosen], 0
    for degree in np.unique(degrees):
        if degree in (0, pattern.n_left):
            found += 1
            continue
        rows = pattern.row_start[chosen[degrees == degree]]
        found += len(np.unique(left[rows[:, np.newaxis] + np.arange(degree)], axis=0))
    return found


def paths(patterns: Sequence[Pattern], inputs: Int64Array | None = None, outputs: Int64Array | None = None) -> Paths:
    """Statistics of the paths through junctions 1..L.

    Takes a time proportional to the edges, and to the edges times the outputs over 64 for the pairs.

    Parameters
    ----------
    patterns
        Of junctions 1..L.
    inputs, outputs
        int64: the neurons of the first and the last layer that are no padding; all by default.
    """
    sources = np.arange(patterns[0].n_left) if inputs is None else inputs
    targets = np.arange(patterns[-1].n_right) if outputs is None else outputs
    total: npt.NDArray = np.zeros(patterns[0].n_left)
    total[sources] = 1
    alive = [_mask(patterns[0].n_left, sources)]
    for p in patterns:
        total = np.bincount(p.right, weights=total[p.left], minlength=p.n_right)
        alive.append(np.bincount(p.right, weights=alive[-1][p.left], minlength=p.n_right) > 0)
    needed = _mask(patterns[-1].n_right, targets)
    cut_off = int((needed & ~alive[-1]).sum())
    for i in range(len(patterns) - 1, -1, -1):
        p = patterns[i]
        needed = np.bincount(p.left, weights=needed[p.right], minlength=p.n_left) > 0
        counted = sources if i == 0 else slice(None)
        cut_off += int((~(needed & alive[i]))[counted].sum())
    joined = sum(_joined(patterns, sources, targets[k : k + _WORD]) for k in range(0, targets.size, _WORD))
    return Paths(joined, sources.size * targets.size, float(total[targets].sum()), cut_off)


def _mask(n: int, chosen: Int64Array) -> BoolArray:
    mask = np.zeros(n, dtype=np.bool_)
    mask[chosen] = True
    return mask


def _joined(patterns: Sequence[Pattern], sources: Int64Array, targets: Int64Array) -> int:
    """Pairs of any source and one of up to 64 targets that a path joins."""
    reach = np.zeros(patterns[-1].n_right, dtype=np.uint64)
    reach[targets] = np.uint64(1) << np.arange(targets.size, dtype=np.uint64)
    for p in reversed(patterns):
        before = np.zeros(p.n_left, dtype=np.uint64)
        _spread_bits(p.left, p.row_start, reach, before)
        reach = before
    return int(np.bitwise_count(reach[sources]).sum())


@njit(cache=True, error_model="numpy")
def _spread_bits(
    left: npt.NDArray[np.int32], row_start: Int64Array, right_bits: npt.NDArray[np.uint64], left_bits: npt.NDArray[np.uint64]
) -> None:
    """Every left neuron gets the bits of all right neurons that it feeds."""
    for j in range(right_bits.size):
        for e in range(row_start[j], row_start[j + 1]):
            left_bits[left[e]] |= right_bits[j]
