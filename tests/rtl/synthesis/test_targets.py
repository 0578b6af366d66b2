"""Cells and resources of every family, and what the tools say of them."""

import json
from itertools import groupby

import pytest

from rtl.synthesis import reports
from rtl.synthesis.targets import ECP5, GATEMATE, GOWIN, ICE40, NEXUS, TARGETS, XC7
from rtl.synthesis.tools import Deadline, find, run
from tests.rtl.synthesis.test_flow import STAT


def counts(family, cells):
    return {r.name: r.count(cells) for r in family.resources if r.cells}


def test_cells_are_counted_by_what_they_take_in_each_family():
    ecp5 = counts(ECP5, reports.cells(json.loads(STAT)))
    assert ecp5 == {"LUT": 30, "LUT RAM": 18, "carry": 4, "FF": 12, "DSP": 5, "block RAM": 2}
    ice40 = counts(ICE40, {"SB_LUT4": 9, "SB_DFF": 3, "SB_DFFESR": 2, "SB_CARRY": 4, "SB_RAM40_4KNR": 1, "SB_MAC16": 1})
    assert ice40 == {"LUT": 9, "carry": 4, "FF": 5, "DSP": 1, "block RAM": 1, "large RAM": 0}
    nexus = counts(
        NEXUS,
        {"LUT4": 5, "INV": 1, "WIDEFN9": 2, "DPR16X4": 3, "CCU2": 4, "FD1P3IX": 6, "FD1P3JX": 1, "IB": 9, "VLO": 1}
        | {"MULT18X18": 2, "MULT9X9": 1, "MULTADDSUB18X18": 1, "PDPSC16K": 2, "DP16K": 1, "DPSC512K": 1},
    )
    assert nexus == {"LUT": 10, "LUT RAM": 12, "carry": 4, "FF": 7, "DSP": 7, "block RAM": 3, "large RAM": 1}
    gowin = counts(
        GOWIN,
        {"LUT1": 1, "LUT4": 2, "RAM16SDP4": 2, "ALU": 5, "DFF": 1, "DFFSE": 2, "MUX2_LUT5": 9, "IBUF": 4}
        | {"MULT9X9": 1, "MULT18X18": 2, "SP": 1, "SDPX9B": 2, "DPB": 1},
    )
    assert gowin == {"LUT": 3, "LUT RAM": 8, "carry": 5, "FF": 3, "DSP": 3, "block RAM": 4}
    gatemate = counts(
        GATEMATE,
        {"CC_L2T4": 1, "CC_LUT2": 2, "CC_MX2": 3, "CC_MX4": 4, "CC_ADDF": 5, "CC_DFF": 6, "CC_MULT": 7, "CC_BUFG": 1}
        | {"CC_BRAM_20K": 2, "CC_BRAM_40K": 1},
    )
    assert gatemate == {"LUT": 14, "carry": 5, "FF": 6, "DSP": 7, "block RAM": 4}
    xc7 = counts(
        XC7,
        {"LUT1": 1, "LUT6": 2, "INV": 3, "RAM32M": 1, "RAM64X1D": 1, "SRL16E": 1, "FDRE": 5, "FDSE_1": 1}
        | {"CARRY4": 6, "DSP48E1": 7, "RAMB18E1": 1, "RAMB36E1": 2, "BUFG": 1, "MUXF7": 1},
    )
    assert xc7 == {"LUT": 6, "LUT RAM": 7, "carry": 6, "FF": 6, "DSP": 7, "block RAM": 5}


@pytest.mark.slow
def test_every_target_has_the_resources_it_says(tmp_path):
    """A counter is placed on every target: the resources' names are those of nextpnr, and no cell is left uncounted."""
    (tmp_path / "counter.v").write_text(
        "module t(input clk, output reg [3:0] q = 0); always @(posedge clk) q <= q + 1; endmodule"
    )
    for family, targets in groupby(TARGETS.values(), key=lambda t: t.family):
        script = f"read_verilog counter.v; {family.synthesis} -top t; tee -o stat.json stat -json -top t; write_json n.json"
        assert run(find("yosys"), ["-q", "-p", script], tmp_path, Deadline(None))[0] == 0
        cells = reports.cells(json.loads((tmp_path / "stat.json").read_text()))
        assert {r.name: r.count(cells) for r in family.resources}["FF"] == 4
        if family.placer is None:
            continue
        for chosen in targets:
            arguments = [*chosen.arguments, "--json", "n.json", "--report", "report.json"]
            if chosen.sites:
                name, fifth, option = {
                    NEXUS.name: ("{{q[{}]}}", "F14", ["--pdc", "pins"]),
                    GOWIN.name: ("q[{}]", "L14", ["--vopt", "cst=pins"]),
                }[family.name]
                ports = ["clk", *(name.format(i) for i in range(4))]
                places = zip(ports, (*chosen.sites, fifth), strict=True)
                text = "".join(family.location.format(pin=port, site=site) + "\n" for port, site in places)
                (tmp_path / "pins").write_text(text)
                arguments += option
            arguments += ["--lpf-allow-unconstrained"] if family is ECP5 else []
            assert run(find(family.placer), arguments, tmp_path, Deadline(None))[0] == 0
            used = reports.utilisation(json.loads((tmp_path / "report.json").read_text()))
            assert {r.site for r in family.resources if r.site} <= used.keys()
            pins = next(r for r in family.resources if r.name == "pins")
            assert used[pins.site][0] == 5
            assert used[pins.site][1] >= chosen.pins
