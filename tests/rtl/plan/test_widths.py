"""The hardware's own widths of exact sums, beside those that costs are counted with."""

import pytest

from hwsim.edge_processors import partial_bits, product_bits
from rtl.plan.widths import back_product_shape, partial_shape
from tests.rtl.designs import NUMBERS, planned


@pytest.mark.parametrize("numbers", NUMBERS)
def test_the_hardware_has_the_widths_that_are_counted_but_for_what_rounding_adds(numbers):
    of = planned([16, 8, 4], [4, 4], [8, 8], numbers=numbers)
    carry = back_product_shape(of).width - product_bits(of.numbers, of.numbers.delta)
    dropped = of.numbers.weight.fraction + of.numbers.delta.fraction - of.numbers.product_fraction
    assert carry in ((0, 1) if dropped > 0 else (0,))
    j = of.junctions[1]
    assert j.d_out == 4 and partial_shape(of, j).width == partial_bits(of.numbers, 4) + carry
