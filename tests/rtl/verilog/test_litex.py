"""The module of LiteX beside a design with a Wishbone: LiteX makes a SoC of it, and the test bench tries it in there."""

import re
import sys
from pathlib import Path

import pytest

from hwsim.results import directory
from rtl.ports.interface_registers import words
from rtl.ports.interface_table import interface_base
from rtl.verilog.emission import BENCH, SOURCE, Verilog
from rtl.verilog.generate import component
from rtl.verilog.litex_module import LITEX, litex_module, region
from tests.rtl import toolchain
from tests.rtl.designs import design
from tests.rtl.verilog import __path__ as here

verilator = toolchain.verilator
DESIGN = {"two_junctions": 8, "short_beat": 64}
"""Designs, and bits of their beats."""


@pytest.fixture(scope="module", params=DESIGN)
def emitted(request):
    return Verilog.of(component(design(request.param, interface="wishbone", beat_bits=DESIGN[request.param], module="tiny")))


@pytest.fixture(scope="module")
def folder(emitted, tmp_path_factory):
    """A delivered design, with a SoC in ``soc.v``."""
    pytest.importorskip("litex")
    to = toolchain.delivered(emitted, tmp_path_factory.mktemp("delivered") / "d")
    toolchain.run("env", f"PYTHONPATH={to}", sys.executable, Path(here[0]) / "litex_soc.py", folder=to)
    return to


def test_every_port_is_led_to_a_signal(emitted):
    text = litex_module(emitted)
    led = re.findall(r"^ {12}([io])_(\w+)=(\S+),$", text, re.MULTILINE)
    assert [(name, {"i": "input", "o": "output"}[way]) for way, name, _ in led] == [
        (n, d) for n, (d, _) in emitted.ports.items()
    ]
    assert len({signal for *_, signal in led}) == len(led)
    assert 'Instance(\n            "tiny",' in text


def test_the_region_holds_all_words(emitted):
    of = emitted.accelerator.plan
    size = region(of)
    assert size & (size - 1) == 0 and size == 4 << emitted.ports["wb_adr"][1]
    assert size >= 4 * words(of) > 4 * interface_base(of)


@pytest.mark.slow
def test_the_test_bench_passes_through_the_bus_and_the_streams_of_a_soc(folder):
    """Every result and every word, through LiteX's interconnect and endpoints."""
    bench = (folder / BENCH).read_text()
    assert bench.count("  tiny dut (") == 1
    (folder / "soc_bench.v").write_text(bench.replace("  tiny dut (", "  soc dut ("))
    sources = "soc_bench.v", "soc.v", SOURCE
    toolchain.run("iverilog", "-g2005", "-s", "tiny_bench", "-o", "soc.vvp", *sources, folder=folder)
    said = toolchain.run("vvp", "soc.vvp", folder=folder)
    assert said.startswith("PASS: ") or "\nPASS: " in said, said


@pytest.mark.slow
@pytest.mark.usefixtures("verilator")
def test_signals_are_as_wide_as_the_ports(folder):
    """Verilator has nothing to say of the accelerator's ports in the SoC."""
    told = toolchain.run(
        "verilator", "--lint-only", "-Wall", "-Wno-fatal", "--top", "soc", "lint.vlt", "soc.v", SOURCE, folder=folder
    )
    assert "PIN" not in told and "port connection" not in told, told


def test_the_module_lies_beside_designs_with_a_wishbone_only(emitted, tmp_path):
    assert (toolchain.delivered(emitted, tmp_path / "wishbone") / LITEX).read_text() == litex_module(emitted)
    others = Verilog.of(component(design("one_junction", interface="axi")))
    assert not (toolchain.delivered(others, tmp_path / "axi") / LITEX).exists()
    assert directory._is_ours(LITEX)
