"""Where every lane goes in every clock of a pass: memories, addresses and ports, worked out before anything runs.

Left neuron q of a junction lives in memory q mod z at address q div z (docs/architecture.md §2). A pass walks the weight
rows in order; where a row's lanes ask one memory for several words, the row takes as many clocks as its fullest memory
needs.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hwsim.configuration.configuration import Configuration
from hwsim.configuration.sections import HardwareSection
from hwsim.edge_processors import results_per_clock
from hwsim.schedule.violations import PortConflict
from models.connectivity.pattern import Pattern
from models.errors import InputError

IntArray = npt.NDArray[np.int64]


class Segments(NamedTuple):
    """Runs of accesses: those of clock c are ``start[c] .. start[c + 1] - 1``; lanes count from the clock's first access."""

    start: IntArray
    neuron: IntArray
    first: IntArray
    last: IntArray


@dataclass(frozen=True, eq=False)
class JunctionSchedule:
    """The pass of one junction; feedforward, backpropagation and update all follow it.

    Attributes
    ----------
    number
        i, from 1.
    z, d_in
        Edge processors, in-degree.
    z_next
        Memories that the right neurons live in: z of the next junction; for the last one, results per clock.
    start
        int64 [clocks + 1]: the accesses of clock c are ``start[c] .. start[c + 1] - 1``.
    edge, lane, memory, address
        int64 [W] per access: which edge, its lane, and where its left neuron lives.
    row
        int64 [clocks]: the weight row in work.
    first_visit
        bool [W] per access: no earlier access of the pass touches the same left neuron.
    """

    number: int
    n_left: int
    n_right: int
    z: int
    d_in: int
    z_next: int
    start: IntArray
    edge: IntArray
    lane: IntArray
    memory: IntArray
    address: IntArray
    row: IntArray
    first_visit: npt.NDArray[np.bool_]

    @property
    def clocks(self) -> int:
        """Clocks of a pass."""
        return int(self.row.size)

    @property
    def rows(self) -> int:
        """Weight rows, C: the clocks that a clash-free pass would take."""
        return self.edge.size // self.z

    @property
    def stall_clocks(self) -> int:
        """The price of not being clash-free: clocks of a pass beyond C."""
        return self.clocks - self.rows

    @property
    def longest_row(self) -> int:
        """Clocks of the row that takes the most; 1 if the pass is clash-free."""
        return int(np.bincount(self.row).max())

    @cached_property
    def sweeps(self) -> bool:
        """Whether a pass is sweeps: each reads every left neuron once, those of a memory all by the same lane."""
        if self.stall_clocks:
            return False
        depth = self.n_left // self.z
        order = np.lexsort((self.memory, self.clock))
        lane, first = (x[order].reshape(-1, depth, self.z) for x in (self.lane, self.first_visit))
        return bool((lane == lane[:, :1]).all() and first[0].all() and not first[1:].any())

    @cached_property
    def has_seeds(self) -> bool:
        """Whether the addresses of every memory count up from a seed in every sweep (types 1 and 2, and full patterns)."""
        if not self.sweeps:
            return False
        depth = self.n_left // self.z
        address = self.address[np.lexsort((self.memory, self.clock))].reshape(-1, depth, self.z)
        return bool((address == (address[:, :1] + np.arange(depth)[:, None]) % depth).all())

    @cached_property
    def clock(self) -> IntArray:
        """int64 [W] per access: its clock."""
        return np.repeat(np.arange(self.clocks), np.diff(self.start))

    @property
    def results_per_clock(self) -> int:
        """Right neurons that can start or end in one clock, q = ceil(z / d_in)."""
        return results_per_clock(self.z, self.d_in)

    @cached_property
    def begins(self) -> tuple[IntArray, IntArray]:
        """Right neurons whose first edge is in the row that starts in each clock: (start [clocks + 1], neurons)."""
        first = self._row_clocks[np.arange(self.n_right) * self.d_in // self.z, 0]
        return _grouped(first, self.clocks)

    @cached_property
    def ends(self) -> tuple[IntArray, IntArray]:
        """Right neurons whose last edge is in the row that ends in each clock: (start [clocks + 1], neurons)."""
        last = self._row_clocks[((np.arange(self.n_right) + 1) * self.d_in - 1) // self.z, 1]
        return _grouped(last, self.clocks)

    @cached_property
    def segments(self) -> "Segments":
        """Runs of accesses in one clock that belong to the same right neuron."""
        neuron = self.edge // self.d_in
        begins = np.ones(neuron.size, np.bool_)
        begins[1:] = (neuron[1:] != neuron[:-1]) | (self.clock[1:] != self.clock[:-1])
        at = np.flatnonzero(begins)
        first = at - self.start[self.clock[at]]
        last = np.append(at[1:], neuron.size) - self.start[self.clock[at]]
        return Segments(np.searchsorted(self.clock[at], np.arange(self.clocks + 1)), neuron[at], first, last)

    @cached_property
    def _row_clocks(self) -> IntArray:
        """int64 [rows, 2]: first and last clock of every row."""
        return np.stack(
            [np.searchsorted(self.row, np.arange(self.rows)), np.searchsorted(self.row, np.arange(self.rows), "right") - 1],
            1,
        )

    @cached_property
    def revisit_distance(self) -> int:
        """Fewest clocks between two accesses to the same left neuron in one pass; a whole pass if there is just one."""
        word = self.address * self.z + self.memory
        order = np.lexsort((self.clock, word))
        same = word[order][1:] == word[order][:-1]
        gaps = np.diff(self.clock[order])[same]
        return int(gaps.min()) if gaps.size else self.clocks

    def verify(self) -> None:
        """Check every clock of the pass at once.

        Raises
        ------
        PortConflict
            If two lanes need the same memory in the same clock, or two right neurons the same memory of the next layer.
        """
        _no_collision(self.clock, self.memory, self.lane, self.number, "left activations", "FF, BP, UP", self.z)
        for (start, neurons), operation in ((self.begins, "delta read"), (self.ends, "FF write")):
            clock = np.repeat(np.arange(self.clocks), np.diff(start))
            place = neurons % self.z_next
            _no_collision(clock, place, neurons, self.number, "right neurons", operation, self.z_next)


@dataclass(frozen=True, eq=False)
class Schedule:
    """The passes of all junctions."""

    junctions: tuple[JunctionSchedule, ...]

    def verify(self) -> None:
        """Check every junction; see :meth:`JunctionSchedule.verify`."""
        for j in self.junctions:
            j.verify()


def schedule(config: Configuration, patterns: tuple[Pattern, ...]) -> Schedule:
    """The schedule of a configuration's patterns, verified.

    Raises
    ------
    InputError
        If the configuration has no hardware, or asks for adders where addresses do not count up from seeds.
    """
    hardware = check_hardware(config)
    z = hardware.z
    result = []
    for i, p in enumerate(patterns):
        assert p.d_in is not None
        z_next = z[i + 1] if i + 1 < len(z) else results_per_clock(z[i], p.d_in)
        result.append(junction_schedule(i + 1, p, z[i], z_next))
    _check_form(hardware.address, result)
    made = Schedule(tuple(result))
    made.verify()
    return made


def check_hardware(config: Configuration) -> HardwareSection:
    """The hardware of a configuration; raises :class:`InputError` if there is none."""
    if config.hardware is None:
        raise InputError("hardware", None, "is missing: give the edge processors of every junction, hardware.z")
    if config.out_degrees is None:
        raise InputError("connectivity.kind", "random", "has no hardware", ["structured", "clash_free", "full"])
    return config.hardware


def check_form(config: Configuration, patterns: tuple[Pattern, ...]) -> None:
    """Raise :class:`InputError` if adders are asked for where addresses do not count up from seeds."""
    c, hardware = config.connectivity, check_hardware(config)
    if hardware.address != "adder" or c.kind == "full" or (c.kind == "clash_free" and c.type != 3):
        return
    # Where nobody has said so, they may do it by chance.
    _check_form(
        "adder", (junction_schedule(i, p, z, z) for i, (p, z) in enumerate(zip(patterns, hardware.z, strict=True), 1))
    )


def _check_form(form: str, junctions: Iterable[JunctionSchedule]) -> None:
    for j in junctions if form == "adder" else ():
        if not j.has_seeds:
            rule = f"is possible for clash-free types 1 and 2, not for the pattern of junction {j.number}"
            raise InputError("hardware.address", form, rule, ["auto", "table"])


def junction_schedule(number: int, pattern: Pattern, z: int, z_next: int) -> JunctionSchedule:
    """The pass over one pattern by ``z`` lanes, rows stretched where memories are asked for several words."""
    assert pattern.d_in is not None
    edge = np.arange(pattern.n_edges, dtype=np.int64)
    left = pattern.left.astype(np.int64)
    row, lane, memory = edge // z, edge % z, left % z
    turn = _rank_within(row * z + memory)
    row_clocks = np.zeros(pattern.n_edges // z, np.int64)
    np.maximum.at(row_clocks, row, turn + 1)
    row_start = np.concatenate(([0], np.cumsum(row_clocks)))
    clock = row_start[row] + turn
    order = np.lexsort((lane, clock))
    first_visit = np.zeros(pattern.n_edges, np.bool_)
    first_visit[np.unique(left[order], return_index=True)[1]] = True
    return JunctionSchedule(
        number=number,
        n_left=pattern.n_left,
        n_right=pattern.n_right,
        z=z,
        d_in=pattern.d_in,
        z_next=z_next,
        start=np.searchsorted(clock[order], np.arange(row_start[-1] + 1)),
        edge=edge[order],
        lane=lane[order],
        memory=memory[order],
        address=(left // z)[order],
        row=np.repeat(np.arange(row_clocks.size), row_clocks),
        first_visit=first_visit,
    )


def _rank_within(key: IntArray) -> IntArray:
    """How many earlier elements have the same key."""
    order = np.argsort(key, kind="stable")
    ranked = key[order]
    new = np.concatenate(([True], ranked[1:] != ranked[:-1]))
    begin = np.flatnonzero(new)
    rank = np.arange(key.size) - np.repeat(begin, np.diff(np.append(begin, key.size)))
    result = np.empty_like(rank)
    result[order] = rank
    return result


def _grouped(clock: IntArray, clocks: int) -> tuple[IntArray, IntArray]:
    order = np.argsort(clock, kind="stable")
    return np.searchsorted(clock[order], np.arange(clocks + 1)), order


def _no_collision(
    clock: IntArray, memory: IntArray, who: IntArray, junction: int, what: str, operation: str, n_memories: int
) -> None:
    key = clock * n_memories + memory
    order = np.argsort(key, kind="stable")
    twice = np.flatnonzero(key[order][1:] == key[order][:-1])
    if twice.size:
        a, b = order[twice[0]], order[twice[0] + 1]
        raise PortConflict(
            clock=int(clock[a]),
            junction=junction,
            memory=f"{what} memory {int(memory[a])}",
            lanes=(int(who[a]), int(who[b])),
            operations=(operation,),
        )
