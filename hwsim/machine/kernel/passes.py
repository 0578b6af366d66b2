"""Whole junction cycles: what the clock loop does, without asking again what cannot differ from a cycle that it has checked.

A junction cycle begins and ends at rest, with nothing in the delay lines, and all reads of it come first, whichever clocks
they belong to: a word has one value for each sample. Every word of every bank that is read must be that of the sample meant,
and every sum be complete; if not, nothing has been changed yet, and the clock loop has to find out where.

Ports, pending writes and the order of contributions follow from the tables alone. They are not looked at here.
"""

from typing import NamedTuple

import numpy as np

from hwsim.machine.columns import *
from hwsim.machine.kernel.arithmetic import limit, round_shift, stamp, tagged, value_of
from hwsim.machine.kernel.compiling import compiled, inlined
from hwsim.machine.kernel.landing import leave, output_delta
from hwsim.machine.kernel.lanes import add_up, next_random, step, step_random
from hwsim.machine.kernel.sequence import begin_cycle, enter
from hwsim.machine.kernel.short import change, holds, propagate, spread, sum_rows, take
from hwsim.vocabulary import BP, BUBBLE, FF, TRAINING, UP
from models.vector_code import LANES


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


class Bank(NamedTuple):
    """What a bank holds: words, partial deltas, or tags of those."""

    words: np.ndarray


@inlined
def _bank(words, first, number, size):
    """One of some banks that follow each other."""
    a = first + number * size
    return Bank(words[a : a + size])


# All reads of a cycle.


@compiled
def _read_bank(words, owner, values):
    """Read a bank of activations; whether a word is another sample's."""
    differ, expected = np.int64(0), tagged(owner, 0)
    for i in range(words.size):
        differ |= words[i] ^ expected
        values[i] = words[i]
    return differ >> OWNER_BITS != 0


@compiled
def _differ(tags, bits, expected):
    """Whether one of some tags, whose lowest ``bits`` do not count, is not as expected."""
    differ = np.int64(0)
    for i in range(tags.size):
        differ |= tags[i] ^ expected
    return differ >> bits != 0


@inlined
def _read_left(p, j, now, operation, passes, memories):
    """All left activations that FF or UP meets; whether one is another sample's."""
    words = _bank(memories.words, p[LEFT_WORDS], now[FORWARD_BANK + operation], p[N_LEFT]).words
    owner, short, a, b = now[FORWARD_SAMPLE + operation], passes.short, passes.lefts[j], passes.lefts[j + 1]
    if not short.works:
        return _read_bank(words, owner, passes.read[operation, a:b])
    if operation == UP:
        kept = short.kept[j]
        first = kept[KEPT_WORDS] + now[FORWARD_BANK + UP] % kept[KEPT_BANKS] * p[N_LEFT]
        # A bank that others share may be theirs by the time that UP comes.
        short.stale[j] = kept[KEPT_BANKS] == 1 or not holds(words, owner, short.words[first : first + p[N_LEFT]])
        if not short.stale[j]:
            return False
    return _read_bank(words, owner, short.read[operation, a:b])


@inlined
def _deltas_differ(p, n, memories):
    """Whether a delta that UP needs, or what it is made of, is another sample's or lacks contributions."""
    bank = n % p[DELTA_BANKS]
    if p[IS_LAST]:
        return _differ(_bank(memories.words, p[DELTA_WORDS], bank, p[N_RIGHT]).words, OWNER_BITS, tagged(n, 0))
    sums = _bank(memories.tags, p[DELTA_WORDS], bank, p[N_RIGHT]).words
    derivatives = _bank(memories.words, p[DERIVATIVE_WORDS], n % p[DERIVATIVE_BANKS], p[N_RIGHT]).words
    complete = (np.int64(n) << COUNT_BITS) + p[NEXT_D_OUT]
    return _differ(sums, 0, complete) or _differ(derivatives, OWNER_BITS, tagged(n, 0))


@compiled
def _back_through(sums, derivatives, deltas, form):
    """Partial deltas times derivatives; how many saturated. ``form``: bits to drop, rounding mode, lowest, highest."""
    drop, mode, low, high = form
    count = np.int64(0)
    for r in range(deltas.size):
        wide = round_shift(sums[r] * value_of(derivatives[r]), drop, mode)
        deltas[r] = limit(wide, low, high)
        count += deltas[r] != wide
    return count


@inlined
def _take_deltas(p, j, n, deltas, memories, saturation):
    """Deltas of all right neurons."""
    bank = n % p[DELTA_BANKS]
    if p[IS_LAST]:
        words = _bank(memories.words, p[DELTA_WORDS], bank, p[N_RIGHT]).words
        for r in range(p[N_RIGHT]):
            deltas[r] = value_of(words[r])
        return
    sums = _bank(memories.partial, p[DELTA_WORDS], bank, p[N_RIGHT]).words
    derivatives = _bank(memories.words, p[DERIVATIVE_WORDS], n % p[DERIVATIVE_BANKS], p[N_RIGHT]).words
    form = (p[DELTA_DROP], p[DELTA_MODE], p[DELTA_LOW], p[DELTA_HIGH])
    saturation[j, DELTA_SIGNAL] += _back_through(sums, derivatives, deltas, form)


# The operations of one junction.


class Spread(NamedTuple):
    """Left activations, one per edge."""

    left: np.ndarray


@compiled
def _spread(read, words, word, left):
    """Take what was read to all edges, unless it is there: ``words`` is what they have."""
    differ = np.int32(0)
    for q in range(read.size):
        differ |= read[q] ^ words[q]
    if differ == 0:
        return
    for q in range(read.size):
        words[q] = read[q]
    for e in range(word.size):
        left[e] = read[word[e]]


@inlined
def _left(j, now, operation, word, passes):
    """The left activations of all edges that FF or UP has read."""
    a, size = passes.lefts[j], passes.lefts[j + 1] - passes.lefts[j]
    kept = passes.kept[j]
    bank = now[FORWARD_BANK + operation] % kept[KEPT_BANKS]
    first, edge = kept[KEPT_WORDS] + bank * size, kept[KEPT_EDGES] + bank * word.size
    left = passes.left[edge : edge + word.size]
    _spread(passes.read[operation, a : a + size], passes.words[first : first + size], word, left)
    return Spread(left)


@inlined
def _left_short(j, now, operation, word, passes):
    """The same in 16 bits; FF spreads out all that it reads."""
    short, a, size = passes.short, passes.lefts[j], passes.lefts[j + 1] - passes.lefts[j]
    kept = short.kept[j]
    bank = now[FORWARD_BANK + operation] % kept[KEPT_BANKS]
    first, edge = kept[KEPT_WORDS] + bank * size, kept[KEPT_EDGES] + bank * (word.size + LANES)
    left = short.left[edge : edge + word.size]
    if operation == FF or short.stale[j]:
        x, turning = short.read[operation, a : a + size], short.turning[j]
        take(x, short.words[first : first + size])
        spread(x, word, (turning[DEPTH], turning[COLUMNS], turning[FIRST_MASK]), short.masks, left)
    return Spread(left)


@compiled
def _activate(sums, biases, preactivations, bias_drop, form):
    """Pre-activations of all right neurons; returns how many saturated.

    ``form``: bits to drop, rounding mode, lowest and highest.
    """
    drop, mode, low, high = form
    count = np.int64(0)
    for r in range(sums.size):
        wide = round_shift(sums[r] + round_shift(biases[r], bias_drop, ROUND_FLOOR), drop, mode)
        preactivations[r] = limit(wide, low, high)
        count += preactivations[r] != wide
    return count


@inlined
def _preactivations(p, j, now, w, word, passes, memories, registers, saturation):
    """Pre-activations of a junction's right neurons."""
    a, b, short, first = p[RIGHT], p[RIGHT] + p[N_RIGHT], passes.short, passes.starts[j]
    if short.works:
        x = _left_short(j, now, FF, word, passes).left
        sum_rows(short.weight[first : first + w.size], x, p[PART], -p[PRODUCT_DROP], short.some, registers.sums[a:b])
    else:
        registers.sums[a:b] = 0
        x = _left(j, now, FF, word, passes).left
        add_up(w, x, passes.neuron[a:b], registers.sums, p[PRODUCT_DROP], p[PRODUCT_MODE], p[NARROW] != 0)
    form = (p[PRE_DROP], p[PRE_MODE], p[PRE_LOW], p[PRE_HIGH])
    count = _activate(registers.sums[a:b], memories.bias[a:b], passes.preactivation, p[BIAS_DROP], form)
    saturation[j, PREACTIVATION_SIGNAL] += count


@compiled
def _look_up(preactivations, low, table, owner, words, derivatives):
    """Activations and derivatives of all right neurons."""
    for r in range(words.size):
        entry = np.uint64(preactivations[r] - low)
        words[r] = tagged(owner, table[entry, 0])
        derivatives[r] = tagged(owner, table[entry, 1])


@inlined
def _feed(p, n, table, passes, memories):
    """What FF writes of a junction with another behind it."""
    words = _bank(memories.words, p[NEXT_WORDS], n % p[NEXT_BANKS], p[N_RIGHT]).words
    derivatives = _bank(memories.words, p[DERIVATIVE_WORDS], n % p[DERIVATIVE_BANKS], p[N_RIGHT]).words
    _look_up(passes.preactivation, p[PRE_LOW], table, n, words, derivatives)


@inlined
def _feed_last(p, j, n, table, outputs, sample, passes, memories, registers, saturation):
    """What FF writes of the last junction; for training, each result with its delta."""
    deltas = _bank(memories.words, p[DELTA_WORDS], n % p[DELTA_BANKS], p[N_RIGHT]).words
    for r in range(p[N_RIGHT]):
        pre = passes.preactivation[r]
        value, derivative = table[pre - p[PRE_LOW], 0], table[pre - p[PRE_LOW], 1]
        registers.output[r, 0], registers.output[r, 1] = pre, value
        if sample[KIND] == TRAINING:
            right = r == outputs[sample[LABEL]]
            deltas[r] = tagged(n, output_delta(saturation, j, p, value, derivative, right))


@compiled
def _add_products(w, word, neurons, sums, deltas, form):
    """Add the product of every weight with its right neuron's delta to the partial delta of its left neuron.

    ``form``: bits of a product to drop, rounding mode.
    """
    drop, mode = form
    for q in range(sums.size):
        sums[q] = 0
    for i in range(neurons.shape[0]):
        delta = deltas[neurons[i, 0]]
        for e in range(np.uint64(neurons[i, 1]), np.uint64(neurons[i, 2])):
            product = np.int64(w[e]) * delta
            sums[word[e]] += product if drop == 0 else round_shift(product, drop, mode)


@inlined
def _propagate(p, j, n, w, word, passes, deltas, d_out, memories):
    """BP: all partial deltas of the left layer."""
    short, first, a, b = passes.short, passes.starts[j], p[RIGHT], p[RIGHT] + p[N_RIGHT]
    bank = n % p[PARTIAL_BANKS]
    sums = _bank(memories.partial, p[PARTIAL_WORDS], bank, p[N_LEFT]).words
    tags = _bank(memories.tags, p[PARTIAL_WORDS], bank, p[N_LEFT]).words
    if short.works:
        turning, own = short.turning[j], short.weight[first : first + w.size]
        form = (turning[DEPTH], turning[COLUMNS], turning[FIRST_MASK])
        propagate(own, word, deltas[a:b], form, short.masks, -p[BACK_DROP], short.products, short.some, sums)
    else:
        _add_products(w, word, passes.neuron[a:b], sums, deltas, (p[BACK_DROP], p[PRODUCT_MODE]))
    for q in range(p[N_LEFT]):
        tags[q] = (np.int64(n) << COUNT_BITS) + d_out


@compiled
def _step_biases(biases, deltas, form):
    """Change biases by their deltas; returns how many saturated. ``form`` as above."""
    drop, mode, low, high = form
    count = np.int64(0)
    for r in range(biases.size):
        wide = biases[r] - round_shift(deltas[r], drop, mode)
        biases[r] = limit(wide, low, high)
        count += biases[r] != wide
    return count


@inlined
def _learn(p, j, now, w, word, passes, memories, registers, saturation):
    """UP: new weights and biases."""
    a, b, deltas, kappa = p[RIGHT], p[RIGHT] + p[N_RIGHT], registers.deltas, now[NOW_KAPPA]
    short, begin = passes.short, passes.starts[j]
    form = (min(p[WEIGHT_DROP] + kappa, MOST_DROP), p[WEIGHT_MODE], p[WEIGHT_LOW], p[WEIGHT_HIGH])
    if short.works:
        x = _left_short(j, now, UP, word, passes).left
        may = (p[SHORT_STEPS] != 0, kappa <= p[NARROW_KAPPA])
        count = change(short.weight[begin : begin + w.size], x, passes.neuron[a:b], deltas, form, may, short.small)
    elif p[WEIGHT_MODE] != ROUND_STOCHASTIC:
        x = _left(j, now, UP, word, passes).left
        count = step(w, x, passes.neuron[a:b], deltas, form, kappa <= p[NARROW_KAPPA])
    else:
        x, count = _left(j, now, UP, word, passes).left, np.int64(0)
        for row in range(w.size // p[Z]):
            first, state = row * p[Z], registers.random[j]
            lanes = slice(first, first + p[Z])
            segments = passes.segment[passes.rows[p[ROWS] + row] : passes.rows[p[ROWS] + row + 1]]
            count += step_random(w[lanes], x[lanes], passes.lane, segments, deltas, form, state)
            registers.random[j] = next_random(state)
    saturation[j, WEIGHT_SIGNAL] += count
    form = (min(p[BIAS_STEP_DROP] + kappa, MOST_DROP), p[BIAS_MODE], p[BIAS_LOW], p[BIAS_HIGH])
    saturation[j, BIAS_SIGNAL] += _step_biases(memories.bias[a:b], deltas[a:b], form)


@compiled
def _write_all(words, owner, values):
    """Write a bank."""
    for q in range(words.size):
        words[q] = tagged(owner, values[q])


@inlined
def _load(p, n, x, words):
    """The host writes the inputs of sample n."""
    _write_all(_bank(words, p[LEFT_WORDS], n % p[LEFT_BANKS], p[N_LEFT]).words, n, x)


@inlined
def _begin(stretch, t, design, passes, control, memories):
    """All that is read in a cycle is read and looked at; whether something is not as it should be."""
    strange = False
    for j in range(design.junctions.shape[0]):
        p, now = design.junctions[j], control.now[j]
        begin_cycle(p, stretch.cycle + t, now, control.samples, True)
        if now[FEEDS]:
            strange |= _read_left(p, j, now, FF, passes, memories)
        if now[LEARNS]:
            strange |= _read_left(p, j, now, UP, passes, memories)
            strange |= _deltas_differ(p, now[FORWARD_SAMPLE + UP], memories)
    return strange


@inlined
def _count(counts, clocks, edges):
    counts[0] += clocks
    counts[1] += edges


# The cycles.


@compiled
def repeat(design, passes, state, stretch, feed, samples, results, watch):
    """Repeat junction cycles, as :func:`hwsim.machine.kernel.clocks.run` works in them; ports are not looked at.

    Parameters
    ----------
    design, passes, state
        :class:`Design`, :class:`Passes` and :class:`State`, at rest.
    stretch
        :class:`Stretch`; from clock ``start`` on nothing may be on its way, periods ``lead`` to ``limit`` - 1 are repeated.
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
    filled, reached, short = 0, stretch.limit, passes.short
    if not _at_rest(memories, lines, stretch.start):
        return filled, stretch.lead
    if short.works:
        take(memories.weight, short.weight[: memories.weight.size])
    for t in range(stretch.lead, stretch.limit):
        if _begin(stretch, t, design, passes, control, memories):
            reached = t
            break
        for j in range(n_junctions):
            p, now = design.junctions[j], control.now[j]
            if now[LEARNS]:
                deltas = registers.deltas[p[RIGHT] : p[RIGHT] + p[N_RIGHT]]
                _take_deltas(p, j, now[FORWARD_SAMPLE + UP], deltas, memories, watch.saturation)
        # From here on, writes.
        for j in range(n_junctions):
            p, now = design.junctions[j], control.now[j]
            first, past = passes.starts[j], passes.starts[j + 1]
            w, word = memories.weight[first:past], passes.word[first:past]
            if now[FEEDS]:
                n, table = now[FORWARD_SAMPLE + FF], design.tables[j]
                _preactivations(p, j, now, w, word, passes, memories, registers, watch.saturation)
                if p[IS_LAST]:
                    sample, outputs = control.samples[n % places], design.output_neurons
                    _feed_last(p, j, n, table, outputs, sample, passes, memories, registers, watch.saturation)
                    clock = stretch.base + t * design.period + passes.result_clocks
                    leave(clock, sample, outputs, registers.output, results, filled)
                    filled += 1
                else:
                    _feed(p, n, table, passes, memories)
                _count(watch.counts[j, FF], p[CLOCKS], past - first)
            if now[LEARNS]:
                n = now[FORWARD_SAMPLE + UP]
                if j > 0:
                    d_out = design.junctions[j - 1, NEXT_D_OUT]
                    _propagate(p, j, n, w, word, passes, registers.deltas, d_out, memories)
                    _count(watch.counts[j, BP], p[CLOCKS], past - first)
                _learn(p, j, now, w, word, passes, memories, registers, watch.saturation)
                _count(watch.counts[j, UP], p[CLOCKS], past - first)
        n, fed = stretch.cycle + t + 1, t - stretch.first_fed
        if fed >= 0 and fed < feed.size:
            control.samples[n % places, KIND] = BUBBLE
            if feed[fed] >= 0:
                enter(control.samples[n % places], samples, feed[fed], design, control.illegal)
                _load(design.junctions[0], n, samples.input[feed[fed]], memories.words)
    if short.works:
        take(short.weight, memories.weight)
    return filled, reached
