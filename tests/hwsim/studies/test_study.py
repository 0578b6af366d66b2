"""Study files: expressions, axes, what is illegal, and every fault in one line."""

import itertools
import math

import pytest
import yaml

from hwsim.studies.definition import study
from hwsim.studies.definition.expressions import Expression
from hwsim.studies.definition.labels import label_of
from hwsim.studies.definition.points import Space
from models.errors import InputError
from tests.hwsim.studies import small_studies


def points(tmp_path, **changes):
    return Space(study.load(small_studies.write(tmp_path, **changes))).all()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a + 2 * b[1] == 11", True),
        ("1 < a <= 3", True),
        ("a in b or not b", False),
        ("len(b) == 2 and max(b) % 2 == 0", True),
        ("kind == 'x' if a > 5 else net.width // 2 == 4", True),
        ("log2(net.width) == 3.5", False),
        ("-a < 0 and flag == true and none == null", True),
        ("sum(b) / 4 == 1.5", True),
    ],
)
def test_expressions(text, value):
    assert Expression(text, "c")({"a": 3, "b": [2, 4], "net": {"width": 8}, "kind": "y", "flag": True, "none": None}) is (
        value
    )


@pytest.mark.parametrize(
    "text",
    ["", "a +", "__import__('os')", "a.__class__", "(lambda: 1)()", "[x for x in a]", "a ** 9", "open('x')", "f'{a}'",
     "a := 1", "'x' * 10**9", "(" * 300 + ")" * 300, "a" * 600, "b[9]", "1 / 0", "nobody > 1", "a.b > 1", "max(1, key=a)",
     "[[1] * 9] * 9", "9e99 * 9e99 > 1"],
)  # fmt: skip
def test_what_is_no_expression_is_one_line(text):
    with pytest.raises(InputError, match=r"^c = "):
        Expression(text, "c")({"a": 3, "b": [2]})


def test_a_grid_is_every_combination_once(tmp_path):
    axes = {
        "a": {"key": "numbers.width", "grid": [10, 12]},
        "b": {"key": "numbers.rounding", "grid": ["floor", "half_up"]},
        "c": {"list": {"low": {"numbers.fraction": 5}, "high": {"numbers.fraction": 8}}},
    }
    found = points(tmp_path, axes=axes, set=None)
    labels = [tuple(p.labels.values()) for p in found.legal]
    assert labels[::2] == [*itertools.product(["10", "12"], ["floor", "half_up"], ["low", "high"])]
    assert labels[::2] == labels[1::2] and [p.seed for p in found.legal] == [0, 1] * 8
    assert [p.design for p in found.legal] == [n // 2 for n in range(16)]
    last = found.legal[-1].config
    assert (last.numbers.width, last.numbers.rounding, last.numbers.fraction, last.seed) == (12, "half_up", 8, 1)


def test_illegal_points_are_listed_with_the_reason_and_excluded_ones_counted(tmp_path):
    axes = {"width": {"key": "numbers.width", "grid": [4, 8, 12]}, "z": {"key": "hardware.z", "grid": [[8, 4], [7, 4]]}}
    found = points(tmp_path, axes=axes, constraints=["width != 12 or z[0] == 8"])
    assert [tuple(p.labels.values()) for p in found.legal[::2]] == [("8", "8-4"), ("12", "8-4")]
    assert [(i.labels["width"], i.labels["z"]) for i in found.illegal] == [("4", "8-4"), ("4", "7-4"), ("8", "7-4")]
    assert "must not exceed the width 4" in found.illegal[0].reason
    assert "hardware.z[0] = 7: does not divide N_0 = 16" in found.illegal[2].reason
    assert found.excluded == {"width != 12 or z[0] == 8": 1}


def test_an_axis_whose_condition_does_not_hold_does_nothing(tmp_path):
    axes = {
        "kind": {"key": "connectivity.kind", "grid": ["clash_free", "structured"]},
        "type": {"key": "connectivity.type", "grid": [1, 2, 3], "when": "kind == 'clash_free'"},
        "dither": {"key": "connectivity.dither", "grid": [False, True], "when": "type != null and connectivity.type > 1"},
    }
    found = points(tmp_path, axes=axes, seeds=[5])
    assert [tuple(p.labels.values()) for p in found.legal] == [
        ("clash_free", "1", "-"),
        *(("clash_free", str(t), d) for t in (2, 3) for d in ("no", "yes")),
        ("structured", "-", "-"),
    ]


def test_random_axes_are_drawn_from_the_seed_each_by_itself(tmp_path):
    rate = {"key": "training.l2", "random": {"low": 1e-4, "high": 1e-1, "log": True}}
    width = {"key": "numbers.width", "random": {"low": 8, "high": 12, "integer": True}}
    one = points(tmp_path, axes={"rate": rate}, samples=20, seeds=[0])
    both = points(tmp_path, axes={"rate": rate, "width": width}, samples=20, seeds=[0])
    rates = [p.config.training.l2 for p in both.legal]
    assert rates == [p.config.training.l2 for p in one.legal] and len(set(rates)) == 20
    assert all(1e-4 <= r <= 1e-1 for r in rates) and min(rates) < 1e-3 < 1e-2 < max(rates)
    assert {p.config.numbers.width for p in both.legal} <= {8, 9, 10, 11, 12}
    more = points(tmp_path, axes={"rate": rate, "width": width}, samples=25, seeds=[0])
    assert [p.config for p in more.legal[:20]] == [p.config for p in both.legal]
    other = points(tmp_path, axes={"rate": rate}, samples=20, seeds=[0], seed=1)
    assert not {p.config.training.l2 for p in other.legal} & set(rates)


def test_the_same_design_twice_is_one_point(tmp_path):
    choice = {"key": "numbers.width", "random": {"choice": [10, 12]}}
    found = points(tmp_path, axes={"width": choice}, samples=30, seeds=[0, 1])
    assert len(found.legal) == 4 and found.repeated == 28


def test_solved_z_follow_the_other_axes(tmp_path):
    found = points(tmp_path, seeds=[0])
    for p in found.legal:
        cycles = {w // z for w, z in zip(p.config.edges, p.config.hardware.z, strict=True)}
        assert len(cycles) == 1 and cycles <= {2, 4, 8}
    assert {p.labels["degrees"] for p in found.legal} == {"2-2", "4-2"}
    assert found.illegal[0].labels == {"degrees": "3-3", "z": "-", "width": "-"}
    assert found.illegal[0].reason.startswith("hardware.z: no legal vector fits the budget of the axis; ")
    none = points(tmp_path, axes={"z": {"solve": {"clocks": 1}}})
    assert not none.legal and "no legal vector fits" in none.illegal[0].reason


def test_densities_replace_degrees(tmp_path):
    found = points(tmp_path, axes={"density": {"key": "network.density", "grid": [[0.5, 0.5], [0.3, 0.5]]}}, seeds=[0])
    assert found.legal[0].config.out_degrees == (4, 2)
    assert "a density must be k/8" in found.illegal[0].reason


def test_a_resolved_study_is_the_study(tmp_path):
    loaded = study.load(small_studies.write(tmp_path))
    assert study.parse(loaded.model_dump(mode="json")) == loaded


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"mesure": ["check"]}, "mesure: is an unknown key; nearest: measure"),
        ({"measure": ["chek"]}, "measure[0] = \"chek\": must be"),
        ({"measure": []}, "measure = []: must have at least 1 entries"),
        ({"measure": ["check", "check"]}, "has a value twice"),
        ({"seeds": [1, 1]}, "has a value twice"),
        ({"axes": {"a": {"grid": [1]}}}, "axes.a.key: is missing: grid varies one key"),
        ({"axes": {"a": {"key": "x"}}}, "give one of grid, list, random and solve"),
        ({"axes": {"a": {"key": "numbers.width", "random": {"low": 1}}}}, "give low and high, or choice"),
        ({"axes": {"a": {"key": "numbers.width", "random": {"low": 1, "high": 2}}}}, "samples: is missing: a is drawn"),
        ({"samples": 3}, "samples = 3: has no effect"),
        ({"axes": {"A b": {"key": "x", "grid": [1]}}}, "must consist of"),
        ({"axes": {"a": {"key": "seed", "grid": [1]}}}, "axes.a: belongs into seeds"),
        ({"set": {"training.engine": "float"}}, "set.training.engine: belongs into measure"),
        ({"set": {"numbers.width": 9}}, "set.numbers.width: has no effect: the axis width varies it"),
        ({"axes": {"a": {"key": "x", "grid": [1]}, "b": {"key": "x", "grid": [2]}}}, "axes.b: varies x, which a varies"),
        ({"constraints": ["import os"]}, "constraints[0] = import os: is no expression"),
        ({"axes": {"a": {"key": "x", "grid": [1], "when": "1 +"}}}, "when = 1 +: is no expression"),
        ({"pareto": [["check.edges", "check.beauty"]]}, "is no figure that this study measures"),
        ({"search": {"trials": 3, "objectives": ["fixed.test_acuracy"]}}, "nearest: fixed.test_accuracy"),
        ({"name": "a b"}, "name = \"a b\": must consist of"),
        ({"base": 5}, "base"),
        ({"base": "nowhere.yaml"}, "cannot be read: No such file"),
        ({"axes": {n: {"key": f"x.{n}", "grid": [*range(99)]} for n in "abcd"}}, "make more than 1,000,000 points"),
    ],
)  # fmt: skip
def test_a_fault_in_a_study_is_one_line(changes, line, tmp_path, capsys):
    path = small_studies.write(tmp_path, **changes)
    assert small_studies.explore(path, tmp_path / "out") == 2
    shown = capsys.readouterr()
    assert line in shown.err and shown.err.count("\n") == 1 and not (tmp_path / "out").exists()


def test_labels():
    assert [label_of(v) for v in ([1, [2, 3]], True, None, 0.123456, "x", math.pi)] == [
        "1-2-3",
        "yes",
        "none",
        "0.1235",
        "x",
        "3.142",
    ]


LABELS = ["10", "12", "0x10", "010", "1e3", "1.50", "true", "null", "~", "no", "2018-01-02", "-", "1_000"]
LISTED = "name: toy\nbase: base.yaml\naxes:\n  size:\n    list:\n{labels}\nmeasure: [check]\n{more}"


def listed(folder, labels, more=""):
    """A study whose axis has these labels, as they stand in the file."""
    (folder / "base.yaml").write_text(yaml.safe_dump(small_studies.BASE))
    lines = [f"      {label}: {{training.epochs: {n}}}" for n, label in enumerate(labels, 9)]
    path = folder / "listed.yaml"
    path.write_text(LISTED.format(labels="\n".join(lines), more=more))
    return path


def test_labels_are_text_as_it_is_written(tmp_path):
    loaded = study.load(listed(tmp_path, LABELS))
    assert [*loaded.axes["size"].list] == LABELS
    assert [p.labels["size"] for p in Space(loaded).all().legal] == LABELS
    assert study.parse(loaded.model_dump(mode="json")) == loaded


def test_labels_come_back_from_the_study_that_is_written(tmp_path):
    assert small_studies.explore(listed(tmp_path, LABELS[:6]), tmp_path / "out") == 0
    again = study.load(tmp_path / "out" / "study.yaml")
    assert [*again.axes["size"].list] == LABELS[:6]
    assert yaml.safe_load((tmp_path / "out" / "study.yaml").read_text())["axes"]["size"]["list"].keys() == {*LABELS[:6]}


@pytest.mark.parametrize("twice", [("10", "10"), ("10", "'10'"), ("true", '"true"'), ("0x10", "'0x10'")])
def test_a_label_twice_is_refused(twice, tmp_path):
    with pytest.raises(InputError, match=rf"line 7, column 7: the key {twice[0]} stands twice"):
        study.load(listed(tmp_path, twice))


@pytest.mark.parametrize("label", ["!!null ''", "''", '""'])
def test_a_label_of_nothing_is_refused(label, tmp_path):
    with pytest.raises(InputError, match="a key is empty"):
        study.load(listed(tmp_path, [label]))


PUBLISHED = "published:\n  - {{column: check.edges, where: {{size: {}}}, value: 1, source: a, provenance: recall}}\n"


@pytest.mark.parametrize("label", LABELS[:9])
def test_published_figures_name_labels_as_the_axis_does(label, tmp_path):
    loaded = study.load(listed(tmp_path, [n for n in LABELS if n != "~" or label == "~"], PUBLISHED.format(repr(label))))
    assert loaded.published[0].where == {"size": label}
    plain = [n for n in LABELS if n != ("null" if label == "~" else "~")]
    assert study.load(listed(tmp_path, plain, PUBLISHED.format(label))).published[0].where == {"size": label}


def test_a_published_figure_of_a_label_that_is_none_is_refused(tmp_path):
    for label in ("11", "false", "0x11", "[10, 12]"):
        with pytest.raises(InputError, match="is no label of the axis size"):
            study.load(listed(tmp_path, ["10", "12", "0x10"], PUBLISHED.format(label)))


def test_more_seeds_than_the_file_lists_go_on_with_the_least_that_it_does_not(tmp_path):
    path = small_studies.write(tmp_path, seeds=[5, 1])
    for count in range(1, 9):
        assert study.load(path, seeds=count).seeds == (5, 1, 0, 2, 3, 4, 6, 7)[:count]
    assert study.load(path).seeds == (5, 1)
    last = small_studies.write(tmp_path, seeds=[2**63 - 1])
    assert study.load(last, seeds=3).seeds == (2**63 - 1, 0, 1)
    assert len({*study.load(last, seeds=10_000).seeds}) == 10_000
    for count, nearest in ((0, 1), (-3, 1), (10_001, 10_000)):
        with pytest.raises(InputError, match=rf"seeds = {count}: must lie in 1\.\.10,000; nearest: {nearest}$"):
            study.load(path, seeds=count)


def test_an_axis_of_balanced_z_says_what_it_leaves_out(tmp_path):
    base = {"network": {"layers": [784, 64, 64, 64, 10], "out_degree": "full"}, "connectivity": {"kind": "full"}}
    found = points(tmp_path, base=base, axes={"z": {"solve": {}}}, set=None, measure=["check"])
    assert not found.legal and found.illegal[0].reason == (
        "hardware.z: no legal vector fits the budget of the axis; 5,145 legal ones, before any budget, have passes of "
        "different length: `unbalanced: true`"
    )
