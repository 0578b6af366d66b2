"""Ranges of deltas, against all that can occur."""

from itertools import product

import pytest

from rtl.plan.plan import tables
from rtl.plan.ranges import delta_range, fits, partial_range
from tests.models.fixed.naive import narrow
from tests.rtl.designs import NUMBERS, design
from tests.rtl.driving import clip


def ends(values):
    values = list(values)
    return min(values), max(values)


def all_deltas(of, j):
    """Least and greatest delta before it is clipped, by trying everything that is extreme."""
    n = of.numbers
    values = [(int(a), int(d)) for a, d in zip(*tables(of, j), strict=True)]
    if j.is_last:
        quadratic = of.config.network.cost == "quadratic"
        drop = n.activation.fraction + (n.derivative.fraction if quadratic else 0) - n.delta.fraction
        errors = [(a - target) * (d if quadratic else 1) for a, d in values for target in (0, n.activation.one)]
        return ends(narrow(e, drop, n.rounding["delta"]) for e in errors)
    after = of.junctions[j.number]
    deltas = [clip(x, n.delta) for x in all_deltas(of, after)]
    drop = n.weight.fraction + n.delta.fraction - n.product_fraction
    weights = (n.weight.lowest, n.weight.highest)
    partial = ends(after.d_out * narrow(w * x, drop, n.rounding["product"]) for w, x in product(weights, deltas))
    assert partial_range(of, j) == partial
    drop = n.product_fraction + n.derivative.fraction - n.delta.fraction
    return ends(narrow(p * d, drop, n.rounding["delta"]) for p, (_, d) in product(partial, values))


@pytest.mark.parametrize("cost", ["cross_entropy", "quadratic"])
@pytest.mark.parametrize("activation", ["sigmoid", "relu", "tanh"])
@pytest.mark.parametrize("numbers", NUMBERS)
def test_ranges_are_those_of_everything_that_can_occur(numbers, activation, cost):
    last = "sigmoid" if cost == "cross_entropy" else activation
    of = design("three_junctions", numbers=numbers, activation=[activation, activation, last], cost=cost)
    for j in of.junctions:
        assert delta_range(of, j) == all_deltas(of, j)


def test_some_deltas_are_clipped_and_some_cannot_be():
    of = design("three_junctions", numbers="exact")
    found = {fits(delta_range(of, j), of.numbers.delta) for j in of.junctions}
    assert found == {True, False}
    assert fits((-128, 127), of.numbers.delta) and not fits((-2048, 2048), of.numbers.delta)
