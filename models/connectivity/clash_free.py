"""Clash-free connectivity: exact degrees, and in every clock z edges from z different left memories.

The left neurons of a junction lie in z memories of D = n_left / z words, neuron q in memory q mod z at address q div z.
One sweep of D clocks visits each of them once; d_out sweeps make a pass. Lane m of clock r in sweep s reads memory
v_s[m] at address t_s[r, memory]; :class:`~models.connectivity.sweeps.SweepSeeds` holds v and t. Without memory dither
v_s[m] = m.

========  =====================================  ========================
type      t_s[r, memory]                         drawn
========  =====================================  ========================
1         (φ[memory] + r) mod D                  one φ and one v for all sweeps
2         (φ_s[memory] + r) mod D                φ_s and v_s per sweep
3         any permutation of the D addresses     t_s and v_s per sweep
========  =====================================  ========================

Sources: Dey et al., arXiv 1711.01343, 1711.06935 and 1812.01164.

Repeated edges
--------------
A right neuron owns d_in <= n_left consecutive edges, so it spans at most two sweeps, and within one it sees no left
neuron twice. When it straddles two, its *tail* (the last edges of the first sweep) and its *head* (the first edges of
the second) must not share a left neuron. Type 1 repeats itself every n_left edges, so any d_in consecutive ones differ.
For types 2 and 3, let the tail read a words of a memory, and the head b:

- type 2: let the head start δ = (φ' - φ) mod D addresses after the start of the sweep before, whose tail is the a
  addresses up to D. If a, b > 0, the two are disjoint exactly if δ + b <= D - a: D - a - b + 1 legal δ;
- type 3: the first b addresses must avoid the last a before: (D - a)! / (D - a - b)! * (D - b)! legal orders.

Both need a + b <= D. That always holds where the same lane reads the memory in both sweeps, because d_in consecutive
edges pass a lane at most D times. So there is always a legal pattern, and only dither has to mind the condition: lanes
differ by one in a, and in b, and two longer ones may not fit together.

The number of legal ways on from a sweep depends on a and b, but not on the sweep itself. Drawing sweep after sweep,
uniformly among the legal ways on, therefore makes every legal sequence of accesses equally likely, and nothing needs to
be drawn again.
"""

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from models.compiled import njit
from models.connectivity.biregular import in_degree
from models.connectivity.pattern import Int32Array, Pattern, RegularPattern
from models.connectivity.sweeps import SweepSeeds
from models.errors import InputError

Int64Array = npt.NDArray[np.int64]

_SEEDS = 1 << 18
"""Seeds, or edges, that are worked on together."""


def draw_clash_free(
    n_left: int, d_out: int, n_right: int, z: int, kind: int, dither: bool, rng: np.random.Generator
) -> Pattern:
    """Draw uniformly among the legal sequences of accesses of one clash-free type.

    Parameters
    ----------
    n_left, d_out, n_right
        Neurons of the two sides and the out-degree.
    z
        Edges per clock; divides ``n_left``.
    kind
        Type 1, 2 or 3.
    dither
        Whether lanes may read memories other than their own.
    rng
        Source of every random choice.

    Returns
    -------
    Pattern
        With its seeds; each row in the order of access.

    Raises
    ------
    InputError
        For impossible degrees (see :func:`~models.connectivity.biregular.in_degree`), z or kind.
    """
    check_clash_free(n_left, d_out, n_right, z, kind)
    return RegularPattern.of_seeds(n_right, draw_seeds(n_left, d_out, n_right, z, kind, dither, rng))


def check_clash_free(n_left: int, d_out: int, n_right: int, z: int, kind: int) -> None:
    """Raise :class:`InputError` for impossible degrees, z or kind."""
    in_degree(n_left, d_out, n_right)
    _check_kind(kind)
    _depth(n_left, z)


def draw_seeds(
    n_left: int, d_out: int, n_right: int, z: int, kind: int, dither: bool, rng: np.random.Generator
) -> SweepSeeds:
    """The seeds of :func:`draw_clash_free`, whose parameters these are."""
    d_in, depth = n_left * d_out // n_right, n_left // z
    if kind == 1:
        phi = rng.integers(depth, size=(1, z)).astype(np.int32)
        lanes = (rng.permutation(z) if dither else np.arange(z)).astype(np.int32)
        return SweepSeeds(kind, depth, np.broadcast_to(lanes, (d_out, z)), np.broadcast_to(phi, (d_out, z)))
    tails = np.arange(d_out) * n_left % d_in  # edges before each sweep of the row that straddles its start
    heads = np.where(tails > 0, d_in - tails, 0)
    # The lane that, one sweep earlier, read what a lane reads now. It is drawn rather than v_s, which follows from it.
    before = np.broadcast_to(np.arange(z, dtype=np.int32), (d_out, z))
    memory = before
    if dither:
        before, memory = before.copy(), before.copy()
        for s in range(d_out):
            before[s] = _draw_lanes(int(tails[s]), int(heads[s]), z, depth, kind, rng)
            memory[s] = memory[s - 1][before[s]] if s else before[s]
    if kind == 3:
        order = np.empty((d_out, depth, z), dtype=np.int32)
        now = np.tile(np.arange(depth, dtype=np.int32), (z, 1))
        for some in _some_sweeps(d_out, z):
            tail, head = _tails_and_heads(tails[some], heads[some], memory[some], before[some])
            _shuffle_sweeps(order[some], now, tail, head, rng)
        return SweepSeeds(kind, depth, memory, order)
    begin = np.empty((d_out, z), dtype=np.int32)
    last = np.zeros(z, dtype=np.int64)
    for some in _some_sweeps(d_out, z):
        tail, head = _tails_and_heads(tails[some], heads[some], memory[some], before[some])
        delta = rng.integers(np.where((tail > 0) & (head > 0), depth - tail - head + 1, depth))
        delta[0] += last
        last = np.cumsum(delta, axis=0, out=delta)[-1] % depth
        np.remainder(delta, depth, out=begin[some], casting="unsafe")
    return SweepSeeds(kind, depth, memory, begin)


def _some_sweeps(sweeps: int, z: int) -> Iterator[slice]:
    """All sweeps, as many at a time as have some hundred thousand seeds."""
    step = max(1, _SEEDS // z)
    return (slice(s, min(s + step, sweeps)) for s in range(0, sweeps, step))


def _tails_and_heads(
    tails: Int64Array, heads: Int64Array, memory: Int32Array, before: Int32Array
) -> tuple[Int64Array, Int64Array]:
    """a and b of each memory: int64 [sweeps, z], from the edges of the straddling rows [sweeps] and the lanes."""
    z = memory.shape[1]
    tail, head = np.zeros((2, *memory.shape), dtype=np.int64)
    if tails.any():
        lane = np.arange(z)
        tail_of_lane = (tails[:, None] + lane) // z
        head_of_lane = (heads[:, None] + (z - 1 - lane)) // z
        np.put_along_axis(tail, memory, np.take_along_axis(tail_of_lane, before, axis=1), axis=1)
        np.put_along_axis(head, memory, head_of_lane, axis=1)
    return tail, head


def plain_order(n_left: int, d_out: int, n_right: int, z: int, kind: int) -> Pattern:
    """The clash-free pattern of all-zero seeds, left[e] = e mod n_left, which is the same for all types and z.

    That is how the public FPGA of arXiv 1806.01087 is connected. Each right neuron sees neighbouring left neurons.

    Raises
    ------
    InputError
        For impossible degrees, z or kind.
    """
    check_clash_free(n_left, d_out, n_right, z, kind)
    depth = n_left // z
    given = np.zeros(z) if kind != 3 else np.broadcast_to(np.arange(depth)[:, None], (depth, z))
    lanes = np.broadcast_to(np.arange(z), (d_out, z))
    return _pattern(n_right, depth, kind, lanes, np.broadcast_to(given, (d_out, *given.shape)))


def from_seeds(
    n_left: int,
    d_out: int,
    n_right: int,
    kind: int,
    address: npt.ArrayLike,
    memory: npt.ArrayLike | None = None,
    field: str = "seeds",
) -> Pattern:
    """The clash-free pattern that given seeds describe.

    Parameters
    ----------
    n_left, d_out, n_right
        Neurons of the two sides and the out-degree.
    kind
        Type 1, 2 or 3.
    address
        Integers below D: φ [z] for type 1, φ_s [d_out, z] for type 2, t_s [d_out, D, z] for type 3. The last axis is
        the memory.
    memory
        Memory dither v [z] for type 1, v_s [d_out, z] otherwise; none if left out.
    field
        What an error message calls the seeds.

    Raises
    ------
    InputError
        For impossible degrees or kind, seeds of the wrong shape or range, and seeds that join two neurons twice.
    """
    in_degree(n_left, d_out, n_right)
    _check_kind(kind)
    t = np.asarray(address)
    z = t.shape[-1] if t.ndim else 0
    depth = _depth(n_left, z, f"{field}: z")
    sweeps = () if kind == 1 else (d_out,)
    v = np.broadcast_to(np.arange(z), (*sweeps, z)) if memory is None else np.asarray(memory)
    _check_seed(t, (*sweeps, depth, z) if kind == 3 else (*sweeps, z), depth, f"{field}: address", kind == 3)
    _check_seed(v[..., None], (*sweeps, z, 1), z, f"{field}: memory", True)
    given = np.broadcast_to(t, (d_out, *t.shape)) if kind == 1 else t
    pattern = _pattern(n_right, depth, kind, np.broadcast_to(v, (d_out, z)), given)
    if kind != 1 and _repeats(pattern):
        raise InputError(field, None, "a right neuron that straddles two sweeps would draw a left neuron twice")
    return pattern


def access_sequences(n_left: int, d_out: int, n_right: int, z: int, kind: int, dither: bool) -> int | None:
    """How many sequences of accesses the address generators can produce; ``None`` where no closed form is known.

    The published count: settings of the seeds, where dithers that only reorder the edges of a right neuron within a
    clock count once. Where d_in does not divide n_left, settings that would repeat an edge are included.

    Raises
    ------
    InputError
        For impossible degrees, z or kind.
    """
    d_in = in_degree(n_left, d_out, n_right)
    depth = _depth(n_left, z)
    _check_kind(kind)
    per_sweep: int = (math.factorial(depth) if kind == 3 else depth) ** z
    if dither and z % d_in == 0:
        per_sweep *= math.factorial(z) // math.factorial(d_in) ** (z // d_in)
    elif dither and d_in % z:
        return None
    return per_sweep if kind == 1 else per_sweep**d_out


def log10_access_sequences(n_left: int, d_out: int, n_right: int, z: int, kind: int, dither: bool) -> float | None:
    """Decimal logarithm of :func:`access_sequences`, whose digits can fill the memory.

    Raises
    ------
    InputError
        For impossible degrees, z or kind.
    """
    d_in = in_degree(n_left, d_out, n_right)
    depth = _depth(n_left, z)
    _check_kind(kind)
    per_sweep = z * (math.lgamma(depth + 1) if kind == 3 else math.log(depth))
    if dither and z % d_in == 0:
        per_sweep += math.lgamma(z + 1) - z // d_in * math.lgamma(d_in + 1)
    elif dither and d_in % z:
        return None
    return (per_sweep if kind == 1 else per_sweep * d_out) / math.log(10)


def is_clash_free(pattern: Pattern, z: int) -> bool:
    """Whether edges 0..z-1, z..2z-1, ... each come from z different memories (left neuron q being in q mod z)."""
    if z < 1 or pattern.n_edges % z:
        return False
    rows, step = pattern.n_edges // z, max(1, _SEEDS // z)
    for first in range(0, rows, step):
        some = pattern.left[first * z : (first + step) * z].reshape(-1, z) % z
        touched = np.zeros(some.shape, dtype=np.bool_)
        np.put_along_axis(touched, some, True, axis=1)
        if not touched.all():
            return False
    return True


def interleave(p: int, fo: int, z: int, start: npt.ArrayLike) -> Int64Array:
    """The interleaver π of arXiv 1711.06935, for every right-ordered edge i.

    π(i) = (t[i mod p] * z + i mod z) * fo + i div p, with t[c * z + m] = (start[m] + c) mod (p / z).

    It numbers edges by left neuron: π(i) div fo is the left neuron of edge i in the type 1 pattern with n_left = p,
    d_out = fo and φ = ``start`` without dither, and π(i) mod fo is the sweep in which the edge is read.

    ``p`` is the number of left neurons, ``fo`` the fan-out (d_out), ``start`` holds z integers below p / z. Returns int64
    [p * fo], a permutation of 0..p*fo-1.
    """
    depth = _depth(p, z)
    phi = np.asarray(start)
    _check_seed(phi, (z,), depth, "start", False)
    lanes = np.arange(z, dtype=np.int32)[None]
    left = SweepSeeds(1, depth, lanes, phi[None].astype(np.int32)).left().astype(np.int64)
    return (left * fo + np.arange(fo)[:, None]).ravel()


def _pattern(n_right: int, depth: int, kind: int, memory: npt.NDArray, given: npt.NDArray) -> RegularPattern:
    """The pattern of v [sweeps, z] and of t or its beginnings; whatever is repeated in memory stays so."""
    v, t = (np.broadcast_to(_narrow(seed), seed.shape) for seed in (memory, given))
    return RegularPattern.of_seeds(n_right, SweepSeeds(kind, depth, v, t))


def _narrow(seed: npt.NDArray) -> Int32Array:
    """The seeds as int32, without repetitions along the first axis that take no memory."""
    once = seed[:1] if seed.strides[0] == 0 else seed
    return np.ascontiguousarray(once, dtype=np.int32)


def _repeats(pattern: RegularPattern) -> bool:
    """Whether a right neuron that straddles two sweeps has a left neuron in both; within one, none is read twice."""
    seeds, n_left, d_in = pattern.seeds, pattern.n_left, pattern.n_edges // pattern.n_right
    assert seeds is not None
    begins = np.arange(1, seeds.sweeps, dtype=np.int64) * n_left  # where one sweep meets the next
    rows = begins[begins % d_in > 0] // d_in
    step = max(1, _SEEDS // n_left)
    for s in range(0, seeds.sweeps - 1, step):
        some = rows[(rows * d_in >= s * n_left) & (rows * d_in < (s + step) * n_left)]
        if some.size:
            left = seeds.left(s, min(s + step + 1, seeds.sweeps))
            edges = np.sort(left[(some * d_in - s * n_left)[:, None] + np.arange(d_in)], axis=1)
            if (edges[:, 1:] == edges[:, :-1]).any():
                return True
    return False


def _draw_lanes(tail: int, head: int, z: int, depth: int, kind: int, rng: np.random.Generator) -> Int64Array:
    """For every lane, the one that read its memory a sweep earlier.

    The tail fills the last lanes and the head the first ones, ``longer_tail`` and ``longer_head`` of them once more
    than the others. A permutation must be as likely as it leaves choices for the addresses; these depend only on how
    many memories get a longer tail and a longer head.
    """
    longer_tail, longer_head = tail % z, head % z
    both = _draw_both(longer_tail, longer_head, z, tail // z, head // z, depth, kind, rng)
    longer = rng.permutation(np.arange(z - longer_tail, z))
    others = rng.permutation(z - longer_tail)
    others_longer_head = longer_head - both
    first = np.concatenate([longer[:both], others[:others_longer_head]])
    rest = np.concatenate([longer[both:], others[others_longer_head:]])
    return np.concatenate([rng.permutation(first), rng.permutation(rest)])


def _draw_both(x: int, y: int, z: int, a: int, b: int, depth: int, kind: int, rng: np.random.Generator) -> int:
    """How many of z memories get both one of x longer tails (a + 1 words) and one of y longer heads (b + 1).

    Fisher's noncentral hypergeometric distribution, for the reason that :func:`_draw_lanes` gives.
    """
    if not (x and y) or a + b + 2 > depth:  # the two do not fit; then x + y <= z, for a row has at most n_left edges
        return 0
    if kind == 2:

        def legal(tail: int, head: int) -> int:
            return depth - tail - head + 1 if tail and head else depth

        odds = legal(a + 1, b + 1) * legal(a, b) / (legal(a + 1, b) * legal(a, b + 1))
    else:  # of the ways (D - a)! / (D - a - b)! * (D - b)! only the denominator depends on which tail meets which head
        odds = 1 - 1 / (depth - a - b)
    lowest = max(0, x + y - z)
    k = np.arange(lowest, min(x, y))
    growth = (x - k) * (y - k) * odds / ((k + 1) * (z - x - y + k + 1))  # weight of k + 1 over weight of k
    log_weight = np.concatenate([np.zeros(1), np.cumsum(np.log(growth))])
    weight = np.exp(log_weight - log_weight.max())
    return lowest + int(rng.choice(weight.size, p=weight / weight.sum()))


@njit(cache=True, error_model="numpy")
def _shuffle_sweeps(
    order: Int32Array, now: Int32Array, tail: Int64Array, head: Int64Array, rng: np.random.Generator
) -> None:
    """Fill ``order`` [sweeps, D, z] with random orders whose head avoids the tail of the order before.

    ``now`` [z, D] is the order before the first of these sweeps, and becomes that of the last one.
    """
    sweeps, depth, z = order.shape
    for s in range(sweeps):
        for m in range(z):
            # Fisher-Yates on the order before: its tail stands last, so the head draws from what stands before that.
            for i in range(depth - 1):
                choices = (depth - tail[s, m] if i < head[s, m] else depth) - i
                j = i + int(rng.random() * choices)
                now[m, i], now[m, j] = now[m, j], now[m, i]
        for i in range(depth):
            for m in range(z):
                order[s, i, m] = now[m, i]


def _check_seed(seed: npt.NDArray, shape: tuple[int, ...], limit: int, field: str, permutation: bool) -> None:
    """Integers below ``limit`` of that shape; along the second last axis permutations if so wanted."""
    if seed.shape != shape or not np.issubdtype(seed.dtype, np.integer):
        raise InputError(field, f"{seed.dtype} {list(seed.shape)}", f"must be integers of shape {list(shape)}")
    if seed.size and not (0 <= seed.min() and seed.max() < limit):
        raise InputError(field, None, f"must lie in 0..{limit - 1}")
    if permutation and not all(_permuted(some, limit) for some in (seed[None] if seed.ndim == 2 else seed)):
        raise InputError(field, None, f"must be permutations of 0..{limit - 1}")


def _permuted(seed: npt.NDArray, limit: int) -> bool:
    """Whether the columns are permutations."""
    return bool((np.sort(seed, axis=0) == np.arange(limit)[:, None]).all())


def _check_kind(kind: int) -> None:
    if kind not in (1, 2, 3):
        raise InputError("clash_free_type", kind, "the clash-free types are 1, 2 and 3", [min(max(kind, 1), 3)])


def _depth(n_left: int, z: int, field: str = "z") -> int:
    if z < 1 or n_left % z:
        legal = [d for d in range(1, n_left + 1) if n_left % d == 0]
        below, above = [d for d in legal if d <= z][-1:], [d for d in legal if d >= z][:1]
        raise InputError(field, z, f"must divide the {n_left} left neurons", below + above)
    return n_left // z
