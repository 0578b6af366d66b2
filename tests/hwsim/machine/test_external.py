"""Weights from an external memory: clock by clock, request by request, and in closed form, the same clocks are lost."""

import numpy as np
import pytest

from hwsim.configuration import config_file
from hwsim.design import Design
from hwsim.machine.external import ExternalMemory
from hwsim.machine.streams import Samples
from hwsim.vocabulary import TRAINING
from models.errors import InputError
from models.network.order import NO_SAMPLE
from tests.hwsim.machine.machines import (
    CONNECTIVITIES,
    SMALL,
    Pair,
    configuration,
    lists,
    machine_samples,
    random_configuration,
    random_stream,
    samples_only,
)
from tests.hwsim.machine.naive_port import junctions_of, lost_before

FAST = {"bandwidth": 10**6, "latency": 0}


def with_weights(config, **weights):
    """The configuration with an external memory; ``None`` if it cannot have it."""
    try:
        found = config_file.changed(config, {"hardware.weights": weights})
        assert Design(found).inventory.external
    except InputError as e:
        assert "hardware.weights" in str(e)
        return None
    return found


def drawn(seed, balanced=False):
    """A design with an external memory of any speed and any buffers."""
    rng = np.random.default_rng(seed)
    for attempt in range(1000):
        order = ("flush", "overlap")[seed % 2]
        config = random_configuration(rng, int(rng.integers(1, 4)), CONNECTIVITIES[attempt % 8], order)
        try:
            fast = with_weights(config, **FAST)
            known = fast and Design(fast).inventory
        except InputError:  # latencies too long for overlap
            continue
        if not fast or (balanced and len({j.pass_clocks for j in known.junctions}) > 1):
            continue
        needed = known.external.traffic / known.external.period
        bandwidth = max(1, round(needed * float(rng.choice([0.3, 0.7, 0.95, 1.0, 1.05, 1.5, 4.0]))))
        ahead = None if balanced else int(rng.integers(1, 12)) if rng.random() < 0.7 else None
        found = with_weights(config, bandwidth=bandwidth, latency=int(rng.integers(0, 25)), buffer_rows=ahead)
        if found:
            return found
    raise AssertionError("nothing was drawn")


def memory_of(design, cycles):
    """An external memory that has followed so many junction cycles of training samples, one right behind the other."""
    memory = ExternalMemory.of(design.config, design.schedule, design.timing)
    n = np.zeros(1, np.int32)
    memory.enter(Samples(n, n, np.full(1, design.config.kappa_range[0]), np.array([TRAINING])), np.zeros(cycles, np.int64))
    memory.begin(np.arange(1, cycles + 1) * design.timing.period)
    memory.run((cycles + 1) * design.timing.period)
    return memory


@pytest.mark.parametrize("seed", range(60))
def test_in_steady_state_clocks_are_those_of_the_closed_form(seed):
    design = Design(drawn(seed))
    external = design.inventory.external
    pace = external.clocks_per_input
    assert pace >= external.bound and (pace == external.bound or not external.hides)
    if external.bound == external.period:
        assert (pace == external.period) == external.hides
    base = pace.denominator
    lost = memory_of(design, 12 * base + 300).stalls
    for many in range(1, 9):  # what repeats may do so after some multiple of the fraction's denominator
        span = many * base
        if (lost[-2 * base - 60 :] - lost[-2 * base - 60 - span : -span] == span * external.stall_clocks).all():
            return
    raise AssertionError((design.config, float(pace), np.diff(lost)[-40:]))


@pytest.mark.parametrize("seed", range(30))
def test_usual_rows_are_enough_for_balanced_passes(seed):
    """Whatever the latency: nothing is waited for but the port; unless so many rows cannot be brought back in time."""
    design = Design(drawn(seed, balanced=True))
    external, hardware = design.inventory.external, design.config.hardware
    usual = hardware.weights.latency + external.flush + 4
    if all(s.held.ahead == usual and s.row_of_clock is None for s in external.streams):
        assert external.hides and external.clocks_per_input == external.bound


@pytest.mark.parametrize("seed", range(16))
def test_every_clock_of_a_disturbed_run(seed):
    """Bubbles, inference, standstills, a drain, calls of odd sizes: as many clocks are lost before each junction cycle."""
    rng = np.random.default_rng(seed)
    config = drawn(seed)
    pair, plain = Pair(config), Pair(config_file.changed(config, {"hardware.weights": None}))
    stream = random_stream(rng, config, 40)
    kinds = np.where(stream.source == NO_SAMPLE, 0, np.where(stream.train, 2, 1))
    machine, begins, done = pair.machine, [], 0
    while done < 40:
        many = min(int(rng.integers(1, 9)), 40 - done)
        for one in (pair, plain):
            one.feed_machine(stream, done, done + many)
        # All but the last that was loaded have entered; the one loaded before entered first.
        entered = machine.cycle - len(begins)
        begins += [machine.clock - k * machine.timing.period for k in range(entered, 0, -1)]
        done += many
        if rng.random() < 0.3:
            clocks = machine.skew + int(rng.integers(1, 90))
            for one in (pair, plain):
                one.from_machine.append(one.machine.stand(clocks))
    for one in (pair, plain):
        one.settle()
    begins.append(machine.clock - machine.skew - machine.timing.period)
    n = len(pair.design.patterns)
    lags = [config.hops.backward_lag(i, n) for i in range(1, n + 1)]
    learns = [[c >= lag and kinds[c - lag] == 2 for lag in lags] for c in range(len(begins))]
    external = pair.design.inventory.external
    of = junctions_of(pair.design, pair.design.inventory)
    lost, whole = lost_before(of, external.bandwidth, external.latency, begins, learns, machine.clock)
    assert machine.elapsed - machine.clock == machine.external.stall_clocks == whole
    assert machine.external.stalls.tolist() == lost
    assert all(most <= s.held.back for most, s in zip(machine.external.most_back, external.streams, strict=True))
    assert lists(machine.arrays()) == lists(plain.machine.arrays()) and machine.clock == plain.machine.clock
    assert plain.machine.elapsed == plain.machine.clock


@pytest.mark.parametrize("seed", range(20))
def test_no_more_rows_wait_than_there_is_room_for(seed):
    design = Design(drawn(100 + seed))
    memory = memory_of(design, 200)
    rooms = [s.held.back for s in design.inventory.external.streams]
    assert all(0 < most <= room for most, room in zip(memory.most_back, rooms, strict=True))


def test_a_memory_that_is_fast_enough_costs_nothing():
    config = configuration(hardware={"weights": FAST})
    pair = Pair(config)
    pair.feed(samples_only(config, 30))
    pair.drain()
    assert pair.machine.elapsed == pair.machine.clock and pair.machine.external.stall_clocks == 0
    pair.assert_same()


def test_the_first_fill_is_waited_for_once():
    """Of the time until the first rows are there, the cycle in which the host loads the first sample hides a part."""
    slow, long = {"bandwidth": 10**5, "latency": 40}, {"layers": [120, 8, 6], "out_degree": [4, 3]}
    design = Design(configuration({**SMALL, "network": long}, hardware={"weights": slow}))
    assert (design.inventory.external.first_fill, design.timing.period) == (41, 122)
    assert memory_of(design, 3).stalls[0] == 0
    design = Design(configuration(hardware={"weights": slow | {"buffer_rows": 3}}))
    external = design.inventory.external
    assert (external.first_fill, design.timing.period) == (41, 14)
    lost = memory_of(design, 3).stalls
    assert lost[0] == 41 - 14
    assert external.clocks_per_input == 14 + external.stall_clocks == lost[2] - lost[1] + 14


@pytest.mark.parametrize("seed", range(8))
def test_a_checkpoint_goes_on_with_an_empty_buffer(seed):
    """What is in flight is known, so that rows are written back as before; the first ones have to be fetched again."""
    config = drawn(seed)
    design, stream = Design(config), samples_only(config, 40)
    one, other = design.machine(), design.machine()
    one.feed(machine_samples(one, stream), stream.source[:20])
    one.settle()
    other.restore(one.arrays())
    for machine in (one, other):
        machine.feed(machine_samples(machine, stream), stream.source[20:])
    assert other.cycle == 39 and other.clock == 20 * other.timing.period
    begins = [(1 + k) * other.timing.period for k in range(19)]
    n, external = len(design.patterns), design.inventory.external
    lags = [config.hops.backward_lag(i, n) for i in range(1, n + 1)]
    learns = [[20 + k >= lag for lag in lags] for k in range(19)]
    lost, whole = lost_before(
        junctions_of(design, design.inventory), external.bandwidth, external.latency, begins, learns, other.clock
    )
    assert other.external.stalls.tolist() == lost and other.elapsed - other.clock == whole
    for machine in (one, other):
        machine.drain()
    assert lists(one.arrays()) == lists(other.arrays())


def test_an_illegal_sample_is_not_written_back():
    config = configuration(hardware={"weights": {"bandwidth": 40, "latency": 3}})
    machines = [Design(config).machine() for _ in range(2)]
    for machine, label in zip(machines, (0, 7), strict=True):  # six classes, carried in three bits
        inputs = np.zeros((20, 12), np.int32)
        machine.feed(machine.samples(inputs, np.full(20, label), 3, as_carried=True))
        machine.drain()
    legal, illegal = machines
    assert illegal.external.most_back == [0, 0] and all(legal.external.most_back)
    assert illegal.external.stall_clocks < legal.external.stall_clocks
