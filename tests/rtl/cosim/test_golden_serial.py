"""The plain test bench of designs with a serial line passes, and fails where the link is wrong."""

import pytest

from rtl.cosim import golden, golden_serial
from rtl.ports import framing
from rtl.verilog.emission import Verilog
from rtl.verilog.generate import component
from tests.rtl import toolchain
from tests.rtl.cosim.test_golden import icarus
from tests.rtl.designs import shortened

FAST = ("one_junction", {"bit_clocks": 4})
DESIGNS = [
    FAST,
    ("inference", {"bit_clocks": 4}),
]


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Samples come one by one: the second is met by what the first one changed, and more of them show nothing else."""
    monkeypatch.setattr(golden, "SAMPLES", 6)


def delivered(given, folder):
    name, changes = given
    return toolchain.delivered(Verilog.of(component(shortened(name, interface="serial", **changes))), folder)


@pytest.mark.parametrize("given", [FAST, *(pytest.param(d, marks=pytest.mark.slow) for d in DESIGNS[1:])], ids=str)
def test_every_design_passes(given, tmp_path):
    told = icarus(delivered(given, tmp_path / "d"))
    of = shortened(given[0], interface="serial", **given[1])
    words = sum(j.pattern.n_edges + j.n_right for j in of.junctions) + 2
    assert f"PASS: {golden.SAMPLES} samples and {words} words, " in told and "FAIL" not in told


def test_of_large_networks_a_part_is_tried():
    assert golden_serial._chosen(100) == list(range(100))
    some = golden_serial._chosen(100_000)
    assert len(some) == 512 and some[0] == 0 and some[-1] == 99_999


def test_a_wrong_escape_fails(tmp_path, monkeypatch):
    monkeypatch.setattr(framing, "FLIP", 0x21)
    told = icarus(delivered(FAST, tmp_path / "d"))
    assert "FAIL: " in told and "bytes of replies have come" in told and "PASS" not in told
