"""What timing and storage need to know of a pass: how many clocks it takes, without the place of every access.

Of clash-free and full patterns that follows from numbers, but for the shortest revisit distance, for which seeds are
enough. Only structured patterns must be walked through, row after row, in memory that grows with layers and not with edges.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hwsim.configuration.configuration import Configuration
from hwsim.schedule.passes import check_form, check_hardware
from models.compiled import njit
from models.connectivity.pattern import Pattern
from models.connectivity.sweeps import SweepSeeds


class _Walked(NamedTuple):
    """What a walk through all rows of a pass finds; see :class:`JunctionOutline`."""

    clocks: int
    longest_row: int
    revisit_distance: int
    row_clocks: npt.NDArray[np.int64]  # [rows]


@dataclass(frozen=True, eq=False)
class JunctionOutline:
    """The pass of one junction in numbers, those of :class:`hwsim.schedule.passes.JunctionSchedule`.

    Attributes
    ----------
    number
        i, from 1.
    pattern, z
        Of the junction.
    stalls
        Whether lanes of a row may ask the same memory: the pattern is neither clash-free nor full.
    """

    number: int
    pattern: Pattern
    z: int
    stalls: bool

    @property
    def d_in(self) -> int:
        """In-degree."""
        return self.pattern.n_edges // self.pattern.n_right

    @property
    def rows(self) -> int:
        """Weight rows, C: the clocks that a clash-free pass would take."""
        return self.pattern.n_edges // self.z

    @property
    def clocks(self) -> int:
        """Clocks of a pass."""
        return self._walked.clocks if self.stalls else self.rows

    @property
    def stall_clocks(self) -> int:
        """The price of not being clash-free: clocks of a pass beyond C."""
        return self.clocks - self.rows

    @property
    def longest_row(self) -> int:
        """Clocks of the row that takes the most; 1 if the pass is clash-free."""
        return self._walked.longest_row if self.stalls else 1

    @property
    def row(self) -> npt.NDArray[np.int64]:
        """The weight row in work in every clock of a pass, [clocks]."""
        rows = np.arange(self.rows)
        return np.repeat(rows, self._walked.row_clocks) if self.stalls else rows

    @cached_property
    def revisit_distance(self) -> int:
        """Fewest clocks between two accesses to the same left neuron in one pass; a whole pass if there is just one."""
        if self.stalls:
            return self._walked.revisit_distance
        seeds = self.pattern.seeds
        return self.pattern.n_left // self.z if seeds is None else _revisit_distance(seeds)

    @cached_property
    def _walked(self) -> _Walked:
        row_clocks = np.empty(self.rows, np.int64)
        clocks, longest, nearest = _walk(self.pattern.left, self.pattern.n_left, self.z, row_clocks)
        return _Walked(clocks, longest, nearest, row_clocks)


@dataclass(frozen=True, eq=False)
class Outline:
    """The passes of all junctions."""

    junctions: tuple[JunctionOutline, ...]


def outline(config: Configuration, patterns: tuple[Pattern, ...]) -> Outline:
    """The outline of the passes over a configuration's patterns.

    Raises
    ------
    InputError
        As :func:`hwsim.schedule.passes.schedule`.
    """
    z, stalls = check_hardware(config).z, config.connectivity.kind == "structured"
    check_form(config, patterns)
    return Outline(tuple(JunctionOutline(i, p, z[i - 1], stalls) for i, p in enumerate(patterns, 1)))


def _revisit_distance(seeds: SweepSeeds) -> int:
    """Fewest clocks from the read of a left neuron in a sweep to that in the next one."""
    depth = seeds.depth
    if seeds.sweeps == 1 or seeds.kind == 1:
        return depth
    least = depth
    if seeds.kind == 2:
        # From clock r of a sweep to clock r + later of the next one; modulo D the clocks come round, and are as much nearer.
        for s in range(1, seeds.sweeps):
            later = (seeds.given[s - 1] - seeds.given[s]) % depth
            least = min(least, int(later[later > 0].min(initial=depth)))
        return least
    clock = np.empty((2, depth, seeds.z), dtype=np.int64)  # in which a word is read, in this sweep and the one before
    every = np.arange(depth)[:, None]
    for s in range(seeds.sweeps):
        np.put_along_axis(clock[s % 2], seeds.given[s], every, axis=0)
        if s:
            least = min(least, int((depth + clock[s % 2] - clock[1 - s % 2]).min()))
    return least


@njit(cache=True, error_model="numpy")
def _walk(left: npt.NDArray[np.int32], n_left: int, z: int, row_clocks: npt.NDArray[np.int64]) -> tuple[int, int, int]:
    """Clocks of a pass and of its longest row where a memory serves one lane a clock, and the shortest revisit distance.

    The clocks of every row go to ``row_clocks``.
    """
    asked = np.zeros(z, dtype=np.int64)
    last = np.full(n_left, -1, dtype=np.int64)  # clock of the last access
    clocks, longest, nearest = 0, 0, np.iinfo(np.int64).max
    for row in range(0, left.size, z):
        most = 0
        for e in range(row, row + z):
            q = left[e]
            clock = clocks + asked[q % z]
            asked[q % z] += 1
            most = max(most, asked[q % z])
            if last[q] >= 0:
                nearest = min(nearest, clock - last[q])
            last[q] = clock
        for e in range(row, row + z):
            asked[left[e] % z] = 0
        row_clocks[row // z] = most
        clocks += most
        longest = max(longest, most)
    return clocks, longest, min(nearest, clocks)
