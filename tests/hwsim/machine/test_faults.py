"""Broken machines: each is stopped in the clock in which the hardware would go wrong, by the check of that access."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.machine import columns
from hwsim.machine.kernel.arithmetic import stamp
from hwsim.machine.kernel.checks import blame_ports, meet
from hwsim.machine.kernel.groups import Here, Lanes, Place
from hwsim.schedule.violations import IncompleteSum, PendingWrite, PortConflict, StaleWord
from hwsim.vocabulary import BP, PARTIAL, UP
from tests.hwsim.machine import machines
from tests.hwsim.machine.broken_machines import (
    CONFIG,
    CONFLICT,
    OVERLAP,
    PENDING,
    TWO_RESULTS,
    at,
    clocks_of,
    fault,
    fewer,
    line,
    one_bias_memory,
    parts,
    reads,
    stale,
    with_latency,
    word,
)
from tests.hwsim.machine.machines import Pair, configuration, with_junction

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
    error = fault(CONFIG, PortConflict, timing=dataclasses.replace(times, pass_clocks=2))
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
    beat = -(-12 // times.pass_clocks)
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


@settings(max_examples=300)
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
        ports[m] = stamp(when, who, UP)
    working = [i for i in range(count) if not (idle and idle[i])]
    # Who else is at the port of each lane.
    others = {i: {(BP, lane[o]) for o in working if o != i and memory[o] == memory[i]} for i in working}
    for i in working:
        when, who = before.get(memory[i], (0, 0))
        others[i] |= {(UP, who)} if when == clock else set()
    memory, lane = (np.array(values, np.uint16) for values in (memory, lane))
    idle = np.array(idle, np.bool_)
    seen = meet(ports, clock, BP, memory, lane, idle)
    assert seen == any(others.values())
    fault = np.zeros(12, np.int64)
    p = np.full(len(columns.JUNCTION_COLUMNS), z, np.int64)
    here, bank = Here(clock, False, 1, 0, p), Place(PARTIAL, 0, 0, 0)
    lanes = Lanes(memory, memory, lane, np.zeros(count, np.bool_))
    named = blame_ports(fault, code, here, bank, ports, BP, lanes, idle)
    assert named == seen == fault[0] and (not seen or fault[1] == code)
    if seen:
        i, other = lane.tolist().index(fault[8]), int(fault[11])
        assert fault[6] == memory[i] and (other & 3, other >> 2) in others[i]
