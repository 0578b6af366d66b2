"""Scatter: how evenly a pattern joins neurons to windows of the layer on the other side.

A *window* is a set of neighbouring neurons of a layer, all windows of a layer being equally large. Let c[k, j] be the
number of edges between neuron k on one side of a junction and window j on the other, and e the number that each pair
would have if edges were spread evenly. The scatter is the mean of min(c / e, 1) over neurons and windows: 1 if every
neuron is joined to every window as it should be, and the less the more windows starve. *Forward* scatter takes right
neurons and left windows, *backward* scatter left neurons and right windows. The whole network is judged in the same way
by its path counts P = A_L ... A_1, with the products of the degrees. The score of a network is the minimum of all these
values.

Source: Dey, Huang, Beerel, Chugg, *Characterizing Sparse Connectivity Patterns in Neural Networks*, arXiv 1711.02131.
It has e = window * d_out / n_right forward and window * d_in / n_left backward. With d_out = W / n_left and d_in = W /
n_right both are window * density, and so they are taken here: where degrees vary, the mean degrees count. Neurons that
are padding are left out of the means; windows are what they are told to be.

Nothing here is a matrix of all pairs: counts of a junction are made and forgotten neuron by neuron, path counts of a
network a few columns at a time. Beside the edges as they are stored, one copy sorted by left neuron is made.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.compiled import njit
from models.connectivity.pattern import Pattern
from models.errors import InputError

Int64Array = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

_COLUMNS = 32
"""Columns of path counts that are held at once."""
_MOST_MEMBERS = 2**26
"""Neurons of all windows of a layer together; windows side by side have as many as the layer."""


@dataclass(frozen=True, eq=False)
class Coverage:
    """One direction of one junction, or of the whole network.

    Attributes
    ----------
    ideal
        e: edges (paths) between a neuron and a window if they were spread evenly.
    by_window
        float64 [windows]: mean of min(c / e, 1) over the neurons that count; a window near 0 starves.
    """

    ideal: float
    by_window: FloatArray

    @property
    def value(self) -> float:
        """The scatter."""
        return float(self.by_window.mean())

    @property
    def attainable(self) -> float:
        """The most that a window with its share of the edges (paths) can have, which come in whole numbers.

        Below 1 unless the ideal is a whole number: with an ideal of 0.5 half the neurons have one edge.
        Only where degrees vary, or by padding, can a window have more than its share, and with it more than this.
        """
        whole = math.floor(self.ideal)
        return 1.0 if whole == self.ideal else (whole + (self.ideal - whole) ** 2) / self.ideal


@dataclass(frozen=True, eq=False)
class SideWindows:
    """Windows of the two layers of a junction, or of the outer layers of a network: int64 [windows, size] each."""

    left: Int64Array
    right: Int64Array


@dataclass(frozen=True, eq=False)
class Scatter:
    """The scatter of a network: ``1f``, ``1b``, .., ``Lf``, ``Lb``, ``net_f``, ``net_b``.

    Attributes
    ----------
    coverage
        By name; each has its ``value`` (0..1) and ``by_window``, float64 [windows].

    Examples
    --------
    >>> from hwsim import Design, load
    >>> from hwsim.patterns.scatter import scatter
    >>> found = scatter(Design(load("sim_configs/demo.yaml")))
    >>> found.vector["1f"] == found.coverage["1f"].by_window.mean() and found.minimum == found.vector[found.worst]
    True
    """

    coverage: dict[str, Coverage]

    @cached_property
    def vector(self) -> dict[str, float]:
        """The value of each."""
        return {name: c.value for name, c in self.coverage.items()}

    @property
    def minimum(self) -> float:
        """The score."""
        return min(self.vector.values())

    @property
    def worst(self) -> str:
        """The first entry that has the minimum."""
        return min(self.vector, key=self.vector.__getitem__)


def grid_windows(
    shape: Sequence[int], size: Sequence[int], stride: Sequence[int] | None = None, field: str = "windows"
) -> Int64Array:
    """Windows on a grid over a layer in row-major order: 1-D, 2-D over an image, 3-D over a feature-last map.

    Parameters
    ----------
    shape
        Of the layer, for example (rows, columns).
    size
        Neurons of a window in each direction.
    stride
        From one window to the next in each direction; by default the size, so that windows lie side by side.
    field
        What an error message calls the windows.

    Returns
    -------
    int64 [windows, size]
        (shape - size) div stride + 1 windows in each direction, the last direction running fastest.

    Raises
    ------
    InputError
        As :func:`check_grid` says.
    """
    steps = size if stride is None else stride
    check_grid(shape, size, steps, field)
    pitch = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    starts = [np.arange((whole - window) // step + 1) * step for whole, window, step in zip(shape, size, steps, strict=True)]
    return np.add.outer(_offsets(starts, pitch), _offsets([np.arange(n) for n in size], pitch)).astype(np.int64)


def check_grid(shape: Sequence[int], size: Sequence[int], stride: Sequence[int], field: str = "windows") -> None:
    """Raise :class:`InputError` unless :func:`grid_windows` can make these windows.

    The numbers of directions must agree, a window must fit into the layer, and all windows together into the memory.
    """
    for name, given in (("size", size), ("stride", stride)):
        if len(given) != len(shape):
            rule = f"must have as many entries as the layer, {list(shape)}, has directions"
            raise InputError(f"{field}.{name}", list(given), rule)
    for axis, (whole, window, step) in enumerate(zip(shape, size, stride, strict=True)):
        if not 1 <= window <= whole:
            rule = f"does not fit: in this direction the layer has {whole} neurons"
            raise InputError(f"{field}.size[{axis}]", window, rule, [min(max(window, 1), whole)])
        if step < 1:
            raise InputError(f"{field}.stride[{axis}]", step, "must be at least 1", [1])
    counts = [(whole - window) // step + 1 for whole, window, step in zip(shape, size, stride, strict=True)]
    if math.prod(counts) * math.prod(size) > _MOST_MEMBERS:
        rule = f"gives {math.prod(counts)} windows of {math.prod(size)} neurons: at most {_MOST_MEMBERS} neurons in all"
        raise InputError(f"{field}.stride", list(stride), rule, [list(size)])


def _offsets(along: Sequence[npt.NDArray], pitch: Sequence[int]) -> Int64Array:
    """All sums of one entry of each direction times its pitch, the last direction running fastest."""
    total = np.zeros(1, dtype=np.int64)
    for entries, p in zip(along, pitch, strict=True):
        total = np.add.outer(total, entries.astype(np.int64) * p).ravel()
    return total


def forward(pattern: Pattern, windows: Int64Array, neurons: Int64Array | None = None) -> Coverage:
    """Right neurons against left windows.

    Parameters
    ----------
    windows
        int64 [windows, size] of left neurons.
    neurons
        int64: the right neurons that count; all by default.
    """
    return _junction(_up(pattern), windows, neurons, _ideal([pattern], windows))


def backward(pattern: Pattern, windows: Int64Array, neurons: Int64Array | None = None) -> Coverage:
    """Left neurons against right windows; see :func:`forward`."""
    return _junction(_down(pattern), windows, neurons, _ideal([pattern], windows))


def network_forward(patterns: Sequence[Pattern], windows: Int64Array, neurons: Int64Array | None = None) -> Coverage:
    """Output neurons against windows of the input layer, by path counts; see :func:`forward`."""
    there, back = [_up(p) for p in patterns], [_down(p) for p in reversed(patterns)]
    return _network(there, back, windows, neurons, _ideal(patterns, windows))


def network_backward(patterns: Sequence[Pattern], windows: Int64Array, neurons: Int64Array | None = None) -> Coverage:
    """Input neurons against windows of the output layer, by path counts; see :func:`forward`."""
    there, back = [_down(p) for p in reversed(patterns)], [_up(p) for p in patterns]
    return _network(there, back, windows, neurons, _ideal(patterns, windows))


def scatter(
    patterns: Sequence[Pattern],
    windows: Sequence[SideWindows],
    network: SideWindows,
    inputs: Int64Array | None = None,
    outputs: Int64Array | None = None,
) -> Scatter:
    """The scatter vector of a network.

    Parameters
    ----------
    patterns
        Of junctions 1..L.
    windows
        Of each junction's two layers.
    network
        Of the first and the last layer, for the path counts.
    inputs, outputs
        int64: the neurons of the first and the last layer that are no padding; all by default.
    """
    last = len(patterns)
    up, down = [_up(p) for p in patterns], [_down(p) for p in patterns]
    found: dict[str, Coverage] = {}
    for i, (pattern, of) in enumerate(zip(patterns, windows, strict=True), 1):
        right, left = outputs if i == last else None, inputs if i == 1 else None
        found[f"{i}f"] = _junction(up[i - 1], of.left, right, _ideal([pattern], of.left))
        found[f"{i}b"] = _junction(down[i - 1], of.right, left, _ideal([pattern], of.right))
    ahead, back = _ideal(patterns, network.left), _ideal(patterns, network.right)
    # Paths through one junction are its edges.
    if last == 1 and np.array_equal(windows[0].left, network.left):
        found["net_f"] = found["1f"]
    else:
        found["net_f"] = _network(up, down[::-1], network.left, outputs, ahead)
    if last == 1 and np.array_equal(windows[0].right, network.right):
        found["net_b"] = found["1b"]
    else:
        found["net_b"] = _network(down[::-1], up, network.right, inputs, back)
    return Scatter(found)


class _Sums(NamedTuple):
    """A sparse matrix of zeros and ones: row j has ones at ``source[start[j]:start[j + 1]]``."""

    source: npt.NDArray[np.uint32]
    start: Int64Array

    def of(self, rows: npt.NDArray) -> npt.NDArray:
        """The product with ``rows`` [columns of this, n], in their type."""
        out = np.empty((self.start.size - 1, rows.shape[1]), rows.dtype)
        _sum_rows(self.source, self.start, rows, out)
        return out

    @property
    def most(self) -> int:
        """The greatest sum of a row."""
        return int(np.diff(self.start).max(initial=0))


def _up(pattern: Pattern) -> _Sums:
    """A: right neurons from left ones."""
    return _Sums(pattern.left.view(np.uint32), pattern.row_start)


def _down(pattern: Pattern) -> _Sums:
    """The transpose of A."""
    start = _starts(pattern.out_degrees)
    right = np.empty(pattern.n_edges, dtype=np.uint32)
    _by_left(pattern.left.view(np.uint32), pattern.row_start, start[:-1].copy(), right)
    return _Sums(right, start)


def _starts(counts: Int64Array) -> Int64Array:
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts)])


def _windows_of_neurons(windows: Int64Array, neurons: int) -> _Sums:
    """For every neuron the windows that it is in."""
    size = windows.shape[1]
    members = windows.ravel()
    order = np.argsort(members, kind="stable")
    return _Sums((order // size).astype(np.uint32), _starts(np.bincount(members, minlength=neurons).astype(np.int64)))


def _ideal(patterns: Sequence[Pattern], windows: Int64Array) -> float:
    """Edges or paths over pairs of outer neurons, times the size of a window."""
    layers = [patterns[0].n_left, *(p.n_right for p in patterns)]
    # Whole numbers up to the division: the ratio shall be exact where it is a whole number, too.
    return windows.shape[1] * math.prod(p.n_edges for p in patterns) / math.prod(layers)


def _junction(edges: _Sums, windows: Int64Array, neurons: Int64Array | None, ideal: float) -> Coverage:
    n = edges.start.size - 1
    rows = np.arange(n) if neurons is None else neurons
    if ideal == 0:
        return Coverage(ideal, np.zeros(len(windows)))
    of = _windows_of_neurons(windows, int(max(edges.source.max(), windows.max())) + 1)
    total = np.zeros(len(windows))
    _cover(edges.source, edges.start, rows, of.source, of.start, ideal, total)
    return Coverage(ideal, total / rows.size)


@njit(cache=True, error_model="numpy")
def _cover(
    source: npt.NDArray[np.uint32],
    start: Int64Array,
    rows: Int64Array,
    window: npt.NDArray[np.uint32],
    window_start: Int64Array,
    ideal: float,
    total: FloatArray,
) -> None:
    """Add min(c / e, 1) of each of ``rows`` to ``total`` [windows]; only windows that a row is joined to cost time."""
    count = np.zeros(total.size, dtype=np.int64)
    for k in rows:
        for e in range(start[k], start[k + 1]):
            q = source[e]
            for m in range(window_start[q], window_start[q + 1]):
                count[window[m]] += 1
        for e in range(start[k], start[k + 1]):
            q = source[e]
            for m in range(window_start[q], window_start[q + 1]):
                j = window[m]
                if count[j]:
                    total[j] += min(count[j] / ideal, 1.0)
                    count[j] = 0


@njit(cache=True, error_model="numpy")
def _by_left(left: npt.NDArray[np.uint32], start: Int64Array, place: Int64Array, right: npt.NDArray[np.uint32]) -> None:
    """Sort the right neurons of all edges by left neuron; ``place`` is where those of each begin, and is used up."""
    for j in range(start.size - 1):
        for e in range(start[j], start[j + 1]):
            right[place[left[e]]] = j
            place[left[e]] += 1


@njit(cache=True, error_model="numpy")
def _sum_rows(source: npt.NDArray[np.uint32], start: Int64Array, rows: npt.NDArray, out: npt.NDArray) -> None:
    """``out[j] = sum of rows[source[e]]`` over e in ``start[j] .. start[j + 1] - 1``."""
    for j in range(out.shape[0]):
        total = out[j]
        total[:] = 0
        for e in range(start[j], start[j + 1]):
            row = rows[source[e]]
            for n in range(total.size):
                total[n] += row[n]


def _network(
    there: Sequence[_Sums], back: Sequence[_Sums], windows: Int64Array, neurons: Int64Array | None, ideal: float
) -> Coverage:
    """Path counts of whichever are fewer: from windows to neurons (``there``), or from neurons to windows (``back``)."""
    if len(there) == 1:
        return _junction(there[0], windows, neurons, ideal)
    first, last = back[-1].start.size - 1, there[-1].start.size - 1
    rows = np.arange(last) if neurons is None else neurons
    if ideal == 0:
        return Coverage(ideal, np.zeros(len(windows)))
    by_window = np.zeros(len(windows))
    members = _Sums(windows.ravel().astype(np.uint32), np.arange(len(windows) + 1, dtype=np.int64) * windows.shape[1])
    if len(windows) <= rows.size:
        dtype = _counter(there, windows.shape[1])
        for block in _blocks(len(windows)):
            paths = np.zeros((first, len(block)), dtype)
            for column, j in enumerate(block):
                paths[windows[j], column] = 1
            counts = _through(there, paths)[rows]
            by_window[block] = np.minimum(counts / ideal, 1).sum(axis=0)
    else:
        dtype = _counter([*back, members], 1)
        for block in _blocks(rows.size):
            paths = np.zeros((last, len(block)), dtype)
            paths[rows[block], np.arange(len(block))] = 1
            counts = members.of(_through(back, paths))
            by_window += np.minimum(counts / ideal, 1).sum(axis=1)
    return Coverage(ideal, by_window / rows.size)


def _counter(steps: Sequence[_Sums], ones: int) -> npt.DTypeLike:
    """The smallest type that path counts from ``ones`` neurons fit: sums over the edges run at the speed of the memory.

    Beyond all of them it is float64, which counts exactly up to 2**53.
    """
    # In the first step a neuron has at most one edge from each of them.
    most = min(ones, steps[0].most) * math.prod(max(step.most, 1) for step in steps[1:])
    return next((t for t in (np.uint16, np.uint32) if most <= np.iinfo(t).max), np.float64)


def _through(steps: Sequence[_Sums], paths: npt.NDArray) -> npt.NDArray:
    for step in steps:
        paths = step.of(paths)
    return paths


def _blocks(n: int) -> Iterator[Int64Array]:
    for begin in range(0, n, _COLUMNS):
        yield np.arange(begin, min(begin + _COLUMNS, n))
