"""The FuseSoC core beside a design: FuseSoC lints, simulates and synthesizes with it."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rtl.cosim.simulators import runner
from rtl.verilog.emission import BENCH_RESULTS, SOURCE, Verilog
from rtl.verilog.generate import component
from tests.rtl import toolchain
from tests.rtl.designs import planned

pytest.importorskip("fusesoc")
pytest.importorskip("pyosys")
pytest.importorskip("tkinter")
from tests.rtl.verilog import yosys_with_tcl  # needs tkinter

pytestmark = pytest.mark.slow

FUSESOC = "from fusesoc.main import main; main()"
NUMBERS = {"width": 6, "fraction": 3, "rounding": "floor", "product_fraction": 4}
NAME = "hwsim:accelerators:small:1.0.0"


def delivered(interface: str, to: Path) -> Path:
    """One of the smallest designs that there are: a sample is one word."""
    of = planned([4, 2], [1], [1], numbers=NUMBERS, build="inference", interface=interface, module="tiny")
    return toolchain.delivered(Verilog.of(component(of)), to)


@pytest.fixture(scope="module", params=["native", "axi"])
def folder(request, tmp_path_factory):
    return delivered(request.param, tmp_path_factory.mktemp("delivered") / "d")


@pytest.fixture
def fusesoc(tmp_path, monkeypatch):
    """Runs a target of a core: whether that succeeds, what is said, and the folder in which it was done."""
    for name in ("PATH", "MAKEFLAGS", "VERILATOR_ROOT"):  # put back afterwards
        monkeypatch.setenv(name, os.environ.get(name, ""))
    monkeypatch.delenv("VERILATOR_ROOT")
    runner("verilator")
    tools = tmp_path / "bin"
    tools.mkdir()
    yosys = tools / "yosys"
    yosys.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(yosys_with_tcl.__file__)} "$@"\n')
    yosys.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    environment |= {
        f"XDG_{name}_HOME": str(tmp_path / name) for name in ("CONFIG", "DATA", "CACHE")
    }  # no cores from elsewhere

    def run(folder: Path, target: str) -> tuple[bool, str, Path]:
        work = tmp_path / "work" / target
        command = [
            sys.executable,
            "-c",
            FUSESOC,
            "--cores-root",
            folder,
            "run",
            "--target",
            target,
            "--work-root",
            work,
            NAME,
        ]
        done = subprocess.run(list(map(str, command)), cwd=tmp_path, env=environment, capture_output=True, text=True)
        return done.returncode == 0, done.stdout + done.stderr, work

    return run


def changed(folder: Path, name: str, old: str, new: str, to: Path) -> Path:
    """A copy of a delivered design, with something in one file that is different."""
    shutil.copytree(folder, to)
    text = (to / name).read_text()
    assert old in text
    (to / name).write_text(text.replace(old, new, 1))
    return to


def test_lint_has_nothing_to_say(folder, fusesoc):
    fine, said, _ = fusesoc(folder, "lint")
    assert fine and "%Warning" not in said and "%Error" not in said, said
    assert "verilator -f " in said, said


@pytest.mark.parametrize("interface", ["wishbone", "serial"])
def test_lint_has_nothing_to_say_of_other_ports(fusesoc, tmp_path, interface):
    test_lint_has_nothing_to_say(delivered(interface, tmp_path / "d"), fusesoc)


@pytest.mark.parametrize(
    ("planted", "rule"),
    [("  assign nowhere = 1'b1;", "IMPLICIT"), ("  reg held, some; always @* if (some) held = 1'b1;", "LATCH")],
)
def test_lint_fails_on_what_is_wrong(folder, fusesoc, tmp_path, planted, rule):
    wrong = changed(folder, SOURCE, "\nendmodule", f"\n{planted}\nendmodule", tmp_path / "wrong")
    fine, said, _ = fusesoc(wrong, "lint")
    assert not fine and f"%Warning-{rule}" in said, said


def test_the_test_bench_passes(folder, fusesoc):
    fine, said, _ = fusesoc(folder, "sim")
    assert fine and "\nPASS: " in said and "FAIL" not in said, said


def test_the_test_bench_notices_another_result(folder, fusesoc, tmp_path):
    first = (folder / BENCH_RESULTS).read_text().splitlines()[0]
    wrong = changed(folder, BENCH_RESULTS, first, f"{first[:-1]}{int(first[-1], 16) ^ 1:x}", tmp_path / "wrong")
    _, said, _ = fusesoc(wrong, "sim")
    assert "\nFAIL: " in said and "PASS" not in said, said


def test_synthesis_leaves_a_netlist_of_the_top_module(folder, fusesoc):
    fine, said, work = fusesoc(folder, "synth")
    assert fine, said
    (netlist,) = work.glob("*.json")
    modules = json.loads(netlist.read_text())["modules"]
    ports = {name: [port["direction"], len(port["bits"])] for name, port in modules["tiny"]["ports"].items()}
    known = json.loads((folder / "names.json").read_text())["ports"]
    assert ports == {name: [port["direction"], port["bits"]] for name, port in known.items()}
    cells = {cell["type"] for cell in modules["tiny"]["cells"].values()} - {"$scopeinfo"}
    assert cells >= {"TRELLIS_FF", "LUT4"} and not [name for name in cells if name.startswith("$")]
