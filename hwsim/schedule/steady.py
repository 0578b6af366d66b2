"""The pace of an accelerator that waits for an external memory because it holds too little, by following the accesses.

Accesses repeat with the period, and so do, after some time, the clocks lost between them: as soon as the queue of the port
and the rows under way are as they were some periods before, nothing new can happen.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.compiled import njit

IntArray = npt.NDArray[np.int64]

NEED, WRITE, READ = range(3)
"""Accesses of one clock in this order: it waits for the rows that it needs, then asks for transfers."""

_MOST = 1 << 28
"""Accesses followed: about a second. If nothing has repeated by then, the mean of their second half is as good as exact."""


class Port(NamedTuple):
    """Of an external memory: bits per clock, clocks from a transfer to the use of its row; and the accelerator's period."""

    bandwidth: int
    latency: int
    period: int


def pace(
    accesses: tuple[IntArray, IntArray, IntArray, IntArray],
    ahead: Sequence[int],
    row_bits: Sequence[int],
    port: Port,
) -> Fraction:
    """Clocks between two junction cycles in steady state, on average.

    Parameters
    ----------
    accesses
        Of one period, in order: its clock, what it is, junction from 0, bits.
    ahead, row_bits
        Rows that each junction holds ahead, and bits of one.
    """
    clock, what, junction, bits = accesses
    most = max(64, _MOST // max(clock.size, 1))
    start = np.concatenate(([0], np.cumsum(ahead))).astype(np.int64)
    clocks, periods = _follow(clock, what, junction, bits, start, np.array(row_bits, np.int64), np.array(port), most)
    return Fraction(int(clocks), int(periods))


@njit(cache=True)
def _follow(clock, what, junction, bits, start, row_bits, port, most):  # type: ignore[no-untyped-def]
    """Clocks and periods between two equal states; of the second half if there are none within ``most`` periods."""
    bandwidth, latency, period = port
    n = start.size - 1
    there = np.zeros(start[-1], np.int64)  # the first clock in which each row under way can be used, in rings
    head = np.zeros(n, np.int64)
    moved = np.int64(0)  # bits of clocks: when the port has done what it was asked for
    now = np.int64(0)
    for k in range(start[-1]):
        for j in range(n):
            if k < start[j + 1] - start[j]:
                moved += row_bits[j]
                there[start[j] + k] = -(-moved // bandwidth) + latency
    known_there = np.zeros(start[-1], np.int64)
    state = np.zeros(start[-1], np.int64)
    known_queue, known_now, known_period, compare = np.int64(-1), np.int64(0), np.int64(0), np.int64(1)
    for done in range(1, most + 1):
        before = np.int64(0)
        for e in range(clock.size):
            now += clock[e] - before
            before = clock[e]
            j = junction[e]
            if what[e] == NEED:
                now = max(now, there[start[j] + head[j]])
            else:
                moved = max(moved, bandwidth * (now + 1)) + bits[e]
                if what[e] == READ:  # into the place of the row that was used
                    there[start[j] + head[j]] = -(-moved // bandwidth) + latency
                    head[j] = (head[j] + 1) % (start[j + 1] - start[j])
        now += period - before
        queue = max(moved - bandwidth * now, 0)
        for j in range(n):
            for k in range(start[j + 1] - start[j]):
                place = start[j] + (head[j] + k) % (start[j + 1] - start[j])
                state[start[j] + k] = max(there[place] - now, 0)
        if queue == known_queue and (state == known_there).all():
            return now - known_now, done - known_period
        if done == compare or done == most // 2:
            known_queue, known_now, known_period = queue, now, np.int64(done)
            known_there[:] = state
            compare += compare
    return now - known_now, np.int64(most) - known_period
