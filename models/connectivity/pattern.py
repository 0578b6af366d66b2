"""The connectivity of one junction: which left neuron every edge comes from."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from models.errors import InputError

Int32Array = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class SweepSeeds:
    """What a clash-free pattern was drawn from, kept because the address generators of the hardware need it.

    Attributes
    ----------
    kind
        Clash-free type: 1, 2 or 3.
    z
        Edges per clock.
    memory
        int32 [sweeps, z]: the left memory that lane m reads in sweep s (``v_s[m]``).
    address
        int32 [sweeps, depth, z]: the address read in clock r of sweep s in each *memory* (``t_s[r, memory]``).
    """

    kind: int
    z: int
    memory: Int32Array
    address: Int32Array

    @property
    def depth(self) -> int:
        """Words of each left memory, D; also the clocks of one sweep."""
        return int(self.address.shape[1])

    @property
    def dithered(self) -> bool:
        """Whether any lane ever reads a memory other than its own."""
        return bool((self.memory != np.arange(self.z, dtype=np.int32)).any())


@dataclass(frozen=True, eq=False)
class Pattern:
    """Edges of one junction in right-neuron order.

    Attributes
    ----------
    n_left, n_right
        Neurons on either side.
    left
        int32 [W]: left neuron of every edge.
    row_start
        int64 [n_right + 1]: the edges of right neuron j are ``row_start[j] .. row_start[j + 1] - 1``.
    seeds
        Present for clash-free patterns (a full one is clash-free only for a given z, so it has none).

    Examples
    --------
    >>> pattern = Pattern.regular(4, 2, [0, 1, 2, 3])
    >>> pattern.right, pattern.density, pattern.d_in, pattern.d_out
    (array([0, 0, 1, 1], dtype=int32), 0.5, 2, 1)
    """

    n_left: int
    n_right: int
    left: Int32Array
    row_start: npt.NDArray[np.int64]
    seeds: SweepSeeds | None = None

    @classmethod
    def regular(cls, n_left: int, n_right: int, left: npt.ArrayLike, seeds: SweepSeeds | None = None) -> "Pattern":
        """A pattern in which every right neuron has the same number of edges."""
        edges = np.ascontiguousarray(left, dtype=np.int32)
        if edges.size % n_right:
            raise ValueError(f"{edges.size} edges cannot be shared equally by {n_right} right neurons")
        return cls(n_left, n_right, edges, np.arange(n_right + 1, dtype=np.int64) * (edges.size // n_right), seeds)

    @property
    def n_edges(self) -> int:
        """W."""
        return int(self.left.size)

    @property
    def density(self) -> float:
        """W / (n_left * n_right)."""
        return self.n_edges / (self.n_left * self.n_right)

    @cached_property
    def in_degrees(self) -> npt.NDArray[np.int64]:
        """int64 [n_right]."""
        return np.diff(self.row_start)

    @cached_property
    def out_degrees(self) -> npt.NDArray[np.int64]:
        """int64 [n_left]."""
        return np.bincount(self.left, minlength=self.n_left).astype(np.int64)

    @property
    def d_in(self) -> int | None:
        """The in-degree if all right neurons share it."""
        return _common(self.in_degrees)

    @property
    def d_out(self) -> int | None:
        """The out-degree if all left neurons share it."""
        return _common(self.out_degrees)

    @cached_property
    def right(self) -> Int32Array:
        """int32 [W]: right neuron of every edge, non-decreasing."""
        return np.repeat(np.arange(self.n_right, dtype=np.int32), self.in_degrees)

    @cached_property
    def left_order(self) -> npt.NDArray[np.int64]:
        """int64 [W]: the edges sorted by left neuron (edges of one left neuron stay in edge order)."""
        return np.argsort(self.left, kind="stable")

    def has_repeated_edge(self) -> bool:
        """Whether the same pair of neurons is joined twice."""
        pair = self.right.astype(np.int64) * self.n_left + self.left
        pair.sort()  # far faster than looking for unique values
        return bool((pair[1:] == pair[:-1]).any())

    def validate(self, name: str = "pattern") -> None:
        """Check arrays of other people, as after reading them from a file; ``name`` is what messages call the pattern.

        Raises
        ------
        InputError
            If they do not describe a legal pattern.
        """
        starts = self.row_start
        if (
            starts.shape != (self.n_right + 1,)
            or starts[0] != 0
            or starts[-1] != self.n_edges
            or (np.diff(starts) < 0).any()
        ):
            raise InputError(
                name, None, f"rows must cover the {self.n_edges} edges in order of the {self.n_right} right neurons"
            )
        if self.n_edges and not (0 <= int(self.left.min()) and int(self.left.max()) < self.n_left):
            raise InputError(name, None, f"left neurons must lie in 0..{self.n_left - 1}")
        if self.has_repeated_edge():
            raise InputError(name, None, "no two edges may join the same neurons")


def _common(degrees: npt.NDArray[np.int64]) -> int | None:
    first = int(degrees[0])
    return first if (degrees == first).all() else None
