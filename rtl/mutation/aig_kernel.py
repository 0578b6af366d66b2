"""Compiled simulation of an and-inverter graph, 64 runs at once."""

import numpy as np

from models.compiled import njit


@njit(cache=True, error_model="numpy")
def _settle(gates, values, first):
    for k in range(len(gates)):
        a, b = gates[k, 0], gates[k, 1]
        x = ~values[a >> 1] if a & 1 else values[a >> 1]
        y = ~values[b >> 1] if b & 1 else values[b >> 1]
        values[first + k] = x & y


@njit(cache=True, error_model="numpy")
def _clock(next_, values, first_latch, state):
    for k in range(len(next_)):
        x = next_[k]
        state[k] = ~values[x >> 1] if x & 1 else values[x >> 1]
    for k in range(len(next_)):
        values[first_latch + k] = state[k]


@njit(cache=True, error_model="numpy")
def differing(gates, next_, column, given, mine, theirs, registers, seed):
    """Which of so many registers, at nodes from ``mine`` and ``theirs`` on, were not the same: bool [registers].

    Parameters
    ----------
    column
        int64 [inputs]: where in ``given``, uint64 [clocks, bits], an input is found; -1 for one that is random.
    """
    n = len(column)
    first = 1 + n + len(next_)
    values = np.zeros(first + len(gates), np.uint64)
    state = np.zeros(len(next_), np.uint64)
    found = np.zeros(registers, np.bool_)
    x = np.uint64(seed)
    for t in range(len(given)):
        for k in range(n):
            if column[k] < 0:  # xorshift64
                x ^= x << np.uint64(13)
                x ^= x >> np.uint64(7)
                x ^= x << np.uint64(17)
                values[1 + k] = x
            else:
                values[1 + k] = given[t, column[k]]
        _settle(gates, values, first)
        for k in range(registers):
            found[k] |= values[mine + k] != values[theirs + k]
        _clock(next_, values, 1 + n, state)
    return found


@njit(cache=True, error_model="numpy")
def reached(gates, next_, inputs, later):
    """What all nodes can be from the start on: bit 0 of uint8 [nodes] says whether they can be 0, bit 1 whether 1.

    Parameters
    ----------
    inputs
        uint8 [inputs]: what they can be at the start.
    later
        int64 [inputs]: the literal of what else an input can become, -1 for nothing.
    """
    n = len(inputs)
    first = 1 + n + len(next_)
    can = np.zeros(first + len(gates), np.uint8)
    can[0], can[1 : 1 + n], can[1 + n : first] = 1, inputs, 1
    changed = True
    while changed:
        for k in range(len(gates)):
            a, b = gates[k, 0], gates[k, 1]
            x = _literal(can, a)
            y = _literal(can, b)
            can[first + k] = (x | y) & 1 | x & y & 2
        changed = False
        for k in range(n + len(next_)):
            literal = later[k] if k < n else next_[k - n]
            if literal >= 0:
                grown = can[1 + k] | _literal(can, literal)
                changed |= grown != can[1 + k]
                can[1 + k] = grown
    return can


@njit(cache=True, error_model="numpy")
def _literal(can, x):
    """What a literal can be: a node's bits, changed about where it is inverted."""
    of = can[x >> 1]
    return (of >> 1 | of << 1) & 3 if x & 1 else of
