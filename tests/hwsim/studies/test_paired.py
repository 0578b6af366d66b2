"""Differences along an axis, seed by seed, checked against the table of points."""

import math
import statistics

import pytest

from hwsim.studies.definition import study
from models.errors import InputError
from tests.hwsim import runs
from tests.hwsim.studies import small_studies
from tests.hwsim.studies.test_explore import rows

ACCURACY = "fixed.test_accuracy"
AXES = {
    "degrees": {"key": "network.out_degree", "grid": [[2, 2], [4, 2]]},
    "width": {"key": "numbers.width", "grid": [8, 10, 12]},
    "z": {"key": "hardware.z", "grid": [[8, 4], [4, 2]], "when": "numbers.width == 12"},
}
PAIRED = [
    {"along": "width", "against": 8, "y": ACCURACY},
    {"along": "degrees", "against": [4, 2], "y": "check.edges"},
    {"along": "z", "against": "8-4", "y": ACCURACY},
]
PLAIN = {"axes": AXES, "measure": ["check", "fixed"], "seeds": [0, 1, 5]}


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("paired")
    path = small_studies.write(folder, **PLAIN, paired=PAIRED)
    assert small_studies.explore(path, folder / "out") == 0
    return path, folder / "out"


def test_differences_are_those_of_the_points_of_a_seed(compared):
    """Where the axis z does nothing the design has the z of the base, which is one of the axis: those two are a pair."""
    table, points = rows(compared[1], "paired.csv"), rows(compared[1])
    base = "-".join(map(str, runs.FIXED["hardware"]["z"]))

    def value(labels, seed, column):
        z = labels["z"].replace("-", base, 1) if labels["z"] == "-" else labels["z"]
        (found,) = [
            float(p[column])
            for p in points
            if (p["degrees"], p["width"], p["seed"]) == (labels["degrees"], labels["width"], str(seed))
            and (base if p["z"] == "-" else p["z"]) == z
        ]
        return found

    seen = set()
    for r in table:
        own = {axis: r[axis] for axis in AXES}
        if "all" in own.values():
            continue
        other = own | {r["along"]: r["against"]}
        found = [value(own, s, r["figure"]) - value(other, s, r["figure"]) for s in (0, 1, 5)]
        half = 2.919986 * statistics.stdev(found) / math.sqrt(3)
        assert float(r["difference"]) == pytest.approx(statistics.mean(found), abs=1e-12)
        assert float(r["difference.ci90"]) == pytest.approx(half, abs=1e-12) and r["seeds"] == "3"
        assert r["differs"] == str(abs(float(r["difference"])) > half)
        seen.add((r["along"], r["degrees"], r["width"]))
    both = ("2-2", "4-2")
    assert seen == (
        {("width", d, w) for d in both for w in ("10", "12")}
        | {("degrees", "2-2", w) for w in ("8", "10", "12")}
        | {("z", d, "12") for d in both}
    )


def test_the_mean_over_all_others_is_by_seed_too(compared):
    table, points = rows(compared[1], "paired.csv"), rows(compared[1])
    (pooled,) = [r for r in table if r["along"] == "z" and r["degrees"] == "all"]
    by_seed = []
    for seed in ("0", "1", "5"):
        at = {(p["degrees"], p["z"]): float(p[ACCURACY]) for p in points if p["seed"] == seed and p["z"] != "-"}
        by_seed.append(statistics.mean(at[d, "4-2"] - at[d, "8-4"] for d in ("2-2", "4-2")))
    assert float(pooled["difference"]) == pytest.approx(statistics.mean(by_seed), abs=1e-12)
    assert float(pooled["difference.ci90"]) == pytest.approx(2.919986 * statistics.stdev(by_seed) / math.sqrt(3), abs=1e-12)


def test_edges_differ_without_doubt_and_the_report_says_so(compared):
    table = [r for r in rows(compared[1], "paired.csv") if r["along"] == "degrees"]
    assert {r["differs"] for r in table} == {"True"} and {float(r["difference.ci90"]) for r in table} == {0.0}
    report = (compared[1] / "report.md").read_text()
    section = report.split("## Paired by seed")[1].split("\n## ")[0]
    assert "**edges (edges) along degrees**" in section or "**edges along degrees**" in section
    assert "less that at 4-2" in section and " points |" in section and "| yes |" in section
    assert "`paired.csv`" in report


def test_one_seed_tells_no_difference_from_chance(tmp_path):
    path = small_studies.write(tmp_path, **PLAIN, paired=PAIRED[:1])
    assert small_studies.explore(path, tmp_path / "out", "--seeds", "1") == 0
    assert {(r["differs"], r["difference.ci90"]) for r in rows(tmp_path / "out", "paired.csv")} == {("", "")}
    assert "| one seed |" in (tmp_path / "out/report.md").read_text()


def test_what_is_no_longer_asked_for_goes(tmp_path):
    path = small_studies.write(tmp_path, **PLAIN, paired=PAIRED[:1])
    assert small_studies.explore(path, tmp_path / "out", "--seeds", "1") == 0
    small_studies.write(tmp_path, **PLAIN)
    assert small_studies.explore(path, tmp_path / "out", "--seeds", "1", "--resume") == 0
    assert not (tmp_path / "out/paired.csv").exists()


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"y": "fixed.accuracy"}, "paired\\[0\\].y = fixed.accuracy: is no figure that this study measures"),
        ({"along": "widths"}, "paired\\[0\\].along = widths: is no axis of this study; nearest: width"),
        ({"against": 9}, "paired\\[0\\].against = 9: is no label of the axis width; nearest: 8, 10, 12"),
        ({"against": None}, "paired\\[0\\].against"),
    ],
)
def test_what_is_not_there_cannot_be_compared(tmp_path, wrong, line):
    path = small_studies.write(tmp_path, **PLAIN, paired=[PAIRED[0] | wrong])
    with pytest.raises(InputError, match=line):
        study.load(path)
