"""Studies end in the same tables however many processes measured them, and whatever happened on the way."""

import csv
import json
import os
import random
import re
import shlex
import signal
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from hwsim.commands import app as cli
from hwsim.configuration import config_file
from hwsim.design import Design
from hwsim.measurements.catalogue import MEASUREMENTS
from hwsim.studies.definition import study
from hwsim.studies.measuring import code_version, workshop
from hwsim.training.run import train
from tests import warm
from tests.hwsim import runs
from tests.hwsim.measurements import test_adaptation
from tests.hwsim.shipped import SHIPPED
from tests.hwsim.studies import small_studies

DATA = SHIPPED[0].parents[2] / "shared" / "data"
SHIPPED_STUDIES = sorted((SHIPPED[0].parent / "studies").glob("*.yaml"))


def rows(out, name="results.csv"):
    return [*csv.DictReader((out / name).read_text().splitlines())]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A study that was left in peace: its file and its directory."""
    folder = tmp_path_factory.mktemp("whole")
    path = small_studies.write(folder)
    assert small_studies.explore(path, folder / "out", "--workers", "1") == 0
    return path, folder / "out"


def test_more_seeds_are_measured_and_what_is_known_is_kept(tmp_path, capsys):
    """--seeds takes more than the file lists; rows of earlier seeds are not measured again."""
    path, out = small_studies.write(tmp_path, axes=None, measure=["fixed"]), tmp_path / "out"
    keys = []
    for count in (1, 4, 2):
        resume = ["--resume"] if keys else []
        assert small_studies.explore(path, out, "--seeds", str(count), *resume) == 0
        assert [r["seed"] for r in rows(out)] == [str(n) for n in range(count)]
        with sqlite3.connect(out / "study.sqlite") as db:
            keys.append({key for (key,) in db.execute("SELECT key FROM results")})
        assert json.loads((out / "timing.json").read_text())["measured"]["value"] == {1: 1, 4: 3, 2: 0}[count]
    assert keys[0] < keys[1] == keys[2] and len(keys[1]) == 4
    assert f"hwsim explore {path} --seeds 2" in (out / "report.md").read_text()
    assert study.load(out / "study.yaml").seeds == (0, 1)
    assert small_studies.explore(path, tmp_path / "none", "--seeds", "0") == 2
    assert capsys.readouterr().err == "hwsim: --seeds = 0: must lie in 1..10,000; nearest: 1\n"


def test_what_a_study_leaves(whole):
    _, out = whole
    names = {p.name for p in out.iterdir()}
    assert {"study.yaml", "study.sqlite", "results.csv", "summary.csv", "illegal.csv", "report.md", "timing.json"} <= names
    assert {"results.parquet", "summary.parquet"} <= names and not any(n.endswith(("-wal", "-shm")) for n in names)
    pictures = {n for n in names if n.endswith(".png")}
    assert {"fixed-test-accuracy-against-edges.png", "clocks-per-input-against-multipliers.png"} <= pictures
    table = rows(out)
    designs = rows(out, "summary.csv")
    assert len(table) == 2 * len(designs) and all(r["error"] == "" for r in table)
    assert len({r["point"] for r in table}) == len(table)
    report = (out / "report.md").read_text()
    assert all(f"]({n})" in report for n in pictures)
    assert "90 % confidence interval over 2 seeds" in report and "Pareto fronts" in report
    for column in (c for c in table[0] if "." in c):
        assert f"| `{column}` |" in report


def test_a_points_figures_are_those_of_a_training_run(whole, tmp_path):
    path, out = whole
    from hwsim.studies.definition.points import Space

    point = Space(study.load(path)).all().legal[5]
    history = train(Design(point.config), out=tmp_path / "run").history
    row = rows(out)[5]
    assert float(row["fixed.test_accuracy"]) == history[-1].test_accuracy
    assert float(row["fixed.test_loss"]) == history[-1].test_loss
    assert float(row["fixed.train_accuracy"]) == history[-1].train_accuracy
    assert int(row["fixed.saturations"]) == sum(map(sum, history[-1].saturation.values()))


def test_parquet_is_the_csv_with_units(whole):
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(whole[1] / "results.parquet")
    assert table.column_names == [*rows(whole[1])[0]]
    assert table.column("fixed.test_loss").to_pylist() == [float(r["fixed.test_loss"]) for r in rows(whole[1])]
    assert table.schema.field("check.multipliers").metadata[b"unit"] == b"multipliers"


@pytest.mark.parametrize("workers", [2, 3])
def test_results_do_not_depend_on_the_number_of_workers(workers, whole, tmp_path):
    assert small_studies.explore(whole[0], tmp_path / "out", "--workers", str(workers)) == 0
    assert small_studies.tables(tmp_path / "out") == small_studies.tables(whole[1])


def test_resuming_measures_only_what_is_missing(whole, tmp_path):
    out = tmp_path / "out"
    assert small_studies.explore(whole[0], out) == 0
    with sqlite3.connect(out / "study.sqlite") as db:
        keys = [k for (k,) in db.execute("SELECT key FROM results ORDER BY key")]
        db.executemany("DELETE FROM results WHERE key = ?", [(k,) for k in keys[::7]])
    db.close()
    assert small_studies.explore(whole[0], out, "--resume") == 0
    assert json.loads((out / "timing.json").read_text())["measured"]["value"] == len(keys[::7])
    assert small_studies.tables(out) == small_studies.tables(whole[1])
    assert small_studies.explore(whole[0], out, "--resume") == 0
    assert json.loads((out / "timing.json").read_text())["measured"]["value"] == 0
    assert small_studies.tables(out) == small_studies.tables(whole[1])


def test_a_study_that_has_grown_reuses_what_is_known(whole, tmp_path):
    out = tmp_path / "out"
    assert small_studies.explore(whole[0], out, "--seeds", "1") == 0
    first = rows(out)
    assert small_studies.explore(whole[0], out, "--resume") == 0
    assert json.loads((out / "timing.json").read_text())["measured"]["value"] == 3 * len(first)
    assert small_studies.tables(out) == small_studies.tables(whole[1])


def test_other_code_or_other_samples_are_other_results(whole, tmp_path, monkeypatch):
    point_of = study.load(whole[0])
    config = config_file.parse(point_of.base)
    first = workshop.task("fixed", config, None)
    assert workshop.task("fixed", config, None).key == first.key
    assert workshop.task("cycle", config, None).key != first.key
    assert workshop.task("fixed", config.model_copy(update={"seed": 1}), None).key != first.key
    with monkeypatch.context() as patch:
        patch.setattr(workshop, "code_version", lambda *modules: "other")
        assert workshop.task("fixed", config, None).key != first.key
    other = runs.write_samples(tmp_path / "other.npz", seed=3)
    own = Path(config.data.name)
    kept = own.read_bytes()
    try:
        own.write_bytes(other.read_bytes())
        assert workshop.task("fixed", config, None).key != first.key
    finally:
        own.write_bytes(kept)


def test_the_code_version_covers_what_computes_and_not_what_draws():
    modules = [MEASUREMENTS.module(name) for name in MEASUREMENTS if name not in ("frontend", "synth")]
    names = set(code_version.imported("hwsim.studies.measuring.workshop", *modules))
    assert {
        "models.fixed.kernel",
        "models.network.losses",
        "hwsim.training.engines",
        "hwsim.machine.kernel.clocks",
        "hwsim.costs.operations",
    } <= names
    assert (
        not {
            "hwsim.pictures.training",
            "hwsim.commands.app",
            "hwsim.studies.report.report",
            "hwsim.studies.measuring.explore",
        }
        & names
    )


def test_a_failing_point_is_recorded_and_the_study_goes_on(tmp_path, capsys):
    axes = {
        "epochs": {"key": "training.epochs", "grid": [0, 1]},
        "order": {"key": "training.order", "grid": ["sequential"]},
    }
    path = small_studies.write(tmp_path, axes=axes, set=None, measure=["fixed", "cycle"])
    assert small_studies.explore(path, tmp_path / "out") == 1
    table = rows(tmp_path / "out")
    assert table[0]["error"] == "fixed: training.epochs = 0: trains nothing; nearest: 1"
    assert table[2]["error"] == "cycle: training.order = sequential: has no machine; nearest: pipelined"
    assert table[2]["fixed.test_accuracy"]
    assert small_studies.explore(path, tmp_path / "out", "--resume", "--retry") == 1
    assert json.loads((tmp_path / "out" / "timing.json").read_text())["measured"]["value"] == 6
    assert "Points that failed" in (tmp_path / "out" / "report.md").read_text()


def test_whose_directory_it_is(whole, tmp_path, capsys):
    path, out = whole
    assert small_studies.explore(path, out) == 2
    assert "holds a study: --resume continues it, --force starts again" in capsys.readouterr().err
    assert small_studies.explore(path, tmp_path / "none", "--resume") == 2
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    assert small_studies.explore(path, tmp_path / "mine", "--force") == 2
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["thesis.txt"]
    other = small_studies.write(tmp_path, name="another")
    assert small_studies.explore(other, out, "--resume") == 2
    assert "holds the study toy, not another" in capsys.readouterr().err
    broken = tmp_path / "broken"
    assert small_studies.explore(path, broken, "--seeds", "1") == 0
    (broken / "study.sqlite").write_bytes(b"no database at all, but long enough to look" * 30)
    assert small_studies.explore(path, broken, "--resume") == 2
    assert "is no sound store of a study" in capsys.readouterr().err
    assert small_studies.explore(path, broken, "--force", "--seeds", "1") == 0


@pytest.mark.parametrize(
    "options",
    [("--workers", "0"), ("--seeds", "10001"), ("--set", "numbers.width=9"), ("--set", "x"), ("--resume", "--force")],
)
def test_bad_options_are_one_line(options, whole, tmp_path, capsys):
    assert small_studies.explore(whole[0], tmp_path / "out", *options) == 2
    assert capsys.readouterr().err.count("\n") == 1 and not (tmp_path / "out").exists()


def start(path, out, *options):
    """``hwsim explore`` in a process of its own."""
    return warm.begun(warm.COMMAND, "explore", path, "--out", out, "--quiet", *options)


def wait_for_results(process, out, least=1):
    """Until so many measurements are stored, or the process has ended."""
    while process.poll() is None:
        with suppress(sqlite3.Error):
            db = sqlite3.connect(f"file:{out / 'study.sqlite'}?mode=ro", uri=True)
            try:
                if db.execute("SELECT count(*) FROM results").fetchone()[0] >= least:
                    return
            finally:
                db.close()
        time.sleep(0.01)


def test_interrupted_by_hand_and_resumed(whole, tmp_path):
    out = tmp_path / "out"
    process = start(whole[0], out, "--workers", "2")
    wait_for_results(process, out, 5)
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate()
    assert (process.returncode, complaint) in ((130, "hwsim: interrupted\n"), (0, ""))
    assert small_studies.explore(whole[0], out, "--resume") == 0
    assert small_studies.tables(out) == small_studies.tables(whole[1])


# An exploration that kills itself when so many measurements have been stored, the last of them or all before it.
KILLED = """
import os, signal, sys
from hwsim import __main__
from hwsim.studies.measuring.store import Store
put = Store.put

def counted(*arguments):
    global left
    left -= 1
    if left == 0 and before:
        os.kill(os.getpid(), signal.SIGKILL)
    put(*arguments)
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

left, before = int(sys.argv[1]), sys.argv[2] == "before"
del sys.argv[1:3]
Store.put = counted
__main__.main()
"""


@pytest.mark.slow
def test_killed_at_random_moments_and_resumed_to_the_same_tables(whole, tmp_path):
    out, attempts, rng = tmp_path / "out", 0, random.Random(os.environ.get("HWSIM_TEST_SEED", "0"))
    while True:
        options = ["--resume"] if (out / "study.yaml").exists() else []
        moment = rng.randint(1, 20), rng.choice(["before", "after"])
        command = ["explore", whole[0], "--out", out, "--workers", "2", "--quiet", *options]
        code, complaint = warm.run(KILLED, *moment, *command)
        assert "Traceback" not in complaint and code in (0, -signal.SIGKILL), complaint
        attempts += 1
        if code == 0:
            break
    assert attempts > 3
    assert small_studies.tables(out) == small_studies.tables(whole[1])


@pytest.mark.slow
def test_killed_workers_are_replaced_and_nothing_is_lost(whole, tmp_path):
    out = tmp_path / "out"
    process = start(whole[0], out, "--workers", "2")
    for least in (3, 12):
        wait_for_results(process, out, least)
        # Workers are children of a server that is our child.
        for child in descendants(process.pid):
            if (Path("/proc") / str(child) / "task").exists() and child != process.pid and is_worker(child, process.pid):
                os.kill(child, signal.SIGKILL)
                break
    _, complaint = process.communicate()
    assert process.returncode == 0, complaint
    assert small_studies.tables(out) == small_studies.tables(whole[1])


@pytest.mark.slow
def test_workers_end_with_whoever_started_them(tmp_path):
    """In the middle of a point that would take hours."""
    path = small_studies.write(tmp_path, set={"training.epochs": 1_000_000, "numbers.fraction": 6})
    process = start(path, tmp_path / "out", "--workers", "1")
    working: set[int] = set()
    while not working:
        assert process.poll() is None, process.communicate()
        working = {p for p in descendants(process.pid) if is_worker(p, process.pid) and processor_time(p) > 2}
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    process.communicate()
    waited = 0
    while any((Path("/proc") / str(p)).exists() for p in working):
        assert (waited := waited + 1) < 6000, working  # five minutes and more, of which an instant is used
        time.sleep(0.05)


def processor_time(pid):
    """Seconds that a process has worked."""
    with suppress(OSError):
        fields = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def children(pid):
    with suppress(OSError):
        text = (Path("/proc") / str(pid) / "task" / str(pid) / "children").read_text()
        return [int(p) for p in text.split()]
    return []


def descendants(pid):
    found = children(pid)
    return found + [d for c in found for d in descendants(c)]


def is_worker(pid, ancestor):
    return pid not in children(ancestor)


@pytest.mark.parametrize("path", SHIPPED_STUDIES, ids=lambda p: p.stem)
def test_shipped_studies_are_sound(path):
    from hwsim.studies.definition.points import Space

    found = Space(study.load(path)).all()
    # Patterns that a search has yet to find.
    missing = [i for i in found.illegal if path.stem == "pattern_search" and "cannot be read" in i.reason]
    assert len(found.legal) >= 10 and found.illegal == missing


def test_the_example_of_the_documentation_is_a_study(tmp_path):
    from hwsim.studies.definition.points import Space

    root = SHIPPED[0].parents[1]
    text = re.search(r"```yaml\n(.*?)```", (root / "docs/studies/README.md").read_text(), re.DOTALL)[1]
    path = tmp_path / "example.yaml"
    path.write_text(text.replace("../demo.yaml", str(root / "sim_configs/demo.yaml")))
    found = Space(study.load(path)).all()
    assert found.legal and found.excluded and not found.illegal
    for name in re.findall(r"hwsim explore (\S+\.yaml)", (root / "docs/studies/README.md").read_text()):
        assert (root / name) in SHIPPED_STUDIES


def with_searched_patterns(path, folder):
    """The study in a folder of its own, beside the patterns that it compares, found by the commands it states."""
    text = path.read_text()
    for command in re.findall(r"^#   hwsim (search .*)$", text, re.MULTILINE):
        words = shlex.split(command.replace("sim_configs/", f"{path.parents[1]}/").replace("runs/", f"{folder}/runs/"))
        assert cli.run([*words, "--trials", "20", "--draws", "5", "--quiet"]) == 0
    (folder / "sim_configs" / "studies").mkdir(parents=True)
    copy = folder / "sim_configs" / "studies" / path.name
    copy.write_text(text.replace("../demo.yaml", f"{path.parents[1]}/demo.yaml"))
    return copy


@pytest.mark.slow
@pytest.mark.parametrize("path", [p for p in SHIPPED_STUDIES if "synth" not in study.load(p).measure], ids=lambda p: p.stem)
def test_shipped_studies_run(path, tmp_path):
    shrink = ["--set", "training.samples=100", "--set", "training.epochs=1", "--seeds", "1"]
    mini = "data.name=mnist-mini"
    small = {
        "mnist": mini,
        "fashion-mnist": mini,
        "cifar10": "data.name=cifar10-part",
        "morse": "data.morse.per_class=[10,1,1]",
    }
    loaded = study.load(path)
    name = loaded.set.get("data.name", loaded.base.get("data", {}).get("name"))
    shrink += ["--set", small[name]] if name in small else []
    shrink += ["--set", "data.validation=50"] if "data.validation" in loaded.set else []
    if "frontend" in loaded.measure:
        pytest.importorskip("torch")
    if "frontend" in loaded.measure and name in ("mnist", "fashion-mnist"):
        shrink += ["--set", "frontend.epochs=1"]
    if loaded.choose is not None:
        shrink += ["--trials", "1", "--set", "data.validation=20"]
    if name == "cifar10" or (name == "cifar10-part" and loaded.choose is not None):
        shrink += ["--set", "frontend.epochs=1"]
    if name in ("cifar10", "cifar10-part"):
        if not DATA.is_dir():
            pytest.skip("needs the data beside the repository")
        shrink += ["--data-dir", str(DATA)]
    if {"adaptation", "adaptation_in_order", "drift"} & {*loaded.measure}:
        layers, classes = loaded.base["network"]["layers"], loaded.base["network"]["classes"]
        rng, test = np.random.default_rng(0), 5100 if "drift" in loaded.measure else 80
        n = 420 + test
        drawn = rng.integers(0, 256, (n, layers[0]), np.uint8), rng.integers(0, classes, n), np.arange(n) % 2
        test_adaptation.written(tmp_path / name, drawn, test)
        shrink += ["--data-dir", str(tmp_path)]
    if name == "features.npz":  # what a front end makes of images
        rng, n = np.random.default_rng(0), loaded.base["network"]["layers"][0]
        drawn = {
            f"{a}_{b}": m
            for a, k in (("train", 120), ("test", 20))
            for b, m in (("inputs", rng.random((k, n), np.float32)), ("labels", rng.integers(0, 10, k)))
        }
        np.savez(tmp_path / name, **drawn)
        shrink += ["--data-dir", str(tmp_path), "--set", "data.validation=20"]
    if path.stem == "pattern_search":
        path = with_searched_patterns(path, tmp_path)
    if loaded.set.get("training.rate_shift") == [[0, 3], [2, 4]]:
        shrink += ["--set", "training.rate_shift=[[0, 3]]"]
    assert small_studies.explore(path, tmp_path / "out", "--workers", "2", *shrink) == 0
    assert re.search(r"!\[.*\]\(.*-against-.*\.png\)", (tmp_path / "out" / "report.md").read_text())
