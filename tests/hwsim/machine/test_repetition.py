"""Junction cycles that are repeated: nothing is different, and nothing that goes wrong is missed."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.machine import columns, repetition
from hwsim.machine.log import Log
from hwsim.schedule.violations import IncompleteSum, PendingWrite, PortConflict, StaleWord
from models.network.order import NO_SAMPLE
from tests.hwsim.machine import machines
from tests.hwsim.machine.broken_machines import CONFIG, OVERLAP, fewer, parts, with_latency
from tests.hwsim.machine.machines import CONNECTIVITIES, Pair, configuration, lists, machine_samples, with_junction

ORDERS = ("flush", "overlap")
BOTH = pytest.mark.parametrize("config", [CONFIG, OVERLAP], ids=ORDERS)


def inside(machine):
    """All that a machine holds between two junction cycles and may still use."""
    s, found = machine._s, {}
    arrivals = s.lines.arrivals.copy()
    for count, *of in ((0, 1), (2, 3), (4, 5), (7, 6, 8), (10, 9, 11)):
        arrivals[..., of] *= arrivals[..., [count]] > 0  # whose nothing is does not matter
    groups = {"memories": s.memories._asdict(), "control": s.control._asdict()}
    for group, arrays in groups.items():
        found |= {f"{group}.{name}": array.copy() for name, array in arrays.items()}
    # When a port was used, or a write landed, in the past does not matter.
    for name in ("read", "written"):
        found[f"memories.{name}"] = np.maximum(found[f"memories.{name}"], machine.clock << columns.CLOCK_BITS)
    for name in ("weight_lands", "bias_lands", "partial_lands"):
        found[f"memories.{name}"] = np.maximum(found[f"memories.{name}"], machine.clock - 1)
    found |= {"arrivals": arrivals, "random": s.registers.random.copy(), "output": s.registers.output.copy()}
    return lists(found | {"saturation": machine.saturation, "counts": machine.counts, "clock": np.array(machine.clock)})


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    n_junctions=st.integers(1, 4),
    connectivity=st.sampled_from(CONNECTIVITIES),
    order=st.sampled_from(ORDERS),
    calm=st.sampled_from(["bubbles and inference", "inference", "training only"]),
)
def test_repeating_changes_nothing(seed, n_junctions, connectivity, order, calm):
    """Fed in pieces of any size, settled, drained and stopped in between: everything inside is that of a machine that checks
    every cycle, and in the end of the reference."""
    rng = np.random.default_rng(seed)
    config = machines.random_configuration(rng, n_junctions, connectivity, order)
    pair = Pair(config, machines.random_parameters(rng, config) if rng.random() < 0.5 else None)
    stream = machines.random_stream(rng, config, int(rng.integers(60, 200)))
    if calm != "bubbles and inference":
        stream = stream._replace(source=np.arange(len(stream.source)))
    if calm == "training only":
        stream = stream._replace(train=np.ones(len(stream.source), np.bool_))
    checked = pair.new_machine()
    checked.check_every = True
    at = 0
    while at < len(stream.source):
        past = at + int(rng.integers(1, 100))
        between, what = rng.random() < 0.3, rng.integers(3)
        for machine, results in ((pair.machine, pair.from_machine), (checked, other := [])):
            results.append(machine.feed(machine_samples(machine, stream), stream.source[at:past]))
            if between:
                results.append((machine.settle, machine.drain, lambda m=machine: m.stand(m.skew + 3))[what]())
        mine = pair.from_machine[-len(other) :]
        assert [lists(r._asdict()) for r in mine] == [lists(r._asdict()) for r in other]
        assert inside(pair.machine) == inside(checked)
        pair.feed_reference(stream, at, past)
        if between and what == 1:
            pair.from_reference.append(pair.reference.drain())
        at = past
    assert checked.repeated_cycles == 0
    assert pair.machine.repeated_cycles + pair.machine.checked_cycles == checked.checked_cycles
    pair.drain()
    pair.assert_same()


# What goes wrong late.


def samples_of(config, n=300):
    stream = machines.samples_only(config, n)
    return stream, n // 2


def late(config, plant, every, stream=None, **replaced):
    """The error of a machine in which something goes wrong after half of the samples."""
    if stream is None:
        stream, _ = samples_of(config)
    half = len(stream.source) // 2
    machine = Pair(config).new_machine(**replaced)
    machine.check_every = every
    samples = machine_samples(machine, stream)
    machine.feed(samples, stream.source[:half])
    assert every or machine.repeated_cycles > half // 2
    plant(machine)
    with pytest.raises((PortConflict, StaleWord, PendingWrite, IncompleteSum)) as caught:
        machine.feed(samples, stream.source[half:])
    return caught.value


def two_lanes_on_one_memory(machine):
    """Of junction 2."""
    p = machine._d.junctions[1]
    memory = machine._d.lanes.memory
    memory[p[columns.EDGES] + 1] = memory[p[columns.EDGES] + 3]


def an_address_of_another_bank(machine):
    """The left activations of junction 2 are looked for a bank further on."""
    machine._d.junctions[1, columns.LEFT_WORDS] += machine._d.junctions[1, columns.N_LEFT]


def a_bank_too_few(machine):
    """Of inputs."""
    machine._d.junctions[0, columns.LEFT_BANKS] -= 1


def a_word_of_another_sample(machine):
    """The inputs that junction 1 reads next."""
    p, words = machine._d.junctions[0], machine._s.memories.words
    n = machine.cycle
    at = p[columns.LEFT_WORDS] + n % p[columns.LEFT_BANKS] * p[columns.N_LEFT]
    words[at + 5] -= 1 << columns.OWNER_BITS


def a_lost_contribution(machine):
    """To the partial deltas that are complete."""
    tags = machine._s.memories.tags
    tags[(tags & 7) == 3] -= 1


def a_write_that_is_late(machine):
    """Of a weight row."""
    machine._s.memories.weight_lands[7] = machine.clock + 10_000


def late_write_back(machine):
    """Of all weights of junction 1."""
    machine._d.junctions[0, columns.UPDATE_LATENCY] = machine.timing.period


def a_schedule_a_clock_off(machine):
    """Junction 2 works a clock earlier than junction 1 has done."""
    machine._d.junctions[1, columns.OFFSET] -= 3


PLANTS = {
    two_lanes_on_one_memory: PortConflict,
    an_address_of_another_bank: StaleWord,
    a_bank_too_few: StaleWord,
    a_word_of_another_sample: StaleWord,
    a_lost_contribution: IncompleteSum,
    a_write_that_is_late: PendingWrite,
    late_write_back: (PendingWrite, PortConflict),
    a_schedule_a_clock_off: StaleWord,
}


@BOTH
@pytest.mark.parametrize("plant", PLANTS, ids=lambda f: f.__name__)
def test_what_goes_wrong_late_is_found_in_the_same_clock(config, plant):
    found, expected = (late(config, plant, every) for every in (False, True))
    assert isinstance(found, PLANTS[plant]) and type(found) is type(expected)
    assert str(found) == str(expected) and found.clock == expected.clock


@BOTH
def test_what_goes_wrong_only_when_two_operations_meet_is_found_when_they_first_do(config):
    """Half of the samples are for inference only, and FF has a bank for itself; the first training sample's UP meets it."""
    stream, half = samples_of(config)
    train = np.arange(len(stream.source)) >= half + 50
    banks = fewer(parts(config)[2], "activation", by=2)
    told = []
    for every in (False, True):
        error = late(config, lambda machine: None, every, stream._replace(train=train), banks=banks)
        told.append((type(error), str(error)))
    assert told[0] == told[1]


def test_a_wrong_value_flows_on_as_it_does_in_a_machine_that_checks_everything():
    """No check can see it; beside the reference it shows."""
    stream, half = samples_of(CONFIG)
    found = []
    for every in (False, True):
        pair = Pair(CONFIG)
        pair.machine.check_every = every
        pair.feed(stream, 0, half)
        pair.machine._s.memories.words[7] ^= 3
        pair.machine._s.memories.weight[11] ^= 1
        pair.feed(stream, half)
        pair.drain()
        found.append(inside(pair.machine))
        assert lists(pair.machine.arrays()) != lists(pair.reference.arrays())
        assert every or pair.machine.repeated_cycles > half
    assert found[0] == found[1]


def test_after_a_checkpoint_everything_is_checked_anew():
    stream, half = samples_of(CONFIG)
    pair = Pair(CONFIG)
    pair.feed(stream, 0, half)
    pair.settle()
    checked = pair.machine.checked_cycles
    pair.machine.restore(pair.machine.arrays())
    pair.feed(stream, half)
    assert pair.machine.checked_cycles >= checked + 5
    pair.drain()
    pair.assert_same()


# What is checked in full.


@BOTH
def test_each_place_of_the_banks_is_checked_once(config):
    """Training samples only: what is new is the filling of the pipeline and then every place of the ring of most banks."""
    stream, _ = samples_of(config)
    machine = Pair(config).machine
    machine.feed(machine_samples(machine, stream), stream.source)
    most, drain = machine.banks.activation[0], config.hops.drain(2)
    assert most <= machine.checked_cycles <= drain + most * 2 + 2
    assert machine.checked_cycles + machine.repeated_cycles == 300
    checked = machine.checked_cycles
    for _ in range(3):
        machine.feed(machine_samples(machine, stream), stream.source)
    rest = -(-machine.skew // machine.timing.period)  # what leads up to the end of a call
    assert machine.checked_cycles == checked + 3 * (1 + rest)


def test_a_new_combination_is_checked_whenever_it_comes():
    stream, half = samples_of(CONFIG)
    stream.source[half] = NO_SAMPLE
    machine = Pair(CONFIG).machine
    machine.feed(machine_samples(machine, stream), stream.source[: half - 10])
    checked = machine.checked_cycles
    machine.feed(machine_samples(machine, stream), stream.source[half - 10 : half + 50])
    # The host, FF of both junctions, the delta of the output, UP of both: three cycles have one of them less, ...
    assert machine.checked_cycles == checked + 5 + 1


@BOTH
def test_recorded_cycles_are_checked_and_recorded(config):
    stream, half = samples_of(config)
    logs = []
    for every in (False, True):
        log = Log(half * 14, half * 14 + 40)
        machine = Pair(config).design.machine(log=log)
        machine.check_every = every
        machine.feed(machine_samples(machine, stream), stream.source)
        logs.append(log.events.tolist())
        assert every or machine.repeated_cycles > half
    assert logs[0] == logs[1] and len(logs[0]) > 500


def test_where_violations_only_count_all_clocks_count():
    stream, _ = samples_of(CONFIG)
    machine = Pair(CONFIG).new_machine(enforce=False)
    machine.feed(machine_samples(machine, stream), stream.source)
    assert (machine.checked_cycles, machine.repeated_cycles) == (300, 0)


# Which designs can be repeated as wholes.


@pytest.mark.parametrize(
    "machine",
    [
        lambda: Pair(OVERLAP).new_machine(timing=with_latency(parts(OVERLAP)[1], 1, update=parts(OVERLAP)[1].period - 1)),
        lambda: Pair(CONFIG).new_machine(banks=fewer(parts(CONFIG)[2], "delta")),
        lambda: Pair(OVERLAP).new_machine(banks=fewer(parts(OVERLAP)[2], "delta")),
    ],
    ids=["late write", "a delta bank less", "a delta bank less under overlap"],
)
def test_what_is_unusual_and_right_is_repeated_rightly(machine):
    made = machine()
    pair = Pair(made.config)
    pair.machine = made
    pair.feed(machines.samples_only(made.config, 200))
    pair.drain()
    pair.assert_same()
    assert made.repeated_cycles > 100


def test_the_host_overwrites_a_bank_as_it_is_read():
    """As in the test of broken machines, over many samples."""
    network = {"layers": [12, 1], "out_degree": [1]}
    config = configuration(network=network, hardware={"z": [1]}, connectivity={"kind": "full"})
    pair = Pair(config)
    pair.machine = pair.new_machine(banks=fewer(pair.machine.banks, "activation"))
    pair.feed(machines.samples_only(config, 200))
    pair.drain()
    pair.assert_same()
    assert pair.machine.repeated_cycles > 100


def test_every_shipped_kind_of_design_is_repeated():
    for seed, connectivity in enumerate(CONNECTIVITIES):
        for order in ORDERS:
            config = machines.random_configuration(np.random.default_rng(seed), 3, connectivity, order)
            assert repetition.whole_passes(Pair(config).machine._d) is not None


@pytest.mark.parametrize(
    "changed",
    [
        {"first_visit": np.ones(24, np.bool_)},
        {"first_visit": np.zeros(24, np.bool_)},
        {"lane": np.zeros(24, np.int64)},
        {"row": np.array([0, 1, 2, 4, 3, 5])},
    ],
    ids=["all first", "none first", "one lane", "rows in another order"],
)
def test_passes_whose_clocks_matter_are_not_repeated(changed):
    plan = parts(CONFIG)[0]
    assert plan.junctions[1].edge.size == 24 and plan.junctions[1].clocks == 6
    broken = Pair(CONFIG).new_machine(schedule=with_junction(plan, 2, **changed))
    assert repetition.whole_passes(broken._d) is None


def test_a_host_that_does_not_end_with_the_cycle_is_not_repeated():
    design = Pair(CONFIG).machine._d
    assert repetition.whole_passes(design) is not None
    assert repetition.whole_passes(design._replace(beat=0.5)) is None


def test_cycles_that_meet_more_than_their_neighbours_are_not_repeated():
    times = parts(CONFIG)[1]
    late = with_latency(times, 2, backward=2 * times.period)
    assert repetition.whole_passes(Pair(CONFIG).new_machine(timing=late)._d) is None
    assert repetition.whole_passes(Pair(CONFIG).new_machine(timing=replace(times, flush=times.flush + 3))._d) is not None
