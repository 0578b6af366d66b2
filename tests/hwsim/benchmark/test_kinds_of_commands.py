"""Commands of other modules, in other folders, with something before them, with a cluster, and figures that they leave."""

import re
import time

import pytest

from hwsim.benchmark import clusters, commands, trees
from hwsim.commands import app as cli
from tests.hwsim.studies import small_studies

TELLING = """
import json, os, pathlib, sys

out, count, *words = sys.argv[1:]
count = pathlib.Path(count)
said = len(count.read_text()) if count.exists() else 0
with open(count, "a") as file:
    file.write("x")
pathlib.Path(out).mkdir()
figures = {
    "place": {"value": os.getcwd()},
    "runs": {"value": said, "unit": "runs", "meaning": "before this one"},
    "nothing": {"value": None, "unit": "1", "meaning": ""},
}
pathlib.Path(out, "told.json").write_text(json.dumps(figures))
if words == ["fail"]:
    sys.exit("no luck")
"""


@pytest.fixture
def code(tmp_path):
    """States of the code with a module that tells where and how often it has run."""
    made = []
    for name in ("one", "other"):
        package = tmp_path / name / "hwsim"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "__main__.py").touch()
        (package / "telling.py").write_text(TELLING)
        made.append(trees.Tree(name, package.parent))
    return made


def rows(tmp_path, code, **section):
    wanted = {"module": "hwsim.telling", "run": ["{out}", "{shared}/count"], "figures": "told.json", "times": 1}
    found = commands.CommandSection.model_validate(wanted | section)
    return commands.measure([commands.Command("it", found, tmp_path)], code)[0]


def test_a_module_leaves_figures_that_are_numbers(tmp_path, code):
    one, other = rows(tmp_path, code)
    assert one.told == {"runs": commands.Told(0, "runs", "before this one")}
    assert other.told["runs"].value == 1  # they share a folder
    (again, _) = rows(tmp_path, code)
    assert again.told["runs"].value == 0  # for one command


def test_what_is_prepared_comes_first_with_every_code_and_is_not_measured(tmp_path, code):
    one, other = rows(tmp_path, code, prepare=["{out}", "{shared}/count"])
    assert (one.told["runs"].value, other.told["runs"].value) == (2, 3)
    (one, _) = rows(tmp_path, code, prepare=["{out}", "{shared}/count", "fail"])
    assert one.spent.failure == "exit code 1: no luck"


@pytest.mark.parametrize(("folder", "place"), [(None, ""), ("{code}", "one"), ("other", "other")])
def test_a_command_runs_in_its_folder(folder, place, tmp_path, code):
    program = "import json, os, pathlib, sys; p = pathlib.Path(sys.argv[1]); p.mkdir(); n = str(len(os.getcwd()))"
    text = program + "; (p / 'told.json').write_text('{\"length\": {\"value\": ' + n + '}}')"
    (code[0].folder / "hwsim" / "telling.py").write_text(text)
    (row, *_) = rows(tmp_path, code[:1], folder=folder, run=["{out}"])
    assert row.told["length"].value == len(str(tmp_path / place).rstrip("/"))


def test_figures_that_are_not_there_are_none(tmp_path, code):
    for text in (
        "",
        "pass",
        "import pathlib, sys; p = pathlib.Path(sys.argv[1]); p.mkdir(); (p / 'told.json').write_text('[1')",
    ):
        (code[0].folder / "hwsim" / "telling.py").write_text(text)
        (row,) = rows(tmp_path, code[:1])
        assert row.told == {} and row.spent.failure is None


def test_a_cluster_that_does_not_begin_is_told_with_its_last_line(tmp_path, code):
    (code[0].folder / "hwsim" / "benchmark.py").touch()  # no package, so that no installed one is looked for either
    (row,) = rows(tmp_path, code[:1], cluster=1, run=["{cluster}"])
    assert re.fullmatch(r"no cluster: .*not found on 'hwsim\.benchmark'.*", row.spent.failure or "")


def test_without_dask_a_cluster_is_refused_in_one_line(tmp_path, monkeypatch, capsys):
    path = tmp_path / "commands.yaml"
    path.write_text("schema_version: 1\ncommands: {it: {run: [explore, '{cluster}'], cluster: 2}}\n")
    monkeypatch.setattr(clusters, "find_spec", lambda name: None)
    assert cli.run(["bench", "--commands", str(path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "package distributed: is missing: install it with pip install 'hwsim[dask]'" in line


def test_names_of_several_files_are_different(tmp_path, capsys):
    paths = [tmp_path / "a.yaml", tmp_path / "b.yaml"]
    for path in paths:
        path.write_text("schema_version: 1\ncommands: {it: {run: [--help]}}\n")
    assert cli.run(["bench", "--commands", str(paths[0]), "--commands", str(paths[1])]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "commands.it" in line and str(paths[1]) in line


@pytest.mark.slow
def test_a_study_is_measured_by_a_cluster(tmp_path):
    pytest.importorskip("distributed")
    study = small_studies.write(tmp_path)
    local = commands.CommandSection(run=("explore", str(study), "--out", "{out}"), figures="timing.json", times=1)
    words = ("explore", str(study), "--scheduler", "{cluster}", "--out", "{out}")
    remote = local.model_copy(update={"run": words, "prepare": words, "cluster": 2})
    wanted = [commands.Command(name, section, tmp_path) for name, section in (("local", local), ("remote", remote))]
    (alone,), (spread,) = commands.measure(wanted, [trees.this()])
    assert (alone.spent.failure, spread.spent.failure) == (None, None)
    assert spread.told["measured"] == alone.told["measured"] and spread.told["workers"].value == 0


def work():
    stop = time.process_time() + 0.3
    while time.process_time() < stop:
        pass


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_processor_time_of_a_cluster_is_that_of_all_its_workers():
    distributed = pytest.importorskip("distributed")
    with clusters.cluster(trees.this(), 2) as cluster:
        before = cluster.processor_seconds()
        with distributed.Client(cluster.address) as client:
            assert len(client.run(work)) == 2
        assert cluster.processor_seconds() - before > 0.6
