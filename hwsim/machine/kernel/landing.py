"""What is written in one clock, after all reads: inputs by the host, and what arrives out of the delay lines."""

import numpy as np

from hwsim.machine.columns import *
from hwsim.machine.kernel.arithmetic import round_shift, saturated, stamp, tagged
from hwsim.machine.kernel.checks import NOBODY, log_event, log_lanes, log_row, use_port, use_ports
from hwsim.machine.kernel.compiling import compiled, inlined
from hwsim.machine.kernel.groups import Place
from hwsim.machine.kernel.lanes import copy_row, lanes_at
from hwsim.machine.kernel.reading import partial_bank, slot_in
from hwsim.vocabulary import ACTIVATION, BIAS, BP, DELTA, DERIVATIVE, FF, HOST, TRAINING, UP, WEIGHT, WRITE


@compiled
def host(here, n, x, first, past, words, written, watch):
    """Write inputs first..past-1 of sample n into the memories of layer 0."""
    p, z, bank = here.p, here.p[Z], n % here.p[LEFT_BANKS]
    base, port = p[LEFT_WORDS] + bank * p[N_LEFT], p[LEFT_PORTS] + bank * z
    q, now = first, stamp(here.clock, 0, 0)
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
                use_port(watch.fault, WRITE_PORT, here, place, ports, i, q + i, HOST)
        for i in range(count):
            ports[i] = stamp(here.clock, q + i, HOST)
            held[i] = tagged(n, values[i])
        if here.traced:
            for i in range(count):
                place = Place(ACTIVATION, bank, memory + i, address)
                log_event(watch.log, here, HOST, WRITE, place, q + i - first, values[i], n)
        q += count
        memory, address = 0, address + 1


@inlined
def land_sums(here, lists, memories, lines, watch):
    """Partial deltas are written back."""
    j, slot = here.j, slot_in(here, 0)
    arrival, sums, tags = lines.arrivals[j, slot], lines.sums[j, slot], lines.tags[j, slot]
    n, lanes = arrival[SUM_SAMPLE], lanes_at(lists, arrival[SUM_FIRST], arrival[SUM_COUNT])
    bank, held, _, written = partial_bank(here, n, memories)
    use_ports(watch.fault, WRITE_PORT, here, bank, written, BP, lanes, NOBODY)
    for i in range(lanes.word.size):
        held.value[lanes.word[i]] = sums[i]
        held.tag[lanes.word[i]] = tags[i]
    arrival[SUM_COUNT] = 0
    if here.traced:
        log_lanes(watch.log, here, BP, WRITE, bank, lanes, sums, n)


@inlined
def land_row(here, memories, lines, watch):
    """A weight row is written back."""
    p, slot = here.p, slot_in(here, 0)
    arrival = lines.arrivals[here.j, slot]
    row = arrival[UPDATE_ROW] - 1
    weights = memories.weight[p[EDGES] + row * p[Z] : p[EDGES] + (row + 1) * p[Z]]
    use_port(watch.fault, WRITE_PORT, here, Place(WEIGHT, 0, 0, row), memories.written, p[WEIGHT_PORT], 0, UP)
    copy_row(lines.updates[here.j, slot], weights, p[Z])
    if here.traced:
        log_row(watch.log, here, UP, WRITE, row, weights, arrival[UPDATE_SAMPLE])
    arrival[UPDATE_ROW] = 0


@inlined
def land_biases(here, memories, lines, watch):
    """Biases are written back."""
    p, slot = here.p, slot_in(here, 0)
    arrival, queue = lines.arrivals[here.j, slot], lines.queue[here.j, slot]
    for i in range(arrival[BIAS_COUNT]):
        r, value = queue[i, BIAS_NEURON], queue[i, BIAS_VALUE]
        place = Place(BIAS, 0, r % p[RESULTS_PER_CLOCK], r // p[RESULTS_PER_CLOCK])
        use_port(watch.fault, WRITE_PORT, here, place, memories.written, p[BIAS_PORTS] + place.memory, r, UP)
        memories.bias[p[RIGHT] + r] = value
        if here.traced:
            log_event(watch.log, here, UP, WRITE, place, i, value, arrival[BIAS_SAMPLE])
    arrival[BIAS_COUNT] = 0


@inlined
def land_activations(here, table, memories, lines, watch):
    """Pre-activations go through the tables into the memories of the next layer."""
    p, slot = here.p, slot_in(here, 0)
    arrival, queue = lines.arrivals[here.j, slot], lines.queue[here.j, slot]
    n = arrival[RESULT_SAMPLE]
    bank, derivative_bank = n % p[NEXT_BANKS], n % p[DERIVATIVE_BANKS]
    for i in range(arrival[RESULT_COUNT]):
        r, entry = queue[i, RESULT_NEURON], queue[i, RESULT_VALUE] - p[PRE_LOW]
        value, derivative = table[entry, 0], table[entry, 1]
        place = Place(ACTIVATION, bank, r % p[Z_NEXT], r // p[Z_NEXT])
        port = p[NEXT_PORTS] + bank * p[Z_NEXT] + place.memory
        use_port(watch.fault, WRITE_PORT, here, place, memories.written, port, r, FF)
        memories.words[p[NEXT_WORDS] + bank * p[N_RIGHT] + r] = tagged(n, value)
        memories.words[p[DERIVATIVE_WORDS] + derivative_bank * p[N_RIGHT] + r] = tagged(n, derivative)
        if here.traced:
            beside = Place(DERIVATIVE, derivative_bank, r % p[RESULTS_PER_CLOCK], r // p[RESULTS_PER_CLOCK])
            log_event(watch.log, here, FF, WRITE, place, i, value, n)
            log_event(watch.log, here, FF, WRITE, beside, i, derivative, n)
    arrival[RESULT_COUNT] = 0


@inlined
def output_delta(counts, j, p, value, derivative, right):
    """The delta of an output neuron; ``right``: it is that of the sample's class."""
    error = np.int64(value)
    if right:
        error -= p[ONE]
    if p[QUADRATIC]:
        error *= derivative
    wide = round_shift(error, p[OUTPUT_DROP], p[DELTA_MODE])
    return saturated(counts, j, DELTA_SIGNAL, wide, p[DELTA_LOW], p[DELTA_HIGH])


@inlined
def land_outputs(here, table, outputs, sample, memories, registers, lines, watch):
    """Results leave the last junction, for training each with its delta; whether the sample's last one was among them."""
    p, slot = here.p, slot_in(here, 0)
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
        delta = output_delta(watch.saturation, here.j, p, value, derivative, r == outputs[sample[LABEL]])
        place = Place(DELTA, bank, r % p[Z_NEXT], r // p[Z_NEXT])
        port = p[DELTA_PORTS] + bank * p[Z_NEXT] + place.memory
        use_port(watch.fault, WRITE_PORT, here, place, memories.written, port, r, FF)
        memories.words[p[DELTA_WORDS] + bank * p[N_RIGHT] + r] = tagged(n, delta)
        if here.traced:
            log_event(watch.log, here, FF, WRITE, place, i, delta, n)
    arrival[RESULT_COUNT] = 0
    return registers.output[-1, 0] == p[N_RIGHT]


@inlined
def leave(clock, sample, outputs, output, results, filled):
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
