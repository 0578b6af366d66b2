"""Costs before synthesis: counts that can be checked by hand and against the machine, and energies from a table."""

import numpy as np
import pytest

from hwsim.configuration.config_file import changed, load, parse
from hwsim.costs import area, energy, operations
from hwsim.costs.resources import RESOURCES
from hwsim.design import Design
from hwsim.measurements.costs import FIGURES
from hwsim.schedule.inventory import inventory
from hwsim.simulation.metrics import memory_use
from hwsim.simulation.simulate import simulate
from hwsim.vocabulary import MemoryKey, MemoryKind
from models.data.dataset import Split
from models.errors import InputError
from tests.hwsim.shipped import SHIPPED

RECONFIG = load(next(p for p in SHIPPED if p.stem == "reconfig2018"))
WITH_HARDWARE = [c for c in map(load, SHIPPED) if c.hardware is not None and c.out_degrees is not None]


def test_the_published_network_by_hand():
    c = operations.costs(RECONFIG)
    assert c.edge_multipliers == 2 * 128 + 3 * 32
    assert c.derivative_multipliers == 2  # 128 lanes end two hidden neurons a clock; cross-entropy needs none at the output
    assert c.table_bits == 4096 * (12 + 12) * 2 + 4096 * 12 * 1
    of = {s.kind: s for s in c.storage}
    assert of[MemoryKind.WEIGHTS].bits == 5120 * 12 and of[MemoryKind.WEIGHTS].banks == 2
    activations = of[MemoryKind.ACTIVATIONS]
    assert activations.words == 5 * 1024 + 3 * 64 and activations.banks == 5 * 128 + 3 * 32
    moved = {t.memory: t for t in c.traffic}
    assert moved[MemoryKey(MemoryKind.WEIGHTS, 1)].bits == 2 * 4096 * 12
    inputs = moved[MemoryKey(MemoryKind.ACTIVATIONS, 0)]
    assert (inputs.reads, inputs.writes) == (2 * 4096, 1024)


def test_additions_add_every_product_once():
    for config in WITH_HARDWARE:
        for j in inventory(config).junctions:
            tasks = operations.Task.TREE, operations.Task.ACCUMULATE
            works = [w for w in operations.costs(config).additions if w.junction == j.number and w.task in tasks]
            # Each product is added to the others of its neuron, and the first of them to the bias.
            assert sum(w.count for w in works) == pytest.approx(j.edges, rel=0.02)
            assert sum(w.units for w in works) == j.z


@pytest.mark.parametrize("config", WITH_HARDWARE, ids=lambda c: c.name)
def test_storage_is_the_accelerators(config):
    c = operations.costs(config)
    assert sum(s.bits for s in c.storage) == inventory(config).storage_bits
    made = operations.figures(operations.costs(config), energy.load()) | area.load().figures(operations.costs(config))
    assert made.keys() <= FIGURES.keys()
    assert FIGURES.keys() - made.keys() <= {*RESOURCES, "external_traffic", "energy_external"}


def test_an_external_memory_costs_its_traffic_and_moves_rows_through_buffers(tmp_path):
    streamed = changed(RECONFIG, {"hardware.weights": {"bandwidth": 480, "latency": 6}})
    c, plain, table = operations.costs(streamed), operations.costs(RECONFIG), energy.load()
    found = c.energy(table)
    assert found["external"] == pytest.approx(2 * 5120 * 12 * 1950 / 64 / 1000)
    assert "external" not in plain.energy(table) and found["multiplications"] == plain.energy(table)["multiplications"]
    moved = {t.memory: t for t in c.traffic}[MemoryKey(MemoryKind.WEIGHTS, 1)]
    # From the memory into a buffer and to the lanes; from UP into a buffer and to the memory.
    assert (moved.reads, moved.writes) == (2 * 32, 2 * 32)
    assert moved.size == c.inventory.external.streams[0].held.rows * 128 * 12 < 32 * 128 * 12
    made = operations.figures(c, table)
    assert made["external_traffic"] == 2 * 5120 * 12 and made["energy"] == pytest.approx(sum(found.values()))
    assert made.keys() <= FIGURES.keys()
    path = tmp_path / "energies.yaml"
    path.write_text("\n".join(x for x in energy.DEFAULT.read_text().splitlines() if "DRAM" not in x and "external" not in x))
    with pytest.raises(InputError, match="external: is missing"):
        c.energy(energy.load(path))
    assert plain.energy(energy.load(path)) == plain.energy(table)


def test_accesses_are_those_of_the_machine():
    """In steady state; the machine counts its own reads and writes."""
    config = parse(
        {
            "network": {"layers": [16, 8, 4], "out_degree": [2, 2]},
            "hardware": {"z": [8, 4]},
            "training": {"epochs": 1, "shuffle": False},
        }
    )
    rng = np.random.default_rng(0)
    n = 400
    data = Split(rng.integers(0, 256, (n, 16), dtype=np.uint8), rng.integers(0, 4, n))
    run = simulate(Design(config), data)
    use, known = memory_use(run), inventory(config)
    for t in operations.costs(config).traffic:
        if t.memory in use:
            memory = next(m for m in known.memories if m.key == t.memory)
            expected = (t.reads / memory.lanes / known.clocks_per_input, t.writes / memory.lanes / known.clocks_per_input)
            assert use[t.memory] == pytest.approx(expected, rel=0.03), t.memory


def test_energies_of_the_table_and_between():
    table = energy.load()
    assert table.add(8) == pytest.approx(0.03) and table.add(32) == pytest.approx(0.1)
    assert table.multiply(8, 8) == pytest.approx(0.2) and table.multiply(32, 32) == pytest.approx(3.1)
    assert 0.2 < table.multiply(12, 12) < table.multiply(12, 16) < 3.1
    assert table.access(8192 * 8, 64) == pytest.approx(10) and table.access(1024 * 8192, 64) == pytest.approx(100)
    assert table.access(64, 8) < table.access(8192, 8) < table.access(8192 * 8, 8)


def test_energy_is_counts_times_table(tmp_path):
    flat = """
name: one
source: a test
adder: [{bits: 1, picojoules: 1, source: x}, {bits: 64, picojoules: 1, source: x}]
multiplier: [{bits: 1, picojoules: 10, source: x}, {bits: 64, picojoules: 10, source: x}]
memory: [{kibibytes: 1, bits: 1, picojoules: 0.001, source: x}, {kibibytes: 64, bits: 1, picojoules: 0.001, source: x}]
"""
    path = tmp_path / "energies.yaml"
    path.write_text(flat)
    c = operations.costs(RECONFIG)
    found = c.energy(energy.load(path))
    assert found["multiplications"] == pytest.approx((2 * 5120 + 1024 + 64) * 10 / 1000)
    assert found["memories"] == pytest.approx(sum(t.bits for t in c.traffic) * 1e-6)
    path.write_text(flat.replace("bits: 64", "bits: 1"))
    with pytest.raises(InputError, match="sizes must ascend"):
        energy.load(path)
    path.write_text(flat.replace("source: x", "sauce: x"))
    with pytest.raises(InputError, match="is an unknown key"):
        energy.load(path)
