"""A study in one call gives the rows of the tables that ``hwsim explore`` writes."""

import csv
import sys
from types import SimpleNamespace

import pytest

import hwsim
from models.errors import InputError
from tests.hwsim import runs
from tests.hwsim.studies import small_studies

BASE = hwsim.Configuration(**runs.FIXED)
STUDY = {
    "name": "small",
    "base": BASE,
    "axes": {"z": {"key": "hardware.z", "grid": [[8, 4], [16, 8], [3, 3]]}},
    "seeds": [0, 1],
    "measure": ["check"],
}


def read(path):
    return [*csv.DictReader(path.read_text().splitlines())]


def as_text(rows):
    return [{key: "" if value is None else str(value) for key, value in row.items()} for row in rows]


@pytest.mark.parametrize("workers", [1, 2])
def test_rows_are_those_of_the_command(tmp_path, workers):
    path = small_studies.write(tmp_path, axes={"degrees": small_studies.STUDY["axes"]["degrees"]})
    assert small_studies.explore(path, tmp_path / "out") == 0
    rows = hwsim.explore(path, workers=workers)
    assert as_text(rows.points) == read(tmp_path / "out" / "results.csv")
    assert [{k: v for k, v in row.items() if v} for row in as_text(rows.designs)] == [
        {k: v for k, v in row.items() if v} for row in read(tmp_path / "out" / "summary.csv")
    ]
    illegal = tmp_path / "out" / "illegal.csv"
    assert as_text(rows.illegal) == (read(illegal) if illegal.exists() else [])


def test_a_dictionary_is_as_good_as_a_file():
    rows = hwsim.explore(STUDY)
    assert [(row["design"], row["z"], row["seed"], row["error"]) for row in rows.points] == [
        (0, "8-4", 0, None),
        (0, "8-4", 1, None),
        (1, "16-8", 0, None),
        (1, "16-8", 1, None),
    ]
    assert [row["seeds"] for row in rows.designs] == [2, 2]
    assert [row["check.clocks_per_input"] for row in rows.designs] == [6, 4]
    assert [row["z"] for row in rows.illegal] == ["3-3"] and rows.illegal[0]["reason"].startswith("hardware.z[0] = 3:")
    assert STUDY["base"] is BASE, "what was given stays as it is"


def test_nothing_stays_on_disk_without_a_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    hwsim.explore(STUDY)
    assert list(tmp_path.iterdir()) == []


def test_a_directory_keeps_what_was_measured(tmp_path):
    out, told = tmp_path / "out", []
    first = hwsim.explore(STUDY, out)
    assert {"study.yaml", "study.sqlite", "results.csv", "summary.csv", "illegal.csv"} <= {p.name for p in out.iterdir()}
    assert as_text(first.points) == read(out / "results.csv")
    with pytest.raises(InputError, match=r"out = .*: holds a study: resume continues it"):
        hwsim.explore(STUDY, out)
    again = hwsim.explore(STUDY, str(out), resume=True, watch=told.append)
    assert again == first
    assert [(p.done, p.total) for p in told] == [(4, 4)], "nothing is measured again"


def test_a_point_that_fails_has_an_error_in_its_row(tmp_path):
    sizes = {"network.layers": [784, 8, 4], "network.classes": 4, "hardware.z": [8, 4]}
    rows = hwsim.explore(
        STUDY | {"axes": {}, "set": {"data.name": str(tmp_path / "none.npz")} | sizes, "measure": ["fixed"]}
    )
    assert len(rows.points) == 2 and all("none.npz" in row["error"] for row in rows.points)
    assert rows.designs[0]["failed"] == 2


@pytest.mark.parametrize(
    "study, rule",
    [
        ({"name": "x", "measure": ["check"]}, "base: is missing"),
        (STUDY | {"measure": ["speed"]}, 'measure[0] = "speed": must be'),
        (STUDY | {"base": "nowhere.yaml"}, "nowhere.yaml"),
        ("nowhere.yaml", "nowhere.yaml"),
    ],
)
def test_what_is_no_study_is_told_in_one_line(study, rule):
    with pytest.raises(InputError) as refused:
        hwsim.explore(study)
    assert rule in str(refused.value) and "\n" not in str(refused.value)


def test_resuming_needs_a_directory():
    with pytest.raises(InputError, match="resume: needs the directory of a study: give out"):
        hwsim.explore(STUDY, resume=True)


def test_tables_of_pandas_and_arrow(monkeypatch):
    rows = hwsim.explore(STUDY)
    table = rows.to_arrow()
    assert table.to_pylist() == rows.points
    assert table.schema.field("check.multipliers").metadata[b"meaning"]
    assert [row["z"] for row in rows.to_arrow("illegal").to_pylist()] == ["3-3"]
    monkeypatch.setitem(sys.modules, "pandas", SimpleNamespace(DataFrame=list))
    assert rows.to_pandas() == rows.points and rows.to_pandas("designs") == rows.designs
    with pytest.raises(InputError, match="table = figures: is no table of a study; nearest: points, designs, illegal"):
        rows.to_pandas("figures")


@pytest.mark.parametrize("package", ["pandas", "pyarrow"])
def test_a_missing_package_is_told_in_one_line(package, monkeypatch):
    rows = hwsim.StudyRows([{"point": 0}], [], [])
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=f"package {package}: is missing: install it with pip install"):
        rows.to_pandas() if package == "pandas" else rows.to_arrow()


def test_a_study_that_breaks_off_leaves_no_lock(tmp_path):
    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hwsim.explore(STUDY, tmp_path / "out", watch=stop)
    made = hwsim.explore(STUDY, tmp_path / "out", resume=True)
    assert len(made.points) == 4
