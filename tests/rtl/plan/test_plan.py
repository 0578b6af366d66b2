"""The integers of a design's hardware, against definitions and against figures worked out by hand."""

import itertools
from math import lcm

import numpy as np
import pytest

from hwsim.configuration import config_file
from hwsim.costs import operations
from hwsim.design import Design
from hwsim.schedule.inventory import inventory
from hwsim.vocabulary import MemoryKey, MemoryKind
from models.errors import InputError
from rtl.plan.interleaving import Interleaving
from rtl.plan.plan import Plan, tables
from tests.rtl.designs import DESIGNS, OVERLAP, clash_free, configuration, design, junctions, planned, row

INTERLEAVINGS = [
    (neurons, per_clock, memories)
    for neurons, memories, per_clock in itertools.product((1, 6, 10, 12, 15), (1, 2, 3, 4, 5, 6), (1, 2, 3, 4, 5))
    if per_clock <= memories <= neurons
]


@pytest.mark.parametrize("sizes", INTERLEAVINGS, ids=str)
def test_every_neuron_lies_where_it_belongs(sizes):
    neurons, per_clock, memories = sizes
    of = Interleaving(*sizes)
    assert of.groups == len(range(0, neurons, per_clock))
    assert of.depth == len(range(0, neurons, memories))
    assert of.phases == lcm(per_clock, memories) // per_clock
    for g in range(of.groups):
        phase, first = g % of.phases, g * per_clock
        there = {q % memories: q for q in range(first, first + per_clock)}
        assert of.offset(phase) == first % memories
        assert of.steps(phase) == ((first + per_clock) // memories > first // memories)
        for memory in range(memories):
            k = of.source(phase, memory)
            assert k == (there[memory] - first if memory in there else None)
            if k is not None:
                assert first // memories + of.wraps(phase, memory) == there[memory] // memories


WHOLE = {("straddling", 2), ("straddling_deepest", 2)}
"""Junctions of such designs in which no neuron straddles rows in changing places."""


@pytest.mark.parametrize(("name", "number"), junctions())
def test_geometry_of_a_junction(name, number):
    of = design(name)
    j, (left, right), z = of.junctions[number - 1], of.config.network.layers[number - 1 : number + 1], of.config.hardware.z
    edges = left * of.config.out_degrees[number - 1]
    assert (j.number, j.is_last) == (number, number == len(of.junctions))
    assert (j.n_left, j.n_right, j.z) == (left, right, z[number - 1])
    assert (j.rows, j.depth) == (edges // j.z, left // j.z)
    assert (j.d_in, j.d_out) == (edges // right, edges // left)
    ends = [sum((e + 1) % j.d_in == 0 for e in range(c * j.z, (c + 1) * j.z)) for c in range(j.rows)]
    assert max(ends) == j.results_per_clock
    assert sum(ends) == right
    assert j.groups == len({n // j.results_per_clock for n in range(right)})
    assert j.straddles == (("straddling" in name and (name, number) not in WHOLE) or name == "clashing_inference")
    memories = j.results_per_clock if j.is_last else z[number]
    if j.straddles:
        assert j.rows_per_neuron == 1
        return
    assert right == j.groups * j.results_per_clock
    assert j.rows_per_neuron == max(1, j.rows // right)
    assert j.lanes_per_neuron * j.rows_per_neuron == j.d_in
    assert j.right == j.fresh == Interleaving(right, j.results_per_clock, memories)


@pytest.mark.parametrize(("name", "number"), junctions())
def test_right_neurons_of_a_row_and_where_they_lie(name, number):
    j = design(name).junctions[number - 1]
    of, q = j.routing, j.results_per_clock
    last_clock = [max(np.flatnonzero(j.schedule.row == c).tolist()) for c in range(j.rows)]
    ends_in = [next(last_clock[c] for c in range(j.rows) if n in row(j, c).end) for n in range(j.n_right)]
    assert j.group_clocks.tolist() == [max(ends_in[g * q : (g + 1) * q]) for g in range(j.groups)]
    if not j.straddles:
        assert of.phases == 1
        return
    places = set()
    for c in range(j.rows):
        phase, neurons, first = c % of.phases, row(j, c), c * j.z // j.d_in
        assert neurons.there == list(range(first, first + of.last(phase) + 1))
        assert [of.segment(phase, m) for m in range(j.z)] == [(c * j.z + m) // j.d_in - first for m in range(j.z)]
        for k, n in enumerate(neurons.there):
            assert of.slot(phase, k) == n % q
            lanes = [x for leaf in range(of.leaves) if (x := of.lanes(k, leaf)[phase]) is not None]
            assert sorted(lanes) == [m for m in range(j.z) if (c * j.z + m) // j.d_in == n]
        assert [of.segment_of_slot(phase, n % q) for n in neurons.end] == [neurons.there.index(n) for n in neurons.end]
        for walk, accessed, there in ((j.right, neurons.end, of.ends), (j.fresh, neurons.begin, of.begins)):
            assert walk.offset(phase) == first % j.next_memories
            memories = {n % j.next_memories: n for n in accessed}
            for memory in range(j.next_memories):
                n = memories.get(memory)
                assert walk.source(phase, memory) == (None if n is None else n % q)
                assert walk.wraps(phase, memory) == (n is not None and n // j.next_memories > first // j.next_memories)
            for k in range(q):
                n = next((n for n in accessed if n % q == k), None)
                assert there(k)[phase] == (n is not None)
                assert walk.leads(phase, k) == (n is not None and n // q > first // q)
                assert n is None or walk.memory(phase, k) == n % j.next_memories
        places.add((first // q, phase))
    assert len(places) == j.rows and j.ending == (first // q, phase)


@pytest.mark.parametrize(("name", "number"), junctions())
def test_lanes_and_memories_are_the_patterns(name, number):
    j = design(name).junctions[number - 1]
    for c, m in itertools.product(range(j.rows), range(j.z)):
        q = j.pattern.left[c * j.z + m]
        assert (j.memory[c, m], j.address[c, m]) == (q % j.z, q // j.z)
        if not j.stalls:
            assert j.address_of_memory[c, q % j.z] == q // j.z
            assert (j.lane_of_memory[c, q % j.z], j.memory_of_lane[c, m]) == (m, q % j.z)
    assert not (j.stalls and j.sweeps)
    if j.stalls or not j.sweeps:
        assert name.startswith("clashing") or (name, number) == ("one_lane", 1)
    assert name != "clashing" or j.stalls


def test_banks_of_the_published_pipeline():
    of, n = design("four_junctions"), 4
    for i, j in enumerate(of.junctions):  # left layer
        assert (j.forward_lag, j.backward_lag) == (i, 2 * n - i - 1)
        assert j.left_banks == 2 * (n - i) + 1
        assert (j.partial_banks, j.delta_banks) == (1 if i == 0 else 2, 2)
    assert [j.next_banks for j in of.junctions] == [7, 5, 3, 1]
    assert [j.derivative_banks for j in of.junctions[:-1]] == [7, 5, 3]


def test_banks_without_flush_clocks():
    of, n = design("overlap_three"), 3
    for i, j in enumerate(of.junctions, 1):
        assert (j.forward_lag, j.backward_lag) == (i - 1, (n - 1) + 2 + 2 * (n - i))
        written = j.forward_lag - 1  # the left activation, by the host or the junction before
        assert j.left_banks == j.backward_lag - written + 1
        assert j.delta_banks == 3
    assert of.overlap and not design("deep").overlap


def test_banks_of_inference():
    of = design("inference")
    assert not of.trains
    assert [(j.left_banks, j.next_banks) for j in of.junctions] == [(2, 2), (2, 1)]
    assert {(j.derivative_banks, j.partial_banks, j.delta_banks) for j in of.junctions} == {(1, 1, 1)}


def test_clocks_of_a_junction_cycle():
    of = design("deep")  # 8 rows in junction 1, 3 levels of adders with registers
    assert [j.timing.feedforward for j in of.junctions] == [1 + 2 + 3 + 1 + 1] * 2
    assert [j.timing.update for j in of.junctions] == [1 + 2 * 2 + 1] * 2
    assert (of.period, of.skew) == (8 + 8, 0)
    of = design("overlap_three")  # 16, 8 and 4 lanes a neuron, a register every two levels
    forward = [1 + 2 + registers + 2 + 1 for registers in (2, 1, 1)]
    assert [j.timing.feedforward for j in of.junctions] == forward
    assert [j.timing.offset for j in of.junctions] == [0, forward[0], forward[0] + forward[1]]
    assert (of.period, of.skew) == (32, forward[0] + forward[1] + forward[0])


@pytest.mark.parametrize("name", DESIGNS)
def test_the_host_can_write_a_sample_within_a_cycle(name):
    of = design(name)
    n = of.junctions[0].n_left
    slowest = max(j.clocks for j in of.junctions)
    assert (of.beat - 1) * slowest < n <= of.beat * slowest
    assert of.inputs == Interleaving(n, of.beat, of.junctions[0].z)


def test_learning_rates_and_classes():
    of = design("short_beat", rate_shift=((0, 4), (1, 2), (2, 7)))
    assert of.kappas == (2, 7)
    assert design("short_beat", kappa=(0, 9)).kappas == (0, 9)
    neurons = of.design.network.output_neurons.tolist()
    assert of.class_of_output.tolist() == [neurons.index(n) if n in neurons else -1 for n in range(5)]
    assert sorted(of.class_of_output.tolist()) == [-1, -1, 0, 1, 2]
    assert design("beats_wrap").class_of_output.tolist() == [0, 1, 2, -1]


def test_multipliers():
    assert design("three_junctions").multipliers == {"edges": 2 * 2 + 3 * 4 + 3 * 6, "derivatives": 1 + 1}
    assert design("quadratic").multipliers == {"edges": 2 * 8 + 3 * 8, "derivatives": 1 + 1}
    assert design("depth_1").multipliers == {"edges": 2 * 6 + 3 * 6, "derivatives": 3}
    assert design("inference").multipliers == {"edges": 8 + 8, "derivatives": 0}


def test_tables_of_every_junction():
    of = design("relu")  # 9 bits, 5 of them behind the point
    s = np.arange(-256, 256)
    activation, derivative = tables(of, of.junctions[0])
    assert activation.tolist() == np.maximum(s, 0).tolist()
    assert derivative.tolist() == [32 * (x > 0) for x in s.tolist()]
    activation, derivative = tables(of, of.junctions[1])
    assert (activation[256], derivative[256], activation[0], activation[511]) == (16, 8, 0, 32)


@pytest.mark.parametrize(
    ("sizes", "options", "field", "nearest"),
    [
        (([12, 12], [4], [3]), {"connectivity": {"kind": "random"}}, "connectivity.kind", "clash_free"),
        (([12, 12], [4], [3]), {"connectivity": {"kind": "structured"}, "address": "adder"}, "hardware.address", "table"),
        (([16, 8, 4], [2, 2], [8, 4]), {"latency": {"accumulate": 5}}, "hardware.latency.accumulate", ""),
        (([16, 8, 4], [4, 4], [8, 8]), OVERLAP, "hardware.schedule", "flush"),
    ],
    ids=["random", "adders_of_clashes", "long_accumulation", "short_cycle"],
)
def test_designs_without_hardware_are_refused(sizes, options, field, nearest):
    config = configuration(*sizes, **options)
    with pytest.raises(InputError) as refusal:
        Plan.of(Design(config))
    assert field in str(refusal.value)
    assert nearest in str(refusal.value)


@pytest.mark.parametrize("kind", [1, 2, 3])
def test_the_same_seed_gives_the_same_plan(kind):
    def addresses(seed):
        of = planned([24, 12, 6], [3, 3], [6, 6], connectivity=clash_free(kind, True), seed=seed)
        return [j.address.tolist() + j.memory.tolist() for j in of.junctions]

    assert addresses(1) == addresses(1) != addresses(2)


@pytest.mark.parametrize("build", ["training", "inference"])
@pytest.mark.parametrize("name", DESIGNS)
def test_costs_before_synthesis_are_those_of_the_hardware(name, build):
    """Multipliers by purpose, and the banks of the memories, for accelerators that train and those that only infer."""
    made = design(name, build=build)
    known, banks = inventory(made.config), {}
    for memory in known.memories:
        banks[memory.key] = memory.banks
    assert known.multipliers == made.multipliers["edges"]
    assert operations.costs(made.config).edge_multipliers == made.multipliers["edges"]
    for j in made.junctions:
        assert banks[MemoryKey(MemoryKind.ACTIVATIONS, j.number - 1)] == j.left_banks
        assert (MemoryKey(MemoryKind.PARTIAL_DELTAS, j.number - 1) in banks) == (j.number > 1 and build == "training")
        words = next(m for m in known.memories if m.key == MemoryKey(MemoryKind.WEIGHTS, j.number))
        assert (words.depth, words.width) == (j.rows, j.z * made.config.numbers.system.weight.width)
    if build == "inference":
        assert {w.task for w in operations.costs(made.config).multiplications} == {operations.Task.FF}
        assert {m.kind for m in banks} == {MemoryKind.BIASES, MemoryKind.ACTIVATIONS, MemoryKind.WEIGHTS}


def test_what_only_the_float_engine_can_is_refused():
    plain = config_file.resolved(configuration([8, 4], [2], [4]))
    softmax = {"network.activation": "softmax", "training.engine": "float"}
    with pytest.raises(InputError, match="needs the float engine"):
        Plan.of(Design(config_file.parse(config_file.with_overrides(plain, softmax))))
