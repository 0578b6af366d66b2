"""The interleaver that a pattern is, and the two measures by which turbo codes judge interleavers.

Edges of a junction are numbered twice: by right neuron, as everywhere here, and by left neuron. The interleaver π takes
the one number to the other, edges of one left neuron staying in edge order. For clash-free type 1 this is the
interleaver of Dey, Beerel, Chugg, *Interleaver Design for Deep Neural Networks*, arXiv 1711.06935; see
:func:`models.connectivity.clash_free.interleave`.

Spread and dispersion have no single definition. Here they are

- the *spread* of Crozier (*New high-spread high-distance interleavers for turbo-codes*, 2000), not wrapped around at
  the ends: min over i != j of abs(i - j) + abs(π(i) - π(j)), at least 2 and at most about sqrt(2 n);
- the *dispersion* of Heegard and Wicker (*Turbo Coding*, 1999): the number of different displacements (j - i, π(j) -
  π(i)), i < j, over the number n (n - 1) / 2 of pairs: 2 / n for a regular shift, about 0.81 for a random permutation.
"""

import numpy as np
import numpy.typing as npt

from models.compiled import njit
from models.connectivity.pattern import Pattern

Int64Array = npt.NDArray[np.int64]

MOST_PAIRS = 2**20
"""Pairs of edges up to which the dispersion is exact: those of 1,448 edges."""

_GOLDEN = (5**0.5 - 1) / 2


def interleaver(pattern: Pattern) -> Int64Array:
    """π: int64 [W], the number by left neuron of every edge."""
    by_left = np.empty(pattern.n_edges, dtype=np.int64)
    by_left[pattern.left_order] = np.arange(pattern.n_edges)
    return by_left


def spread(permutation: Int64Array) -> int:
    """The spread of a permutation of 0..n-1; 0 where there are fewer than two entries.

    Takes a time proportional to n times the spread.
    """
    return int(_spread(np.ascontiguousarray(permutation, dtype=np.int64)))


def dispersion(permutation: Int64Array, most_pairs: int = MOST_PAIRS) -> float:
    """The dispersion of a permutation of 0..n-1; 1 where there are fewer than two entries.

    Where there are more than ``most_pairs`` pairs, only pairs at some distances j - i are counted, about as many as
    that: the result is then an estimate. The distances follow the golden ratio, which avoids the periods that patterns
    have.
    """
    n = permutation.size
    if n < 2:
        return 1.0
    if n * (n - 1) // 2 <= most_pairs:
        distances = np.arange(1, n)
    else:
        count = max(1, 2 * most_pairs // n)
        distances = np.unique(1 + ((np.arange(1, count + 1) * _GOLDEN % 1) * (n - 1)).astype(np.int64))
    different = _displacements(np.ascontiguousarray(permutation, dtype=np.int32), distances.astype(np.int32))
    return float(different / (n - distances).sum())


@njit(cache=True, error_model="numpy")
def _spread(permutation: Int64Array) -> int:
    n = permutation.size
    if n < 2:
        return 0
    best = 2 * n
    distance = 1
    while distance < n and distance + 1 < best:
        for i in range(n - distance):
            reach = distance + abs(permutation[i + distance] - permutation[i])
            best = min(best, reach)
        distance += 1
    return best


@njit(cache=True, error_model="numpy")
def _displacements(permutation: npt.NDArray[np.int32], distances: npt.NDArray[np.int32]) -> int:
    """Different π(j) - π(i) at each of the distances j - i, all together."""
    n = permutation.size
    seen = np.zeros(2 * n, dtype=np.int32)  # the last distance at which a difference was met
    different = 0
    for distance in distances:
        for i in range(n - distance):
            difference = permutation[i + distance] - permutation[i] + n
            different += seen[difference] != distance
            seen[difference] = distance
    return different
