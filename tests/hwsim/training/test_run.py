"""What a run leaves behind, and that all of it can be had again."""

import json
from itertools import pairwise

import numpy as np
import pytest
import yaml

from hwsim.configuration import config_file
from hwsim.design import Design
from hwsim.results.directory import RunDirectory
from hwsim.training import loop, run
from hwsim.training.run import TrainingRun
from models.connectivity.files import read_connectivity
from models.errors import InputError
from models.files.npz import read_npz
from models.fixed.engine import FixedEngine
from models.network.network import Network
from models.network.parameters import IntegerParameters
from tests.hwsim import runs
from tests.hwsim.shipped import DEMO
from tests.models.fixed.naive import NaiveFixed

PICTURES = {"connectivity.png", "training.png", "weights.png", "report.html"}
NAMES = {"config.yaml", "connectivity.npz", "initial.npz", "final.npz", "metrics.json", "timing.json"}


@pytest.mark.parametrize("kind", ["fixed pipelined", "fixed sequential"])
def test_a_fixed_run_leaves_integers_in_edge_order(kind, tmp_path):
    out = tmp_path / "run"
    assert runs.train(runs.write_config(tmp_path, kind), out, "--save-stream") == 0
    assert {p.name for p in out.iterdir()} == NAMES | PICTURES | {"stream.npz"}
    edges, layers = (32, 16), (16, 8, 4)
    left = read_npz(out / "connectivity.npz")
    for name in ("initial.npz", "final.npz"):
        arrays = read_npz(out / name)
        assert set(arrays) == {"weight_1", "weight_2", "bias_1", "bias_2"}
        for i in (1, 2):
            assert (arrays[f"weight_{i}"].dtype, arrays[f"weight_{i}"].shape) == (np.int32, (edges[i - 1],))
            assert (arrays[f"bias_{i}"].dtype, arrays[f"bias_{i}"].shape) == (np.int32, (layers[i],))
            assert (left[f"left_{i}"].dtype, left[f"left_{i}"].shape) == (np.int32, (edges[i - 1],))
    stream, n = read_npz(out / "stream.npz"), 4 * runs.TRAIN
    shapes = {"input": (n, 16), "label": (n,), "kappa": (n,), "prediction": (n,)}
    assert {k: (v.dtype, v.shape) for k, v in stream.items()} == {k: (np.dtype(np.int32), s) for k, s in shapes.items()}


def test_a_float_run_leaves_double_precision_numbers(tmp_path):
    out = tmp_path / "run"
    assert runs.train(runs.write_config(tmp_path, "float adam batches"), out) == 0
    assert {p.name for p in out.iterdir()} == NAMES | PICTURES
    for name in ("initial.npz", "final.npz"):
        shapes = {"weight_1": (64,), "weight_2": (16,), "bias_1": (8,), "bias_2": (4,)}
        found = {k: (v.dtype, v.shape) for k, v in read_npz(out / name).items()}
        assert found == {k: (np.dtype(np.float64), s) for k, s in shapes.items()}


def test_metrics_are_figures_with_unit_and_meaning(tmp_path, no_pictures):
    out = tmp_path / "run"
    config = runs.write_config(tmp_path, "fixed pipelined")
    assert runs.train(config, out, "--seed", "5") == 0
    metrics = json.loads((out / "metrics.json").read_text())
    facts = {"tools", "seed", "configuration_hash", "name", "status"}
    for name, figure in metrics.items():
        assert name in facts or set(figure) == {"value", "unit", "meaning"}, name
    assert metrics["seed"] == 5 and metrics["status"] == "finished" and "numpy" in metrics["tools"]
    assert metrics["configuration_hash"] == config_file.fingerprint(config_file.load(out / "config.yaml"))
    assert metrics["edges"]["value"] == [32, 16] and metrics["training_samples"]["value"] == runs.TRAIN
    assert len(metrics["history"]["value"]["test_accuracy"]) == 4
    assert metrics["test_accuracy"]["value"] == metrics["history"]["value"]["test_accuracy"][-1] > 0.4
    assert metrics["clocks_per_input"]["value"] == metrics["junction_cycle"]["value"][0] + metrics["flush"]["value"]


def from_files(out):
    """Network, numbers, hops and initial parameters of a run, from its files alone."""
    config = config_file.load(out / "config.yaml")
    patterns = tuple(read_connectivity(out / "connectivity.npz", config.network.layers))
    network = Network(patterns, config.network.activations, config.network.cost, np.arange(config.classes))
    numbers = config.numbers.system
    return network, numbers, IntegerParameters.read(out / "initial.npz", network, numbers), config.hops


@pytest.mark.parametrize("kind", ["fixed pipelined", "fixed overlap", "fixed sequential", "fixed stochastic"])
def test_the_naive_model_replays_the_stream_to_the_same_integers(kind, tmp_path, no_pictures):
    out = tmp_path / "run"
    assert runs.train(runs.write_config(tmp_path, kind), out, "--save-stream") == 0
    initial, lanes = read_npz(out / "initial.npz"), ()
    if kind == "fixed stochastic":
        lanes = runs.FIXED["hardware"]["z"], [initial["random_1"], initial["random_2"]]
    naive, stream = NaiveFixed(*from_files(out), *lanes), read_npz(out / "stream.npz")
    for x, label, kappa in zip(stream["input"], stream["label"], stream["kappa"], strict=True):
        naive.cycle((x, int(label), int(kappa), True))
    for _ in range(naive.hops.drain(naive.L)):
        naive.cycle()
    assert naive.predictions == stream["prediction"].tolist()
    final = read_npz(out / "final.npz")
    for i in (1, 2):
        assert naive.w[i - 1] == final[f"weight_{i}"].tolist()
        assert naive.b[i - 1] == final[f"bias_{i}"].tolist()
    assert naive.states == [int(final[name]) for name in sorted(final) if name.startswith("random")]
    assert set(stream["kappa"].tolist()) == {3, 4}


def test_the_engine_replays_the_stream_of_the_demo(tmp_path, no_pictures):
    """At full size, and in one call where the run took many chunks and evaluated in between."""
    (tmp_path / "demo.yaml").write_text(DEMO)
    out = tmp_path / "run"
    options = ("--save-stream", "--epochs", "3", "--samples", "1500")
    assert runs.train(tmp_path / "demo.yaml", out, *options) == 0
    stream, engine = read_npz(out / "stream.npz"), FixedEngine(*from_files(out))
    came_out = [engine.run(engine.samples(stream["input"], stream["label"]), stream["kappa"]), engine.drain()]
    assert np.concatenate([r.prediction for r in came_out]).tolist() == stream["prediction"].tolist()
    final = read_npz(out / "final.npz")
    for name, array in engine.parameters.arrays().items():
        assert (array == final[name]).all()


def test_a_network_of_one_junction_without_hidden_layer(tmp_path, no_pictures):
    data = runs.FIXED | {"network": {"layers": [16, 4], "out_degree": "full"}, "hardware": {"z": [4]}}
    data |= {"data": {"name": str(runs.write_samples(tmp_path / "samples.npz"))}}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(data))
    assert runs.train(tmp_path / "c.yaml", tmp_path / "run", "--save-stream") == 0
    naive, stream = NaiveFixed(*from_files(tmp_path / "run")), read_npz(tmp_path / "run" / "stream.npz")
    for x, label, kappa in zip(stream["input"], stream["label"], stream["kappa"], strict=True):
        naive.cycle((x, int(label), int(kappa), True))
    naive.cycle()
    assert naive.w[0] == read_npz(tmp_path / "run" / "final.npz")["weight_1"].tolist()


@pytest.mark.parametrize("kind", runs.KINDS)
def test_equal_configurations_leave_equal_bytes(kind, tmp_path, no_pictures):
    config = runs.write_config(tmp_path, kind)
    for name in ("one", "two"):
        assert runs.train(config, tmp_path / name) == 0
    assert runs.train(tmp_path / "one" / "config.yaml", tmp_path / "three") == 0
    one = runs.files(tmp_path / "one")
    assert one == runs.files(tmp_path / "two") == runs.files(tmp_path / "three")


def test_pictures_are_equal_bytes_too(tmp_path):
    config = runs.write_config(tmp_path, "fixed pipelined")
    for name in ("one", "two"):
        assert runs.train(config, tmp_path / name) == 0
    assert runs.files(tmp_path / "one") == runs.files(tmp_path / "two")


@pytest.mark.parametrize("chunk", [1, 7, 150, 4096])
def test_integers_do_not_depend_on_how_often_the_interrupt_key_is_looked_at(chunk, tmp_path, no_pictures, monkeypatch):
    config = runs.write_config(tmp_path, "fixed pipelined")
    assert runs.train(config, tmp_path / "one", "--save-stream") == 0
    monkeypatch.setattr(loop, "CHUNK", chunk)
    assert runs.train(config, tmp_path / "two", "--save-stream") == 0
    one, two = runs.files(tmp_path / "one"), runs.files(tmp_path / "two")
    for name in ("final.npz", "stream.npz"):
        assert one[name] == two[name]


def test_another_seed_is_another_run(tmp_path, no_pictures):
    config = runs.write_config(tmp_path, "fixed pipelined")
    assert runs.train(config, tmp_path / "one") == 0
    assert runs.train(config, tmp_path / "two", "--seed", "1") == 0
    one, two = runs.files(tmp_path / "one"), runs.files(tmp_path / "two")
    assert all(one[name] != two[name] for name in ("connectivity.npz", "initial.npz", "final.npz"))


def test_options_end_up_in_the_resolved_configuration(tmp_path, no_pictures):
    out = tmp_path / "run"
    options = ["--epochs", "2", "--samples", "20", "--order", "sequential", "--seed", "9"]
    assert runs.train(runs.write_config(tmp_path, "fixed pipelined"), out, *options) == 0
    written = yaml.safe_load((out / "config.yaml").read_text())
    assert written["schema_version"] == 1 and written["seed"] == 9
    assert [written["training"][k] for k in ("epochs", "samples", "order")] == [2, 20, "sequential"]
    assert runs.train(out / "config.yaml", tmp_path / "again") == 0
    assert runs.files(out) == runs.files(tmp_path / "again")


def test_the_engine_can_be_chosen_on_the_command_line(tmp_path, no_pictures):
    config, out = runs.write_config(tmp_path, "fixed sequential"), tmp_path / "run"
    assert runs.train(config, out, "--engine", "float") == 0
    assert yaml.safe_load((out / "config.yaml").read_text())["training"]["engine"] == "float"
    assert read_npz(out / "final.npz")["weight_1"].dtype == np.float64


def test_no_epochs_at_all_leave_the_initial_parameters(tmp_path):
    out = tmp_path / "run"
    assert runs.train(runs.write_config(tmp_path, "fixed pipelined"), out, "--epochs", "0", "--save-stream") == 0
    assert (out / "initial.npz").read_bytes() == (out / "final.npz").read_bytes()
    assert {k: v.shape for k, v in read_npz(out / "stream.npz").items()} == {
        "input": (0, 16), "label": (0,), "kappa": (0,), "prediction": (0,)
    }  # fmt: skip
    assert not (out / "checkpoint.npz").exists()


def test_one_sample_is_enough(tmp_path):
    for kind in ("fixed pipelined", "float adam batches"):
        out = tmp_path / kind
        assert runs.train(runs.write_config(tmp_path, kind), out, "--samples", "1", "--epochs", "1") == 0


def test_a_diverging_run_leaves_sound_files(tmp_path, capsys):
    config = runs.write_config(tmp_path, "float single samples")
    data = yaml.safe_load(config.read_text())
    data["training"] |= {"learning_rate": 1000.0, "l2": 1000.0}
    config.write_text(yaml.safe_dump(data))
    out = tmp_path / "run"
    assert runs.cli.run(["train", str(config), "--out", str(out)]) == 0
    assert "training diverged" in capsys.readouterr().out
    assert json.loads((out / "metrics.json").read_text())["train_loss"]["value"] is None
    assert PICTURES <= {p.name for p in out.iterdir()}


def test_validation_samples_are_held_out_and_judged(tmp_path, no_pictures):
    config = runs.write_config(tmp_path, "fixed pipelined")
    data = yaml.safe_load(config.read_text())
    data["data"]["validation"] = 30
    config.write_text(yaml.safe_dump(data))
    assert runs.train(config, tmp_path / "run") == 0
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["training_samples"]["value"] == runs.TRAIN - 30
    assert 0 <= metrics["validation_accuracy"]["value"] <= 1


def test_a_finished_run_is_repeated_to_the_same_bytes_in_its_own_directory(tmp_path, no_pictures):
    config, out = runs.write_config(tmp_path, "fixed pipelined"), tmp_path / "run"
    assert runs.train(config, out, "--save-stream") == 0
    before = runs.files(out)
    assert runs.train(out / "config.yaml", out, "--save-stream") == 0
    assert runs.files(out) == before
    assert runs.train(config, out) == 2  # would lose the stream
    assert runs.files(out) == before
    assert runs.train(config, out, "--force") == 0
    assert "stream.npz" not in runs.files(out)  # of another run, as far as a reader can tell


def test_check_adds_to_a_directory_and_takes_nothing_away(tmp_path, no_pictures):
    config, out = runs.write_config(tmp_path, "fixed pipelined"), tmp_path / "run"
    assert runs.train(config, out) == 0
    before = runs.files(out)
    assert runs.cli.run(["check", str(config), "--out", str(out), "--quiet"]) == 0
    assert runs.files(out) == before
    assert runs.cli.run(["check", str(config), "--out", str(tmp_path / "new"), "--quiet"]) == 0
    assert set(runs.files(tmp_path / "new")) == {"config.yaml", "connectivity.npz"}
    assert runs.train(config, tmp_path / "new") == 0
    assert runs.files(tmp_path / "new") == before


def test_the_watcher_is_told_every_chunk_and_every_epoch(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "CHUNK", 64)
    config = config_file.load(runs.write_config(tmp_path, "fixed pipelined"))
    told = []
    outcome = run.train(Design(config), out=tmp_path / "run", watch=told.append)
    assert [p.done for p in told[:4]] == [64, 128, 150, 214] and told[-1].done == told[-1].total == 600
    assert [p.finished_epoch for p in told] == [False, False, True] * 4
    assert [p.current.test_accuracy is not None for p in told] == [False, False, True] * 4
    assert outcome.finished and outcome.samples == 600 and outcome.samples_per_second > 0
    assert sum(e.samples for e in outcome.history) == 600
    assert all(a.epoch + 1 == b.epoch for a, b in pairwise(outcome.history))


@pytest.mark.parametrize("kind", sorted(runs.KINDS))
def test_training_without_a_directory_gives_the_same_numbers_and_writes_nothing(tmp_path, monkeypatch, kind):
    config = config_file.load(runs.write_config(tmp_path, kind))
    monkeypatch.chdir(tmp_path)
    before, told = sorted(tmp_path.rglob("*")), []
    outcome = run.train(Design(config), watch=told.append)
    assert sorted(tmp_path.rglob("*")) == before and outcome.finished and told[-1].done == told[-1].total
    written = run.train(Design(config), out=tmp_path / "run")
    assert written.history == outcome.history
    final = read_npz(tmp_path / "run" / "final.npz")
    assert final.keys() == (outcome.parameters.arrays() | outcome.random).keys()
    assert all(np.array_equal(final[name], array) for name, array in (outcome.parameters.arrays() | outcome.random).items())


def test_two_runs_cannot_share_a_directory(tmp_path):
    design = Design(config_file.load(runs.write_config(tmp_path, "fixed pipelined")))
    directory = RunDirectory(tmp_path / "run", design.config)
    with (
        directory.locked(),
        pytest.raises(InputError, match=r"is in use by another run: wait for its end, or give another directory$"),
    ):
        TrainingRun(design, design.dataset(None), RunDirectory(tmp_path / "run", design.config)).run()
    assert TrainingRun(design, design.dataset(None), directory).run().finished
