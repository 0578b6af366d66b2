"""Choosing settings: the best of the trials of every combination by validation, reported with seeds of its own."""

import pytest

from hwsim.studies.definition import study
from models.errors import InputError
from tests.hwsim.studies import small_studies
from tests.hwsim.studies.test_explore import rows

BY = "fixed.validation_accuracy"
AXES = {
    "degrees": {"key": "network.out_degree", "grid": [[2, 2], [4, 2]]},
    "width": {"key": "numbers.width", "grid": [8, 12]},
    "rate": {"key": "training.rate_shift", "grid": [[[0, 1]], [[0, 3]]]},
}
PLAIN = {
    "axes": AXES,
    "set": {"numbers.fraction": 6, "data.validation": 40},
    "seeds": [1, 2],
    "measure": ["check", "fixed"],
    "choose": {"among": ["width", "rate"], "by": BY, "seeds": [0, 7], "set": {"training.samples": 60}},
    "paired": [{"along": "degrees", "against": [4, 2], "y": "fixed.test_accuracy"}],
    "curves": [{"along": "degrees", "y": "fixed.test_accuracy", "x": "check.edges"}],
}


def written(folder, **changes):
    return small_studies.write(folder, **PLAIN | changes)


@pytest.fixture(scope="module")
def chosen(tmp_path_factory):
    folder = tmp_path_factory.mktemp("choose")
    path = written(folder)
    assert small_studies.explore(path, folder / "out") == 0
    return path, folder / "out"


def test_what_is_reported_is_the_best_of_all_trials(chosen):
    """One design for each combination of the other axes; its trials have the figure that is judged by, and no other seed."""
    trials, designs = rows(chosen[1], "trials.csv"), rows(chosen[1], "summary.csv")
    assert len(trials) == 8 and [d["degrees"] for d in designs] == ["2-2", "4-2"]
    for d in designs:
        of = [t for t in trials if t["degrees"] == d["degrees"]]
        best = max(of, key=lambda t: float(t[BY]))
        assert [t["chosen"] for t in of] == [str(t is best) for t in of]
        assert (best["width"], best["rate"], best["seeds"]) == (d["width"], d["rate"], "2")
        assert d["seeds"] == "2" and d["check.edges"]
    assert len({t[BY] for t in trials}) >= 3
    assert {p["seed"] for p in rows(chosen[1])} == {"1", "2"}
    assert not any("test" in t[BY] or "check.edges" in t for t in trials)


def test_trials_are_what_a_study_of_their_own_measures(chosen, tmp_path):
    """The same combinations, seeds and settings without a choice."""
    own = {"choose": None, "paired": None, "curves": None, "seeds": [0, 7], "measure": ["fixed"]}
    path = written(tmp_path, **own, set=PLAIN["set"] | PLAIN["choose"]["set"])
    assert small_studies.explore(path, tmp_path / "out") == 0
    trials = [{k: v for k, v in t.items() if k != "chosen"} for t in rows(chosen[1], "trials.csv")]
    assert rows(tmp_path / "out", "summary.csv") == trials


def test_what_is_chosen_is_measured_as_without_a_choice(chosen, tmp_path):
    """Full training, the study's seeds."""
    own = {"choose": None, "paired": None, "curves": None}
    path = written(tmp_path, **own)
    assert small_studies.explore(path, tmp_path / "out") == 0
    every = {(r["degrees"], r["width"], r["rate"], r["seed"]): r["fixed.test_accuracy"] for r in rows(tmp_path / "out")}
    for r in rows(chosen[1]):
        assert every[r["degrees"], r["width"], r["rate"], r["seed"]] == r["fixed.test_accuracy"]


def test_designs_are_compared_across_what_was_chosen(chosen):
    """A pair may differ in the chosen axes, and a picture has one line whatever was chosen."""
    points = {(r["degrees"], r["seed"]): float(r["fixed.test_accuracy"]) for r in rows(chosen[1])}
    (pair,) = rows(chosen[1], "paired.csv")
    mean = sum(points["2-2", s] - points["4-2", s] for s in "12") / 2
    assert float(pair["difference"]) == pytest.approx(mean) and pair["seeds"] == "2"
    report = (chosen[1] / "report.md").read_text()
    assert "## Chosen settings" in report and "with training.samples 60" in report
    assert "curve-fixed-test-accuracy-against-edges.png" in report


def test_the_order_of_work_changes_nothing(chosen, tmp_path):
    assert small_studies.explore(chosen[0], tmp_path / "out", "--workers", "2") == 0
    assert small_studies.tables(tmp_path / "out") == small_studies.tables(chosen[1])
    assert small_studies.explore(chosen[0], tmp_path / "out", "--resume") == 0
    assert small_studies.tables(tmp_path / "out") == small_studies.tables(chosen[1])


def test_less_can_be_better(tmp_path):
    """By a loss the least is chosen."""
    path = written(
        tmp_path,
        choose=PLAIN["choose"] | {"by": "fixed.validation_loss"},
        seeds=[1],
        measure=["fixed"],
        curves=None,
        paired=None,
    )
    assert small_studies.explore(path, tmp_path / "out") == 0
    trials = [t for t in rows(tmp_path / "out", "trials.csv") if t["degrees"] == "2-2"]
    (one,) = [t for t in trials if t["chosen"] == "True"]
    assert float(one["fixed.validation_loss"]) == min(float(t["fixed.validation_loss"]) for t in trials)


def test_a_setting_that_breaks_a_rule_is_not_chosen(tmp_path):
    """Where every trial of a combination is illegal the combination is, and the others stand."""
    axes = AXES | {"degrees": {"key": "network.out_degree", "grid": [[2, 2], [2, 5]]}}
    path = written(tmp_path, axes=axes, paired=None, curves=None, measure=["fixed"])
    assert small_studies.explore(path, tmp_path / "out") == 0
    assert [d["degrees"] for d in rows(tmp_path / "out", "summary.csv")] == ["2-2"]
    assert {r["degrees"] for r in rows(tmp_path / "out", "illegal.csv")} == {"2-5"}


def test_a_combination_whose_trials_fail_is_told(tmp_path):
    """No validation samples, so that nothing can be judged: every combination is listed with the reason."""
    path = written(tmp_path, set={"numbers.fraction": 6}, paired=None, curves=None)
    assert small_studies.explore(path, tmp_path / "out") == 0
    assert {r["reason"] for r in rows(tmp_path / "out", "illegal.csv")} == {f"no trial has {BY}"}
    assert not rows(tmp_path / "out", "summary.csv")


def test_optuna_makes_the_same_trials_for_every_combination(tmp_path):
    pytest.importorskip("optuna")
    axes = {k: v for k, v in AXES.items() if k != "rate"}
    axes["fraction"] = {"key": "numbers.fraction", "random": {"low": 3, "high": 6, "integer": True}}
    choose = PLAIN["choose"] | {"among": ["width", "fraction"], "trials": 5, "batch": 2}
    path = written(tmp_path, axes=axes, choose=choose, measure=["fixed"], curves=None, set={"data.validation": 40})
    assert small_studies.explore(path, tmp_path / "one") == 0
    assert small_studies.explore(path, tmp_path / "two", "--workers", "2") == 0
    assert small_studies.tables(tmp_path / "one") == small_studies.tables(tmp_path / "two")
    tried = rows(tmp_path / "one", "trials.csv")
    first = {d: [(t["width"], t["fraction"]) for t in tried if t["degrees"] == d] for d in ("2-2", "4-2")}
    assert first["2-2"][:2] == first["4-2"][:2] and all(2 <= len(t) <= 5 for t in first.values())
    assert small_studies.explore(path, tmp_path / "few", "--trials", "1", "--set", "training.samples=50") == 0
    assert len(rows(tmp_path / "few", "trials.csv")) == 2
    assert "--trials 1" in (tmp_path / "few" / "report.md").read_text()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"among": ["widht", "rate"]}, "choose.among = widht: is no axis of this study; nearest: width"),
        ({"among": ["rate", "rate"]}, "choose.among = ['rate', 'rate']: has a value twice"),
        ({"seeds": [3, 3]}, "choose.seeds = [3, 3]: has a value twice"),
        ({"by": "fixed.validation"}, "choose.by = fixed.validation: is no figure that this study measures"),
        ({"by": "pattern.scatter"}, "choose.by = pattern.scatter: is no figure that this study measures"),
        ({"set": {"numbers.width": 9}}, "choose.set.numbers.width: has no effect: the axis width varies it"),
        ({"set": {"seed": 9}}, "choose.set.seed: belongs into seeds"),
        ({"set": {"training.engine": "float"}}, "choose.set.training.engine: belongs into measure"),
        ({"trials": 0}, "choose.trials = 0: must be at least 1"),
    ],
)
def test_what_cannot_be_chosen_is_told(changes, told, tmp_path):
    with pytest.raises(InputError) as e:
        study.load(written(tmp_path, choose=PLAIN["choose"] | changes))
    assert told in str(e.value)


def test_a_choice_stands_alone(tmp_path):
    search = {"trials": 3, "objectives": [BY]}
    with pytest.raises(InputError, match="choose: cannot stand beside search"):
        study.load(written(tmp_path, search=search))
    drawn = AXES | {"degrees": {"key": "numbers.fraction", "random": {"low": 3, "high": 6, "integer": True}}}
    with pytest.raises(InputError, match=r"axes\.degrees: must be among what is chosen"):
        study.load(written(tmp_path, axes=drawn, choose=PLAIN["choose"] | {"trials": 3}, set={}, paired=None, curves=None))
    with pytest.raises(InputError, match="trials = 3: belongs to a study with trials"):
        study.load(written(tmp_path), trials=3)
    with pytest.raises(InputError, match=r"curves\[0\].x"):
        study.load(written(tmp_path, curves=[{"along": "degrees", "y": BY, "x": "check.edgse"}]))


def test_sets_of_the_command_line_hold_at_trials(tmp_path):
    loaded = study.load(written(tmp_path), {"training.samples": 30})
    assert loaded.choose.set == {} and loaded.set["training.samples"] == 30
    assert study.parse(loaded.model_dump(mode="json")) == loaded
