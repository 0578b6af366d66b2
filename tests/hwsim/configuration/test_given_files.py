"""Patterns and parameters from files: used as they are, checked against the configuration, kept with the run."""

import numpy as np
import pytest
import yaml

from hwsim.commands import app as cli
from hwsim.configuration import config_file
from hwsim.design import Design
from hwsim.studies.definition import study
from hwsim.studies.definition.points import Space
from hwsim.studies.measuring.workshop import task
from models.connectivity.files import write_connectivity
from models.connectivity.pattern import Pattern
from models.errors import InputError
from models.files.npz import read_npz, write_npz
from tests.hwsim import runs


@pytest.fixture
def first(tmp_path):
    """A finished run, whose files others are given."""
    out = tmp_path / "first"
    assert runs.train(runs.write_config(tmp_path, "fixed pipelined"), out) == 0
    return out


def variant(first, name="again.yaml", **sections):
    """The run's configuration with other values, beside its files."""
    data = yaml.safe_load((first / "config.yaml").read_text())
    for section, values in sections.items():
        data[section] = values if not isinstance(values, dict) else data.get(section, {}) | values
    path = first.parent / name
    path.write_text(yaml.safe_dump(data))
    return path


GIVEN = {
    "connectivity": {"file": "first/connectivity.npz"},
    "training": {"init": "file", "init_file": "first/initial.npz"},
}


def test_given_files_replace_every_draw(first, tmp_path, no_pictures):
    assert runs.train(variant(first, "own.yaml", seed=77, training={"shuffle": False}), tmp_path / "own") == 0
    given = variant(first, seed=77, **{**GIVEN, "training": GIVEN["training"] | {"shuffle": False}})
    assert runs.train(given, tmp_path / "third") == 0
    for name in ("connectivity.npz", "initial.npz"):
        assert (tmp_path / "third" / name).read_bytes() == (first / name).read_bytes()
        assert (tmp_path / "own" / name).read_bytes() != (first / name).read_bytes()
    design = Design(config_file.load(given))
    assert design.patterns[0].seeds is not None
    assert design.patterns[0].seeds.z == 8


def test_a_directory_with_given_files_stands_alone(first, tmp_path, no_pictures):
    given = variant(first, seed=77, **GIVEN)
    assert runs.train(given, tmp_path / "second") == 0
    moved = (tmp_path / "second").rename(tmp_path / "moved")
    for file in first.iterdir():
        file.unlink()
    assert runs.train(moved / "config.yaml", tmp_path / "third") == 0
    assert runs.train(moved / "config.yaml", moved) == 0  # into itself
    for name in (
        "connectivity.npz",
        "given_connectivity.npz",
        "initial.npz",
        "given_initial.npz",
        "final.npz",
        "config.yaml",
    ):
        assert (moved / name).read_bytes() == (tmp_path / "third" / name).read_bytes(), name


def test_real_parameters_are_quantised_and_integers_are_real_numbers_elsewhere(first, tmp_path):
    design = Design(config_file.load(variant(first, **GIVEN)))
    integers = design.initial
    write_npz(first / "initial.npz", integers.real(design.config.numbers.system).arrays())
    again = Design(config_file.load(variant(first, **GIVEN))).initial
    for a, b in zip(integers.weights + integers.biases, again.weights + again.biases, strict=True):
        assert b.dtype == np.int32
        assert np.array_equal(a, b)


def test_the_content_of_a_file_counts_not_its_name(first, tmp_path):
    config = config_file.load(variant(first, **GIVEN))
    before, key = config_file.fingerprint(config), task("check", config, None).key
    (tmp_path / "copy.npz").write_bytes((first / "connectivity.npz").read_bytes())
    copied = config_file.load(variant(first, **{**GIVEN, "connectivity": {"file": "copy.npz"}}))
    assert config_file.fingerprint(copied) == before
    other = Design(config_file.load(variant(first, seed=1, connectivity={"file": None}))).patterns
    write_connectivity(tmp_path / "copy.npz", other)
    assert config_file.fingerprint(copied) != before
    assert task("check", copied, None).key != key


def test_names_in_a_study_start_from_its_file(first, tmp_path):
    (tmp_path / "deep").mkdir()
    data = {
        "name": "given",
        "base": "../again.yaml",
        "axes": {
            "pattern": {"list": {"a": {"connectivity.file": "../first/connectivity.npz"}, "b": {"connectivity.file": None}}},
            "file": {"key": "training.init_file", "grid": ["../first/initial.npz"]},
        },
        "measure": ["check", "fixed"],
    }
    variant(first, **GIVEN)
    (tmp_path / "deep" / "study.yaml").write_text(yaml.safe_dump(data))
    loaded = study.load(tmp_path / "deep" / "study.yaml")
    assert loaded.axes["pattern"].list["a"]["connectivity.file"] == str((first / "connectivity.npz").resolve())
    assert loaded.axes["file"].grid == (str((first / "initial.npz").resolve()),)
    out = tmp_path / "explored"
    assert cli.run(["explore", str(tmp_path / "deep" / "study.yaml"), "--out", str(out), "--quiet"]) == 0
    assert (out / "summary.csv").read_text().count("\n") == 3


BROKEN = {
    "missing": ({"connectivity": {"file": "nowhere.npz"}}, "cannot be read"),
    "missing parameters": ({"training": {"init": "file", "init_file": "nowhere.npz"}}, "cannot be read"),
    "another z": ({"connectivity": GIVEN["connectivity"], "hardware": {"z": [16, 4]}}, "has hardware.z 8"),
    "another type": ({"connectivity": GIVEN["connectivity"] | {"type": 3}}, "has connectivity.type 2"),
    "other degrees": (
        {"connectivity": GIVEN["connectivity"], "network": {"out_degree": [4, 2]}},
        "has out-degree 2 in junction 1",
    ),
    "full": (
        {"connectivity": GIVEN["connectivity"] | {"kind": "full"}, "network": {"out_degree": "full"}},
        "must be left out",
    ),
    "no file": ({"training": {"init": "file"}}, "training.init_file: is missing"),
    "no init": ({"training": {"init_file": "first/initial.npz"}}, "belongs to `init: file`"),
}


@pytest.mark.parametrize("case", list(BROKEN))
def test_what_does_not_fit_is_refused(case, first, tmp_path, capsys):
    sections, message = BROKEN[case]
    assert cli.run(["check", str(variant(first, **sections)), "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_files_with_other_content_are_refused(first, tmp_path):
    config = variant(first, **GIVEN)
    integers = read_npz(first / "initial.npz")
    reals = {name: array.astype(np.longdouble) for name, array in integers.items()}
    for arrays, name, value, message in (
        (integers, "weight_1", np.full(32, 4000, np.int32), r"initial.npz:weight_1 = 4000\.\.4000: must lie in -2048"),
        (integers, "weight_1", np.full(32, 2**40), "must lie in"),
        (reals, "weight_1", np.full(32, np.nan), "must hold finite numbers"),
        (reals, "bias_2", np.full(4, -np.inf, np.float16), "bias_2 = -inf: must hold finite numbers"),
        (reals, "bias_2", np.full(4, np.longdouble("1e4000")), "bias_2 = inf: must hold finite numbers"),
        (integers, "weight_2", np.zeros(5), "must have shape"),
        (integers, "weight_1", np.zeros(32, np.bool_), "weight_1 = bool: must hold integers or floating-point numbers"),
        (integers, "weight_1", np.zeros(32, complex), "weight_1 = complex128: must hold integers or floating-point"),
        (integers, "weight_1", np.zeros(32, "m8[s]"), "is not read: only numbers"),
        (integers, "weight_1", np.zeros(32, [("a", int)]), "is not read: only numbers"),
        (integers, "bias_1", np.zeros(8, np.bool_), "bias_1 = bool: must hold integers, as weight_1 does"),
        (integers, "bias_1", np.zeros(8), "bias_1 = float64: must hold integers, as weight_1 does"),
        (reals, "weight_2", np.zeros(16, int), "weight_2 = int64: must hold floating-point numbers, as weight_1 does"),
    ):
        write_npz(first / "initial.npz", arrays | {name: value})
        with pytest.raises(InputError, match=message):
            _ = Design(config_file.load(config)).initial
    (first / "connectivity.npz").write_bytes(b"no archive")
    with pytest.raises(InputError):
        _ = Design(config_file.load(config)).patterns


def test_a_clash_free_file_needs_seeds_and_others_their_degrees(first):
    arrays = read_npz(first / "connectivity.npz")
    edges = {k: v for k, v in arrays.items() if k.startswith("left")}
    write_npz(first / "connectivity.npz", edges)
    with pytest.raises(InputError, match="has no seeds"):
        _ = Design(config_file.load(variant(first, **GIVEN))).patterns
    structured = {"connectivity": GIVEN["connectivity"] | {"kind": "structured"}}
    found = Design(config_file.load(variant(first, **structured))).patterns
    assert [p.left.tolist() for p in found] == [edges["left_1"].tolist(), edges["left_2"].tolist()]
    uneven = edges["left_1"].copy()
    row = Pattern.regular(16, 8, uneven).left[:4]
    uneven[0] = next(q for q in range(16) if q not in row)
    write_npz(first / "connectivity.npz", edges | {"left_1": uneven})
    with pytest.raises(InputError, match="different degrees"):
        _ = Design(config_file.load(variant(first, **structured))).patterns
    free = {"connectivity": GIVEN["connectivity"] | {"kind": "random"}, "hardware": None}
    assert Design(config_file.load(variant(first, **free))).patterns[0].left.tolist() == uneven.tolist()


def test_a_missing_file_makes_a_point_illegal_not_the_study(first, tmp_path):
    listed = {"there": {"connectivity.file": "first/connectivity.npz"}, "gone": {"connectivity.file": "nowhere.npz"}}
    data = {"name": "given", "base": "again.yaml", "axes": {"pattern": {"list": listed}}, "measure": ["check"]}
    variant(first, **GIVEN)
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(data))
    found = Space(study.load(tmp_path / "study.yaml")).all()
    assert [p.labels["pattern"] for p in found.legal] == ["there"]
    assert [i.labels["pattern"] for i in found.illegal] == ["gone"]
    assert "connectivity.file" in found.illegal[0].reason and "cannot be read" in found.illegal[0].reason
