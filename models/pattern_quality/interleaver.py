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

Int32Array = npt.NDArray[np.int32]
Int64Array = npt.NDArray[np.int64]

MOST_PAIRS = 2**20
"""Pairs of edges up to which the dispersion is exact: those of 1,448 edges."""

_NEARBY = 16
"""Distances at which all pairs are looked at: most patterns have no greater spread."""

_GOLDEN = (5**0.5 - 1) / 2


def interleaver(pattern: Pattern) -> Int32Array:
    """π: int32 [W], the number by left neuron of every edge."""
    place = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(pattern.out_degrees)[:-1]]).astype(np.int32)
    by_left = np.empty(pattern.n_edges, dtype=np.int32)
    _number(pattern.left, place, by_left)
    return by_left


def spread(permutation: npt.NDArray) -> int:
    """The spread of a permutation of 0..n-1; 0 where there are fewer than two entries.

    Takes a time proportional to n: neighbours are looked for in squares that are hardly larger than the spread.
    """
    order = np.ascontiguousarray(permutation, dtype=np.int32)
    best = int(_spread_nearby(order))
    return best if best <= _NEARBY else int(_spread(order, best))


def dispersion(permutation: npt.NDArray, most_pairs: int = MOST_PAIRS) -> float:
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
def _number(left: Int32Array, place: Int32Array, by_left: Int32Array) -> None:
    """Number edges by left neuron; ``place`` is the first number of each, and is used up."""
    for e in range(left.size):
        by_left[e] = place[left[e]]
        place[left[e]] += 1


@njit(cache=True, error_model="numpy")
def _spread_nearby(permutation: Int32Array) -> int:
    """The least of all pairs at most ``_NEARBY`` apart: the spread if it is not above that, and never below it."""
    n = permutation.size
    if n < 2:
        return 0
    best = 2 * n
    distance = 1
    while distance < min(n, _NEARBY + 1) and distance + 1 < best:
        least = n
        for i in range(n - distance):
            least = min(least, abs(permutation[i + distance] - permutation[i]))
        best = min(best, distance + least)
        distance += 1
    return best


@njit(cache=True, error_model="numpy")
def _spread(permutation: Int32Array, best: int) -> int:
    """The spread, known to be at most ``best``.

    Entries i are points (i, π(i)); those less than ``best`` apart lie in the same of the strips that are 2**bits high, or in
    the next, and less than ``best`` columns apart. In such a square only a few points are as far apart as ``best``, so the
    strips are made lower as soon as ``best`` has fallen.
    """
    n = permutation.size
    begin = 0
    while begin < n:
        bits = 1
        while 1 << bits < best:
            bits += 1
        size = 1 << bits
        latest = np.full((n >> bits) + 3, -1, dtype=np.int32)  # of every strip, with an empty one on either side
        before = np.empty(size, dtype=np.int32)  # i modulo the size: the entry before i in the same strip
        for i in range(max(begin - best, 0), n):
            strip = (permutation[i] >> bits) + 1
            if i >= begin:
                for near in range(strip - 1, strip + 2):
                    j = latest[near]
                    while j >= 0 and i - j < best:
                        best = min(best, i - j + abs(permutation[i] - permutation[j]))
                        j = before[j & (size - 1)]
            before[i & (size - 1)] = latest[strip]
            latest[strip] = i
            if 4 * best < size:
                begin = i + 1
                break
        else:
            begin = n
    return best


@njit(cache=True, error_model="numpy")
def _displacements(permutation: Int32Array, distances: Int32Array) -> int:
    """Different π(j) - π(i) at each of the distances j - i, all together."""
    n = permutation.size
    seen = np.empty(2 * n // 64 + 1, dtype=np.uint64)  # a bit for every difference
    different = 0
    for distance in distances:
        seen[:] = 0
        for i in range(n - distance):
            difference = permutation[i + distance] - permutation[i] + n
            bit = np.uint64(1) << np.uint64(difference & 63)
            word = difference >> 6
            different += seen[word] & bit == 0
            seen[word] |= bit
    return different
