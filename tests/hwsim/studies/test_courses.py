"""Pictures of accuracy over the samples learned from: what they show is what the tables have."""

import shutil

import pytest
import yaml

from hwsim.studies.report import courses
from tests.hwsim.measurements import test_adaptation
from tests.hwsim.studies import small_studies
from tests.hwsim.studies.test_explore import rows

AXES = {
    "width": {"key": "numbers.width", "grid": [10, 12]},
    "degrees": {"key": "network.out_degree", "grid": [[2, 4], [4, 4]]},
}
WANTED = [
    {"y": "adaptation.after", "panels": "width"},
    {"y": "adaptation_in_order.shuffled", "where": {"degrees": [4, 4]}},
    {"y": "stability.after", "panels": "degrees", "where": {"width": "12"}},
]


def written(folder, **changes):
    path = test_adaptation.written(folder / "people.npz")
    base = test_adaptation.raw(path) | {"training": {"epochs": 2, "init": "he_normal", "rate_shift": [[0, 3]]}}
    changes = {"axes": AXES, "measure": ["adaptation", "adaptation_in_order", "stability"], "courses": WANTED} | changes
    return small_studies.write(folder, base=base, set=None, **changes)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """The directory of a study with courses, and its pictures by name, as they were drawn."""
    folder, drawn = tmp_path_factory.mktemp("courses"), {}
    real = courses.courses
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(courses, "courses", lambda explored: drawn.update(real(explored)) or drawn)
        assert small_studies.explore(written(folder), folder / "out") == 0
    return folder / "out", drawn


def test_every_picture_has_its_file_and_stands_in_the_report(found):
    out, drawn = found
    names = [
        "course-adaptation-after-against-samples-by-width.png",
        "course-adaptation-in-order-shuffled-against-samples-degrees-4-4.png",
        "course-stability-after-against-samples-by-degrees-width-12.png",
    ]
    assert [*drawn] == names
    report = (out / "report.md").read_text()
    assert all(f"]({name})" in report and (out / name).stat().st_size > 1000 for name in names)


def test_lines_are_the_figures_of_the_table(found):
    out, drawn = found
    fig = drawn["course-adaptation-after-against-samples-by-width.png"]
    means = {(r["width"], r["degrees"]): r for r in rows(out, "summary.csv")}
    assert [ax.get_title() for ax in fig.axes] == ["width 10", "width 12"]
    for ax, width in zip(fig.axes, ("10", "12"), strict=True):
        lines = {c.get_label(): c.lines[0] for c in ax.containers}
        assert [*lines] == ["degrees 2-4", "degrees 4-4"]
        for label, line in lines.items():
            row = means[width, label.removeprefix("degrees ")]
            columns = ["before", "after_10", "after_50", "after_200"]
            assert line.get_xdata().tolist() == [0, 10, 50, 200]
            assert line.get_ydata().tolist() == pytest.approx([100 * float(row[f"adaptation.{c}"]) for c in columns])
    assert {t.get_text() for t in fig.legends[0].get_texts()} == {"degrees 2-4", "degrees 4-4"}


def test_where_leaves_out_designs_and_a_stream_ends_where_it_ends(found):
    _, drawn = found
    (ax,) = drawn["course-adaptation-in-order-shuffled-against-samples-degrees-4-4.png"].axes
    assert [c.get_label() for c in ax.containers] == ["width 10", "width 12"]
    assert ax.containers[0].lines[0].get_xdata().tolist() == [10, 50, 200], "before belongs to what is called after"
    for ax in drawn["course-stability-after-against-samples-by-degrees-width-12.png"].axes:
        assert [line.get_xdata().tolist() for line in (c.lines[0] for c in ax.containers)] == [[100, 1000]]


def test_ticks_do_not_run_into_each_other_and_the_last_is_there():
    assert courses._apart([100, 1000, 300_000, 600_000, 900_000, 1_200_000]) == [100, 1000, 300_000, 1_200_000]
    assert courses._apart([0, 10, 50, 200]) == [0, 10, 50, 200]


def test_a_course_that_is_no_longer_asked_for_goes(found, tmp_path):
    out = shutil.copytree(found[0], tmp_path / "out")
    shutil.copy(found[0].parent / "people.npz", tmp_path)
    path = small_studies.write(tmp_path, **yaml.safe_load((found[0].parent / "study.yaml").read_text()) | {"courses": []})
    assert small_studies.explore(path, out, "--resume") == 0
    assert not [*out.glob("course-*")] and "course-" not in (out / "report.md").read_text()


@pytest.mark.parametrize(
    ("course", "line"),
    [
        ({"y": "adaptation.before"}, "courses[0].y = adaptation.before: is no figure after numbers of samples; nearest: "),
        ({"y": "adaptation.afte"}, "courses[0].y = adaptation.afte: is no figure after numbers of samples; nearest: "),
        ({"y": "adaptation.after", "panels": "depth"}, "courses[0].panels = depth: is no axis of this study; nearest: "),
        ({"y": "adaptation.after", "where": {"depth": 1}}, "courses[0].where = depth: is no axis of this study"),
        ({"y": "adaptation.after", "where": {"width": 11}}, "courses[0].where.width = 11: is no label of the axis width"),
        ({"y": "adaptation.after", "along": "width"}, "courses[0].along: "),
    ],
)
def test_what_is_no_course_is_told(course, line, tmp_path, capsys):
    assert small_studies.explore(written(tmp_path, courses=[course]), tmp_path / "out") == 2
    told = capsys.readouterr().err
    assert told.startswith(f"hwsim: {line}") and told.count("\n") == 1
