"""The machine against the reference and the naive loops, integer by integer, and its clocks against sums done by hand."""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.configuration import config_file
from hwsim.design import Design
from hwsim.vocabulary import BP, FF, UP
from models.errors import InputError
from models.network.order import NO_SAMPLE
from tests.hwsim.machine import machines
from tests.hwsim.machine.machines import CONNECTIVITIES, Pair, configuration, lists
from tests.hwsim.shipped import SHIPPED
from tests.models.data.real import mnist_dir
from tests.models.fixed.naive import NaiveFixed

SEEDS = st.integers(0, 2**32 - 1)
ORDERS = ("flush", "overlap")


def shipped(name, **overrides):
    """A configuration that comes with the project; ``hardware__schedule`` stands for hardware.schedule."""
    path = next(p for p in SHIPPED if p.stem == name)
    return config_file.load(path, {key.replace("__", "."): value for key, value in overrides.items()})


def random_pair(seed, n_junctions, connectivity, order):
    """Both engines of a random design, and a stream long enough to fill the pipeline three times."""
    rng = np.random.default_rng(seed)
    config = machines.random_configuration(rng, n_junctions, connectivity, order)
    pair = Pair(config, machines.random_parameters(rng, config))
    return rng, pair, machines.random_stream(rng, config, 12 + 3 * config.hops.drain(n_junctions))


def random_pieces(rng, n, most=5):
    """Consecutive ranges, some of them empty, that make up 0 .. n."""
    cuts = [0, *sorted(int(c) for c in rng.integers(0, n + 1, rng.integers(0, most))), n]
    return list(itertools.pairwise(cuts))


# The same integers.


@settings(max_examples=200)
@given(
    seed=SEEDS,
    n_junctions=st.integers(1, 4),
    connectivity=st.sampled_from(CONNECTIVITIES),
    order=st.sampled_from(ORDERS),
)
def test_equals_the_reference(seed, n_junctions, connectivity, order):
    """Any legal design and latencies; fed in pieces, with standstills and blocked outputs between them."""
    rng, pair, stream = random_pair(seed, n_junctions, connectivity, order)
    for first, last in random_pieces(rng, len(stream.source)):
        pair.feed(stream, first, last)
        if rng.random() < 0.4:
            pair.settle()
            pair.assert_same()
            pair.machine.stand(int(rng.integers(0, 50)))
    pair.drain()
    pair.assert_same()


@settings(max_examples=25)
@given(
    seed=SEEDS, n_junctions=st.integers(1, 4), connectivity=st.sampled_from(CONNECTIVITIES), order=st.sampled_from(ORDERS)
)
def test_equals_the_naive_loops(seed, n_junctions, connectivity, order):
    _, pair, stream = random_pair(seed, n_junctions, connectivity, order)
    config, machine = pair.config, pair.machine
    drawn = pair.design.generators
    lanes = (drawn.z, drawn.states) if drawn else ()
    naive = NaiveFixed(pair.design.network, config.numbers.system, pair.start, config.hops, *lanes)
    for s, label, kappa, train in zip(stream.source, stream.labels, stream.kappa, stream.train, strict=True):
        naive.cycle(None if s < 0 else (stream.inputs[s], int(label), int(kappa), bool(train)))
    pair.feed_machine(stream)
    pair.settle()
    assert [w.tolist() for w in machine.parameters.weights] == naive.w
    assert [b.tolist() for b in machine.parameters.biases] == naive.b
    results = machines.came_out(pair.from_machine)
    assert (results["prediction"], results["output"]) == (naive.predictions, naive.outputs)
    signals = ("preactivation", "delta", "weight", "bias")
    counted = {(j, s): int(n) for j, row in enumerate(machine.saturation) for s, n in zip(signals, row, strict=True) if n}
    assert counted == naive.saturation


SHAPES = {
    "powers of two": ([16, 8, 4], [4, 2], [8, 4]),
    "as many lanes as edges of a right neuron": ([16, 8, 4], [2, 2], [4, 4]),
    "d_in divides z": ([16, 8, 4], [2, 2], [16, 8]),
    "z divides d_in": ([12, 8, 6], [4, 3], [3, 2]),
    "neither divides the other": ([12, 8, 6], [4, 3], [4, 4]),
    "right neurons straddle sweeps": ([12, 9, 15], [6, 5], [6, 9]),
    "one lane": ([5, 4, 3], [4, 3], [1, 1]),
    "all left neurons at once": ([7, 7, 7], [3, 3], [7, 7]),
    "unbalanced": ([24, 6, 12, 5], [2, 8, 5], [4, 6, 2]),
    "one junction": ([9, 6], [2], [3]),
    "four junctions": ([10, 12, 9, 6, 4], [6, 3, 2, 2], [5, 6, 3, 2]),
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("shape", SHAPES)
def test_sizes_need_not_fit_each_other(shape, order):
    layers, degrees, z = SHAPES[shape]
    latency = {"multiplier": 1, "write_back": 0} if order == "flush" else {"memory_read": 0, "write_back": 0}
    config = configuration(
        network={"layers": layers, "out_degree": degrees},
        hardware={"z": z, "schedule": order, "latency": latency},
        connectivity={"type": 3, "dither": True},
    )
    pair = Pair(config)
    pair.feed(machines.samples_only(config, 30))
    pair.drain()
    pair.assert_same()


def test_patterns_that_are_not_clash_free_learn_the_same_and_take_longer():
    config = configuration(connectivity={"kind": "structured"})
    pair = Pair(config)
    assert pair.machine.timing.pass_clocks == max(j.clocks for j in pair.machine.schedule.junctions) > 12
    pair.feed(machines.samples_only(config, 30))
    pair.drain()
    pair.assert_same()


@pytest.mark.parametrize("order", ORDERS)
def test_large_learning_rate_shift_leaves_everything_as_it_is(order):
    config = configuration(hardware={"schedule": order})
    pair = Pair(config)
    pair.feed(machines.samples_only(config, 20)._replace(kappa=np.full(20, 31)))  # the greatest that there is
    pair.drain()
    assert [w.tolist() for w in pair.machine.parameters.weights] == [w.tolist() for w in pair.start.weights]


def test_inference_leaves_no_trace():
    config = configuration()
    pair = Pair(config)
    stream = machines.samples_only(config, 20)._replace(train=np.zeros(20, np.bool_))
    pair.feed(stream)
    pair.drain()
    pair.assert_same()
    assert [w.tolist() for w in pair.machine.parameters.weights] == [w.tolist() for w in pair.start.weights]
    assert pair.machine.counts[:, FF, 0].tolist() == [20 * 12, 20 * 6]
    assert not pair.machine.counts[:, [BP, UP]].any()


# Clocks.


def clocks(machine, cycles):
    """Of so many junction cycles from a standstill to the next, one period for the host's first sample included."""
    last = machine.timing.junctions[-1]
    skew = 0 if machine.timing.flush else last.offset + max(j.longest for j in machine.timing.junctions)
    return (1 + cycles) * machine.timing.period + skew


@settings(max_examples=40)
@given(seed=SEEDS, n_junctions=st.integers(1, 4), order=st.sampled_from(ORDERS))
def test_every_sample_takes_a_period(seed, n_junctions, order):
    """The first period only loads; the last sample waits in its bank until it is let in."""
    _, pair, stream = random_pair(seed, n_junctions, CONNECTIVITIES[2], order)
    m, n = pair.machine, len(stream.source)
    assert m.timing.period == m.timing.pass_clocks + m.timing.flush and (m.timing.flush == 0 or order == "flush")
    pair.feed(stream, 0, 5)
    assert (m.clock, m.cycle) == (5 * m.timing.period, 4)
    pair.feed(stream, 5, n)
    assert (m.clock, m.cycle) == (n * m.timing.period, n - 1)
    pair.settle()
    assert (m.clock, m.cycle) == (clocks(m, n), n)
    pair.settle()
    assert (m.clock, m.cycle) == (clocks(m, n), n)
    bubbles = pair.config.hops.drain(n_junctions)
    pair.drain()
    assert (m.clock, m.cycle) == (clocks(m, n) + clocks(m, bubbles), n + bubbles)
    pair.assert_same()


@pytest.mark.parametrize("order", ORDERS)
def test_results_appear_when_the_last_output_lands(order):
    """Sample n is in junction 1 in period n + 1 and in junction 2, whose rows are those of clocks 0..5, a period later."""
    config = configuration(hardware={"schedule": order, "latency": {"tree_every": 1, "table": 1}})
    pair = Pair(config)
    stream = machines.samples_only(config, 13)
    stream.source[10:] = NO_SAMPLE
    pair.feed_machine(stream)
    times = pair.machine.timing
    assert times.junctions[1].feedforward == 5
    behind = {"flush": 0, "overlap": times.junctions[0].feedforward}[order]
    assert pair.from_machine[0].clock.tolist() == [times.period * (n + 2) + behind + 5 + 5 for n in range(10)]


def test_a_blocked_output_costs_its_clocks_and_nothing_else():
    config = configuration()
    stream = machines.samples_only(config, 10)
    held, free = Pair(config), Pair(config)
    for pair, clocks_held in ((held, 1000), (free, 0)):
        pair.feed(stream, 0, 4)
        pair.settle()
        pair.machine.stand(clocks_held)
        pair.feed(stream, 4, 10)
        pair.drain()
        pair.assert_same()
    assert held.machine.clock == free.machine.clock + 1000
    assert (held.machine.standing_clocks, free.machine.standing_clocks) == (1000, 0)


@pytest.mark.parametrize("order", ORDERS)
def test_a_blocked_output_holds_a_loaded_sample(order):
    """Under overlap, junctions that run behind the first one come to rest within the standstill."""
    config = configuration(hardware={"schedule": order})
    stream = machines.samples_only(config, 10)
    pair = Pair(config)
    for first in range(0, 10, 2):
        pair.feed(stream, first, first + 2)
        skew = pair.machine.skew
        if skew:
            with pytest.raises(InputError, match="is too short for all junctions to come to rest; nearest: "):
                pair.machine.stand(skew - 1)
        pair.from_machine.append(pair.machine.stand(skew + 3))
    pair.drain()
    pair.assert_same()
    assert (skew > 0) == (order == "overlap") and pair.machine.standing_clocks == 5 * (skew + 3)


def steady(config, n=40):
    """Clocks that n samples take in a full pipeline, and in how many of them each operation of each junction works."""
    machine = Pair(config).new_machine()
    stream = machines.samples_only(config, 2 * n)
    samples = machines.machine_samples(machine, stream)
    machine.feed(samples, stream.source[:n])
    clock, counts = machine.clock, machine.counts.copy()
    machine.feed(samples, stream.source[n:])
    return machine.clock - clock, machine.counts - counts


def test_published_design_takes_34_clocks_for_an_input_and_works_in_32_of_them():
    taken, counts = steady(shipped("reconfig2018"))
    assert taken == 40 * 34
    assert counts[..., 0].tolist() == [[40 * 32, 0, 40 * 32], [40 * 32] * 3]
    assert counts[..., 1].tolist() == [[40 * 4096, 0, 40 * 4096], [40 * 1024] * 3]


@pytest.mark.parametrize(
    ("latency", "flush"),
    [
        ({"memory_read": 0, "write_back": 0}, 0),
        ({"memory_read": 3, "write_back": 2}, 5),
        ({"multiplier": 3}, 8),
        ({"tree_every": 2, "table": 1}, 6),
    ],
)
def test_other_latencies_take_c_and_flush_clocks(latency, flush):
    stages = {f"hardware__latency__{name}": value for name, value in latency.items()}
    taken, counts = steady(shipped("reconfig2018", **stages))
    assert taken == 40 * (32 + flush) and counts[1, BP, 0] == 40 * 32


@pytest.mark.parametrize(
    "latency",
    [
        {},
        {"memory_read": 0, "write_back": 0},
        {"multiplier": 3, "tree_every": 1, "table": 2},
        {"memory_read": 4, "multiplier": 3, "tree_every": 2, "table": 4, "write_back": 4},
    ],
)
def test_overlap_takes_32_clocks_and_always_works(latency):
    stages = {f"hardware__latency__{name}": value for name, value in latency.items()}
    taken, counts = steady(shipped("reconfig2018", hardware__schedule="overlap", **stages))
    assert taken == 40 * 32
    assert counts[0, [FF, UP], 0].tolist() == [taken] * 2
    assert counts[1, [FF, BP, UP], 0].tolist() == [taken] * 3
    assert counts[1, :, 1].tolist() == [taken * 32] * 3


def test_bubbles_do_no_work():
    config = configuration()
    pair = Pair(config)
    stream = machines.samples_only(config, 20)
    stream.source[5:15] = NO_SAMPLE
    pair.feed(stream)
    pair.drain()
    pair.assert_same()
    assert pair.machine.counts[..., 0].tolist() == [[10 * 12, 0, 10 * 12], [10 * 6] * 3]


# Checkpoints.


@settings(max_examples=50)
@given(
    seed=SEEDS, n_junctions=st.integers(1, 4), connectivity=st.sampled_from(CONNECTIVITIES), order=st.sampled_from(ORDERS)
)
def test_checkpoint_continues_in_either_engine(seed, n_junctions, connectivity, order):
    """Written in mid-flight by either, read by either: all end alike."""
    rng, pair, stream = random_pair(seed, n_junctions, connectivity, order)
    cut = int(rng.integers(0, len(stream.source) + 1))
    pair.feed(stream, 0, cut)
    pair.settle()
    saved = {"machine": pair.machine.arrays(), "reference": pair.reference.arrays()}
    assert lists(saved["machine"]) == lists(saved["reference"])
    pair.feed(stream, cut)
    pair.drain()
    pair.assert_same()
    after = machines.came_out(pair.from_reference[1:])
    for arrays in saved.values():
        resumed = Pair(pair.config)  # other parameters
        resumed.machine.restore(arrays)
        resumed.reference.restore(arrays)
        resumed.feed(stream, cut)
        resumed.drain()
        resumed.assert_same()
        assert lists(resumed.machine.arrays()) == lists(pair.machine.arrays())
        assert machines.came_out(resumed.from_machine) == after


@pytest.mark.parametrize("order", ORDERS)
def test_restoring_a_machine_in_operation_forgets_what_was_under_way(order):
    config = configuration(hardware={"schedule": order, "latency": {"multiplier": 2}})
    stream = machines.samples_only(config, 30)
    pair = Pair(config)
    pair.feed(stream, 0, 10)
    pair.settle()
    saved = pair.machine.arrays()
    pair.feed_machine(stream, 10, 17)  # neither settled nor known to the reference
    pair.from_machine.pop()
    pair.machine.restore(saved)
    pair.feed(stream, 10)
    pair.drain()
    pair.assert_same()


def test_a_checkpoint_needs_a_standstill():
    machine = Pair(configuration()).machine
    stream = machines.samples_only(machine.config, 3)
    machine.feed(machines.machine_samples(machine, stream))
    with pytest.raises(InputError, match="settle first"):
        machine.arrays()


def test_feeding_nothing_changes_nothing():
    config = configuration()
    pair = Pair(config)
    stream = machines.samples_only(config, 12)
    for first, last in [(0, 0), (0, 6), (6, 6), (6, 12), (12, 12)]:
        before = pair.machine.clock
        pair.feed(stream, first, last)
        assert pair.machine.clock - before == (last - first) * 14
        pair.settle()
        pair.assert_same()
    pair.drain()
    pair.assert_same()


@pytest.mark.slow
def test_a_sum_of_the_most_contributions_is_complete():
    """A layer of 2**20 neurons, the most there can be: as many contributions to the one partial delta."""
    n = 1 << 20
    network = {"layers": [1, 1, n], "out_degree": [1, n], "classes": 2}
    config = configuration(network=network, hardware={"z": [1, 1]}, connectivity={"kind": "full"})
    pair = Pair(config)
    pair.feed(machines.samples_only(config, 1))
    pair.drain()
    pair.assert_same()
    assert (pair.machine.parameters.weights[0] != pair.start.weights[0]).any()


# Bad input.


def fed(inputs, labels, kappa=1, source=None):
    machine = Pair(configuration()).machine
    return machine.feed(machine.samples(inputs, labels, kappa), source)


def softmax():
    """Legal in the float engine only."""
    config = configuration(network={"activation": ["sigmoid", "softmax"]}, training={"engine": "float"})
    return Design(config).machine(Pair(configuration()).start)


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (
            lambda: fed(np.zeros((1, 11), np.int32), [0]),
            "samples = (1, 11), (1,): inputs and labels must have shapes (n, 12)",
        ),
        (lambda: fed(np.zeros((2, 12), np.int32), [0]), "samples = (2, 12), (1,)"),
        (lambda: fed(np.full((1, 12), 2048, np.int32), [0]), "inputs = 2048..2048: must lie in -2048..2047"),
        (lambda: fed(np.zeros((1, 12), np.int32), [6]), "labels = 6..6: must lie in 0..5"),
        (lambda: fed(np.zeros((1, 12), np.int32), [0], -1), "kappa = -1..-1: must lie in 0.."),
        (lambda: fed(np.zeros((1, 12), np.int32), [0], 1, [1]), "source = 1..1: must lie in -1..0"),
        (lambda: Pair(configuration()).machine.restore({}), "checkpoint:weight_1: must be present with shape (48,)"),
        (
            lambda: Pair(configuration()).machine.restore(Pair(configuration()).start.arrays()),
            "checkpoint:saturation: must be present with shape (2, 4)",
        ),
        (
            lambda: Pair(configuration(training={"order": "sequential"})),
            "training.order = sequential: has no machine; nearest: pipelined",
        ),
        (softmax, "network.activation = softmax: needs the float engine"),
    ],
)
def test_bad_input_is_named(call, names):
    with pytest.raises(InputError) as error:
        call()
    assert names in str(error.value) and "\n" not in str(error.value)


# Uncompiled.


def test_uncompiled_source_gives_the_same_integers():
    """For debugging, the clock loop also runs as plain Python, here with every warning an error."""
    root = Path(__file__).parents[3]
    program = "import json, sys; from tests.hwsim.machine import machines; json.dump(machines.tiny_runs(), sys.stdout)"
    found = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=root,
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout) == json.loads(json.dumps(machines.tiny_runs()))


# Real digits.


def assert_same_epoch(config, data_dir):
    design = Design(config)
    train = design.dataset(data_dir).train
    order, kappa = design.epoch_order(0, len(train)), config.training.kappa(0)
    inputs = train.integers(config.numbers.system.input)
    machine = design.machine()
    reference = design.fixed_engine()
    pair = Pair(config)
    pair.machine, pair.reference = machine, reference
    pair.from_machine.append(machine.feed(machine.samples(inputs, train.labels, kappa), order))
    pair.from_reference.append(reference.run(reference.samples(inputs, train.labels), kappa, source=order))
    pair.settle()
    pair.assert_same()
    pair.drain()
    pair.assert_same()
    right = sum(int((part.prediction == part.label).sum()) for part in pair.from_machine)
    assert right > 0.6 * len(train)
    return machine, len(train)


@pytest.mark.slow
@pytest.mark.parametrize("order", ORDERS)
def test_epoch_of_digits_equals_the_reference(order):
    _, n = assert_same_epoch(shipped("demo", hardware__schedule=order), None)
    assert n == 5000


@pytest.mark.slow
@pytest.mark.parametrize("order", ORDERS)
def test_epoch_of_mnist_equals_the_reference(order):
    machine, n = assert_same_epoch(shipped("reconfig2018", hardware__schedule=order), mnist_dir())
    assert n == 12544
    assert machine.counts[:, UP, 0].tolist() == [n * 32] * 2
