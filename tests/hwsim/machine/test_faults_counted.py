"""Broken machines that are not stopped: every violation counts, and wrong data flows on as it would in hardware."""

import dataclasses

import numpy as np

from hwsim.design import Design
from hwsim.machine.log import Log
from hwsim.schedule.violations import PendingWrite
from hwsim.vocabulary import EVENT_FIELDS, PARTIAL, READ, UP
from models.network.order import NO_SAMPLE
from tests.hwsim.machine import machines
from tests.hwsim.machine.broken_machines import (
    CONFIG,
    OVERLAP,
    PENDING,
    TWO_RESULTS,
    at,
    fault,
    line,
    one_bias_memory,
    parts,
    reads,
    with_latency,
    word,
)
from tests.hwsim.machine.machines import Pair, configuration, with_junction


def test_violations_are_counted_where_they_do_not_end_the_run():
    _, times, _ = parts(CONFIG)
    late = with_latency(times, 1, update=times.period)
    enforced = fault(CONFIG, PendingWrite, timing=late)
    machine = Pair(CONFIG).new_machine(timing=late, enforce=False)
    stream = machines.samples_only(CONFIG, 12)
    assert machine.first_violation is None and machine.violations == 0
    results = machine.feed(machines.machine_samples(machine, stream), stream.source)
    machine.drain()
    assert len(results) == 10 and machine.violations > 12
    assert (type(machine.first_violation), str(machine.first_violation)) == (PendingWrite, str(enforced))


def counted(config, **replaced):
    """Violations of twelve training samples."""
    plan, times, banks = parts(config)
    machine = Pair(config).new_machine(**{"schedule": plan, "timing": times, "banks": banks} | replaced, enforce=False)
    n = 12 + config.hops.drain(config.network.junctions)
    stream = machines.samples_only(config, n)
    stream.source[12:] = NO_SAMPLE
    results = machine.feed(machines.machine_samples(machine, stream), stream.source)
    machine.settle()
    assert len(results) == 12 and machine.counts[0, UP, 0] == 12 * plan.junctions[0].clocks
    return machine.violations


def test_nothing_is_counted_where_nothing_is_wrong():
    assert [counted(config) for config in (CONFIG, OVERLAP, TWO_RESULTS)] == [0, 0, 0]


def test_every_clash_of_two_lanes_counts():
    """Per sample: reads of FF, UP and BP, a write of BP, and two sums, one with too few terms and one with too many."""
    config = configuration(seed=0)
    plan, *_ = parts(config)
    j = plan.junctions[1]
    memory, a = j.memory.copy(), j.start[3]
    other = next(b for b in (a, a + 2, a + 3) if j.address[b] != j.address[a + 1])
    memory[a + 1] = memory[other]
    broken = with_junction(plan, 2, memory=memory)
    assert counted(config, schedule=broken, log=Log(0, 10**9)) == 12 * (4 + 2)
    assert counted(config, schedule=broken) == 12 * (4 + 2)


def test_every_late_write_counts():
    """A single junction of 12 rows and 8 biases; samples 0..11 are fed forward in cycles 0..11, learned from in 1..12.

    What is learned in cycle t misses cycle t + 1: in 2..12 all rows, and the biases of UP; in 2..11 the biases of FF.
    """
    config = configuration(network={"layers": [12, 8], "out_degree": [4]}, hardware={"z": [4]})
    times = parts(config)[1]
    assert counted(config, timing=with_latency(times, 1, update=times.period)) == 11 * (12 + 8) + 10 * 8


def test_every_clash_of_right_neurons_counts():
    """Per sample and clock of junction 1: a write of FF, and UP's read of a partial delta.

    Derivatives lie in the order of the right neurons, whatever the next layer's memories. Junction 2 takes one clock,
    and its products come when junction 1 has done: BP meets nobody at the partial deltas.
    """
    latency = {"memory_read": 4, "write_back": 4}
    network = {"layers": [16, 8, 4], "out_degree": [2, 1]}
    config = configuration(network=network, hardware={"z": [8, 8], "latency": latency})
    plan, *_ = parts(config)
    assert [j.clocks for j in plan.junctions] == [4, 1]
    assert counted(config, schedule=with_junction(plan, 1, z_next=1)) == 12 * 4 * 2


def test_every_clash_of_output_deltas_counts():
    """Per sample and clock: a write of FF and a read of UP."""
    config = configuration(network={"layers": [16, 8], "out_degree": [2]}, hardware={"z": [8]})
    plan, *_ = parts(config)
    assert counted(config, schedule=with_junction(plan, 1, z_next=1)) == 12 * 4 * 2


def test_every_clash_of_biases_counts():
    """Per sample and clock of junction 1: a read of FF, a write of UP, which uses the word that FF has read.

    And UP's read of a derivative, which lies beside the bias.
    """
    assert counted(TWO_RESULTS, schedule=one_bias_memory(TWO_RESULTS)) == 12 * 4 * 3


# The lost update: an accumulation loop longer than the distance between two visits.

LOSSY = configuration(
    {
        "network": {"layers": [128, 64, 32], "out_degree": [4, 16], "classes": 10},
        "hardware": {"z": [16, 32]},
        "connectivity": {"kind": "clash_free", "type": 1},
    }
)
"""Junction 2 visits every partial delta every D = 64 / 32 = 2 clocks, 16 times."""


def slow_loop():
    """Read, add and write in three clocks."""
    _, times, _ = parts(LOSSY)
    slow = with_latency(times, 2, accumulate=3)
    return dataclasses.replace(slow, flush=max(j.longest for j in slow.junctions))


def test_slow_accumulation_is_stopped_at_the_first_revisit():
    times = slow_loop()
    plan, *_ = parts(LOSSY)
    first, lane, neuron = next(reads(plan.junctions[1]))
    revisit = next(clock for clock, _, q in reads(plan.junctions[1]) if q == neuron and clock > first)
    assert revisit == 2
    error = fault(LOSSY, PendingWrite, timing=times)
    assert str(error) == line(
        at(times, 2, 2, revisit + times.junctions[1].backward), 2, word("partial delta", neuron, 32), lane, "BP", PENDING
    )


def test_slow_accumulation_loses_every_second_contribution():
    """The sum that is used has contributions 1, 3, 5, ... 15 of 16, on top of what the bank held before."""
    log = Log(0, 10**9)
    design = Design(LOSSY)
    machine = Design(LOSSY).machine(timing=slow_loop(), enforce=False, log=log)
    stream, cycles = machines.samples_only(LOSSY, 8), 12
    samples = machines.machine_samples(machine, stream)
    weights, outputs = [], []
    for t in range(cycles):  # settled after each, to see the weights that each cycle starts from
        weights.append(machine.parameters.weights[1])
        machine.feed(samples, [t if t < 8 else -1])
        outputs += machine.settle().output.tolist()
    used = used_partial_deltas(log)
    pattern, one = design.patterns[1], LOSSY.numbers.system.activation.one
    left_behind = {bank: np.zeros(64, np.int64) for bank in range(machine.banks.partial[0])}
    compared = 0
    for n, output in enumerate(outputs):
        delta = np.array(output) - one * (np.arange(32) == stream.labels[n])
        product = weights[n + LOSSY.hops.backward_lag(2, 2)].astype(np.int64) * delta[pattern.right]
        contributions = product[pattern.left_order].reshape(64, 16)  # of each left neuron, in order of arrival
        bank = left_behind[n % len(left_behind)]
        bank += contributions[:, 1::2].sum(1)
        assert used[n] == bank.tolist()
        lost = contributions[:, 0::2]
        assert n >= len(left_behind) or (used[n] != contributions.sum(1)).sum() == (lost.sum(1) != 0).sum() > 60
        compared += 64
    assert log.lost == 0 and compared == 8 * 64
    assert machine.violations > 0 and isinstance(machine.first_violation, PendingWrite)


def used_partial_deltas(log):
    """Per sample, the partial deltas of layer 1 as the update of junction 1 read them."""
    events = [dict(zip(EVENT_FIELDS, row, strict=True)) for row in log.events.tolist()]
    used: dict[int, list] = {}
    for e in events:
        if (e["junction"], e["operation"], e["memory"], e["access"]) == (1, UP, PARTIAL, READ):
            used.setdefault(e["sample"], [None] * 64)[e["address"] * 32 + e["index"]] = e["value"]
    return used


def test_with_the_loop_as_long_as_the_distance_nothing_is_lost():
    times = slow_loop()
    exact = with_latency(times, 2, accumulate=2)
    pair = Pair(LOSSY)
    pair.machine = pair.new_machine(timing=exact)
    pair.feed(machines.samples_only(LOSSY, 8))
    pair.drain()
    pair.assert_same()
