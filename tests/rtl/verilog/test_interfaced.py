"""Designs with standard ports: names, description, scripts and files say what is there."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from rtl.ports.interface_table import interface_registers
from rtl.ports.packing import RESULT_FACTS, SAMPLE_FACTS, Packet
from rtl.ports.register_map import AddressMap
from rtl.ports.register_table import registers
from rtl.synthesis.wrapper import wrapper
from rtl.verilog.driver import driver
from rtl.verilog.emission import Verilog
from rtl.verilog.generate import component, generate, generate_native
from rtl.verilog.interface_description import interface_sections
from rtl.verilog.maps.register_map_json import register_map
from tests.rtl import toolchain
from tests.rtl.designs import DESIGNS, design

AXI = "aclk aresetn interrupt"
AXI += "".join(f" {s}_t{n}" for s in ("s_axis", "m_axis") for n in ("valid", "ready", "data", "last"))
AXI += " s_axi_awaddr s_axi_awprot s_axi_awvalid s_axi_awready s_axi_wdata s_axi_wstrb s_axi_wvalid s_axi_wready"
AXI += " s_axi_bresp s_axi_bvalid s_axi_bready s_axi_araddr s_axi_arprot s_axi_arvalid s_axi_arready"
AXI += " s_axi_rdata s_axi_rresp s_axi_rvalid s_axi_rready"


@pytest.fixture(scope="module")
def axi():
    return Verilog.of(component(design("short_beat", interface="axi", beat_bits=64)))


@pytest.fixture(scope="module")
def wishbone():
    return Verilog.of(component(design("short_beat", interface="wishbone")))


@pytest.fixture(scope="module")
def folder(axi, tmp_path_factory):
    return toolchain.delivered(axi, tmp_path_factory.mktemp("delivered") / "d")


def test_ports_have_the_names_of_the_standards(axi, wishbone):
    assert set(axi.ports) == set(AXI.split())
    expected = {n for n in AXI.split() if not n.startswith(("s_axi_", "a"))} | {"clk", "rst"}
    expected |= {f"wb_{n}" for n in ("cyc", "stb", "we", "adr", "dat_w", "sel", "dat_r", "ack", "err")}
    assert set(wishbone.ports) == expected
    header = re.search(r"^module accelerator \(.*\n((?:  .*\n)+)\);", axi.text, re.MULTILINE)
    assert header is not None and set(re.findall(r"(\w+),?$", header[1], re.MULTILINE)) == set(axi.ports)
    assert not re.search(r"posedge (?!aclk)", axi.text)


def test_the_accelerator_inside_is_at_hand():
    plan = design("one_junction", interface="axi")
    assert "s_axis_tdata" in generate(plan.design).ports
    native = generate_native(plan.design)
    assert "samples__payload" in native.ports
    plain = design("one_junction")
    # They differ in what a host knows the design by.
    mine, its = (next(f"{r.reset:08x}" for r in registers(of) if r.name == "HASH") for of in (plan, plain))
    assert mine != its and native.text.replace(mine, its) == generate(plain.design).text


@pytest.mark.parametrize("name", ["short_beat", "mixed_formats", "one_row", "straddling_groups"])
@pytest.mark.parametrize("beat_bits", [8, 32, 128])
def test_c_lays_packets_out_in_the_same_way(name, beat_bits, tmp_path):
    """A C compiler checks the sizes that the description states, and where the word is."""
    if shutil.which("cc") is None:
        pytest.skip("needs a C compiler")
    of = design(name, interface="axi", beat_bits=beat_bits)
    text = "\n".join(interface_sections(of))
    structs = re.findall(r"```c\n(.*?)```", text, re.DOTALL)
    assert len(structs) == 2
    at = [f'_Static_assert(offsetof(struct {n}, facts) == {p.trailer_at}, "at");' for n, p in _packets(of)]
    (tmp_path / "a.c").write_text("\n".join(["#include <stdint.h>", "#include <stddef.h>", *structs, *at]))
    toolchain.run("cc", "-std=c11", "-c", "-o", "a.o", "a.c", folder=tmp_path)


def _packets(of):
    return (("sample", Packet.sample(of)), ("result", Packet.result(of)))


@pytest.mark.parametrize("beat_bits", [8, 64, 512])
@pytest.mark.parametrize("name", DESIGNS)
def test_packets_are_unpacked_as_they_were_packed(name, beat_bits):
    for _, packet in _packets(design(name, interface="axi", beat_bits=beat_bits)):
        ends = (packet.number.lowest, packet.number.highest)
        numbers = [ends[k % 2] for k in range(packet.count)]
        data = packet.pack(numbers, 0x89ABCDEF)
        assert len(data) == packet.size == packet.beats * beat_bits // 8
        assert packet.unpack(data) == (numbers, 0x89ABCDEF)
    assert SAMPLE_FACTS.size == RESULT_FACTS.size == 32


def test_the_description_names_ports_packets_and_registers(folder, axi):
    text, of = (folder / "README.md").read_text(), axi.accelerator.plan
    assert all(f"`{name}`" in text for name in axi.ports)
    assert "`aresetn` is synchronous and active low" in text
    for heading in ("### s_axis", "### m_axis", "### s_axi"):
        assert heading in text
    assert "### bus" not in text and "bus__" not in text
    base = 4 << AddressMap.of(of).bits
    for k, register in enumerate(interface_registers(axi.accelerator.plan)):
        assert f"| {register.name} | {base // 4 + k} | {base + 4 * k:#x} |" in text
    assert "| ILLEGAL_LABELS | 10 | 0x28 |" in text


def test_the_description_tells_of_parameters_where_they_pass_through_the_streams(folder):
    assert "PARAMETERS" not in (folder / "README.md").read_text()
    of = design("short_beat", interface="axi", beat_bits=64, parameter_stream=True)
    text = "\n".join(interface_sections(of))
    words = sum(j.pattern.n_edges + j.n_right for j in of.junctions)
    assert "### Parameters through the streams" in text
    assert f"It is {words} words of 32 bits" in text and f"in {-(-words // 2)} beats: WEIGHTS_1, BIASES_1, WEIGHTS_2" in text
    assert [r.name for r in interface_registers(of)][-1] == "PARAMETERS"
    assert register_map(of)["packets"]["parameters"] == {"count": words, "number_bytes": 4, "size": 8 * -(-words // 2)}


def test_the_driver_beside_the_design_runs_without_hwsim_and_knows_the_design(folder):
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['hwsim', 'models', 'rtl', 'numba', 'pydantic', 'amaranth'])); "
        "from hwsim_host import Accelerator, DesignMap; of = DesignMap.read('.'); print(Accelerator.__module__, *of.layers)"
    )
    environment = {**os.environ, "PYTHONPATH": "driver.zip"}
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.stdout.split() == ["hwsim_host.accelerator", "15", "10", "5"], done.stderr
    assert (folder / "driver.zip").read_bytes() == driver()


def test_names_tell_of_packets_and_registers(folder, axi):
    known = json.loads((folder / "names.json").read_text())["interface"]
    packet = Packet.sample(axi.accelerator.plan)
    assert known["kind"] == "axi" and known["beat_bits"] == 64
    assert known["sample"]["beats"] == packet.beats and known["sample"]["trailer_at"] == packet.trailer_at
    assert known["sample"]["trailer"]["train"] == {"offset": 24, "bits": 1}
    assert list(known["registers"]) == [register.name for register in interface_registers(axi.accelerator.plan)]


def test_scripts_of_the_vendors_constrain_the_clock(folder):
    assert "[get_ports aclk]" in (folder / "accelerator.xdc").read_text()
    quartus = (folder / "quartus.tcl").read_text()
    assert "    aresetn\n" in quartus and "    aclk\n" not in quartus


def test_the_wrapper_leads_clock_and_reset_to_its_pins(axi):
    text = wrapper(axi.top, axi.ports)
    assert ".aclk(clk)" in text and ".aresetn(~rst)" in text
    inputs = sum(bits for name, (way, bits) in axi.ports.items() if way == "input" and name[0] != "a")
    assert f"reg [{inputs - 1}:0] inputs" in text
