"""One registry has the texts of all figures; what files and reports say is looked up there."""

import ast
import json
import re
from pathlib import Path

import pytest
import yaml

from hwsim.commands import app as cli
from hwsim.figure import Figure, Figures, registered
from hwsim.measurements.catalogue import MEASUREMENTS
from tests.hwsim import runs
from tests.hwsim.studies import small_studies

HOUSE = Path(__file__).parents[2]


def told(content):
    """Every figure in a file, with its name."""
    for name, value in content.items():
        if isinstance(value, dict):
            if {"value", "unit", "meaning"} <= value.keys():
                yield name, value
            else:
                yield from told(value)


def unregistered(file):
    """Figures of a file whose texts are not those of a registered figure of that name, places filled in."""
    known = {}
    for key, figure in registered().items():
        known.setdefault(key.rpartition(".")[2], []).append(figure)
    found = [*told(json.loads(file.read_text()))]
    assert found, file
    return [(n, v) for n, v in found if not any(_says(f, v) for f in known.get(n, []))]


def _says(known, value):
    patterns = (re.sub(r"\\{\w+\\}", ".+", re.escape(text)) for text in (known.unit, known.meaning))
    return all(re.fullmatch(p, value[k]) for p, k in zip(patterns, ("unit", "meaning"), strict=True))


@pytest.fixture
def base(tmp_path):
    samples = str(runs.write_samples(tmp_path / "samples.npz"))

    def write(config, **training):
        path = tmp_path / "base.yaml"
        made = config | {
            "data": {"name": samples, "validation": 10},
            "training": config["training"] | {"epochs": 1} | training,
        }
        path.write_text(yaml.safe_dump(made))
        return path

    return write


@pytest.mark.parametrize(
    ("command", "files"),
    [
        (["train"], ["metrics.json", "timing.json"]),
        (["simulate"], ["metrics.json"]),
        (["scatter"], ["scatter.json"]),
        (["search", "--draws", "3", "--trials", "20"], ["search.json"]),
        (["solve"], ["solve.json"]),
    ],
)
def test_every_figure_that_a_command_leaves_is_registered(command, files, base, tmp_path):
    path = base(runs.FIXED | {"connectivity": {"kind": "clash_free"}})
    assert cli.run([command[0], str(path), "--out", str(tmp_path / "out"), *command[1:]]) == 0
    assert [unregistered(tmp_path / "out" / file) for file in files] == [[] for _ in files]


def test_the_float_engine_difficulty_and_studies_use_the_registry_as_well(base, tmp_path):
    path = base(runs.FLOAT)
    assert cli.run(["train", str(path), "--out", str(tmp_path / "out")]) == 0
    assert cli.run(["data", "difficulty", str(path), "--out", str(tmp_path / "out/hard.json")]) == 0
    assert small_studies.explore(small_studies.write(tmp_path, measure=["check"]), tmp_path / "study") == 0
    for file in ("out/metrics.json", "out/hard.json", "study/timing.json"):
        assert unregistered(tmp_path / file) == []


def test_every_figure_of_a_measurement_is_registered():
    for known in MEASUREMENTS.values():
        assert set(known.figures.values()) <= set(registered().values())


def test_a_key_has_one_text():
    first = Figures("of this test", {"age": Figure("days", "since it was made")})
    assert Figures("of this test", {"age": Figure("days", "since it was made")})["age"] == first["age"]
    with pytest.raises(ValueError, match=r"of this test\.age is registered already, with another text"):
        Figures("of this test", {"age": Figure("days", "since May")})


def test_no_meaning_is_written_twice():
    texts = {}
    for folder in ("hwsim", "rtl", "models"):
        for path in (HOUSE / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_bytes())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Figure":
                    meaning = node.args[1] if len(node.args) > 1 else None
                    if isinstance(meaning, ast.Constant) and meaning.value:
                        texts.setdefault((ast.unparse(node.args[0]), meaning.value), []).append(path.name)
    assert {text: where for text, where in texts.items() if len(where) > 1} == {}


def test_files_get_unit_and_meaning_from_the_registry_alone():
    writers = set()
    for folder in ("hwsim", "rtl"):
        for path in (HOUSE / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_bytes())):
                if isinstance(node, ast.Dict) and "meaning" in [k.value for k in node.keys if isinstance(k, ast.Constant)]:
                    writers.add(path.relative_to(HOUSE).as_posix())
    assert writers == {
        "hwsim/commands/document.py",  # tells programs of a table's columns, which look figures up
        "hwsim/figure.py",
        "hwsim/reports/study.py",  # tells a page of a looked-up figure
        "hwsim/studies/findings/tables.py",  # tells Parquet of a looked-up figure
        "rtl/verilog/maps/register_map_json.py",  # meanings of registers, which are no figures
    }
