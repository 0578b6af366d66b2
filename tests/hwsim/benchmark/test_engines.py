"""The benchmark runs every row, and its yardstick computes what the engines compute."""

import json

import pytest
import yaml

from hwsim.benchmark import engines
from hwsim.benchmark.yardsticks import GatherLoop, design_of, synthetic
from hwsim.commands import app as cli
from hwsim.configuration.config_file import load, parse
from hwsim.design import Design
from models.errors import InputError
from tests.hwsim import runs
from tests.hwsim.shipped import DEMO, SHIPPED


def test_every_row_is_printed_and_written(tmp_path, capsys):
    config = runs.write_config(tmp_path, "fixed pipelined")
    assert cli.run(["bench", str(config), "--seconds", "0.05", "--out", str(tmp_path / "bench")]) == 0
    shown = capsys.readouterr()
    expected = [
        "fixed, pipelined, batch 1",
        "fixed, sequential, batch 1",
        "fixed, evaluation",
        "cycle-level machine, 6 clocks per sample",
        "float32, sequential, batch 1",
        "float32, sequential, batch 64",
        "NumPy gather loop, batch 1",
    ]
    rows = json.loads((tmp_path / "bench" / "bench.json").read_text())["rows"]
    assert [r["engine"] for r in rows if "PyTorch" not in r["engine"]] == expected
    for row in rows:
        assert row["engine"] in shown.out and f"fixed-pipelined: {row['engine']}: " in shown.err
        per_sample = row["edge_operations_per_second"]["value"] / row["samples_per_second"]["value"]
        trained = 2 * (32 + 16) + 16  # FF and UP of every edge, BP behind the first junction
        assert per_sample == pytest.approx(32 + 16 if row["engine"] == "fixed, evaluation" else trained)
        assert row["samples_per_second"]["value"] > 0
    assert "\x1b" not in shown.out


def test_a_network_for_the_float_engine_alone_has_only_its_rows(tmp_path, capsys):
    config = runs.write_config(tmp_path, "float adam batches")
    assert cli.run(["bench", str(config), "--seconds", "0.05", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    rows = engines.measure([load(config)], 0.05)
    expected = [f"float32, sequential, batch {n}" for n in (1, 8, 64)]
    assert [r.engine for r in rows if "PyTorch" not in r.engine] == expected


NUMBERS = {"width": 12, "fraction": 8, "input": {"width": 8, "fraction": 8, "signed": False}}
YARDSTICKS = {
    "demo": yaml.safe_load(DEMO),
    "small": {"network": {"layers": [16, 8, 4], "out_degree": [2, 2]}, "hardware": {"z": [8, 4]}, "numbers": NUMBERS},
    "one junction": {"network": {"layers": [16, 4], "out_degree": "full"}, "connectivity": {"kind": "full"}},
    "four junctions": {
        "network": {"layers": [12, 18, 6, 12, 4], "density": [0.5, 0.5, 0.5, 0.5], "classes": 3},
        "connectivity": {"kind": "structured"},
        "numbers": NUMBERS | {"width": 16, "fraction": 11, "rounding": "half_even"},
    },
    "signed inputs": {
        "network": {"layers": [16, 8], "out_degree": [4]},
        "hardware": {"z": [8]},
        "numbers": {"width": 8, "fraction": 5, "rounding": "floor"},
        "data": {"pad_outputs": "spread"},
    },
}


@pytest.mark.parametrize("name", YARDSTICKS)
def test_the_gather_loop_computes_the_integers_of_the_sequential_engine(name):
    config = parse(YARDSTICKS[name])
    assert GatherLoop.can_train(config)
    design = design_of(config, engine="fixed", order="sequential")
    loop, engine, data = GatherLoop(design), design.fixed_engine(), synthetic(design)
    samples = engine.samples(data.integers(engine.numbers.input), data.labels)
    for n in (1, 60):
        loop.train(n)
        engine.run(samples, 5, source=range(n))
    parameters = engine.parameters
    for j in range(len(design.patterns)):
        assert (loop.weights[j] == parameters.weights[j]).all()
        assert (loop.biases[j] == parameters.biases[j]).all()
    assert any((w != i).any() for w, i in zip(loop.weights, design.initial.weights, strict=True))


@pytest.mark.parametrize(
    "change",
    [
        {"network": {"layers": [16, 8, 4], "out_degree": [2, 2], "cost": "quadratic"}},
        {"network": {"layers": [16, 8, 4], "out_degree": [2, 2], "activation": ["relu", "sigmoid"]}},
        {"connectivity": {"kind": "random"}},
        {"numbers": NUMBERS | {"product_fraction": 10}},
        {"numbers": NUMBERS | {"rounding": {"weight_step": "stochastic"}}, "hardware": {"z": [4, 4]}},
        {"numbers": NUMBERS | {"bias": {"width": 16, "fraction": 10}}},
        {"numbers": {"width": 8, "fraction": 7}},  # a delta of minus one saturates
    ],
)
def test_the_gather_loop_leaves_other_networks_alone(change):
    assert not GatherLoop.can_train(parse(YARDSTICKS["small"] | change))


def test_shipped_configurations_are_measured_by_default(monkeypatch):
    assert engines.shipped_configurations() == SHIPPED
    monkeypatch.setattr(engines, "__file__", "/nowhere/hwsim/benchmark/engines.py")
    with pytest.raises(InputError, match="has no sim_configs directory"):
        engines.shipped_configurations()


def test_measuring_does_not_change_the_design(tmp_path):
    config = parse(YARDSTICKS["small"])
    before = [w.copy() for w in Design(config).initial.weights]
    engines.measure([config], 0.05)
    assert all((a == b).all() for a, b in zip(before, Design(config).initial.weights, strict=True))
