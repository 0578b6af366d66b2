"""``hwsim data difficulty`` and the figures behind it."""

import json
import math

import numpy as np
import pytest

from hwsim.commands import app as cli
from hwsim.configuration import config_file
from hwsim.design import Design
from hwsim.measurements.difficulty_figures import DIFFICULTY_FIGURES, difficulty_figures
from models.data import mini
from models.data.dataset import Split
from models.data.difficulty import clouds, difficulty, difficulty_as_coded
from tests.hwsim.shipped import SHIPPED

DEMO = next(p for p in SHIPPED if p.stem == "demo")
SMALL = ["--set", "data.morse.per_class=[20,1,1]", "--set", "data.morse.sigma=3"]


def told(tmp_path, *options):
    path = tmp_path / "difficulty.json"
    assert cli.run(["data", "difficulty", *options, "--out", str(path), "-q"]) == 0
    return json.loads(path.read_text())


def test_figures_have_names_units_and_the_values_of_the_metrics():
    data = mini.load()
    found = difficulty_figures(data)
    assert found.keys() == DIFFICULTY_FIGURES.keys() and all(f.unit and f.meaning for f in DIFFICULTY_FIGURES.values())
    of = clouds(data.train)
    assert [*found.values()] == [*difficulty(of), *difficulty_as_coded(of)]


def test_a_table_and_a_file(tmp_path, capsys):
    path = tmp_path / "d.json"
    assert cli.run(["data", "difficulty", "mnist-mini", "--out", str(path)]) == 0
    written = json.loads(path.read_text())
    assert (written["data"], written["samples"], written["classes"]) == ("mnist-mini", 5000, 10)
    table = capsys.readouterr().out
    for name, figure in written["figures"].items():
        assert figure["unit"] == DIFFICULTY_FIGURES[name].unit and figure["meaning"] in table
        assert f"{figure['value']:.6g}" in table
    assert written == told(tmp_path, "mnist-mini")


def test_a_configuration_is_its_data_before_padding(tmp_path):
    found = told(tmp_path, str(DEMO), "--set", "training.samples=400")
    assert found["samples"] == 400
    wanted = difficulty(clouds(mini.load().train[:400]))
    assert found["figures"]["lower_bound"]["value"] == wanted.lower_bound
    design = Design(config_file.load(DEMO, {"training.samples": 400}))
    padded, plain = design.dataset(None), design.unpadded(None)
    assert (padded.features, plain.features) == (1024, 784)
    assert np.array_equal(padded.train.inputs[:, :784], plain.train.inputs) and not padded.train.inputs[:, 784:].any()


def test_morse_by_name_and_seed(tmp_path):
    first = told(tmp_path, "morse", *SMALL)
    assert first["data"] == "morse-1.3" and first["samples"] == 1280
    assert first == told(tmp_path, "morse", *SMALL, "--seed", "0") != told(tmp_path, "morse", *SMALL, "--seed", "1")


def test_infinite_figures_are_null(tmp_path):
    same = np.tile(np.array([[0.25, 0.5], [0.5, 0.25]], np.float32), (2, 1))
    path, labels = tmp_path / "same.npz", np.array([0, 0, 1, 1])
    np.savez(path, x_train=same, y_train=labels, x_test=same, y_test=labels)
    figures = told(tmp_path, str(path))["figures"]
    assert figures["distance"]["value"] is None and figures["lower_bound"]["value"] == 0.5
    assert math.isinf(difficulty(clouds(Split(same, labels))).distance)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["mnsit"], "unknown data set"),
        (["mnist"], "needs a data directory"),
        (["none.npz"], "none.npz"),
        (["none.yaml"], "none.yaml: cannot be read"),
        (["mnist-mini", "--set", "training.samples=5"], "has no effect on a data set's name"),
        (["mnist-mini", "--set", "data.morse.sigma=1"], "belongs to the data set morse"),
        (["morse", "--set", "data.morse.family=7"], "data.morse.family"),
        ([str(DEMO), "--set", "training.samples=1"], "needs samples of two classes"),
        (["digits", "--out", "."], "--out"),
    ],
)
def test_bad_input_is_one_line(options, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HWSIM_DATA", raising=False)
    assert cli.run(["data", "difficulty", *options]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
