"""Latencies, junction cycles and offsets as sums that a reader can do in the head, and what is refused."""

import pytest

from hwsim.configuration import config_file
from hwsim.design import Design
from hwsim.schedule.passes import schedule
from hwsim.schedule.timing import timing
from models.errors import InputError
from tests.hwsim.machine.machines import configuration
from tests.hwsim.shipped import SHIPPED

PUBLISHED = next(p for p in SHIPPED if p.stem == "reconfig2018")


def times_of(config):
    return timing(config, schedule(config, Design(config).patterns))


def published(schedule="flush", type=2, **latency):
    stages = {f"hardware.latency.{name}": clocks for name, clocks in latency.items()}
    return config_file.load(PUBLISHED, {"hardware.schedule": schedule, "connectivity.type": type} | stages)


@pytest.mark.parametrize(
    ("latency", "feedforward", "backward"),
    [
        ({}, 2, 2),
        ({"memory_read": 0, "write_back": 0}, 0, 0),
        ({"memory_read": 3}, 4, 4),
        ({"multiplier": 2}, 4, 6),  # backward: derivative, then weight
        ({"table": 4}, 6, 2),
        ({"write_back": 4}, 5, 5),
    ],
)
def test_stages_add_up(latency, feedforward, backward):
    for j in times_of(published(**latency)).junctions:
        assert (j.feedforward, j.backward, j.update, j.accumulate, j.offset) == (feedforward, backward, backward, 1, 0)


@pytest.mark.parametrize(
    ("every", "registers"), [(0, (0, 0)), (1, (6, 5)), (2, (3, 2)), (3, (2, 1)), (6, (1, 0)), (7, (0, 0))]
)
def test_tree_has_a_register_every_so_many_levels(every, registers):
    """d_in = 64 and 32 lanes: trees of 6 and 5 levels, since junction 1 has 128 lanes for 64 edges."""
    found = tuple(j.feedforward - 2 for j in times_of(published(tree_every=every)).junctions)
    assert found == registers


@pytest.mark.parametrize(("z", "levels"), [(1, 0), (2, 1), (3, 2), (4, 2), (6, 3), (12, 3)])
def test_levels_of_odd_trees(z, levels):
    """d_in = 6: no more lanes belong to one right neuron."""
    config = configuration(network={"layers": [12, 8], "out_degree": [4]}, hardware={"z": [z], "latency": {"tree_every": 1}})
    assert times_of(config).junctions[0].feedforward == 2 + levels


@pytest.mark.parametrize(
    ("latency", "flush"),
    [({}, 2), ({"table": 3}, 5), ({"multiplier": 3}, 8), ({"tree_every": 1}, 8), ({"multiplier": 2, "table": 4}, 8)],
)
def test_flush_is_the_longest_latency(latency, flush):
    times = times_of(published(**latency))
    assert (times.pass_clocks, times.flush, times.period) == (32, flush, 32 + flush)
    assert times.flush == max(j.longest for j in times.junctions)


def test_published_design_takes_34_clocks_for_an_input():
    """C = 32 and one clock each of memory read and write (arXiv 1806.01087)."""
    assert times_of(config_file.load(PUBLISHED)).period == 34


def test_accumulation_loop_counts_towards_the_flush():
    """Backward latency 2 and a loop of 2 clocks: the last sum lands in the third clock after its row."""
    config = configuration(hardware={"latency": {"accumulate": 2}})
    times = times_of(config)
    assert [j.longest for j in times.junctions] == [3, 3] and times.period == 12 + 3


def test_slowest_junction_sets_the_pace():
    """Junctions of 12 and 6 clocks, the second one idle for half of the cycle."""
    assert times_of(configuration()).pass_clocks == 12


def test_stalls_of_arbitration_lengthen_the_cycle():
    config = configuration(connectivity={"kind": "structured"})
    plan = schedule(config, Design(config).patterns)
    assert plan.junctions[0].stall_clocks > 0
    assert timing(config, plan).pass_clocks == max(j.clocks for j in plan.junctions) > 12


@pytest.mark.parametrize("latency", [{}, {"table": 3}, {"tree_every": 1}, {"multiplier": 4, "memory_read": 2}])
def test_overlap_needs_no_clock_beyond_the_cycle(latency):
    times = times_of(published("overlap", **latency))
    assert (times.pass_clocks, times.flush, times.period) == (32, 0, 32)
    assert [j.offset for j in times.junctions] == [0, times.junctions[0].feedforward]


def test_every_junction_runs_behind_the_one_before_by_its_feedforward_latency():
    config = configuration(
        network={"layers": [64, 32, 32, 32, 16], "out_degree": [4, 8, 8, 4]},
        hardware={"z": [8, 8, 8, 8], "schedule": "overlap", "latency": {"tree_every": 1}},
    )
    times = times_of(config)
    assert [j.feedforward for j in times.junctions] == [5, 5, 5, 5]
    assert [j.offset for j in times.junctions] == [0, 5, 10, 15]


def refused(config):
    with pytest.raises(InputError) as error:
        times_of(config)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("schedule", ["flush", "overlap"])
def test_accumulation_beyond_the_revisit_distance_is_refused(schedule):
    """Junction 2 has 64 left neurons and 32 lanes: every partial delta returns after D = 2 clocks, in type 1."""
    assert refused(published(schedule, type=1, accumulate=3)) == (
        "hardware.latency.accumulate = 3: exceeds the shortest revisit distance of junction 2's partial deltas: "
        "contributions would be lost; nearest: 2"
    )
    assert times_of(published(schedule, type=1, accumulate=2)).junctions[1].accumulate == 2


def test_seeds_that_change_with_every_sweep_can_bring_a_word_back_at_once():
    """Type 2: the last word of a sweep may be the first of the next."""
    assert refused(published(accumulate=2)).endswith("contributions would be lost; nearest: 1")


def test_first_junction_has_no_partial_deltas():
    config = configuration(
        network={"layers": [12, 8], "out_degree": [4]}, hardware={"z": [12], "latency": {"accumulate": 16}}
    )
    assert times_of(config).junctions[0].accumulate == 16


def small_overlap(**latency):
    """Junctions of 12 and 6 clocks."""
    return configuration(hardware={"schedule": "overlap", "latency": latency})


def test_overlap_with_long_feedforward_and_backward_latencies_is_refused():
    """Junction 1 forward 4 + 2 + 1 = 7, junction 2 backward 4 + 1 = 5 clocks: 12 fit, 13 do not."""
    assert times_of(small_overlap(memory_read=4, table=2)).period == 12
    assert refused(small_overlap(memory_read=4, table=3)) == (
        "hardware.schedule = overlap: feedforward and backward latencies of junction 1 add up to 13 clocks, "
        "overlap allows C = 12; nearest: flush"
    )


def test_overlap_counts_the_accumulation_loop_as_backward_latency():
    assert times_of(small_overlap(memory_read=4, table=1, accumulate=2)).period == 12
    assert "junction 1 add up to 13 clocks" in refused(small_overlap(memory_read=4, table=2, accumulate=2))


def test_overlap_with_a_late_write_back_is_refused():
    """A single junction: 4 + 2·3 + 1 = 11 clocks to the write, which the next read 12 clocks later still sees."""
    alone = {"network": {"layers": [12, 8], "out_degree": [4]}}

    def late(write_back):
        latency = {"memory_read": 4, "multiplier": 3, "write_back": write_back}
        return configuration(**alone, hardware={"z": [4], "schedule": "overlap", "latency": latency})

    assert times_of(late(1)).junctions[0].update == 11
    assert refused(late(2)) == (
        "hardware.schedule = overlap: overlap allows 12 clocks from a weight's read to the next, junction 1 needs 13; "
        "nearest: flush"
    )


def test_rows_that_take_several_clocks_are_written_back_later():
    """A row is read in its first clock; its write follows its last one."""
    config = configuration(
        network={"layers": [12, 4], "out_degree": [1]},
        connectivity={"kind": "structured"},
        hardware={"z": [4], "schedule": "overlap", "latency": {"memory_read": 0, "write_back": 0}},
    )
    plan = schedule(config, Design(config).patterns)
    j = plan.junctions[0]
    assert j.longest_row > 1
    # As many registers in each of two multipliers as the cycle has room for, and one more.
    fitting = (j.clocks - j.longest_row) // 2

    def deep(multiplier):
        stages = config.hardware.latency.model_copy(update={"multiplier": multiplier})
        return config.model_copy(update={"hardware": config.hardware.model_copy(update={"latency": stages})})

    assert timing(deep(fitting), plan).period == j.clocks
    needed = 2 * (fitting + 1) + j.longest_row
    with pytest.raises(InputError, match=f"overlap allows {j.clocks} clocks .* junction 1 needs {needed}"):
        timing(deep(fitting + 1), plan)
