"""What a point costs a study is measured of a study with that many points."""

import json

from hwsim.benchmark import stores


def test_every_figure_is_told_for_every_size(tmp_path, monkeypatch):
    monkeypatch.setattr(stores, "_LEAST", 100)
    monkeypatch.setattr(stores, "_AT_ONCE", 70)
    stores.main(str(tmp_path / "out"), "1000")
    told = json.loads((tmp_path / "out" / "stores.json").read_text())
    assert [*told] == [f"{name}_{points}" for points in (100, 1000) for name in ("expand", "put", "get", "report")]
    assert all(figure["value"] > 0 and figure["unit"] == "µs" for figure in told.values())
    assert told["get_1000"]["meaning"] == "of processor time to get one of 1,000 results"
