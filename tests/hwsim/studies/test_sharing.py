"""What points share changes no figure, whatever the order in which they are measured; where the time goes is told."""

import json
import random

import pytest

from hwsim.configuration import config_file
from hwsim.studies.definition import study as studies
from hwsim.studies.definition.points import Space
from hwsim.studies.measuring import workers
from hwsim.studies.measuring.exploration import Explored
from hwsim.studies.measuring.task import Result
from hwsim.studies.measuring.workers import LocalWorkers
from hwsim.studies.measuring.workshop import Tasks, Workshop, task, together
from hwsim.studies.report import report
from models.errors import InputError
from models.files.shared import SharedArrays
from tests.hwsim.configuration.hostile_configurations import ILLEGAL
from tests.hwsim.shipped import DEMO, SHIPPED
from tests.hwsim.studies import small_studies

AXES = {
    "validation": {"key": "data.validation", "grid": [0, 20]},
    "width": {"key": "numbers.width", "grid": [8, 12, 20]},
    "degrees": {"key": "network.out_degree", "grid": [[2, 2], [4, 2]]},
}


@pytest.fixture(scope="module")
def tasks(tmp_path_factory):
    """Of points that share samples, patterns, both or nothing."""
    path = small_studies.write(tmp_path_factory.mktemp("study"), axes=AXES, measure=["fixed", "float"], seeds=[0, 1])
    study = studies.load(path)
    makers = [Tasks(m, None, study.settings(m)) for m in study.measure]
    return [maker.of(p.config) for p in Space(study).all().legal for maker in makers]


def figures(results):
    return {r.key: (r.figures, r.error) for r in results}


@pytest.fixture(scope="module")
def alone(tasks):
    """Figures of every task, measured where nothing else was."""
    found = figures(Workshop().measure(t) for t in tasks)
    assert len(found) == len(tasks) and all(error is None for _, error in found.values())
    return found


@pytest.mark.parametrize("seed", range(3))
def test_what_is_shared_changes_no_figure_in_any_order(seed, tasks, alone, tmp_path):
    order = random.Random(seed).sample(tasks, len(tasks))
    two = [Workshop(SharedArrays(tmp_path)) for _ in range(2)]
    assert figures(two[k % 2].measure(t) for k, t in enumerate(order)) == alone


@pytest.mark.parametrize("at_once", [1, 3, 50])
def test_tasks_handed_over_together_are_those_handed_over_one_by_one(at_once, tasks, alone, monkeypatch):
    monkeypatch.setattr(workers, "_MOST_AT_ONCE", at_once)
    monkeypatch.setattr(workers, "_SHARES", 1)
    team = LocalWorkers(2)
    try:
        results = [*team.measure(together(tasks))]
    finally:
        team.close()
    assert len(results) == len(tasks) and figures(results) == alone


def test_tasks_of_the_same_samples_and_patterns_stand_side_by_side(tasks):
    made = together(tasks)
    assert sorted(t.key for t in made) == sorted(t.key for t in tasks)
    for of in (
        lambda t: t.config.data.validation,
        lambda t: (t.config.data.validation, t.config.seed, t.config.network.out_degree),
    ):
        runs = [k for n, k in enumerate(map(of, made)) if n == 0 or of(made[n - 1]) != k]
        assert len(runs) == len(set(runs))
    assert [t.key for t in together(made)] == [t.key for t in made]


def test_a_task_says_which_configuration_it_is_of(tasks):
    for t in tasks:
        assert t.configuration == config_file.fingerprint(t.config)
        assert t.key == task(t.measurement, t.config, None).key


def test_sections_validated_once_make_the_same_configurations():
    parser = config_file.Parser()
    for _ in range(2):
        for path in SHIPPED:
            data = config_file.read_design(path)
            made, whole = parser.parse(data), config_file.parse(data)
            assert made == whole and config_file.fingerprint(made) == config_file.fingerprint(whole)
            assert made.states_data == whole.states_data


def test_sections_validated_once_are_refused_in_the_same_words(tmp_path):
    parser, refused = config_file.Parser(), 0
    for old, new, _ in ILLEGAL:
        (tmp_path / "design.yaml").write_text(DEMO.replace(old, new))
        try:
            data = config_file.read_design(tmp_path / "design.yaml")
        except InputError:
            continue
        with pytest.raises(InputError) as whole:
            config_file.parse(data)
        for _ in range(2):
            with pytest.raises(InputError) as parts:
                parser.parse(data)
            assert str(parts.value) == str(whole.value)
        refused += 1
    assert refused > 100


def test_a_section_means_what_the_others_make_of_it():
    """The same network section with degrees of its own, with all edges, and where degrees are missing."""
    parser, network = config_file.Parser(), {"layers": [16, 8, 4]}
    full = parser.parse({"network": network, "connectivity": {"kind": "full"}})
    assert full.edges == (128, 32)
    with pytest.raises(InputError, match=r"network.out_degree: is missing"):
        parser.parse({"network": network, "hardware": {"z": [8, 4]}})
    whole, real = ({"network": network | {"out_degree": [d, 2]}, "hardware": {"z": [8, 4]}} for d in (2, 2.0))
    assert parser.parse(whole).edges == (32, 16)
    with pytest.raises(InputError, match="whole number"):
        parser.parse(real)


@pytest.mark.parametrize("count", [1, 2])
def test_the_time_of_all_workers_is_training_evaluation_and_the_rest(count, tmp_path):
    path = small_studies.write(tmp_path, axes=None, measure=["fixed", "check"])
    assert small_studies.explore(path, tmp_path / "out", "--workers", str(count)) == 0
    told = {k: v["value"] for k, v in json.loads((tmp_path / "out" / "timing.json").read_text()).items()}
    parts = [told[f"{name}_seconds"] for name in ("engine", "evaluation", "rest")]
    assert all(p > 0 for p in parts)
    assert sum(parts) == pytest.approx(told["seconds"] * told["workers"])
    assert told["training_samples"] == 2 * 150 and told["workers"] == count


def test_the_share_of_training_leaves_evaluation_out(tmp_path):
    study = studies.load(small_studies.write(tmp_path))
    found = Explored(study, Space(study).all(), seconds=10.0, workers=2, samples=2_000_000)
    found.engine_seconds, found.evaluation_seconds, found.rest_seconds = 9.0, 10.0, 1.0
    told = report.speed(found)
    assert told is not None and told.startswith("100,000 training samples/s per worker, 90 % of its time without evaluation")
    assert "(9.0 s training, 10.0 s evaluation, 1.0 s the rest)" in told


def test_a_report_of_very_many_designs_has_the_first_and_the_fronts(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "_MOST_DESIGNS", 3)
    axes = {"width": {"key": "numbers.width", "grid": [*range(8, 18)]}}
    study = studies.load(small_studies.write(tmp_path, axes=axes, seeds=[0], measure=["check", "fixed"], pareto=[PAIR]))
    found = Explored(study, Space(study).all())
    for p in found.points.legal:
        for m, values in (("check", {"edges": float(p.number)}), ("fixed", {"test_accuracy": 0.1 + (p.number == 7) / 2})):
            found.keys[p.number, m] = f"{p.number} {m}"
            found.results[f"{p.number} {m}"] = Result(f"{p.number} {m}", values)
    text = report.markdown(found, ["summary.csv"], [], "hwsim explore")
    table = text.partition("## Designs")[2].partition("## Pareto")[0]
    assert [line.split("|")[2].strip() for line in table.splitlines() if line.startswith("|")][2:] == ["8", "9", "10", "15"]
    assert "6 more designs, none of them on a front, are in `summary.csv`." in table


def test_a_resumed_study_starts_no_process_where_all_is_known(tmp_path, monkeypatch):
    path = small_studies.write(tmp_path, axes=None)
    assert small_studies.explore(path, tmp_path / "out", "--workers", "2") == 0
    before = small_studies.tables(tmp_path / "out")
    started = []
    monkeypatch.setattr(workers.forkserver, "ensure_running", lambda: started.append("fork server"))
    assert small_studies.explore(path, tmp_path / "out", "--workers", "2", "--resume") == 0
    assert started == [] and small_studies.tables(tmp_path / "out") == before
    assert small_studies.explore(path, tmp_path / "out", "--workers", "2", "--force") == 0
    assert started == ["fork server"]


PAIR = ["check.edges", "fixed.test_accuracy"]
