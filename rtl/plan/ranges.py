"""Which numbers can occur: where none is clipped, nothing is built that clips.

A sigmoid's derivative is at most 1/4 and the error of an output at most 1, so that many deltas cannot leave their format.
The bounds are those of interval arithmetic over the activation tables, the formats of the weights and d_out.
"""

import numpy as np
import numpy.typing as npt

from models.numbers.format import Format, narrow, saturate
from rtl.plan.plan import JunctionPlan, Plan, tables

Range = tuple[int, int]
"""Least and greatest value."""


def delta_range(of: Plan, j: JunctionPlan) -> Range:
    """What the deltas of a junction's right neurons are before they are clipped."""
    n = of.numbers
    activation, derivative = (table.astype(np.int64) for table in tables(of, j))
    if j.is_last:
        errors = np.concatenate([activation, activation - n.activation.one])
        fraction = n.activation.fraction
        if of.config.network.cost == "quadratic":
            errors = errors * np.concatenate([derivative, derivative])
            fraction += n.derivative.fraction
        return _ends(narrow(errors, fraction - n.delta.fraction, n.rounding["delta"]))
    wide = np.array(_product(partial_range(of, j), _ends(derivative)))
    drop = n.product_fraction + n.derivative.fraction - n.delta.fraction
    return _ends(narrow(wide, drop, n.rounding["delta"]))


def partial_range(of: Plan, j: JunctionPlan) -> Range:
    """What the partial deltas of a junction's right neurons are: sums of d_out products of weights and deltas."""
    n, after = of.numbers, of.junctions[j.number]
    deltas = saturate(np.array(delta_range(of, after)), n.delta)
    product = np.array(_product((n.weight.lowest, n.weight.highest), _ends(deltas)))
    drop = n.weight.fraction + n.delta.fraction - n.product_fraction
    return _ends(after.d_out * narrow(product, drop, n.rounding["product"]))


def fits(range_: Range, fmt: Format) -> bool:
    """Whether a format holds all numbers of a range."""
    return fmt.lowest <= range_[0] and range_[1] <= fmt.highest


def _product(a: Range, b: Range) -> Range:
    return _ends(np.multiply.outer(np.array(a, np.int64), np.array(b, np.int64)))


def _ends(values: npt.NDArray[np.int64]) -> Range:
    return int(values.min()), int(values.max())
