"""Searches: the same trials for any number of workers, after a resumption, and better ones than at first."""

import csv

import pytest

from tests.hwsim.studies import small_studies

pytest.importorskip("optuna")

AXES = {
    "degrees": {"key": "network.out_degree", "grid": [[1, 1], [2, 2], [4, 2], [8, 4], [3, 3]]},
    "kind": {"key": "connectivity.kind", "grid": ["clash_free", "structured"]},
    "type": {"key": "connectivity.type", "grid": [1, 2, 3], "when": "kind == 'clash_free'"},
    "width": {"key": "numbers.width", "random": {"low": 7, "high": 14, "integer": True}},
}


def search(tmp_path, out, *options, sampler="nsga2", **changes):
    settings = {"sampler": sampler, "trials": 30, "batch": 6, "objectives": ["check.storage_bits", "fixed.test_accuracy"]}
    path = small_studies.write(tmp_path, axes=AXES, search=settings, seeds=[0], measure=["check", "fixed"], **changes)
    return small_studies.explore(path, tmp_path / out, *options)


@pytest.mark.parametrize("sampler", ["nsga2", "tpe", "random"])
def test_a_search_depends_on_its_seed_only(sampler, tmp_path):
    assert search(tmp_path, "one", sampler=sampler) == 0
    assert search(tmp_path, "two", "--workers", "2", sampler=sampler) == 0
    assert small_studies.tables(tmp_path / "one") == small_studies.tables(tmp_path / "two")
    assert search(tmp_path, "two", "--resume", sampler=sampler) == 0
    assert small_studies.tables(tmp_path / "one") == small_studies.tables(tmp_path / "two")
    table = [*csv.DictReader((tmp_path / "one" / "results.csv").read_text().splitlines())]
    assert 5 < len(table) <= 30
    assert all((r["type"] == "-") == (r["kind"] == "structured") for r in table)
    assert search(tmp_path, "other", sampler=sampler, seed=7) == 0
    assert small_studies.tables(tmp_path / "other")["results.csv"] != small_studies.tables(tmp_path / "one")["results.csv"]
