"""Random designs as Verilog: what the self test draws is simulated, and faults of the circuit are found and made small."""

import json

import pytest

from hwsim.commands import app as cli
from hwsim.commands import selftest as command
from hwsim.selftest.case import Case, Meets, Unbuildable, read
from models.numbers.format import Rounding
from rtl.blocks import arithmetic
from rtl.cosim.selftest import compare
from tests.rtl.designs import configuration

SMALL = {"width": 6, "fraction": 4}
FLOORED = {Rounding.HALF_EVEN: Rounding.FLOOR}
MEETS = Meets(samples=6, late=0.3, inference=0.3, blocked=0.3, illegal=0.3, parameters="random")


def small(*sizes, **options):
    return Case(configuration(*(sizes or ([6, 4], [2], [3])), **({"numbers": SMALL, "classes": 3} | options)), MEETS)


def test_verilog_and_machine_agree():
    assert compare(small(), "icarus") > 100
    assert compare(small(build="inference"), "icarus") > 20


def test_a_design_without_hardware_is_no_failure():
    with pytest.raises(Unbuildable, match=r"^hardware\.address = adder"):
        compare(small([12, 4], [2], [2], connectivity={"kind": "clash_free", "type": 3}, address="adder"), "icarus")


@pytest.mark.slow
def test_a_wrong_circuit_is_told_and_made_small(tmp_path, monkeypatch, capsys):
    """One that cuts off instead of rounding to even."""
    whole = arithmetic.narrow
    monkeypatch.setattr(arithmetic, "narrow", lambda x, drop, mode: whole(x, drop, FLOORED.get(mode, mode)))
    monkeypatch.setattr(command, "_TRIES_OF_VERILOG", 4)
    path = tmp_path / "case.yaml"
    path.write_text(small(numbers=SMALL | {"rounding": "half_even"}).text())
    assert cli.run(["selftest", str(path), "--engines", "machine,verilog", "--out", str(tmp_path / "out"), "-q"]) == 1
    told, left = capsys.readouterr().err.splitlines()
    again, smaller = (f"hwsim selftest {file} --engines machine,verilog" for file in (path, tmp_path / "out/failing-0.yaml"))
    assert told.startswith("hwsim: machine–Verilog differ: scenario data, clock ") and told.endswith(
        f"; repeat with: {again}"
    )
    assert left.endswith(f": {smaller}")
    assert read(tmp_path / "out/failing-0.yaml").meets.samples < MEETS.samples


@pytest.mark.slow
def test_random_designs_agree(tmp_path):
    drawn = ["--designs", "4", "--engines", "reference,machine,verilog", "--seed", "4"]
    assert cli.run(["selftest", *drawn, "--out", str(tmp_path), "-q"]) == 0
    report = json.loads((tmp_path / "selftest.json").read_text())
    assert report["compared_designs"]["value"]["machine–Verilog"] + report["no_hardware"]["value"] == 4
