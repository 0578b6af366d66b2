"""The scripts for Vivado and Quartus, run by Tcl with commands that only write down what they are given."""

from pathlib import Path

import pytest

from rtl.verilog import vendor
from tests.rtl import toolchain
from tests.rtl.cosim.driving import verilog

VIVADO = "read_verilog read_xdc synth_design opt_design place_design route_design report_utilization report_timing_summary "
VIVADO += "write_checkpoint create_clock get_ports"
QUARTUS = "project_new set_global_assignment set_instance_assignment execute_flow project_close create_clock get_ports "
QUARTUS += "derive_clock_uncertainty"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return toolchain.delivered(verilog("two_junctions"), tmp_path_factory.mktemp("delivered") / "of a vendor")


def told(script: Path, commands: str, arguments=()):
    """What a script calls, in order: names with their arguments. Any other command that is not Tcl's own is an error."""
    tcl = pytest.importorskip("tkinter").Tcl()
    calls = []
    for name in commands.split():

        def record(*given, name=name):
            calls.append((name, *given))
            return f"<{name}>"

        tcl.createcommand(name, record)
    for package in ("project", "flow"):
        tcl.eval(f"package provide ::quartus::{package} 1.0")
    tcl.setvar("argv", tuple(arguments))
    tcl.eval(f"source {{{script}}}")
    return calls


@pytest.mark.parametrize("part", [None, "xc7k325tffg900-2"])
def test_vivado_is_told_of_the_design(folder, part):
    calls = told(folder / vendor.VIVADO, VIVADO, [part] if part else [])
    by_name = {name: given for name, *given in calls}
    assert [name for name, *_ in calls] == VIVADO.split()[:-2]
    assert by_name["read_verilog"] == [str(folder / "accelerator.v")]
    assert by_name["read_xdc"] == ["-mode", "out_of_context", str(folder / "accelerator.xdc")]
    chosen = part or "xc7a200tfbg484-1"
    assert by_name["synth_design"] == ["-top", "accelerator", "-part", chosen, "-mode", "out_of_context"]
    assert all(Path(by_name[name][-1]).is_file() for name in ("read_verilog", "read_xdc"))


@pytest.mark.parametrize("given", [[], ["Arria 10", "10AX115S2F45I1SG"]])
def test_quartus_is_told_of_the_design(folder, given):
    calls = told(folder / vendor.QUARTUS, QUARTUS, given)
    assigned = {name: value for call, _, name, value in (c for c in calls if c[0] == "set_global_assignment")}
    family, device = given or (vendor.FAMILY, vendor.DEVICE)
    files = {"VERILOG_FILE": str(folder / "accelerator.v"), "SDC_FILE": str(folder / "accelerator.sdc")}
    assert assigned == {"FAMILY": family, "DEVICE": device, "TOP_LEVEL_ENTITY": "accelerator", **files}
    assert all(Path(path).is_file() for path in files.values())
    virtual = [c[1:] for c in calls if c[0] == "set_instance_assignment"]
    ports = [name for name in verilog("two_junctions").ports if name != "clk"]
    assert virtual == [("-name", "VIRTUAL_PIN", "ON", "-to", port) for port in ports]
    assert (calls[0], calls[-2:]) == (
        ("project_new", "-overwrite", "accelerator"),
        [("execute_flow", "-compile"), ("project_close",)],
    )


@pytest.mark.parametrize(("name", "commands"), [(vendor.VIVADO_CLOCK, VIVADO), (vendor.QUARTUS_CLOCK, QUARTUS)])
def test_the_clock_is_constrained(folder, name, commands):
    calls = told(folder / name, commands)
    assert calls[:2] == [("get_ports", "clk"), ("create_clock", "-name", "clk", "-period", "10.000", "<get_ports>")]


def test_the_top_module_is_the_one_that_was_asked_for():
    made = vendor.vendor_files("left_one", {"clk": ("input", 1), "rst": ("input", 1)})
    assert "synth_design -top left_one " in made[vendor.VIVADO]
    assert "TOP_LEVEL_ENTITY left_one\n" in made[vendor.QUARTUS]


def test_braces_and_brackets_match(folder):
    for name in (vendor.VIVADO, vendor.VIVADO_CLOCK, vendor.QUARTUS, vendor.QUARTUS_CLOCK):
        text = (folder / name).read_text()
        assert (text.count("{"), text.count("["), text.count('"') % 2) == (text.count("}"), text.count("]"), 0), name
