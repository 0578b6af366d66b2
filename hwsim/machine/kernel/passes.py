"""Whole junction cycles: what the clock loop does, without asking again what cannot differ from a cycle that it has checked.

A junction cycle begins and ends at rest, with nothing in the delay lines, and all reads of it come first, whichever clocks
they belong to: a word has one value for each sample. Every word of every bank that is read must be that of the sample meant,
and every sum be complete; if not, nothing has been changed yet, and the clock loop has to find out where.

Ports, pending writes and the order of contributions follow from the tables alone. They are not looked at here.
"""

from typing import NamedTuple

import numpy as np

from hwsim.machine.columns import *
from hwsim.machine.kernel.arithmetic import round_shift, saturated, stamp, tagged, value_of
from hwsim.machine.kernel.compiling import compiled, inlined
from hwsim.machine.kernel.landing import leave, output_delta
from hwsim.machine.kernel.lanes import dot, next_random, step, step_random
from hwsim.machine.kernel.sequence import begin_cycle, enter
from hwsim.vocabulary import BP, BUBBLE, FF, TRAINING, UP


@compiled
def _at_rest(memories, lines, clock):
    """Whether nothing is on its way: no write pending, no port in use, no delay line with anything in it."""
    newest, used, waiting = np.int64(-1), np.int64(-1), np.int64(0)
    for lands in (memories.weight_lands, memories.bias_lands, memories.partial_lands):
        for i in range(lands.size):
            newest = max(newest, lands[i])
    for ports in (memories.read, memories.written):
        for i in range(ports.size):
            used = max(used, ports[i])
    for j in range(lines.arrivals.shape[0]):
        for slot in range(lines.arrivals.shape[1]):
            arrival = lines.arrivals[j, slot]
            waiting |= arrival[RESULT_COUNT] | arrival[UPDATE_ROW] | arrival[BIAS_COUNT]
            waiting |= arrival[PRODUCT_COUNT] | arrival[SUM_COUNT]
    return newest < clock and used < stamp(clock, 0, 0) and waiting == 0


# All reads of a cycle.


@compiled
def _read_bank(words, owner, values):
    """Read a bank of activations; the result is not 0 if a word is another sample's."""
    differ, expected = np.int64(0), tagged(owner, 0)
    for i in range(words.size):
        differ |= words[i] ^ expected
        values[i] = np.int32(words[i])
    return differ >> OWNER_BITS


@compiled
def _differ(tags, bits, expected):
    """Not 0 if one of some tags, whose lowest ``bits`` do not count, is not as expected."""
    differ = np.int64(0)
    for i in range(tags.size):
        differ |= tags[i] ^ expected
    return differ >> bits


class Bank(NamedTuple):
    """What a bank holds: words that name their samples, or partial deltas and their tags."""

    words: np.ndarray


@inlined
def _bank(words, first, number, size):
    """One of some banks that follow each other."""
    a = first + number * size
    return Bank(words[a : a + size])


@inlined
def _read_left(p, now, operation, memories, read):
    """All left activations that FF or UP meets."""
    words = _bank(memories.words, p[LEFT_WORDS], now[FORWARD_BANK + operation], p[N_LEFT]).words
    return _read_bank(words, now[FORWARD_SAMPLE + operation], read)


@inlined
def _check_deltas(p, n, memories):
    """Not 0 if a delta that UP needs, or what it is made of, is another sample's or lacks contributions."""
    bank = n % p[DELTA_BANKS]
    if p[IS_LAST]:
        return _differ(_bank(memories.words, p[DELTA_WORDS], bank, p[N_RIGHT]).words, OWNER_BITS, tagged(n, 0))
    sums = _bank(memories.tags, p[DELTA_WORDS], bank, p[N_RIGHT]).words
    derivatives = _bank(memories.words, p[DERIVATIVE_WORDS], n % p[DERIVATIVE_BANKS], p[N_RIGHT]).words
    differ = _differ(sums, 0, (np.int64(n) << COUNT_BITS) + p[NEXT_D_OUT])
    return differ | _differ(derivatives, OWNER_BITS, tagged(n, 0))


# The operations of one junction.


@compiled
def _fetch(read, word, x):
    """The left activation of every edge."""
    for e in range(word.size):
        x[e] = read[word[e]]


@inlined
def _preactivation(p, j, r, w, x, d_in, memories, watch):
    """That of one right neuron."""
    a, b = np.uint64(r * d_in), np.uint64((r + 1) * d_in)
    total = dot(w, x, a, b, p[PRODUCT_DROP], p[PRODUCT_MODE], p[NARROW] != 0)
    total += round_shift(memories.bias[p[RIGHT] + r], p[BIAS_DROP], ROUND_FLOOR)
    wide = round_shift(total, p[PRE_DROP], p[PRE_MODE])
    return saturated(watch, j, PREACTIVATION_SIGNAL, wide, p[PRE_LOW], p[PRE_HIGH])


@inlined
def _feed(p, j, n, w, x, d_in, table, memories, watch):
    """FF of a junction with another behind it."""
    words = _bank(memories.words, p[NEXT_WORDS], n % p[NEXT_BANKS], p[N_RIGHT]).words
    derivatives = _bank(memories.words, p[DERIVATIVE_WORDS], n % p[DERIVATIVE_BANKS], p[N_RIGHT]).words
    for r in range(p[N_RIGHT]):
        entry = _preactivation(p, j, r, w, x, d_in, memories, watch) - p[PRE_LOW]
        words[r] = tagged(n, table[entry, 0])
        derivatives[r] = tagged(n, table[entry, 1])


@inlined
def _feed_last(p, j, n, w, x, d_in, table, outputs, sample, memories, registers, watch):
    """FF of the last junction; for training, each result with its delta."""
    deltas = _bank(memories.words, p[DELTA_WORDS], n % p[DELTA_BANKS], p[N_RIGHT]).words
    for r in range(p[N_RIGHT]):
        pre = _preactivation(p, j, r, w, x, d_in, memories, watch)
        value, derivative = table[pre - p[PRE_LOW], 0], table[pre - p[PRE_LOW], 1]
        registers.output[r, 0], registers.output[r, 1] = pre, value
        if sample[KIND] == TRAINING:
            right = r == outputs[sample[LABEL]]
            deltas[r] = tagged(n, output_delta(watch, j, p, value, derivative, right))


@inlined
def _take_deltas(p, j, n, deltas, memories, watch):
    """Deltas of all right neurons."""
    bank = n % p[DELTA_BANKS]
    if p[IS_LAST]:
        words = _bank(memories.words, p[DELTA_WORDS], bank, p[N_RIGHT]).words
        for r in range(p[N_RIGHT]):
            deltas[r] = value_of(words[r])
        return
    sums = _bank(memories.partial, p[DELTA_WORDS], bank, p[N_RIGHT]).words
    derivatives = _bank(memories.words, p[DERIVATIVE_WORDS], n % p[DERIVATIVE_BANKS], p[N_RIGHT]).words
    for r in range(p[N_RIGHT]):
        wide = round_shift(sums[r] * value_of(derivatives[r]), p[DELTA_DROP], p[DELTA_MODE])
        deltas[r] = saturated(watch, j, DELTA_SIGNAL, wide, p[DELTA_LOW], p[DELTA_HIGH])


@compiled
def _add_products(w, word, sums, deltas, d_in, form):
    """Add the product of every weight with its right neuron's delta to the partial delta of its left neuron.

    ``form``: bits of a product to drop, rounding mode.
    """
    drop, mode = form
    for q in range(sums.size):
        sums[q] = 0
    for r in range(deltas.size):
        delta = deltas[r]
        for e in range(r * d_in, (r + 1) * d_in):
            product = np.int64(w[e]) * delta
            sums[word[e]] += product if drop == 0 else round_shift(product, drop, mode)


@inlined
def _propagate(p, n, w, word, deltas, d_in, d_out, memories):
    """BP: all partial deltas of the left layer."""
    bank = n % p[PARTIAL_BANKS]
    sums = _bank(memories.partial, p[PARTIAL_WORDS], bank, p[N_LEFT]).words
    tags = _bank(memories.tags, p[PARTIAL_WORDS], bank, p[N_LEFT]).words
    _add_products(w, word, sums, deltas, d_in, (p[BACK_DROP], p[PRODUCT_MODE]))
    for q in range(p[N_LEFT]):
        tags[q] = (np.int64(n) << COUNT_BITS) + d_out


@inlined
def _learn(p, j, kappa, w, x, deltas, d_in, lane, memories, registers, watch):
    """UP: new weights and biases."""
    form = (min(p[WEIGHT_DROP] + kappa, MOST_DROP), p[WEIGHT_MODE], p[WEIGHT_LOW], p[WEIGHT_HIGH])
    count = np.int64(0)
    if p[WEIGHT_MODE] == ROUND_STOCHASTIC:
        for first in range(0, w.size, p[Z]):
            row, left = w[first : first + p[Z]], x[first : first + p[Z]]
            a = 0
            while a < p[Z]:  # the lanes of one right neuron
                r = (first + a) // d_in
                b = min((r + 1) * d_in - first, p[Z])
                count += step_random(row, left, lane, np.uint64(a), np.uint64(b), deltas[r], form, registers.random[j])
                a = b
            registers.random[j] = next_random(registers.random[j])
    else:
        for r in range(p[N_RIGHT]):
            a, b = np.uint64(r * d_in), np.uint64((r + 1) * d_in)
            count += step(w, x, a, b, deltas[r], form, kappa <= p[NARROW_KAPPA])
    watch.saturation[j, WEIGHT_SIGNAL] += count
    drop = min(p[BIAS_STEP_DROP] + kappa, MOST_DROP)
    for r in range(p[N_RIGHT]):
        wide = memories.bias[p[RIGHT] + r] - round_shift(deltas[r], drop, p[BIAS_MODE])
        memories.bias[p[RIGHT] + r] = saturated(watch, j, BIAS_SIGNAL, wide, p[BIAS_LOW], p[BIAS_HIGH])


@inlined
def _load(p, n, x, words):
    """The host writes the inputs of sample n."""
    bank = _bank(words, p[LEFT_WORDS], n % p[LEFT_BANKS], p[N_LEFT]).words
    for q in range(p[N_LEFT]):
        bank[q] = tagged(n, x[q])


# The cycles.


@compiled
def repeat(design, passes, state, stretch, feed, samples, results, watch):
    """Repeat junction cycles, as :func:`hwsim.machine.kernel.clocks.run` works in them; ports are not looked at.

    Parameters
    ----------
    design, passes, state
        :class:`Design`, :class:`Passes` and :class:`State`, at rest.
    stretch
        :class:`Stretch`; ``start`` is the clock in which period ``lead`` begins, and ``limit`` is the period to stop before.
    feed, samples, results, watch
        As in ``run``.

    Returns
    -------
    tuple
        How many results have left, and the period reached: less than the limit if a word is not what it should be, or the
        machine not at rest.
    """
    memories, registers, lines, control = state
    n_junctions, places = design.junctions.shape[0], control.samples.shape[0]
    filled = 0
    if not _at_rest(memories, lines, stretch.start):
        return filled, stretch.lead
    for t in range(stretch.lead, stretch.limit):
        strange, at = np.int64(0), np.int64(0)
        for j in range(n_junctions):
            p, now = design.junctions[j], control.now[j]
            begin_cycle(p, stretch.cycle + t, now, control.samples, True)
            if now[FEEDS]:
                strange |= _read_left(p, now, FF, memories, passes.read[0, at : at + p[N_LEFT]])
            if now[LEARNS]:
                strange |= _read_left(p, now, UP, memories, passes.read[1, at : at + p[N_LEFT]])
                strange |= _check_deltas(p, now[FORWARD_SAMPLE + UP], memories)
            at += p[N_LEFT]
        if strange != 0:
            return filled, t
        for j in range(n_junctions):
            p, now = design.junctions[j], control.now[j]
            if now[LEARNS]:
                deltas = passes.deltas[p[RIGHT] : p[RIGHT] + p[N_RIGHT]]
                _take_deltas(p, j, now[FORWARD_SAMPLE + UP], deltas, memories, watch)
        # From here on, writes.
        at = 0
        for j in range(n_junctions):
            p, now = design.junctions[j], control.now[j]
            first, past = passes.starts[j], passes.starts[j + 1]
            w, word, x = memories.weight[first:past], passes.word[first:past], passes.left[: past - first]
            d_in = (past - first) // p[N_RIGHT]
            if now[FEEDS]:
                n = now[FORWARD_SAMPLE + FF]
                _fetch(passes.read[0, at : at + p[N_LEFT]], word, x)
                if p[IS_LAST]:
                    sample = control.samples[n % places]
                    outputs, table = design.output_neurons, design.tables[j]
                    _feed_last(p, j, n, w, x, d_in, table, outputs, sample, memories, registers, watch)
                    clock = stretch.base + t * design.period + passes.result_clocks
                    leave(clock, sample, outputs, registers.output, results, filled)
                    filled += 1
                else:
                    _feed(p, j, n, w, x, d_in, design.tables[j], memories, watch)
                watch.counts[j, FF, 0] += p[CLOCKS]
                watch.counts[j, FF, 1] += past - first
            if now[LEARNS]:
                n, deltas = now[FORWARD_SAMPLE + UP], passes.deltas[p[RIGHT] : p[RIGHT] + p[N_RIGHT]]
                if j > 0:
                    _propagate(p, n, w, word, deltas, d_in, design.junctions[j - 1, NEXT_D_OUT], memories)
                    watch.counts[j, BP, 0] += p[CLOCKS]
                    watch.counts[j, BP, 1] += past - first
                _fetch(passes.read[1, at : at + p[N_LEFT]], word, x)
                _learn(p, j, now[NOW_KAPPA], w, x, deltas, d_in, passes.lane, memories, registers, watch)
                watch.counts[j, UP, 0] += p[CLOCKS]
                watch.counts[j, UP, 1] += past - first
            at += p[N_LEFT]
        n, fed = stretch.cycle + t + 1, t - stretch.first_fed
        if fed >= 0 and fed < feed.size:
            control.samples[n % places, KIND] = BUBBLE
            if feed[fed] >= 0:
                enter(control.samples[n % places], samples, feed[fed], design, control.illegal)
                _load(design.junctions[0], n, samples.input[feed[fed]], memories.words)
    return filled, stretch.limit
