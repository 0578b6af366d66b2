"""The seeds of clash-free patterns, and the left neurons that follow from them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Int32Array = npt.NDArray[np.int32]

_BLOCK = 1 << 18
"""Edges computed together, so that the steps on the way stay in the processor's cache."""


@dataclass(frozen=True, eq=False)
class SweepSeeds:
    """What a clash-free pattern was drawn from: the address generators of the hardware need it, and no edge need be stored.

    Left neuron q lies in memory q mod z at address q div z. A sweep of ``depth`` clocks reads each of them once.

    Attributes
    ----------
    kind
        Clash-free type: 1, 2 or 3.
    depth
        Words of each left memory, D; also the clocks of one sweep.
    memory
        int32 [sweeps, z]: the left memory that lane m reads in sweep s (``v_s[m]``).
    given
        int32 [sweeps, z] for types 1 and 2: the address in each *memory* with which sweep s begins (φ_s), and from which
        addresses count up modulo D; for type 3 [sweeps, depth, z], the address in each clock (``t_s[r, memory]``). Equal
        rows may be one and the same in memory.
    """

    kind: int
    depth: int
    memory: Int32Array
    given: Int32Array

    @property
    def sweeps(self) -> int:
        """Sweeps of a pass: the out-degree."""
        return int(self.memory.shape[0])

    @property
    def z(self) -> int:
        """Edges per clock."""
        return int(self.memory.shape[1])

    @property
    def n_left(self) -> int:
        """Left neurons."""
        return self.depth * self.z

    @property
    def address(self) -> Int32Array:
        """int32 [sweeps, depth, z]: the address read in clock r of sweep s in each *memory* (``t_s[r, memory]``)."""
        if self.kind == 3:
            return self.given
        return ((self.given[:, None, :] + np.arange(self.depth, dtype=np.int32)[:, None]) % self.depth).astype(np.int32)

    @property
    def dithered(self) -> bool:
        """Whether any lane ever reads a memory other than its own."""
        return bool((self.memory != np.arange(self.z, dtype=np.int32)).any())

    def left(self, first: int = 0, stop: int | None = None) -> Int32Array:
        """The left neurons of all edges of sweeps ``first .. stop - 1``, in edge order: int32 [(stop - first) * n_left]."""
        end = self.sweeps if stop is None else stop
        found = np.empty((end - first, self.depth, self.z), dtype=np.uint32)
        sweeps, clocks = max(_BLOCK // self.n_left, 1), max(_BLOCK // self.z, 1)
        for s in range(first, end, sweeps):
            some = slice(s, min(s + sweeps, end))
            memory = self.memory[some]
            for r in range(0, self.depth, clocks):
                self._fill(found[some.start - first : some.stop - first, r : r + clocks], some, r, memory)
        return found.reshape(-1).view(np.int32)

    def _fill(self, found: npt.NDArray[np.uint32], some: slice, r: int, memory: Int32Array) -> None:
        """The left neurons of clocks r, r + 1, .. of some sweeps."""
        lanes, clocks = memory[:, None, :], found.shape[1]
        if self.kind == 3:
            found[:] = np.take_along_axis(self.given[some, r : r + clocks], lanes, axis=2)
        else:
            begins = np.take_along_axis(self.given[some], memory, axis=1).astype(np.uint32)
            np.add(begins[:, None, :], np.arange(r, r + clocks, dtype=np.uint32)[:, None], out=found)
            # Modulo D of what is below 2 D: below D a difference is a huge number without a sign.
            np.minimum(found, found - np.uint32(self.depth), out=found)
        found *= np.uint32(self.z)
        found += lanes.view(np.uint32)
