"""The clock loop of the machine, compiled; :mod:`hwsim.machine_arrays` builds the arrays it works on.

In every clock all reads come first, then all writes: a word written in one clock can be read in the next. Nothing is shared
with the reference engine: this is a second implementation of the contract's arithmetic, on the words that the modelled
memories hold. Every access is checked against its port and against what the word should hold; the first violation is noted
in ``fault`` and, unless told otherwise, ends the loop.

What belongs to a junction stands in one row of integers, ``p``, whose columns are named by :class:`hwsim.machine_columns`
constants; what belongs to a clock of its pass in another, ``k``. The functions below take those rows and the arrays they
touch: large bundles of arrays take the compiler minutes.

The same source runs uncompiled with the environment variable NUMBA_DISABLE_JIT=1.
"""

import numpy as np

from hwsim.machine_columns import *
from models.compiled import njit

# Nothing here allocates, so the compiler may leave out reference counts: they took a third of the time. The hot loops over lanes
# are functions of their own, so that their pointers stay in registers; calls with many arrays cost more than that, so the
# rest is inlined.
_compiled = njit(cache=True, error_model="numpy", _nrt=False)
_inlined = njit(cache=True, error_model="numpy", _nrt=False, forceinline=True)


# Arithmetic.


@_inlined
def _round_shift(x, bits, mode):
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


@_inlined
def _limit(x, low, high):
    return min(max(x, low), high)


@_inlined
def _tagged(owner, value):
    """A word as memories of activations, derivatives and deltas keep it: sample and value."""
    return (np.int64(owner) << OWNER_BITS) | (np.int64(value) & 0xFFFFFFFF)


@_inlined
def _stamp(clock, lane, operation):
    """What an access leaves at a port: clock, lane and operation."""
    return (np.int64(clock) << CLOCK_BITS) | (np.int64(lane) << OPERATION_BITS) | operation


@_inlined
def _value(word):
    return np.int64(np.int32(word))


# Faults and events.

NOBODY = np.zeros(0, np.bool_)
"""No lane is idle."""


@_compiled
def _fault(fault, code, clock, junction, memory, bank, index, address, lane, operation, expected, found):
    """Count a violation, and note the first."""
    fault[0] += 1
    if fault[0] == 1:
        fault[1] = code
        fault[2] = clock
        fault[3] = junction
        fault[4] = memory
        fault[5] = bank
        fault[6] = index
        fault[7] = address
        fault[8] = lane
        fault[9] = operation
        fault[10] = expected
        fault[11] = found


@_compiled
def _event(log, clock, junction, operation, access, memory, bank, index, address, lane, value, sample):
    """Append one access to the event log if there is room; the last row counts."""
    n = log[-1, 0]
    if n < log.shape[0] - 1:
        row = log[n]
        row[0] = clock
        row[1] = junction
        row[2] = operation
        row[3] = access
        row[4] = memory
        row[5] = bank
        row[6] = index
        row[7] = address
        row[8] = lane
        row[9] = value
        row[10] = sample
    log[-1, 0] = n + 1


@_compiled
def _log_lanes(log, p, j, clock, operation, access, kind, bank, first, count, memory, word, lane, values, at, sample):
    """Log one access per lane to the memories of left neurons."""
    for i in range(count):
        a = first + i
        address = word[a] // p[j, Z]
        _event(log, clock, p[j, NUMBER], operation, access, kind, bank, memory[a], address, lane[a], values[at + i], sample)


@_compiled
def _log_row(log, p, j, clock, operation, access, row, values, at, sample):
    for m in range(p[j, Z]):
        _event(log, clock, p[j, NUMBER], operation, access, WEIGHT, 0, 0, row, m, values[at + m], sample)


@_compiled
def _blame_ports(fault, code, p, j, clock, kind, bank, ports, port, operation, memory, word, lane, first, count, idle):
    """Note the first lane whose memory another access of this clock uses as well; whether there is one.

    Lanes that ``idle`` names access nothing; the access before is noted as it stands at the port.
    """
    now = _stamp(clock, 0, 0)
    for a in range(first, first + count):
        if idle.size and idle[a]:
            continue
        used = ports[port + memory[a]]
        if used >= now and used != _stamp(clock, lane[a], operation):
            address = word[a] // p[j, Z]
            _fault(fault, code, clock, p[j, NUMBER], kind, bank, memory[a], address, lane[a], operation, 0, used - now)
            return True
    return False


@_compiled
def _blame_owner(fault, p, j, clock, bank, base, owner, operation, memory, word, lane, first, count, words):
    """Note the first lane that reads the activation of another sample."""
    for a in range(first, first + count):
        found = words[base + word[a]] >> OWNER_BITS
        if found != owner:
            address = word[a] // p[j, Z]
            _fault(fault, STALE, clock, p[j, NUMBER], ACTIVATION, bank, memory[a], address, lane[a], operation, owner, found)
            return


@_compiled
def _blame_sum(fault, p, j, clock, bank, base, sample, memory, word, lane, first, count, idle, tags, landing):
    """Note the first lane that adds to a sum of another sample, or to one that is on its way; ``landing``: until when."""
    for i in range(count):
        a = first + i
        found, address = tags[base + word[a]] >> COUNT_BITS, word[a] // p[j, Z]
        if not idle[a] and landing[i] >= clock:
            _fault(fault, PENDING, clock, p[j, NUMBER], PARTIAL, bank, memory[a], address, lane[a], BP, 0, 0)
            return
        if not idle[a] and found != sample:
            _fault(fault, STALE, clock, p[j, NUMBER], PARTIAL, bank, memory[a], address, lane[a], BP, sample, found)
            return


# Loops over lanes.


@_inlined
def _access(ports, at, clock, lane, operation):
    """Use the port of one memory; -1, or who has used it before in this clock."""
    before = ports[at]
    ports[at] = _stamp(clock, lane, operation)
    return before - _stamp(clock, 0, 0) if before >= _stamp(clock, 0, 0) else np.int64(-1)


@_compiled
def _access_all(ports, port, clock, operation, memory, lane, first, count, z, idle):
    """Use one port per lane, except ``idle`` ones; True if two accesses of this clock meet.

    Then no port, or each that several of these lanes share, shows an access that is not the asking lane's own.
    """
    start, last, at, now = np.uint64(first), np.uint64(first + count), np.uint64(port), _stamp(clock, 0, 0)
    busy = count
    if idle.size > 0:
        for a in range(start, last):
            busy -= np.int64(idle[a])
    if busy == z:
        # Where every lane goes to the memory of its own number, all of this takes a few vector instructions.
        elsewhere, free = np.int64(0), np.int64(0)
        for i in range(np.uint64(z)):
            elsewhere |= np.int64(memory[start + i]) ^ np.int64(i)
            free |= now - 1 - ports[at + i]  # negative if used in this clock
        if elsewhere == 0:
            if free < 0:
                return True
            for i in range(np.uint64(z)):
                ports[at + i] = _stamp(clock, i, operation)
            return False
    twice = False
    for a in range(start, last):
        if idle.size == 0 or not idle[a]:
            twice |= ports[at + np.uint64(memory[a])] >= now
    if twice:
        return True
    for a in range(start, last):
        if idle.size == 0 or not idle[a]:
            ports[at + np.uint64(memory[a])] = _stamp(clock, lane[a], operation)
    for a in range(start, last):  # a lane that does not find itself shares its memory
        if idle.size == 0 or not idle[a]:
            twice |= ports[at + np.uint64(memory[a])] != _stamp(clock, lane[a], operation)
    return twice


@_compiled
def _read_left(words, base, word, first, count, owner, x):
    """Read the left activations of ``count`` lanes into ``x``; the result is not 0 if one belongs to another sample."""
    differ = np.int64(0)
    expected = _tagged(owner, 0)
    start, b = np.uint64(first), np.uint64(base)
    for i in range(np.uint64(count)):
        v = words[b + np.uint64(word[start + i])]
        differ |= v ^ expected
        x[i] = np.int32(v)
    return differ >> OWNER_BITS


@_compiled
def _dot(w, at, x, a, b, drop, mode, narrow):
    """Sum of the narrowed products of lanes a..b-1; ``narrow``: it fits 32 bits, which halves the time."""
    if drop == 0 and narrow:
        short = np.int32(0)
        for i in range(a, b):
            short = np.int32(short + np.int32(w[at + i] * x[i]))
        return np.int64(short)
    total = np.int64(0)
    if drop == 0:
        for i in range(a, b):
            total += np.int64(w[at + i]) * np.int64(x[i])
        return total
    for i in range(a, b):
        total += _round_shift(np.int64(w[at + i]) * np.int64(x[i]), drop, mode)
    return total


@_compiled
def _step(w, at, x, new, to, a, b, delta, drop, mode, low, high, narrow):
    """New weights of lanes a..b-1; returns how many saturated. ``narrow``: all steps fit 32 bits."""
    saturated = np.int64(0)
    if narrow and drop >= 0 and mode != ROUND_HALF_EVEN:
        # Shifts and sums of 32 bits, spelled so that the compiler sees them.
        bits, half = np.int32(drop & 31), np.int32(0)
        if mode == ROUND_HALF_UP and drop > 0:
            half = np.int32(np.int64(1) << (drop - 1))
        d, lowest, highest = np.int32(delta), np.int32(low), np.int32(high)
        count = np.int32(0)
        for i in range(a, b):
            v = np.int32(w[at + i] - np.int32(np.int32(np.int32(x[i] * d) + half) >> bits))
            u = min(max(v, lowest), highest)
            count = np.int32(count + np.int32(u != v))
            new[to + i] = u
        return np.int64(count)
    for i in range(a, b):
        v = np.int64(w[at + i]) - _round_shift(np.int64(x[i]) * delta, drop, mode)
        u = _limit(v, low, high)
        saturated += u != v
        new[to + i] = u
    return saturated


@_inlined
def _multiply(w, at, product, to, a, b, delta, drop, mode, narrow):
    """Narrowed products of the weights of lanes a..b-1 with one delta."""
    if drop == 0 and narrow:
        d = np.int32(delta)
        for i in range(a, b):
            product[to + i] = np.int32(w[at + i] * d)
        return
    if drop == 0:
        for i in range(a, b):
            product[to + i] = np.int64(w[at + i]) * delta
        return
    for i in range(a, b):
        product[to + i] = _round_shift(np.int64(w[at + i]) * delta, drop, mode)


@_inlined
def _add(partial, tags, lands, base, word, first_visit, first, count, clock, due, sample, product, at, sums, sum_tags, to):
    """Read partial deltas and add products; the result is not 0 if a sum is another sample's or is being written."""
    bad = np.int64(0)
    start = np.int64(sample) << COUNT_BITS
    for i in range(np.uint64(count)):
        a = np.uint64(first) + i
        q = np.uint64(base + word[a])
        if first_visit[a]:
            sums[to + i] = product[at + i]
            sum_tags[to + i] = start + 1
        else:
            bad |= (tags[q] >> COUNT_BITS) ^ sample
            bad |= lands[q] >= clock
            sums[to + i] = partial[q] + product[at + i]
            sum_tags[to + i] = tags[q] + 1
        lands[q] = due
    return bad


@_inlined
def _add_in_place(partial, tags, base, word, first_visit, first, count, sample, product, at):
    """Accumulate in one clock: read, add, write; the result is not 0 if a sum is another sample's."""
    bad = np.int64(0)
    start = np.int64(sample) << COUNT_BITS
    for i in range(np.uint64(count)):
        a = np.uint64(first) + i
        q = np.uint64(base + word[a])
        if first_visit[a]:
            partial[q] = product[at + i]
            tags[q] = start + 1
        else:
            tag = tags[q]
            bad |= (tag ^ start) >> COUNT_BITS
            partial[q] += product[at + i]
            tags[q] = tag + 1
    return bad


@_inlined
def _store(partial, tags, base, word, first, count, sums, sum_tags, at):
    """Write sums back."""
    start = np.uint64(first)
    for i in range(np.uint64(count)):
        q = np.uint64(base + word[start + i])
        partial[q] = sums[at + i]
        tags[q] = sum_tags[at + i]


@_inlined
def _copy(source, at, target, to, count):
    a, b = np.uint64(at), np.uint64(to)
    for i in range(np.uint64(count)):
        target[b + i] = source[a + i]


# The operations of one junction in one clock.


@_compiled
def _host(p, j, clock, position, beat, n, inputs, row, words, written, fault, log, tracing):
    """Write one beat of sample n into the memories of layer 0."""
    bank, z = n % p[j, LEFT_BANKS], p[j, Z]
    base, port = p[j, LEFT_WORDS] + bank * p[j, N_LEFT], p[j, LEFT_PORTS] + bank * z
    q, last = position * beat, min((position + 1) * beat, p[j, N_LEFT])
    memory, address = q % z, q // z
    while q < last:
        count = min(last - q, z - memory)  # one word for each of some neighbouring memories
        at, to, now, twice = np.uint64(port + memory), np.uint64(base + q), _stamp(clock, 0, 0), False
        for i in range(np.uint64(count)):
            twice |= written[at + i] >= now
        if twice:
            for i in range(count):
                before = _access(written, port + memory + i, clock, q + i, HOST)
                if before >= 0:
                    _fault(fault, WRITE_PORT, clock, 0, ACTIVATION, bank, memory + i, address, q + i, HOST, 0, before)
        for i in range(np.uint64(count)):
            written[at + i] = _stamp(clock, np.uint64(q) + i, HOST)
            words[to + i] = _tagged(n, inputs[row, np.uint64(q) + i])
        if tracing:
            for i in range(count):
                value = inputs[row, q + i]
                _event(log, clock, 0, HOST, WRITE, ACTIVATION, bank, memory + i, address, q + i - position * beat, value, n)
        q += count
        memory, address = 0, address + 1


@_inlined
def _read_row(p, j, clock, row, weight, row_lands, read, register, fault, log, tracing):
    """One weight row into the row register, which FF, BP and UP share."""
    before = _access(read, p[j, WEIGHT_PORT], clock, 0, FF)
    if before >= 0:
        _fault(fault, READ_PORT, clock, p[j, NUMBER], WEIGHT, 0, 0, row, 0, FF, 0, before)
    if row_lands[p[j, ROWS] + row] >= clock:
        _fault(fault, PENDING, clock, p[j, NUMBER], WEIGHT, 0, 0, row, 0, FF, 0, 0)
    base = p[j, EDGES] + row * p[j, Z]
    _copy(weight, base, register, j * p[j, WIDEST], p[j, Z])
    if tracing:
        _log_row(log, p, j, clock, FF, READ, row, weight, base, -1)


@_inlined
def _feedforward(
    p,
    j,
    k,
    c,
    clock,
    n,
    w,
    at,
    x,
    segment,
    begin_neuron,
    end_neuron,
    sums,
    bias,
    bias_lands,
    read,
    line,
    queue,
    saturation,
    fault,
    log,
    tracing,
):
    """Multiply, sum, and send the right neurons that end in this clock on their way."""
    for i in range(k[c, BEGIN], k[c, BEGIN_END]):
        sums[begin_neuron[i]] = 0
    for i in range(k[c, SEGMENT], k[c, SEGMENT_END]):
        sums[segment[i, 0]] += _dot(
            w,
            at,
            x,
            np.uint64(segment[i, 1]),
            np.uint64(segment[i, 2]),
            p[j, PRODUCT_DROP],
            p[j, PRODUCT_MODE],
            p[j, NARROW] != 0,
        )
    if k[c, END] == k[c, END_END]:
        return
    slot = (clock + p[j, FORWARD_LATENCY]) & (p[j, LINE] - 1)
    sent = line[j, slot, RESULT_COUNT]
    for i in range(k[c, END], k[c, END_END]):
        r = end_neuron[i]
        own = r - p[j, RIGHT]
        memory, address = own % p[j, RESULTS], own // p[j, RESULTS]
        before = _access(read, p[j, BIAS_PORTS] + memory, clock, own, FF)
        if before >= 0:
            _fault(fault, READ_PORT, clock, p[j, NUMBER], BIAS, 0, memory, address, own, FF, 0, before)
        if bias_lands[r] >= clock:
            _fault(fault, PENDING, clock, p[j, NUMBER], BIAS, 0, memory, address, own, FF, 0, 0)
        total = sums[r] + _round_shift(bias[r], p[j, BIAS_DROP], ROUND_FLOOR)
        wide = _round_shift(total, p[j, PRE_DROP], p[j, PRE_MODE])
        value = _limit(wide, p[j, PRE_LOW], p[j, PRE_HIGH])
        saturation[j, PREACTIVATION_SIGNAL] += value != wide
        queue[j, slot, sent, RESULT_NEURON] = own
        queue[j, slot, sent, RESULT_VALUE] = value
        sent += 1
        if tracing:
            _event(log, clock, p[j, NUMBER], FF, READ, BIAS, 0, memory, address, i - k[c, END], bias[r], n)
    line[j, slot, RESULT_COUNT] = sent
    line[j, slot, RESULT_SAMPLE] = n


@_inlined
def _read_deltas(
    p, j, k, c, clock, n, begin_neuron, words, partial, tags, lands, read, deltas, saturation, fault, log, tracing
):
    """Deltas of the right neurons that begin in this clock, from the partial deltas or, last junction, as stored."""
    number, zn = p[j, NUMBER], p[j, Z_NEXT]
    bank = n % p[j, DELTA_BANKS]
    for i in range(k[c, BEGIN], k[c, BEGIN_END]):
        r = begin_neuron[i] - p[j, RIGHT]
        memory, address = r % zn, r // zn
        port, at = p[j, DELTA_PORTS] + bank * zn + memory, p[j, DELTA_WORDS] + bank * p[j, N_RIGHT] + r
        kind = DELTA if p[j, IS_LAST] else PARTIAL
        before = _access(read, port, clock, r, UP)
        if before >= 0:
            _fault(fault, READ_PORT, clock, number, kind, bank, memory, address, r, UP, 0, before)
        if p[j, IS_LAST]:
            owner, value = words[at] >> OWNER_BITS, _value(words[at])
            if owner != n:
                _fault(fault, STALE, clock, number, DELTA, bank, memory, address, r, UP, n, owner)
            if tracing:
                _event(log, clock, number, UP, READ, DELTA, bank, memory, address, i - k[c, BEGIN], value, n)
        else:
            owner, arrived = tags[at] >> COUNT_BITS, tags[at] & ((1 << COUNT_BITS) - 1)
            if owner != n:
                _fault(fault, STALE, clock, number, PARTIAL, bank, memory, address, r, UP, n, owner)
            elif arrived != p[j, NEXT_D_OUT]:
                _fault(fault, INCOMPLETE, clock, number, PARTIAL, bank, memory, address, r, UP, p[j, NEXT_D_OUT], arrived)
            if lands[at] >= clock:
                _fault(fault, PENDING, clock, number, PARTIAL, bank, memory, address, r, UP, 0, 0)
            slope_bank = n % p[j, SLOPE_BANKS]
            slope = words[p[j, SLOPE_WORDS] + slope_bank * p[j, N_RIGHT] + r]
            # Derivatives are written and read in the order of the right neurons: as many memories as there are results do.
            place, row = r % p[j, RESULTS], r // p[j, RESULTS]
            before = _access(read, p[j, SLOPE_PORTS] + slope_bank * p[j, RESULTS] + place, clock, r, UP)
            if before >= 0:
                _fault(fault, READ_PORT, clock, number, DERIVATIVE, slope_bank, place, row, r, UP, 0, before)
            if slope >> OWNER_BITS != n:
                _fault(fault, STALE, clock, number, DERIVATIVE, slope_bank, place, row, r, UP, n, slope >> OWNER_BITS)
            wide = _round_shift(partial[at] * _value(slope), p[j, DELTA_DROP], p[j, DELTA_MODE])
            value = _limit(wide, p[j, DELTA_LOW], p[j, DELTA_HIGH])
            saturation[j, DELTA_SIGNAL] += value != wide
            if tracing:
                _event(log, clock, number, UP, READ, PARTIAL, bank, memory, address, i - k[c, BEGIN], partial[at], n)
                _event(log, clock, number, UP, READ, DERIVATIVE, slope_bank, place, row, i - k[c, BEGIN], _value(slope), n)
        deltas[begin_neuron[i]] = value


@_inlined
def _learn(
    p, j, k, c, clock, n, kappa, w, at, x, new, lane, segment, end_neuron, deltas, product, updates, bias, bias_lands, row_lands, read, line, queue, saturation, fault
):  # fmt: skip
    """Products for the partial deltas of the left layer, new weights and new biases, all sent on their way."""
    first, count = k[c, ACCESS], k[c, COUNT]
    drop = min(p[j, WEIGHT_DROP] + kappa, MOST_DROP)
    back = (clock + p[j, BACKWARD_LATENCY]) & (p[j, LINE] - 1)
    slot = (clock + p[j, UPDATE_LATENCY]) & (p[j, LINE] - 1)
    out = (j * p[j, LINE] + slot) * p[j, WIDEST]
    whole = count == p[j, Z]
    to = np.uint64(out if whole else p.shape[0] * p[j, LINE] * p[j, WIDEST])  # behind the delay lines there is room
    saturated = np.int64(0)
    for i in range(k[c, SEGMENT], k[c, SEGMENT_END]):
        delta, a, b = deltas[segment[i, 0]], np.uint64(segment[i, 1]), np.uint64(segment[i, 2])
        saturated += _step(
            w,
            at,
            x,
            updates,
            to,
            a,
            b,
            delta,
            drop,
            p[j, WEIGHT_MODE],
            p[j, WEIGHT_LOW],
            p[j, WEIGHT_HIGH],
            kappa <= p[j, NARROW_KAPPA],
        )
        if p[j, NUMBER] > 1:
            _multiply(
                w,
                at,
                product,
                np.uint64((j * p[j, LINE] + back) * p[j, WIDEST]),
                a,
                b,
                delta,
                p[j, BACK_DROP],
                p[j, PRODUCT_MODE],
                p[j, NARROW] != 0,
            )
    saturation[j, WEIGHT_SIGNAL] += saturated
    if p[j, NUMBER] > 1:
        line[j, back, PRODUCT_FIRST] = first
        line[j, back, PRODUCT_COUNT] = count
        line[j, back, PRODUCT_SAMPLE] = n
    if not whole:
        for i in range(count):
            new[j * p[j, WIDEST] + lane[first + i]] = updates[to + np.uint64(i)]
        if k[c, ROW_ENDS]:
            _copy(new, j * p[j, WIDEST], updates, out, p[j, Z])
    if k[c, ROW_ENDS]:
        line[j, slot, UPDATE_ROW] = k[c, ROW] + 1
        line[j, slot, UPDATE_SAMPLE] = n
        row_lands[p[j, ROWS] + k[c, ROW]] = clock + p[j, UPDATE_LATENCY]
    if k[c, END] == k[c, END_END]:
        return
    sent = line[j, slot, BIAS_COUNT]
    for i in range(k[c, END], k[c, END_END]):
        r = end_neuron[i]
        own = r - p[j, RIGHT]
        memory, address = own % p[j, RESULTS], own // p[j, RESULTS]
        # FF has read the bias in this very clock, or would have: one port, one address.
        read[p[j, BIAS_PORTS] + memory] = _stamp(clock, own, UP)
        if bias_lands[r] >= clock:
            _fault(fault, PENDING, clock, p[j, NUMBER], BIAS, 0, memory, address, own, UP, 0, 0)
        wide = bias[r] - _round_shift(deltas[r], min(p[j, BIAS_STEP_DROP] + kappa, MOST_DROP), p[j, BIAS_MODE])
        value = _limit(wide, p[j, BIAS_LOW], p[j, BIAS_HIGH])
        saturation[j, BIAS_SIGNAL] += value != wide
        queue[j, slot, sent, BIAS_NEURON] = own
        queue[j, slot, sent, BIAS_VALUE] = value
        sent += 1
        bias_lands[r] = clock + p[j, UPDATE_LATENCY]
    line[j, slot, BIAS_COUNT] = sent
    line[j, slot, BIAS_SAMPLE] = n


@_inlined
def _read_partials(
    p, j, clock, word, memory, lane, first_visit, partial, tags, lands, read, written, line, product, sums, sum_tags, landing, fault, log, tracing
):  # fmt: skip
    """Products arrive at the accumulators: read the partial deltas and add; the sums land after the loop's length."""
    slot = clock & (p[j, LINE] - 1)
    n, first, count = line[j, slot, PRODUCT_SAMPLE], line[j, slot, PRODUCT_FIRST], line[j, slot, PRODUCT_COUNT]
    line[j, slot, PRODUCT_COUNT] = 0
    bank = n % p[j, PARTIAL_BANKS]
    base, port = p[j, PARTIAL_WORDS] + bank * p[j, N_LEFT], p[j, PARTIAL_PORTS] + bank * p[j, Z]
    due = clock + p[j, ACCUMULATE] - 1
    target = due & (p[j, LINE] - 1)
    source, to = (j * p[j, LINE] + slot) * p[j, WIDEST], (j * p[j, LINE] + target) * p[j, WIDEST]
    if _access_all(read, port, clock, BP, memory, lane, first, count, p[j, Z], first_visit):
        _blame_ports(
            fault, READ_PORT, p, j, clock, PARTIAL, bank, read, port, BP, memory, word, lane, first, count, first_visit
        )
    if due == clock and not tracing:
        if _access_all(written, port, clock, BP, memory, lane, first, count, p[j, Z], NOBODY):
            _blame_ports(
                fault, WRITE_PORT, p, j, clock, PARTIAL, bank, written, port, BP, memory, word, lane, first, count, NOBODY
            )
        bad = _add_in_place(partial, tags, base, word, first_visit, first, count, n, product, np.uint64(source))
    else:
        for i in range(count):
            landing[i] = lands[base + word[first + i]]
        if tracing:
            for i in range(count):
                a = first + i
                if not first_visit[a]:
                    value, address = partial[base + word[a]], word[a] // p[j, Z]
                    _event(log, clock, p[j, NUMBER], BP, READ, PARTIAL, bank, memory[a], address, lane[a], value, n)
        bad = _add(
            partial, tags, lands, base, word, first_visit, first, count, clock, due, n, product, np.uint64(source), sums, sum_tags, np.uint64(to)
        )  # fmt: skip
        line[j, target, SUM_COUNT] = count
        line[j, target, SUM_FIRST] = first
        line[j, target, SUM_SAMPLE] = n
    if bad != 0:
        _blame_sum(fault, p, j, clock, bank, base, n, memory, word, lane, first, count, first_visit, tags, landing)


@_inlined
def _land_sums(p, j, clock, word, memory, lane, partial, tags, written, line, sums, sum_tags, fault, log, tracing):
    """Partial deltas are written back."""
    slot = clock & (p[j, LINE] - 1)
    n, first, count = line[j, slot, SUM_SAMPLE], line[j, slot, SUM_FIRST], line[j, slot, SUM_COUNT]
    line[j, slot, SUM_COUNT] = 0
    bank = n % p[j, PARTIAL_BANKS]
    base, port = p[j, PARTIAL_WORDS] + bank * p[j, N_LEFT], p[j, PARTIAL_PORTS] + bank * p[j, Z]
    at = (j * p[j, LINE] + slot) * p[j, WIDEST]
    if _access_all(written, port, clock, BP, memory, lane, first, count, p[j, Z], NOBODY):
        _blame_ports(
            fault, WRITE_PORT, p, j, clock, PARTIAL, bank, written, port, BP, memory, word, lane, first, count, NOBODY
        )
    _store(partial, tags, base, word, first, count, sums, sum_tags, np.uint64(at))
    if tracing:
        _log_lanes(log, p, j, clock, BP, WRITE, PARTIAL, bank, first, count, memory, word, lane, sums, at, n)


@_inlined
def _land_updates(p, j, clock, weight, bias, written, line, queue, updates, fault, log, tracing):
    """A weight row and biases are written back."""
    slot = clock & (p[j, LINE] - 1)
    if line[j, slot, UPDATE_ROW] > 0:
        row = line[j, slot, UPDATE_ROW] - 1
        before = _access(written, p[j, WEIGHT_PORT], clock, 0, UP)
        if before >= 0:
            _fault(fault, WRITE_PORT, clock, p[j, NUMBER], WEIGHT, 0, 0, row, 0, UP, 0, before)
        base = p[j, EDGES] + row * p[j, Z]
        _copy(updates, (j * p[j, LINE] + slot) * p[j, WIDEST], weight, base, p[j, Z])
        if tracing:
            _log_row(log, p, j, clock, UP, WRITE, row, weight, base, line[j, slot, UPDATE_SAMPLE])
        line[j, slot, UPDATE_ROW] = 0
    for i in range(line[j, slot, BIAS_COUNT]):
        r, value = queue[j, slot, i, BIAS_NEURON], queue[j, slot, i, BIAS_VALUE]
        memory, address = r % p[j, RESULTS], r // p[j, RESULTS]
        before = _access(written, p[j, BIAS_PORTS] + memory, clock, r, UP)
        if before >= 0:
            _fault(fault, WRITE_PORT, clock, p[j, NUMBER], BIAS, 0, memory, address, r, UP, 0, before)
        bias[p[j, RIGHT] + r] = value
        if tracing:
            _event(log, clock, p[j, NUMBER], UP, WRITE, BIAS, 0, memory, address, i, value, line[j, slot, BIAS_SAMPLE])
    line[j, slot, BIAS_COUNT] = 0


@_inlined
def _land_activations(p, j, clock, words, written, line, queue, table, fault, log, tracing):
    """Pre-activations go through the tables into the memories of the next layer."""
    slot = clock & (p[j, LINE] - 1)
    n, zn = line[j, slot, RESULT_SAMPLE], p[j, Z_NEXT]
    bank, slope_bank = n % p[j, NEXT_BANKS], n % p[j, SLOPE_BANKS]
    for i in range(line[j, slot, RESULT_COUNT]):
        r, entry = queue[j, slot, i, RESULT_NEURON], queue[j, slot, i, RESULT_VALUE] - p[j, PRE_LOW]
        value, slope = table[j, entry, 0], table[j, entry, 1]
        memory, address = r % zn, r // zn
        port = p[j, NEXT_PORTS] + bank * zn + memory
        before = _access(written, port, clock, r, FF)
        if before >= 0:
            _fault(fault, WRITE_PORT, clock, p[j, NUMBER], ACTIVATION, bank, memory, address, r, FF, 0, before)
        words[p[j, NEXT_WORDS] + bank * p[j, N_RIGHT] + r] = _tagged(n, value)
        words[p[j, SLOPE_WORDS] + slope_bank * p[j, N_RIGHT] + r] = _tagged(n, slope)
        if tracing:
            _event(log, clock, p[j, NUMBER], FF, WRITE, ACTIVATION, bank, memory, address, i, value, n)
            place, row = r % p[j, RESULTS], r // p[j, RESULTS]
            _event(log, clock, p[j, NUMBER], FF, WRITE, DERIVATIVE, slope_bank, place, row, i, slope, n)
    line[j, slot, RESULT_COUNT] = 0


@_inlined
def _land_outputs(
    p,
    j,
    clock,
    words,
    written,
    line,
    queue,
    table,
    control,
    output,
    output_neurons,
    results,
    filled,
    saturation,
    fault,
    log,
    tracing,
):
    """Results leave the last junction: outputs, deltas and, with the last of them, the prediction."""
    slot = clock & (p[j, LINE] - 1)
    n, zn = line[j, slot, RESULT_SAMPLE], p[j, Z_NEXT]
    place = n % control.shape[0]
    bank = n % p[j, DELTA_BANKS]
    for i in range(line[j, slot, RESULT_COUNT]):
        r, pre = queue[j, slot, i, RESULT_NEURON], queue[j, slot, i, RESULT_VALUE]
        value, slope = table[j, pre - p[j, PRE_LOW], 0], table[j, pre - p[j, PRE_LOW], 1]
        memory, address = r % zn, r // zn
        output[r, 0], output[r, 1] = pre, value
        output[-1, 0] += 1
        if control[place, KIND] == TRAINING:
            error = np.int64(value)
            if r == output_neurons[control[place, LABEL]]:
                error -= p[j, ONE]
            if p[j, QUADRATIC]:
                error *= slope
            wide = _round_shift(error, p[j, OUTPUT_DROP], p[j, DELTA_MODE])
            delta = _limit(wide, p[j, DELTA_LOW], p[j, DELTA_HIGH])
            saturation[j, DELTA_SIGNAL] += delta != wide
            port = p[j, DELTA_PORTS] + bank * zn + memory
            before = _access(written, port, clock, r, FF)
            if before >= 0:
                _fault(fault, WRITE_PORT, clock, p[j, NUMBER], DELTA, bank, memory, address, r, FF, 0, before)
            words[p[j, DELTA_WORDS] + bank * p[j, N_RIGHT] + r] = _tagged(n, delta)
            if tracing:
                _event(log, clock, p[j, NUMBER], FF, WRITE, DELTA, bank, memory, address, i, delta, n)
        if output[-1, 0] == p[j, N_RIGHT]:
            output[-1, 0] = 0
            best = 0
            for c in range(1, output_neurons.size):
                if output[output_neurons[c], 0] > output[output_neurons[best], 0]:
                    best = c
            results.prediction[filled] = best
            results.label[filled] = control[place, LABEL]
            results.kind[filled] = control[place, KIND]
            results.clock[filled] = clock
            for q in range(p[j, N_RIGHT]):
                results.output[filled, q] = output[q, 1]
            filled += 1
    line[j, slot, RESULT_COUNT] = 0
    return filled


@_inlined
def _begin_cycle(p, j, t, now, control, first, limit):
    """What junction j does in junction cycle t: nothing outside first..limit-1."""
    places = control.shape[0]
    n_forward, n_back = t - p[j, FORWARD_LAG], t - p[j, BACKWARD_LAG]
    inside = t >= first and t < limit
    feeds = inside and n_forward >= 0 and control[n_forward % places, KIND] != BUBBLE
    learns = inside and n_back >= 0 and control[n_back % places, KIND] == TRAINING
    now[j, FEEDS], now[j, LEARNS], now[j, WORKS] = feeds, learns, feeds or learns
    now[j, FORWARD_SAMPLE + FF], now[j, FORWARD_SAMPLE + UP] = n_forward, n_back
    now[j, FORWARD_BANK + FF], now[j, FORWARD_BANK + UP] = n_forward % p[j, LEFT_BANKS], n_back % p[j, LEFT_BANKS]
    now[j, NOW_KAPPA] = control[n_back % places, KAPPA]


@_inlined
def _enter(place, samples, s, common, classes, illegal):
    """Let sample s into its place of the control pipeline.

    With an illegal learning-rate shift or label it is not for training, whatever it says: it is fed forward only, and counted.
    """
    kind, label, kappa = samples.kind[s], samples.label[s], samples.kappa[s]
    if kind == TRAINING:
        kappa_is, label_is = common[2] <= kappa <= common[3], 0 <= label < classes
        illegal[0] += not kappa_is
        illegal[1] += not label_is
        if not (kappa_is and label_is):
            kind = INFERENCE
    place[KIND], place[LABEL], place[KAPPA] = kind, label, kappa


@_compiled
def run(design, state, clock, end, at, feed, samples, results, saturation, counts, fault, stop, log, window):
    """Advance from global clock ``clock`` to ``end``.

    Parameters
    ----------
    at
        Where the periods (junction cycles of the first junction, counted since the machine last stood still) are: the
        clock in which period 0 begins, the junction cycle of period 0, the first period in which junctions work (in one
        before, only the host loads), the first in which they do not any more, and the first that ``feed`` speaks of.
    feed
        Row of ``samples`` that the host loads in each period, for the junction cycle after it; -1 for none.
    counts
        int64 [L, 3, 2]: clocks and edges per junction and operation with a sample.
    stop
        Whether the first violation ends the loop.
    window
        First clock to log and first not to.

    Returns
    -------
    tuple
        How many results have left, and the clock reached.
    """
    p, k, memory, word, lane, first_visit, segment, begin_neuron, end_neuron, output_neurons, tables, common = design
    weight, row_lands, bias, bias_lands, words, partial, tags, lands, read, written = state[:10]
    row_weight, row_new, left, sums, deltas, output = state[10:16]
    line, queue, updates, product, sum_values, sum_tags, landing, control, now, illegal = state[16:]
    period, beat = common[0], common[1]
    inputs = samples.input
    n_junctions, places = p.shape[0], control.shape[0]
    base, cycle, lead, limit, first_fed = at[0], at[1], at[2], at[3], at[4]
    filled = 0
    start = clock
    for j in range(n_junctions):
        since = clock - 1 - base - p[j, OFFSET]
        now[j, PERIOD], now[j, PASS_CLOCK] = since // period, since % period
    while clock < end:
        tracing = window[0] <= clock and clock < window[1]
        for j in range(n_junctions):
            c = now[j, PASS_CLOCK] + 1
            if c == period:
                c = 0
                now[j, PERIOD] += 1
            now[j, PASS_CLOCK] = c
            if c == 0 or clock == start:
                _begin_cycle(p, j, cycle + now[j, PERIOD], now, control, lead + cycle, limit + cycle)
            if not now[j, WORKS] or c >= p[j, CLOCKS]:
                continue
            feeds, learns = now[j, FEEDS], now[j, LEARNS]
            c += p[j, FIRST_CLOCK]
            first, count = k[c, ACCESS], k[c, COUNT]
            w_at = np.uint64(j * p[j, WIDEST])
            if k[c, ROW_BEGINS]:
                _read_row(p, j, clock, k[c, ROW], weight, row_lands, read, row_weight, fault, log, tracing)
            if count < p[j, Z]:
                # Behind the row registers there is room for the lanes served in this clock.
                w_at = np.uint64(n_junctions * p[j, WIDEST])
                for i in range(count):
                    row_weight[n_junctions * p[j, WIDEST] + i] = row_weight[j * p[j, WIDEST] + lane[first + i]]
            for operation in (FF, UP):
                if not (feeds if operation == FF else learns):
                    continue
                counts[j, operation, 0] += 1
                counts[j, operation, 1] += count
                n, bank = now[j, FORWARD_SAMPLE + operation], now[j, FORWARD_BANK + operation]
                left_base, port = p[j, LEFT_WORDS] + bank * p[j, N_LEFT], p[j, LEFT_PORTS] + bank * p[j, Z]
                strange = _read_left(words, left_base, word, first, count, n, left)
                if _access_all(read, port, clock, operation, memory, lane, first, count, p[j, Z], NOBODY):
                    _blame_ports(
                        fault, READ_PORT, p, j, clock, ACTIVATION, bank, read, port, operation, memory, word, lane, first, count, NOBODY
                    )  # fmt: skip
                elif strange != 0:
                    _blame_owner(fault, p, j, clock, bank, left_base, n, operation, memory, word, lane, first, count, words)
                if tracing:
                    _log_lanes(
                        log, p, j, clock, operation, READ, ACTIVATION, bank, first, count, memory, word, lane, left, 0, n
                    )
                if operation == FF:
                    _feedforward(
                        p, j, k, c, clock, n, row_weight, w_at, left, segment, begin_neuron, end_neuron, sums, bias, bias_lands, read, line,
                        queue, saturation, fault, log, tracing,
                    )  # fmt: skip
                else:
                    _read_deltas(
                        p, j, k, c, clock, n, begin_neuron, words, partial, tags, lands, read, deltas, saturation, fault, log, tracing
                    )  # fmt: skip
                    _learn(
                        p, j, k, c, clock, n, now[j, NOW_KAPPA], row_weight, w_at, left, row_new, lane, segment, end_neuron, deltas,
                        product, updates, bias, bias_lands, row_lands, read, line, queue, saturation, fault,
                    )  # fmt: skip
            if learns and j > 0:
                counts[j, BP, 0] += 1
                counts[j, BP, 1] += count
        for j in range(1, n_junctions):
            if line[j, clock & (p[j, LINE] - 1), PRODUCT_COUNT] > 0:
                _read_partials(
                    p, j, clock, word, memory, lane, first_visit, partial, tags, lands, read, written, line, product, sum_values,
                    sum_tags, landing, fault, log, tracing,
                )  # fmt: skip
        # From here on, writes.
        since = clock - base
        host_period, host_clock = since // period, since % period
        fed = host_period - first_fed
        if fed >= 0 and fed < feed.size:
            n, s = cycle + host_period + 1, feed[fed]
            if host_clock == 0:
                control[n % places, KIND] = BUBBLE
                if s >= 0:
                    _enter(control[n % places], samples, s, common, output_neurons.size, illegal)
            if s >= 0 and host_clock * beat < p[0, N_LEFT]:
                _host(p, 0, clock, host_clock, beat, n, inputs, s, words, written, fault, log, tracing)
        for j in range(n_junctions):
            slot = clock & (p[j, LINE] - 1)
            if line[j, slot, UPDATE_ROW] > 0 or line[j, slot, BIAS_COUNT] > 0:
                _land_updates(p, j, clock, weight, bias, written, line, queue, updates, fault, log, tracing)
            if line[j, slot, SUM_COUNT] > 0:
                _land_sums(
                    p, j, clock, word, memory, lane, partial, tags, written, line, sum_values, sum_tags, fault, log, tracing
                )  # fmt: skip
            if line[j, slot, RESULT_COUNT] > 0 and p[j, IS_LAST]:
                filled = _land_outputs(
                    p, j, clock, words, written, line, queue, tables, control, output, output_neurons, results, filled,
                    saturation, fault, log, tracing,
                )  # fmt: skip
            elif line[j, slot, RESULT_COUNT] > 0:
                _land_activations(p, j, clock, words, written, line, queue, tables, fault, log, tracing)
        clock += 1
        if stop and fault[0] > 0:
            break
    return filled, clock
