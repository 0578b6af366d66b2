"""What commands leave is read back as it was, and everything else is refused in one line."""

import json

import numpy as np
import pytest

import hwsim
from hwsim.commands import app as cli
from hwsim.configuration import config_file
from models.errors import InputError
from models.files.npz import read_npz, write_npz
from tests.hwsim import runs


def command(*arguments):
    assert cli.run(list(map(str, arguments))) == 0


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    config = runs.write_config(folder, "fixed pipelined", epochs=3)
    command("train", config, "--out", folder / "out", "--save-stream", "--quiet")
    return folder / "out"


@pytest.fixture
def copy(trained, tmp_path):
    """A run to be damaged, read back."""
    out = tmp_path / "copy"
    out.mkdir()
    for path in trained.iterdir():
        (out / path.name).write_bytes(path.read_bytes())
    return hwsim.read_run(str(out))


def refusal(read):
    with pytest.raises(InputError) as caught:
        read()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_training_is_read_back_and_repeats(trained):
    run = hwsim.read_run(trained)
    assert run.config == config_file.load(trained / "config.yaml")
    assert [p.left.tolist() for p in run.patterns] == [p.left.tolist() for p in hwsim.Design(run.config).patterns]
    assert run.design.network.patterns == run.patterns
    again = hwsim.train(run.design)
    assert all(map(np.array_equal, run.final.weights + run.final.biases, again.parameters.weights + again.parameters.biases))
    assert all(map(np.array_equal, run.initial.weights, run.design.initial_integers.weights))
    assert run.figure("test_accuracy") == again.history[-1].test_accuracy
    assert run.history["train_loss"] == [epoch.train_loss for epoch in again.history]
    assert run.metrics["test_accuracy"].keys() == {"value", "unit", "meaning"}


def test_the_stream_is_every_sample_as_it_was_fed(trained):
    run = hwsim.read_run(trained)
    stream, again = run.stream, hwsim.train(run.design)
    n = 3 * runs.TRAIN
    assert {name: (a.shape, a.dtype) for name, a in stream.items()} == {
        "input": ((n, runs.FEATURES), np.int32),
        "label": ((n,), np.int32),
        "kappa": ((n,), np.int32),
        "prediction": ((n,), np.int32),
    }
    assert set(stream["kappa"]) == {3, 4}
    assert (stream["prediction"] == stream["label"]).sum() == sum(epoch.correct for epoch in again.history)


def test_floating_point_is_read_back(tmp_path):
    config = runs.write_config(tmp_path, "float single samples", epochs=1)
    command("train", config, "--out", tmp_path / "out", "--quiet")
    run = hwsim.read_run(tmp_path / "out")
    assert run.final.weights[0].dtype == np.float64
    assert "lacks stream.npz" in refusal(lambda: run.stream)


def test_a_simulation_is_read_back(tmp_path):
    config = runs.write_config(tmp_path, "fixed pipelined", epochs=1)
    command("simulate", config, "--out", tmp_path / "out", "--trace", "0:60", "--samples", 20, "--quiet")
    run = hwsim.read_run(tmp_path / "out")
    simulation = hwsim.simulate(run.design, run.design.dataset().train, window=(0, 60))
    assert run.log.header == simulation.log.header
    assert run.log.array.tolist() == simulation.log.array.tolist()
    assert all(map(np.array_equal, run.final.weights, simulation.machine.parameters.weights))
    assert run.figure("clocks_per_input") == 6
    assert "lacks machine.jsonl" in refusal(lambda: run.differing_logs)


def test_what_was_not_trained_has_no_history(tmp_path):
    config = runs.write_config(tmp_path, "fixed pipelined")
    command("scatter", config, "--out", tmp_path / "out", "--quiet")
    run = hwsim.read_run(tmp_path / "out")
    assert run.design.patterns[0].n_edges == 32
    assert refusal(lambda: run.history).startswith(f"{tmp_path / 'out'}: lacks metrics.json")


FILES = ["config.yaml", "connectivity.npz", "final.npz", "initial.npz", "metrics.json", "stream.npz"]
DAMAGES = ["empty", "cut", "noise"]


# The first half of a configuration can be one.
@pytest.mark.parametrize("name, damage", [(n, d) for n in FILES for d in DAMAGES if (n, d) != ("config.yaml", "cut")])
def test_damaged_files_are_named(copy, name, damage):
    reads = {
        "config.yaml": lambda: copy.config,
        "connectivity.npz": lambda: copy.design,
        "final.npz": lambda: copy.final,
        "initial.npz": lambda: copy.initial,
        "metrics.json": lambda: copy.metrics,
        "stream.npz": lambda: copy.stream,
    }
    content = (copy.path / name).read_bytes()
    damaged = {"empty": b"", "cut": content[: len(content) // 2], "noise": b"\x00\xff[" + content[::-1]}
    (copy.path / name).write_bytes(damaged[damage])
    assert name in refusal(reads[name])


@pytest.mark.parametrize("name", ["connectivity.npz", "final.npz", "metrics.json", "stream.npz"])
def test_missing_files_are_named(copy, name):
    (copy.path / name).unlink()
    reads = {"connectivity.npz": lambda: copy.patterns, "final.npz": lambda: copy.final}
    reads |= {"metrics.json": lambda: copy.metrics, "stream.npz": lambda: copy.stream}
    rule = f"lacks {name}: it must be a directory that holds a run with that file"
    assert refusal(reads[name]) == f"{copy.path}: {rule}"


@pytest.mark.parametrize(
    "name, shape", [("label", None), ("label", ()), ("input", (5, 3)), ("kappa", (7,)), ("prediction", (2, 2))]
)
def test_a_stream_of_other_shapes_is_damaged(copy, name, shape):
    arrays = {k: a for k, a in read_npz(copy.path / "stream.npz").items() if k != name}
    arrays |= {} if shape is None else {name: np.zeros(shape, np.int32)}
    write_npz(copy.path / "stream.npz", arrays)
    assert f"{copy.path / 'stream.npz'}: is damaged" in refusal(lambda: copy.stream)


def test_figures_that_are_none(copy):
    assert "figure = speed: is not among those of" in refusal(lambda: copy.figure("speed"))
    (copy.path / "metrics.json").write_text(json.dumps({"history": {"value": 3}, "odd": 1}))
    again = hwsim.read_run(copy.path)
    assert "history must hold figures by name" in refusal(lambda: again.history)
    assert refusal(lambda: again.figure("odd")).endswith("nearest: history")
    (copy.path / "metrics.json").write_text("[]")
    assert "must hold figures by name" in refusal(lambda: hwsim.read_run(copy.path).metrics)


def test_parameters_of_another_network_are_refused(copy):
    write_npz(copy.path / "final.npz", {"weight_1": np.zeros(3, np.int32)})
    assert str(copy.path / "final.npz") in refusal(lambda: copy.final)


def test_patterns_that_are_gone_are_drawn_again(copy):
    before = copy.final
    (copy.path / "connectivity.npz").unlink()
    again = hwsim.read_run(copy.path)
    assert [p.left.tolist() for p in again.design.patterns] == [p.left.tolist() for p in copy.patterns]
    assert all(map(np.array_equal, again.final.weights, before.weights))


@pytest.mark.parametrize("make", ["missing", "empty", "file"])
def test_what_is_no_run_is_refused(tmp_path, make):
    path = tmp_path / "place"
    if make == "empty":
        path.mkdir()
    if make == "file":
        path.write_text("name: x\n")
    assert refusal(lambda: hwsim.read_run(path)).startswith(f"{path}: lacks config.yaml")
