"""Counters over interleaved layers and over banks, against where neurons and samples are by definition."""

import numpy as np
import pytest

from rtl.control.position import BankCounter, PositionCounter
from rtl.plan.interleaving import Interleaving
from tests.rtl.driving import play

INTERLEAVINGS = [
    (12, 2, 4),
    (12, 3, 4),
    (16, 2, 8),
    (15, 2, 3),
    (10, 5, 6),
    (14, 4, 7),
    (12, 4, 4),
    (7, 1, 7),
    (5, 1, 1),
    (9, 9, 9),
]


def by_definition(neurons, per_clock, memories):
    """Group, address of the first neuron, and its memory, for every group."""
    firsts = range(0, neurons, per_clock)
    return [(g, n // memories, n % memories) for g, n in enumerate(firsts)]


@pytest.mark.parametrize("sizes", INTERLEAVINGS, ids=str)
def test_every_group_is_where_its_first_neuron_lies(sizes):
    of = Interleaving(*sizes)
    expected = by_definition(*sizes)
    rng = np.random.default_rng(0)
    steps = rng.random(20 * of.groups) < 0.6
    counter, at = PositionCounter(of), 0

    def clocks():
        nonlocal at
        for step in steps:
            # After the last group only a restart makes sense; elsewhere it wins over a step.
            restart = at == of.groups - 1 or rng.random() < 0.1
            seen = yield {"restart": restart, "step": step}
            assert (seen.group, seen.base, of.offset(seen.phase)) == expected[at]
            at = 0 if restart else at + int(step)

    play(counter, clocks())
    model = counter.model().tolist()
    assert [(g, b, of.offset(p)) for g, b, p in model] == expected


@pytest.mark.parametrize("sizes", INTERLEAVINGS, ids=str)
def test_a_step_every_clock(sizes):
    counter = PositionCounter(Interleaving(*sizes))
    model = counter.model().tolist()
    passes = [{"restart": 1}] + [{"step": 1}] * (len(model) - 1)
    got = [[s.group, s.base, s.phase] for s in play(counter, passes * 3)][1:]
    assert got == (model * 3)[:-1]


@pytest.mark.parametrize("lag", range(-1, 8))
@pytest.mark.parametrize("banks", range(1, 6))
def test_the_bank_of_the_sample_at_work(banks, lag):
    rng = np.random.default_rng(lag + 1)
    counter, cycle = BankCounter(banks, lag), -1

    def clocks():
        nonlocal cycle
        for advance in rng.random(60) < 0.5:
            seen = yield {"advance": advance}
            # Cycle 0 loads sample 0; sample n enters in cycle n + 1.
            assert seen.bank == (cycle - 1 - lag) % banks
            cycle += int(advance)

    play(counter, clocks())
    assert counter.model(9).tolist() == [(c - 1 - lag) % banks for c in range(9)]
