"""``hwsim board`` in a user's hands: what it writes and says, with tools that only play, and twice with the real ones."""

import ast
import json
import re
from inspect import signature
from pathlib import Path

import pytest
import yaml

from hwsim.commands import app as cli
from hwsim.configuration import config_file
from hwsim.host import Accelerator
from hwsim.host.mapped import on_pynq
from hwsim.results.directory import CONFIG, INPUTS
from models.files.npz import read_npz
from rtl.boards.boards import BOARDS
from rtl.boards.built import built
from rtl.boards.instructions import MEANINGS
from rtl.boards.top import TOP
from rtl.synthesis import flow
from tests.hwsim import runs
from tests.rtl.players import STAT, Players

SMALL = {
    "network": {"layers": [16, 8, 4], "out_degree": [2, 2]},
    "hardware": {"z": [4, 2], "interface": "axi", "link_bytes": 64, "lut_ram_depth": 2},
    "numbers": {"width": 9, "fraction": 6, "input": {"width": 8, "fraction": 8, "signed": False}},
}


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HWSIM_CACHE", str(tmp_path / "cache"))
    path = runs.write_config(tmp_path, "fixed pipelined")
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | SMALL))
    return path


@pytest.fixture
def players(tmp_path, monkeypatch):
    """Played tools; their placement reaches 80 MHz."""
    played = Players(tmp_path / "tools", monkeypatch)
    netlist = json.dumps({"modules": {TOP: {"cells": {}, "ports": {}}}})
    played.play("yosys", {"stat.json": STAT, "netlist.json": netlist})
    return played


def made(capsys, *arguments, code=0):
    """What the command prints, and its line on standard error."""
    assert cli.run(["board", *map(str, arguments)]) == code
    said = capsys.readouterr()
    return said.out, [line for line in said.err.splitlines() if line.startswith("hwsim: ")]


def figures(path):
    return {k: f["value"] if isinstance(f, dict) and "value" in f else f for k, f in json.loads(path.read_text()).items()}


def test_the_list_has_every_board_and_what_was_built_for_it(capsys):
    out, _ = made(capsys, "--list")
    for name, board in BOARDS.items():
        (line,) = [row for row in out.splitlines() if row.split()[:1] == [name]]
        assert board.target.device in line
        assert ("bitstream board." in line) == board.built == (name in built()) == ("generated only" not in line)
        if board.built:
            assert f"{built()[name].design} was routed for {built()[name].routed:.1f} MHz" in line


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "NAME: is missing: hwsim board NAME CONFIG, or hwsim board --list"),
        (["ulx3s-85f"], "CONFIG: is missing"),
        (["ulx4s", "CONFIG"], "NAME = ulx4s: is not known; nearest: ulx3s-85f, "),
        (["ulx3s-85f", "CONFIG", "--clock", "101"], "--clock = 101.0: cannot be made of the board's 25 MHz; nearest: 100, "),
        (["ulx3s-85f", "CONFIG", "--clock", "-1"], "--clock = -1.0: must be a number of MHz above 0"),
        (["icebreaker", "CONFIG", "--baud", "5000000"], "--baud = 5000000: is more than 2 % off at 12 MHz, or a bit"),
        (["icebreaker", "CONFIG", "--baud", "1400000"], "--baud = 1400000: is more than 2 % off"),
        (["icebreaker", "CONFIG", "--seeds", "0"], "--seeds = 0: must be at least 1"),
        (["arty-a7-100t", "CONFIG", "--seeds", "2"], "--seeds = 2: means nothing for arty-a7-100t"),
        (["pynq-z2", "CONFIG", "--baud", "9600"], "--baud = 9600: means nothing on pynq-z2"),
        (["ulx3s-85f", "missing.yaml"], "missing.yaml: "),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_one_line(arguments, line, config, tmp_path, capsys):
    given = [config if a == "CONFIG" else a for a in arguments]
    _, told = made(capsys, *given, *(["--out", tmp_path / "out"] if given else []), code=2)
    assert len(told) == 1 and told[0].startswith(f"hwsim: {line}"), told
    assert not (tmp_path / "out").exists()


def test_a_baud_rate_that_was_named_as_near_is_legal(config, tmp_path, capsys):
    _, (line,) = made(capsys, "icebreaker", config, "--baud", 1_400_000, "--out", tmp_path / "out", code=2)
    for near in line.rpartition("nearest: ")[2].split(", "):
        _, (other,) = made(capsys, "icebreaker", config, "--baud", near, "--seeds", 0, "--out", tmp_path / "out", code=2)
        assert "--seeds" in other


def check_readme(text):
    """It says how to wire, load and train."""
    assert re.match(r"# \S+ on ULX3S with an LFE5U-85F\n", text)
    board = BOARDS["ulx3s-85f"]
    for name in board.lights:
        assert f"| light {name} | {board.pins[f'light_{name}'].site} | {MEANINGS[name]} |" in text
    for port in ("rx", "tx"):
        assert f"| {port} | {board.pins[port].site} | " in text
    for commands in board.flash.values():
        assert all(command in text for command in commands)
    assert "python -m hwsim.host.demo . --port /dev/ttyUSB0 --baud 3000000" in text
    assert "## Numbers" in text and "accelerator.v" in text  # the accelerator's own description


def check_samples(out, known):
    """They have the inputs that are kept and zeros behind them, and a person's script finds which these are."""
    samples, about = read_npz(out / "samples.npz"), json.loads((out / INPUTS).read_text())
    kept = about["inputs"]
    assert len(kept) == 13 and (about["data"], about["pool"], about["pad"]) == ("samples", 1, "end")
    assert samples["test_inputs"].tolist() == [[*row[kept], 0, 0, 0] for row in known["test_inputs"]]
    assert {*map(tuple, samples["train_inputs"].tolist())} == {
        (*row[kept].tolist(), 0, 0, 0) for row in known["train_inputs"]
    }
    assert len(samples["train_kappa"]) == len(samples["train_labels"])


def test_a_board_s_directory_is_complete(config, players, tmp_path, capsys):
    out = tmp_path / "out"
    told, _ = made(capsys, "ulx3s-85f", config, "--clock", 75, "--out", out, "--set", "data.select.count=13")
    assert (
        "hardware: interface serial, beat_bits 8, parameter_stream False, bit_clocks 25, whatever the configuration says"
        in told
    )
    assert players.calls == ["yosys", "nextpnr-ecp5", "ecppack"]
    listed = told.strip().splitlines()[-1].rpartition(": ")[2].split(", ")
    assert all((out / name).is_file() for name in listed)
    assert {"board.v", "board.lpf", "board.bit", "build.json", "driver.zip", "registers.json", "samples.npz"} < set(listed)
    assert INPUTS in listed
    assert (out / "board.bit").read_bytes() == b"bits"
    calls = (players.folder / "calls").read_text()
    assert "--85k --package CABGA381 --speed 6" in calls and "--lpf pins.txt" in calls and "--freq 75" in calls
    assert "ecppack --compress layout.txt bitstream" in calls
    hardware = config_file.load(out / CONFIG).hardware
    assert (hardware.interface, hardware.beat_bits, hardware.bit_clocks) == ("serial", 8, 25)
    known = figures(out / "build.json")
    assert known["board"] == {
        "name": "ulx3s-85f",
        "title": "ULX3S with an LFE5U-85F",
        "chip": BOARDS["ulx3s-85f"].target.device,
    }
    assert (known["clock"], known["asked_clock"], known["oscillator"], known["fmax"], known["seed"]) == (75, 75, 25, 80, 1)
    assert (known["baud"], known["bit_clocks"], known["bitstream_bytes"]) == (3_000_000, 25, 4)
    assert (
        25 * known["pll"]["CLKFB_DIV"] * known["pll"]["CLKOP_DIV"]
        == 75 * known["pll"]["CLKI_DIV"] * known["pll"]["CLKOS_DIV"]
    )
    assert known["tools"]["ecppack"] == "ecppack 1.0" and known["utilisation"]["MULT18X18D"]["used"] == 5
    check_samples(out, read_npz(tmp_path / "samples.npz"))
    check_readme((out / "README.md").read_text())
    # What it was made from makes the same again, and needs no tool.
    again, _ = made(capsys, "ulx3s-85f", out / CONFIG, "--clock", 75, "--out", tmp_path / "again")
    assert len(players.calls) == 3 and "known from an earlier run" in again
    for name in ("board.v", "accelerator.v", "board.bit", "board.lpf", "build.json", "README.md"):
        assert (out / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name


def test_a_clock_that_is_missed_is_exit_code_1_without_a_bitstream(config, players, tmp_path, capsys):
    players.by_seed("nextpnr-ecp5", [60.0, 90.0, 70.0])
    out = tmp_path / "out"
    told, (line,) = made(capsys, "ulx3s-85f", config, "--clock", 100, "--seeds", 3, "--out", out, code=1)
    assert line.startswith("hwsim: the design reaches 90.00 MHz, the best of 3 placements, on ulx3s-85f")
    assert "placer seeds 1 to 3: 60.00 to 90.00 MHz; the best is that above" in told
    assert not (out / "board.bit").exists() and (out / "board.v").is_file()
    known = figures(out / "build.json")
    assert (known["status"], known["fmax"], known["seed"], known["clock"]) == ("too slow", 90, 2, 100)


def test_seeds_are_tried_until_one_reaches_the_clock(config, players, tmp_path, capsys):
    players.by_seed("nextpnr-ecp5", [60.0, 110.0, 70.0])
    told, _ = made(capsys, "ulx3s-85f", config, "--clock", 100, "--seeds", 3, "--out", tmp_path / "out")
    assert players.calls == ["yosys", "nextpnr-ecp5", "nextpnr-ecp5", "ecppack"]
    known = figures(tmp_path / "out" / "build.json")
    assert (known["fmax"], known["seed"]) == (110, 2)
    assert "the bitstream has 4 bytes" in told


def test_another_run_is_replaced_only_by_force(config, players, tmp_path, capsys):
    out = tmp_path / "out"
    made(capsys, "ulx3s-85f", config, "--clock", 75, "--out", out)
    _, (line,) = made(capsys, "orangecrab-85f", config, "--clock", 72, "--out", out, code=2)
    assert "--force" in line and (out / "board.bit").is_file()
    made(capsys, "arty-a7-100t", config, "--out", out, "--force")
    assert not (out / "board.bit").exists() and not (out / "board.lpf").exists() and (out / "board.tcl").is_file()


def test_a_project_for_vivado(config, tmp_path, capsys):
    out = tmp_path / "out"
    told, _ = made(capsys, "arty-a7-100t", config, "--clock", 80, "--out", out)
    assert "generated only: Vivado makes the bitstream, board.tcl tells it how" in told
    script = (out / "board.tcl").read_text()
    for name in re.findall(r"\[file join \$here ([\w.]+)\]", script):
        assert (out / name).is_file(), name
    assert f"synth_design -top {TOP} -part xc7a100tcsg324-1" in script and "write_bitstream -force board.bit" in script
    top = (out / "board.v").read_text()
    assert "PLLE2_BASE" in top and "BUFG" in top
    ports = set(re.findall(r"^  (?:in|out)put (\w+)", top.partition("endmodule")[0], re.MULTILINE))
    assert ports == set(re.findall(r"PACKAGE_PIN.*get_ports (\w+)\]", (out / "board.xdc").read_text()))
    assert "vivado -mode batch -source board.tcl" in (out / "README.md").read_text()
    assert figures(out / "build.json")["bitstream_bytes"] is None


@pytest.mark.parametrize("name", [name for name, board in BOARDS.items() if not board.built])
def test_tcl_takes_the_script_of_a_board_that_is_only_generated(name, config, tmp_path, capsys):
    """All of it, with commands of Vivado's that only write down what they are given, and what Vivado would have made."""
    tcl, calls, out = pytest.importorskip("tkinter").Tcl(), [], tmp_path / "out"
    told, _ = made(capsys, name, config, "--out", out)
    assert all((out / name).is_file() for name in told.strip().splitlines()[-1].rpartition(": ")[2].split(", "))
    for path in ("impl_1/board_wrapper.bit", "sources_1/bd/board/hw_handoff/board.hwh"):
        kind = "runs" if path.startswith("impl_1") else "gen"
        (file := tmp_path / "vivado" / f"board.{kind}" / path).parent.mkdir(parents=True)
        file.write_text("made by Vivado")

    def note(*given):
        calls.append(given)
        return f"<{given[0]}>"

    tcl.createcommand("unknown", note)
    tcl.eval(f"source {{{out / 'board.tcl'}}}")
    read = {Path(given[-1]) for given in calls if given[0] in ("add_files", "read_verilog", "read_xdc")}
    assert out / "accelerator.v" in read and all(path.is_file() and path.parent == out for path in read)
    ends = [given[0] for given in calls if given[0] in ("write_bitstream", "launch_runs")]
    assert len(ends) == 1 and not any(given[0].startswith(("#", "}", "$")) for given in calls)
    if ends == ["launch_runs"]:
        assert all((tmp_path / f"board.{ending}").read_text() == "made by Vivado" for ending in ("bit", "hwh"))


def test_a_block_design_and_a_notebook_for_a_zynq(config, tmp_path, capsys):
    out = tmp_path / "out"
    told, _ = made(capsys, "pynq-z2", config, "--out", out)
    assert "hardware: interface axi, whatever the configuration says" in told
    assert config_file.load(out / CONFIG).hardware.interface == "axi"
    script = (out / "board.tcl").read_text()
    assert "create_project -force board vivado -part xc7z020clg400-1" in script
    top = re.search(r"module accelerator \((.*?)\);", (out / "accelerator.v").read_text(), re.DOTALL)[1]
    for interface in re.findall(r"accelerator/(s_axi|s_axis|m_axis|aclk|aresetn|interrupt)\b", script):
        assert re.search(rf"\b{interface}(_t?\w+)?,?$", top, re.MULTILINE), interface
    cells = set(re.findall(r"create_bd_cell .* (\w+)$", script, re.MULTILINE))
    used = {
        pin.split("/")[0]
        for pin in re.findall(r"\b\w+/\w+", "\n".join(row for row in script.splitlines() if row[:4] == "    "))
    }
    assert cells == {"processor", "reset", "accelerator", "axi_dma_0", "control", "memory"} == used & cells
    for cell in cells:
        assert re.search(rf"(?<!\w){cell}/\w+", script), cell
    book = json.loads((out / "board.ipynb").read_text())
    assert (book["nbformat"], book["cells"][0]["cell_type"]) == (4, "markdown")
    code = "\n".join("".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "code")
    called = [ast.unparse(node.func) for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    assert {"on_pynq", "Accelerator"} <= set(called)
    assert all(hasattr(Accelerator, name.split(".")[1]) for name in called if name.startswith("accelerator."))
    signature(on_pynq).bind("registers.json", 1, 2)
    base = re.search(r"-offset (0x\w+) -range (0x\w+) \[get_bd_addr_segs accelerator/", script)
    mover = re.search(r"-offset (0x\w+) -range 0x10000 \[get_bd_addr_segs axi_dma_0/", script)
    assert f"on_pynq('registers.json', {base[1]}, {mover[1]})" in code
    assert int(base[1], 16) + int(base[2], 16) <= int(mover[1], 16)
    bits = int(re.search(r"input \[(\d+):0\] s_axi_awaddr", top)[1]) + 1
    assert int(base[2], 16) >= 1 << bits


TINY = {
    "network.layers": [16, 4],
    "network.out_degree": [1],
    "hardware.z": [1],
    "hardware.build": "inference",
    "hardware.counters": "false",
    "numbers.width": 6,
    "numbers.fraction": 3,
}
"""One multiplier: what a board has around the network is the greater part of what is placed."""
WITH_PLL = {name: 18 if board.target.family.name == "ice40" else 30 for name, board in BOARDS.items() if board.built}
"""MHz that no board's oscillator has."""


@pytest.fixture(scope="module")
def netlists():
    """What Yosys has left, by what it was given."""
    return {}


@pytest.fixture
def one_netlist(netlists, monkeypatch):
    """Boards that differ in their chip alone are placed from one netlist: Yosys is given the same text of them."""
    as_it_was = flow.run

    def run(tool, arguments, folder, deadline):
        if tool.name != "yosys":
            return as_it_was(tool, arguments, folder, deadline)
        given = (*arguments, *((folder / name).read_text() for name in ("synthesis.ys", "accelerator.v", "board.v")))
        if given not in netlists:
            code, _ = as_it_was(tool, arguments, folder, deadline)
            assert code == 0
            netlists[given] = {name: (folder / name).read_bytes() for name in ("stat.json", "netlist.json")}
        for name, left in netlists[given].items():
            (folder / name).write_bytes(left)
        return 0, 0.0

    monkeypatch.setattr(flow, "run", run)


# The ULX3S is built in full by the measurement, which test_docs_boards.py keeps to the design of today.
@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in WITH_PLL if name != "ulx3s-85f"])
def test_every_board_that_claims_a_bitstream_gets_one(name, config, one_netlist, tmp_path, capsys):
    """The real tools, a network that predicts; the placer works out the clock behind the PLL itself, and aims at it."""
    board, clock, out = BOARDS[name], WITH_PLL[name], tmp_path / "out"
    small = [word for key, value in TINY.items() for word in ("--set", f"{key}={value}")]
    told, _ = made(capsys, name, config, "--clock", clock, *small, "--out", out)
    listed = told.strip().splitlines()[-1].rpartition(": ")[2].split(", ")
    bitstream = f"board.{board.target.family.extension}"
    assert {bitstream, "build.json", "registers.json", "driver.zip", "samples.npz", "README.md"} < set(listed)
    assert all((out / name).is_file() for name in listed)
    known = figures(out / "build.json")
    assert (known["board"]["name"], known["board"]["chip"]) == (name, board.target.device)
    assert known["status"] == "good" and known["fmax"] >= known["clock"] == clock
    assert known["pll"] and known["seed"] == 1
    data, (least, most) = (out / bitstream).read_bytes(), SIZES[board.target.family.name]
    assert least < len(data) == known["bitstream_bytes"] < most
    assert CALLS[board.target.device.split(",")[0]] in data[:200]
    report = json.loads((out / "synthesis" / "report.json").read_text())
    aimed = [found["constraint"] for net, found in report["fmax"].items() if "GND" not in net]
    assert aimed == [pytest.approx(clock, rel=1e-3)]
    assert report["utilization"]["EHXPLLL" if "ecp5" in board.target.family.name else "ICESTORM_PLL"]["used"] == 1
    registers = json.loads((out / "registers.json").read_text())
    assert registers["interface_kind"] == "serial" and registers["facts"]["layers"] == [16, 4]
    hardware = config_file.load(out / CONFIG).hardware
    assert hardware.bit_clocks == known["bit_clocks"] == round(clock * 1e6 / board.baud)
    for commands in board.flash.values():
        assert any(bitstream in command for command in commands)


SIZES = {"ecp5": (50_000, 600_000), "ice40": (100_000, 110_000)}
"""Bytes of a bitstream: compressed, and most of the chip empty; or always of the whole chip."""
CALLS = {
    "LFE5U-25F": bytes.fromhex("ffffbdb3 ffffffff 3b000000 e2000000 41111043"),
    "LFE5U-45F": bytes.fromhex("ffffbdb3 ffffffff 3b000000 e2000000 41112043"),
    "LFE5U-85F": bytes.fromhex("ffffbdb3 ffffffff 3b000000 e2000000 41113043"),
    "iCE40UP5K": bytes.fromhex("7eaa997e"),
}
"""How a bitstream begins that a chip takes: preamble, and its own identity where there is one (FPGA-TN-02039)."""
