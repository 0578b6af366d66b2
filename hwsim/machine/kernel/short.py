"""What whole junction cycles do edge by edge where 16-bit integers do: the integers of the loops over lanes, on vectors.

Weights are worked on in copies, taken when a run of repeated cycles begins and given back when it ends.

Where every memory of a sweep is read address after address from an address of its own on (clash-free patterns of types 1 and
2 without dither), the left activations of the sweep are those of the bank with every column turned by some rows. Nothing is
gathered or scattered then.
"""

import numpy as np

from hwsim.machine.columns import *
from hwsim.machine.kernel.arithmetic import tagged
from hwsim.machine.kernel.compiling import compiled
from hwsim.machine.kernel.lanes import step
from hwsim.machine.kernel.vectors import dots, steps, turn, turn_back

_DROPPED = 15
"""Bits that a weight step on vectors drops; deltas are multiplied by a power of two where it should be fewer."""


@compiled
def take(source, target):
    """Integers in another type."""
    for i in range(target.size):
        target[i] = source[i]


@compiled
def holds(words, owner, values):
    """Whether a bank holds these values, and all of them are this sample's."""
    differ = np.int64(0)
    for i in range(values.size):
        differ |= words[i] ^ tagged(owner, values[i])
    return differ == 0


@compiled
def spread(x, word, turning, masks, left):
    """Take the activations of a bank to all edges."""
    depth, columns, first = turning
    if depth > 0:
        turn(x, left, masks[first:], depth, columns, left.size // x.size)
    else:
        for e in range(word.size):
            left[e] = x[word[e]]


@compiled
def sum_rows(w, x, part, lift, some, sums):
    """Exact sums of the products of every right neuron's edges, with ``lift`` zeros appended.

    So many products as ``part`` says fit into 32 bits; ``some`` is room for the sums of that many.
    """
    d_in = w.size // sums.size
    for r in range(sums.size):
        sums[r] = 0
    for first in range(0, d_in, part):
        dots(w[first:], x[first:], sums.size, d_in, min(part, d_in - first), some)
        for r in range(sums.size):
            sums[r] += np.int64(some[r]) << lift


@compiled
def propagate(w, word, deltas, turning, masks, lift, products, some, sums):
    """Partial deltas of all left neurons, with ``lift`` zeros appended."""
    d_in, base = np.uint64(w.size // deltas.size), np.uint64(0)
    for r in range(deltas.size):
        delta = np.int32(deltas[r])
        for e in range(base, base + d_in):
            products[e] = np.int32(np.int32(w[e]) * delta)
        base += d_in
    depth, columns, first = turning
    if depth > 0:
        turn_back(products, some, masks[first:], depth, columns, w.size // sums.size)
    else:
        for q in range(sums.size):
            some[q] = 0
        for e in range(word.size):
            some[word[e]] = np.int32(some[word[e]] + products[e])
    for q in range(sums.size):
        sums[q] = np.int64(some[q]) << lift


@compiled
def change(w, x, neurons, deltas, form, may, small):
    """Weight steps of all right neurons; returns how many weights saturated.

    ``form``: bits to drop, rounding mode, lowest and highest. ``may``: whether steps may be made in 16 bits, and in 32.
    """
    drop, mode, low, high = form
    if may[0] and mode == ROUND_HALF_UP and 0 < drop <= _DROPPED:
        n, first, lost = neurons.shape[0], neurons[0, 0], np.int64(0)
        for r in range(n):
            lifted = deltas[first + r] << (_DROPPED - drop)
            small[r] = lifted
            lost |= lifted ^ np.int64(small[r])
        if lost == 0:
            return steps(w, x, n, w.size // n, small, low, high)
    return step(w, x, neurons, deltas, form, may[1])
