"""Which inputs a run has kept stands in its directory, and whoever goes on with it keeps the same."""

import json

import numpy as np
import pytest

import hwsim
from hwsim.commands import app as cli
from hwsim.results.directory import INPUTS, RunDirectory
from hwsim.training.run import TrainingRun
from tests.hwsim import runs

SETS = {"data.select.count": 11, "data.select.by": "variance"}
SELECT = [word for key, value in SETS.items() for word in ("--set", f"{key}={value}")]


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch):
    monkeypatch.setattr("hwsim.pictures.training.all_of_training", lambda *_: None)


def varied(path):
    """The eleven most varied inputs of the training samples in a file."""
    variance = np.load(path)["train_inputs"].var(axis=0, dtype=np.float64)
    return sorted(np.argsort(-variance, kind="stable")[:11].tolist())


def kept(folder):
    return json.loads((folder / INPUTS).read_text())["inputs"]


@pytest.mark.parametrize("kind", ["fixed pipelined", "cycle", "float adam batches"])
def test_every_engine_learns_from_them_as_from_samples_that_have_no_others(kind, tmp_path):
    config = runs.write_config(tmp_path, kind, epochs=2)
    assert runs.train(config, tmp_path / "out", *SELECT) == 0
    assert kept(tmp_path / "out") == varied(tmp_path / "samples.npz")
    samples = dict(np.load(tmp_path / "samples.npz"))
    few = {name: a[:, varied(tmp_path / "samples.npz")] if a.ndim == 2 else a for name, a in samples.items()}
    np.savez(tmp_path / "few.npz", **few)
    assert runs.train(config, tmp_path / "few", "--set", f"data.name={tmp_path / 'few.npz'}") == 0
    assert not (tmp_path / "few" / INPUTS).exists()
    run, other = (hwsim.read_run(tmp_path / name) for name in ("out", "few"))
    assert (tmp_path / "out" / "final.npz").read_bytes() == (tmp_path / "few" / "final.npz").read_bytes()
    assert run.history == other.history
    assert run.figure("files")[INPUTS] and INPUTS not in other.figure("files")


class Stopped(Exception):
    pass


@pytest.fixture
def begun(tmp_path):
    """A run that was stopped after its first epoch, on a file of samples that is only known by its name."""

    def stop(progress):
        raise Stopped

    config = runs.write_config(tmp_path, "fixed pipelined", samples=100)
    (tmp_path / "there").mkdir()
    (tmp_path / "samples.npz").rename(tmp_path / "there" / "elsewhere.npz")
    design = hwsim.Design(hwsim.load(config, {**SETS, "data.name": "elsewhere.npz"}))
    data = design.dataset(tmp_path / "there")
    with pytest.raises(Stopped):
        TrainingRun(design, data, RunDirectory(tmp_path / "out", design.config)).run(stop)
    assert kept(tmp_path / "out") == varied(tmp_path / "there" / "elsewhere.npz")
    whole = hwsim.train(design, data).parameters.arrays()
    return tmp_path, whole


def resumed(folder):
    out = folder / "out"
    return cli.run(["train", f"{out}/config.yaml", "--out", str(out), "--resume", "--data-dir", str(folder / "there")])


def change(folder, rows):
    """Other samples: what varied least varies most now."""
    arrays = dict(np.load(folder / "there" / "elsewhere.npz"))
    arrays["train_inputs"][rows] = 255 * (arrays["train_inputs"][rows] < 128)
    arrays["train_inputs"][rows, :5] = np.resize([0, 255], (len(arrays["train_inputs"][rows]), 1))
    np.savez(folder / "there" / "elsewhere.npz", **arrays)
    assert varied(folder / "there" / "elsewhere.npz") != kept(folder / "out")


def test_a_run_goes_on_with_what_it_has_kept_and_says_so_where_the_samples_tell_others(begun, capsys, caplog):
    folder, whole = begun
    before = kept(folder / "out")
    change(folder, slice(100, None))  # of which it has learned nothing, and which tell what is kept all the same
    assert resumed(folder) == 0
    line = "data.select: elsewhere no longer tells the 11 inputs stored with this run, which stay"
    assert [record.getMessage() for record in caplog.records] == [line]
    assert kept(folder / "out") == before
    run = hwsim.read_run(folder / "out")
    assert run.final.arrays().keys() == whole.keys()
    assert all(np.array_equal(run.final.arrays()[name], array) for name, array in whole.items())
    caplog.clear()
    data = run.design.dataset(folder / "there")  # whoever evaluates it
    assert data.selected.tolist() == before and [record.getMessage() for record in caplog.records] == [line]


def test_a_run_does_not_go_on_with_other_samples(begun, capsys):
    folder, _ = begun
    change(folder, slice(0, 100))
    assert resumed(folder) == 2
    assert "began with other samples: elsewhere has changed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{", "inputs.json: is no sound JSON: "),
        ("[]", "inputs.json: is damaged: inputs must be a list of their numbers"),
        ('{"inputs": [1, -2]}', "inputs.json: is damaged: inputs must be a list of their numbers"),
        ('{"inputs": [true]}', "inputs.json: is damaged: inputs must be a list of their numbers"),
        ('{"inputs": [1, 2, 3]}', "inputs.json: does not hold the 11 inputs that data.select of its run asks for"),
        ('{"inputs": [1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2]}', "inputs.json: does not hold the 11 inputs"),
        (
            '{"inputs": [20, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]}',
            "data.select.inputs[0] = 20: must be an input of",
        ),
        (
            '{"inputs": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}',
            "inputs.json: is damaged, or of another run: once it is removed,",
        ),
    ],
)
def test_a_list_that_is_not_the_runs_is_refused(text, line, begun, capsys):
    folder, _ = begun
    (folder / "out" / INPUTS).write_text(text)
    assert resumed(folder) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and line in told


def test_a_list_that_is_gone_is_written_again(begun):
    folder, whole = begun
    before = (folder / "out" / INPUTS).read_bytes()
    (folder / "out" / INPUTS).unlink()
    assert resumed(folder) == 0
    assert (folder / "out" / INPUTS).read_bytes() == before
    assert np.array_equal(hwsim.read_run(folder / "out").final.weights[0], whole["weight_1"])


def test_what_was_kept_goes_with_the_run_that_kept_it(tmp_path):
    config = runs.write_config(tmp_path, "fixed pipelined", epochs=1)
    assert runs.train(config, tmp_path / "out", *SELECT) == 0
    first = kept(tmp_path / "out")
    assert runs.train(config, tmp_path / "out", *SELECT[:2], "--force") == 0
    assert kept(tmp_path / "out") != first and hwsim.read_run(tmp_path / "out").inputs.tolist() == kept(tmp_path / "out")
    assert runs.train(config, tmp_path / "out", "--force") == 0
    assert not (tmp_path / "out" / INPUTS).exists() and hwsim.read_run(tmp_path / "out").inputs is None


def test_simulation_and_search_work_on_them(tmp_path, capsys):
    config, out = str(runs.write_config(tmp_path, "fixed pipelined")), str(tmp_path / "out")
    assert cli.run(["simulate", config, "--out", out, "--samples", "20", "-q", *SELECT]) == 0
    told = varied(tmp_path / "samples.npz")
    assert kept(tmp_path / "out") == told
    simulated = hwsim.read_run(tmp_path / "out")
    assert simulated.design.dataset().train.inputs.tolist() == [
        [*row[told], *[0] * 5] for row in np.load(tmp_path / "samples.npz")["train_inputs"][:20]
    ]
    climb = ["--trials", "5", "--draws", "2", "--variance", "--force"]
    assert cli.run(["search", config, "--out", out, "-q", *climb, *SELECT]) == 0
    assert runs.train(tmp_path / "out" / "config.yaml", tmp_path / "best", "--epochs", "1") == 0
    assert kept(tmp_path / "best") == told
