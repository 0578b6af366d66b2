"""Degrees, clocks, banks and storage: the published accelerator, and a second computation by the definitions."""

import itertools
import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hwsim.commands import describe
from hwsim.configuration.config_file import load, parse
from hwsim.schedule.inventory import inventory
from models.errors import InputError
from tests.hwsim.shipped import SHIPPED

RECONFIG = load(next(p for p in SHIPPED if p.stem == "reconfig2018"))


def memories(config):
    return {m.name: m for m in inventory(config).memories}


def test_the_published_accelerator():
    """Dey et al., ReConFig 2018, arXiv 1806.01087, and its public code: the figures without multiplier registers."""
    a = inventory(RECONFIG)
    assert [(j.n_left, j.n_right, j.d_out, j.d_in, j.z) for j in a.junctions] == [
        (1024, 64, 4, 64, 128),
        (64, 32, 16, 32, 32),
    ]
    assert [j.edges for j in a.junctions] == [4096, 1024]
    assert [j.rows for j in a.junctions] == [32, 32] and [j.depth for j in a.junctions] == [8, 2]
    assert [j.utilisation for j in a.junctions] == [1, 1]
    assert (a.pass_clocks, a.flush, a.clocks_per_input, a.drain) == (32, 2, 34, 3)
    assert a.multipliers == 2 * 128 + 3 * 32 == 352
    assert round(100 * sum(RECONFIG.edges) / (1024 * 64 + 64 * 32), 3) == 7.576
    banks = {name: m.banks for name, m in memories(RECONFIG).items()}
    assert (banks["activations of layer 0"], banks["activations of layer 1"]) == (5, 3)
    assert (banks["derivatives of layer 1"], banks["partial deltas of layer 1"], banks["deltas of layer 2"]) == (3, 2, 2)
    assert {banks[f"weights of junction {i}"] for i in (1, 2)} == {banks[f"biases of layer {i}"] for i in (1, 2)} == {1}


def test_one_multiplier_register_costs_two_clocks():
    """A delta is multiplied by its derivative and then by a weight or activation; the public code takes 36 clocks, too."""
    data = RECONFIG.model_dump(mode="json")
    data["hardware"]["latency"]["multiplier"] = 1
    assert inventory(parse(data)).clocks_per_input == 36


def test_storage_by_hand():
    """Bits of every memory of the published network: banks times words times width."""
    bits = {name: m.bits for name, m in memories(RECONFIG).items()}
    product = 12 + 12  # weight times delta, 16 fraction bits kept
    assert bits == {
        "activations of layer 0": 5 * 1024 * 8,
        "weights of junction 1": 4096 * 12,
        "biases of layer 1": 64 * 12,
        "activations of layer 1": 3 * 64 * 12,
        "derivatives of layer 1": 3 * 64 * 12,
        "partial deltas of layer 1": 2 * 64 * (product + 4),  # the sum of 16
        "weights of junction 2": 1024 * 12,
        "biases of layer 2": 32 * 12,
        "deltas of layer 2": 2 * 32 * 12,
    }
    assert inventory(RECONFIG).storage_bits == sum(bits.values())


def test_overlap_takes_exactly_c_clocks_and_more_banks():
    data = RECONFIG.model_dump(mode="json")
    data["hardware"] = {"z": [32, 8], "schedule": "overlap"}
    overlap = parse(data)
    a = inventory(overlap)
    assert (a.pass_clocks, a.flush, a.clocks_per_input) == (128, 0, 128)
    flush = parse(data | {"hardware": {"z": [32, 8], "schedule": "flush"}})
    more = {name: m.banks - memories(flush)[name].banks for name, m in memories(overlap).items()}
    assert {name: n for name, n in more.items() if n} == {
        "activations of layer 0": 2,
        "activations of layer 1": 1,
        "derivatives of layer 1": 2,
        "partial deltas of layer 1": 1,
        "deltas of layer 2": 1,
    }


def test_the_hardware_is_the_same_whatever_order_the_engines_train_in():
    data = RECONFIG.model_dump(mode="json")
    data["training"]["order"] = "sequential"
    assert inventory(parse(data)) == inventory(RECONFIG)


def test_there_is_no_hardware_without_edge_processors_or_for_random_patterns():
    network = {"layers": [8, 4], "out_degree": [2]}
    for more, answer in (
        ({"connectivity": {"kind": "structured"}}, "hardware: is missing"),
        ({"connectivity": {"kind": "random"}, "hardware": {"z": [4]}}, "connectivity.kind = random: has no hardware"),
    ):
        with pytest.raises(InputError) as caught:
            inventory(parse({"network": network} | more))
        assert str(caught.value).startswith(answer)


def divisors(n):
    return [d for d in range(1, n + 1) if n % d == 0]


@st.composite
def designs(draw):
    """Any legal design of one to four junctions with small layers."""
    layers = draw(st.lists(st.integers(1, 48), min_size=2, max_size=5))
    degrees, z = [], []
    for i, (left, right) in enumerate(itertools.pairwise(layers)):
        degrees.append(draw(st.sampled_from([d for d in range(1, right + 1) if left * d % right == 0])))
        # As many memories on the left as results arrive there in a clock.
        least = math.ceil(z[-1] / (layers[i - 1] * degrees[i - 1] / left)) if i else 1
        z.append(draw(st.sampled_from([d for d in divisors(left) if d >= least])))
    schedule = draw(st.sampled_from(["flush", "overlap"]))
    width = draw(st.integers(2, 16))
    return {
        "network": {"layers": layers, "out_degree": degrees},
        "connectivity": {"kind": "structured"},
        "hardware": {"z": z, "schedule": schedule},
        "numbers": {"width": width, "fraction": draw(st.integers(0, width))},
    }


def alive(written, read):
    """Most samples whose entry is alive at once, by looking at every cycle: written in one, last read in the other."""
    cycles = range(200)
    return max(sum(n + written <= t <= n + read for n in range(100)) for t in cycles)


@given(designs())
def test_figures_of_any_design_follow_from_the_definitions(data):
    overlap = data["hardware"]["schedule"] == "overlap"
    try:
        config = parse(data)
    except InputError:
        assume(not overlap)  # passes of a few clocks can be too short for the latencies of the datapath
        raise
    layers, degrees, z = (data[a][b] for a, b in (("network", "layers"), ("network", "out_degree"), ("hardware", "z")))
    a, n = inventory(config), len(z)
    clocks = [layers[i] * degrees[i] // z[i] for i in range(n)]
    assert [j.rows for j in a.junctions] == clocks and a.pass_clocks == max(clocks)
    assert [j.depth * j.z for j in a.junctions] == layers[:-1]
    assert (
        [j.d_in * j.n_right for j in a.junctions]
        == [j.edges for j in a.junctions]
        == [c * k for c, k in zip(clocks, z, strict=True)]
    )
    assert all(j.utilisation == pytest.approx(j.rows / max(clocks)) for j in a.junctions)
    assert all(j.density == j.edges / (j.n_left * j.n_right) for j in a.junctions)
    assert a.clocks_per_input == a.pass_clocks + a.flush and (a.flush == 0) == overlap
    assert a.multipliers == 2 * z[0] + 3 * sum(z[1:])
    check_banks(config, n, overlap)
    assert a.storage_bits == sum(m.banks * m.lanes * m.depth * m.width for m in a.memories)
    idle = [f"junction {i + 1} idles" for i in range(n) if clocks[i] < max(clocks)]
    notes = describe._unbalanced(a)
    assert bool(notes) == bool(idle) and all(text in notes[0] for text in idle)


def check_banks(config, n, overlap):
    """A sample is in FF of junction i at i - 1, BP and UP u + b(L - i) after FF of junction L: docs/architecture.md §4."""
    turn, backward = (2, 2) if overlap else (1, 1)

    def update(i):
        return n - 1 + turn + backward * (n - i)

    found = memories(config)
    assert inventory(config).drain == update(1)
    for i in range(n):
        # The host writes layer 0 in the cycle before; FF of junction i writes layer i; UP of junction i + 1 reads it last.
        written = i - 1
        assert found[f"activations of layer {i}"].banks == alive(written, update(i + 1))
        if i:
            # The update of junction i reads a derivative before its feedforward overwrites it in the same cycle.
            assert found[f"derivatives of layer {i}"].banks == alive(written, update(i)) - 1
            assert found[f"partial deltas of layer {i}"].banks == alive(update(i + 1), update(i))
    assert found[f"deltas of layer {n}"].banks == alive(n - 1, update(n))
