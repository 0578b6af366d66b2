"""Intervals and fronts against independent ways to get them."""

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hwsim.studies.findings.estimates import estimate, pareto_front, student_t


@pytest.mark.parametrize("degrees", [*range(1, 60), 100, 1000, 10**6])
def test_quantiles_are_students(degrees):
    assert student_t(degrees) == pytest.approx(stats.t.ppf(0.95, degrees), abs=2e-6)


def test_an_interval_is_the_textbooks():
    values = [0.91, 0.93, 0.92, 0.95]
    e = estimate(values)
    low, high = stats.t.interval(0.9, 3, loc=e.mean, scale=stats.sem(values))
    assert (e.mean - e.half_width, e.mean + e.half_width) == pytest.approx((low, high), abs=1e-7)
    assert estimate([0.5, 0.5]).half_width == 0
    assert math.isinf(estimate([0.5]).half_width)
    assert math.isnan(estimate([0.5, math.inf]).half_width)


@pytest.mark.parametrize("better", [*itertools.product(["less", "more"], repeat=2)])
def test_a_front_is_what_nothing_beats(better):
    rng = random.Random(str(better))
    for _ in range(50):
        points = [(rng.randrange(8), rng.randrange(8)) for _ in range(rng.randrange(1, 25))]
        signs = [1 if b == "less" else -1 for b in better]
        costs = [(signs[0] * x, signs[1] * y) for x, y in points]
        unbeaten = {i for i, a in enumerate(costs) if not any(b != a and b[0] <= a[0] and b[1] <= a[1] for b in costs)}
        assert set(pareto_front(points, better)) == unbeaten
    assert pareto_front([(math.nan, 1), (1, 1)], better) == [1]


@given(st.floats(-1e9, 1e9), st.integers(2, 9))
def test_equal_values_have_no_interval(value, n):
    assert estimate([value] * n) == (value, 0.0, n)
