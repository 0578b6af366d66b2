"""A configuration that hwsim has written is as good an input as one by hand: `--set` means the same on both."""

import json

import pytest
import yaml

from hwsim.commands import app as cli
from hwsim.configuration import config_file
from hwsim.configuration.config_file import as_yaml, fingerprint, load, with_overrides
from hwsim.solver import solver
from hwsim.studies.definition import study
from hwsim.studies.definition.points import Space
from models.errors import InputError
from tests.hwsim import runs
from tests.hwsim.shipped import DEMO, SHIPPED
from tests.hwsim.studies import small_studies

SETS = {
    "hardware": {"hardware.z": [1], "hardware.latency.multiplier": 2},
    "data.morse": {"data.morse.sigma": 3},
    "frontend": {"frontend.epochs": 2},
    "numbers.input": {"numbers.input.width": 8, "numbers.input.fraction": 8, "numbers.input.signed": False},
    "numbers.weight": {"numbers.weight.width": 14, "numbers.weight.fraction": 9},
    "numbers.bias": {"numbers.bias.width": 14, "numbers.bias.fraction": 9},
    "numbers.preactivation": {"numbers.preactivation.width": 14, "numbers.preactivation.fraction": 9},
    "numbers.activation": {"numbers.activation.width": 14, "numbers.activation.fraction": 9},
    "numbers.derivative": {"numbers.derivative.width": 14, "numbers.derivative.fraction": 9},
    "numbers.delta": {"numbers.delta.width": 14, "numbers.delta.fraction": 9},
    "numbers.rounding": {"numbers.rounding.weight_step": "floor"},
    "scatter.windows": {"scatter.windows.left_1.size": [1]},
    "density": {"network.density": [1.0]},
    "full": {"network.density": "full"},
    "degrees": {"network.out_degree": "full"},
    "training": {"training.learning_rate": 0.01, "training.engine": "float"},
    "several": {"training.epochs": 2, "seed": 5, "numbers.product_fraction": 16, "hardware.kappa": [1, 9]},
}
"""Keys of every section that can be null or left out, and others with more than one form."""


def told(path, sets):
    """The configuration's text with some keys set, or the line that refuses them."""
    try:
        return as_yaml(load(path, sets))
    except InputError as e:
        return str(e)


def fitting(path, sets):
    """The same keys, their lists as long as the network has junctions."""
    junctions = load(path).network.junctions
    return {k: v * junctions if v in ([1], [1.0]) and "windows" not in k else v for k, v in sets.items()}


@pytest.mark.parametrize("kind", SETS)
@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_keys_are_set_alike_in_a_file_by_hand_and_in_the_resolved_one(path, kind, tmp_path):
    sets = fitting(path, SETS[kind])
    written = tmp_path / "config.yaml"
    written.write_text(as_yaml(load(path)))
    by_hand, resolved = told(path, sets), told(written, sets)
    assert "must be a section" not in by_hand
    # Who has given degrees and sets a density means the density, whichever of the two files says it.
    assert resolved == by_hand and "not both" not in resolved


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_a_written_configuration_is_written_the_same_again(path, tmp_path):
    first = as_yaml(load(path))
    (tmp_path / "config.yaml").write_text(first)
    again = load(tmp_path / "config.yaml")
    assert as_yaml(again) == first and fingerprint(again) == fingerprint(load(path))


@pytest.mark.parametrize("name", ["1e3", "1e-5", "12e4", "0x10", "010", "2018-01-02", "no", "null", "true", "1_000", "0o17"])
def test_names_that_look_like_something_else_come_back_as_they_were(name, tmp_path):
    (tmp_path / "c.yaml").write_text(as_yaml(load(SHIPPED[0], {"name": name})))
    assert load(tmp_path / "c.yaml").name == name
    assert yaml.safe_load((tmp_path / "c.yaml").read_text())["name"] == name


EMPTY = "network: {layers: [16, 8, 4], out_degree: [2, 2]}\n"


@pytest.mark.parametrize("section", ["", "hardware:\n", "hardware: null\n", "hardware: ~\n"])
def test_a_section_that_is_null_or_left_out_begins_empty(section, tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(EMPTY + section)
    assert load(path, {"hardware.z": [4, 2]}).hardware.z == (4, 2)
    with pytest.raises(InputError, match=r"hardware\.z: is missing"):
        load(path, {"hardware.schedule": "overlap"})


def test_one_word_for_all_steps_stands_for_each():
    plain = yaml.safe_load(DEMO.replace("half_up", "floor"))
    rounding = config_file.parse(with_overrides(plain, {"numbers.rounding.delta": "half_even"})).numbers.rounding
    assert rounding.model_dump(mode="json") == dict.fromkeys(
        ("product", "preactivation", "weight_step", "bias_step"), "floor"
    ) | {"delta": "half_even"}
    with pytest.raises(InputError, match=r"^numbers\.width = 12: must be a section with keys$"):
        with_overrides(plain, {"numbers.width.x": 1})


def test_a_density_replaces_degrees_unless_both_are_set():
    plain = yaml.safe_load(DEMO)
    assert config_file.parse(with_overrides(plain, {"network.density": [0.125, 0.5]})).out_degrees == (8, 16)
    with pytest.raises(InputError, match="give out_degree or density, not both"):
        config_file.parse(with_overrides(plain, {"network.density": [0.125, 0.5], "network.out_degree": [8, 16]}))
    assert config_file.parse(with_overrides(plain, {"network.density": None})).out_degrees == (4, 16)


@pytest.fixture
def written(tmp_path):
    """The `config.yaml` of `hwsim check` for a configuration without optional sections."""
    runs.write_samples(tmp_path / "samples.npz")
    plain = runs.FIXED | {"hardware": None, "data": {"name": str(tmp_path / "samples.npz")}}
    plain["training"] = runs.FIXED["training"] | {"epochs": 1}
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump(plain))
    assert cli.run(["check", str(path), "--out", str(tmp_path / "run"), "--set", "connectivity.kind=structured", "-q"]) == 0
    assert "hardware: null" in (tmp_path / "run" / "config.yaml").read_text()
    return tmp_path / "run" / "config.yaml"


COMMANDS = {
    "check": [],
    "train": [],
    "simulate": ["--samples", "20"],
    "verilog": [],
    "cosim": ["--samples", "2"],
    "solve": [],
    "scatter": [],
    "search": ["--trials", "20", "--draws", "5"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_sets_keys_of_sections_that_are_null(command, written, tmp_path):
    sets = ["connectivity.kind=clash_free", "hardware.z=[8, 4]", "numbers.weight.width=12"]
    sets += ["numbers.weight.fraction=8", "numbers.rounding.delta=floor"]
    options = [text for s in sets for text in ("--set", s)]
    out = ["--out", str(tmp_path / "out")]
    assert cli.run([command, str(written), *COMMANDS[command], *options, *out, "--quiet"]) == 0


def test_the_help_text_s_own_example_works_on_a_resolved_configuration(tmp_path, capsys):
    plain = {
        "network": {"layers": [64, 64], "out_degree": "full"},
        "connectivity": {"kind": "full"},
        "data": {"name": "morse"},
    }
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(plain))
    assert cli.run(["check", str(tmp_path / "c.yaml"), "--out", str(tmp_path / "run"), "-q"]) == 0
    resolved = tmp_path / "run" / "config.yaml"
    assert "morse: null" in resolved.read_text()
    sets = ["--set", "data.morse.sigma=3", "--set", "data.morse.per_class=[4, 2, 2]"]
    for path in (tmp_path / "c.yaml", resolved):
        assert cli.run(["data", "difficulty", str(path), *sets]) == 0
        assert cli.run(["check", str(path), *sets, "-q"]) == 0
    told = capsys.readouterr().out
    assert told.count("morse-1.3: difficulty of 256 samples") == 2


def test_a_study_sets_keys_of_sections_that_are_null_by_set_axes_and_bundles(tmp_path):
    base = config_file.resolved(config_file.parse(runs.FIXED | {"hardware": None, "connectivity": {"kind": "structured"}}))
    axes = {
        "z": {"key": "hardware.z", "grid": [[8, 4], [4, 2]]},
        "input": {"list": {"14": {"numbers.weight.width": 14, "numbers.weight.fraction": 8}, "-": {}}},
    }
    path = small_studies.write(tmp_path, base=base, axes=axes, set={"hardware.latency.multiplier": 1}, measure=["check"])
    found = Space(study.load(path, {"connectivity.kind": "clash_free"})).all()
    assert not found.illegal and len(found.legal) == 8
    assert {p.config.hardware.z for p in found.legal} == {(8, 4), (4, 2)}
    assert all(p.config.hardware.latency.multiplier == 1 for p in found.legal)
    solved = small_studies.write(tmp_path, base=base, axes={"z": {"solve": {}}}, set={"connectivity.kind": "clash_free"})
    assert len(Space(study.load(solved)).all().legal) > 4


def test_solve_takes_a_resolved_configuration_without_hardware(tmp_path):
    resolved = tmp_path / "c.yaml"
    resolved.write_text(as_yaml(config_file.parse(runs.FIXED | {"hardware": None, "connectivity": {"kind": "structured"}})))
    loaded = solver.load(resolved, {"connectivity.kind": "clash_free", "hardware.schedule": "overlap"})
    assert loaded.hardware.z == (1, 1) and loaded.hardware.schedule == "overlap"
    assert json.loads(json.dumps(config_file.resolved(loaded)))["hardware"]["z"] == [1, 1]
