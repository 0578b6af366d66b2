"""The configuration under fire: whatever a file holds, it is a design or one line that says what is wrong with it."""

import json
import math
import pickle
import re
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hwsim.commands import app as cli
from hwsim.commands import describe
from hwsim.configuration.config_file import as_yaml, fingerprint, json_schema, load, parse, resolved
from hwsim.design import Design
from models.connectivity.clash_free import access_sequences, log10_access_sequences
from models.errors import InputError
from tests.hwsim.configuration.hostile_configurations import FILES, ILLEGAL, SMALL
from tests.hwsim.shipped import DEMO, SHIPPED
from tests.work import calls


def refusal(tmp_path: Path, content: str | bytes) -> str:
    """What loading a file of this content complains about, without the file's name; one short line of plain text."""
    path = tmp_path / "design.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(InputError) as caught:
        load(path)
    line = str(caught.value)
    assert line.splitlines() == [line] and line.isprintable() and len(line) < 500
    return line.replace(f"{path}: ", "FILE: ")


def matches(line: str, expected: str) -> bool:
    """Equal, but for `...`, which stands for anything."""
    return re.fullmatch(".*".join(map(re.escape, expected.split("..."))), line) is not None


@pytest.mark.parametrize(("old", "new", "answer"), ILLEGAL, ids=[f"{i}:{new[:30]}" for i, (_, new, _) in enumerate(ILLEGAL)])
def test_every_illegal_value_is_told_in_one_line(old, new, answer, tmp_path):
    assert DEMO.count(old) == 1
    line = refusal(tmp_path, DEMO.replace(old, new))
    assert matches(line, answer), line


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[4, 16]", "full"),
        ("out_degree: [4, 16]", "density: [0.0625, 0.5]"),
        ("out_degree: [4, 16]", "density: [1, 1]"),
        ("out_degree: [4, 16]", "density: full"),
        ("activation: sigmoid", "activation: [relu, sigmoid]"),
        ("rounding: half_up", "rounding: {weight_step: floor}"),
        ("rate_shift: [[0, 3], [6, 4], [14, 5], [22, 6]]", "learning_rate: 1e-3"),
        ("name: demo", "name: 2018-01-02"),
        ("name: demo", "name: no"),
        ("name: demo", "name: '2018'"),
        ("seed: 0", "seed: 9223372036854775807"),
        ("seed: 0", "seed: 0x1F"),
        ("seed: 0", "seed: !!int 7"),
        ("epochs: 30", "epochs: 0"),
        ("  classes: 10\n", ""),
        ("training:\n", "training: &t\n"),
        ("\n", "\r\n"),
        ("# The", "\ufeff# The"),
    ],
)
def test_legal_configurations_come_back_equal_from_what_is_written(old, new, tmp_path):
    assert old in DEMO
    path = tmp_path / "design.yaml"
    path.write_text(DEMO.replace(old, new), encoding="utf-8", newline="")
    check_round_trip(load(path), tmp_path)


def check_round_trip(config, folder):
    again = parse(resolved(config))
    assert again == config and fingerprint(again) == fingerprint(config)
    assert as_yaml(again) == as_yaml(config)
    (folder / "again.yaml").write_text(as_yaml(config))
    assert load(folder / "again.yaml") == config
    # Other programs read the file with the YAML they have.
    assert parse(yaml.safe_load(as_yaml(config))) == config
    assert parse(json.loads(json.dumps(resolved(config)))) == config
    assert pickle.loads(pickle.dumps(config)) == config


def test_degrees_and_densities_that_mean_the_same_are_equal(tmp_path):
    by_density = DEMO.replace("out_degree: [4, 16]", "density: [0.0625, 0.5]")
    by_degree = parse(yaml.safe_load(DEMO))
    assert parse(yaml.safe_load(by_density)) == by_degree
    assert fingerprint(parse(yaml.safe_load(by_density))) == fingerprint(by_degree)


@pytest.mark.parametrize("kind", FILES)
def test_every_broken_file_is_told_in_one_line(kind, tmp_path):
    content, answer = FILES[kind]
    lines = []
    assert calls(lambda: lines.append(refusal(tmp_path, content))) < 10**7  # some kinds of file would keep us for ever
    assert matches(lines[0], answer), lines


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_files_cut_anywhere_are_told_in_one_line_or_are_shorter_designs(path, tmp_path):
    content = path.read_bytes()
    for length in range(0, len(content), 3):
        cut = tmp_path / "cut.yaml"
        cut.write_bytes(content[:length])
        try:
            load(cut)
        except InputError as e:
            assert len(str(e).splitlines()) == 1


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "file").write_text("network:")
    for path, answer in (
        (tmp_path, "FILE: cannot be read: it is a folder"),
        (tmp_path / "missing.yaml", "FILE: cannot be read: No such file or directory"),
        (tmp_path / "file" / "below", "FILE: cannot be read: Not a directory"),
        (tmp_path / ("x" * 5000), "FILE: cannot be read: File name too long"),
        (Path("/dev/null"), "FILE: is empty, ..."),
        (Path("/dev/zero"), "FILE: is no configuration: larger than 65536 bytes"),
        (Path("a\0b"), "FILE: cannot be read: ..."),
    ):
        with pytest.raises(InputError) as caught:
            load(path)
        assert matches(str(caught.value).replace(str(path), "FILE"), answer)


def test_overrides_replace_values_and_are_checked_like_them(tmp_path):
    path = tmp_path / "design.yaml"
    path.write_text(DEMO)
    changed = load(path, {"training.epochs": 3, "seed": 7, "data.pad": "spread", "connectivity.type": 1})
    assert (changed.training.epochs, changed.seed, changed.data.pad, changed.connectivity.type) == (3, 7, "spread", 1)
    with pytest.raises(InputError, match=r"^training.epochs = -3: must be at least 0; nearest: 0$"):
        load(path, {"training.epochs": -3})
    path.write_text(SMALL)
    assert load(path, {"training.epochs": 3}).training.epochs == 3
    path.write_text(SMALL + "training: fast")
    with pytest.raises(InputError, match=r'^training = "fast": must be a section with keys$'):
        load(path, {"training.epochs": 3})


def test_settings_without_effect_are_noted():
    config = parse(yaml.safe_load(DEMO.replace("order: pipelined", "optimiser: adam\n  batch_size: 8")))
    assert config.notes() == [f"training.{k} has no effect on the fixed engine" for k in ("batch_size", "optimiser")]
    random = parse(yaml.safe_load(DEMO.replace("kind: clash_free, type: 2", "kind: random, type: 3")))
    assert random.notes() == [
        "connectivity.type has no effect on random patterns",
        "hardware has no effect: random patterns run on the reference engines only",
    ]


def test_the_schema_accepts_what_is_shipped_and_refuses_unknown_keys_everywhere():
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    judge = jsonschema.Draft202012Validator(schema)
    for path in SHIPPED:
        judge.validate(yaml.safe_load(path.read_text()))
        data = resolved(load(path))
        judge.validate(json.loads(json.dumps(data)))
        for section in sections(data):
            section["surprise"] = 1
            assert not judge.is_valid(data), section
            del section["surprise"]


def sections(data):
    return [data] + [inner for value in data.values() if isinstance(value, dict) for inner in sections(value)]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_shipped_configurations_pass_check(path, tmp_path, capsys):
    assert cli.run(["check", str(path)]) == 0
    shown = capsys.readouterr()
    assert path.stem in shown.out and not shown.err
    check_round_trip(load(path), tmp_path)


def test_counts_of_access_sequences_need_no_giant_numbers():
    small = parse({"network": {"layers": [9, 6], "out_degree": [2]}, "hardware": {"z": [3]}, "connectivity": {"type": 3}})
    assert describe.sequences(small) == ["junction 1: 46,656 access sequences of type 3"]
    layers = {"layers": [2**20, 16], "out_degree": [16]}
    large = parse({"network": layers, "hardware": {"z": [16]}, "connectivity": {"type": 3}})
    assert describe.sequences(large) == ["junction 1: about 10^73,521,591 access sequences of type 3"]
    wide = parse({"network": layers, "hardware": {"z": [2**20]}, "connectivity": {"type": 2, "dither": True}})
    assert describe.sequences(wide) == ["junction 1: 1 access sequences of type 2"]


@given(
    st.sampled_from([(12, 2, 12), (12, 4, 12), (24, 3, 6), (60, 1, 20), (16, 16, 16)]),
    st.data(),
    st.sampled_from([1, 2, 3]),
    st.booleans(),
)
def test_magnitudes_of_access_sequences_are_those_of_the_exact_count(junction, data, kind, dither):
    left, d_out, right = junction
    z = data.draw(st.sampled_from([z for z in range(1, left + 1) if left % z == 0]))
    exact = access_sequences(left, d_out, right, z, kind, dither)
    magnitude = log10_access_sequences(left, d_out, right, z, kind, dither)
    assert (exact is None) == (magnitude is None)
    if exact is not None and magnitude is not None:
        assert magnitude == pytest.approx(math.log10(exact), rel=1e-9, abs=1e-9)


def test_stochastic_rounding_takes_edge_processors():
    sections = {"network": {"layers": [8, 4], "out_degree": [2]}, "connectivity": {"kind": "structured"}}
    sections |= {"numbers": {"rounding": {"weight_step": "stochastic"}}}
    with pytest.raises(InputError, match=r"^hardware.z: is missing: stochastic rounding has a generator per junction"):
        parse(sections)
    made = parse(sections | {"hardware": {"z": [4]}})
    assert Design(made).fixed_engine().random.keys() == {"random_1"} and made.notes() == []
    random = {"connectivity": {"kind": "random"}, "hardware": {"z": [4]}}
    assert parse(sections | random).notes() == [
        "only hardware.z has an effect: random patterns run on the reference engines only"
    ]
