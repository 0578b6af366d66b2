"""What goes with a design whose ports have a clock of their own names what there is, and all of it."""

import json
import re

import pytest
import yaml

from hwsim.results import directory
from rtl.boards.boards import BOARDS
from rtl.boards.zynq import script
from rtl.synthesis.wrapper import wrapper
from rtl.verilog.emission import CORE, Verilog
from rtl.verilog.generate import component
from rtl.verilog.ip_package import PACKAGE_IP
from rtl.verilog.two_clocks import QUARTUS_CROSSING, VIVADO_CROSSING, ways
from tests.rtl import toolchain
from tests.rtl.designs import design
from tests.rtl.verilog import test_ip_package


@pytest.fixture(scope="module")
def emitted():
    return Verilog.of(component(design("one_junction", interface="axi", bus_clock="own", module="two")))


@pytest.fixture(scope="module")
def folder(emitted, tmp_path_factory):
    return toolchain.delivered(emitted, tmp_path_factory.mktemp("delivered") / "d")


def crossing(netlist):
    """Registers, or a memory, at one clock, and those at the other that a change of them reaches first: names of both."""
    module = netlist["modules"]["two"]
    names, drivers, ends, found = {}, {}, [], set()
    for name, net in module["netnames"].items():
        for bit in net["bits"]:
            names.setdefault(bit, set()).add(name)
    for name, cell in module["cells"].items():
        pins = {way: [p for p, w in cell["port_directions"].items() if w == way] for way in ("input", "output")}
        outputs, inputs = ([bit for pin in pins[way] for bit in cell["connections"][pin]] for way in ("output", "input"))
        register, memory = "CLK" in cell["connections"], bool(cell["connections"].get("WR_CLK"))
        clock = cell["connections"]["CLK" if register else "WR_CLK"][0] if register or memory else None
        through = [] if register else cell["connections"]["RD_ADDR"] if memory else inputs
        drivers |= {bit: (clock, {name} if memory else names[bit], through) for bit in outputs}
        if register:
            ends.append((clock, names[outputs[0]], [bit for bit in inputs if bit != clock]))
        elif memory:
            ends.append((clock, {name}, _written(cell)))
    for clock, end, taken in ends:
        seen, left = set(), list(taken)
        while left:
            bit = left.pop()
            if bit in seen or bit not in drivers:
                continue
            seen.add(bit)
            at, source, through = drivers[bit]
            if at is not None and at != clock:
                found.add((frozenset(source), frozenset(end)))
            left += through
    return found


def _written(memory):
    return [bit for pin in ("WR_ADDR", "WR_DATA", "WR_EN") for bit in memory["connections"][pin]]


def test_nothing_passes_between_the_clocks_but_what_is_told(emitted, folder):
    """In Yosys' netlist of the flat design, back from every register to all that it is computed from."""
    steps = "read_verilog accelerator.v; hierarchy -top two; proc; flatten; opt_clean; memory_collect; opt_clean"
    toolchain.yosys(f"{steps}; write_json flat.json", folder)
    found = crossing(json.loads((folder / "flat.json").read_text()))
    expected = {(".".join(way.source), ".".join(way.to)) for way in ways(emitted)}
    named = {(source, to) for source, to in expected for a, b in found if source in a and to in b}
    assert len(expected) == 7 * 3 + 4 and named == expected
    unknown = [(a, b) for a, b in found if not any(source in a and to in b for source, to in expected)]
    assert not unknown


def test_first_registers_are_marked(emitted):
    for way in ways(emitted):
        text = emitted.text.partition(f"\nmodule {emitted.module(('two', *way.to[:-1]))} (")[2].partition("\nendmodule")[0]
        marked = re.search(rf'ASYNC_REG = "TRUE" \*\)\n.*\n  reg (\[\d+:0\] )?{way.to[-1]};', text)
        assert (marked is None) == way.stored
        assert marked is None or re.search(r'\(\* ASYNC_REG = "TRUE" \*\).* output reg (\[\d+:0\] )?o', text)


def test_constraints_name_every_way(emitted, folder):
    xdc, sdc = ((folder / name).read_text() for name in (VIVADO_CROSSING, QUARTUS_CROSSING))
    for way in ways(emitted):
        end = f"-to [get_cells {{{'/'.join(way.to)}_reg*}}]"
        assert xdc.count(end) == 1 + way.counted
        assert sdc.count(f":{way.to[-2]}|{way.to[-1]}*}}]") >= 3 + way.counted
    assert xdc.count("set_bus_skew") == 14 and sdc.count("set_max_skew") == 14
    for name in (VIVADO_CROSSING, QUARTUS_CROSSING):
        assert directory._is_ours(name)
    clocks = (folder / "accelerator.xdc").read_text().splitlines()
    assert [line.split()[-1] for line in clocks] == ["aclk]", "bus_aclk]"]
    assert f"read_xdc [file join $here {VIVADO_CROSSING}]" in (folder / "vivado.tcl").read_text()
    quartus = (folder / "quartus.tcl").read_text()
    assert QUARTUS_CROSSING in quartus and "    bus_aclk\n" not in quartus and "    bus_aresetn\n" in quartus


def test_the_ip_has_two_clocks(emitted, folder, monkeypatch):
    monkeypatch.setattr(test_ip_package, "STUBS", f"{test_ip_package.STUBS}proc get_files {{name}} {{ return $name }}\n")
    calls = test_ip_package.told(folder / PACKAGE_IP)
    properties = {(of, name): value for _, name, value, of in (c for c in calls if c[0] == "set_property" and len(c) == 4)}
    given = {at.removeprefix("core/"): value for (at, name), value in properties.items() if "/parameter/" in at}
    assert given["bus_aclk/parameter/ASSOCIATED_BUSIF"] == "s_axis:m_axis:s_axi"
    assert "aclk/parameter/ASSOCIATED_BUSIF" not in given
    for clock, reset in (("aclk", "aresetn"), ("bus_aclk", "bus_aresetn")):
        assert given[f"{clock}/parameter/ASSOCIATED_RESET"] == reset
        assert given[f"{reset}/parameter/POLARITY"] == "ACTIVE_LOW"
    mapped = [value for (_, name), value in properties.items() if name == "physical_name"]
    assert sorted(mapped) == sorted(emitted.ports)
    assert ("add_files", "-fileset", "constrs_1", "-norecurse", str(folder / VIVADO_CROSSING)) in calls


def test_core_description_and_names_know_both_clocks(emitted, folder):
    described = yaml.safe_load((folder / CORE).read_text().partition("\n")[2])
    assert described["targets"]["default"]["filesets"] == ["rtl", "constraints"]
    files = {name for file in described["filesets"]["constraints"]["files"] for name in file}
    assert files == {VIVADO_CROSSING, QUARTUS_CROSSING}
    readme = (folder / "README.md").read_text()
    assert "### Two clocks" in readme and "and so is `bus_aresetn`" in readme
    ports = json.loads((folder / "names.json").read_text())["ports"]
    assert {"aclk", "aresetn", "bus_aclk", "bus_aresetn"} < set(ports)


def test_the_block_design_drives_both_clocks_and_resets(emitted):
    told = script(BOARDS["pynq-z2"], emitted, 80.0)
    for pin in ("accelerator/aclk", "accelerator/aresetn", "accelerator/bus_aclk", "accelerator/bus_aresetn"):
        assert len(re.findall(rf"{pin}\b", told)) == 1, pin
    assert "PCW_FPGA0_PERIPHERAL_FREQMHZ {100}" in told and "PCW_FPGA1_PERIPHERAL_FREQMHZ {80}" in told


def test_the_wrapper_has_a_pin_for_each(emitted):
    text = wrapper("two", emitted.ports)
    assert ".aclk(clk)" in text and ".bus_aclk(bus_clk)" in text and "always @(posedge bus_clk)" in text
    assert ".bus_aresetn(~rst)" in text and "input bus_clk, " in text


@pytest.mark.slow
@pytest.mark.parametrize(("name", "beat_bits"), [("two_junctions", 32), ("mixed_formats", 8)])
def test_the_plain_test_bench_passes_with_two_clocks(name, beat_bits, tmp_path):
    of = design(name, interface="axi", bus_clock="own", beat_bits=beat_bits)
    folder = toolchain.delivered(Verilog.of(component(of)), tmp_path / "d")
    toolchain.run("iverilog", "-g2005", "-o", "bench", "testbench.v", "accelerator.v", folder=folder)
    said = toolchain.run("vvp", "bench", folder=folder)
    assert "\nPASS: " in f"\n{said}" and "FAIL" not in said
    assert "always #7 core_clk" in (folder / "testbench.v").read_text()
