"""The generated Verilog: the same bytes every time, plain Verilog, and other tools agree that it is clean."""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rtl.verilog.emission import TOP
from tests.rtl import toolchain
from tests.rtl.cosim.driving import generate, verilog
from tests.rtl.designs import design, planned
from tests.rtl.verilog.test_readable import text

SMALL = {"numbers": {"width": 6, "fraction": 4, "input": {"width": 4, "fraction": 4, "signed": False}}}
MODULE = re.compile(r"^module (\w+) \(", re.MULTILINE)
INSTANCE = re.compile(r"^  (\w+) \w+ \(", re.MULTILINE)

verilator = toolchain.verilator


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.slow
def test_the_same_configuration_gives_the_same_bytes():
    assert generate(design("one_junction")).text == verilog("one_junction").text
    assert generate(design("one_junction", seed=1)).text != verilog("one_junction").text


def test_the_same_bytes_in_a_process_that_hashes_otherwise():
    code = "from tests.rtl.cosim.driving import verilog; from tests.rtl.verilog.test_emission import digest; "
    code += "import sys; sys.stdout.write(digest(verilog('one_junction').text))"
    environment = os.environ | {"PYTHONHASHSEED": "12345", "PYTHONWARNINGS": "ignore"}
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout == digest(verilog("one_junction").text)


@pytest.mark.parametrize("name", ["two_junctions", pytest.param("type_3_dither", marks=pytest.mark.slow)])
def test_every_instance_is_of_a_module_of_the_design(name):
    text = verilog(name).text
    modules, instances = MODULE.findall(text), INSTANCE.findall(text)
    assert len(modules) == len(set(modules)) > 20 and modules[0] == TOP
    assert set(instances) == set(modules) - {TOP} and len(instances) > len(modules)


@pytest.mark.parametrize(
    "name", ["two_junctions", *(pytest.param(n, marks=pytest.mark.slow) for n in ("overlap", "inference"))]
)
def test_icarus_has_nothing_to_say(name, tmp_path):
    (tmp_path / "a.v").write_text(verilog(name).text)
    assert toolchain.run("iverilog", "-Wall", "-g2012", "-s", TOP, "-o", "a.vvp", "a.v", folder=tmp_path) == ""
    assert toolchain.run("iverilog", "-Wall", "-g2005", "-s", TOP, "-o", "a.vvp", "a.v", folder=tmp_path) == ""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["two_junctions", "quadratic", "inference"])
def test_yosys_finds_no_fault_and_as_many_multipliers_as_planned(name, tmp_path):
    emitted = verilog(name)
    (tmp_path / "a.v").write_text(emitted.text)
    # Flat: a module may be at several places. Selectors that scale an index are no multipliers: peepopt sees through them.
    passes = f"hierarchy -check -top {TOP}; proc; check -assert; flatten; opt; wreduce; peepopt; opt; check -assert"
    # All designs have the same constructs: slang is shown one of them.
    slang = [f"read_slang --threads 1 --top {TOP} a.v"] if name == "two_junctions" else []
    for read in ("read_verilog a.v", *slang):
        told = toolchain.yosys(f"{read}; {passes}; tee -o told select -count t:$mul", tmp_path)
        assert int(told.split()[0]) == sum(emitted.accelerator.plan.multipliers.values())


@pytest.mark.parametrize("name", ["two_junctions", *(pytest.param(n, marks=pytest.mark.slow) for n in ("overlap", "demo"))])
def test_slang_has_nothing_to_say(name, tmp_path):
    """But that of a shift that selects from a table the upper bits are cut off, as Verilator says, too."""
    (tmp_path / "a.v").write_text(text(name))
    toolchain.slang(tmp_path / "a.v", "-Wextra", "-Wpedantic", "-Werror", "-Wno-width-trunc")


@pytest.mark.slow
def test_shallow_memories_become_lut_ram_and_deep_ones_block_ram(tmp_path):
    counts = {}
    for kind, depth in (("shallow", 64), ("deep", 4)):
        text = generate(planned([16, 8, 4], [2, 2], [4, 4], lut_ram_depth=depth, **SMALL)).text
        (tmp_path / "a.v").write_text(text)
        script = "read_verilog a.v; synth_xilinx -flatten -noiopad -nodsp -run begin:map_ffram; tee -o told stat"
        cells = {name: int(n) for n, name in re.findall(r"(\d+)\s+(RAM\w+)", toolchain.yosys(script, tmp_path))}
        counts[kind] = cells, text.count('ram_style = "block"')
    cells, blocks = counts["shallow"]
    assert blocks == 0 and set(cells) <= {"RAM32M", "RAM64M", "RAM32X1D", "RAM64X1D"} and sum(cells.values()) > 20
    cells, blocks = counts["deep"]
    assert blocks > 10 and cells["RAMB18E1"] == blocks and cells["RAM32M"] > 0


@pytest.mark.parametrize(
    "name", ["two_junctions", *(pytest.param(n, marks=pytest.mark.slow) for n in ("overlap", "inference", "short_beat"))]
)
def test_verilators_linter_is_silent_with_the_waivers(name, verilator, tmp_path):
    folder = toolchain.delivered(verilog(name), tmp_path / "d")
    assert verilator(folder, "lint.vlt", "accelerator.v") == []
    assert verilator(folder, "accelerator.v") != []
