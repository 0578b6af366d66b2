"""Two accelerators in one system on a chip: nothing of one is taken for something of the other."""

import re

import pytest

from hwsim import load
from hwsim.configuration.identifiers import RESERVED, as_identifier, is_identifier
from models.errors import InputError
from rtl.cosim.cosimulation import Asked, exercise
from rtl.verilog.generate import generate
from rtl.verilog.names import names
from tests.rtl import toolchain
from tests.rtl.cosim.driving import verilog
from tests.rtl.designs import design

verilator = toolchain.verilator

SOC = """
module soc (input clk, input rst, output [1:0] ready);
  first a (.clk(clk), .rst(rst), .samples__ready(ready[0]));
  second b (.clk(clk), .rst(rst), .samples__ready(ready[1]));
endmodule
"""


def modules(text: str) -> set[str]:
    return set(re.findall(r"^module (\w+)", text, re.MULTILINE))


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Two designs that have much in common, side by side."""
    folder = tmp_path_factory.mktemp("soc")
    made = {}
    for name, of in (("first", "one_junction"), ("second", "inference")):
        made[name] = generate(design(of, module=name).design)
        (folder / f"{name}.v").write_text(made[name].text)
    (folder / "soc.v").write_text(SOC)
    return folder, made


def test_all_modules_begin_with_the_name_of_the_top_module(both):
    _, made = both
    found = {name: modules(emitted.text) for name, emitted in made.items()}
    for name, of in found.items():
        assert len(of) > 10 and all(module == name or module.startswith(f"{name}_") for module in of)
        assert made[name].top == name and {s["path"][0] for s in names(made[name])["signals"].values()} == {name}
    assert not found["first"] & found["second"]


def test_the_name_changes_names_only():
    other = generate(design("one_junction", module="other").design).text
    assert other.replace("other", "accelerator") == verilog("one_junction").text


def test_icarus_and_verilator_elaborate_two_designs_together(both, verilator):
    folder, _ = both
    sources = ["soc.v", "first.v", "second.v"]
    arguments = ["-g2005", "-s", "soc", "-o", "soc.vvp"]
    assert toolchain.run("iverilog", *arguments, *sources, folder=folder) == ""
    told = toolchain.run("verilator", "--lint-only", "-Wno-fatal", "--top", "soc", *sources, folder=folder)
    assert "%Error" not in told and "MODDUP" not in told


def test_one_name_for_both_would_not_do(both):
    folder, _ = both
    (folder / "again.v").write_text((folder / "first.v").read_text())
    with pytest.raises(AssertionError, match="already"):
        toolchain.run("iverilog", "-g2005", "-s", "soc", "-o", "soc.vvp", "soc.v", "first.v", "again.v", folder=folder)


@pytest.mark.slow
@pytest.mark.parametrize("simulator", ["icarus", "verilator"])
def test_a_design_by_another_name_is_simulated(simulator, tmp_path):
    made = exercise(generate(design("one_junction", module="other").design), simulator, tmp_path, Asked(("late",)))
    assert made.outcome.mismatch is None and made.outcome.results > 0


@pytest.mark.parametrize("name", ["module", "1st", "a-b", "a b", "", "x" * 64, "größe", "_a", "a$b", "a.b", "output"])
def test_a_name_that_is_none(name):
    assert not is_identifier(name) and is_identifier(as_identifier(name))
    with pytest.raises(InputError, match=r"^hardware\.module = .*: must be an identifier of Verilog.*; nearest: \w+$"):
        load("sim_configs/demo.yaml", {"hardware.module": name})


def test_names_that_are_some():
    assert all(map(is_identifier, ("accelerator", "A1", "a_b", "x" * 63)))
    assert {"module", "always_ff", "wire", "logic", "endmodule"} <= RESERVED and "accelerator" not in RESERVED
