"""Weights in external memory, by hand and by brute force: what moves, what rows hide, which of them may be held."""

from fractions import Fraction

import numpy as np
import pytest

from hwsim.configuration import config_file
from hwsim.configuration.config_file import parse
from hwsim.design import Design
from hwsim.schedule.external import most_ahead, usual_rows
from models.errors import InputError

NETWORK = {"layers": [64, 32, 16], "out_degree": [8, 8]}


def inventory_of(schedule="flush", z=(16, 8), network=NETWORK, **weights):
    hardware = {"z": list(z), "schedule": schedule, "weights": weights}
    return Design(parse({"network": network, "hardware": hardware})).inventory


def external_of(*arguments, **weights):
    return inventory_of(*arguments, **weights).external


def test_by_hand():
    """Two junctions of 32 rows, 512 and 256 edges of 12 bits, in and out: 18,432 bits, at 288 a clock in 64 clocks."""
    a = inventory_of(bandwidth=288, latency=5)
    e = a.external
    assert (e.bits, e.traffic, e.transfer, e.period, e.fed) == (9216, 18432, 64, 34, 12)
    assert (a.clocks_per_input, a.period, e.stall_clocks) == (64, 34, 30)
    assert e.useful_z == (512 / 62, 256 / 62)  # with 62 clocks for a pass and 2 of flush
    assert [tuple(s.held) for s in e.streams] == [(11, 13), (11, 13)]  # 5 + 2 + 4 ahead, and 2 clocks to the write-back
    assert (e.held_bits, e.first_fill) == (24 * 24 * 12, 1 + 5)
    memories = {m.name: (m.depth, m.width) for m in a.memories}
    assert memories["weights of junction 1"] == (24, 192) and memories["weights of junction 2"] == (24, 96)


def test_what_is_not_whole_is_a_mean():
    a = inventory_of(bandwidth=500, latency=5)
    assert a.external.clocks_per_input == Fraction(18432, 500) and a.clocks_per_input == 36.864
    assert inventory_of(bandwidth=10**6, latency=5).clocks_per_input == 34


@pytest.mark.parametrize("schedule", ["flush", "overlap"])
@pytest.mark.parametrize("latency", [0, 1, 7, 30])
@pytest.mark.parametrize("share", [0.2, 0.6, 0.9, 0.94, 0.99, 1.0, 1.01, 1.1, 3.0, 50.0])
def test_usual_rows_hide_the_latency(schedule, latency, share):
    network = {"layers": [256, 128, 64], "out_degree": [16, 16]}
    known = external_of(schedule, (16, 8), network, bandwidth=10**6, latency=latency)
    bandwidth = round(share * known.traffic / known.period)
    e = external_of(schedule, (16, 8), network, bandwidth=bandwidth, latency=latency)
    assert e.streams[0].held.ahead == usual_rows(latency, e.flush) == latency + e.flush + 4
    assert e.hides and e.clocks_per_input == max(e.period, Fraction(e.traffic, bandwidth))
    # What is known without looking is what looking shows, and what following all requests shows.
    rows = external_of(schedule, (16, 8), network, bandwidth=bandwidth, latency=latency, buffer_rows=latency + e.flush + 3)
    assert e.surely_hides and not rows.surely_hides and rows.hides
    for looked_at in (e, rows):
        assert looked_at._never_waits() if e.bound == e.period else looked_at._always_busy()


@pytest.mark.parametrize("schedule", ["flush", "overlap"])
@pytest.mark.parametrize("latency", [6, 30])
def test_rows_hide_a_latency_or_lose_clocks(schedule, latency):
    """A port so fast that only the latency counts: n rows are worked on in n clocks, and one comes after 2 + latency."""
    found = {}
    for ahead in range(1, latency + 6):
        e = external_of(schedule, bandwidth=10**5, latency=latency, buffer_rows=ahead) if ahead <= 29 else None
        found[ahead] = e and e.clocks_per_input
        if e and ahead >= latency + 2:
            assert e.hides and found[ahead] == e.period
        elif e:
            assert not e.hides and found[ahead] > e.period
    if schedule == "overlap":  # no clock is left over: every round of n rows takes as long as one row's way
        assert found[3] == Fraction(32 * (latency + 2), 3)


def refused(**more):
    with pytest.raises(InputError) as e:
        external_of(**more)
    return str(e.value)


def test_a_row_is_back_before_it_is_fetched_again():
    """32 rows, 2 clocks to the write: the one that makes room for row r must not be used before row r is back."""
    assert external_of(bandwidth=99, buffer_rows=30).streams[0].held.ahead == 30
    assert refused(bandwidth=99, buffer_rows=31) == (
        "hardware.weights.buffer_rows = 31: has a row of junction 1 fetched again before it is back: "
        "at most 30 of its 32 rows; nearest: 30"
    )
    assert "buffer_rows[1] = 31: has a row of junction 2" in refused(bandwidth=99, buffer_rows=[3, 31])
    assert "leaves no clock to bring a row back: junction 1 has 2 weight rows" in refused(
        bandwidth=99, z=[64, 32], network={"layers": [64, 32, 16], "out_degree": [2, 8]}
    )


@pytest.mark.parametrize("seed", range(20))
def test_most_rows_by_trying(seed):
    """Of rows of any length: the most for which no read is asked for before the write, told one by one."""
    rng = np.random.default_rng(seed)
    last, update = np.cumsum(rng.integers(1, 4, int(rng.integers(2, 30)))), int(rng.integers(0, 9))
    clocks, rows = int(last[-1]) + 50, last.size

    def loses(ahead):
        asked = {(k + ahead): clocks * (k // rows) + last[k % rows] for k in range(3 * rows)}
        written = {k: clocks * (k // rows) + last[k % rows] + update for k in range(3 * rows)}
        return any(asked.get(k + rows, 10**9) < w for k, w in written.items())

    legal = [n for n in range(1, rows) if not loses(n)]
    found = most_ahead(rows, update, last)
    assert found == max(legal, default=0) or update == 0
    if (np.diff(last) == 1).all():
        assert found == most_ahead(rows, update)


def test_unbalanced_passes_ask_in_bursts():
    """The port is fast enough on average, and for a junction whose pass is an eighth of the other's it is not."""
    network = {"layers": [64, 64, 64], "out_degree": [8, 8]}
    burst = external_of("flush", (64, 8), network, bandwidth=600, latency=5, buffer_rows=[1, 20])
    assert burst.transfer < burst.period and not burst.hides and burst.clocks_per_input > burst.period
    assert external_of("flush", (8, 8), network, bandwidth=600, latency=5).hides


def test_an_accelerator_that_only_infers_writes_nothing():
    hardware = {"z": [16, 8], "build": "inference", "weights": {"bandwidth": 288, "latency": 5}}
    e = Design(parse({"network": NETWORK, "hardware": hardware})).inventory.external
    assert (e.traffic, e.transfer, e.fed) == (9216, 32, 24)
    assert [tuple(s.held) for s in e.streams] == [(11, 0), (11, 0)] and e.clocks_per_input == 34


def test_weights_on_chip_leave_no_trace():
    """Designs are known by what they were before there was a choice; an external memory makes another."""
    plain, null, external = (
        parse({"network": NETWORK, "hardware": {"z": [16, 8]} | more})
        for more in ({}, {"weights": None}, {"weights": {"bandwidth": 288}})
    )
    assert "weights" not in config_file.as_yaml(null) and "bandwidth: 288" in config_file.as_yaml(external)
    for known in (config_file.fingerprint, config_file.hardware_fingerprint):
        assert known(plain) == known(null) != known(external)
    assert parse(config_file.resolved(null)) == plain and parse(config_file.resolved(external)) == external
    assert config_file.changed(external, {"hardware.weights": None}) == plain
    assert config_file.changed(plain, {"hardware.weights.bandwidth": 288}) == external
