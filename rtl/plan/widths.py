"""Widths of exact sums.

They are the hardware's own, from the shapes of its arithmetic, and not those of :mod:`hwsim.edge_processors`, on purpose:
that the two agree is a test's to say.
"""

from amaranth.hdl import Shape, signed
from amaranth.utils import ceil_log2

from rtl.blocks.arithmetic import shape_of
from rtl.blocks.multiplier import product_shape
from rtl.plan.plan import JunctionPlan, Plan


def back_drop(of: Plan) -> int:
    """Fraction bits that a product of a weight and a delta loses; negative if it gets zeros."""
    n = of.numbers
    return n.weight.fraction + n.delta.fraction - n.product_fraction


def back_product_shape(of: Plan) -> Shape:
    """A narrowed product of a weight and a delta."""
    n, drop = of.numbers, back_drop(of)
    return product_shape(shape_of(n.weight), shape_of(n.delta), drop, n.rounding["product"])


def partial_shape(of: Plan, j: JunctionPlan) -> Shape:
    """A partial delta of junction ``j``'s left layer: d_out products."""
    return signed(back_product_shape(of).width + ceil_log2(j.d_out))
