"""Coefficients against naive definitions, and what has none."""

import itertools
import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.studies.findings.correlation import correlation, pearson, ranks

SMALL = st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=3, max_size=20)


def naive_ranks(values):
    """A value's rank is one more than those below it, and half of its other equals."""
    return [1 + sum(u < v for u in values) + (sum(u == v for u in values) - 1) / 2 for v in values]


def naive_pearson(x, y):
    try:
        return statistics.correlation(x, y)
    except statistics.StatisticsError:
        return None


@given(SMALL)
def test_coefficients_are_those_of_the_definitions(pairs):
    x, y = [float(a) for a, _ in pairs], [float(b) for _, b in pairs]
    found = correlation(x, y)
    assert ranks(np.array(x)).tolist() == naive_ranks(x)
    r = naive_pearson(x, y)
    if r is None:
        assert found == (len(pairs), None, None)
        return
    assert found.pearson.value == pytest.approx(r, abs=1e-12)
    assert found.spearman.value == pytest.approx(naive_pearson(naive_ranks(x), naive_ranks(y)), abs=1e-12)
    for c in (found.pearson, found.spearman):
        assert -1 <= c.value <= 1 and c.low <= c.value <= c.high


@given(SMALL, st.floats(0.01, 100), st.floats(-100, 100))
def test_scale_and_offset_change_nothing_and_a_sign_turns_it_round(pairs, scale, offset):
    x, y = [float(a) for a, _ in pairs], [float(b) for _, b in pairs]
    found, moved = correlation(x, y), correlation([scale * a + offset for a in x], [-b for b in y])
    if found.pearson is None:
        return
    assert moved.pearson.value == pytest.approx(-found.pearson.value, abs=1e-9)
    assert moved.spearman.value == pytest.approx(-found.spearman.value, abs=1e-12)


def test_intervals_of_a_worked_example():
    # r = 0.6 of 28 pairs: z = 0.6931 +- 1.6449 / 5; the same rank coefficient has sqrt(1 + 0.18) times that.
    rng = np.random.default_rng(0)
    x = rng.normal(size=28)
    rest = rng.normal(size=28)
    x -= x.mean()
    rest -= rest.mean() + x * ((rest - rest.mean()) @ x) / (x @ x)
    y = 0.6 * x / np.sqrt(x @ x) + 0.8 * rest / np.sqrt(rest @ rest)
    value, low, high = correlation(x, y).pearson
    assert value == pytest.approx(0.6)
    assert (low, high) == pytest.approx((math.tanh(0.693147 - 0.328971), math.tanh(0.693147 + 0.328971)), abs=1e-6)
    rho = correlation(x, y).spearman
    half = 1.644854 * math.sqrt((1 + rho.value**2 / 2) / 25)
    assert (rho.low, rho.high) == pytest.approx(
        (math.tanh(math.atanh(rho.value) - half), math.tanh(math.atanh(rho.value) + half)), abs=1e-6
    )


def test_nine_of_ten_intervals_hold_the_coefficient_of_the_population():
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(1000):
        x = rng.normal(size=12)
        y = 0.5 * x + math.sqrt(0.75) * rng.normal(size=12)
        found = correlation(x, y).pearson
        held += found.low <= 0.5 <= found.high
    assert 870 <= held <= 930


def test_what_has_no_coefficient():
    assert correlation([], []) == (0, None, None)
    assert correlation([1.0, 2.0], [3.0, 1.0]) == (2, None, None)
    assert correlation([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]) == (3, None, None)
    assert correlation([1.0, 2.0, 3.0], [0.1, 0.1, 0.1]) == (3, None, None)


def test_three_pairs_have_no_interval_and_a_straight_line_one_of_no_width():
    three = correlation([1.0, 2.0, 3.0], [1.0, 3.0, 2.0])
    assert three.pearson == (pytest.approx(0.5), -math.inf, math.inf)
    line = correlation([1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 6.0, 8.0])
    assert line.spearman == (1.0, 1.0, 1.0)
    assert line.pearson.value == pytest.approx(1) and line.pearson.high <= 1


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_extreme_numbers_neither_overflow_nor_vanish(scale):
    x = np.array([1.0, 2.0, 4.0]) * scale
    assert pearson(x, np.array([3.0, 2.0, 1.0])) == pytest.approx(statistics.correlation([1, 2, 4], [3, 2, 1]))


def test_the_order_of_the_pairs_does_not_matter():
    pairs = [(1.0, 2.0), (1.0, 5.0), (2.0, 2.0), (7.0, 9.0)]
    found = {
        tuple(round(c.value, 12) for c in correlation(*zip(*p, strict=True))[1:]) for p in itertools.permutations(pairs)
    }
    assert len(found) == 1
