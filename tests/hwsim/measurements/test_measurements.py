"""Measurements are records in one table; a distribution may add one, and a data set to measure it on."""

import csv
import sqlite3
import tomllib
from pathlib import Path

import pytest

from hwsim.configuration import config_file
from hwsim.measurements.catalogue import MEASUREMENTS
from hwsim.measurements.measurement import Need
from hwsim.studies.figures import columns_of, of_column
from hwsim.studies.measuring.code_version import imported
from hwsim.studies.measuring.workshop import Workshop, code_of, task
from models.errors import InputError
from tests.distributions import install
from tests.hwsim import runs
from tests.hwsim.studies import small_studies

HOUSE = Path(__file__).parents[3]
WIRES = """
from hwsim.figure import Figure, Figures
from hwsim.measurements.measurement import Measurement

FIGURES = Figures("wires", {"wires": Figure("wires", "of all edges", "less", "wires")})
WIRES = Measurement("wires", FIGURES, lambda subject: {"wires": WIDTH * sum(subject.design.config.edges)})
WIDTH = 12
"""
POINTS = {"hwsim.measurements": {"wires": "wires:WIRES"}}


def test_every_record_of_ours_is_there_under_its_name():
    ours = ["check", "fixed", "float", "cycle", "costs", "pattern", "difficulty", "adaptation", "adaptation_in_order"]
    assert [*MEASUREMENTS] == [*ours, "drift", "stability", "frontend", "synth"]
    for name, known in MEASUREMENTS.items():
        assert known.name == name and known.figures and columns_of(name)
        assert all(of_column(c) is known.figures[c.partition(".")[2]] for c in columns_of(name))


def test_synthesis_is_registered_as_a_plugin_would_be():
    known = tomllib.loads((HOUSE / "pyproject.toml").read_text())["project"]["entry-points"]["hwsim.measurements"]
    assert known == {"synth": MEASUREMENTS._own["synth"]}


@pytest.mark.parametrize("name", ["check", "pattern", "float", "difficulty", "cycle", "costs"])
def test_what_needs_hardware_fails_without_and_nothing_else_does(name, tmp_path):
    data = {"name": str(runs.write_samples(tmp_path / "samples.npz"))}
    config = config_file.parse(runs.FLOAT | {"data": data, "training": runs.FLOAT["training"] | {"epochs": 1}})
    try:
        failed = Workshop().measure(task(name, config, None)).error is not None
    except InputError:
        failed = True
    assert failed == (Need.HARDWARE in MEASUREMENTS[name].needs)


def test_what_needs_torch_says_so():
    for name, known in MEASUREMENTS.items():
        assert ("hwsim.frontends.engine" in imported(MEASUREMENTS.module(name))) == (Need.TORCH in known.needs)


def test_a_distribution_adds_a_measurement(tmp_path, monkeypatch):
    install(tmp_path / "site", "many-wires", POINTS, wires=WIRES)
    monkeypatch.syspath_prepend(tmp_path / "site")
    path = small_studies.write(tmp_path, measure=["check", "wires"], pareto=[["wires.wires", "check.clocks_per_input"]])
    assert small_studies.explore(path, tmp_path / "out") == 0
    rows = list(csv.DictReader((tmp_path / "out/results.csv").read_text().splitlines()))
    assert rows and all(int(r["wires.wires"]) == 12 * int(r["check.edges"]) for r in rows)
    assert "| `wires.wires` | wires | of all edges | less |" in (tmp_path / "out/report.md").read_text()


def test_its_source_is_part_of_what_results_depend_on(tmp_path, monkeypatch):
    codes = []
    for width in (12, 13):
        site = tmp_path / f"site{width}"
        module = f"wires_{width}"
        source = {module: WIRES.replace("12", str(width))}
        install(site, "many-wires", {"hwsim.measurements": {"wires": f"{module}:WIRES"}}, **source)
        with monkeypatch.context() as patch:
            patch.syspath_prepend(site)
            codes.append(code_of("wires"))
    assert codes[0] != codes[1]


def test_a_measurement_that_is_unknown_is_one_line(tmp_path, capsys):
    assert small_studies.explore(small_studies.write(tmp_path, measure=["check", "wires"]), tmp_path / "out") == 2
    line = capsys.readouterr().err
    assert line.startswith('hwsim: measure[1] = "wires": must be check or fixed or float or cycle or costs or ')


def told(capsys):
    return [line for line in capsys.readouterr().err.splitlines() if "other code" in line]


def test_results_of_other_code_are_measured_again_and_it_is_said_once(tmp_path, capsys):
    path, out = small_studies.write(tmp_path, measure=["check"]), tmp_path / "out"
    assert small_studies.explore(path, out) == 0
    assert small_studies.explore(path, out, "--resume") == 0 and told(capsys) == []
    before = small_studies.tables(out)
    with sqlite3.connect(out / "study.sqlite") as db:
        count = db.execute("SELECT count(*) FROM results").fetchone()[0]
        db.execute("UPDATE results SET code = 'old', key = key || ' old'")
    db.close()
    assert small_studies.explore(path, out, "--resume") == 0
    assert told(capsys) == [f"hwsim: {count} stored results were measured by other code and are measured again"]
    assert small_studies.explore(path, out, "--resume") == 0 and told(capsys) == []
    assert small_studies.tables(out) == before


def test_results_of_a_former_format_are_told_of_as_well(tmp_path, capsys):
    path, out = small_studies.write(tmp_path, measure=["check"]), tmp_path / "out"
    assert small_studies.explore(path, out, "--seeds", "1") == 0
    with sqlite3.connect(out / "study.sqlite") as db:
        count = db.execute("SELECT count(*) FROM results").fetchone()[0]
        db.execute("PRAGMA user_version = 1")
    db.close()
    assert small_studies.explore(path, out, "--resume") == 0
    assert told(capsys) == [f"hwsim: {count} stored results were measured by other code and are measured again"]
