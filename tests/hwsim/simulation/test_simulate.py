"""``hwsim simulate``, ``hwsim diff`` and the machine as a training engine, from the command line."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwsim.commands import app as cli
from hwsim.schedule.banks import Banks
from models.network.order import Hops

CONFIG = """
name: tiny
network: {layers: [64, 16, 10], out_degree: [4, 5]}
hardware: {z: [16, 8]}
numbers: {width: 10, fraction: 6, input: {width: 8, fraction: 8, signed: false}}
training: {epochs: 2, samples: 60, rate_shift: [[0, 2]]}
data: {name: images.npz}
"""


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(3)
    arrays = {}
    for split, n in (("train", 80), ("test", 30)):
        arrays[f"{split}_inputs"] = rng.integers(0, 256, (n, 64), dtype=np.uint8)
        arrays[f"{split}_labels"] = np.arange(n) % 10
    np.savez("images.npz", **arrays)
    Path("tiny.yaml").write_text(CONFIG)
    return "tiny.yaml"


def run(*arguments):
    return cli.run(list(map(str, arguments)))


def test_simulation_leaves_the_reference_integers_figures_and_pictures(config, capsys):
    assert run("simulate", config, "--epochs", 2, "--out", "a", "--trace", "30:60") == 0
    assert "equals the reference's, integer by integer" in capsys.readouterr().out
    assert run("train", config, "--out", "b", "-q") == 0
    assert Path("a/final.npz").read_bytes() == Path("b/final.npz").read_bytes()
    metrics = json.loads(Path("a/metrics.json").read_text())
    assert metrics["clocks_per_input"]["value"] == 18
    assert metrics["equals_reference"]["value"] is True
    assert metrics["clocks"]["value"] == 18 * (1 + 120 + 1 + 3)  # load, samples, standstill, drain
    # 120 updates of C = 16 clocks; every row read and written once in each.
    assert metrics["memory_use"]["value"]["weights of junction 1"] == [120 * 16 / 2250] * 2
    assert metrics["memory_use"]["value"]["activations of layer 0"] == [2 * 120 * 16 / 2250, 120 * 4 / 2250]
    assert sum(m["bits"] for m in metrics["memories"]["value"]) == metrics["storage"]["value"]
    for name in ("timeline.png", "occupancy.png", "utilisation.png", "trace.jsonl", "trace.vcd", "config.yaml"):
        assert Path("a", name).stat().st_size > 500


def figures_of(directory):
    return {
        k: f["value"]
        for k, f in json.loads(Path(directory, "metrics.json").read_text()).items()
        if isinstance(f, dict) and "value" in f
    }


@pytest.mark.parametrize("schedule", ["flush", "overlap"])
def test_disturbances_cost_clocks_and_nothing_else(config, capsys, schedule):
    """Late inputs and a blocked output on top of samples for inference: the same reference, more clocks."""
    choice = (
        "--epochs",
        2,
        "--set",
        f"hardware.schedule={schedule}",
        "--set",
        "hardware.latency.multiplier=1",
        "--inference",
        0.3,
    )
    assert run("simulate", config, "--out", "a", *choice, "-q") == 0
    assert run("simulate", config, "--out", "b", *choice, "--blocked", 0.2, "-q") == 0
    capsys.readouterr()
    assert run("simulate", config, "--out", "c", *choice, "--blocked", 0.2, "--late", 0.4, "--trace", "30:99") == 0
    told = capsys.readouterr().out
    assert "equals the reference's, integer by integer" in told
    calm, held, both = (figures_of(d) for d in "abc")
    # The run draws for each disturbance on its own.
    assert Path("a/final.npz").read_bytes() == Path("b/final.npz").read_bytes()
    assert 20 < calm["inference_samples"] == held["inference_samples"] == both["inference_samples"] < 55
    assert calm["train_accuracy"] == held["train_accuracy"]
    assert (calm["bubbles"], calm["stalled_clocks"], held["bubbles"]) == (0, 0, 0)
    assert 40 < both["bubbles"] < 130 and held["stalled_clocks"] > 0
    skew = {"flush": 0, "overlap": held["stalled_clocks"]}[schedule]  # a standstill includes coming to rest
    assert held["stalled_clocks"] - skew <= held["clocks"] - calm["clocks"] <= held["stalled_clocks"]
    figures = [120 - both["inference_samples"], both["inference_samples"], both["bubbles"], both["stalled_clocks"]]
    assert [f"{n:,}" for n in figures] == next(
        line.split() for line in told.splitlines() if line.split()[:1] == [str(figures[0])]
    )
    # The same seed, the same disturbances.
    assert run("simulate", config, "--out", "d", *choice, "--blocked", 0.2, "--late", 0.4, "--trace", "30:99", "-q") == 0
    assert Path("c/metrics.json").read_bytes() == Path("d/metrics.json").read_bytes()
    assert Path("c/trace.jsonl").read_bytes() == Path("d/trace.jsonl").read_bytes()


def test_every_junction_cycle_is_checked_or_repeated_and_said_to_be(config, capsys):
    told, figures = {}, {}
    for which in ("new", "every"):
        assert run("simulate", config, "--epochs", 2, "--out", which, "--check", which, "--trace", "700:740") == 0
        told[which] = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("checked in full"))
        figures[which] = figures_of(which)
    new, every = figures["new"], figures["every"]
    assert every["checked_cycles"] == new["checked_cycles"] + new["repeated_cycles"] == 120 + 1 + 3 + 1
    assert (every["repeated_cycles"], new["repeated_cycles"] > 80) == (0, True)
    assert told["new"] == f"checked in full: {new['checked_cycles']} junction cycles; repeated: {new['repeated_cycles']}"
    assert told["every"] == "checked in full: 125 junction cycles; repeated: 0"
    for name in ("checked_cycles", "repeated_cycles"):
        del new[name], every[name]
    assert new == every and Path("new/final.npz").read_bytes() == Path("every/final.npz").read_bytes()
    assert Path("new/trace.jsonl").read_bytes() == Path("every/trace.jsonl").read_bytes()
    assert run("simulate", config, "--out", "b", "--check", "some") == 2 and not Path("b").exists()
    assert capsys.readouterr().err == "hwsim: --check = some: is not known; nearest: new, every\n"


def test_a_trace_is_left_in_the_formats_that_are_asked_for(config, capsys):
    choice = ("--trace", "20:90", "-q")
    for formats, left in (("perfetto", [False, True]), ("vcd,perfetto", [True, True])):
        assert run("simulate", config, "--out", "a", *choice, "--trace-format", formats, "--force") == 0
        assert [Path("a", f"trace.{ending}").is_file() for ending in ("vcd", "perfetto.json")] == left
    slices = [e for e in json.loads(Path("a/trace.perfetto.json").read_text())["traceEvents"] if e["ph"] == "X"]
    lines = Path("a/trace.jsonl").read_text().splitlines()[1:]
    assert len(lines) > 500 and sum(e["args"]["words"] for e in slices if "words" in e["args"]) > len(lines)
    for bad, line in (
        (["--trace-format", "svg", *choice], "--trace-format = svg: is not known; nearest: vcd, perfetto"),
        (["--trace-format", "vcd", "-q"], "--trace-format = vcd: needs --trace: clocks to record"),
    ):
        capsys.readouterr()
        assert run("simulate", config, "--out", "b", *bad) == 2 and not Path("b").exists()
        assert capsys.readouterr().err == f"hwsim: {line}\n"


def test_inference_alone_learns_nothing(config):
    assert run("simulate", config, "--inference", 1, "--out", "a", "-q") == 0
    assert Path("a/final.npz").read_bytes() == Path("a/initial.npz").read_bytes()
    assert figures_of("a")["inference_samples"] == 60 and figures_of("a")["busy_UP"] == [0, 0]


def test_check_and_simulate_agree_on_stall_clocks(config, capsys):
    """A structured pattern is not clash-free: how many clocks a pass takes depends on what was drawn."""
    choice = ("--set", "connectivity.kind=structured")
    assert run("simulate", config, "--out", "a", *choice, "-q") == 0
    capsys.readouterr()
    assert run("check", config, *choice) == 0
    told, figures = capsys.readouterr().out, figures_of("a")
    assert min(figures["stall_clocks"]) > 0 and figures["clocks_per_input"] > 18
    assert f"{figures['clocks_per_input']} clocks per input: C = 16, stalls = " in told
    assert "{} of junction 1, {} of junction 2".format(*figures["stall_clocks"]) in told
    assert figures["clocks"] == figures["clocks_per_input"] * (1 + 60 + 1 + 3)


@pytest.mark.parametrize("schedule", ["flush", "overlap"])
def test_the_machine_is_a_training_engine(config, schedule):
    choice = ("--set", f"hardware.schedule={schedule}", "-q")
    assert run("train", config, "--engine", "cycle", "--out", "a", *choice) == 0
    assert run("train", config, "--engine", "fixed", "--out", "b", *choice) == 0
    assert Path("a/final.npz").read_bytes() == Path("b/final.npz").read_bytes()
    figures = [json.loads(Path(d, "metrics.json").read_text()) for d in "ab"]
    for key in ("train_accuracy", "test_accuracy", "test_loss", "saturated_preactivation", "history"):
        assert figures[0][key] == figures[1][key]


def test_logs_of_equal_runs_do_not_differ_and_others_are_told_apart(config, capsys):
    for out, seed in (("a", 1), ("b", 1)):
        assert run("simulate", config, "--seed", seed, "--out", out, "--trace", "0:50", "-q") == 0
    assert run("diff", "a/trace.jsonl", "b/trace.jsonl") == 0
    lines = Path("b/trace.jsonl").read_text().splitlines()
    row = json.loads(lines[40])
    row[9] += 1
    lines[40] = json.dumps(row)
    Path("b/trace.jsonl").write_text("\n".join(lines) + "\n")
    capsys.readouterr()
    assert run("diff", "a/trace.jsonl", "b/trace.jsonl") == 1
    told = capsys.readouterr().out
    assert f"clock {row[0]}, junction {row[1]}, {row[4]} memory {row[6]}" in told and "value" in told


def test_a_missing_bank_ends_in_one_line_and_exit_code_1(config, capsys, monkeypatch):
    honest = Banks.of
    monkeypatch.setattr(Banks, "of", lambda hops, n: replace(honest(hops, n), partial=(1,)))
    assert run("simulate", config, "--out", "a") == 1
    err = capsys.readouterr().err.splitlines()[-1]
    assert err.startswith("hwsim: clock ") and "partial delta memory" in err


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--late", "1"), "--late = 1.0: is a probability: must lie in 0..0.99"),
        (("--inference", "1.01"), "--inference = 1.01: is a probability: must lie in 0..1"),
        (("--blocked", "-0.1"), "--blocked = -0.1: is a probability: must lie in 0..1"),
        (("--blocked", "nan"), "--blocked = nan: is a probability: must lie in 0..1"),
        (("--trace", "5"), "--trace = 5: must read FIRST:LAST"),
        (("--trace", "9:3"), "--trace = 9:3: must read FIRST:LAST"),
        (("--set", "training.order=sequential"), "training.order = sequential: has no machine"),
        (("--set", "connectivity.kind=random"), "connectivity.kind = random: has no hardware"),
        (("--set", "connectivity.kind=structured", "--set", "hardware=null"), "hardware: is missing"),
        (("--set", "hardware.latency.accumulate=9"), "exceeds the shortest revisit distance"),
    ],
)
def test_bad_input_is_one_line(config, capsys, arguments, line):
    assert run("simulate", config, "--out", "a", *arguments, "-q") == 2
    err = capsys.readouterr().err
    assert line in err and err.count("\n") == 1
    assert not Path("a").exists()


def test_hops_of_the_pipeline_are_those_of_the_contract():
    assert Banks.of(Hops(1, 1, 1), 2) == Banks((5, 3), (3,), (2,), 2)
