"""Adder trees against sum()."""

import math

import numpy as np
import pytest
from amaranth.hdl import signed, unsigned

from rtl.blocks.adder_tree import AdderTree
from tests.rtl.driving import integers, play

WORDS = {"signed": signed(6), "unsigned": unsigned(5), "one_bit": signed(1)}


@pytest.mark.parametrize("every", range(5))
@pytest.mark.parametrize("inputs", [1, 2, 3, 4, 5, 7, 8, 9, 13])
def test_sums_come_after_the_stated_clocks(inputs, every):
    for word in WORDS.values():
        rng, n = np.random.default_rng(inputs), 30
        x = integers(rng, word, n, inputs)
        tree = AdderTree(inputs, word, every)
        expected = [sum(row) for row in x.tolist()]
        latency = math.ceil(math.log2(inputs)) // every if every else 0
        assert tree.latency == latency
        assert tree.model(x).tolist() == expected
        assert [s.sum for s in play(tree, [{"x": row} for row in x])][latency:] == expected[: n - latency]


@pytest.mark.parametrize("zeros", [1, 3])
@pytest.mark.parametrize("inputs", [1, 5, 8])
def test_bits_that_are_always_zero_are_not_added(inputs, zeros):
    for word in WORDS.values():
        if word.width <= zeros:
            continue
        x = integers(np.random.default_rng(inputs), word, 30, inputs) >> zeros << zeros
        seen = play(AdderTree(inputs, word, 1, zeros), [{"x": row} for row in x])
        latency = (inputs - 1).bit_length()
        assert [s.sum for s in seen][latency:] == [sum(row) for row in x.tolist()][: 30 - latency]


@pytest.mark.parametrize("word", WORDS)
def test_the_greatest_sums_fit(word):
    shape = WORDS[word]
    ends = (-(1 << (shape.width - 1)), (1 << (shape.width - 1)) - 1) if shape.signed else (0, (1 << shape.width) - 1)
    for inputs in (1, 3, 8, 11):
        got = [s.sum for s in play(AdderTree(inputs, shape, 0), [{"x": [end] * inputs} for end in ends])]
        assert got == [end * inputs for end in ends]
