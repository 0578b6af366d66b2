"""What a co-simulation leaves can be read back: its figures and, where it failed, both logs."""

import pytest

import hwsim
from hwsim.commands import app as cli
from hwsim.events.difference import first_difference
from models.errors import InputError
from tests.hwsim import runs
from tests.rtl.cosim.faults import FAULTS


def cosimulated(folder, code):
    config = runs.write_config(folder, "fixed pipelined")
    words = ["--samples", "10", "--scenarios", "data", "--set", "data.select.inputs=[15, 2, 9]", "--quiet"]
    assert cli.run(["cosim", str(config), "--out", str(folder / "out"), *words]) == code
    return hwsim.read_run(folder / "out")


def test_an_agreement_has_figures_and_no_logs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = cosimulated(tmp_path, 0)
    assert (run.metrics["status"], run.figure("samples")) == ("agree", 10)
    assert [p.n_edges for p in run.design.patterns] == [32, 16] and run.inputs.tolist() == [15, 2, 9]
    with pytest.raises(InputError, match=r"lacks machine\.jsonl"):
        _ = run.differing_logs


def test_a_difference_has_both_logs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    FAULTS["first_visit_does_not_replace"].apply(monkeypatch)
    run = cosimulated(tmp_path, 1)
    machine, verilog = run.differing_logs
    assert run.metrics["status"] == "differ" and len(machine) and first_difference(machine, verilog) is not None
