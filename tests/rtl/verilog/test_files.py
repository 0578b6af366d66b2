"""What ``hwsim verilog`` leaves: files that agree with each other, with the parameters and with the circuit."""

import json
import re

import numpy as np
import pytest
import yaml

from hwsim.configuration import config_file
from hwsim.results import directory
from models.connectivity.files import read_connectivity
from rtl.interfaced import Interfaced
from rtl.ports.register_map import AddressMap
from rtl.verilog import files
from rtl.verilog.description import description
from rtl.verilog.emission import TOP, Verilog
from rtl.verilog.fusesoc import core
from rtl.verilog.names import names
from tests.rtl import toolchain
from tests.rtl.cosim.driving import verilog
from tests.rtl.designs import design

verilator = toolchain.verilator


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return toolchain.delivered(verilog("two_junctions"), tmp_path_factory.mktemp("delivered") / "d")


def test_the_files(folder):
    of = design("two_junctions")
    expected = "accelerator.v accelerator.core lint.vlt names.json README.md config.yaml connectivity.npz initial.npz "
    expected += (
        "registers.rdl registers.svd registers.h registers.json vivado.tcl accelerator.xdc quartus.tcl accelerator.sdc "
    )
    expected += "weights_1.mem weights_2.mem biases_1.mem biases_2.mem "
    expected += "testbench.v testbench_samples.mem testbench_results.mem testbench_words.mem"
    assert sorted(p.name for p in folder.iterdir()) == sorted(expected.split())
    # Whoever takes the directory for another run must know them all.
    assert [name for name in expected.split() if not directory._is_ours(name)] == ["config.yaml"]
    assert (folder / "accelerator.v").read_text() == verilog("two_junctions").text
    assert config_file.fingerprint(config_file.load(folder / "config.yaml")) == config_file.fingerprint(of.config)
    drawn = read_connectivity(folder / "connectivity.npz", of.config.network.layers)
    assert [p.left.tolist() for p in drawn] == [p.left.tolist() for p in of.design.patterns]


@pytest.mark.parametrize("name", ["two_junctions", "mixed_formats", "full"])
def test_memory_contents_are_the_initial_parameters(name):
    of = design(name)
    held = files.contents(of)
    assert len(held) == 2 * len(of.junctions)
    initial = of.design.initial_integers
    for j, weights, biases in zip(of.junctions, initial.weights, initial.biases, strict=True):
        for kind, values, lanes, fmt in (
            ("weights", weights, j.z, of.numbers.weight),
            ("biases", biases, j.results_per_clock, of.numbers.bias),
        ):
            lines = held[f"{kind}_{j.number}.mem"].splitlines()
            words = [int(line, 16) >> (k * fmt.width) & ((1 << fmt.width) - 1) for line in lines for k in range(lanes)]
            assert [w - (w >> (fmt.width - 1) << fmt.width) for w in words] == values.tolist()
            assert {len(line) for line in lines} == {-(-lanes * fmt.width // 4)}


PROBE = """
module probe;
  accelerator dut ();
  initial begin
{lines}
  end
endmodule
"""


@pytest.mark.parametrize(
    "name", ["two_junctions", *(pytest.param(n, marks=pytest.mark.slow) for n in ("overlap_three", "inference", "depth_1"))]
)
def test_every_name_is_a_signal_of_the_verilog(name, tmp_path):
    """Icarus finds each path in the hierarchy, as wide as it should be."""
    emitted = verilog(name)
    known = names(emitted)["signals"]
    assert len(known) > 10 * len(emitted.accelerator.junctions)
    assert not [s for s in known.values() if any("$" in part for part in s["path"])]
    paths = ["dut." + ".".join(s["path"][1:]) for s in known.values()]
    (tmp_path / "a.v").write_text(emitted.text)
    (tmp_path / "probe.v").write_text(PROBE.format(lines="\n".join(f"    $display($bits({p}));" for p in paths)))
    toolchain.run("iverilog", "-g2012", "-s", "probe", "-o", "p.vvp", "a.v", "probe.v", folder=tmp_path)
    widths = toolchain.run("vvp", "p.vvp", folder=tmp_path).split()
    assert list(map(int, widths)) == [s["bits"] for s in known.values()]


def test_ports_and_addresses_of_the_names_file(folder):
    known, of = json.loads((folder / "names.json").read_text()), design("two_junctions")
    header = re.search(rf"^module {TOP} \(.*\n((?:  .*\n)+)\);", (folder / "accelerator.v").read_text(), re.MULTILINE)
    assert header is not None and set(re.findall(r"(\w+),?$", header[1], re.MULTILINE)) == set(known["ports"])
    for stream in ("samples__payload", "results__payload"):
        spans = sorted((f["offset"], f["offset"] + f["bits"]) for f in known[stream].values())
        assert spans[0][0] == 0 and spans[-1][1] == known["ports"][stream]["bits"]
        assert [end for _, end in spans[:-1]] == [begin for begin, _ in spans[1:]]
    where = AddressMap.of(of)
    assert known["memories"]["weights of junction 2"]["base"] == where.weights[1].base
    assert known["registers"]["SATURATED_BIAS_2"] == 16 + 4 + 3
    errors = ("ERRORS", "ILLEGAL_KAPPAS", "ILLEGAL_LABELS", "REFUSED_VALUES")
    assert [known["registers"][name] for name in errors] == [8, 9, 10, 11]
    facts = range(16 + 4 * len(of.junctions), 16 + 4 * len(of.junctions) + 7 + 3 * len(of.junctions))
    assert set(known["registers"].values()) == {*range(6), *range(8, 16), *range(16, 16 + 4 * len(of.junctions)), *facts}
    assert known["configuration"] == config_file.fingerprint(of.config)


def test_the_core_names_files_that_are_there(folder):
    head, _, body = (folder / "accelerator.core").read_text().partition("\n")
    core = yaml.safe_load(body)
    assert head == "CAPI=2:" and re.fullmatch(r"\w+:\w+:\w+:\d+\.\d+\.\d+", core["name"])
    named = [next(iter(f)) if isinstance(f, dict) else f for s in core["filesets"].values() for f in s["files"]]
    assert named and all((folder / name).is_file() for name in named)
    for target in core["targets"].values():
        assert target["toplevel"] in (TOP, f"{TOP}_bench") and set(target["filesets"]) <= set(core["filesets"])


def test_names_of_configurations_become_names_of_cores():
    of = design("one_junction")
    odd = type(of)(type(of.design)(of.config.model_copy(update={"name": "a-b.c"})), of.junctions, of.timing, of.hops)
    assert "name: hwsim:accelerators:a_b_c:1.0.0" in core(odd)


@pytest.mark.slow
def test_every_waiver_is_needed(verilator, tmp_path):
    """Some design gives each warning; none gives any other."""
    found = set()
    emitted = {name: verilog(name) for name in ("two_junctions", "inference", "short_beat", "overlap")}
    for interface in ("axi", "wishbone"):
        emitted[interface] = Verilog.of(Interfaced(design("short_beat", interface=interface)))
    for name, of in emitted.items():
        found |= set(verilator(toolchain.delivered(of, tmp_path / name), "accelerator.v"))
    groups = {"WIDTHEXPAND": "WIDTH", "WIDTHTRUNC": "WIDTH"}  # of newer ones
    assert {groups.get(rule, rule) for rule in found} == set(files.LINT_WAIVERS)
    assert all(reason for reason in files.LINT_WAIVERS.values())


def test_what_the_description_says_of_the_design(folder):
    text, of = (folder / "README.md").read_text(), design("two_junctions")
    assert f"The top one is `{TOP}`" in text and all(a in text for a in ("`ram_style`", "`syn_ramstyle`", "`ramstyle`"))
    assert f"One sample enters every **{of.period} clocks**" in text
    assert f"Multipliers: {of.multipliers['edges']} for edges, {of.multipliers['derivatives']} for derivatives" in text
    for name, address in (("ERRORS", 8), ("ILLEGAL_KAPPAS", 9), ("ILLEGAL_LABELS", 10), ("REFUSED_VALUES", 11)):
        assert f"| {name} | {address} |" in text and text.count(name) > 1
    assert "A sample with `train` set whose `kappa` is out of range" in text and "is not in 0..3 is fed forward only" in text
    assert (
        f"Weights are {of.numbers.weight} and biases {of.numbers.bias}" in text and "RATE 3..5 with or without bit 8" in text
    )
    assert "`label`, `kappa` and `train` may be anything" in description(verilog("inference"))
    assert np.all([f"`{name}`" in text for name in verilog("two_junctions").ports])


def test_waivers_are_known_to_the_verilator_of_debian_12(folder):
    """5.006 stops at a rule that it does not know; it was tried with each of these, which newer ones know, too."""
    known = {"DECLFILENAME", "SYMRSVDWORD", "UNOPTFLAT", "UNUSEDSIGNAL", "WIDTH"}
    named = re.findall(r"^lint_off -rule (\w+)", (folder / "lint.vlt").read_text(), re.MULTILINE)
    assert named and set(named) <= known
    assert not re.search(r"^ *reg .* = ", (folder / "accelerator.v").read_text(), re.MULTILINE)  # PROCASSINIT of newer ones
