"""The clock loop of the machine, compiled; :mod:`hwsim.machine.arrays` builds the arrays it works on.

In every clock all reads come first, then all writes: a word written in one clock can be read in the next. Nothing is shared
with the reference engine: this is a second implementation of the contract's arithmetic, on the words that the modelled
memories hold. Every access is checked against its port and against what the word should hold; the first violation is noted
and, unless told otherwise, ends the loop.

The arrays come in groups, each a tuple that says what it holds. In their shapes L is the number of junctions; W, C, N_r and
N_l are all edges, weight rows, right and left neurons, those of one junction after those of another; z is that of the widest
junction, T the clocks of the delay lines. What belongs to a junction stands in one row of integers, ``p``; what belongs to
a clock of its pass in another, ``k``; what it works on now in a third, ``now``. :mod:`hwsim.machine.columns` names their
columns.

The same source runs uncompiled with the environment variable NUMBA_DISABLE_JIT=1.
"""

from typing import NamedTuple

import numpy as np

from hwsim.machine.columns import *
from hwsim.vocabulary import (
    ACTIVATION,
    BIAS,
    BP,
    BUBBLE,
    DELTA,
    DERIVATIVE,
    FF,
    HOST,
    INFERENCE,
    PARTIAL,
    READ,
    TRAINING,
    UP,
    WEIGHT,
    WRITE,
)
from models.compiled import njit

# Nothing here allocates, so the compiler may leave out reference counts: they took a third of the time. The hot loops over
# lanes are functions of their own, so that their pointers stay in registers; calls with many arrays cost more than that, so
# the rest is inlined. Inlined, a group costs nothing to run, but each of its arrays takes the compiler time: functions take
# the groups that they need, not the whole state.
_compiled = njit(cache=True, error_model="numpy", _nrt=False)
_inlined = njit(cache=True, error_model="numpy", _nrt=False, forceinline=True)


# The groups. They stand here and not where they are filled, since machine code is compiled anew when this file changes, and
# knows their fields by place. First the design, which does not change.


class Lanes(NamedTuple):
    """Accesses to left neurons, one per lane at work: of all junctions in order of clocks, or those of one clock.

    Attributes
    ----------
    memory
        uint16 or uint32 [W]: the memory that the left neuron lives in; the types are small for the sake of the cache.
    word
        Likewise: its place in the bank, address * z + memory.
    lane
        Likewise: who accesses it.
    first_visit
        bool [W]: no earlier access of the pass touches the same left neuron.
    """

    memory: np.ndarray
    word: np.ndarray
    lane: np.ndarray
    first_visit: np.ndarray


class Neurons(NamedTuple):
    """What right neurons do in the clocks of a pass; they are counted over all junctions.

    Attributes
    ----------
    segment
        int64 [segments, 3]: right neuron, and the first lane and the last lane + 1 that work for it in a clock; lanes count
        from the first access of the clock.
    begin, end
        int64 [N_r]: right neurons in the order in which their first and their last edge come.
    """

    segment: np.ndarray
    begin: np.ndarray
    end: np.ndarray


class Design(NamedTuple):
    """An accelerator, as the clock loop takes it.

    Attributes
    ----------
    junctions
        int64 [L, JUNCTION_COLUMNS].
    clocks
        int64 [clocks of all passes, 11]: what happens in each.
    lanes, neurons
        The lists that ``clocks`` points into.
    output_neurons
        int64 [classes]: the output neuron of each class.
    tables
        int32 [L, pre-activations, 2]: activation and derivative.
    period, beat
        Clocks of a junction cycle; inputs that the host loads in a clock.
    least_kappa, greatest_kappa
        Learning-rate shifts that are legal.
    """

    junctions: np.ndarray
    clocks: np.ndarray
    lanes: Lanes
    neurons: Neurons
    output_neurons: np.ndarray
    tables: np.ndarray
    period: int
    beat: int
    least_kappa: int
    greatest_kappa: int


# The state: what a machine holds between two clocks.


class Memories(NamedTuple):
    """The modelled memories: what they hold, which writes are on their way, and who was last at each port.

    Junctions, banks and addresses follow each other; the columns of ``p`` say where each junction's own begin.

    Attributes
    ----------
    weight
        int32 [W], row by row.
    bias
        int64 [N_r].
    words
        int64: activations, derivatives and output deltas, each with the sample it belongs to.
    partial, tags
        int64: partial deltas; of each the sample it belongs to and the contributions so far.
    weight_lands, bias_lands, partial_lands
        int64 [C], [N_r], [partial deltas]: clock in which the last write of a weight row, a bias, a partial delta lands.
    read, written
        int64 [memories of all banks]: the last access of every read and write port.
    """

    weight: np.ndarray
    bias: np.ndarray
    words: np.ndarray
    partial: np.ndarray
    tags: np.ndarray
    weight_lands: np.ndarray
    bias_lands: np.ndarray
    partial_lands: np.ndarray
    read: np.ndarray
    written: np.ndarray


class Registers(NamedTuple):
    """What the processors of a junction hold from one clock to the next, or within a clock.

    Attributes
    ----------
    row, new_row
        int32 [L, z]: the weight row in work, and what it is to become.
    served, new_served
        int32 [z]: the same of the lanes at work, in their order, in a clock that does not serve the whole row.
    left
        int32 [z]: left activations of the lanes at work.
    sums, deltas
        int64 [N_r]: pre-activations under way, and deltas in use.
    random
        uint32 [L]: states of the generators of stochastic rounding.
    landing
        int64 [z]: until when the partial deltas that are read were being written.
    output
        int64 [N_L + 1, 2]: pre-activation and activation of the output neurons; the last row counts them.
    """

    row: np.ndarray
    new_row: np.ndarray
    served: np.ndarray
    new_served: np.ndarray
    left: np.ndarray
    sums: np.ndarray
    deltas: np.ndarray
    random: np.ndarray
    landing: np.ndarray
    output: np.ndarray


class Lines(NamedTuple):
    """Delay lines: what lands, or arrives at the accumulators, in each of the next clocks; clock c stands in slot c mod T.

    Attributes
    ----------
    arrivals
        int64 [L, T, 12]: how much of what arrives, and whose it is.
    queue
        int64 [L, T, results per clock, 4]: pre-activations and biases, each with its right neuron.
    updates
        int32 [L, T, z]: a weight row.
    product
        int64 [L, T, z]: products for the partial deltas.
    sums, tags
        int64 [L, T, z]: partial deltas, with sample and contributions.
    """

    arrivals: np.ndarray
    queue: np.ndarray
    updates: np.ndarray
    product: np.ndarray
    sums: np.ndarray
    tags: np.ndarray


class Control(NamedTuple):
    """What travels with the samples, and where each junction stands.

    Attributes
    ----------
    samples
        int64 [places, 3]: kind, label and learning-rate shift of sample n, at n mod places.
    now
        int64 [L, NOW_COLUMNS].
    illegal
        int64 [2]: training samples with an illegal learning-rate shift, label.
    """

    samples: np.ndarray
    now: np.ndarray
    illegal: np.ndarray


class State(NamedTuple):
    """Everything that a machine holds."""

    memories: Memories
    registers: Registers
    lines: Lines
    control: Control


# One call of the loop.


class Stretch(NamedTuple):
    """The clocks to run, and the periods they belong to: junction cycles of the first junction since the last standstill.

    Attributes
    ----------
    start, end
        First clock, and the one to stop before.
    base, cycle
        The clock in which period 0 begins, and its junction cycle.
    lead, limit
        First period in which junctions work (in one before, only the host loads), and the first in which none does any more.
    first_fed
        The first period that the feed speaks of.
    """

    start: int
    end: int
    base: int
    cycle: int
    lead: int
    limit: int
    first_fed: int


class Watch(NamedTuple):
    """What is noted on the way; it belongs to the caller.

    Attributes
    ----------
    fault
        int64 [12]: number of violations, and the first.
    stop
        Whether the first violation ends the loop.
    saturation
        int64 [L, 4]: how often a signal did not fit.
    counts
        int64 [L, 3, 2]: clocks and edges per junction and operation with a sample.
    log
        int64 [capacity + 1, EVENT_FIELDS]: accesses; the last row counts.
    first, past
        First clock to log and first not to.
    """

    fault: np.ndarray
    stop: bool
    saturation: np.ndarray
    counts: np.ndarray
    log: np.ndarray
    first: int
    past: int


class Here(NamedTuple):
    """Where the loop stands.

    Attributes
    ----------
    clock
        Now.
    traced
        Whether accesses of this clock are logged.
    number
        Of the junction, as in faults and events: 0 is the host.
    j, p
        Its index, and int64 [JUNCTION_COLUMNS]: its row.
    """

    clock: int
    traced: bool
    number: int
    j: int
    p: np.ndarray


class Place(NamedTuple):
    """A word, as faults and events name it; where lanes have one each, only the bank counts."""

    kind: int
    bank: int
    memory: int
    address: int


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


@_inlined
def _saturated(watch, j, signal, wide, low, high):
    """``wide`` if it fits, or else the nearest number that does; junction j counts that."""
    value = _limit(wide, low, high)
    watch.saturation[j, signal] += value != wide
    return value


# Faults and events.

NOBODY = np.zeros(0, np.bool_)
"""No lane is idle."""


@_compiled
def _fault(fault, code, here, place, lane, operation, expected, found):
    """Count a violation, and note the first."""
    fault[0] += 1
    if fault[0] == 1:
        fault[1] = code
        fault[2], fault[3] = here.clock, here.number
        fault[4], fault[5], fault[6], fault[7] = place
        fault[8], fault[9] = lane, operation
        fault[10], fault[11] = expected, found


@_compiled
def _event(log, here, operation, access, place, lane, value, sample):
    """Append one access to the event log if there is room; the last row counts, and says whether reads are left out."""
    if access == READ and log[-1, 1] != 0:
        return
    n = log[-1, 0]
    if n < log.shape[0] - 1:
        row = log[n]
        row[0], row[1] = here.clock, here.number
        row[2], row[3] = operation, access
        row[4], row[5], row[6], row[7] = place
        row[8], row[9], row[10] = lane, value, sample
    log[-1, 0] = n + 1


@_inlined
def _place(here, bank, lanes, i):
    """The word of one lane in a bank of left neurons."""
    return Place(bank.kind, bank.bank, np.int64(lanes.memory[i]), np.int64(lanes.word[i]) // here.p[Z])


@_compiled
def _log_lanes(log, here, operation, access, bank, lanes, values, sample):
    """Log one access per lane to the memories of left neurons."""
    if access == READ and log[-1, 1] != 0:
        return
    for i in range(lanes.word.size):
        _event(log, here, operation, access, _place(here, bank, lanes, i), lanes.lane[i], values[i], sample)


@_compiled
def _log_row(log, here, operation, access, row, weights, sample):
    if access == READ and log[-1, 1] != 0:
        return
    for m in range(weights.size):
        _event(log, here, operation, access, Place(WEIGHT, 0, 0, row), m, weights[m], sample)


@_inlined
def _access(fault, code, here, place, ports, at, lane, operation):
    """Use the port of one memory; a fault of this code if it has been used before in this clock."""
    before, now = ports[at], _stamp(here.clock, 0, 0)
    ports[at] = _stamp(here.clock, lane, operation)
    if before >= now:
        _fault(fault, code, here, place, lane, operation, 0, before - now)


@_compiled
def _blame_ports(fault, code, here, bank, ports, operation, lanes, idle):
    """Note the first lane whose memory another access of this clock uses as well; whether there is one.

    Lanes that ``idle`` names access nothing; the access before is noted as it stands at the port.
    """
    now = _stamp(here.clock, 0, 0)
    for i in range(lanes.word.size):
        if idle.size and idle[i]:
            continue
        used, lane = ports[lanes.memory[i]], lanes.lane[i]
        if used >= now and used != _stamp(here.clock, lane, operation):
            _fault(fault, code, here, _place(here, bank, lanes, i), lane, operation, 0, used - now)
            return True
    return False


@_compiled
def _blame_owner(fault, here, bank, owner, operation, lanes, words):
    """Note the first lane that reads the activation of another sample."""
    for i in range(lanes.word.size):
        found = words[lanes.word[i]] >> OWNER_BITS
        if found != owner:
            _fault(fault, STALE, here, _place(here, bank, lanes, i), lanes.lane[i], operation, owner, found)
            return


@_compiled
def _blame_sum(fault, here, bank, sample, lanes, tags, landing):
    """Note the first lane that adds to a sum of another sample, or to one that is on its way; ``landing``: until when."""
    for i in range(lanes.word.size):
        found = tags[lanes.word[i]] >> COUNT_BITS
        if not lanes.first_visit[i] and landing[i] >= here.clock:
            _fault(fault, PENDING, here, _place(here, bank, lanes, i), lanes.lane[i], BP, 0, 0)
            return
        if not lanes.first_visit[i] and found != sample:
            _fault(fault, STALE, here, _place(here, bank, lanes, i), lanes.lane[i], BP, sample, found)
            return


# Loops over lanes.


@_inlined
def _lanes_at(lanes, first, count):
    """Those of one clock."""
    past = first + count
    return Lanes(lanes.memory[first:past], lanes.word[first:past], lanes.lane[first:past], lanes.first_visit[first:past])


@_compiled
def _meet(ports, clock, operation, memory, lane, idle):
    """Use one port per lane, except ``idle`` ones; True if two accesses of this clock meet.

    Then no port, or each that several of these lanes share, shows an access that is not the asking lane's own.
    """
    busy, now = memory.size, _stamp(clock, 0, 0)
    for i in range(idle.size):
        busy -= np.int64(idle[i])
    if busy == ports.size:
        # Where every lane goes to the memory of its own number, all of this takes a few vector instructions.
        elsewhere, free = np.int64(0), np.int64(0)
        for i in range(ports.size):
            elsewhere |= np.int64(memory[i]) ^ np.int64(i)
            free |= now - 1 - ports[i]  # negative if used in this clock
        if elsewhere == 0:
            if free < 0:
                return True
            for i in range(ports.size):
                ports[i] = _stamp(clock, i, operation)
            return False
    twice = False
    for i in range(memory.size):
        if idle.size == 0 or not idle[i]:
            twice |= ports[memory[i]] >= now
    if twice:
        return True
    for i in range(memory.size):
        if idle.size == 0 or not idle[i]:
            ports[memory[i]] = _stamp(clock, lane[i], operation)
    for i in range(memory.size):  # a lane that does not find itself shares its memory
        if idle.size == 0 or not idle[i]:
            twice |= ports[memory[i]] != _stamp(clock, lane[i], operation)
    return twice


@_inlined
def _access_all(fault, code, here, bank, ports, operation, lanes, idle):
    """Use one port of a bank per lane, except ``idle`` ones; True, and a fault of this code, if two accesses meet."""
    clash = _meet(ports, here.clock, operation, lanes.memory, lanes.lane, idle)
    if clash:
        _blame_ports(fault, code, here, bank, ports, operation, lanes, idle)
    return clash


@_compiled
def _read_left(words, word, owner, x):
    """Read the left activations of some lanes into ``x``; the result is not 0 if one belongs to another sample."""
    differ = np.int64(0)
    expected = _tagged(owner, 0)
    for i in range(word.size):
        v = words[word[i]]
        differ |= v ^ expected
        x[i] = np.int32(v)
    return differ >> OWNER_BITS


@_compiled
def _dot(w, x, a, b, drop, mode, narrow):
    """Sum of the narrowed products of lanes a..b-1; ``narrow``: it fits 32 bits, which halves the time."""
    if drop == 0 and narrow:
        short = np.int32(0)
        for i in range(a, b):
            short = np.int32(short + np.int32(w[i] * x[i]))
        return np.int64(short)
    total = np.int64(0)
    if drop == 0:
        for i in range(a, b):
            total += np.int64(w[i]) * np.int64(x[i])
        return total
    for i in range(a, b):
        total += _round_shift(np.int64(w[i]) * np.int64(x[i]), drop, mode)
    return total


@_compiled
def _step(w, x, new, a, b, delta, form, narrow):
    """New weights of lanes a..b-1; returns how many saturated.

    ``form``: bits to drop, rounding mode, lowest and highest weight. ``narrow``: all steps fit 32 bits.
    """
    drop, mode, low, high = form
    saturated = np.int64(0)
    if narrow and drop >= 0 and mode != ROUND_HALF_EVEN:
        # Shifts and sums of 32 bits, spelled so that the compiler sees them.
        bits, half = np.int32(drop & 31), np.int32(0)
        if mode == ROUND_HALF_UP and drop > 0:
            half = np.int32(np.int64(1) << (drop - 1))
        d, lowest, highest = np.int32(delta), np.int32(low), np.int32(high)
        count = np.int32(0)
        for i in range(a, b):
            v = np.int32(w[i] - np.int32(np.int32(np.int32(x[i] * d) + half) >> bits))
            u = min(max(v, lowest), highest)
            count = np.int32(count + np.int32(u != v))
            new[i] = u
        return np.int64(count)
    for i in range(a, b):
        v = np.int64(w[i]) - _round_shift(np.int64(x[i]) * delta, drop, mode)
        u = _limit(v, low, high)
        saturated += u != v
        new[i] = u
    return saturated


@_compiled
def _step_random(w, x, new, lane, a, b, delta, form, state):
    """New weights of lanes a..b-1, rounded by what each lane takes of the generator's state; returns how many saturated."""
    drop, low, high = form[0], form[2], form[3]
    saturated = np.int64(0)
    for i in range(a, b):
        p = np.int64(x[i]) * delta
        if drop > 0:
            by = np.int64(lane[i]) * 7 & 31
            # A state written down twice: the 32 bits from any place on are those of the rotated one.
            twice = np.int64(state) << 31 | np.int64(state) >> 1
            turned = twice >> (31 - by) if by else np.int64(state)
            p = (p + (turned & ((np.int64(1) << drop) - 1))) >> drop
        else:
            p = p << -drop
        v = np.int64(w[i]) - p
        u = _limit(v, low, high)
        saturated += u != v
        new[i] = u
    return saturated


@_inlined
def _next_random(state):
    """The state of a generator after one step: xorshift32, in the lower half of 64 bits."""
    x = np.int64(state)
    x ^= (x << 13) & 0xFFFFFFFF
    x ^= x >> 17
    x ^= (x << 5) & 0xFFFFFFFF
    return np.uint32(x)


@_inlined
def _multiply(w, product, a, b, delta, drop, mode, narrow):
    """Narrowed products of the weights of lanes a..b-1 with one delta."""
    if drop == 0 and narrow:
        d = np.int32(delta)
        for i in range(a, b):
            product[i] = np.int32(w[i] * d)
        return
    if drop == 0:
        for i in range(a, b):
            product[i] = np.int64(w[i]) * delta
        return
    for i in range(a, b):
        product[i] = _round_shift(np.int64(w[i]) * delta, drop, mode)


class Sums(NamedTuple):
    """Partial deltas of a bank, their tags, and when the last write of each lands; or those of the lanes at work."""

    value: np.ndarray
    tag: np.ndarray
    lands: np.ndarray


@_inlined
def _add(bank, lanes, product, sums, sample, clock, due):
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


@_inlined
def _add_in_place(bank, lanes, product, sample):
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


@_inlined
def _copy(source, target, count):
    for i in range(count):
        target[i] = source[i]


# The operations of one junction in one clock: first those that read.


@_inlined
def _slot(here, latency):
    """The slot of the delay lines whose turn comes in ``latency`` clocks."""
    return (here.clock + latency) & (here.p[LINE] - 1)


@_inlined
def _read_row(here, row, memories, registers, watch):
    """One weight row into the row register, which FF, BP and UP share."""
    p, place = here.p, Place(WEIGHT, 0, 0, row)
    weights = memories.weight[p[EDGES] + row * p[Z] : p[EDGES] + (row + 1) * p[Z]]
    _access(watch.fault, READ_PORT, here, place, memories.read, p[WEIGHT_PORT], 0, FF)
    if memories.weight_lands[p[ROWS] + row] >= here.clock:
        _fault(watch.fault, PENDING, here, place, 0, FF, 0, 0)
    _copy(weights, registers.row[here.j], p[Z])
    if here.traced:
        _log_row(watch.log, here, FF, READ, row, weights, -1)


@_inlined
def _read_activations(here, now, operation, lanes, memories, registers, watch):
    """Left activations of the lanes at work."""
    p, n, number = here.p, now[FORWARD_SAMPLE + operation], now[FORWARD_BANK + operation]
    bank = Place(ACTIVATION, number, 0, 0)
    base, port = p[LEFT_WORDS] + number * p[N_LEFT], p[LEFT_PORTS] + number * p[Z]
    words, ports = memories.words[base : base + p[N_LEFT]], memories.read[port : port + p[Z]]
    strange = _read_left(words, lanes.word, n, registers.left)
    clash = _access_all(watch.fault, READ_PORT, here, bank, ports, operation, lanes, NOBODY)
    if strange != 0 and not clash:
        _blame_owner(watch.fault, here, bank, n, operation, lanes, words)
    if here.traced:
        _log_lanes(watch.log, here, operation, READ, bank, lanes, registers.left, n)


@_inlined
def _sum_up(here, k, w, neurons, registers):
    """Multiply the lanes' weights and activations, and add the products up."""
    p = here.p
    for i in range(k[BEGIN], k[BEGIN_END]):
        registers.sums[neurons.begin[i]] = 0
    for i in range(k[SEGMENT], k[SEGMENT_END]):
        a, b = np.uint64(neurons.segment[i, 1]), np.uint64(neurons.segment[i, 2])
        total = _dot(w, registers.left, a, b, p[PRODUCT_DROP], p[PRODUCT_MODE], p[NARROW] != 0)
        registers.sums[neurons.segment[i, 0]] += total


@_inlined
def _send_results(here, k, n, neurons, memories, registers, lines, watch):
    """Send the pre-activations of the right neurons that end in this clock on their way."""
    if k[END] == k[END_END]:
        return
    p, j, slot = here.p, here.j, _slot(here, here.p[FORWARD_LATENCY])
    arrival = lines.arrivals[j, slot]
    sent = arrival[RESULT_COUNT]
    for i in range(k[END], k[END_END]):
        r = neurons.end[i]
        own, bias = r - p[RIGHT], memories.bias[r]
        place = Place(BIAS, 0, own % p[RESULTS_PER_CLOCK], own // p[RESULTS_PER_CLOCK])
        _access(watch.fault, READ_PORT, here, place, memories.read, p[BIAS_PORTS] + place.memory, own, FF)
        if memories.bias_lands[r] >= here.clock:
            _fault(watch.fault, PENDING, here, place, own, FF, 0, 0)
        total = registers.sums[r] + _round_shift(bias, p[BIAS_DROP], ROUND_FLOOR)
        wide = _round_shift(total, p[PRE_DROP], p[PRE_MODE])
        value = _saturated(watch, j, PREACTIVATION_SIGNAL, wide, p[PRE_LOW], p[PRE_HIGH])
        lines.queue[j, slot, sent, RESULT_NEURON] = own
        lines.queue[j, slot, sent, RESULT_VALUE] = value
        sent += 1
        if here.traced:
            _event(watch.log, here, FF, READ, place, i - k[END], bias, n)
    arrival[RESULT_COUNT] = sent
    arrival[RESULT_SAMPLE] = n


@_inlined
def _read_deltas(here, k, n, neurons, memories, registers, watch):
    """Deltas of the right neurons that begin in this clock: of the last junction as stored, else from the partial deltas."""
    p, bank = here.p, n % here.p[DELTA_BANKS]
    kind = DELTA if p[IS_LAST] else PARTIAL
    for i in range(k[BEGIN], k[BEGIN_END]):
        r = neurons.begin[i] - p[RIGHT]
        place = Place(kind, bank, r % p[Z_NEXT], r // p[Z_NEXT])
        port = p[DELTA_PORTS] + bank * p[Z_NEXT] + place.memory
        _access(watch.fault, READ_PORT, here, place, memories.read, port, r, UP)
        if p[IS_LAST]:
            value = _stored_delta(here, n, r, i - k[BEGIN], place, memories, watch)
        else:
            value = _summed_delta(here, n, r, i - k[BEGIN], place, memories, watch)
        registers.deltas[neurons.begin[i]] = value


@_inlined
def _stored_delta(here, n, r, lane, place, memories, watch):
    """The delta of an output neuron."""
    p = here.p
    word = memories.words[p[DELTA_WORDS] + place.bank * p[N_RIGHT] + r]
    owner, value = word >> OWNER_BITS, _value(word)
    if owner != n:
        _fault(watch.fault, STALE, here, place, r, UP, n, owner)
    if here.traced:
        _event(watch.log, here, UP, READ, place, lane, value, n)
    return value


@_inlined
def _summed_delta(here, n, r, lane, place, memories, watch):
    """The delta of a hidden neuron: its partial delta, which the junction behind has summed up, times its derivative."""
    p = here.p
    at = p[DELTA_WORDS] + place.bank * p[N_RIGHT] + r
    owner, arrived = memories.tags[at] >> COUNT_BITS, memories.tags[at] & ((1 << COUNT_BITS) - 1)
    if owner != n:
        _fault(watch.fault, STALE, here, place, r, UP, n, owner)
    elif arrived != p[NEXT_D_OUT]:
        _fault(watch.fault, INCOMPLETE, here, place, r, UP, p[NEXT_D_OUT], arrived)
    if memories.partial_lands[at] >= here.clock:
        _fault(watch.fault, PENDING, here, place, r, UP, 0, 0)
    # Derivatives are written and read in the order of the right neurons: as many memories as there are results do.
    bank = n % p[DERIVATIVE_BANKS]
    beside = Place(DERIVATIVE, bank, r % p[RESULTS_PER_CLOCK], r // p[RESULTS_PER_CLOCK])
    derivative = memories.words[p[DERIVATIVE_WORDS] + bank * p[N_RIGHT] + r]
    port = p[DERIVATIVE_PORTS] + bank * p[RESULTS_PER_CLOCK] + beside.memory
    _access(watch.fault, READ_PORT, here, beside, memories.read, port, r, UP)
    if derivative >> OWNER_BITS != n:
        _fault(watch.fault, STALE, here, beside, r, UP, n, derivative >> OWNER_BITS)
    if here.traced:
        _event(watch.log, here, UP, READ, place, lane, memories.partial[at], n)
        _event(watch.log, here, UP, READ, beside, lane, _value(derivative), n)
    wide = _round_shift(memories.partial[at] * _value(derivative), p[DELTA_DROP], p[DELTA_MODE])
    return _saturated(watch, here.j, DELTA_SIGNAL, wide, p[DELTA_LOW], p[DELTA_HIGH])


@_inlined
def _learn(here, k, kappa, w, new, lanes, neurons, registers, watch):
    """New weights of the lanes at work; with the row ends what is random in it."""
    p = here.p
    form = (min(p[WEIGHT_DROP] + kappa, MOST_DROP), p[WEIGHT_MODE], p[WEIGHT_LOW], p[WEIGHT_HIGH])
    saturated = np.int64(0)
    for i in range(k[SEGMENT], k[SEGMENT_END]):
        a, b = np.uint64(neurons.segment[i, 1]), np.uint64(neurons.segment[i, 2])
        delta = registers.deltas[neurons.segment[i, 0]]
        if p[WEIGHT_MODE] == ROUND_STOCHASTIC:
            saturated += _step_random(w, registers.left, new, lanes.lane, a, b, delta, form, registers.random[here.j])
        else:
            saturated += _step(w, registers.left, new, a, b, delta, form, kappa <= p[NARROW_KAPPA])
    if p[WEIGHT_MODE] == ROUND_STOCHASTIC and k[ROW_ENDS]:
        registers.random[here.j] = _next_random(registers.random[here.j])
    watch.saturation[here.j, WEIGHT_SIGNAL] += saturated


@_inlined
def _send_row(here, k, n, new, lanes, memories, registers, lines):
    """Gather the new weights of a row and, when all are there, send it on its way."""
    p, j, slot = here.p, here.j, _slot(here, here.p[UPDATE_LATENCY])
    if lanes.lane.size < p[Z]:
        for i in range(lanes.lane.size):
            registers.new_row[j, lanes.lane[i]] = new[i]
        if k[ROW_ENDS]:
            _copy(registers.new_row[j], lines.updates[j, slot], p[Z])
    if k[ROW_ENDS]:
        lines.arrivals[j, slot, UPDATE_ROW] = k[ROW] + 1
        lines.arrivals[j, slot, UPDATE_SAMPLE] = n
        memories.weight_lands[p[ROWS] + k[ROW]] = here.clock + p[UPDATE_LATENCY]


@_inlined
def _send_products(here, k, n, w, neurons, registers, lines):
    """Send the products for the partial deltas of the left layer on their way."""
    p, j, slot = here.p, here.j, _slot(here, here.p[BACKWARD_LATENCY])
    arrival, product = lines.arrivals[j, slot], lines.product[j, slot]
    for i in range(k[SEGMENT], k[SEGMENT_END]):
        a, b = np.uint64(neurons.segment[i, 1]), np.uint64(neurons.segment[i, 2])
        delta = registers.deltas[neurons.segment[i, 0]]
        _multiply(w, product, a, b, delta, p[BACK_DROP], p[PRODUCT_MODE], p[NARROW] != 0)
    arrival[PRODUCT_FIRST] = k[ACCESS]
    arrival[PRODUCT_COUNT] = k[COUNT]
    arrival[PRODUCT_SAMPLE] = n


@_inlined
def _send_biases(here, k, now, neurons, memories, registers, lines, watch):
    """Send the new biases of the right neurons that end in this clock on their way."""
    if k[END] == k[END_END]:
        return
    p, j, slot = here.p, here.j, _slot(here, here.p[UPDATE_LATENCY])
    arrival, drop = lines.arrivals[j, slot], min(here.p[BIAS_STEP_DROP] + now[NOW_KAPPA], MOST_DROP)
    sent = arrival[BIAS_COUNT]
    for i in range(k[END], k[END_END]):
        r = neurons.end[i]
        own = r - p[RIGHT]
        place = Place(BIAS, 0, own % p[RESULTS_PER_CLOCK], own // p[RESULTS_PER_CLOCK])
        # FF has read the bias in this very clock, or would have: one port, one address.
        memories.read[p[BIAS_PORTS] + place.memory] = _stamp(here.clock, own, UP)
        if memories.bias_lands[r] >= here.clock:
            _fault(watch.fault, PENDING, here, place, own, UP, 0, 0)
        wide = memories.bias[r] - _round_shift(registers.deltas[r], drop, p[BIAS_MODE])
        value = _saturated(watch, j, BIAS_SIGNAL, wide, p[BIAS_LOW], p[BIAS_HIGH])
        lines.queue[j, slot, sent, BIAS_NEURON] = own
        lines.queue[j, slot, sent, BIAS_VALUE] = value
        sent += 1
        memories.bias_lands[r] = here.clock + p[UPDATE_LATENCY]
    arrival[BIAS_COUNT] = sent
    arrival[BIAS_SAMPLE] = now[FORWARD_SAMPLE + UP]


@_inlined
def _partial_bank(here, n, memories):
    """The partial deltas of a sample's bank, and where their ports are."""
    p, bank = here.p, n % here.p[PARTIAL_BANKS]
    a, port = p[PARTIAL_WORDS] + bank * p[N_LEFT], p[PARTIAL_PORTS] + bank * p[Z]
    b = a + p[N_LEFT]
    sums = Sums(memories.partial[a:b], memories.tags[a:b], memories.partial_lands[a:b])
    return Place(PARTIAL, bank, 0, 0), sums, memories.read[port : port + p[Z]], memories.written[port : port + p[Z]]


@_inlined
def _read_partials(here, lists, memories, registers, lines, watch):
    """Products arrive at the accumulators: read the partial deltas and add; the sums land after the loop's length."""
    p, j, slot = here.p, here.j, _slot(here, 0)
    arrival, product = lines.arrivals[j, slot], lines.product[j, slot]
    n, lanes = arrival[PRODUCT_SAMPLE], _lanes_at(lists, arrival[PRODUCT_FIRST], arrival[PRODUCT_COUNT])
    bank, held, read, written = _partial_bank(here, n, memories)
    _access_all(watch.fault, READ_PORT, here, bank, read, BP, lanes, lanes.first_visit)
    if p[ACCUMULATE] == 1 and not here.traced:
        _access_all(watch.fault, WRITE_PORT, here, bank, written, BP, lanes, NOBODY)
        bad = _add_in_place(held, lanes, product, n)
    else:
        for i in range(lanes.word.size):
            registers.landing[i] = held.lands[lanes.word[i]]
            if here.traced and not lanes.first_visit[i]:
                place = _place(here, bank, lanes, i)
                _event(watch.log, here, BP, READ, place, lanes.lane[i], held.value[lanes.word[i]], n)
        target = _slot(here, p[ACCUMULATE] - 1)
        sums = Sums(lines.sums[j, target], lines.tags[j, target], registers.landing)
        bad = _add(held, lanes, product, sums, n, here.clock, here.clock + p[ACCUMULATE] - 1)
        due = lines.arrivals[j, target]
        due[SUM_FIRST], due[SUM_COUNT], due[SUM_SAMPLE] = arrival[PRODUCT_FIRST], arrival[PRODUCT_COUNT], n
    arrival[PRODUCT_COUNT] = 0
    if bad != 0:
        _blame_sum(watch.fault, here, bank, n, lanes, held.tag, registers.landing)


# Then those that write.


@_compiled
def _host(here, n, x, first, past, words, written, watch):
    """Write inputs first..past-1 of sample n into the memories of layer 0."""
    p, z, bank = here.p, here.p[Z], n % here.p[LEFT_BANKS]
    base, port = p[LEFT_WORDS] + bank * p[N_LEFT], p[LEFT_PORTS] + bank * z
    q, now = first, _stamp(here.clock, 0, 0)
    memory, address = q % z, q // z
    while q < past:
        count = min(past - q, z - memory)  # one word for each of some neighbouring memories
        values, held = x[q : q + count], words[base + q : base + q + count]
        ports = written[port + memory : port + memory + count]
        twice = False
        for i in range(count):
            twice |= ports[i] >= now
        if twice:
            for i in range(count):
                place = Place(ACTIVATION, bank, memory + i, address)
                _access(watch.fault, WRITE_PORT, here, place, ports, i, q + i, HOST)
        for i in range(count):
            ports[i] = _stamp(here.clock, q + i, HOST)
            held[i] = _tagged(n, values[i])
        if here.traced:
            for i in range(count):
                place = Place(ACTIVATION, bank, memory + i, address)
                _event(watch.log, here, HOST, WRITE, place, q + i - first, values[i], n)
        q += count
        memory, address = 0, address + 1


@_inlined
def _land_sums(here, lists, memories, lines, watch):
    """Partial deltas are written back."""
    j, slot = here.j, _slot(here, 0)
    arrival, sums, tags = lines.arrivals[j, slot], lines.sums[j, slot], lines.tags[j, slot]
    n, lanes = arrival[SUM_SAMPLE], _lanes_at(lists, arrival[SUM_FIRST], arrival[SUM_COUNT])
    bank, held, _, written = _partial_bank(here, n, memories)
    _access_all(watch.fault, WRITE_PORT, here, bank, written, BP, lanes, NOBODY)
    for i in range(lanes.word.size):
        held.value[lanes.word[i]] = sums[i]
        held.tag[lanes.word[i]] = tags[i]
    arrival[SUM_COUNT] = 0
    if here.traced:
        _log_lanes(watch.log, here, BP, WRITE, bank, lanes, sums, n)


@_inlined
def _land_row(here, memories, lines, watch):
    """A weight row is written back."""
    p, slot = here.p, _slot(here, 0)
    arrival = lines.arrivals[here.j, slot]
    row = arrival[UPDATE_ROW] - 1
    weights = memories.weight[p[EDGES] + row * p[Z] : p[EDGES] + (row + 1) * p[Z]]
    _access(watch.fault, WRITE_PORT, here, Place(WEIGHT, 0, 0, row), memories.written, p[WEIGHT_PORT], 0, UP)
    _copy(lines.updates[here.j, slot], weights, p[Z])
    if here.traced:
        _log_row(watch.log, here, UP, WRITE, row, weights, arrival[UPDATE_SAMPLE])
    arrival[UPDATE_ROW] = 0


@_inlined
def _land_biases(here, memories, lines, watch):
    """Biases are written back."""
    p, slot = here.p, _slot(here, 0)
    arrival, queue = lines.arrivals[here.j, slot], lines.queue[here.j, slot]
    for i in range(arrival[BIAS_COUNT]):
        r, value = queue[i, BIAS_NEURON], queue[i, BIAS_VALUE]
        place = Place(BIAS, 0, r % p[RESULTS_PER_CLOCK], r // p[RESULTS_PER_CLOCK])
        _access(watch.fault, WRITE_PORT, here, place, memories.written, p[BIAS_PORTS] + place.memory, r, UP)
        memories.bias[p[RIGHT] + r] = value
        if here.traced:
            _event(watch.log, here, UP, WRITE, place, i, value, arrival[BIAS_SAMPLE])
    arrival[BIAS_COUNT] = 0


@_inlined
def _land_activations(here, table, memories, lines, watch):
    """Pre-activations go through the tables into the memories of the next layer."""
    p, slot = here.p, _slot(here, 0)
    arrival, queue = lines.arrivals[here.j, slot], lines.queue[here.j, slot]
    n = arrival[RESULT_SAMPLE]
    bank, derivative_bank = n % p[NEXT_BANKS], n % p[DERIVATIVE_BANKS]
    for i in range(arrival[RESULT_COUNT]):
        r, entry = queue[i, RESULT_NEURON], queue[i, RESULT_VALUE] - p[PRE_LOW]
        value, derivative = table[entry, 0], table[entry, 1]
        place = Place(ACTIVATION, bank, r % p[Z_NEXT], r // p[Z_NEXT])
        port = p[NEXT_PORTS] + bank * p[Z_NEXT] + place.memory
        _access(watch.fault, WRITE_PORT, here, place, memories.written, port, r, FF)
        memories.words[p[NEXT_WORDS] + bank * p[N_RIGHT] + r] = _tagged(n, value)
        memories.words[p[DERIVATIVE_WORDS] + derivative_bank * p[N_RIGHT] + r] = _tagged(n, derivative)
        if here.traced:
            beside = Place(DERIVATIVE, derivative_bank, r % p[RESULTS_PER_CLOCK], r // p[RESULTS_PER_CLOCK])
            _event(watch.log, here, FF, WRITE, place, i, value, n)
            _event(watch.log, here, FF, WRITE, beside, i, derivative, n)
    arrival[RESULT_COUNT] = 0


@_inlined
def _land_outputs(here, table, outputs, sample, memories, registers, lines, watch):
    """Results leave the last junction, for training each with its delta; whether the sample's last one was among them."""
    p, slot = here.p, _slot(here, 0)
    arrival, queue = lines.arrivals[here.j, slot], lines.queue[here.j, slot]
    n = arrival[RESULT_SAMPLE]
    bank = n % p[DELTA_BANKS]
    for i in range(arrival[RESULT_COUNT]):
        r, pre = queue[i, RESULT_NEURON], queue[i, RESULT_VALUE]
        value, derivative = table[pre - p[PRE_LOW], 0], table[pre - p[PRE_LOW], 1]
        registers.output[r, 0], registers.output[r, 1] = pre, value
        registers.output[-1, 0] += 1
        if sample[KIND] != TRAINING:
            continue
        error = np.int64(value)
        if r == outputs[sample[LABEL]]:
            error -= p[ONE]
        if p[QUADRATIC]:
            error *= derivative
        wide = _round_shift(error, p[OUTPUT_DROP], p[DELTA_MODE])
        delta = _saturated(watch, here.j, DELTA_SIGNAL, wide, p[DELTA_LOW], p[DELTA_HIGH])
        place = Place(DELTA, bank, r % p[Z_NEXT], r // p[Z_NEXT])
        port = p[DELTA_PORTS] + bank * p[Z_NEXT] + place.memory
        _access(watch.fault, WRITE_PORT, here, place, memories.written, port, r, FF)
        memories.words[p[DELTA_WORDS] + bank * p[N_RIGHT] + r] = _tagged(n, delta)
        if here.traced:
            _event(watch.log, here, FF, WRITE, place, i, delta, n)
    arrival[RESULT_COUNT] = 0
    return registers.output[-1, 0] == p[N_RIGHT]


@_inlined
def _leave(clock, sample, outputs, output, results, filled):
    """All outputs of a sample are there: its result."""
    output[-1, 0] = 0
    best = 0
    for c in range(1, outputs.size):
        if output[outputs[c], 0] > output[outputs[best], 0]:
            best = c
    results.prediction[filled] = best
    results.label[filled] = sample[LABEL]
    results.kind[filled] = sample[KIND]
    results.clock[filled] = clock
    for q in range(results.output.shape[1]):
        results.output[filled, q] = output[q, 1]


# The clocks.


@_inlined
def _begin_cycle(p, t, now, samples, works):
    """What a junction does in junction cycle t: nothing unless it ``works`` at all."""
    places = samples.shape[0]
    n_forward, n_back = t - p[FORWARD_LAG], t - p[BACKWARD_LAG]
    feeds = works and n_forward >= 0 and samples[n_forward % places, KIND] != BUBBLE
    learns = works and n_back >= 0 and samples[n_back % places, KIND] == TRAINING
    now[FEEDS], now[LEARNS], now[WORKS] = feeds, learns, feeds or learns
    now[FORWARD_SAMPLE + FF], now[FORWARD_SAMPLE + UP] = n_forward, n_back
    now[FORWARD_BANK + FF], now[FORWARD_BANK + UP] = n_forward % p[LEFT_BANKS], n_back % p[LEFT_BANKS]
    now[NOW_KAPPA] = samples[n_back % places, KAPPA]


@_inlined
def _enter(place, samples, s, design, illegal):
    """Let sample s into its place of the control pipeline.

    With an illegal learning-rate shift or label it is not for training, whatever it says: it is fed forward only, and
    counted.
    """
    kind, label, kappa = samples.kind[s], samples.label[s], samples.kappa[s]
    if kind == TRAINING:
        kappa_is = design.least_kappa <= kappa <= design.greatest_kappa
        label_is = 0 <= label < design.output_neurons.size
        illegal[0] += not kappa_is
        illegal[1] += not label_is
        if not (kappa_is and label_is):
            kind = INFERENCE
    place[KIND], place[LABEL], place[KAPPA] = kind, label, kappa


@_compiled
def run(design, state, stretch, feed, samples, results, watch):
    """Advance through a stretch of clocks.

    Parameters
    ----------
    design, state, stretch, watch
        :class:`Design`, :class:`State`, :class:`Stretch`, :class:`Watch`.
    feed
        int64: row of ``samples`` that the host loads in each period, for the junction cycle after it; -1 for none.
    samples, results
        :class:`hwsim.machine.streams.Samples` and, with room for all that leave, :class:`hwsim.machine.streams.Results`.

    Returns
    -------
    tuple
        How many results have left, and the clock reached.
    """
    neurons, outputs = design.neurons, design.output_neurons
    memories, registers, lines, control = state
    period, n_junctions, places = design.period, design.junctions.shape[0], control.samples.shape[0]
    filled, clock = 0, stretch.start
    for j in range(n_junctions):
        since = clock - 1 - stretch.base - design.junctions[j, OFFSET]
        control.now[j, PERIOD], control.now[j, PASS_CLOCK] = since // period, since % period
    while clock < stretch.end:
        traced = watch.first <= clock and clock < watch.past
        for j in range(n_junctions):
            p, now = design.junctions[j], control.now[j]
            here = Here(clock, traced, p[NUMBER], j, p)
            c = now[PASS_CLOCK] + 1
            if c == period:
                c = 0
                now[PERIOD] += 1
            now[PASS_CLOCK] = c
            if c == 0 or clock == stretch.start:
                t = now[PERIOD]
                _begin_cycle(p, stretch.cycle + t, now, control.samples, stretch.lead <= t and t < stretch.limit)
            if not now[WORKS] or c >= p[CLOCKS]:
                continue
            feeds, learns = now[FEEDS], now[LEARNS]
            k = design.clocks[p[FIRST_CLOCK] + c]
            lanes = _lanes_at(design.lanes, k[ACCESS], k[COUNT])
            whole = k[COUNT] == p[Z]
            if k[ROW_BEGINS]:
                _read_row(here, k[ROW], memories, registers, watch)
            w = registers.row[j] if whole else registers.served
            if not whole:
                for i in range(k[COUNT]):
                    w[i] = registers.row[j, lanes.lane[i]]
            for operation in (FF, UP):
                if not (feeds if operation == FF else learns):
                    continue
                n = now[FORWARD_SAMPLE + operation]
                watch.counts[j, operation, 0] += 1
                watch.counts[j, operation, 1] += k[COUNT]
                _read_activations(here, now, operation, lanes, memories, registers, watch)
                if operation == FF:
                    _sum_up(here, k, w, neurons, registers)
                    _send_results(here, k, n, neurons, memories, registers, lines, watch)
                else:
                    _read_deltas(here, k, n, neurons, memories, registers, watch)
                    new = lines.updates[j, _slot(here, p[UPDATE_LATENCY])] if whole else registers.new_served
                    _learn(here, k, now[NOW_KAPPA], w, new, lanes, neurons, registers, watch)
                    _send_row(here, k, n, new, lanes, memories, registers, lines)
                    _send_biases(here, k, now, neurons, memories, registers, lines, watch)
            if learns and j > 0:
                _send_products(here, k, now[FORWARD_SAMPLE + UP], w, neurons, registers, lines)
                watch.counts[j, BP, 0] += 1
                watch.counts[j, BP, 1] += k[COUNT]
        for j in range(1, n_junctions):
            p = design.junctions[j]
            here = Here(clock, traced, p[NUMBER], j, p)
            if lines.arrivals[j, _slot(here, 0), PRODUCT_COUNT] > 0:
                _read_partials(here, design.lanes, memories, registers, lines, watch)
        # From here on, writes.
        since = clock - stretch.base
        host_period, host_clock = since // period, since % period
        fed = host_period - stretch.first_fed
        if fed >= 0 and fed < feed.size:
            n, s = stretch.cycle + host_period + 1, feed[fed]
            if host_clock == 0:
                control.samples[n % places, KIND] = BUBBLE
                if s >= 0:
                    _enter(control.samples[n % places], samples, s, design, control.illegal)
            first, p = host_clock * design.beat, design.junctions[0]
            if s >= 0 and first < p[N_LEFT]:
                past = min(first + design.beat, p[N_LEFT])
                here = Here(clock, traced, 0, 0, p)
                _host(here, n, samples.input[s], first, past, memories.words, memories.written, watch)
        for j in range(n_junctions):
            p = design.junctions[j]
            here = Here(clock, traced, p[NUMBER], j, p)
            arrival = lines.arrivals[j, _slot(here, 0)]
            if arrival[UPDATE_ROW] > 0:
                _land_row(here, memories, lines, watch)
            if arrival[BIAS_COUNT] > 0:
                _land_biases(here, memories, lines, watch)
            if arrival[SUM_COUNT] > 0:
                _land_sums(here, design.lanes, memories, lines, watch)
            if arrival[RESULT_COUNT] > 0 and p[IS_LAST]:
                sample = control.samples[arrival[RESULT_SAMPLE] % places]
                if _land_outputs(here, design.tables[j], outputs, sample, memories, registers, lines, watch):
                    _leave(clock, sample, outputs, registers.output, results, filled)
                    filled += 1
            elif arrival[RESULT_COUNT] > 0:
                _land_activations(here, design.tables[j], memories, lines, watch)
        clock += 1
        if watch.stop and watch.fault[0] > 0:
            break
    return filled, clock
