"""Which kinds of numbers can be clipped at all, from formats, tables and sizes: what no co-simulation can show."""

from fractions import Fraction

from models.fixed.ranges import Ranges
from models.numbers.format import Format
from models.numbers.system import NumberSystem
from rtl.plan.plan import Plan, tables

CLIPPED = ("pre-activations", "deltas", "weights", "biases")
"""Kinds of numbers that are clipped, in the order of their counters."""


def possible(of: Plan) -> dict[str, bool]:
    """By kind, whether some number of some junction can exceed its format; ``True`` also where the bound is not tight."""
    n, ranges = of.numbers, Ranges.of(of.design.network, of.numbers)
    kinds = dict.fromkeys(CLIPPED[: 4 if of.trains else 1], False)
    for j in of.junctions:
        drop = n.product_fraction - n.preactivation.fraction
        kinds["pre-activations"] |= _exceeds(ranges.sums[j.number - 1], drop, n.preactivation)
        if of.trains:
            kinds["weights"] |= _moves(n, j.left, n.weight, of.kappas[0])
            kinds["biases"] |= n.delta.magnitude >> max(n.delta.fraction - n.bias.fraction + of.kappas[0] - 1, 0) > 0
    if of.trains:
        kinds["deltas"] = _deltas(of)
    return kinds


def _exceeds(magnitude: int, drop: int, to: Format) -> bool:
    """Whether a number so large can exceed a format once so many bits are dropped; rounded up, to be sure."""
    return (magnitude << -drop if drop < 0 else (magnitude >> drop) + 1) > to.highest


def _deltas(of: Plan) -> bool:
    """Bounds of the deltas from the last layer back, in real numbers, and whether one exceeds the format."""
    n, found = of.numbers, False
    lsb, greatest = Fraction(1, 1 << n.delta.fraction), Fraction(0)
    for j in reversed(of.junctions):
        activation, derivative = tables(of, j)
        steep = Fraction(int(abs(derivative).max()), 1 << n.derivative.fraction)
        if j.is_last:
            one = 1 << n.activation.fraction
            bound = Fraction(max(int(activation.max()), one - int(activation.min())), one)
            bound *= steep if of.config.network.cost == "quadratic" else 1
        else:
            weight = Fraction(n.weight.magnitude, 1 << n.weight.fraction)
            product = weight * greatest + Fraction(1, 1 << n.product_fraction)
            bound = of.junctions[j.number].d_out * product * steep
        exact = j.is_last and of.config.network.cost != "quadratic" and n.activation.fraction <= n.delta.fraction
        found |= bound + (0 if exact else lsb) > n.delta.highest * lsb
        greatest = min(bound + lsb, n.delta.magnitude * lsb)
    return found


def _moves(n: NumberSystem, left: Format, weight: Format, kappa: int) -> bool:
    """Whether a weight at the end of its range can be moved at all."""
    drop = left.fraction + n.delta.fraction - weight.fraction + kappa
    return left.magnitude * n.delta.magnitude >> max(drop - 1, 0) > 0
