"""The interleaver of a pattern and its measures beside their definitions, pair by pair."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.connectivity.biregular import draw_random
from models.connectivity.clash_free import from_seeds, interleave
from models.connectivity.pattern import Pattern
from models.pattern_quality.interleaver import dispersion, interleaver, spread
from tests.work import calls

permutations = st.integers(2, 40).flatmap(lambda n: st.permutations(range(n))).map(np.array)


def naive_spread(order):
    pairs = itertools.combinations(range(len(order)), 2)
    return min(abs(i - j) + abs(int(order[i]) - int(order[j])) for i, j in pairs)


def naive_dispersion(order):
    pairs = list(itertools.combinations(range(len(order)), 2))
    return len({(j - i, int(order[j]) - int(order[i])) for i, j in pairs}) / len(pairs)


@given(permutations)
def test_spread_and_dispersion_are_those_of_all_pairs(order):
    assert spread(order) == naive_spread(order)
    assert dispersion(order) == naive_dispersion(order)


@given(permutations)
def test_both_are_the_same_of_the_inverse_and_backwards(order):
    inverse, backwards = np.argsort(order), order[::-1]
    assert spread(order) == spread(inverse) == spread(backwards)
    assert dispersion(order) == pytest.approx(dispersion(inverse)) == pytest.approx(dispersion(backwards))


@pytest.mark.parametrize("n", [2, 3, 10, 1000])
def test_the_identity_is_as_bad_as_it_gets(n):
    assert spread(np.arange(n)) == 2
    assert dispersion(np.arange(n)) == pytest.approx(2 / n)


@pytest.mark.parametrize("n", [0, 1])
def test_without_pairs_there_is_nothing_to_measure(n):
    assert (spread(np.arange(n)), dispersion(np.arange(n))) == (0, 1.0)


@pytest.mark.parametrize("side", [8, 16, 32])
def test_a_block_interleaver_has_the_spread_of_its_side(side):
    """Written by rows and read by columns: neighbours come to lie a side apart, and so do those a side apart."""
    assert spread(np.arange(side * side).reshape(side, side).T.ravel()) == side + 1


@pytest.mark.parametrize("spoilt", [[], [0, 1], [900, 5], [1000, 1001, 2], [3, 1020, 500, 501]])
@pytest.mark.parametrize(("n", "step"), [(1024, 33), (1021, 29), (1021, 300), (961, 30), (1023, 511)])
def test_a_great_spread_is_that_of_all_pairs(n, step, spoilt):
    """Regular ones, whose spread is the greatest, with pairs here and there that come nearer."""
    order = np.arange(n) * step % n if n % step and np.gcd(n, step) == 1 else np.arange(n)[np.argsort(np.arange(n) % step)]
    picked = np.array([k % n for k in spoilt], dtype=int)
    order[picked] = order[np.roll(picked, 1)]
    i, j = np.triu_indices(n, 1)
    assert spread(order) == int((j - i + abs(order[j] - order[i])).min())


def test_a_spread_that_falls_late_is_found():
    side = 64  # of a block interleaver; then two neighbours, in the last of all strips
    order = np.arange(side * side).reshape(side, side).T.ravel()
    assert spread(order) == side + 1
    for place, found in ((-70, 20), (-3, 25), (5, 31)):
        spoilt, there = order.copy(), order[place] + found - 17
        spoilt[place + 17], spoilt[order == there] = there, order[place + 17]
        assert spread(spoilt) == min(found, int(naive_least(spoilt)))


def naive_least(order):
    i, j = np.triu_indices(len(order), 1)
    return (j - i + abs(order[j] - order[i])).min()


def test_random_permutations_are_dispersed_as_the_books_say():
    rng = np.random.default_rng(0)
    assert np.mean([dispersion(rng.permutation(1000)) for _ in range(5)]) == pytest.approx(0.813, abs=0.003)


@settings(max_examples=20)
@given(st.integers(0, 2**32), st.sampled_from([8, 32, 128]))
def test_an_estimate_of_the_dispersion_is_near_the_exact_value(seed, z):
    """Also of interleavers with a period, which evenly spaced distances would meet again and again."""
    rng = np.random.default_rng(seed)
    for order in (interleave(512, 4, z, rng.integers(512 // z, size=z)), rng.permutation(2048)):
        exact = dispersion(order, 2**24)
        assert exact == pytest.approx(dispersion(order, 2**17), rel=0.05)


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.sampled_from([(32, 2, 8), (24, 3, 4), (16, 16, 16)]))
def test_the_interleaver_of_type_1_is_the_published_one(seed, junction):
    n_left, d_out, z = junction
    start = np.random.default_rng(seed).integers(n_left // z, size=z)
    pattern = from_seeds(n_left, d_out, n_left, 1, start)
    assert interleaver(pattern).tolist() == interleave(n_left, d_out, z, start).tolist()


def test_the_published_example():
    assert interleaver(from_seeds(32, 2, 8, 1, [2, 0, 3, 1, 2, 0, 3, 1]))[45] == 27


@given(st.integers(0, 2**32), st.integers(1, 9), st.integers(1, 9), st.data())
def test_edges_are_numbered_by_left_neuron_and_then_as_before(seed, n_left, n_right, data):
    pattern = draw_random(n_left, n_right, data.draw(st.integers(0, n_left * n_right)), np.random.default_rng(seed))
    by_left = sorted(range(pattern.n_edges), key=lambda e: (pattern.left[e], e))
    assert [by_left[i] for i in interleaver(pattern)] == list(range(pattern.n_edges))


def test_a_million_edges_take_no_loop_of_the_interpreter():
    order = np.random.default_rng(0).permutation(10**6)
    pattern = Pattern.regular(10**6, 10, order)
    spread(order[:10])
    dispersion(np.arange(10))
    assert calls(lambda: spread(interleaver(pattern))) + calls(lambda: dispersion(interleaver(pattern))) < 3_000
