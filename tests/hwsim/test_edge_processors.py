"""Formulas of edge processors, by hand and by counting."""

import itertools

from hwsim.edge_processors import lanes_per_neuron, operations, partial_bits, product_bits, results_per_clock
from models.numbers.format import Format, Rounding
from models.numbers.system import NumberSystem


def test_operations():
    assert [operations(i, True) for i in (1, 2, 3)] == [2, 3, 3]
    assert [operations(i, False) for i in (1, 2, 3)] == [1, 1, 1]


def test_as_many_results_as_neurons_can_end():
    for z, d_in in itertools.product(range(1, 20), range(1, 20)):
        most = max(len({e // d_in for e in range(row * z, row * z + z) if (e + 1) % d_in == 0}) for row in range(d_in))
        assert results_per_clock(z, d_in) == most


def test_a_tree_has_as_many_leaves_as_lanes_that_one_neuron_can_have_in_a_clock():
    for z, d_in in itertools.product(range(1, 12), range(1, 12)):
        rows = [[e // d_in for e in range(c * z, c * z + z)] for c in range(d_in)]
        assert lanes_per_neuron(z, d_in) == max(row.count(neuron) for row in rows for neuron in row)


def test_widths_by_hand():
    numbers = NumberSystem.uniform(Format(12, 8), input=Format(8, 8, signed=False))
    assert product_bits(numbers, numbers.input) == 20 and product_bits(numbers, numbers.delta) == 24
    assert [partial_bits(numbers, d_out) for d_out in (1, 2, 16, 17)] == [24, 25, 28, 29]
    narrowed = NumberSystem.uniform(Format(12, 8), product_fraction=10)
    assert product_bits(narrowed, narrowed.delta) == 18 and partial_bits(narrowed, 4) == 20
    wider = NumberSystem.uniform(Format(12, 8), Rounding.FLOOR, product_fraction=20)
    assert product_bits(wider, wider.delta) == 24
