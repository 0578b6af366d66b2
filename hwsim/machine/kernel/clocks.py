"""The clock loop."""

from hwsim.machine.columns import *
from hwsim.machine.kernel.compiling import compiled
from hwsim.machine.kernel.groups import Here
from hwsim.machine.kernel.landing import host, land_activations, land_biases, land_outputs, land_row, land_sums, leave
from hwsim.machine.kernel.lanes import lanes_at
from hwsim.machine.kernel.reading import (
    learn,
    read_activations,
    read_deltas,
    read_partials,
    read_row,
    send_biases,
    send_products,
    send_results,
    send_row,
    slot_in,
    sum_up,
)
from hwsim.machine.kernel.sequence import begin_cycle, enter
from hwsim.vocabulary import BP, BUBBLE, FF, UP


@compiled
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
                begin_cycle(p, stretch.cycle + t, now, control.samples, stretch.lead <= t and t < stretch.limit)
            if not now[WORKS] or c >= p[CLOCKS]:
                continue
            feeds, learns = now[FEEDS], now[LEARNS]
            k = design.clocks[p[FIRST_CLOCK] + c]
            lanes = lanes_at(design.lanes, k[ACCESS], k[COUNT])
            whole = k[COUNT] == p[Z]
            if k[ROW_BEGINS]:
                read_row(here, k[ROW], memories, registers, watch)
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
                read_activations(here, now, operation, lanes, memories, registers, watch)
                if operation == FF:
                    sum_up(here, k, w, neurons, registers)
                    send_results(here, k, n, neurons, memories, registers, lines, watch)
                else:
                    read_deltas(here, k, n, neurons, memories, registers, watch)
                    new = lines.updates[j, slot_in(here, p[UPDATE_LATENCY])] if whole else registers.new_served
                    learn(here, k, now[NOW_KAPPA], w, new, lanes, neurons, registers, watch)
                    send_row(here, k, n, new, lanes, memories, registers, lines)
                    send_biases(here, k, now, neurons, memories, registers, lines, watch)
            if learns and j > 0:
                send_products(here, k, now[FORWARD_SAMPLE + UP], w, neurons, registers, lines)
                watch.counts[j, BP, 0] += 1
                watch.counts[j, BP, 1] += k[COUNT]
        for j in range(1, n_junctions):
            p = design.junctions[j]
            here = Here(clock, traced, p[NUMBER], j, p)
            if lines.arrivals[j, slot_in(here, 0), PRODUCT_COUNT] > 0:
                read_partials(here, design.lanes, memories, registers, lines, watch)
        # From here on, writes.
        since = clock - stretch.base
        host_period, host_clock = since // period, since % period
        fed = host_period - stretch.first_fed
        if fed >= 0 and fed < feed.size:
            n, s = stretch.cycle + host_period + 1, feed[fed]
            if host_clock == 0:
                control.samples[n % places, KIND] = BUBBLE
                if s >= 0:
                    enter(control.samples[n % places], samples, s, design, control.illegal)
            first, p = host_clock * design.beat, design.junctions[0]
            if s >= 0 and first < p[N_LEFT]:
                past = min(first + design.beat, p[N_LEFT])
                here = Here(clock, traced, 0, 0, p)
                host(here, n, samples.input[s], first, past, memories.words, memories.written, watch)
        for j in range(n_junctions):
            p = design.junctions[j]
            here = Here(clock, traced, p[NUMBER], j, p)
            arrival = lines.arrivals[j, slot_in(here, 0)]
            if arrival[UPDATE_ROW] > 0:
                land_row(here, memories, lines, watch)
            if arrival[BIAS_COUNT] > 0:
                land_biases(here, memories, lines, watch)
            if arrival[SUM_COUNT] > 0:
                land_sums(here, design.lanes, memories, lines, watch)
            if arrival[RESULT_COUNT] > 0 and p[IS_LAST]:
                sample = control.samples[arrival[RESULT_SAMPLE] % places]
                if land_outputs(here, design.tables[j], outputs, sample, memories, registers, lines, watch):
                    leave(clock, sample, outputs, registers.output, results, filled)
                    filled += 1
            elif arrival[RESULT_COUNT] > 0:
                land_activations(here, design.tables[j], memories, lines, watch)
        clock += 1
        if watch.stop and watch.fault[0] > 0:
            break
    return filled, clock
