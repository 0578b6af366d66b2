"""Random connectivity without regard to memories: exact degrees on both sides, or a given number of edges."""

import math

import numpy as np
import numpy.typing as npt

from models.compiled import njit
from models.connectivity.pattern import Int32Array, Pattern
from models.errors import InputError

_BASE_ROUNDS = 12
"""With twice the bits of n_right added: in small junctions the distance to uniform, computed exactly, falls below 1e-5.
"""


def in_degree(n_left: int, d_out: int, n_right: int, field: str = "d_out") -> int:
    """The in-degree d_in = n_left * d_out / n_right that an out-degree implies.

    Parameters
    ----------
    n_left, n_right
        Neurons on either side.
    d_out
        Edges of every left neuron.
    field
        What an error message calls the out-degree.

    Raises
    ------
    InputError
        When the right neurons cannot share the edges equally, or a left neuron would need the same edge twice.
    """
    legal = feasible_out_degrees(n_left, n_right)
    if d_out not in legal:
        below = min(max(d_out // legal.step, 1), len(legal)) * legal.step
        above = min(below + legal.step, n_right) if d_out > below else below
        raise InputError(
            field,
            d_out,
            f"{n_left} left neurons and {n_right} right neurons share edges equally, and none twice, "
            f"only with an out-degree that is a multiple of {legal.step} up to {n_right}",
            sorted({below, above}),
        )
    return n_left * d_out // n_right


def feasible_out_degrees(n_left: int, n_right: int) -> range:
    """All out-degrees that give every right neuron the same whole in-degree: k * n_right / gcd(n_left, n_right)."""
    _check_layers(n_left, n_right)
    step = n_right // math.gcd(n_left, n_right)
    return range(step, n_right + 1, step)


def _check_layers(n_left: int, n_right: int) -> None:
    for name, neurons in (("n_left", n_left), ("n_right", n_right)):
        if neurons < 1:
            raise InputError(name, neurons, "a layer has at least one neuron", [1])


def draw_structured(n_left: int, d_out: int, n_right: int, rng: np.random.Generator) -> Pattern:
    """Draw uniformly among all junctions with exact degrees and no repeated edge.

    Filling row after row would favour some junctions and could run into a dead end. Instead, a legal junction with
    randomly renamed neurons is mixed by *global Curveball trades*: in every round all right neurons pair up at random,
    and each pair deals the left neurons that only one of the two has out anew. A trade keeps every degree, any
    junction can be reached from any other, and a trade is as likely as its reversal, so the uniform distribution is
    the one that the chain converges to (Strona et al. 2014, Nature Communications 5, 4114; Carstens 2015, Physical
    Review E 91, 042812; global trades: Carstens et al. 2018, arXiv 1804.08487).
    The number of rounds grows with the logarithm of ``n_right`` because an edge needs that many to get anywhere.

    Parameters
    ----------
    n_left, d_out, n_right
        Neurons of the two sides and the out-degree.
    rng
        Source of every random choice.

    Returns
    -------
    Pattern
        Each row ascending by left neuron.

    Raises
    ------
    InputError
        When the degrees are impossible, see :func:`in_degree`.
    """
    d_in = in_degree(n_left, d_out, n_right)
    # Consecutive left neurons modulo n_left: distinct within a row because d_in <= n_left.
    rows = np.tile(rng.permutation(n_left).astype(np.int32), d_out).reshape(n_right, d_in)
    rows.sort(axis=1)
    if d_in < n_left:
        rows = rows[rng.permutation(n_right)]
        _mix(rows, _BASE_ROUNDS + 2 * n_right.bit_length(), rng)
    return Pattern.regular(n_left, n_right, rows.ravel())


@njit(cache=True, error_model="numpy")
def _mix(rows: Int32Array, rounds: int, rng: np.random.Generator) -> None:
    """Trade between random pairs of the ascending ``rows``; in every round each row (but for an odd one) trades once."""
    n_right, d_in = rows.shape
    order = np.arange(n_right)
    ends = np.full((2, d_in + 1), np.iinfo(np.int32).max, dtype=np.int32)  # both rows with a stop mark behind each
    dealt = np.empty((2, d_in + 1), dtype=np.int32)
    union = np.empty(2 * d_in, dtype=np.int32)
    shared = np.empty(2 * d_in, dtype=np.bool_)
    for _ in range(rounds):
        for i in range(n_right - 1):
            j = i + int(rng.random() * (n_right - i))
            order[i], order[j] = order[j], order[i]
        for pair in range(0, n_right - 1, 2):
            one, two = order[pair], order[pair + 1]
            ends[0, :d_in] = rows[one]
            ends[1, :d_in] = rows[two]
            size = _merge(ends[0], ends[1], union, shared)
            _deal(union[:size], shared[:size], size - d_in, dealt[0], dealt[1], rng)
            rows[one] = dealt[0, :d_in]
            rows[two] = dealt[1, :d_in]


# The two loops below run for every edge of every round. They branch on nothing that is drawn, because the processor
# would guess half of those branches wrong.


@njit(cache=True, error_model="numpy")
def _merge(first: Int32Array, second: Int32Array, union: Int32Array, shared: npt.NDArray[np.bool_]) -> int:
    """Merge two ascending rows into ``union``, mark what both have in ``shared``; returns the size of the union."""
    i = j = size = 0
    while i + j < first.size + second.size - 2:
        a, b = first[i], second[j]
        union[size] = min(a, b)
        shared[size] = a == b
        i += a <= b
        j += b <= a
        size += 1
    return size


@njit(cache=True, error_model="numpy")
def _deal(
    union: Int32Array,
    shared: npt.NDArray[np.bool_],
    wanted: int,
    one: Int32Array,
    two: Int32Array,
    rng: np.random.Generator,
) -> None:
    """Give what is shared to both rows, ``wanted`` of the others to row one and as many to row two, all ascending."""
    left_over = 2 * wanted
    end_one = end_two = 0
    for k in range(union.size):
        both = shared[k]
        # Selection sampling: taking each with probability wanted / left_over makes every split equally likely.
        taken = rng.random() * left_over < wanted
        one[end_one] = union[k]
        two[end_two] = union[k]
        end_one += both | taken
        end_two += both | (not taken)
        wanted -= taken & (not both)
        left_over -= not both


def draw_random(n_left: int, n_right: int, n_edges: int, rng: np.random.Generator) -> Pattern:
    """Draw ``n_edges`` different pairs of neurons, every such set equally likely; the degrees fall as they may.

    Memory is proportional to the number of edges, not of pairs.

    Returns
    -------
    Pattern
        Each row ascending by left neuron; rows may be empty.

    Raises
    ------
    InputError
        When there are fewer pairs than edges.
    """
    _check_layers(n_left, n_right)
    pairs = n_left * n_right
    if not 0 <= n_edges <= pairs:
        raise InputError("n_edges", n_edges, f"must lie in 0..{pairs}", [min(max(n_edges, 0), pairs)])
    if 2 * n_edges <= pairs:
        drawn = _distinct(pairs, n_edges, rng)
    else:
        drawn = np.delete(np.arange(pairs), _distinct(pairs, pairs - n_edges, rng))
    starts = np.searchsorted(drawn, np.arange(n_right + 1) * n_left)
    np.remainder(drawn, n_left, out=drawn)
    return Pattern(n_left, n_right, drawn.astype(np.int32), starts)


def _distinct(population: int, count: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """``count`` different integers below ``population``, ascending; ``count`` is at most half of it.

    ``Generator.choice`` would allocate the whole population unless the share is small.
    """
    drawn = np.empty(0, dtype=np.int64)
    while drawn.size < count:
        more = rng.integers(population, size=3 * (count - drawn.size) // 2 + 8)
        drawn = np.concatenate([drawn, more]) if drawn.size else more
        drawn.sort()
        first = np.ones(drawn.size, dtype=np.bool_)
        np.not_equal(drawn[1:], drawn[:-1], out=first[1:])
        drawn = drawn[first]
    # No integer is preferred so far, and it stays that way when the surplus is chosen blindly.
    return np.delete(drawn, rng.choice(drawn.size, drawn.size - count, replace=False, shuffle=False))
