"""Schedules against a pass that is walked row by row, lane by lane."""

import dataclasses
import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.configuration.config_file import parse
from hwsim.design import Design
from hwsim.schedule.outline import outline
from hwsim.schedule.passes import junction_schedule, schedule
from hwsim.schedule.timing import timing
from hwsim.schedule.violations import PortConflict
from models.connectivity.clash_free import from_seeds
from models.connectivity.draw import full
from models.connectivity.pattern import Pattern
from models.errors import InputError
from tests.hwsim.machine import machines
from tests.hwsim.machine.machines import CONNECTIVITIES, with_junction

SEEDS = st.integers(0, 2**32 - 1)


def random_junctions(seed, connectivity, n_junctions=2):
    config = machines.random_configuration(np.random.default_rng(seed), n_junctions, connectivity, "flush")
    patterns = Design(config).patterns
    return config, patterns, schedule(config, patterns)


class NaivePass:
    """In every clock a row serves, for each memory, the first lane that still waits for it."""

    def __init__(self, pattern: Pattern, z: int) -> None:
        self.clocks: list[list[tuple[int, int, int, int]]] = []  # per clock: (edge, lane, memory, address)
        self.row: list[int] = []
        for row in range(pattern.n_edges // z):
            waiting = [(row * z + lane, lane, *self.home(pattern, row * z + lane, z)) for lane in range(z)]
            while waiting:
                busy, served = set(), []
                for access in waiting:
                    if access[2] not in busy:
                        busy.add(access[2])
                        served.append(access)
                waiting = [access for access in waiting if access not in served]
                self.clocks.append(served)
                self.row.append(row)
        self.accesses = [access for clock in self.clocks for access in clock]

    @staticmethod
    def home(pattern: Pattern, edge: int, z: int) -> tuple[int, int]:
        address, memory = divmod(int(pattern.left[edge]), z)
        return memory, address

    def first_visits(self) -> list[bool]:
        seen: set[tuple[int, int]] = set()
        return [not (access[2:] in seen or seen.add(access[2:])) for access in self.accesses]

    def revisit_distance(self) -> int:
        visits: dict[tuple[int, int], list[int]] = {}
        for c, served in enumerate(self.clocks):
            for access in served:
                visits.setdefault(access[2:], []).append(c)
        gaps = [b - a for times in visits.values() for a, b in itertools.pairwise(times)]
        return min(gaps, default=len(self.clocks))

    def neurons(self, d_in: int, which: int) -> list[list[int]]:
        """Per clock, the right neurons whose first (0) or last (-1) edge lies in the row that starts or ends then."""
        result: list[list[int]] = [[] for _ in self.clocks]
        for neuron in range(len(self.accesses) // d_in):
            edge = range(neuron * d_in, (neuron + 1) * d_in)[which]
            row = self.row[next(c for c, served in enumerate(self.clocks) if edge in [a[0] for a in served])]
            result[[c for c, r in enumerate(self.row) if r == row][which]].append(neuron)
        return result


def per_clock(grouped):
    start, values = grouped
    return [values[a:b].tolist() for a, b in itertools.pairwise(start)]


@settings(max_examples=100)
@given(seed=SEEDS, connectivity=st.sampled_from(CONNECTIVITIES))
def test_every_access_stands_where_the_walk_finds_it(seed, connectivity):
    config, patterns, plan = random_junctions(seed, connectivity)
    for j, pattern, z in zip(plan.junctions, patterns, config.hardware.z, strict=True):
        naive = NaivePass(pattern, z)
        assert np.diff(j.start).tolist() == [len(served) for served in naive.clocks]
        found = zip(*(getattr(j, name).tolist() for name in ("edge", "lane", "memory", "address")), strict=True)
        assert list(found) == naive.accesses
        assert j.row.tolist() == naive.row
        assert j.first_visit.tolist() == naive.first_visits()
        assert j.revisit_distance == naive.revisit_distance()
        assert per_clock(j.begins) == naive.neurons(pattern.d_in, 0)
        assert per_clock(j.ends) == naive.neurons(pattern.d_in, -1)


@settings(max_examples=50)
@given(seed=SEEDS, connectivity=st.sampled_from(CONNECTIVITIES))
def test_segments_are_the_runs_of_one_right_neuron(seed, connectivity):
    _, patterns, plan = random_junctions(seed, connectivity)
    for j, pattern in zip(plan.junctions, patterns, strict=True):
        for c, (a, b) in enumerate(itertools.pairwise(j.segments.start)):
            right = pattern.right[j.edge[j.start[c] : j.start[c + 1]]].tolist()
            places = itertools.groupby(range(len(right)), key=lambda place, right=right: right[place])
            runs = [(neuron, list(run)) for neuron, run in places]
            found = zip(*(field[a:b].tolist() for field in j.segments[1:]), strict=True)
            assert [(neuron, list(range(first, last))) for neuron, first, last in found] == runs


@settings(max_examples=100)
@given(seed=SEEDS, connectivity=st.sampled_from(CONNECTIVITIES))
def test_arbitration_takes_as_many_clocks_as_the_fullest_memory_needs(seed, connectivity):
    config, patterns, plan = random_junctions(seed, connectivity)
    for j, pattern, z in zip(plan.junctions, patterns, config.hardware.z, strict=True):
        fullest = [int(np.bincount(row % z).max()) for row in pattern.left.reshape(-1, z)]
        assert (j.clocks, j.rows, j.stall_clocks) == (sum(fullest), len(fullest), sum(fullest) - len(fullest))
        assert j.longest_row == max(fullest)
        if connectivity["kind"] != "structured":
            assert j.stall_clocks == 0


def test_worked_example_of_the_papers():
    """N_left = 12, z = 4, φ = (1, 0, 2, 2): docs/architecture.md §2."""
    j = junction_schedule(1, from_seeds(12, 2, 8, 1, [1, 0, 2, 2]), 4, 2)
    left = (j.address * j.z + j.memory).reshape(-1, 4).tolist()
    assert left == 2 * [[4, 1, 10, 11], [8, 5, 2, 3], [0, 9, 6, 7]]
    assert j.memory.reshape(-1, 4).tolist() == 6 * [[0, 1, 2, 3]]
    assert j.address.reshape(-1, 4).tolist() == 2 * [[1, 0, 2, 2], [2, 1, 0, 0], [0, 2, 1, 1]]
    assert (j.clocks, j.rows, j.stall_clocks, j.revisit_distance, j.results_per_clock) == (6, 6, 0, 3, 2)
    # d_in = 3, so that right neurons begin and end in the middle of rows: 0 0 0 1 | 1 1 2 2 | 2 3 3 3 | 4 4 4 5 | ...
    assert per_clock(j.begins) == [[0, 1], [2], [3], [4, 5], [6], [7]]
    assert per_clock(j.ends) == [[0], [1], [2, 3], [4], [5], [6, 7]]


def test_lanes_that_want_one_memory_take_turns():
    """Row 0 asks memory 0 for neurons 0 and 3, row 1 asks memory 2 for neurons 2 and 5."""
    j = junction_schedule(1, Pattern.regular(6, 2, [0, 3, 1, 2, 4, 5]), 3, 1)
    assert [j.edge[a:b].tolist() for a, b in itertools.pairwise(j.start)] == [[0, 2], [1], [3, 4], [5]]
    assert [j.memory[a:b].tolist() for a, b in itertools.pairwise(j.start)] == [[0, 1], [0], [2, 1], [2]]
    assert j.row.tolist() == [0, 0, 1, 1]
    assert (j.clocks, j.rows, j.stall_clocks, j.longest_row) == (4, 2, 2, 2)


@pytest.mark.parametrize(
    ("n_left", "n_right", "z", "distance"), [(12, 4, 4, 3), (12, 4, 12, 1), (12, 4, 1, 12), (12, 1, 4, 3), (5, 1, 5, 1)]
)
def test_revisit_distance_of_full_junctions(n_left, n_right, z, distance):
    """One sweep; where there is only one sweep, the whole pass."""
    assert junction_schedule(1, full(n_left, n_right), z, n_right).revisit_distance == distance


def small_plan():
    config = machines.configuration()
    return schedule(config, Design(config).patterns)


def test_verify_catches_two_lanes_on_one_memory():
    plan = small_plan()
    second = plan.junctions[1]
    memory = second.memory.copy()
    clock = 3
    a = second.start[clock] + 1
    memory[a] = memory[a + 2]
    with pytest.raises(PortConflict) as caught:
        with_junction(plan, 2, memory=memory).verify()
    error = caught.value
    assert (error.clock, error.junction, error.lanes) == (clock, 2, (1, 3))
    assert error.memory == f"left activations memory {memory[a]}" and error.operations == ("FF, BP, UP",)


def test_verify_catches_two_right_neurons_in_one_memory():
    """z = 4 and d_in = 3: two neurons begin in row 0, for whose deltas one memory has one port."""
    j = junction_schedule(1, from_seeds(12, 2, 8, 1, [1, 0, 2, 2]), 4, 2)
    with pytest.raises(PortConflict) as caught:
        dataclasses.replace(j, z_next=1).verify()
    error = caught.value
    assert (error.clock, error.junction, error.lanes) == (0, 1, (0, 1))
    assert (error.memory, error.operations) == ("right neurons memory 0", ("delta read",))
    line = "clock 0, junction 1, right neurons memory 0: lanes 0, 1 (delta read): two accesses on one port"
    assert str(error) == line


def test_legal_schedules_pass():
    small_plan().verify()


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (
            {"network": {"layers": [12, 8], "out_degree": [4]}, "connectivity": {"kind": "structured"}},
            "hardware: is missing: give the edge processors of every junction, hardware.z",
        ),
        (
            {
                "network": {"layers": [12, 8], "out_degree": [4]},
                "connectivity": {"kind": "random"},
                "hardware": {"z": [4]},
            },
            "connectivity.kind = random: has no hardware; nearest: structured, clash_free, full",
        ),
    ],
)
def test_designs_without_hardware_are_refused(data, names):
    config = machines.config_file.parse(data)
    with pytest.raises(InputError) as error:
        schedule(config, Design(config).patterns)
    assert str(error.value) == names


@settings(max_examples=100)
@given(seed=SEEDS, connectivity=st.sampled_from(CONNECTIVITIES), junctions=st.integers(1, 3))
def test_an_outline_has_the_numbers_of_the_passes(seed, connectivity, junctions):
    config, patterns, plan = random_junctions(seed, connectivity, junctions)
    for short, long in zip(outline(config, patterns).junctions, plan.junctions, strict=True):
        for name in ("number", "z", "d_in", "rows", "clocks", "stall_clocks", "longest_row", "revisit_distance"):
            assert getattr(short, name) == getattr(long, name), name
        assert (short.row == long.row).all()
    assert timing(config, outline(config, patterns)) == timing(config, plan)


@pytest.mark.parametrize("kind", ["full", *(f"clash_free {t}" for t in (1, 2, 3))])
def test_a_check_of_a_hundred_million_edges_draws_none(kind):
    """Neither edges nor seeds: tables and arrays of 100,000 neurons are all that is made."""
    full_, layers = kind == "full", [10_000, 10_000, 100] if kind == "full" else [100_000, 100_000, 100]
    design = Design(
        parse(
            {
                "network": {"layers": layers} | ({} if full_ else {"out_degree": [1000, 10]}),
                "connectivity": {"kind": "full"} if full_ else {"kind": "clash_free", "type": int(kind[-1])},
                "hardware": {"z": [1000, 100] if full_ else [10_000, 100]},
            }
        )
    )
    tracemalloc.start()
    try:
        design.check()
        assert design.inventory.pass_clocks >= 10**4 and sum(p.n_edges for p in design.patterns) > 10**8
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
    assert not any({"left", "seeds"} <= vars(p).keys() for p in design.patterns)


@pytest.mark.parametrize(("kind", "has"), [("full", True), (1, True), (2, True), (3, False), ("structured", False)])
def test_adders_are_refused_without_a_schedule_where_addresses_do_not_count_up(kind, has):
    connectivity = {"kind": kind} if isinstance(kind, str) else {"kind": "clash_free", "type": kind}
    degrees = {} if kind == "full" else {"out_degree": [6, 6]}
    hardware = {"z": [6, 6], "address": "adder"}
    design = Design(
        parse({"network": {"layers": [24, 24, 12]} | degrees, "connectivity": connectivity, "hardware": hardware})
    )
    if has:
        design.check()
        return
    for attempt in (design.check, lambda: design.schedule):
        with pytest.raises(
            InputError, match=r"^hardware\.address = adder: is possible for clash-free types 1 and 2, not for"
        ):
            attempt()
