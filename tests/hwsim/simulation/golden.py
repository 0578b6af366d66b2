"""The figures of the shipped configurations that must not change unnoticed; run as a module to write them anew."""

import json
from pathlib import Path

import numpy as np

from hwsim.configuration.config_file import load
from hwsim.design import Design

ROOT = Path(__file__).resolve().parents[3]
FILE = ROOT / "tests/golden_figures.json"
SAMPLES = 40


def figures(path):
    """Clocks, storage and the clocks that every operation works while 40 random samples pass and drain."""
    design = Design(load(path))
    a = design.inventory
    machine = design.machine()
    rng = np.random.default_rng(0)
    inputs = rng.integers(0, design.config.numbers.system.input.highest + 1, (SAMPLES, design.config.network.layers[0]))
    machine.feed(machine.samples(inputs, rng.integers(0, design.config.classes, SAMPLES), 4))
    machine.drain()
    return {
        "clocks_per_input": machine.timing.period,
        "flush": machine.timing.flush,
        "clocks": machine.clock,
        "busy_clocks": machine.counts[:, :, 0].tolist(),
        "multipliers": a.multipliers,
        "storage": {m.name: [m.banks, m.lanes, m.depth, m.width, m.bits] for m in a.memories},
        "storage_bits": a.storage_bits,
    }


def with_hardware():
    """Every shipped configuration of an accelerator that works on a data set's own inputs."""
    found = {p: load(p) for p in sorted((ROOT / "sim_configs").glob("*.yaml"))}
    return [p for p, c in found.items() if c.hardware is not None and c.frontend is None]


if __name__ == "__main__":
    FILE.write_text(json.dumps({p.stem: figures(p) for p in with_hardware()}, indent=1) + "\n", encoding="utf-8")
