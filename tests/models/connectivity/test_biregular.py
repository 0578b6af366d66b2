from collections import Counter
from collections.abc import Iterable
from itertools import combinations, pairwise
from math import comb

import numpy as np
import pytest

from models.connectivity.biregular import draw_random, draw_structured, feasible_out_degrees, in_degree
from models.connectivity.pattern import Pattern
from models.errors import InputError

Rows = tuple[tuple[int, ...], ...]


def rows_of(pattern: Pattern) -> Rows:
    starts = pattern.row_start.tolist()
    return tuple(tuple(pattern.left[a:b].tolist()) for a, b in pairwise(starts))


def all_junctions(n_left: int, d_out: int, n_right: int) -> set[Rows]:
    """Every junction with these degrees, by trying all rows."""

    def complete(rows: Rows, free: tuple[int, ...]) -> set[Rows]:
        if len(rows) == n_right:
            return {rows}
        found = set()
        for row in combinations([q for q in range(n_left) if free[q]], n_left * d_out // n_right):
            found |= complete((*rows, row), tuple(free[q] - (q in row) for q in range(n_left)))
        return found

    return complete((), (d_out,) * n_left)


def assert_uniform(drawn: Iterable[Rows], legal: set[Rows]) -> None:
    """Every legal outcome and no other, and a chi-square that a fair draw exceeds once in millions of times."""
    counts = Counter(drawn)
    assert counts.keys() == legal
    expected = counts.total() / len(legal)
    chi_square = sum((count - expected) ** 2 / expected for count in counts.values())
    freedom = len(legal) - 1
    assert chi_square < freedom + 5 * (2 * freedom) ** 0.5 + 10


@pytest.mark.parametrize(
    ("n_left", "d_out", "n_right", "count"),
    [
        (4, 2, 4, 90),  # two shapes: a ring of eight edges, and two rings of four
        (6, 1, 3, 90),
        (6, 2, 3, 90),
        (3, 2, 3, 6),
        (4, 3, 4, 24),
        (2, 2, 4, 6),
        (6, 1, 2, 20),
        (5, 1, 5, 120),
    ],
)
def test_every_small_junction_is_drawn_equally_often(n_left: int, d_out: int, n_right: int, count: int) -> None:
    legal = all_junctions(n_left, d_out, n_right)
    assert len(legal) == count
    rng = np.random.default_rng(0)
    assert_uniform((rows_of(draw_structured(n_left, d_out, n_right, rng)) for _ in range(20 * count)), legal)


def test_shapes_of_a_larger_junction_are_as_frequent_as_they_are_numerous() -> None:
    # 1860 junctions of six left and four right neurons; which rows equal or exclude one another tells the shape.
    def shape(rows: Rows) -> tuple[int, ...]:
        return tuple(sorted(len(set(a) & set(b)) for a, b in combinations(rows, 2)))

    numbers = Counter(map(shape, all_junctions(6, 2, 4)))
    rng, draws = np.random.default_rng(1), 3000
    drawn = Counter(shape(rows_of(draw_structured(6, 2, 4, rng))) for _ in range(draws))
    assert numbers.total() == 1860
    assert len(numbers) > 2
    for kind, number in numbers.items():
        expected = draws * number / 1860
        assert abs(drawn[kind] - expected) < 4.5 * expected**0.5


def test_short_cycles_of_a_sparse_junction_are_as_rare_as_theory_says() -> None:
    # Four-cycles of a random biregular graph tend to a Poisson number with mean ((d_out - 1)(d_in - 1))**2 / 4.
    rng, junctions = np.random.default_rng(2), 200
    cycles = 0
    for _ in range(junctions):
        matrix = np.zeros((80, 80), dtype=np.int64)
        pattern = draw_structured(80, 3, 80, rng)
        matrix[pattern.right, pattern.left] = 1
        common = matrix @ matrix.T
        cycles += int(np.triu(common * (common - 1) // 2, 1).sum())
    assert abs(cycles / junctions - 4) < 0.7


def test_degrees_are_exact_and_no_edge_repeats_over_a_thousand_junctions() -> None:
    rng = np.random.default_rng(3)
    for _ in range(1000):
        n_left, n_right = (int(n) for n in rng.integers(1, 40, size=2))
        d_out = int(rng.choice(feasible_out_degrees(n_left, n_right)))
        pattern = draw_structured(n_left, d_out, n_right, rng)
        rows = rows_of(pattern)
        assert all(list(row) == sorted(set(row)) for row in rows)
        assert {len(row) for row in rows} == {n_left * d_out // n_right}
        assert Counter(q for row in rows for q in row) == dict.fromkeys(range(n_left), d_out)


@pytest.mark.parametrize(("n_left", "d_out", "n_right"), [(5, 3, 3), (7, 1, 1), (1, 4, 4), (1, 1, 1)])
def test_a_complete_junction_is_complete(n_left: int, d_out: int, n_right: int) -> None:
    pattern = draw_structured(n_left, d_out, n_right, np.random.default_rng(0))
    assert rows_of(pattern) == (tuple(range(n_left)),) * n_right


def test_a_classifier_of_one_percent_is_drawn() -> None:
    pattern = draw_structured(4096, 5, 512, np.random.default_rng(0))
    pattern.validate()
    assert (pattern.d_out, pattern.d_in, pattern.left.dtype) == (5, 40, np.dtype(np.int32))


def test_the_same_seed_draws_the_same_junction() -> None:
    first, again, other = (draw_structured(60, 5, 20, np.random.default_rng(seed)).left for seed in (4, 4, 5))
    assert (first == again).all()
    assert (first != other).any()
    first, again, other = (draw_random(60, 20, 300, np.random.default_rng(seed)).left for seed in (4, 4, 5))
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.parametrize("n_edges", [1, 2, 4, 5])
def test_every_random_junction_is_drawn_equally_often(n_edges: int) -> None:
    pairs = [(j, q) for j in range(2) for q in range(3)]
    legal = {tuple(tuple(q for r, q in chosen if r == j) for j in range(2)) for chosen in combinations(pairs, n_edges)}
    assert len(legal) == comb(6, n_edges)
    rng = np.random.default_rng(6)
    assert_uniform((rows_of(draw_random(3, 2, n_edges, rng)) for _ in range(200 * len(legal))), legal)


def test_random_junctions_have_the_edges_asked_for_and_rows_ascend() -> None:
    rng = np.random.default_rng(7)
    for _ in range(300):
        n_left, n_right = (int(n) for n in rng.integers(1, 30, size=2))
        n_edges = int(rng.integers(n_left * n_right + 1))
        pattern = draw_random(n_left, n_right, n_edges, rng)
        pattern.validate()
        assert pattern.n_edges == n_edges
        assert all(list(row) == sorted(row) for row in rows_of(pattern))
    assert draw_random(3, 2, 0, rng).n_edges == 0
    assert rows_of(draw_random(3, 2, 6, rng)) == ((0, 1, 2), (0, 1, 2))


def test_in_degrees_follow_from_out_degrees() -> None:
    assert in_degree(1024, 4, 64) == 64
    assert list(feasible_out_degrees(12, 8)) == [2, 4, 6, 8]
    assert [in_degree(12, d_out, 8) for d_out in (2, 4, 6, 8)] == [3, 6, 9, 12]
    assert list(feasible_out_degrees(7, 5)) == [5]


@pytest.mark.parametrize(
    ("d_out", "nearest"), [(3, "2, 4"), (9, "8"), (10, "8"), (0, "2"), (-5, "2"), (1, "2"), (7, "6, 8")]
)
def test_impossible_out_degrees_name_the_nearest_possible(d_out: int, nearest: str) -> None:
    with pytest.raises(InputError, match=rf"^network\.out_degree\[0\] = {d_out}: .*; nearest: {nearest}$"):
        in_degree(12, d_out, 8, "network.out_degree[0]")


def test_empty_layers_and_too_many_edges_are_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="n_right = 0"):
        draw_structured(3, 1, 0, rng)
    with pytest.raises(InputError, match="n_left = 0"):
        draw_random(0, 3, 0, rng)
    with pytest.raises(InputError, match=r"n_edges = 7: must lie in 0\.\.6; nearest: 6"):
        draw_random(3, 2, 7, rng)
