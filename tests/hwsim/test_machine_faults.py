"""Broken machines: each is stopped in the clock in which the hardware would go wrong, by the check of that access."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim import machine_columns as columns
from hwsim import machine_kernel as kernel
from hwsim.banks import Banks
from hwsim.design import Design
from hwsim.machine import Log, Machine
from hwsim.schedule import JunctionSchedule, Schedule, schedule
from hwsim.timing import timing
from hwsim.violations import IncompleteSum, PendingWrite, PortConflict, StaleWord
from models.fixed_engine import BUBBLE
from tests.hwsim import machines
from tests.hwsim.machines import Pair, configuration, with_junction

CONFIG = configuration(seed=4)
"""Junctions of 12 and 6 clocks; junction cycles of 12 + 2."""
OVERLAP = configuration(seed=4, hardware={"schedule": "overlap"})
"""Junction cycles of 12 clocks."""


def parts(config):
    """Schedule, timing and banks as they should be."""
    plan = schedule(config, Design(config).patterns)
    return plan, timing(config, plan), Banks.of(config.hops, config.network.junctions)


def fault(config, kind, **replaced):
    """The error that ends a run over twelve samples; what is not replaced is as it should be."""
    plan, times, banks = parts(config)
    machine = Pair(config).new_machine(**{"schedule": plan, "timing": times, "banks": banks} | replaced)
    stream = machines.samples_only(config, 12)
    with pytest.raises(kind) as caught:
        machine.feed(machines.machine_samples(machine, stream), stream.source)
    return caught.value


def at(times, junction, cycle, clock=0):
    """The clock of the simulation; in the first period only the host works."""
    return times.period * (1 + cycle) + times.junctions[junction - 1].offset + clock


def with_latency(times, junction, **latencies):
    junctions = list(times.junctions)
    junctions[junction - 1] = dataclasses.replace(junctions[junction - 1], **latencies)
    return dataclasses.replace(times, junctions=tuple(junctions))


def fewer(banks, kind, layer=0, by=1):
    counts = getattr(banks, kind)
    if isinstance(counts, int):
        return dataclasses.replace(banks, **{kind: counts - by})
    return dataclasses.replace(banks, **{kind: tuple(n - by * (i == layer) for i, n in enumerate(counts))})


def reads(junction):
    """(clock, lane, left neuron) of every access of a pass, in order."""
    neuron = junction.address * junction.z + junction.memory
    return zip(junction.clock.tolist(), junction.lane.tolist(), neuron.tolist(), strict=True)


def clocks_of(grouped, clocks):
    """The clock of every right neuron in ``begins`` or ``ends``."""
    start, neurons = grouped
    return dict(zip(neurons.tolist(), np.repeat(np.arange(clocks), np.diff(start)).tolist(), strict=True))


def word(kind, neuron, memories=4):
    """Where a neuron's word of sample 0 lives, as messages say it."""
    address, memory = divmod(neuron, memories)
    return f"{kind} memory {memory}, bank 0, address {address}"


CONFLICT = "two accesses on one port"
PENDING = "read before a pending write has landed"


def stale(expected, found):
    return f"the word read belongs to another sample: expected {expected}, found {found}"


def line(clock, junction, place, lane, operation, problem):
    return f"clock {clock}, junction {junction}, {place}: lanes {lane} ({operation}): {problem}"


# Schedules.


def test_two_lanes_on_one_memory():
    """Junction 2, clock 3: lane 1 asks for the memory of lane 3. Sample 0 meets it first, in its feedforward."""
    plan, times, _ = parts(CONFIG)
    j = plan.junctions[1]
    memory, clock = j.memory.copy(), 3
    a = j.start[clock]
    memory[a + 1] = memory[a + 3]
    error = fault(CONFIG, PortConflict, schedule=with_junction(plan, 2, memory=memory))
    assert str(error) == line(
        at(times, 2, 1, clock), 2, word("activation", j.address[a + 1] * 4 + memory[a + 1]), "1, 3", "FF read", CONFLICT
    )
    assert (error.clock, error.junction, error.lanes, error.operations) == (at(times, 2, 1, clock), 2, (1, 3), ("FF read",))


class OneBiasMemory(JunctionSchedule):
    """A junction whose biases all lie in one memory, however many results there are in a clock."""

    results_per_clock = 1


def one_bias_memory(config):
    """The schedule of a configuration with the biases of junction 1 in one memory."""
    first, *others = parts(config)[0].junctions
    fields = {f.name: getattr(first, f.name) for f in dataclasses.fields(first)}
    return Schedule((OneBiasMemory(**fields), *others))


TWO_RESULTS = configuration(network={"layers": [16, 8, 4], "out_degree": [2, 2]}, hardware={"z": [8, 8]})
"""z = 8 and d_in = 4: two results in every one of the 4 clocks of junction 1, and in the 2 of junction 2."""


def test_two_right_neurons_in_one_memory():
    """One memory has one write port, but two results land in every clock."""
    plan, times, _ = parts(TWO_RESULTS)
    error = fault(TWO_RESULTS, PortConflict, schedule=with_junction(plan, 1, z_next=1))
    assert str(error) == line(
        at(times, 1, 0, times.junctions[0].feedforward), 1, word("activation", 1, memories=1), "0, 1", "FF write", CONFLICT
    )


def test_two_output_deltas_in_one_memory():
    config = configuration(network={"layers": [16, 8], "out_degree": [2]}, hardware={"z": [8]})
    plan, times, _ = parts(config)
    error = fault(config, PortConflict, schedule=with_junction(plan, 1, z_next=1))
    assert str(error) == line(
        at(times, 1, 0, times.junctions[0].feedforward), 1, word("delta", 1, memories=1), "0, 1", "FF write", CONFLICT
    )


def test_two_biases_in_one_memory():
    times = parts(TWO_RESULTS)[1]
    error = fault(TWO_RESULTS, PortConflict, schedule=one_bias_memory(TWO_RESULTS))
    assert str(error) == line(at(times, 1, 0), 1, word("bias", 1, memories=1), "0, 1", "FF read", CONFLICT)


def test_sum_that_does_not_start_anew():
    """No visit counts as the first: what the bank held before would be added to."""
    plan, times, _ = parts(CONFIG)
    _, lane, neuron = next(reads(plan.junctions[1]))
    error = fault(CONFIG, StaleWord, schedule=with_junction(plan, 2, first_visit=np.zeros(24, np.bool_)))
    clock = at(times, 2, 2, times.junctions[1].backward)
    assert str(error) == line(clock, 2, word("partial delta", neuron), lane, "BP", stale(0, -1))


def test_host_that_writes_more_words_in_a_clock_than_there_are_memories():
    """12 inputs in 2 clocks: the fifth in a clock falls into memory 0 once more."""
    _, times, _ = parts(CONFIG)
    error = fault(CONFIG, PortConflict, timing=dataclasses.replace(times, cycle=2))
    assert str(error) == line(0, 0, word("activation", 4), "0, 4", "host write", CONFLICT)


def test_a_wrong_address_fits_all_ports_and_learns_wrong_weights():
    """Two reads of one memory in the first sweep, exchanged: the machine works on what the memories hold."""
    pair = Pair(CONFIG)
    plan = pair.machine.schedule
    address, a, b = plan.junctions[1].address.copy(), 0, plan.junctions[1].z
    assert plan.junctions[1].memory[a] == plan.junctions[1].memory[b] and address[a] != address[b]
    address[[a, b]] = address[[b, a]]
    pair.machine = pair.new_machine(schedule=with_junction(plan, 2, address=address))
    pair.feed(machines.samples_only(CONFIG, 12))
    pair.drain()
    same = [(x == y).all() for x, y in zip(pair.machine.parameters.weights, pair.reference.parameters.weights, strict=True)]
    assert same == [False, False]


# Latencies.


@pytest.mark.parametrize("junction", [1, 2])
def test_late_write_back_of_weights(junction):
    """The row that sample 0 updates is read again a junction cycle later, by feedforward among others."""
    _, times, _ = parts(CONFIG)
    late = with_latency(times, junction, update=times.period)
    error = fault(CONFIG, PendingWrite, timing=late)
    updated = CONFIG.hops.backward_lag(junction, 2)
    assert str(error) == line(at(times, junction, updated + 1), junction, word("weight", 0), 0, "FF", PENDING)


def test_write_back_in_the_last_possible_clock_is_early_enough():
    _, times, _ = parts(OVERLAP)
    pair = Pair(OVERLAP)
    pair.machine = pair.new_machine(timing=with_latency(times, 1, update=times.period - 1))
    pair.feed(machines.samples_only(OVERLAP, 12))
    pair.drain()
    pair.assert_same()


def test_activation_that_comes_too_late():
    """A period late: junction 2 finds the word as it was when the machine was switched on."""
    plan, times, _ = parts(CONFIG)
    error = fault(CONFIG, StaleWord, timing=with_latency(times, 1, feedforward=times.period))
    _, lane, neuron = next(reads(plan.junctions[1]))
    assert str(error) == line(at(times, 2, 1), 2, word("activation", neuron), lane, "FF", stale(0, -1))


def test_cycle_without_flush_clocks():
    """Two clocks too short: what the last two clocks of junction 1 send off is read before it lands."""
    plan, times, _ = parts(CONFIG)
    short = dataclasses.replace(times, flush=0)
    first, second = plan.junctions
    sent = clocks_of(first.ends, first.clocks)
    landed = {neuron: clock + times.junctions[0].feedforward - short.period for neuron, clock in sent.items()}
    clock, lane, neuron = next(read for read in reads(second) if landed[read[2]] >= read[0])
    error = fault(CONFIG, StaleWord, timing=short)
    assert str(error) == line(at(short, 2, 1, clock), 2, word("activation", neuron), lane, "FF", stale(0, -1))


def test_partial_delta_read_before_it_is_complete():
    """Products of junction 2's clock 4 arrive with the next junction cycle, in whose clock 0 junction 1 reads neuron 0."""
    plan, times, _ = parts(CONFIG)
    backward = times.period - 4
    arrived = [clock for clock, _, neuron in reads(plan.junctions[1]) if neuron == 0 and clock + backward < times.period]
    assert len(arrived) == 2
    error = fault(CONFIG, IncompleteSum, timing=with_latency(times, 2, backward=backward))
    assert str(error) == line(
        at(times, 1, 3), 1, word("partial delta", 0), 0, "UP", "a sum lacks contributions: expected 3, found 2"
    )


# Banks.


def test_host_overwrites_a_bank_in_use():
    """With 4 banks, the host loads sample 4 over sample 0, which junction 1 learns from in the same cycle, 3."""
    plan, times, banks = parts(CONFIG)
    beat = -(-12 // times.cycle)
    clock, lane, neuron = next(read for read in reads(plan.junctions[0]) if read[2] // beat < read[0])
    error = fault(CONFIG, StaleWord, banks=fewer(banks, "activation"))
    assert str(error) == line(at(times, 1, 3, clock), 1, word("activation", neuron), lane, "UP", stale(0, 4))


def test_host_writes_after_all_reads_of_a_clock():
    """Junction 1 reads neuron c of sample n - 1 in clock c, in which the host overwrites it with sample n + 1."""
    network = {"layers": [12, 1], "out_degree": [1]}
    config = configuration(network=network, hardware={"z": [1]}, connectivity={"kind": "full"})
    pair = Pair(config)
    assert [neuron for *_, neuron in reads(pair.machine.schedule.junctions[0])] == list(range(12))
    pair.machine = pair.new_machine(banks=fewer(pair.machine.banks, "activation"))
    pair.feed(machines.samples_only(config, 12))
    pair.drain()
    pair.assert_same()


def test_feedforward_and_update_that_meet_in_a_bank():
    """With 3 banks, junction 1 works on samples 3 and 0 in the same one."""
    plan, times, banks = parts(CONFIG)
    _, lane, neuron = next(reads(plan.junctions[0]))
    error = fault(CONFIG, PortConflict, banks=fewer(banks, "activation", by=2))
    place = word("activation", neuron)
    assert str(error) == line(at(times, 1, 3), 1, place, f"{lane}, {lane}", "FF read, UP read", CONFLICT)


def test_missing_bank_of_hidden_activations():
    """With 2 banks, junction 1 writes sample 2 over sample 0, which junction 2 learns from in the same cycle, 2."""
    plan, times, banks = parts(CONFIG)
    first, second = plan.junctions
    sent = clocks_of(first.ends, first.clocks)
    landed = {neuron: clock + times.junctions[0].feedforward for neuron, clock in sent.items()}
    clock, lane, neuron = next(read for read in reads(second) if landed[read[2]] < read[0])
    error = fault(CONFIG, StaleWord, banks=fewer(banks, "activation", 1))
    assert str(error) == line(at(times, 2, 2, clock), 2, word("activation", neuron), lane, "UP", stale(0, 2))


def test_missing_bank_of_derivatives():
    """With 4 banks under overlap, sample 4 has taken the bank of sample 0 a cycle before junction 1 needs it, in cycle 5."""
    _, times, banks = parts(OVERLAP)
    error = fault(OVERLAP, StaleWord, banks=fewer(banks, "derivative", 0))
    assert str(error) == line(at(times, 1, 5), 1, word("derivative", 0), 0, "UP", stale(0, 4))


def test_missing_bank_of_partial_deltas():
    """With 1 bank, junction 2 sums up sample 1 over sample 0, which junction 1 consumes in the same cycle, 3.

    Junction 2 takes one clock, and its products arrive in clock 2; in clock 3 junction 1 reads neuron 2.
    """
    config = configuration(network={"out_degree": [4, 1], "layers": [12, 8, 4]}, hardware={"z": [4, 8]})
    plan, times, banks = parts(config)
    assert plan.junctions[1].clocks == 1 and times.junctions[1].backward == 2
    assert clocks_of(plan.junctions[0].begins, 12) == {0: 0, 1: 1, 2: 3, 3: 4, 4: 6, 5: 7, 6: 9, 7: 10}
    error = fault(config, StaleWord, banks=fewer(banks, "partial"))
    assert str(error) == line(at(times, 1, 3, 3), 1, word("partial delta", 2, memories=8), 2, "UP", stale(0, 1))


def test_missing_bank_of_partial_deltas_where_two_junctions_meet_at_a_port():
    """With 1 bank, junction 2 adds to a sum in memory 1 for the second time while junction 1 reads neuron 1 from there."""
    config = configuration(seed=34, connectivity={"kind": "structured"}, hardware={"latency": {"memory_read": 0}})
    plan, times, banks = parts(config)
    first, second = plan.junctions
    clock = clocks_of(first.begins, first.clocks)[1]
    adds = [read for read in reads(second) if read[0] + times.junctions[1].backward == clock]
    lane, neuron = next((lane, neuron) for _, lane, neuron in adds if neuron % 4 == 1)
    assert lane == 2 and any(c < clock - times.junctions[1].backward and q == neuron for c, _, q in reads(second))
    error = fault(config, PortConflict, banks=fewer(banks, "partial"))
    place = word("partial delta", neuron)
    assert str(error) == line(at(times, 1, 3, clock), 2, place, "1, 2", "UP read, BP read", CONFLICT)
    assert (error.lanes, error.operations) == ((1, 2), ("UP read", "BP read"))


def test_missing_banks_of_output_deltas():
    """With 1 bank under overlap, sample 1 has taken the place of sample 0 before junction 2 learns from it, in cycle 3."""
    _, times, banks = parts(OVERLAP)
    error = fault(OVERLAP, StaleWord, banks=fewer(banks, "delta", by=2))
    assert str(error) == line(at(times, 2, 3), 2, word("delta", 0), 0, "UP", stale(0, 1))


@pytest.mark.parametrize("config", [CONFIG, OVERLAP])
def test_output_deltas_would_do_with_a_bank_less(config):
    """A junction reads the delta of a neuron when it begins and writes the next one when it ends, never earlier."""
    pair = Pair(config)
    pair.machine = pair.new_machine(banks=fewer(pair.machine.banks, "delta"))
    pair.feed(machines.samples_only(config, 12))
    pair.drain()
    pair.assert_same()


# Ports.


@settings(max_examples=300, deadline=None)
@given(data=st.data(), z=st.integers(1, 9), code=st.sampled_from([columns.READ_PORT, columns.WRITE_PORT]))
def test_every_pair_of_accesses_that_meet_is_seen_and_named(data, z, code):
    """Lanes on any memories, some idle, some memories used by others before, in this clock or in the last."""
    clock, count = 7, data.draw(st.integers(1, z))
    in_order = data.draw(st.booleans())
    memory = list(range(count)) if in_order else data.draw(st.lists(st.integers(0, z - 1), min_size=count, max_size=count))
    lane = sorted(data.draw(st.sets(st.integers(0, z - 1), min_size=count, max_size=count)))
    idle = data.draw(st.one_of(st.just([]), st.lists(st.booleans(), min_size=count, max_size=count)))
    before = data.draw(st.dictionaries(st.integers(0, z - 1), st.tuples(st.integers(6, 7), st.integers(0, 99))))
    ports = np.full(z, -1, np.int64)
    for m, (when, who) in before.items():
        ports[m] = kernel._stamp(when, who, columns.UP)
    working = [i for i in range(count) if not (idle and idle[i])]
    # Who else is at the port of each lane.
    others = {i: {(columns.BP, lane[o]) for o in working if o != i and memory[o] == memory[i]} for i in working}
    for i in working:
        when, who = before.get(memory[i], (0, 0))
        others[i] |= {(columns.UP, who)} if when == clock else set()
    memory, lane = (np.array(values, np.uint16) for values in (memory, lane))
    idle = np.array(idle, np.bool_)
    seen = kernel._meet(ports, clock, columns.BP, memory, lane, idle)
    assert seen == any(others.values())
    fault = np.zeros(12, np.int64)
    p = np.full(len(columns.JUNCTION_COLUMNS), z, np.int64)
    here, bank = kernel.Here(clock, False, 1, 0, p), kernel.Place(columns.PARTIAL, 0, 0, 0)
    lanes = kernel.Lanes(memory, memory, lane, np.zeros(count, np.bool_))
    named = kernel._blame_ports(fault, code, here, bank, ports, columns.BP, lanes, idle)
    assert named == seen == fault[0] and (not seen or fault[1] == code)
    if seen:
        i, other = lane.tolist().index(fault[8]), int(fault[11])
        assert fault[6] == memory[i] and (other & 3, other >> 2) in others[i]


# Violations that are not enforced.


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
    stream.source[12:] = BUBBLE
    results = machine.feed(machines.machine_samples(machine, stream), stream.source)
    machine.settle()
    assert len(results) == 12 and machine.counts[0, columns.UP, 0] == 12 * plan.junctions[0].clocks
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
    machine = Machine(LOSSY, design.network, design.initial_integers, timing=slow_loop(), enforce=False, log=log)
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
    events = [dict(zip(columns.EVENT_FIELDS, row, strict=True)) for row in log.events.tolist()]
    used: dict[int, list] = {}
    for e in events:
        if (e["junction"], e["operation"], e["memory"], e["access"]) == (1, columns.UP, columns.PARTIAL, columns.READ):
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
