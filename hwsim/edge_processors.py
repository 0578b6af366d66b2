"""What z edge processors of a junction consist of and make in a clock: multipliers, results and the words on their way.

These are the formulas of everything that counts, estimates or draws. The machine and the hardware have the widths of their
own arithmetic, on purpose: tests compare them.
"""

import math

from models.numbers.format import Format
from models.numbers.system import NumberSystem


def operations(junction: int, trains: bool) -> int:
    """Multipliers of an edge processor: one each for FF, BP (not in the first junction) and UP."""
    return 1 if not trains else 2 if junction == 1 else 3


def results_per_clock(z: int, d_in: int) -> int:
    """Right neurons that can start or end in one clock, q = ceil(z / d_in)."""
    return -(-z // d_in)


def lanes_per_neuron(z: int, d_in: int) -> int:
    """Lanes that one right neuron can have in a clock: the leaves of an adder tree."""
    return min(z, d_in)


def product_bits(numbers: NumberSystem, signal: Format) -> int:
    """Bits of a weight times a signal of that format, narrowed to the fraction of products."""
    lost = max(0, numbers.weight.fraction + signal.fraction - numbers.product_fraction)
    return numbers.weight.width + signal.width - lost


def partial_bits(numbers: NumberSystem, d_out: int) -> int:
    """Bits of a partial delta: the exact sum of d_out products of a weight and a delta."""
    return product_bits(numbers, numbers.delta) + math.ceil(math.log2(d_out))
