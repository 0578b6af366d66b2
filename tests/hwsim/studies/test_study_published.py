"""Published figures, correlations and curves of a study, checked against its own tables."""

import re
import statistics

import pytest

from hwsim.commands import app as cli
from hwsim.studies.definition import study
from hwsim.studies.findings import comparisons
from hwsim.studies.findings.estimates import Estimate
from models.errors import InputError
from tests.hwsim.studies import small_studies
from tests.hwsim.studies.test_explore import rows

ACCURACY = "fixed.test_accuracy"
AXES = {
    "degrees": {"key": "network.out_degree", "grid": [[2, 2], [4, 2]]},
    "width": {"key": "numbers.width", "grid": [8, 10, 12]},
}
PLAIN = {"axes": AXES, "measure": ["check", "costs", "fixed"]}


def published(value, where, **more):
    return {"column": ACCURACY, "value": value, "where": where, "source": "a paper", "provenance": "slides"} | more


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """A study with everything: its directory and the file."""
    folder = tmp_path_factory.mktemp("compared")
    extra = {
        "published": [
            published(0.5, {"degrees": "2-2", "width": 8}, tolerance=0.6),
            published(5.0, {"degrees": [4, 2], "width": "12"}),
            published(0.9, {"width": "10"}, provenance="recall"),
            published(0.9, {}, column="check.density"),
        ],
        "correlations": [
            {"x": "costs.storage_bits", "y": ACCURACY, "within": "degrees"},
            {"x": "costs.storage_bits", "y": ACCURACY, "over": "points"},
            ["check.clocks_per_input", "costs.storage_bits"],
        ],
        "curves": [{"y": ACCURACY, "along": "width"}],
    }
    path = small_studies.write(folder, **PLAIN, **extra)
    assert small_studies.explore(path, folder / "out") == 0
    return path, folder / "out"


def designs(out):
    return [{k: float(v) if "." in k and v else v for k, v in r.items()} for r in rows(out, "summary.csv")]


def test_a_published_figure_stands_beside_every_design_it_fits(compared):
    table = rows(compared[1], "published.csv")
    found = {(r["degrees"], r["width"], r["figure"]): r for r in table}
    assert len(table) == 1 + 1 + 2 + 6
    summary = {(r["degrees"], r["width"]): r for r in designs(compared[1])}
    for (degrees, width, figure), r in found.items():
        ours = summary[degrees, width]
        assert float(r["ours"]) == ours[figure]
        assert float(r["difference"]) == pytest.approx(ours[figure] - float(r["published"]))
        half = ours[f"{figure}.ci90"]
        assert r["within"] == str(abs(ours[figure] - float(r["published"])) <= half + float(r["tolerance"]))
    assert found["2-2", "8", ACCURACY]["within"] == "True" and found["4-2", "12", ACCURACY]["within"] == "False"
    assert {r["provenance"] for r in table} == {"slides", "recall"}


def test_the_report_has_both_tables(compared):
    report = (compared[1] / "report.md").read_text()
    section = report.split("## Beside published figures")[1].split("## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    assert len(lines) == 10 and sum(" no |" in line for line in lines) >= 1
    assert "500.00 %" in section and "50.00 ± 60.00 %" in section and re.search(r"\| -\d+\.\d\d points \|", section)
    assert "recall: a paper" in section
    section = report.split("## Correlations")[1].split("\n## ")[0]
    assert "degrees 2-2" in section and "over points" in section and "Fisher" in section
    for name in ("curve-fixed-test-accuracy-against-width.png", "published.csv", "correlations.csv"):
        assert name in report and (compared[1] / name).stat().st_size


def test_correlations_are_those_of_the_tables(compared):
    found = rows(compared[1], "correlations.csv")
    wanted = [("designs", ""), ("designs", "2-2"), ("designs", "4-2"), ("points", ""), ("designs", "")]
    assert [(r["over"], r["label"]) for r in found] == wanted
    points = rows(compared[1])
    for r in found:
        table = points if r["over"] == "points" else designs(compared[1])
        chosen = [t for t in table if r["label"] in ("", t["degrees"])]
        x, y = ([float(t[r[side]]) for t in chosen] for side in ("x", "y"))
        assert int(r["n"]) == len(chosen)
        if len(set(x)) > 1 and len(set(y)) > 1:
            assert float(r["pearson"]) == pytest.approx(statistics.correlation(x, y), abs=1e-9)
            assert float(r["pearson.low"] or -1) <= float(r["pearson"]) <= float(r["pearson.high"] or 1)
        else:
            assert r["pearson"] == r["spearman"] == ""


def test_the_resolved_study_gives_the_same_tables(compared, tmp_path):
    again = tmp_path / "again"
    assert small_studies.explore(compared[1] / "study.yaml", again) == 0
    mine, theirs = small_studies.tables(again), small_studies.tables(compared[1])
    assert mine.keys() == theirs.keys()
    differing = {name for name in mine if mine[name] != theirs[name]}
    assert differing == {"report.md"}  # which names the command


def test_pictures_and_tables_that_are_no_longer_asked_for_go(compared, tmp_path):
    path = small_studies.write(tmp_path, **PLAIN, curves=[{"y": ACCURACY, "along": "width"}], published=[published(0.5, {})])
    assert small_studies.explore(path, tmp_path / "out") == 0
    small_studies.write(tmp_path, **PLAIN)
    assert small_studies.explore(path, tmp_path / "out", "--resume") == 0
    left = {p.name for p in (tmp_path / "out").iterdir()}
    assert not {"published.csv", "curve-fixed-test-accuracy-against-width.png"} & left
    assert "Beside published" not in (tmp_path / "out" / "report.md").read_text()


def test_one_seed_has_no_interval_and_an_excluded_design_no_result(tmp_path):
    wanted = [published(0.5, {"width": "8"}), published(0.5, {"width": "12"})]
    path = small_studies.write(tmp_path, **PLAIN, published=wanted, constraints=["width < 12"])
    assert small_studies.explore(path, tmp_path / "out", "--seeds", "1") == 0
    table = rows(tmp_path / "out", "published.csv")
    assert [(r["width"], r["within"], r["ours"] == "") for r in table] == [("8", "", False)] * 2 + [("12", "", True)]
    report = (tmp_path / "out" / "report.md").read_text()
    assert "| one seed |" in report and "no such design" in report


@pytest.mark.parametrize(
    ("mean", "half", "value", "tolerance", "within"),
    [
        (0.9, 0.01, 0.91, 0.0, True),
        (0.9, 0.01, 0.9101, 0.0, False),
        (0.9, 0.01, 0.93, 0.02, True),
        (0.9, 0.0, 0.9, 0.0, True),
        (0.9, 0.0, 0.900001, 0.0, False),
        (0.9, float("inf"), 0.9, 0.0, None),
        (float("nan"), float("nan"), 0.9, 0.0, None),
    ],
)
def test_whether_a_value_lies_in_an_interval(mean, half, value, tolerance, within):
    p = study.comparisons.PublishedSection.model_validate(published(value, {}, tolerance=tolerance))
    assert comparisons.Beside(p, None, Estimate(mean, half, 3)).within is within


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"published": [published(0.5, {"widht": "8"})]},
            "published[0].where = widht: is no axis of this study; nearest: width",
        ),
        (
            {"published": [published(0.5, {"width": 9})]},
            "published[0].where.width = 9: is no label of the axis width; nearest: ",
        ),
        ({"published": [published(0.5, {}, column="fixed.test_acuracy")]}, "nearest: fixed.test_accuracy"),
        ({"published": [published(0.5, {}, column="float.test_accuracy")]}, "is no figure that this study measures"),
        ({"published": [published(0.5, {}, tolerance=-1)]}, "published[0].tolerance"),
        ({"published": [published(float("nan"), {})]}, "published[0].value"),
        ({"published": [published(0.5, {}, provenance="hearsay")]}, "published[0].provenance"),
        ({"published": [published(0.5, {}, source="")]}, "published[0].source"),
        ({"correlations": [[ACCURACY]]}, "a pair of figures is [x, y]"),
        ({"correlations": [[ACCURACY, ACCURACY]]}, "is the figure x itself"),
        ({"correlations": [[ACCURACY, "costs.banks_"]]}, "correlations[0].y = costs.banks_: is no figure"),
        (
            {"correlations": [{"x": ACCURACY, "y": "costs.banks", "within": "depth"}]},
            "correlations[0].within = depth: is no axis",
        ),
        ({"correlations": [{"x": ACCURACY, "y": "costs.banks", "over": "seeds"}]}, "correlations[0].over"),
        ({"curves": [{"y": ACCURACY, "along": "depth"}]}, "curves[0].along = depth: is no axis of this study"),
        ({"curves": [{"y": "fixed.acuracy", "along": "width"}]}, "curves[0].y = fixed.acuracy: is no figure"),
    ],
)
def test_faults_are_one_line(changes, told, tmp_path, capsys):
    path = small_studies.write(tmp_path, **PLAIN, **changes)
    with pytest.raises(InputError) as fault:
        study.load(path)
    assert told in str(fault.value)
    assert cli.run(["explore", str(path), "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.count("\n") == 1 and not (tmp_path / "out").exists()


def test_labels_of_solved_axes_cannot_be_refused_beforehand(tmp_path):
    axes = AXES | {"z": {"solve": {"cycles": [4]}}}
    path = small_studies.write(tmp_path, axes=axes, published=[published(0.5, {"z": "1-1"})])
    assert study.load(path).published[0].where == {"z": "1-1"}


def test_an_idle_axis_has_the_label_of_idle_axes(tmp_path):
    axes = {"degrees": AXES["degrees"], "width": AXES["width"] | {"when": "degrees[0] == 4"}}
    path = small_studies.write(tmp_path, axes=axes, published=[published(0.5, {"width": "-"})])
    assert study.load(path).published[0].where == {"width": "-"}


def test_csv_is_readable_where_sources_have_commas_and_quotes(tmp_path):
    path = small_studies.write(tmp_path, **PLAIN, published=[published(0.5, {"width": "8"}, source='A, "B"')])
    assert small_studies.explore(path, tmp_path / "out", "--seeds", "1") == 0
    assert {r["source"] for r in rows(tmp_path / "out", "published.csv")} == {'A, "B"'}
