"""``hwsim verilog`` and ``hwsim cosim`` in a user's hands: exit codes, one line on standard error, and what is left."""

import json
import re

import pytest
import yaml
from pywellen import Waveform

from hwsim.commands import app as cli
from hwsim.configuration import config_file
from hwsim.design import Design
from hwsim.events.lines import read_events
from models.errors import InputError
from rtl.cosim import simulators
from rtl.plan.plan import Plan
from rtl.synthesis import session
from tests.hwsim import runs
from tests.rtl.cosim.faults import FAULTS

N = 20  # samples
ONLY = ("--scenarios", "data")


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return runs.write_config(tmp_path, "fixed pipelined")


@pytest.fixture
def refused(capsys):
    """Runs a command that must fail; returns its line on standard error."""

    def run(*arguments, code=2):
        assert cli.run(list(map(str, arguments))) == code
        *before, line = [said for said in capsys.readouterr().err.splitlines() if not said.startswith("preparing")]
        assert code == 1 or (not before and line.startswith("hwsim: "))
        return line.removeprefix("hwsim: ")

    return run


def figures(path):
    return {k: f["value"] if isinstance(f, dict) and "value" in f else f for k, f in json.loads(path.read_text()).items()}


def names_in(waves):
    return [v.full_name for v in Waveform(str(waves)).all_vars()]


def test_cosim_agrees_and_leaves_figures(config, tmp_path, capsys):
    out = tmp_path / "out"
    assert (
        cli.run(["cosim", str(config), "--samples", str(N), "--idle", "0.6", "--inference", "0.2", *ONLY, "--out", str(out)])
        == 0
    )
    told = capsys.readouterr().out
    assert f"machine = Verilog at every clock; results in {out}" in told and "writes compared: weight" in told
    found = figures(out / "metrics.json")
    assert (found["status"], found["simulator"], found["first_difference"]) == ("agree", "icarus", None)
    assert (found["samples"], found["clocks_per_input"]) == (N, 6)
    assert found["bubbles"] > 0 and found["clocks_compared"] > 6 * N
    trained = found["writes_compared"]["weight"] // 48
    assert 10 < trained < N
    assert found["writes_compared"] == {
        "activation": N * (16 + 8),
        "derivative": N * 8,
        "delta": trained * 4,
        "partial delta": trained * 16,
        "weight": trained * (32 + 16),
        "bias": trained * (8 + 4),
    }
    assert found["multipliers"] == {"edges": 3 * 4 + 2 * 8, "derivatives": 2}
    assert set(figures(out / "timing.json")) == {
        *("generate Verilog", "play the script", "build", "simulate", "run and compare the machine")
    }
    assert not {"machine.jsonl", "verilog.jsonl"} & {p.name for p in out.iterdir()}


def test_cosim_names_the_first_difference_and_leaves_logs_and_waveforms_that_can_be_read(
    config, tmp_path, monkeypatch, refused, capsys
):
    FAULTS["first_visit_does_not_replace"].apply(monkeypatch)
    line = refused("cosim", config, "--samples", N, "--out", tmp_path / "out", "-q", code=1)
    place = r"scenario data, clock (\d+), junction 2, BP write to partial delta memory (\d+), "
    place += r"bank \d, address \d, lane \d, sample \d+"
    found = re.match(rf"Verilog and machine differ: {place}: machine (-?\d+), Verilog (-?\d+); logs and waveforms in", line)
    assert found is not None and found[3] != found[4], line
    metrics = figures(tmp_path / "out" / "metrics.json")
    assert metrics["status"] == "differ" and metrics["first_difference"] in line

    logs = [tmp_path / "out" / name for name in ("machine.jsonl", "verilog.jsonl")]
    assert cli.run(["diff", *map(str, logs)]) == 1
    told = capsys.readouterr().out
    assert f"clock {found[1]}, junction 2" in told and "partial delta" in told and "lane" in told
    rows = [read_events(path).rows for path in logs]
    at = [r[(r[:, 0] == int(found[1])) & (r[:, 6] == int(found[2])) & (r[:, 4] == 4)] for r in rows]
    assert [a[:, 9].tolist() for a in at] == [[int(found[3])], [int(found[4])]]

    signals = []
    for name in ("machine.vcd", "verilog.vcd"):
        signals.append(names_in(tmp_path / "out" / name))
        assert any("junction2.weight" in signal and "write_data" in signal for signal in signals[-1])
    assert {s.split(".")[0] for s in signals[0]} == {s.split(".")[0] for s in signals[1]} == {"accelerator"}


def test_cosim_feeds_illegal_samples_and_says_how_many(config, tmp_path, capsys):
    out = tmp_path / "out"
    path = other(config, network={"layers": [16, 8, 8], "out_degree": [2, 2], "classes": 6})
    assert cli.run(["cosim", str(path), "--samples", str(N), "--illegal", "0.5", *ONLY, "--out", str(out)]) == 0
    told = capsys.readouterr().out
    found = figures(out / "metrics.json")
    assert found["status"] == "agree" and min(found["illegal"].values()) > 1
    kappa, label = (found["illegal"][name] for name in ("kappa", "label"))
    assert re.search(rf"illegal learning-rate shifts, labels +{kappa}, {label}", told)
    trained = found["writes_compared"]["weight"] // 48
    assert max(kappa, label) <= N - trained <= kappa + label and trained > 1


def test_what_cannot_be_simulated_leaves_an_earlier_result_alone(config, tmp_path, refused):
    assert cli.run(["verilog", str(config), "--out", str(tmp_path / "out"), "-q"]) == 0
    before = {p.name for p in (tmp_path / "out").iterdir()}
    for wrong in (("--samples", 0), ("--simulator", "questa"), ("--illegal", 0.5, "--set", "hardware.build=inference")):
        assert wrong[0] in refused("cosim", config, *wrong, "--out", tmp_path / "out", "--force")
        assert {p.name for p in (tmp_path / "out").iterdir()} == before


def test_what_the_options_of_cosim_do_not_allow(config, refused):
    assert refused("cosim", config, "--samples", 0).startswith("--samples = 0: must be at least 1; nearest: 1")
    assert "--samples" in refused("cosim", config, "--samples", "many")
    assert refused("cosim", config, "--timeout", 0).startswith("--timeout = 0: must be at least 1; nearest: 1")
    line = "--scenarios = nonsense: is not known; nearest: data, rates, "
    assert refused("cosim", config, "--scenarios", "nonsense").startswith(line)
    for option, most in (("idle", "0.99"), ("blocked", "0.99"), ("inference", "1"), ("illegal", "1")):
        for value in (-0.1, 1.01, "nan"):
            rule = f"is a share: must lie in 0..{most}"
            assert rule in refused("cosim", config, f"--{option}={value}"), (option, value)
    assert "must lie in" in refused("cosim", config, "--idle", 1) and "--idle" in refused("cosim", config, "--idle", "x")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["icarus", "verilator"])
def test_a_simulator_that_is_missing(name, config, refused, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("VERILATOR_ROOT", raising=False)
    monkeypatch.setattr(simulators, "find_spec", lambda _: None)
    line = refused("cosim", config, "--simulator", name, "--samples", 1)
    assert line.startswith(f"--simulator = {name}: is not installed: ")


@pytest.mark.slow
def test_a_simulator_that_nobody_knows(config, refused):
    line = refused("cosim", config, "--simulator", "questa", "--samples", 1)
    assert "questa" in line and line.endswith("is not known; nearest: icarus, verilator")


def other(config, **sections):
    """The configuration with other sections, beside it."""
    data = yaml.safe_load(config.read_text())
    path = config.with_name("other.yaml")
    path.write_text(yaml.safe_dump(data | sections))
    return path


LEGAL = {
    "neurons_that_straddle_rows": {"network": {"layers": [16, 8, 4], "out_degree": [3, 2]}, "hardware": {"z": [4, 4]}},
    "patterns_that_clash": {"connectivity": {"kind": "structured"}},
}


@pytest.mark.parametrize("name", LEGAL)
def test_what_check_accepts_has_hardware(name, config, tmp_path):
    path = other(config, **LEGAL[name])
    assert cli.run(["check", str(path), "-q"]) == 0
    assert cli.run(["verilog", str(path), "--out", str(tmp_path / "made"), "-q"]) == 0


def test_adders_are_refused_alike_where_addresses_do_not_count_up(config, refused):
    path = other(config, connectivity={"kind": "structured"}, hardware={"z": [4, 4], "address": "adder"})
    lines = {refused(*command) for command in (("check", path), ("verilog", path), ("simulate", path, "--samples", 1))}
    (line,) = lines
    assert line.startswith("hardware.address = adder: is possible for clash-free types 1 and 2")


def test_random_patterns_have_no_hardware(config, refused):
    path = other(config, connectivity={"kind": "random"})
    line = refused("verilog", path)
    assert line.startswith("connectivity.kind = random: has no hardware")
    assert refused("cosim", path, "--samples", 1) == line


def test_configurations_without_hardware(config, refused):
    path = config.with_name("float.yaml")
    path.write_text("network: {layers: [16, 4], out_degree: full}\nconnectivity: {kind: full}\n")
    assert refused("verilog", path).startswith("hardware")


def test_verilog_writes_its_files_and_says_what_it_made(config, tmp_path, capsys):
    out = tmp_path / "made"
    assert cli.run(["verilog", str(config), "--out", str(out), "--seed", "3"]) == 0
    told = capsys.readouterr().out
    assert "6 clocks per input, 30 multipliers" in told
    assert all((out / name).is_file() for name in told.rpartition(": ")[2].strip().split(", "))
    assert json.loads((out / "names.json").read_text())["configuration"]
    first = (out / "accelerator.v").read_bytes()
    assert cli.run(["verilog", str(out / "config.yaml"), "--out", str(tmp_path / "again"), "-q"]) == 0
    assert (tmp_path / "again" / "accelerator.v").read_bytes() == first


def test_another_design_is_replaced_only_by_force(config, tmp_path, refused):
    out = tmp_path / "made"
    assert cli.run(["check", str(config), "--out", str(out), "-q"]) == 0
    assert "--force" in refused("verilog", config, "--seed", 9, "--out", out)
    assert "--force" in refused("cosim", config, "--seed", 9, "--out", out)


@pytest.mark.slow
def test_cosim_of_an_inference_build_with_a_blocked_output(config, tmp_path):
    path = other(config, hardware={"z": [8, 4], "build": "inference"})
    out = tmp_path / "out"
    assert cli.run(["cosim", str(path), "--samples", str(N), "--blocked", "0.9", *ONLY, "--out", str(out), "-q"]) == 0
    found = figures(out / "metrics.json")
    assert found["stalled_clocks"] > 0 and found["writes_compared"] == {"activation": N * (16 + 8)}
    assert found["multipliers"] == {"edges": 12, "derivatives": 0}


@pytest.mark.slow
def test_cosim_writes_a_waveform_of_everything_on_request(config, tmp_path):
    out = tmp_path / "out"
    assert cli.run(["cosim", str(config), "--samples", "3", "--waves", *ONLY, "--out", str(out), "-q"]) == 0
    waves = [p for p in (out / "simulation").rglob("*") if p.suffix in (".fst", ".vcd")]
    assert len(waves) == 1 and any("junction_2" in name for name in names_in(waves[0]))
    there = {v.full_name: v.bitwidth for v in Waveform(str(waves[0])).all_vars()}
    saved = waves[0].with_suffix(".gtkw").read_text()
    signals = re.findall(r"(?:[} ])(?:\(\d+\))?(bench\.[\w.]+)(?:\[(\d+):0\])?(?=[ \n])", saved)
    assert len(signals) > 100 and {(name, int(high or 0) + 1) for name, high in signals} <= set(there.items())
    words = re.findall(r"^#\{weights of junction 1, word (\d)\}((?: \(\d+\)\S+)+)$", saved, re.MULTILINE)
    bits = [[95 - int(bit) for bit in re.findall(r"\((\d+)\)", picked)] for _, picked in words]
    assert bits == [list(range(12 * lane + 11, 12 * lane - 1, -1)) for lane in range(8)]
    added = re.findall(r"^variable_add (.*)$", waves[0].with_suffix(".sucl").read_text(), re.MULTILINE)
    assert set(added) == {name for name, _ in signals} and len(added) == len(set(added))


def test_a_float_configuration_gives_the_hardware_of_the_fixed_one(config, tmp_path):
    """The weights in its memories are quantised: co-simulated writes and counters are those of the fixed engine's run."""
    found = {}
    for engine in ("fixed", "float"):
        out, options = tmp_path / engine, ("--set", f"training.engine={engine}")
        assert cli.run(["cosim", str(config), "--samples", str(N), *ONLY, "--out", str(out), "-q", *options]) == 0
        found[engine] = figures(out / "metrics.json")
        found[engine]["synthesised"] = session.generate(Design(config_file.load(out / "config.yaml"))).text
    different = {"configuration_hash", "name"} | {k for k in found["fixed"] if "second" in k}
    assert found["float"]["status"] == "agree"
    assert {k: v for k, v in found["float"].items() if k not in different} == {
        k: v for k, v in found["fixed"].items() if k not in different
    }


CIRCUITS = {
    "verilog": (),
    "cosim": (),
    "synth": ("--target", "ecp5-25k"),
    "prove": (),
    "mutate": (),
    "emulate": (),
    "power": ("--target", "ecp5-25k", "--frequency", "50"),
}


@pytest.mark.parametrize("command", CIRCUITS)
def test_weights_in_external_memory_have_no_circuit(config, refused, command, tmp_path):
    """One line, before anything is left; what needs no circuit goes on."""
    external = ("--set", "hardware.weights.bandwidth=50")
    line = refused(command, config, *CIRCUITS[command], *external, "--out", tmp_path / "out")
    assert line == (
        "hardware.weights: is a model of clocks: no circuit with an external memory is built; nearest: null, weights on chip"
    )
    assert not (tmp_path / "out").exists()


def test_no_plan_is_made_of_weights_in_external_memory(config):
    design = Design(config_file.load(config, {"hardware.weights.bandwidth": 50, "hardware.weights.latency": 0}))
    assert design.inventory.external
    with pytest.raises(InputError, match=r"hardware\.weights: is a model of clocks"):
        Plan.of(design)
