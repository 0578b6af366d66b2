"""What accelerators take is what they took: a change of area is seen, and meant."""

import json
from pathlib import Path

import pytest

from hwsim import load
from tests.rtl.synthesis import baseline

KEPT = json.loads(baseline.FILE.read_text())
COUNTED = "icebreaker"
"""The smallest is counted every time. The others take up to minutes each, and are if their Verilog has changed."""
HOW = "measure it with python -m tests.rtl.synthesis.baseline, and look at the difference"


def test_every_shipped_configuration_with_hardware_has_a_baseline():
    shipped = {path.stem for path in baseline.CONFIGURATIONS.glob("*.yaml") if load(path).hardware is not None}
    assert len(shipped) > 5
    assert {of.config for of in baseline.SUBJECTS.values() if not of.settings} == shipped


def test_every_version_of_yosys_has_counted_everything():
    assert KEPT["area"].keys() == KEPT["verilog"].keys()
    for known in (*KEPT["area"].values(), *KEPT["verilog"].values()):
        assert known.keys() == baseline.SUBJECTS.keys()


def test_frequencies_are_medians_of_their_placements():
    placed = {name: of.places for name, of in baseline.SUBJECTS.items() if of.places}
    assert KEPT["frequency"].keys() == placed.keys() and placed["ecp5"] >= 5
    for name, known in KEPT["frequency"].items():
        by_seed = sorted(known["fmax_by_seed"].values())
        assert len(by_seed) == placed[name] and known["fmax"] == by_seed[(len(by_seed) - 1) // 2]


def test_the_table_of_readme_is_that_of_the_baseline():
    assert baseline.table(KEPT) in (Path(__file__).parents[3] / "README.md").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("name", baseline.SUBJECTS)
def test_area_is_as_it_was(name):
    tool = baseline.version()
    if tool not in KEPT["area"]:
        pytest.skip(f"no baseline for {tool}: {HOW}")
    unchanged = name != COUNTED and baseline.digest(name) == KEPT["verilog"][tool][name]
    assert unchanged or baseline.measure(name, cached=False)[0] == KEPT["area"][tool][name], HOW
