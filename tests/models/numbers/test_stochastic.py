"""Generators of stochastic rounding: their sequence, the bits of the lanes, and what rounding by them does on average."""

import numpy as np
import pytest

from models.numbers.format import Rounding, narrow
from models.numbers.stochastic import Generators, random_bits, rotations, stepped
from tests.models.fixed import naive


def test_the_sequence_is_that_of_the_paper():
    """G. Marsaglia, Xorshift RNGs, 2003: with its seed 2463534242 the generator xor32 with (13, 17, 5) begins so."""
    state, found = 2463534242, []
    for _ in range(4):
        state = stepped(state)
        found.append(state)
    assert found == [723471715, 2497366906, 2064144800, 2008045182]


def test_no_step_leads_to_zero_and_none_is_lost():
    """A step is a bijection that keeps 0: it is linear, and its 32 images of single bits are independent."""
    rows = [stepped(1 << k) for k in range(32)]
    rank = 0
    for bit in reversed(range(32)):
        pivot = next((r for r in rows[rank:] if r >> bit & 1), None)
        assert pivot is not None, bit
        rows.remove(pivot)
        rows = [*rows[:rank], pivot, *(r ^ pivot if r >> bit & 1 else r for r in rows[rank:])]
        rank += 1
    assert rank == 32 and stepped(0) == 0


def test_lanes_take_rotated_slices():
    assert sorted(rotations(np.arange(32)).tolist()) == list(range(32))
    assert random_bits(0x80000001, [0, 1, 32], 8).tolist() == [1, 0xC0, 1]
    assert random_bits(0x80000001, [0, 1], 31).tolist() == [1, 0xC0] and random_bits(5, 3, 0) == random_bits(5, 3, -2) == 0
    rng = np.random.default_rng(3)
    for state, lane, drop in zip(rng.integers(1, 2**32, 50), rng.integers(0, 200, 50), rng.integers(1, 32, 50), strict=True):
        digits = f"{state:032b}"
        turned = (digits * 2)[7 * lane % 32 :][:32]
        assert random_bits(state, lane, int(drop)) == int(turned[32 - drop :], 2)
        x = int(rng.integers(-(2**40), 2**40))
        random = random_bits(state, lane, int(drop))
        assert narrow(x, int(drop), Rounding.STOCHASTIC, random) == naive.narrow(x, int(drop), "stochastic", turned)


@pytest.mark.parametrize("lane", [0, 5, 31])
def test_what_is_dropped_comes_back_on_average(lane):
    """Over 20,000 rows the mean of a narrowed number is the number, within four deviations of a fair draw."""
    drop, n, states = 9, 20_000, [stepped(77)]
    for _ in range(n - 1):
        states.append(stepped(states[-1]))
    random = random_bits(np.array(states, np.uint32), lane, drop)
    for x in (1, -1, 100, 256, 511, -300):
        share = x / 2**drop - x // 2**drop
        mean = narrow(np.full(n, x), drop, Rounding.STOCHASTIC, random).mean()
        assert abs(mean - x / 2**drop) < 4 * np.sqrt(share * (1 - share) / n), x


def test_generators_never_begin_at_zero():
    class Zero:
        def integers(self, low, high, n, dtype):
            assert (low, high) == (1, 2**32)
            return np.arange(1, n + 1, dtype=dtype)

    made = Generators.drawn((4, 2), Zero())
    assert {k: v.tolist() for k, v in made.arrays().items()} == {"random_1": 1, "random_2": 2}
    with pytest.raises(AssertionError):
        Generators((4, 2), np.array([1, 0], np.uint32))
