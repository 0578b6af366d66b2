"""``hwsim prove``: every property of every shipped design, scaled down, and what is left of a run."""

import json
from pathlib import Path

import pytest

from hwsim import load
from hwsim.commands.app import run
from hwsim.design import Design
from models.errors import ArgumentError, InputError
from rtl.plan.plan import Plan
from rtl.proofs import session
from rtl.proofs.prover import Status
from tests.rtl.designs import design

CONFIGS = Path(__file__).parents[3] / "sim_configs"
ODD = Path(__file__).with_name("odd.yaml")
SMALL = {"network.layers": [16, 8, 4], "network.out_degree": [4, 4], "network.classes": 4, "hardware.z": [8, 8]}
"""Sizes to which every shipped design is scaled; formats, pattern, schedule and latencies are its own."""
SCALED = {
    "board": SMALL,
    "icebreaker": SMALL,
    "demo": SMALL,
    "digits97": SMALL,
    "reconfig2018": SMALL,
    "frontend_cifar": SMALL,
    "frontend_small": SMALL,
    "ecp5": SMALL | {"network.layers": [64, 32, 8], "network.out_degree": [4, 4], "hardware.z": [4, 2]},
    "overlap": SMALL | {"network.layers": [64, 16, 8], "network.out_degree": [8, 8], "hardware.z": [16, 8]},
}


def scaled(name):
    return Design(load(CONFIGS / f"{name}.yaml", SCALED[name]))


def test_every_shipped_design_with_hardware_is_scaled():
    assert set(SCALED) == {path.stem for path in CONFIGS.glob("*.yaml") if "z:" in path.read_text()}


@pytest.mark.parametrize("name", ["one_junction", "short_beat", "straddling_groups", "clashing_inference", "overlap_three"])
def test_every_design_states_the_same_kinds_of_properties(name):
    of = design(name)
    stated = {c: session.stated(make).monitor for c, make in session.components(of).items()}
    for component, monitor in stated.items():
        names = [p.name for p in (*monitor.required, *monitor.assumed, *monitor.chosen)]
        assert len(names) == len(set(names)), component
        assert all(p.statement for p in monitor.required)
    lanes = [p.name for c, m in stated.items() if c.startswith("junction") for p in m.required if p.name.endswith("_lanes")]
    assert lanes.count("feedforward_lanes") == len(of.junctions)
    assert lanes.count("update_lanes") == len(of.junctions) * of.trains
    assert lanes.count("backward_lanes") == (len(of.junctions) - 1) * of.trains


@pytest.mark.slow
@pytest.mark.parametrize("name", SCALED)
def test_lanes_of_a_shipped_design_have_the_words_of_their_edges(tmp_path, name):
    proofs = session.prove_design(scaled(name), tmp_path / "proofs", time_limit=60, property="junction 1: feedforward_lanes")
    assert [proof.component for proof in proofs] == ["junction 1"]
    assert session.verdict(proofs) is Status.PROVED


@pytest.mark.slow
def test_all_properties_of_an_odd_design_and_what_is_left(tmp_path, capsys):
    # A busy machine is no reason to fail: what takes a minute alone has ten.
    assert run(["prove", str(ODD), "--time-limit", "600", "--out", str(tmp_path / "run")]) == 0
    assert "junction 2: backward_lanes" in capsys.readouterr().out
    left = json.loads((tmp_path / "run/proofs.json").read_text())
    assert left["status"] == "proved"
    assert left["properties"]["value"] == {"proved": len(left["proofs"]), "failed": 0, "undecided": 0}
    assert {entry["component"] for entry in left["proofs"]} == set(session.components(Plan.of(Design(load(ODD)))))
    reached = [entry for entry in left["proofs"] if "waveform" in entry]
    assert reached and all((tmp_path / "run" / entry["waveform"]).is_file() for entry in reached)


def test_a_run_that_ends_early_leaves_what_it_has_proved(monkeypatch, tmp_path):
    component = session._component

    def only_pacer(name, *rest):
        if name != "pacer":
            raise InputError("solver", None, "is gone")
        return component(name, *rest)

    monkeypatch.setattr(session, "_component", only_pacer)
    assert run(["prove", str(ODD), "--out", str(tmp_path / "run")]) == 2
    left = json.loads((tmp_path / "run/proofs.json").read_text())
    assert left["status"] == "undecided"
    assert {entry["component"] for entry in left["proofs"]} == {"pacer"}
    assert left["properties"]["value"] == {"proved": len(left["proofs"]), "failed": 0, "undecided": 0}


@pytest.mark.parametrize("option", [("--property", "nope"), ("--time-limit", "0"), ("--workers", "0")])
def test_bad_options_leave_no_directory(option, tmp_path):
    assert run(["prove", str(ODD), "--out", str(tmp_path / "run"), *option]) == 2
    assert not (tmp_path / "run").exists()


def test_a_name_that_is_no_property_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match=r"property = not_erly: is none of the design's; nearest: .*not_early"):
        session.prove_design(scaled("demo"), tmp_path / "proofs", time_limit=1, property="not_erly")
    assert run(["prove", str(CONFIGS / "demo.yaml"), "--workers", "0", "--out", str(tmp_path / "run")]) == 2
