from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import permutations, product
from math import comb, factorial

import numpy as np
import pytest

from models.connectivity.clash_free import access_sequences, draw_clash_free, from_seeds, interleave, is_clash_free
from models.connectivity.draw import feasible_out_degrees, full
from models.connectivity.pattern import Pattern
from models.errors import InputError

Edges = tuple[int, ...]


def edges_of(z: int, addresses: list[list[list[int]]], dithers: list[Edges]) -> Edges:
    """The definition, edge by edge: ``addresses[s][memory][r]``, ``dithers[s][lane]``."""
    left = []
    for address, dither in zip(addresses, dithers, strict=True):
        for r in range(len(address[0])):
            for lane in range(z):
                memory = dither[lane]
                left.append(address[memory][r] * z + memory)
    return tuple(left)


def rows_are_legal(left: Edges, d_in: int) -> bool:
    rows = (left[j : j + d_in] for j in range(0, len(left), d_in))
    return all(len(set(row)) == len(row) for row in rows)


def every_sweep(kind: int, z: int, depth: int, dither: bool) -> Iterator[tuple[list[list[int]], Edges]]:
    """All settings of the seeds of one sweep."""
    counting = [[(phi + r) % depth for r in range(depth)] for phi in range(depth)]
    columns = [list(order) for order in permutations(range(depth))] if kind == 3 else counting
    for address in product(columns, repeat=z):
        for lanes in permutations(range(z)) if dither else [tuple(range(z))]:
            yield list(address), lanes


def legal_sequences(n_left: int, d_out: int, n_right: int, z: int, kind: int, dither: bool) -> set[Edges]:
    sweeps = list(every_sweep(kind, z, n_left // z, dither))
    settings = ([sweep] * d_out for sweep in sweeps) if kind == 1 else product(sweeps, repeat=d_out)
    found = set()
    for setting in settings:
        left = edges_of(z, [address for address, _ in setting], [lanes for _, lanes in setting])
        if rows_are_legal(left, n_left * d_out // n_right):
            found.add(left)
    return found


def assert_uniform(drawn: Iterable[Edges], legal: set[Edges]) -> None:
    """Every legal outcome and no other, and a chi-square that a fair draw exceeds once in millions of times."""
    counts = Counter(drawn)
    assert counts.keys() == legal
    expected = counts.total() / len(legal)
    chi_square = sum((count - expected) ** 2 / expected for count in counts.values())
    freedom = len(legal) - 1
    assert chi_square < freedom + 5 * (2 * freedom) ** 0.5 + 10


def assert_legal(pattern: Pattern, d_out: int, z: int, kind: int, dither: bool) -> None:
    left, n_left, seeds = pattern.left.tolist(), pattern.n_left, pattern.seeds
    depth = n_left // z
    assert seeds is not None
    assert (seeds.kind, seeds.z, seeds.depth) == (kind, z, depth)
    addresses, dithers = seeds.address.transpose(0, 2, 1).tolist(), seeds.memory.tolist()
    assert edges_of(z, addresses, dithers) == tuple(left)
    assert rows_are_legal(tuple(left), n_left * d_out // pattern.n_right)
    for s in range(d_out):
        assert sorted(left[s * n_left : (s + 1) * n_left]) == list(range(n_left))
        assert dither or dithers[s] == list(range(z))
        if kind == 1:
            assert (addresses[s], dithers[s]) == (addresses[0], dithers[0])
        if kind < 3:
            assert all(column == [(column[0] + r) % depth for r in range(depth)] for column in addresses[s])
    assert all(len({q % z for q in left[c : c + z]}) == z for c in range(0, len(left), z))


def test_the_worked_example_reads_these_neurons_in_these_clocks() -> None:
    pattern = from_seeds(12, 2, 12, kind=1, address=[1, 0, 2, 2])
    assert pattern.left.reshape(2, 3, 4).tolist() == [[[4, 1, 10, 11], [8, 5, 2, 3], [0, 9, 6, 7]]] * 2
    dithered = from_seeds(12, 2, 12, 1, [1, 0, 2, 2], memory=[3, 0, 2, 1])
    assert dithered.left[:4].tolist() == [11, 4, 10, 1]


def test_full_connectivity_is_type_1_with_zero_seeds() -> None:
    assert (from_seeds(12, 5, 5, 1, np.zeros(4, int)).left == full(12, 5).left).all()


def test_two_straddled_sweeps_join_nobody_twice_over_thousands_of_junctions() -> None:
    rng = np.random.default_rng(1)
    straddling = dithered = 0
    for _ in range(2000):
        z, depth, groups, size = (int(n) for n in rng.integers(1, 8, size=4))
        n_left, n_right = z * depth, groups * size
        d_out = int(rng.choice(feasible_out_degrees(n_left, n_right)))
        kind, dither = int(rng.integers(1, 4)), bool(rng.integers(2))
        pattern = draw_clash_free(n_left, d_out, n_right, z, kind, dither, rng)
        assert_legal(pattern, d_out, z, kind, dither)
        straddling += kind > 1 and d_out > 1 and n_left % (n_left * d_out // n_right) != 0
        dithered += pattern.seeds is not None and pattern.seeds.dithered
    assert straddling > 200
    assert dithered > 200


@pytest.mark.parametrize("kind", [1, 2, 3])
@pytest.mark.parametrize(
    ("n_left", "d_out", "n_right", "z"),
    [(63, 20, 70, 9), (63, 62, 63, 7), (60, 45, 50, 12), (100, 7, 28, 4), (35, 100, 125, 5), (48, 9, 16, 48), (9, 8, 12, 1)],
)
def test_larger_junctions_are_legal(n_left: int, d_out: int, n_right: int, z: int, kind: int) -> None:
    for seed in range(4):
        pattern = draw_clash_free(n_left, d_out, n_right, z, kind, True, np.random.default_rng(seed))
        assert_legal(pattern, d_out, z, kind, True)
        pattern.validate()
        assert is_clash_free(pattern, z)


@pytest.mark.parametrize(
    ("junction", "kind", "dither", "count"),
    [
        ((9, 2, 6, 3), 1, False, 27),
        ((9, 2, 6, 3), 2, False, 729),
        ((4, 3, 4, 2), 2, False, None),
        ((4, 3, 4, 2), 2, True, None),
        ((4, 3, 4, 2), 3, True, None),
        ((6, 2, 3, 2), 2, True, None),
        ((5, 3, 5, 5), 1, True, 120),
    ],
)
def test_every_legal_sequence_is_drawn_equally_often(
    junction: tuple[int, int, int, int], kind: int, dither: bool, count: int | None
) -> None:
    legal = legal_sequences(*junction, kind, dither)
    assert count is None or len(legal) == count
    rng = np.random.default_rng(2)
    drawn = (tuple(draw_clash_free(*junction, kind, dither, rng).left.tolist()) for _ in range(8 * len(legal)))
    assert_uniform(drawn, legal)


@pytest.mark.parametrize(
    ("junction", "kind"),
    [
        ((6, 2, 3, 2), 3),
        ((6, 2, 3, 3), 2),
        ((6, 2, 3, 3), 3),
        ((12, 2, 3, 3), 2),
        ((6, 5, 6, 3), 2),  # a longer tail and a longer head do not fit together
        ((6, 5, 6, 3), 3),
    ],
)
def test_dither_leaves_the_second_sweep_uniform_among_what_fits_the_first(
    junction: tuple[int, int, int, int], kind: int
) -> None:
    # Neurons are renamed in the order in which the first sweep visits them, so that there is only one first sweep.
    n_left, d_out, n_right, z = junction
    first = tuple(range(n_left))
    seconds = (edges_of(z, [address], [lanes]) for address, lanes in every_sweep(kind, z, n_left // z, True))
    legal = {second for second in seconds if rows_are_legal(first + second, n_left * d_out // n_right)}
    rng = np.random.default_rng(3)

    def drawn_second() -> Edges:
        left = draw_clash_free(n_left, d_out, n_right, z, kind, True, rng).left
        return tuple(np.argsort(left[:n_left])[left[n_left : 2 * n_left]].tolist())

    assert_uniform((drawn_second() for _ in range(12 * len(legal))), legal)


@pytest.mark.parametrize("kind", [2, 3])
def test_dither_is_as_likely_as_it_leaves_choices_for_the_addresses(kind: int) -> None:
    # 12 left neurons, 3 memories of 4 words, rows of 8: the row between the sweeps has 4 edges in each, so that lane 2
    # ends with two of them and lane 0 begins with two, the others with one.
    tail, head = (1, 1, 2), (2, 1, 1)
    orders = [address[0] for address, _ in every_sweep(kind, 1, 4, False)]
    choices = {(a, b): sum(not set(order[:b]) & set(range(4 - a, 4)) for order in orders) for a in (1, 2) for b in (1, 2)}
    weight = {
        lanes: np.prod([choices[tail[before], head[lane]] for lane, before in enumerate(lanes)])
        for lanes in permutations(range(3))
    }
    rng = np.random.default_rng(4)
    draws, counts = 4000, Counter[Edges]()
    for _ in range(draws):
        seeds = draw_clash_free(12, 2, 3, 3, kind, True, rng).seeds
        assert seeds is not None
        counts[tuple(np.argsort(seeds.memory[0])[seeds.memory[1]].tolist())] += 1
    assert len(set(weight.values())) == 2
    for lanes, share in weight.items():
        expected = draws * share / sum(weight.values())
        assert abs(counts[lanes] - expected) < 4.2 * expected**0.5


@pytest.mark.parametrize(
    ("junction", "dither", "counts"),
    [
        ((9, 2, 6, 3), False, (27, 729, 46_656)),
        ((12, 2, 12, 4), False, (81, 6_561, 1_679_616)),
        ((12, 2, 12, 4), True, (486, 236_196, 60_466_176)),
        ((12, 4, 6, 4), True, (81, 81**4, factorial(3) ** 16)),  # z divides d_in: nothing new
        ((12, 3, 6, 4), True, (None, None, None)),
        ((1024, 64, 64, 512), False, (2**512, 2 ** (512 * 64), 2 ** (512 * 64))),
    ],
)
def test_access_sequences_are_counted(
    junction: tuple[int, int, int, int], dither: bool, counts: tuple[int | None, ...]
) -> None:
    assert tuple(access_sequences(*junction, kind, dither) for kind in (1, 2, 3)) == counts


def test_dithers_are_counted_once_when_they_only_reorder_a_right_neuron_within_a_clock() -> None:
    sequences = legal_sequences(12, 2, 12, 4, 1, True)
    told_apart = {tuple(frozenset(left[e : e + 2]) for e in range(0, 24, 2)) for left in sequences}
    assert len(sequences) == 81 * factorial(4)
    assert len(told_apart) == 81 * comb(4, 2) == access_sequences(12, 2, 12, 4, 1, True)


def test_the_same_seed_draws_the_same_pattern() -> None:
    for kind in (1, 2, 3):
        first, again, other = (draw_clash_free(60, 9, 20, 6, kind, True, np.random.default_rng(seed)) for seed in (5, 5, 6))
        assert (first.left == again.left).all()
        assert (first.left != other.left).any()


def test_seeds_read_back_give_the_pattern_back() -> None:
    rng = np.random.default_rng(7)
    for kind in (1, 2, 3):
        drawn = draw_clash_free(35, 4, 20, 7, kind, True, rng)
        assert drawn.seeds is not None
        address, memory = drawn.seeds.address, drawn.seeds.memory
        given = {1: address[0, 0], 2: address[:, 0].astype(np.uint64), 3: address}[kind]
        rebuilt = from_seeds(35, 4, 20, kind, given, memory[0] if kind == 1 else memory)
        assert (rebuilt.left == drawn.left).all()


def test_seeds_that_cannot_be_used_are_refused() -> None:
    with pytest.raises(InputError, match=r"straddles two sweeps"):
        from_seeds(4, 3, 4, 2, [[0, 0], [1, 0], [0, 0]])
    with pytest.raises(InputError, match=r"seeds: address = int64 \[3, 2\]: must be integers of shape \[2\]"):
        from_seeds(4, 3, 4, 1, [[0, 0], [1, 0], [0, 0]])
    with pytest.raises(InputError, match=r"must lie in 0\.\.1"):
        from_seeds(4, 3, 4, 1, [0, 2])
    with pytest.raises(InputError, match=r"phi: memory: must be permutations of 0\.\.1"):
        from_seeds(4, 3, 4, 1, [0, 1], memory=[1, 1], field="phi")
    with pytest.raises(InputError, match=r"address: must be permutations of 0\.\.2"):
        from_seeds(3, 1, 1, 3, [[[0], [1], [1]]])
    with pytest.raises(InputError, match="must be integers"):
        from_seeds(4, 3, 4, 1, [0.0, 1.0])
    with pytest.raises(InputError, match="must divide the 4 left neurons"):
        from_seeds(4, 3, 4, 1, [])


def test_impossible_requests_name_the_nearest_legal_values() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match=r"^z = 5: must divide the 12 left neurons; nearest: 4, 6$"):
        draw_clash_free(12, 2, 8, 5, 1, False, rng)
    with pytest.raises(InputError, match=r"^z = 0: .*; nearest: 1$"):
        draw_clash_free(12, 2, 8, 0, 1, False, rng)
    with pytest.raises(InputError, match=r"^z = 24: .*; nearest: 12$"):
        draw_clash_free(12, 2, 8, 24, 1, False, rng)
    with pytest.raises(InputError, match=r"^clash_free_type = 4: the clash-free types are 1, 2 and 3; nearest: 3$"):
        draw_clash_free(12, 2, 8, 4, 4, False, rng)
    with pytest.raises(InputError, match=r"^d_out = 3: .*; nearest: 2, 4$"):
        draw_clash_free(12, 3, 8, 4, 1, False, rng)


def test_a_clash_is_found_in_any_pattern() -> None:
    assert is_clash_free(Pattern.regular(4, 2, [0, 1, 2, 3]), 2)
    assert not is_clash_free(Pattern.regular(4, 2, [0, 2, 1, 3]), 2)
    assert is_clash_free(Pattern.regular(4, 2, [0, 2, 1, 3]), 4)
    assert not is_clash_free(Pattern.regular(4, 2, [0, 1, 2, 3]), 3)  # the second clock would be incomplete
    assert not is_clash_free(Pattern.regular(4, 2, [0, 1, 2, 3]), 0)


def test_the_published_interleaver_numbers_the_edges_of_type_1_by_left_neuron() -> None:
    start = [2, 0, 3, 1, 2, 0, 3, 1]
    pi = interleave(p=32, fo=2, z=8, start=start)
    assert pi[45] == 27
    assert sorted(pi.tolist()) == list(range(64))
    assert (pi // 2 == from_seeds(32, 2, 16, 1, start).left).all()
    assert (pi % 2 == np.arange(64) // 32).all()
    with pytest.raises(InputError, match="start"):
        interleave(32, 2, 8, [0] * 7)
