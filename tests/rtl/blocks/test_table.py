"""Activation tables: every pre-activation, in any order."""

import math

import numpy as np
import pytest

from models.network.activations import ACTIVATIONS
from models.numbers.format import Format
from rtl.blocks.table import ActivationTable
from tests.rtl.driving import clip, play

FUNCTIONS = {
    "sigmoid": (lambda s: 1 / (1 + math.exp(-s)), lambda s: math.exp(-s) / (1 + math.exp(-s)) ** 2),
    "relu": (lambda s: max(s, 0), lambda s: float(s > 0)),
    "clipped_relu": (lambda s: min(max(s, 0), 1), lambda s: float(0 < s < 1)),
    "tanh": (math.tanh, lambda s: 1 - math.tanh(s) ** 2),
}
FORMATS = {  # pre-activation, activation, derivative
    "uniform": (Format(7, 4), Format(7, 4), Format(7, 4)),
    "mixed": (Format(6, 2), Format(5, 5, False), Format(4, 2)),
    "unsigned": (Format(5, 3, False), Format(9, 6), Format(3, 3, False)),
}


def entry(real, to):
    return clip(math.floor(real * 2**to.fraction + 0.5), to)


@pytest.mark.parametrize("stages", range(5))
@pytest.mark.parametrize("formats", FORMATS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_entry_after_the_stated_clocks(function, formats, stages):
    argument, value, slope = FORMATS[formats]
    s = np.random.default_rng(stages).permutation(np.arange(argument.lowest, argument.highest + 1))
    table = ActivationTable(argument, value, slope, ACTIVATIONS[function].tables(argument, value, slope), stages)
    got = play(table, [{"argument": x} for x in s.tolist() + [0] * stages])[stages:]
    f, df = FUNCTIONS[function]
    real = [x / 2**argument.fraction for x in s.tolist()]
    expected = [(entry(f(x), value), entry(df(x), slope)) for x in real]
    assert table.latency == stages
    assert [(g.value, g.slope) for g in got] == expected
    assert list(zip(*(t.tolist() for t in table.model(s)), strict=True)) == expected


def test_without_training_there_are_no_derivatives():
    argument, value, slope = FORMATS["mixed"]
    table = ActivationTable(argument, value, None, ACTIVATIONS["tanh"].tables(argument, value, slope), 1)
    (_, got) = play(table, [{"argument": -3}, {}])
    assert vars(got) == {"value": entry(math.tanh(-3 / 4), value)}


def test_a_table_of_one_value_needs_no_memory():
    """tanh between -1/2 and 1/2 in integers is 0, its derivative 1."""
    argument, value = Format(4, 4), Format(6, 0)
    table = ActivationTable(argument, value, value, ACTIVATIONS["tanh"].tables(argument, value, value), 1)
    seen = play(table, [{"argument": x} for x in (-8, -1, 0, 7)])
    assert [(s.value, s.slope) for s in seen] == [(0, 1)] * 4
