"""Integers: rounding, limits, and the words that tell who wrote them."""

import numpy as np

from hwsim.machine.columns import *
from hwsim.machine.kernel.compiling import inlined


@inlined
def round_shift(x, bits, mode):
    """Drop fraction bits; a negative count appends zeros."""
    if bits <= 0:
        return x << -bits
    if mode == ROUND_FLOOR:
        return x >> bits
    if mode == ROUND_HALF_UP:
        return ((x >> (bits - 1)) + 1) >> 1
    kept = x >> bits
    rest = x - (kept << bits)
    half = np.int64(1) << (bits - 1)
    if rest > half or (rest == half and kept & 1):
        kept += 1
    return kept


@inlined
def limit(x, low, high):
    """The nearest number in low..high."""
    return min(max(x, low), high)


@inlined
def tagged(owner, value):
    """A word as memories of activations, derivatives and deltas keep it: sample and value."""
    return (np.int64(owner) << OWNER_BITS) | (np.int64(value) & 0xFFFFFFFF)


@inlined
def stamp(clock, lane, operation):
    """What an access leaves at a port: clock, lane and operation."""
    return (np.int64(clock) << CLOCK_BITS) | (np.int64(lane) << OPERATION_BITS) | operation


@inlined
def value_of(word):
    """What a word holds, whoever wrote it."""
    return np.int64(np.int32(word))


@inlined
def saturated(counts, j, signal, wide, low, high):
    """``wide`` if it fits, or else the nearest number that does; the count of junction j tells."""
    value = limit(wide, low, high)
    counts[j, signal] += value != wide
    return value
