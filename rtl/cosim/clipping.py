"""Which kinds of numbers can be clipped at all, from formats, tables and sizes: what no co-simulation can show."""

from models.fixed.ranges import Ranges
from models.numbers.format import Format
from models.numbers.system import NumberSystem
from rtl.plan.plan import JunctionPlan, Plan, tables

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
            kinds["deltas"] |= _delta(of, j, ranges)
            kinds["weights"] |= _moves(n, j.left, n.weight, of.kappas[0])
            kinds["biases"] |= n.delta.magnitude >> max(n.delta.fraction - n.bias.fraction + of.kappas[0] - 1, 0) > 0
    return kinds


def _exceeds(magnitude: int, drop: int, to: Format) -> bool:
    """Whether a number so large can exceed a format once so many bits are dropped; rounded up, to be sure."""
    return (magnitude << -drop if drop < 0 else (magnitude >> drop) + 1) > to.highest


def _delta(of: Plan, j: JunctionPlan, ranges: Ranges) -> bool:
    n = of.numbers
    activation, derivative = tables(of, j)
    steep = int(abs(derivative).max())
    if not j.is_last:
        magnitude = ranges.partials[j.number] * steep
        return _exceeds(magnitude, n.product_fraction + n.derivative.fraction - n.delta.fraction, n.delta)
    one = 1 << n.activation.fraction
    error = max(int(activation.max()), one - int(activation.min()))
    fraction = n.activation.fraction
    if of.config.network.cost == "quadratic":
        error, fraction = error * steep, fraction + n.derivative.fraction
    drop = fraction - n.delta.fraction
    # The most negative delta has one more than the most positive.
    return (error << -drop if drop < 0 else error >> drop) > n.delta.highest


def _moves(n: NumberSystem, left: Format, weight: Format, kappa: int) -> bool:
    """Whether a weight at the end of its range can be moved at all."""
    drop = left.fraction + n.delta.fraction - weight.fraction + kappa
    return left.magnitude * n.delta.magnitude >> max(drop - 1, 0) > 0
