"""Every legal parallelism of a design: all vectors z of edge processors, with the figures that follow from them.

A vector is legal when the configuration's own validation accepts it: z_i divides N_{i-1} (and with it W_i), and the results
that junction i makes in a clock, ceil(z_i / d_in(i)), find as many memories in the next layer: z_{i+1} is at least that
(docs/architecture.md §1, §5). Under ``overlap`` the latencies must fit into the pass, too. Balanced vectors have equal C_i.

Every figure of a vector is a sum or a maximum over junctions, so everything is looked up in one small table per junction,
and the last condition of a partial vector is its last junction: vectors grow junction by junction in blocks of arrays.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hwsim.configuration import config_file
from hwsim.configuration.configuration import Configuration
from hwsim.configuration.legal import divisors
from hwsim.edge_processors import operations, results_per_clock
from hwsim.schedule.external import ExternalWeights, usual_rows
from hwsim.schedule.inventory import Inventory, inventory
from hwsim.schedule.timing import latencies
from hwsim.vocabulary import MemoryKey
from models.errors import ArgumentError

IntArray = npt.NDArray[np.int64]

KEPT = 100_000
"""Candidates that are kept, the best ones, unless fewer are asked for."""

_BLOCK = 1 << 18
_MOST = 300_000_000
"""Vectors that are looked at: some 10 s; beyond, a budget has to make them fewer."""

SORT = {
    "clocks": ("clocks", "multipliers"),
    "multipliers": ("multipliers", "clocks"),
    "banks": ("banks", "clocks"),
    "utilisation": ("-utilisation", "clocks"),
    "product": ("product", "clocks"),
}
"""What candidates can be sorted by, and what decides between equals; ``product`` is clocks times multipliers."""


@dataclass(frozen=True)
class Budget:
    """The most that a candidate may need; ``None`` is no limit.

    Attributes
    ----------
    multipliers, memory_bits, banks
        Of the whole accelerator; banks are memories with an address of their own, in all banks.
    clocks
        Per input, flush included.
    """

    multipliers: int | None = None
    memory_bits: int | None = None
    banks: int | None = None
    clocks: int | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and value < 1:
                raise ArgumentError(field.name, value, "must be at least 1", [1])


def clocks_for(inputs_per_second: float, megahertz: float) -> int:
    """The most clocks per input that give so many inputs per second.

    Raises
    ------
    InputError
        If either is no positive number, or not even one clock per input would do.
    """
    for name, value in (("inputs_per_second", inputs_per_second), ("megahertz", megahertz)):
        if not (math.isfinite(value) and value > 0):
            raise ArgumentError(name, value, "must be a positive number")
    clocks = math.floor(Fraction(str(megahertz)) * 10**6 / Fraction(str(inputs_per_second)))
    if clocks < 1:
        most = f"at {megahertz:g} MHz"
        raise ArgumentError("inputs_per_second", inputs_per_second, f"exceeds one input per clock {most}", [megahertz * 1e6])
    return clocks


@dataclass(frozen=True, eq=False)
class Options:
    """The legal z of one junction, ascending, and what each of them costs; int64 [options].

    Attributes
    ----------
    rows
        Weight rows, C = W / z: clocks of a pass.
    results_per_clock
        Right neurons that end in one clock, q = ceil(z / d_in).
    longest, forward, backward, update
        Latencies, see :class:`hwsim.schedule.timing.JunctionTiming`; ``backward`` includes the accumulation.
    multipliers, banks
        Share of this junction in the accelerator's.
    least_back
        Clocks from the last use of a weight row to its fetch, at least: of weights in an external memory.
    """

    z: IntArray
    rows: IntArray
    results_per_clock: IntArray
    longest: IntArray
    forward: IntArray
    backward: IntArray
    update: IntArray
    multipliers: IntArray
    banks: IntArray
    least_back: IntArray

    def select(self, keep: npt.NDArray[np.bool_]) -> "Options":
        """Some of them."""
        return Options(*(getattr(self, f.name)[keep] for f in fields(self)))


@dataclass(frozen=True, eq=False)
class Candidates:
    """Legal vectors within a budget, best first.

    Attributes
    ----------
    z, rows
        int64 [n, L]: edge processors and C_i.
    clocks, flush, multipliers, banks
        int64 [n]: clocks per input with flush, the flush in them, multipliers, memories with an address of their own. Where
        an external memory is slower, clocks are those of its port, rounded up.
    utilisation
        [n], share of all edge processors' clocks, flush included, in which they work on an edge.
    memory_bits
        int64 [n]: what is stored does not depend on z, only into how many memories it is cut; but rows of an external memory
        that are on chip do.
    """

    z: IntArray
    rows: IntArray
    clocks: IntArray
    flush: IntArray
    multipliers: IntArray
    banks: IntArray
    utilisation: npt.NDArray[np.float64]
    memory_bits: IntArray

    def __len__(self) -> int:
        return int(self.clocks.size)

    def take(self, index: npt.NDArray[Any]) -> "Candidates":
        """Some of them."""
        return Candidates(**{f.name: getattr(self, f.name)[index] for f in fields(self)})

    def best(self, key: str, count: int) -> "Candidates":
        """The first ``count`` in the order of ``key``; equals in the order of z, so that there is one order only."""
        columns = [self._column(name) for name in SORT[key]] + [*self.z.T]
        return self.take(np.lexsort(columns[::-1])[:count])

    def _column(self, name: str) -> npt.NDArray[Any]:
        if name == "product":
            return self.clocks * self.multipliers
        column: npt.NDArray[Any] = getattr(self, name.lstrip("-"))
        return -column if name.startswith("-") else column


@dataclass(frozen=True, eq=False)
class Solution:
    """What was found.

    Attributes
    ----------
    legal
        Legal vectors without any budget (of the balanced ones unless ``unbalanced``), under ``overlap`` before latencies.
    within
        Those within the budget, of which ``candidates`` are the best.
    memory_bits
        Of all memories that do not depend on z.
    external
        An external memory for the weights, if there is one, with one edge processor per junction.
    """

    candidates: Candidates
    legal: int
    within: int
    memory_bits: int
    external: ExternalWeights | None = None


def load(path: str | Path, overrides: dict[str, Any]) -> Configuration:
    """A configuration whose own z, if it has one, plays no part: one edge processor per junction is legal always."""
    data = config_file.with_overrides(config_file.read_design(Path(path)), overrides)
    return config_file.parse(config_file.with_overrides(data, narrowest(data)))


def narrowest(data: dict[str, Any]) -> dict[str, Any]:
    """Override of a configuration's plain data that gives every junction one edge processor."""
    network = data.get("network")
    layers = network.get("layers") if isinstance(network, dict) else None
    return {"hardware.z": [1] * max(1, len(layers) - 1 if isinstance(layers, list | tuple) else 1)}


class Solver:
    """Finds the legal vectors of one configuration.

    Raises
    ------
    InputError
        If the pattern has no hardware.
    """

    def __init__(self, config: Configuration, budget: Budget | None = None) -> None:
        self.config, self.budget = config, budget or Budget()
        self._inventory: Inventory = inventory(config)
        assert config.hardware is not None
        self._overlap = config.hardware.schedule == "overlap"
        self._fixed_banks = sum(m.banks for m in self._inventory.memories if m.key not in self._laned)

    @property
    def memory_bits(self) -> int:
        """Bits of all memories that do not depend on z: all but the rows on chip of an external memory."""
        external = self._inventory.external
        return self._inventory.storage_bits - (external.held_bits if external else 0)

    @cached_property
    def _laned(self) -> frozenset[MemoryKey]:
        """Memories of which a bank has one for every lane: those of layer i have z of junction i + 1."""
        hardware, layers = self.config.hardware, self.config.network.layers
        assert hardware is not None
        widest = self.config.model_copy(update={"hardware": hardware.model_copy(update={"z": layers[:-1], "weights": None})})
        return frozenset(m.key for m in inventory(widest).memories if m.lanes > 1)

    @cached_property
    def options(self) -> list[Options]:
        """One table per junction."""
        assert self.config.hardware is not None
        tables = []
        for j in self._inventory.junctions:
            z = divisors(j.n_left)
            times = [latencies(self.config.hardware.latency, n, j.d_in) for n in z]
            laned = (m for m in self._inventory.memories if m.key in self._laned)
            per_lane = sum(m.banks for m in laned if m.key.number == j.number - 1)
            columns = [
                z,
                [j.edges // n for n in z],
                [results_per_clock(n, j.d_in) for n in z],
                [t.longest for t in times],
                [t.feedforward for t in times],
                [t.accumulated for t in times],
                [t.update for t in times],
                [n * operations(j.number, self._inventory.trains) for n in z],
                [n * per_lane for n in z],
                [max(t.update, 1) if self._inventory.trains else 1 for t in times],
            ]
            tables.append(Options(*(np.array(c, np.int64) for c in columns)))
        return tables

    def solve(self, unbalanced: bool = False, sort: str = "clocks", limit: int | None = None) -> Solution:
        """Enumerate, keep what fits the budget, sort.

        Parameters
        ----------
        unbalanced
            Whether the C_i may differ.
        sort
            A key of :data:`SORT`.
        limit
            Candidates to keep, :data:`KEPT` by default.

        Raises
        ------
        InputError
            For an unknown key, a limit below 1, and when there are too many vectors to look at.
        """
        if sort not in SORT:
            raise ArgumentError("sort", sort, "must be one of the known keys", SORT)
        if limit is not None and limit < 1:
            raise ArgumentError("limit", limit, "must be at least 1", [1])
        count = min(limit or KEPT, KEPT)
        blocks = self._unbalanced() if unbalanced else iter([self.balanced()])
        best, within, looked_at = self.figures(np.zeros((0, len(self.options)), np.int64)), 0, 0
        for block in blocks:
            looked_at += len(block)
            if looked_at > _MOST:
                rule = f"leaves more than {_MOST:,} vectors to look at: give a tighter budget"
                raise ArgumentError("unbalanced", None, rule)
            found = self.figures(block)
            found = found.take(self.fits(found) & self.lands(block))
            within += len(found)
            best = _joined(best, found).best(sort, count)
        legal = self.count() if unbalanced else len(self.balanced())
        return Solution(best, legal, within, self.memory_bits, self._inventory.external)

    def balanced(self) -> IntArray:
        """Option indices [n, L] of every legal vector with equal C_i."""
        common = self.options[0].rows
        for o in self.options[1:]:
            common = np.intersect1d(common, o.rows)
        index = np.stack([np.searchsorted(-o.rows, -common) for o in self.options], axis=1)
        return index[self._connected(index)]

    def _connected(self, index: IntArray) -> npt.NDArray[np.bool_]:
        """Whether the results of each junction find enough memories in the next."""
        ok = np.ones(len(index), np.bool_)
        for i, (left, right) in enumerate(itertools.pairwise(self.options)):
            ok &= right.z[index[:, i + 1]] >= left.results_per_clock[index[:, i]]
        return ok

    def figures(self, index: IntArray) -> Candidates:
        """Figures of vectors given as option indices [n, L]."""

        def gathered(name: str) -> IntArray:
            return np.stack([getattr(o, name)[index[:, i]] for i, o in enumerate(self.options)], axis=1)

        z, rows = gathered("z"), gathered("rows")
        flush = np.zeros(len(index), np.int64) if self._overlap else gathered("longest").max(axis=1)
        clocks = rows.max(axis=1) + flush
        held = self._held_bits(z, rows, flush, gathered("update"), gathered("least_back"))
        if self._inventory.external is not None:
            clocks = np.maximum(clocks, math.ceil(self._inventory.external.transfer))
        return Candidates(
            z,
            rows,
            clocks,
            flush,
            gathered("multipliers").sum(axis=1),
            gathered("banks").sum(axis=1) + self._fixed_banks,
            sum(self.config.edges) / (clocks * z.sum(axis=1)),
            self.memory_bits + held,
        )

    def _held_bits(self, z: IntArray, rows: IntArray, flush: IntArray, update: IntArray, least_back: IntArray) -> IntArray:
        """int64 [n]: bits on chip of an external memory's rows."""
        external = self._inventory.external
        if external is None:
            return np.zeros(len(z), np.int64)
        ahead = self._ahead(rows, flush, least_back)
        back = np.minimum(ahead + update, rows) if external.trains else 0
        bits: IntArray = ((ahead + back) * z * external.weight_bits).sum(axis=1)
        return bits

    def _ahead(self, rows: IntArray, flush: IntArray, least_back: IntArray) -> IntArray:
        """int64 [n, L]: weight rows that every junction holds ahead."""
        assert self.config.hardware is not None and self.config.hardware.weights is not None
        section = self.config.hardware.weights
        if section.buffer_rows is not None:
            return np.broadcast_to(np.array(section.buffer_rows, np.int64), rows.shape)
        return np.minimum(usual_rows(section.latency, flush)[:, None], rows - least_back)

    def fits(self, found: Candidates) -> npt.NDArray[np.bool_]:
        """Which of them are within the budget."""
        ok = np.ones(len(found), np.bool_)
        for field in fields(self.budget):
            most = getattr(self.budget, field.name)
            if most is not None:
                ok &= getattr(found, field.name) <= most
        return ok

    def lands(self, index: IntArray) -> npt.NDArray[np.bool_]:
        """Under ``overlap``: whether all results land in time; see :func:`hwsim.schedule.timing.timing`.

        And whether every weight row is back in an external memory before it is fetched again.
        """
        ok = self.brings_back(index)
        if not self._overlap or not len(index):
            return ok
        pass_clocks = np.max([o.rows[index[:, i]] for i, o in enumerate(self.options)], axis=0)
        for i, o in enumerate(self.options):
            ok &= o.update[index[:, i]] + 1 <= pass_clocks
            behind = self.options[i + 1].backward[index[:, i + 1]] if i + 1 < len(self.options) else 0
            ok &= o.forward[index[:, i]] + behind <= pass_clocks
        return ok

    def brings_back(self, index: IntArray) -> npt.NDArray[np.bool_]:
        """Whether passes are long enough for the rows that junctions hold ahead of an external memory."""
        ok = np.ones(len(index), np.bool_)
        if self._inventory.external is None:
            return ok
        assert self.config.hardware is not None and self.config.hardware.weights is not None
        given = self.config.hardware.weights.buffer_rows
        for i, o in enumerate(self.options):
            ahead = 1 if given is None else given[i] if isinstance(given, tuple) else given
            ok &= (o.rows - o.least_back >= ahead)[index[:, i]]
        return ok

    def count(self) -> int:
        """How many legal vectors there are, balanced or not: counted from the last junction, not enumerated."""
        after = [1] * len(self.options[-1].z)
        for right, left in itertools.pairwise(reversed(self.options)):
            suffix = [0, *itertools.accumulate(reversed(after))][::-1]
            after = [suffix[k] for k in np.searchsorted(right.z, left.results_per_clock)]
        return sum(after)

    def count_unequal(self) -> int:
        """How many legal vectors there are, without a budget, of which the C_i differ."""
        return self.count() - len(self.balanced())

    def _unbalanced(self) -> Iterator[IntArray]:
        """Option indices of all legal vectors that may fit the budget, in blocks."""
        kept, numbers = [], []
        for o in self.options:
            keep = np.ones(o.z.size, np.bool_)
            if self.budget.clocks is not None:  # the slowest pass and the longest latency are at least this one's
                keep = o.rows + (0 if self._overlap else o.longest) <= self.budget.clocks
            kept.append(o.select(keep))
            numbers.append(np.flatnonzero(keep))
        limited = [
            (name, most - (self._fixed_banks if name == "banks" else 0))
            for name in ("multipliers", "banks")
            if (most := getattr(self.budget, name)) is not None
        ]
        tails = [_cheapest(kept, name) for name, _ in limited]
        first = np.arange(kept[0].z.size)[:, None]
        stack = [first[_affordable(kept, first, limited, tails)]]
        while stack:
            prefix = stack.pop()
            i = prefix.shape[1]
            if i == len(kept):
                yield np.stack([numbers[j][prefix[:, j]] for j in range(i)], axis=1)
                continue
            start = np.searchsorted(kept[i].z, kept[i - 1].results_per_clock[prefix[:, -1]])
            for part in _parts(kept[i].z.size - start):
                grown = _grown(prefix[part], start[part], kept[i].z.size)
                stack.append(grown[_affordable(kept, grown, limited, tails)])


def unequal(count: int, given: str) -> str:
    """What a search among equal C_i that has found nothing has left out, and what to give for it."""
    return f"; {count:,} legal ones, before any budget, have passes of different length: {given}" if count else ""


def _cheapest(options: list[Options], name: str) -> list[npt.NDArray[np.float64]]:
    """Per junction and option: the least that it and all later junctions cost together; infinite if no vector has it."""
    tails: list[npt.NDArray[np.float64]] = [getattr(options[-1], name).astype(float)]
    for right, left in itertools.pairwise(reversed(options)):
        least = np.append(np.minimum.accumulate(tails[0][::-1])[::-1], np.inf)
        tails.insert(0, getattr(left, name) + least[np.searchsorted(right.z, left.results_per_clock)])
    return tails


def _affordable(
    options: list[Options],
    prefix: IntArray,
    limited: list[tuple[str, int]],
    tails: list[list[npt.NDArray[np.float64]]],
) -> npt.NDArray[np.bool_]:
    """Which partial vectors can still be completed within the budget."""
    ok, last = np.ones(len(prefix), np.bool_), prefix.shape[1] - 1
    for (name, most), tail in zip(limited, tails, strict=True):
        spent = sum((getattr(options[i], name)[prefix[:, i]] for i in range(last)), np.zeros(len(prefix)))
        ok &= spent + tail[last][prefix[:, last]] <= most
    return ok


def _parts(counts: IntArray) -> Iterator[slice]:
    """Runs of prefixes that grow to about a block each."""
    ends = np.cumsum(counts)
    begin = 0
    while begin < len(counts):
        before = ends[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, before + _BLOCK, "right")))
        yield slice(begin, end)
        begin = end


def _grown(prefix: IntArray, start: IntArray, options: int) -> IntArray:
    """Every prefix with each option from its ``start`` on."""
    counts = options - start
    which = np.repeat(np.arange(len(prefix)), counts)
    offset = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.column_stack([prefix[which], start[which] + offset])


def _joined(a: Candidates, b: Candidates) -> Candidates:
    return Candidates(**{f.name: np.concatenate([getattr(a, f.name), getattr(b, f.name)]) for f in fields(a)})
