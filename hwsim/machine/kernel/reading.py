"""What one junction does in one clock before anything is written: it reads, computes, and sends results on their way."""

from hwsim.machine.columns import *
from hwsim.machine.kernel.arithmetic import round_shift, saturated, stamp, value_of
from hwsim.machine.kernel.checks import (
    NOBODY,
    blame_owner,
    blame_sum,
    log_event,
    log_lanes,
    log_row,
    note_fault,
    place_of,
    use_port,
    use_ports,
)
from hwsim.machine.kernel.compiling import inlined
from hwsim.machine.kernel.groups import Place, Sums
from hwsim.machine.kernel.lanes import (
    add,
    add_in_place,
    add_up,
    copy_row,
    lanes_at,
    multiply,
    next_random,
    read_left,
    step,
    step_random,
)
from hwsim.vocabulary import ACTIVATION, BIAS, BP, DELTA, DERIVATIVE, FF, PARTIAL, READ, UP, WEIGHT


@inlined
def slot_in(here, latency):
    """The slot of the delay lines whose turn comes in ``latency`` clocks."""
    return (here.clock + latency) & (here.p[LINE] - 1)


@inlined
def read_row(here, row, memories, registers, watch):
    """One weight row into the row register, which FF, BP and UP share."""
    p, place = here.p, Place(WEIGHT, 0, 0, row)
    weights = memories.weight[p[EDGES] + row * p[Z] : p[EDGES] + (row + 1) * p[Z]]
    use_port(watch.fault, READ_PORT, here, place, memories.read, p[WEIGHT_PORT], 0, FF)
    if memories.weight_lands[p[ROWS] + row] >= here.clock:
        note_fault(watch.fault, PENDING, here, place, 0, FF, 0, 0)
    copy_row(weights, registers.row[here.j], p[Z])
    if here.traced:
        log_row(watch.log, here, FF, READ, row, weights, -1)


@inlined
def read_activations(here, now, operation, lanes, memories, registers, watch):
    """Left activations of the lanes at work."""
    p, n, number = here.p, now[FORWARD_SAMPLE + operation], now[FORWARD_BANK + operation]
    bank = Place(ACTIVATION, number, 0, 0)
    base, port = p[LEFT_WORDS] + number * p[N_LEFT], p[LEFT_PORTS] + number * p[Z]
    words, ports = memories.words[base : base + p[N_LEFT]], memories.read[port : port + p[Z]]
    strange = read_left(words, lanes.word, n, registers.left)
    clash = use_ports(watch.fault, READ_PORT, here, bank, ports, operation, lanes, NOBODY)
    if strange != 0 and not clash:
        blame_owner(watch.fault, here, bank, n, operation, lanes, words)
    if here.traced:
        log_lanes(watch.log, here, operation, READ, bank, lanes, registers.left, n)


@inlined
def sum_up(here, k, w, neurons, registers):
    """Multiply the lanes' weights and activations, and add the products up."""
    p = here.p
    for i in range(k[BEGIN], k[BEGIN_END]):
        registers.sums[neurons.begin[i]] = 0
    segments = neurons.segment[k[SEGMENT] : k[SEGMENT_END]]
    add_up(w, registers.left, segments, registers.sums, p[PRODUCT_DROP], p[PRODUCT_MODE], p[NARROW] != 0)


@inlined
def send_results(here, k, n, neurons, memories, registers, lines, watch):
    """Send the pre-activations of the right neurons that end in this clock on their way."""
    if k[END] == k[END_END]:
        return
    p, j, slot = here.p, here.j, slot_in(here, here.p[FORWARD_LATENCY])
    arrival = lines.arrivals[j, slot]
    sent = arrival[RESULT_COUNT]
    for i in range(k[END], k[END_END]):
        r = neurons.end[i]
        own, bias = r - p[RIGHT], memories.bias[r]
        place = Place(BIAS, 0, own % p[RESULTS_PER_CLOCK], own // p[RESULTS_PER_CLOCK])
        use_port(watch.fault, READ_PORT, here, place, memories.read, p[BIAS_PORTS] + place.memory, own, FF)
        if memories.bias_lands[r] >= here.clock:
            note_fault(watch.fault, PENDING, here, place, own, FF, 0, 0)
        total = registers.sums[r] + round_shift(bias, p[BIAS_DROP], ROUND_FLOOR)
        wide = round_shift(total, p[PRE_DROP], p[PRE_MODE])
        value = saturated(watch.saturation, j, PREACTIVATION_SIGNAL, wide, p[PRE_LOW], p[PRE_HIGH])
        lines.queue[j, slot, sent, RESULT_NEURON] = own
        lines.queue[j, slot, sent, RESULT_VALUE] = value
        sent += 1
        if here.traced:
            log_event(watch.log, here, FF, READ, place, i - k[END], bias, n)
    arrival[RESULT_COUNT] = sent
    arrival[RESULT_SAMPLE] = n


@inlined
def read_deltas(here, k, n, neurons, memories, registers, watch):
    """Deltas of the right neurons that begin in this clock: of the last junction as stored, else from the partial deltas."""
    p, bank = here.p, n % here.p[DELTA_BANKS]
    kind = DELTA if p[IS_LAST] else PARTIAL
    for i in range(k[BEGIN], k[BEGIN_END]):
        r = neurons.begin[i] - p[RIGHT]
        place = Place(kind, bank, r % p[Z_NEXT], r // p[Z_NEXT])
        port = p[DELTA_PORTS] + bank * p[Z_NEXT] + place.memory
        use_port(watch.fault, READ_PORT, here, place, memories.read, port, r, UP)
        if p[IS_LAST]:
            value = _stored_delta(here, n, r, i - k[BEGIN], place, memories, watch)
        else:
            value = _summed_delta(here, n, r, i - k[BEGIN], place, memories, watch)
        registers.deltas[neurons.begin[i]] = value


@inlined
def _stored_delta(here, n, r, lane, place, memories, watch):
    """The delta of an output neuron."""
    p = here.p
    word = memories.words[p[DELTA_WORDS] + place.bank * p[N_RIGHT] + r]
    owner, value = word >> OWNER_BITS, value_of(word)
    if owner != n:
        note_fault(watch.fault, STALE, here, place, r, UP, n, owner)
    if here.traced:
        log_event(watch.log, here, UP, READ, place, lane, value, n)
    return value


@inlined
def _summed_delta(here, n, r, lane, place, memories, watch):
    """The delta of a hidden neuron: its partial delta, which the junction behind has summed up, times its derivative."""
    p = here.p
    at = p[DELTA_WORDS] + place.bank * p[N_RIGHT] + r
    owner, arrived = memories.tags[at] >> COUNT_BITS, memories.tags[at] & ((1 << COUNT_BITS) - 1)
    if owner != n:
        note_fault(watch.fault, STALE, here, place, r, UP, n, owner)
    elif arrived != p[NEXT_D_OUT]:
        note_fault(watch.fault, INCOMPLETE, here, place, r, UP, p[NEXT_D_OUT], arrived)
    if memories.partial_lands[at] >= here.clock:
        note_fault(watch.fault, PENDING, here, place, r, UP, 0, 0)
    # Derivatives are written and read in the order of the right neurons: as many memories as there are results do.
    bank = n % p[DERIVATIVE_BANKS]
    beside = Place(DERIVATIVE, bank, r % p[RESULTS_PER_CLOCK], r // p[RESULTS_PER_CLOCK])
    derivative = memories.words[p[DERIVATIVE_WORDS] + bank * p[N_RIGHT] + r]
    port = p[DERIVATIVE_PORTS] + bank * p[RESULTS_PER_CLOCK] + beside.memory
    use_port(watch.fault, READ_PORT, here, beside, memories.read, port, r, UP)
    if derivative >> OWNER_BITS != n:
        note_fault(watch.fault, STALE, here, beside, r, UP, n, derivative >> OWNER_BITS)
    if here.traced:
        log_event(watch.log, here, UP, READ, place, lane, memories.partial[at], n)
        log_event(watch.log, here, UP, READ, beside, lane, value_of(derivative), n)
    wide = round_shift(memories.partial[at] * value_of(derivative), p[DELTA_DROP], p[DELTA_MODE])
    return saturated(watch.saturation, here.j, DELTA_SIGNAL, wide, p[DELTA_LOW], p[DELTA_HIGH])


@inlined
def learn(here, k, kappa, w, new, lanes, neurons, registers, watch):
    """New weights of the lanes at work; with the row ends what is random in it."""
    p = here.p
    form = (min(p[WEIGHT_DROP] + kappa, MOST_DROP), p[WEIGHT_MODE], p[WEIGHT_LOW], p[WEIGHT_HIGH])
    segments, state = neurons.segment[k[SEGMENT] : k[SEGMENT_END]], registers.random[here.j]
    copy_row(w, new, k[COUNT])
    if p[WEIGHT_MODE] != ROUND_STOCHASTIC:
        count = step(new, registers.left, segments, registers.deltas, form, kappa <= p[NARROW_KAPPA])
    else:
        count = step_random(new, registers.left, lanes.lane, segments, registers.deltas, form, state)
        if k[ROW_ENDS]:
            registers.random[here.j] = next_random(state)
    watch.saturation[here.j, WEIGHT_SIGNAL] += count


@inlined
def send_row(here, k, n, new, lanes, memories, registers, lines):
    """Gather the new weights of a row and, when all are there, send it on its way."""
    p, j, slot = here.p, here.j, slot_in(here, here.p[UPDATE_LATENCY])
    if lanes.lane.size < p[Z]:
        for i in range(lanes.lane.size):
            registers.new_row[j, lanes.lane[i]] = new[i]
        if k[ROW_ENDS]:
            copy_row(registers.new_row[j], lines.updates[j, slot], p[Z])
    if k[ROW_ENDS]:
        lines.arrivals[j, slot, UPDATE_ROW] = k[ROW] + 1
        lines.arrivals[j, slot, UPDATE_SAMPLE] = n
        memories.weight_lands[p[ROWS] + k[ROW]] = here.clock + p[UPDATE_LATENCY]


@inlined
def send_products(here, k, n, w, neurons, registers, lines):
    """Send the products for the partial deltas of the left layer on their way."""
    p, j, slot = here.p, here.j, slot_in(here, here.p[BACKWARD_LATENCY])
    arrival, product = lines.arrivals[j, slot], lines.product[j, slot]
    segments = neurons.segment[k[SEGMENT] : k[SEGMENT_END]]
    multiply(w, product, segments, registers.deltas, p[BACK_DROP], p[PRODUCT_MODE], p[NARROW] != 0)
    arrival[PRODUCT_FIRST] = k[ACCESS]
    arrival[PRODUCT_COUNT] = k[COUNT]
    arrival[PRODUCT_SAMPLE] = n


@inlined
def send_biases(here, k, now, neurons, memories, registers, lines, watch):
    """Send the new biases of the right neurons that end in this clock on their way."""
    if k[END] == k[END_END]:
        return
    p, j, slot = here.p, here.j, slot_in(here, here.p[UPDATE_LATENCY])
    arrival, drop = lines.arrivals[j, slot], min(here.p[BIAS_STEP_DROP] + now[NOW_KAPPA], MOST_DROP)
    sent = arrival[BIAS_COUNT]
    for i in range(k[END], k[END_END]):
        r = neurons.end[i]
        own = r - p[RIGHT]
        place = Place(BIAS, 0, own % p[RESULTS_PER_CLOCK], own // p[RESULTS_PER_CLOCK])
        # FF has read the bias in this very clock, or would have: one port, one address.
        memories.read[p[BIAS_PORTS] + place.memory] = stamp(here.clock, own, UP)
        if memories.bias_lands[r] >= here.clock:
            note_fault(watch.fault, PENDING, here, place, own, UP, 0, 0)
        wide = memories.bias[r] - round_shift(registers.deltas[r], drop, p[BIAS_MODE])
        value = saturated(watch.saturation, j, BIAS_SIGNAL, wide, p[BIAS_LOW], p[BIAS_HIGH])
        lines.queue[j, slot, sent, BIAS_NEURON] = own
        lines.queue[j, slot, sent, BIAS_VALUE] = value
        sent += 1
        memories.bias_lands[r] = here.clock + p[UPDATE_LATENCY]
    arrival[BIAS_COUNT] = sent
    arrival[BIAS_SAMPLE] = now[FORWARD_SAMPLE + UP]


@inlined
def partial_bank(here, n, memories):
    """The partial deltas of a sample's bank, and where their ports are."""
    p, bank = here.p, n % here.p[PARTIAL_BANKS]
    a, port = p[PARTIAL_WORDS] + bank * p[N_LEFT], p[PARTIAL_PORTS] + bank * p[Z]
    b = a + p[N_LEFT]
    sums = Sums(memories.partial[a:b], memories.tags[a:b], memories.partial_lands[a:b])
    return Place(PARTIAL, bank, 0, 0), sums, memories.read[port : port + p[Z]], memories.written[port : port + p[Z]]


@inlined
def read_partials(here, lists, memories, registers, lines, watch):
    """Products arrive at the accumulators: read the partial deltas and add; the sums land after the loop's length."""
    p, j, slot = here.p, here.j, slot_in(here, 0)
    arrival, product = lines.arrivals[j, slot], lines.product[j, slot]
    n, lanes = arrival[PRODUCT_SAMPLE], lanes_at(lists, arrival[PRODUCT_FIRST], arrival[PRODUCT_COUNT])
    bank, held, read, written = partial_bank(here, n, memories)
    use_ports(watch.fault, READ_PORT, here, bank, read, BP, lanes, lanes.first_visit)
    if p[ACCUMULATE] == 1 and not here.traced:
        use_ports(watch.fault, WRITE_PORT, here, bank, written, BP, lanes, NOBODY)
        bad = add_in_place(held, lanes, product, n)
    else:
        for i in range(lanes.word.size):
            registers.landing[i] = held.lands[lanes.word[i]]
            if here.traced and not lanes.first_visit[i]:
                place = place_of(here, bank, lanes, i)
                log_event(watch.log, here, BP, READ, place, lanes.lane[i], held.value[lanes.word[i]], n)
        target = slot_in(here, p[ACCUMULATE] - 1)
        sums = Sums(lines.sums[j, target], lines.tags[j, target], registers.landing)
        bad = add(held, lanes, product, sums, n, here.clock, here.clock + p[ACCUMULATE] - 1)
        due = lines.arrivals[j, target]
        due[SUM_FIRST], due[SUM_COUNT], due[SUM_SAMPLE] = arrival[PRODUCT_FIRST], arrival[PRODUCT_COUNT], n
    arrival[PRODUCT_COUNT] = 0
    if bad != 0:
        blame_sum(watch.fault, here, bank, n, lanes, held.tag, registers.landing)
