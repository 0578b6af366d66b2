"""Multipliers: every lane, every clock."""

import numpy as np
import pytest
from amaranth.hdl import signed, unsigned

from models.numbers.format import Rounding
from rtl.blocks.multiplier import Multipliers
from tests.models.fixed import naive
from tests.rtl.driving import integers, play

OPERANDS = {
    "signed": (signed(5), signed(4)),
    "weight_pixel": (signed(12), unsigned(8)),
    "unsigned": (unsigned(3), unsigned(6)),
    "one_bit": (signed(1), signed(1)),
}
NARROWINGS = [(0, Rounding.FLOOR), (3, Rounding.FLOOR), (3, Rounding.HALF_UP), (2, Rounding.HALF_EVEN), (-1, Rounding.FLOOR)]


@pytest.mark.parametrize("stages", range(7))
@pytest.mark.parametrize("operands", OPERANDS)
def test_products_come_after_the_stated_clocks(operands, stages):
    rng, n = np.random.default_rng(stages), 40
    for lanes, (drop, rounding) in zip((1, 2, 3, 1, 5), NARROWINGS, strict=True):
        a, b = (integers(rng, shape, n, lanes) for shape in OPERANDS[operands])
        component = Multipliers(lanes, *OPERANDS[operands], stages, drop, rounding)
        got = [s.product for s in play(component, [{"a": x, "b": y} for x, y in zip(a, b, strict=True)])]
        expected = [
            [naive.narrow(x * y, drop, rounding) for x, y in zip(xs, ys, strict=True)]
            for xs, ys in zip(a.tolist(), b.tolist(), strict=True)
        ]
        assert component.latency == stages
        assert component.model(a, b).tolist() == expected
        assert got[stages:] == expected[: n - stages]


def test_a_product_is_there_for_one_clock():
    clocks = [{"a": [3], "b": [-5]}] + [{}] * 4
    got = [s.product for s in play(Multipliers(1, signed(4), signed(4), stages=3), clocks)]
    assert got == [[0], [0], [0], [-15], [0]]
