"""Loops over the lanes at work."""

import numpy as np

from hwsim.machine.columns import *
from hwsim.machine.kernel.arithmetic import limit, round_shift, tagged
from hwsim.machine.kernel.compiling import compiled, inlined
from hwsim.machine.kernel.groups import Lanes


@inlined
def lanes_at(lanes, first, count):
    """Those of one clock."""
    past = first + count
    return Lanes(lanes.memory[first:past], lanes.word[first:past], lanes.lane[first:past], lanes.first_visit[first:past])


@compiled
def read_left(words, word, owner, x):
    """Read the left activations of some lanes into ``x``; the result is not 0 if one belongs to another sample."""
    differ = np.int64(0)
    expected = tagged(owner, 0)
    for i in range(word.size):
        v = words[word[i]]
        differ |= v ^ expected
        x[i] = np.int32(v)
    return differ >> OWNER_BITS


# A segment is a right neuron with the first and the last lane + 1 that work for it, as :class:`Neurons` has them.


@compiled
def add_up(w, x, segments, sums, drop, mode, narrow):
    """Add the narrowed products of every segment to its neuron's sum; ``narrow``: sums fit 32 bits, in half the time."""
    for s in range(segments.shape[0]):
        r, a, b = segments[s, 0], np.uint64(segments[s, 1]), np.uint64(segments[s, 2])
        total, short = np.int64(0), np.int32(0)
        if drop == 0 and narrow:
            for i in range(a, b):
                short = np.int32(short + np.int32(w[i] * x[i]))
        elif drop == 0:
            for i in range(a, b):
                total += np.int64(w[i]) * np.int64(x[i])
        else:
            for i in range(a, b):
                total += round_shift(np.int64(w[i]) * np.int64(x[i]), drop, mode)
        sums[r] += total + short


@compiled
def step(w, x, segments, deltas, form, narrow):
    """Change the weights of every segment by its neuron's delta; returns how many saturated.

    ``form``: bits to drop, rounding mode, lowest and highest weight. ``narrow``: all steps fit 32 bits.
    """
    drop, mode, low, high = form
    saturated = np.int64(0)
    # Shifts and sums of 32 bits, spelled so that the compiler sees them.
    bits, half = np.int32(drop & 31), np.int32(0)
    if mode == ROUND_HALF_UP and drop > 0:
        half = np.int32(np.int64(1) << (drop - 1))
    lowest, highest = np.int32(low), np.int32(high)
    for s in range(segments.shape[0]):
        r, a, b = segments[s, 0], np.uint64(segments[s, 1]), np.uint64(segments[s, 2])
        if narrow and drop >= 0 and mode != ROUND_HALF_EVEN:
            d, count = np.int32(deltas[r]), np.int32(0)
            for i in range(a, b):
                v = np.int32(w[i] - np.int32(np.int32(np.int32(x[i] * d) + half) >> bits))
                u = min(max(v, lowest), highest)
                count = np.int32(count + np.int32(u != v))
                w[i] = u
            saturated += count
        else:
            for i in range(a, b):
                v = np.int64(w[i]) - round_shift(np.int64(x[i]) * deltas[r], drop, mode)
                u = limit(v, low, high)
                saturated += u != v
                w[i] = u
    return saturated


@compiled
def step_random(w, x, lane, segments, deltas, form, state):
    """The same, rounded by what each lane takes of the generator's state."""
    drop, low, high = form[0], form[2], form[3]
    saturated = np.int64(0)
    for s in range(segments.shape[0]):
        r, a, b = segments[s, 0], np.uint64(segments[s, 1]), np.uint64(segments[s, 2])
        for i in range(a, b):
            p = np.int64(x[i]) * deltas[r]
            if drop > 0:
                by = np.int64(lane[i]) * 7 & 31
                # A state written down twice: the 32 bits from any place on are those of the rotated one.
                twice = np.int64(state) << 31 | np.int64(state) >> 1
                turned = twice >> (31 - by) if by else np.int64(state)
                p = (p + (turned & ((np.int64(1) << drop) - 1))) >> drop
            else:
                p = p << -drop
            v = np.int64(w[i]) - p
            u = limit(v, low, high)
            saturated += u != v
            w[i] = u
    return saturated


@inlined
def next_random(state):
    """The state of a generator after one step: xorshift32, in the lower half of 64 bits."""
    x = np.int64(state)
    x ^= (x << 13) & 0xFFFFFFFF
    x ^= x >> 17
    x ^= (x << 5) & 0xFFFFFFFF
    return np.uint32(x)


@compiled
def multiply(w, product, segments, deltas, drop, mode, narrow):
    """Narrowed products of the weights of every segment with its neuron's delta."""
    for s in range(segments.shape[0]):
        r, a, b = segments[s, 0], np.uint64(segments[s, 1]), np.uint64(segments[s, 2])
        delta, d = deltas[r], np.int32(deltas[r])
        if drop == 0 and narrow:
            for i in range(a, b):
                product[i] = np.int32(w[i] * d)
        elif drop == 0:
            for i in range(a, b):
                product[i] = np.int64(w[i]) * delta
        else:
            for i in range(a, b):
                product[i] = round_shift(np.int64(w[i]) * delta, drop, mode)


@inlined
def add(bank, lanes, product, sums, sample, clock, due):
    """Read partial deltas and add products; the result is not 0 if a sum is another sample's or is being written."""
    bad = np.int64(0)
    start = np.int64(sample) << COUNT_BITS
    for i in range(lanes.word.size):
        q = lanes.word[i]
        if lanes.first_visit[i]:
            sums.value[i] = product[i]
            sums.tag[i] = start + 1
        else:
            bad |= (bank.tag[q] >> COUNT_BITS) ^ sample
            bad |= bank.lands[q] >= clock
            sums.value[i] = bank.value[q] + product[i]
            sums.tag[i] = bank.tag[q] + 1
        bank.lands[q] = due
    return bad


@inlined
def add_in_place(bank, lanes, product, sample):
    """Accumulate in one clock: read, add, write; the result is not 0 if a sum is another sample's."""
    bad = np.int64(0)
    start = np.int64(sample) << COUNT_BITS
    for i in range(lanes.word.size):
        q = lanes.word[i]
        if lanes.first_visit[i]:
            bank.value[q] = product[i]
            bank.tag[q] = start + 1
        else:
            tag = bank.tag[q]
            bad |= (tag ^ start) >> COUNT_BITS
            bank.value[q] += product[i]
            bank.tag[q] = tag + 1
    return bad


@inlined
def copy_row(source, target, count):
    """Copy the words of some lanes."""
    for i in range(count):
        target[i] = source[i]
