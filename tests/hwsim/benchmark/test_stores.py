"""What a point costs a study is measured of a study with that many points."""

import json
import math

import pytest

from hwsim.benchmark import stores
from hwsim.studies.definition import study as studies


def test_every_figure_is_told_for_every_size(tmp_path, monkeypatch):
    monkeypatch.setattr(stores, "_LEAST", 100)
    monkeypatch.setattr(stores, "_AT_ONCE", 70)
    stores.main(str(tmp_path / "out"), "1000")
    told = json.loads((tmp_path / "out" / "stores.json").read_text())
    assert [*told] == [f"{name}_{points}" for points in (100, 1000) for name in ("expand", "put", "get", "report")]
    assert all(figure["value"] > 0 and figure["unit"] == "µs" for figure in told.values())
    assert told["get_1000"]["meaning"] == "of processor time to get one of 1,000 results"


@pytest.mark.parametrize("count", [100, 1_000, 20_000])
def test_a_study_has_so_many_points(count, tmp_path, monkeypatch):
    monkeypatch.setattr(stores, "_MOST_RATES", min(count // 20, 1_000))
    study = studies.load(stores._study(tmp_path, count))
    assert math.prod(len(axis.grid) for axis in study.axes.values()) == count


def test_a_study_of_very_many_points_fits_into_a_file(tmp_path):
    study = studies.load(stores._study(tmp_path, 100_000))
    assert math.prod(len(set(map(str, axis.grid))) for axis in study.axes.values()) == 100_000
