"""Area and frequency of the shipped configurations: what is kept of them is what they take."""

import statistics
from pathlib import Path

import pytest
import yaml

from rtl.synthesis.tools import find
from tests.rtl.synthesis.baseline import CONFIGURATIONS, TARGETS, kept, resources, synthesised

ENTRIES = [(on, name) for on, names in TARGETS.items() for name in names]


def test_every_shipped_configuration_with_hardware_is_kept():
    shipped = {p.stem for p in Path("sim_configs").glob("*.yaml") if "hardware" in yaml.safe_load(p.read_text())}
    assert shipped == set(CONFIGURATIONS)
    assert {on: set(found) for on, found in kept().items()} == {on: set(names) for on, names in TARGETS.items()}


@pytest.mark.slow
@pytest.mark.parametrize(("on", "name"), ENTRIES)
def test_a_configuration_takes_what_is_kept_of_it(on, name):
    entry, yosys = kept()[on][name], find("yosys")
    if entry["tools"][yosys.name] != yosys.version():
        pytest.skip(f"kept of {entry['tools'][yosys.name]}, here is {yosys.version()}")
    # After a change that is meant: python -m tests.rtl.synthesis.baseline
    assert resources(synthesised(name, on)) == entry["resources"]


def test_frequencies_are_medians_of_five_seeds():
    fast = [e["fmax"] for found in kept().values() for e in found.values() if "fmax" in e]
    assert fast
    for fmax in fast:
        assert len(fmax["by_seed"]) >= 5 and fmax["median"] == statistics.median_low(fmax["by_seed"].values())
