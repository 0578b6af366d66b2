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
    drawn = np.random.default_rng(0).integers(1 << 63, size=(pattern.n_left, 2), dtype=np.uint64)
    sums = np.zeros((pattern.n_right, 2), dtype=np.uint64)
    _sum_marks(pattern.left, pattern.row_start, drawn, sums)
    # Rows of equal sums, neighbours in this order, are almost certainly equal sets; it is made sure that they are.
    rows = chosen[np.lexsort(sums[chosen].T)]
    return int(_different_sets(pattern.left, pattern.row_start, rows, sums, np.full(pattern.n_left, -1, dtype=np.int64)))


@njit(cache=True, error_model="numpy")
def _sum_marks(
    left: npt.NDArray[np.int32], row_start: Int64Array, marks: npt.NDArray[np.uint64], sums: npt.NDArray[np.uint64]
) -> None:
    """For every right neuron the sums of the two marks of its left neurons, modulo 2**64."""
    for j in range(row_start.size - 1):
        one = two = np.uint64(0)
        for e in range(row_start[j], row_start[j + 1]):
            one += marks[left[e], 0]
            two += marks[left[e], 1]
        sums[j, 0], sums[j, 1] = one, two


@njit(cache=True, error_model="numpy")
def _different_sets(
    left: npt.NDArray[np.int32], row_start: Int64Array, rows: Int64Array, sums: npt.NDArray[np.uint64], marked: Int64Array
) -> int:
    """Different sets of left neurons among ``rows``, of which equal ones have equal sums and stand side by side.

    ``marked`` says of every left neuron in which of the rows compared with it was last met.
    """
    found = begin = 0
    marks = -1  # the row all of whose left neurons are marked
    for i in range(rows.size):
        if i and (sums[rows[i], 0] != sums[rows[i - 1], 0] or sums[rows[i], 1] != sums[rows[i - 1], 1]):
            begin = i
        one, same = row_start[rows[i]], False
        for k in range(begin, i):  # mostly the first one is equal
            other, size = row_start[rows[k]], row_start[rows[k] + 1] - row_start[rows[k]]
            if marks != k:
                marks = k
                for e in range(other, other + size):
                    marked[left[e]] = k
            same = size == row_start[rows[i] + 1] - one
            for e in range(one, one + size if same else one):
                same &= marked[left[e]] == k
            if same:
                break
        found += not same
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
    total = np.zeros(patterns[0].n_left)
    total[sources] = 1
    alive = [_mask(patterns[0].n_left, sources)]
    for p in patterns:
        counted, reached = np.zeros(p.n_right), np.zeros(p.n_right, dtype=np.bool_)
        _ahead(p.left, p.row_start, total, alive[-1], counted, reached)
        total = counted
        alive.append(reached)
    needed = _mask(patterns[-1].n_right, targets)
    cut_off = int((needed & ~alive[-1]).sum())
    for i in range(len(patterns) - 1, -1, -1):
        p = patterns[i]
        behind = np.zeros(p.n_left, dtype=np.bool_)
        _behind(p.left, p.row_start, needed, behind)
        needed = behind
        among = sources if i == 0 else slice(None)
        cut_off += int((~(needed & alive[i]))[among].sum())
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
def _ahead(
    left: npt.NDArray[np.int32],
    row_start: Int64Array,
    total: npt.NDArray[np.float64],
    alive: BoolArray,
    counted: npt.NDArray[np.float64],
    reached: BoolArray,
) -> None:
    """Paths to every right neuron, and whether there is one, from those to the left neurons."""
    for j in range(counted.size):
        paths, any_ = 0.0, False
        for e in range(row_start[j], row_start[j + 1]):
            paths += total[left[e]]
            any_ |= alive[left[e]]
        counted[j], reached[j] = paths, any_


@njit(cache=True, error_model="numpy")
def _behind(left: npt.NDArray[np.int32], row_start: Int64Array, needed: BoolArray, behind: BoolArray) -> None:
    """Which left neurons feed a right neuron that is needed."""
    for j in range(needed.size):
        if needed[j]:
            for e in range(row_start[j], row_start[j + 1]):
                behind[left[e]] = True


@njit(cache=True, error_model="numpy")
def _spread_bits(
    left: npt.NDArray[np.int32], row_start: Int64Array, right_bits: npt.NDArray[np.uint64], left_bits: npt.NDArray[np.uint64]
) -> None:
    """Every left neuron gets the bits of all right neurons that it feeds."""
    for j in range(right_bits.size):
        if right_bits[j]:
            for e in range(row_start[j], row_start[j + 1]):
                left_bits[left[e]] |= right_bits[j]
