"""An output directory has one owner at a time, and what is in it stays until somebody says that it may go."""

import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from hwsim.commands import app as cli
from hwsim.configuration import config_file
from hwsim.results.directory import RunDirectory
from models.errors import InputError
from models.files import npz, whole
from models.files.npz import read_npz, write_npz
from models.files.whole import _replace, lock
from tests.hwsim import runs


def call(*arguments):
    return cli.run([*map(str, arguments), "--quiet"])


def tree(directory):
    return {p.relative_to(directory): p.read_bytes() for p in sorted(directory.rglob("*")) if p.is_file()}


@pytest.fixture
def refused(capsys):
    """The one line that a command answers with exit code 2."""

    def run(*arguments):
        capsys.readouterr()
        assert call(*arguments) == 2, arguments
        shown = capsys.readouterr()
        assert not shown.out and shown.err.count("\n") == 1
        return shown.err.rstrip("\n")

    return run


@pytest.fixture
def config(tmp_path):
    return runs.write_config(tmp_path, "fixed pipelined", epochs=1, rate_shift=[[0, 3]])


@pytest.fixture
def study(tmp_path, config):
    path = tmp_path / "study.yaml"
    path.write_text(
        f"schema_version: 1\nname: few\nbase: {config.name}\nseeds: [0]\nmeasure: [costs]\n"
        "axes: {z: {key: hardware.z, grid: [[8, 4], [4, 2]]}}\n"
    )
    return path


RUNS = {
    "check": ("check",),
    "train": ("train",),
    "simulate": ("simulate",),
    "view": ("view",),
    "verilog": ("verilog",),
    "scatter": ("scatter",),
    "search": ("search", "--trials", "3", "--draws", "2"),
    "cosim": ("cosim", "--samples", "2", "--scenarios", "data"),
    "synth": (
        "synth",
        "--target",
        "xc7",
        "--no-cache",
        "--set",
        "hardware.z=[2,1]",
        "--set",
        "numbers.width=6",
        "--set",
        "numbers.fraction=3",
    ),
    "solve": ("solve",),
    "bench": ("bench", "--seconds", "0.05"),
    "explore": ("explore",),
    "selftest": ("selftest",),
    "import-model": ("import-model",),
}
"""Every command that owns a directory and needs no PyTorch; those that do are in the tests of front ends and imports."""

SLOW = {"cosim", "synth", "bench"}
ALL = [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in RUNS]


def command(name, config, study, out, *more):
    if name == "import-model":
        (config.parent / "layers.csv").write_text("Layer,M,N,K\nfc,1,4,16\n")
        config = config.parent / "layers.csv"
    return RUNS[name][0], study if name == "explore" else config, *RUNS[name][1:], "--out", out, *more


@pytest.mark.parametrize("name", RUNS)
def test_a_directory_in_use_is_left_alone(name, config, study, tmp_path, refused, no_pictures):
    out = tmp_path / "out"
    forced = () if name in ("check", "scatter", "selftest") else ("--force",)
    if name not in ("explore", "solve", "bench", "selftest"):
        assert runs.train(config, out) == 0
        before = tree(out)
    else:
        out.mkdir()
        before = {}
    with lock(out):
        line = refused(*command(name, config, study, out, *forced))
        assert line.startswith(f"hwsim: --out = {out}: is in use by another ")
        assert tree(out) == before


@pytest.mark.parametrize("name", ALL)
def test_nothing_is_written_without_owning_the_directory(name, config, study, tmp_path, monkeypatch):
    """Whenever a file appears, somebody else who asks for the directory is sent away."""
    out, written = tmp_path / "out", []
    replace = Path.replace

    def watched(self, target):
        if Path(target).parent == out:
            written.append(Path(target).name)
            with pytest.raises(InputError, match="is in use by another"), lock(out):
                pass
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", watched)
    code = call(*command(name, config, study, out))
    assert code == 0
    assert written
    left = {p.name for p in out.iterdir() if p.is_file()}
    assert left <= {*written, "study.sqlite"}  # which the database itself writes


@pytest.mark.parametrize("name", ["simulate", "verilog", "search", "train"])
def test_without_a_name_no_run_replaces_another(name, config, study, tmp_path, monkeypatch, no_pictures):
    monkeypatch.chdir(tmp_path)
    for seed in "0", "1":
        assert call(*RUNS[name][:1], config, *RUNS[name][1:], "--seed", seed) == 0
    first, second = sorted((tmp_path / "runs").iterdir())
    seeds = {config_file.load(d / "config.yaml").seed for d in (first, second)}
    assert seeds == {0, 1}
    before = tree(tmp_path / "runs")
    assert call(*RUNS[name][:1], config, *RUNS[name][1:], "--seed", "1") == 0  # once more the same
    after = tree(tmp_path / "runs")
    timing = {path for path in before if path.name == "timing.json"}
    assert {k: v for k, v in after.items() if k not in timing} == {k: v for k, v in before.items() if k not in timing}


def test_options_that_change_results_change_the_name(config, tmp_path, monkeypatch, refused, no_pictures):
    monkeypatch.chdir(tmp_path)
    for options in (), ("--late", "0.2"), ("--trace", "0:9"), ("--late", "0.2", "--inference", "0.1"):
        assert call("simulate", config, *options) == 0
    assert len(list((tmp_path / "runs").iterdir())) == 4
    assert call("simulate", config, "--out", tmp_path / "out", "--late", "0.2") == 0
    line = refused("simulate", config, "--out", tmp_path / "out")
    assert line == f"hwsim: --out = {tmp_path / 'out'}: holds results of simulate late=0.2: --force replaces it"
    assert call("simulate", config, "--out", tmp_path / "out", "--late", "0.2") == 0


@pytest.mark.parametrize("name", ["simulate", "verilog", "search"])
def test_a_trained_network_is_not_replaced_by_another_command(name, config, study, tmp_path, refused, no_pictures):
    """Although the configuration is the same."""
    out = tmp_path / "out"
    assert runs.train(config, out) == 0
    before = tree(out)
    of_training = config_file.load(out / "config.yaml")
    assert config_file.fingerprint(of_training) == config_file.fingerprint(config_file.load(config))
    line = refused(*command(name, config, study, out))
    assert line == f"hwsim: --out = {out}: holds results of train: --force replaces it"
    assert tree(out) == before
    assert call(*command(name, config, study, out, "--force")) == 0
    assert "final.npz" not in {p.name for p in out.iterdir()} or name == "simulate"
    line = refused("train", config, "--out", out)
    assert f"holds results of {name}" in line and line.endswith("--force replaces it")


@pytest.mark.parametrize("name", ["check", "scatter"])
def test_what_only_adds_keeps_an_interrupted_run(name, config, study, tmp_path, refused, no_pictures):
    out = tmp_path / "out"
    assert runs.train(config, out) == 0
    write_npz(out / "checkpoint.npz", {"a": [1]})
    before = tree(out)
    assert call(*command(name, config, study, out)) == 0
    after = tree(out)
    assert {path: after[path] for path in before} == before
    assert refused(*command(name, config, study, out, "--seed", "1")).endswith(
        "another configuration, see config.yaml there"
    )
    assert tree(out) == after
    # And what it has written by itself is in nobody's way.
    assert call(*command(name, config, study, tmp_path / "fresh")) == 0
    assert runs.train(config, tmp_path / "fresh") == 0


def test_a_directory_that_was_filled_in_the_meantime_is_kept(config, tmp_path, no_pictures):
    """Both looked, and found it free; the other was faster."""
    out = tmp_path / "out"
    ours = RunDirectory(out, config_file.load(config, {"seed": 1}))
    assert runs.train(config, out) == 0
    before = tree(out)
    with pytest.raises(InputError, match="holds a run of another configuration"), ours.locked():
        raise AssertionError("never got here")
    assert tree(out) == before


def test_a_study_that_was_begun_in_the_meantime_is_kept(study, tmp_path, no_pictures):
    from hwsim.studies.definition.study import load
    from hwsim.studies.directory import StudyDirectory

    out = tmp_path / "out"
    ours = StudyDirectory(out, load(study))
    assert call("explore", study, "--out", out) == 0
    before = tree(out)
    with pytest.raises(InputError, match="holds a study"), ours.locked():
        raise AssertionError("never got here")
    assert tree(out) == before


def test_nothing_is_written_by_whoever_does_not_own(config, tmp_path):
    directory = RunDirectory(tmp_path / "out", config_file.load(config))
    for write in (
        directory.begin,
        directory.write_config,
        lambda: directory.write_text("a", "b"),
        lambda: directory.write_json("a", {}),
        lambda: directory.write_arrays("a.npz", {}),
    ):
        with pytest.raises(RuntimeError, match="only inside locked"):
            write()
    assert not (tmp_path / "out").exists()


def test_a_directory_that_nothing_was_written_to_goes_again(config, tmp_path):
    directory = RunDirectory(tmp_path / "a" / "b" / "out", config_file.load(config))
    with pytest.raises(ZeroDivisionError), directory.locked():
        assert directory.path.is_dir()
        raise ZeroDivisionError
    assert not (tmp_path / "a").exists()
    with directory.locked(), directory.locked():  # again inside itself
        directory.begin()
    assert {p.name for p in directory.path.iterdir()} == {"config.yaml"}


def test_a_lock_on_a_directory_that_was_removed_meanwhile_is_no_lock(tmp_path, monkeypatch):
    """Its owner found nothing to write and removed it just when another had opened it."""
    out, flock, calls = tmp_path / "out", whole.fcntl.flock, []

    def late(handle, how):
        if not calls:
            out.rmdir()
        calls.append(handle)
        return flock(handle, how)

    monkeypatch.setattr(whole.fcntl, "flock", late)
    with lock(out):
        (out / "file").write_text("here")
        with pytest.raises(InputError, match="is in use"), lock(out):
            pass
    assert len(calls) == 3 and (out / "file").exists()


@pytest.mark.parametrize("name", ["check", "simulate", "verilog", "search", "solve", "explore"])
@pytest.mark.parametrize("nth", [1, 2, 4])
def test_a_full_disk_is_called_one_and_what_is_there_is_whole(nth, name, config, study, tmp_path, monkeypatch, refused):
    """The disk is full from the n-th file on; once there is room, the same command leaves what it would have left."""
    whole, out, calls = tmp_path / "whole", tmp_path / "out", 0
    assert call(*command(name, config, study, whole)) == 0
    sync = os.fsync

    def full(handle):
        nonlocal calls
        calls += 1
        if calls >= nth:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        if nth > 1 and name in ("solve", "check"):  # which write a file or two
            call(*command(name, config, study, out))
        else:
            assert refused(*command(name, config, study, out)).endswith("cannot be written: No space left on device")
    resumed = ("--resume",) if name == "explore" and (out / "study.yaml").exists() else ()
    assert not out.exists() or not [p for p in out.iterdir() if p.name.startswith(".")]
    assert call(*command(name, config, study, out, *resumed)) == 0
    varying = {"study.sqlite", "timing.json", "report.md"}
    left, expected = ({k: v for k, v in tree(d).items() if k.name not in varying} for d in (out, whole))
    assert left == expected


def test_answers_of_the_solver_and_of_the_benchmark_are_kept(config, tmp_path, refused):
    out = tmp_path / "out"
    assert call("solve", config, "--out", out) == 0
    before = tree(out)
    assert call("solve", config, "--out", out) == 0  # the same answer
    line = refused("solve", config, "--out", out, "--clocks", "30")
    assert line.endswith(": is there and holds something else: --force replaces it")
    assert tree(out) == before
    assert call("solve", config, "--out", out, "--clocks", "30", "--force") == 0
    assert tree(out) != before
    (out / "bench.json").write_text("{}")
    assert refused("bench", config, "--out", out).endswith(": is there already: --force replaces it")


def test_memory_contents_of_a_larger_design_go_with_it(config, tmp_path):
    out = tmp_path / "out"
    assert call("verilog", config, "--out", out) == 0
    (out / "weights_3.mem").write_text("0\n")
    (out / ".weights_1.mem.0123abcd").write_text("half")
    assert call("verilog", config, "--out", out) == 0
    assert not (out / "weights_3.mem").exists() and not (out / ".weights_1.mem.0123abcd").exists()


def test_a_changed_configuration_in_a_directory_is_noticed(config, tmp_path, refused, no_pictures):
    """A run's own configuration may be edited and used, but not to say that the directory holds what it never held."""
    out = tmp_path / "out"
    assert runs.train(config, out) == 0
    text = (out / "config.yaml").read_text()
    (out / "config.yaml").write_text(text.replace("\nseed: 0\n", "\nseed: 1\n"))
    for arguments in ("train", config, "--seed", "1"), ("train", config), ("check", config, "--seed", "1"):
        assert "config.yaml or files named there have been changed" in refused(*arguments, "--out", out)
    assert call("train", out / "config.yaml", "--out", tmp_path / "other") == 0
    for line in "# run: {", "# run: 3", "# run: " + "[" * 9999, '# run: {"configuration": 3}', '# run: {"options": 3}':
        (out / "config.yaml").write_text(text.replace(text.splitlines()[1], line))
        refused("train", config, "--out", out)
    assert call("train", config, "--out", out, "--force") == 0


def test_the_best_pattern_of_a_search_is_searched_for_again_or_kept(config, tmp_path, refused):
    out, options = tmp_path / "out", ("--trials", "3", "--draws", "2")
    assert call("search", config, "--out", out, *options) == 0
    before = tree(out)
    assert call("search", config, "--out", out, *options) == 0
    assert tree(out) == before
    assert "holds results of search draws=2 restarts=2 trials=3" in refused("search", config, "--out", out)
    assert "another configuration" in refused("search", config, "--out", out, *options, "--seed", "1")
    assert tree(out) == before
    assert call("scatter", out / "config.yaml", "--out", out) == 0  # of the pattern that was found
    assert "another configuration" in refused("scatter", config, "--out", out)


def test_a_run_is_solved_from_any_folder(config, tmp_path, monkeypatch, no_pictures):
    """Its configuration names its copies of given files; they are beside it, wherever the reader is."""
    assert runs.train(config, tmp_path / "first") == 0
    sets = [("connectivity.file", "connectivity.npz"), ("training.init_file", "final.npz"), ("training.init", "file")]
    assigned = [a for k, v in sets for a in ("--set", f"{k}={tmp_path / 'first' / v if v.endswith('z') else v}")]
    assert call("train", config, "--out", tmp_path / "second", *assigned) == 0
    text = (tmp_path / "second" / "config.yaml").read_text()
    assert "given_connectivity.npz" in text and str(tmp_path / "first") not in text
    shutil.rmtree(tmp_path / "first")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    relative = Path(os.path.relpath(tmp_path / "second" / "config.yaml"))
    for name in ("check", "solve", "scatter", "verilog", "simulate"):
        assert call(name, relative, *([] if name in ("check",) else ["--out", name])) == 0, name
    assert json.loads(Path("solve/solve.json").read_text())
    assert np.array_equal(
        read_npz("simulate/connectivity.npz")["left_1"], read_npz(tmp_path / "second" / "connectivity.npz")["left_1"]
    )
    study = Path("study.yaml")
    study.write_text(
        f"schema_version: 1\nname: few\nbase: {relative}\nseeds: [0]\nmeasure: [costs]\n"
        "axes: {k: {key: training.epochs, grid: [1, 2]}}\n"
    )
    assert call("explore", study, "--out", "explored") == 0


def test_the_archive_writer_is_part_of_the_watch():
    """What these tests replace is what the writers use."""
    assert "replace" in npz._replacing.__wrapped__.__code__.co_names and "replace" in _replace.__code__.co_names
