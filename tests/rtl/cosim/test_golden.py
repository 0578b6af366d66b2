"""The test bench in plain Verilog: it passes on every design, needs nothing of Python, and fails where anything is wrong."""

import os
import re
import shutil
from dataclasses import replace

import pytest

from hwsim.design import Design
from rtl.cosim import golden
from rtl.cosim.simulators import runner
from rtl.plan.plan import Plan
from rtl.verilog.emission import BENCH, SOURCE
from tests.rtl import toolchain
from tests.rtl.cosim.driving import generate, short_verilog, verilog
from tests.rtl.cosim.faults import FAULTS
from tests.rtl.designs import design, shortened

FAST = ("two_junctions", "inference")
SLOW = (
    *("one_junction", "four_junctions", "type_3", "full", "one_row", "short_beat", "deepest", "combinational"),
    *("overlap_three", "accumulate_3", "mixed_formats", "straddling_groups", "clashing_straddling", "one_lane"),
    "straddling_ends",
)
"""For the bench each of the others is like one of these: in beats, widths, latencies, junction cycles."""
SHOWN = ("wrong_seed", "swapped_lanes", "off_by_one_bank", "stale_derivative_bank", "late_write")
"""Faults that random samples show, whatever their numbers are."""


def icarus(folder):
    if shutil.which("iverilog") is None:
        pytest.skip("needs Icarus Verilog")
    toolchain.run("iverilog", "-g2005", "-o", "bench", BENCH, SOURCE, folder=folder)
    return toolchain.run("vvp", "-n", "bench", folder=folder)


@pytest.mark.parametrize("name", [*FAST, *(pytest.param(n, marks=pytest.mark.slow) for n in SLOW)])
def test_every_design_passes(name, tmp_path):
    of, emitted = (design(name), verilog(name)) if name in FAST else (shortened(name), short_verilog(name))
    told = icarus(toolchain.delivered(emitted, tmp_path / "d"))
    words = sum(j.pattern.n_edges + j.n_right for j in of.junctions) + 2
    beats = golden.SAMPLES * of.junctions[-1].groups
    assert f"PASS: {beats} beats of results and {words} words as the model has them\n" in told and "FAIL" not in told


@pytest.mark.parametrize("name", SHOWN)
def test_a_fault_fails(name, tmp_path, monkeypatch):
    FAULTS[name].apply(monkeypatch)
    told = icarus(toolchain.delivered(generate(design("two_junctions")), tmp_path / "d"))
    count = re.search(r"^FAIL: (\d+) differences$", told, re.MULTILINE)
    assert count is not None and "PASS" not in told
    assert len(re.findall(r"^(?:beat|address) ", told, re.MULTILINE)) == int(count[1]) > 0


@pytest.mark.parametrize(
    ("port", "value", "shows"),
    [
        ("results__valid", "1'b0", r"FAIL: after \d+ clocks 0 of 96 beats of results have come"),
        ("results__payload", "{width}'bx", r"FAIL: \d+ differences"),
        ("bus__error", "1'b1", r"address 000: refused"),
        ("bus__done", "1'bx", r"FAIL: after \d+ clocks"),
        ("samples__ready", "1'b0", r"beat \d+ of the results .*\n(?:.*\n)*FAIL: "),  # one beat again and again
    ],
)
def test_ports_that_never_answer_or_are_undefined_fail(port, value, shows, tmp_path):
    whole = verilog("two_junctions")
    width = whole.ports[port][1]
    folder = toolchain.delivered(whole, tmp_path / "d")
    bench = (folder / BENCH).read_text()
    at = f".{port}({port})"
    assert at in bench
    bits = "" if width == 1 else f"[{width - 1}:0] "
    text = bench.replace(at, f".{port}()").replace(f" {port},", " ").replace(f", {port}", "")
    text = re.sub(rf"^  wire (?:\[\d+:0\] )?{port};\n", "", text, flags=re.MULTILINE)
    text = text.replace("  reg bus__request", f"  wire {bits}{port} = {value.format(width=width)};\n  reg bus__request", 1)
    (folder / BENCH).write_text(text)
    told = icarus(folder)
    assert re.search(shows, told), told
    assert "PASS" not in told


def test_the_order_of_the_reference_changes_no_accelerator(tmp_path):
    """Hardware works pipelined, whatever the reference does, samples one after the other in batches included."""
    whole, told = verilog("two_junctions"), []
    for update in ({}, {"order": "sequential"}, {"order": "sequential", "engine": "float", "batch_size": 4}):
        config = design("two_junctions").config
        other = Design(config.model_copy(update={"training": config.training.model_copy(update=update)}))
        emitted = generate(Plan.of(other))
        assert emitted.text == whole.text
        told.append(icarus(toolchain.delivered(emitted, tmp_path / str(len(told)))))
    assert "PASS" in told[0] and told == [told[0]] * 3


def test_other_vectors_fail(tmp_path):
    """A beat of the samples, one bit of a beat of the results or of a word changed."""
    folder = toolchain.delivered(verilog("two_junctions"), tmp_path / "d")
    for name, line, bits in (("samples", 2, 0xFF), ("results", 5, 1), ("words", 0, 1), ("words", 40, 1)):
        file = folder / f"testbench_{name}.mem"
        whole = file.read_text()
        lines = whole.splitlines()
        lines[line] = f"{int(lines[line], 16) ^ bits:0{len(lines[line])}x}"
        file.write_text("\n".join(lines) + "\n")
        assert "FAIL" in icarus(folder), name
        file.write_text(whole)
    assert "PASS" in icarus(folder)


@pytest.mark.slow
def test_another_simulator_passes(tmp_path, monkeypatch):
    """Verilator, with the clock of the bench."""
    for name in ("PATH", "MAKEFLAGS", "VERILATOR_ROOT"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    monkeypatch.delenv("VERILATOR_ROOT")
    runner("verilator")
    folder = toolchain.delivered(verilog("two_junctions"), tmp_path / "d")
    made = (
        "--binary",
        "--timing",
        "-Wno-fatal",
        "-Wno-lint",
        "-CFLAGS",
        "-std=c++20",
        "--top",
        "accelerator_bench",
        BENCH,
        SOURCE,
    )
    toolchain.run("verilator", *made, folder=folder)
    assert "PASS: 96 beats" in toolchain.run(folder / "obj_dir" / "Vaccelerator_bench", folder=folder)


def test_the_vectors_are_those_of_the_seed():
    of = design("two_junctions")
    first, again = (golden.golden(of, golden.drawn(of)) for _ in range(2))
    assert (first.samples == again.samples).all() and (first.word == again.word).all()
    other = replace(of, design=type(of.design)(of.config.model_copy(update={"seed": of.config.seed + 1})))
    assert (golden.drawn(other).input != golden.drawn(of).input).any()
