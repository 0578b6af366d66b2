"""The connectivity of one junction: which left neuron every edge comes from."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from models.connectivity.sweeps import SweepSeeds
from models.errors import InputError

Int32Array = npt.NDArray[np.int32]

_BLOCK = 1 << 18
"""Edges that are looked at together, so that what is made of them stays in the processor's cache."""


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
    def regular(cls, n_left: int, n_right: int, left: npt.ArrayLike) -> "Pattern":
        """A pattern in which every right neuron has the same number of edges."""
        edges = np.ascontiguousarray(left, dtype=np.int32)
        if edges.size % n_right:
            raise ValueError(f"{edges.size} edges cannot be shared equally by {n_right} right neurons")
        return Pattern(n_left, n_right, edges, _even_rows(n_right, edges.size))

    def as_structured(self) -> "Pattern":
        """The same edges, without the seeds that they followed from."""
        return Pattern(self.n_left, self.n_right, self.left, self.row_start)

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
        degrees = np.zeros(self.n_left, dtype=np.int64)
        # Counting makes 64-bit copies of what it counts: of some edges at a time, and of so many that counters cost less.
        block = max(_BLOCK, self.n_left)
        for first in range(0, self.n_edges, block):
            degrees += np.bincount(self.left[first : first + block], minlength=self.n_left)
        return degrees

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

    def blocks(self) -> Iterator[tuple[int, int, Int32Array]]:
        """Right neurons ``first .. stop - 1`` and the left neurons of all their edges, some hundred thousand at a time."""
        first, starts = 0, self.row_start
        while first < self.n_right:
            stop = max(first + 1, int(np.searchsorted(starts, starts[first] + _BLOCK, "right")) - 1)
            yield first, stop, self.left[starts[first] : starts[stop]]
            first = stop

    def has_repeated_edge(self) -> bool:
        """Whether the same pair of neurons is joined twice."""
        for first, stop, left in self.blocks():
            row = np.repeat(np.arange(stop - first), self.in_degrees[first:stop])
            pair = row * self.n_left + left
            pair.sort()  # far faster than looking for unique values
            if (pair[1:] == pair[:-1]).any():
                return True
        return False

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


class RegularPattern(Pattern):
    """A pattern of exact degrees whose edges are made when they are first asked for.

    Layers, degrees and everything that follows from them cost nothing: edges of which nobody asks more are never drawn.

    Parameters
    ----------
    n_left, d_out, n_right
        Neurons of the two sides and the out-degree, known to be possible.
    draw
        Called once: makes int32 [W], or the seeds from which the left neurons are computed.
    seeded
        Whether ``draw`` makes seeds.
    """

    _d_out: int
    _draw: "Callable[[], Int32Array | SweepSeeds]"

    def __init__(
        self, n_left: int, d_out: int, n_right: int, draw: "Callable[[], Int32Array | SweepSeeds]", *, seeded: bool = False
    ) -> None:
        vars(self).update(n_left=n_left, n_right=n_right, _d_out=d_out, _draw=draw)
        if not seeded:
            vars(self).update(seeds=None)

    @classmethod
    def of_seeds(cls, n_right: int, seeds: SweepSeeds) -> "RegularPattern":
        """The clash-free pattern of seeds; its edges are stored only once somebody asks for all of them."""
        made = cls(seeds.n_left, seeds.sweeps, n_right, lambda: seeds, seeded=True)
        vars(made).update(seeds=seeds)
        return made

    @cached_property
    def seeds(self) -> SweepSeeds | None:
        """Of a clash-free pattern."""
        made = self._draw()
        assert isinstance(made, SweepSeeds)
        return made

    @cached_property
    def left(self) -> Int32Array:
        """int32 [W]: left neuron of every edge."""
        made = self._draw() if self.seeds is None else self.seeds.left()
        assert isinstance(made, np.ndarray) and made.shape == (self.n_edges,)
        return made

    @cached_property
    def row_start(self) -> npt.NDArray[np.int64]:
        """int64 [n_right + 1]."""
        return _even_rows(self.n_right, self.n_edges)

    @property
    def n_edges(self) -> int:
        """W."""
        return self.n_left * self._d_out

    @cached_property
    def in_degrees(self) -> npt.NDArray[np.int64]:
        """int64 [n_right]."""
        return np.full(self.n_right, self.n_edges // self.n_right)

    @cached_property
    def out_degrees(self) -> npt.NDArray[np.int64]:
        """int64 [n_left]."""
        return np.full(self.n_left, self._d_out)


def _even_rows(n_right: int, n_edges: int) -> npt.NDArray[np.int64]:
    return np.arange(n_right + 1, dtype=np.int64) * (n_edges // n_right)


def _common(degrees: npt.NDArray[np.int64]) -> int | None:
    first = int(degrees[0])
    return first if (degrees == first).all() else None
