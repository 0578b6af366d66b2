"""Whole commands are measured as they are, and other code beside this one."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hwsim.benchmark import commands, trees
from hwsim.commands import app as cli
from hwsim.configuration.config_file import load
from hwsim.studies.definition import study
from hwsim.studies.definition.points import Space
from tests.hwsim import runs

PRETENDING = """
import json, os, pathlib, subprocess, sys, time

def main():
    word, *rest = sys.argv[1:]
    if word == "memory":
        held = bytearray(int(rest[0]))
        held[::4096] = b"1" * len(held[::4096])
    elif word == "work":
        stop = time.process_time() + float(rest[0])
        while time.process_time() < stop:
            pass
    elif word == "child":
        subprocess.run([sys.executable, "-m", "hwsim", "work", rest[0]], check=True)
    elif word == "leave work":  # to a process that nobody waits for
        subprocess.Popen([sys.executable, "-m", "hwsim", "work", rest[0]])
    elif word == "fail":
        sys.stderr.write("first line\\nthe reason\\n")
        sys.exit(3)
    elif word == "orphan":
        subprocess.Popen(["sleep", "300"], stdout=open(rest[0], "w"))
        print(os.getpid(), file=open(rest[0] + ".group", "w"))
        time.sleep(300)
    elif word == "kept":
        names = ("XDG_CACHE_HOME", "CCACHE_DIR", "CCACHE_DISABLE")
        with open(rest[0], "a") as told:
            found = {name: os.environ.get(name) for name in names}
            told.write(json.dumps(found | {"empty": not os.listdir(found["XDG_CACHE_HOME"] or "/")}) + "\\n")
        if found["XDG_CACHE_HOME"]:
            pathlib.Path(found["XDG_CACHE_HOME"], "built").touch()
    elif word == "leave":
        pathlib.Path(rest[0]).mkdir()
        print(rest[0], file=open(rest[1], "a"))

main()
"""


@pytest.fixture
def pretending(tmp_path):
    """Code that does what a test wants, as a state of the code."""
    package = tmp_path / "code" / "hwsim"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(PRETENDING)
    return trees.Tree("pretending", package.parent)


def measured(tree, **section):
    """One command, on one state of the code."""
    found = commands.CommandSection.model_validate({"times": 1} | section)
    return commands.measure([commands.Command("it", found, tree.folder)], [tree])[0][0]


def test_memory_and_processor_time_are_those_of_the_command_and_its_processes(pretending):
    small, large = (pretending.run(["memory", str(n)]) for n in (1_000_000, 150_000_000))
    assert 140e6 < large.peak_memory - small.peak_memory < 170e6
    assert pretending.run(["work", "0.4"]).processor_seconds > 0.4
    assert pretending.run(["child", "0.4"]).processor_seconds > 0.4
    left = pretending.run(["leave work", "0.4"])
    assert left.processor_seconds > 0.4 or sys.platform != "linux"
    assert small.failure is None


def test_a_command_that_fails_is_told_with_its_last_line(pretending):
    row = measured(pretending, run=["fail"], amount=5, of="things")
    assert row.spent.failure == "exit code 3: the reason"
    assert row.rate is None


def test_a_command_that_takes_too_long_ends_with_all_it_has_started(pretending, tmp_path):
    told, begun, limit = tmp_path / "told", tmp_path / "told.group", 1.0
    while not (begun.exists() and begun.read_text()):  # however slow the machine is today
        limit *= 2
        assert pretending.run(["orphan", str(told)], limit=limit).failure == f"ended after {limit:g} s"
    group = int(begun.read_text())
    for _ in range(1200):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("a process of the command lives on")


def test_only_a_fresh_command_begins_without_what_was_kept(pretending, tmp_path, monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    for fresh in (True, False):
        told = tmp_path / f"told-{fresh}"
        measured(pretending, run=["kept", str(told)], fresh=fresh, times=2)
        lines = [json.loads(line) for line in told.read_text().splitlines()]
        assert len(lines) == 2
        places = {line["XDG_CACHE_HOME"] for line in lines}
        assert (len(places), None in places) == ((2, False) if fresh else (1, True))
        assert not fresh or all(line["empty"] and line["CCACHE_DISABLE"] == "1" for line in lines)


def test_every_run_has_a_folder_of_its_own_that_does_not_stay(pretending, tmp_path):
    told = tmp_path / "told"
    assert measured(pretending, run=["leave", "{out}", str(told)], times=3).spent.failure is None
    places = told.read_text().split()
    assert len(set(places)) == 3 and not any(Path(p).exists() for p in places)


@pytest.fixture
def refused(capsys):
    """Run a command that must be refused with one line, which is returned."""

    def run(*words):
        assert cli.run([str(word) for word in words]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        return line

    return run


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "commands.yaml"
        path.write_text("schema_version: 1\ncommands:\n" + text)
        return path

    return write


def test_commands_of_a_file_are_printed_and_written(file, tmp_path, capsys):
    runs.write_config(tmp_path, "fixed pipelined")
    (config,) = tmp_path.glob("*.yaml")
    path = file(f"  look: {{run: [check, {config.name}], amount: 10, of: networks, times: 1}}\n")
    assert cli.run(["bench", "--commands", str(path), "--out", str(tmp_path / "out")]) == 0
    shown = capsys.readouterr()
    found = json.loads((tmp_path / "out" / "bench.json").read_text())
    (row,) = found["commands"]
    assert found["rows"] == [] and (row["command"], row["of"], row["failure"]) == ("look", "networks", None)
    assert row["rate"]["value"] == pytest.approx(10 / row["seconds"]["value"])
    assert 10e6 < row["peak_memory"]["value"] < 2e9
    assert "look" in shown.out and "networks/s" in shown.out and "look: this: " in shown.err


def test_a_command_that_fails_is_a_failure_of_the_whole(file, capsys):
    assert cli.run(["bench", "--commands", str(file("  look: {run: [check, nothing.yaml]}\n"))]) == 1
    shown = capsys.readouterr()
    assert shown.out.count("exit code 2: hwsim: nothing.yaml") == shown.err.count("nothing.yaml") == 1  # and not again


def test_code_of_a_folder_is_measured_in_turns_with_this_one(file, tmp_path, capsys):
    """The other code here is this one without what `hwsim check` says."""
    config = runs.write_config(tmp_path, "float adam batches")
    code = tmp_path / "code"
    for name in ("hwsim", "models", "rtl"):
        shutil.copytree(trees.this().folder / name, code / name)
    check = code / "hwsim" / "commands" / "check.py"
    check.write_text(check.read_text() + "\n\ndef check(where: Where) -> None:\n    raise SystemExit(7)\n")
    path = file(f"  look: {{run: [check, {config}], times: 2}}\n  start: {{run: [--help], times: 1}}\n")
    arguments = [str(config), "--commands", str(path), "--against", str(code), "--seconds", "0.1", "--out"]
    assert cli.run(["bench", *arguments, str(tmp_path / "out"), "--json"]) == 0  # this code knows them all
    document = json.loads(capsys.readouterr().out)
    found = json.loads((tmp_path / "out" / "bench.json").read_text())
    assert found["against"] == str(code)
    for row in found["rows"]:
        ratio = row["samples_per_second"]["value"] / row["before_samples_per_second"]["value"]
        assert row["gain"]["value"] == pytest.approx(ratio)
    look, start = found["commands"]
    assert look["failure"] is None and look["before_failure"].startswith("exit code 2: ") and "gain" not in look
    assert start["gain"]["value"] == pytest.approx(start["before_seconds"]["value"] / start["seconds"]["value"])
    of_engines, of_commands = document["tables"]
    assert [r["gain"] for r in of_engines["rows"]] == [row["gain"]["value"] for row in found["rows"]]
    assert of_commands["rows"][0]["ended"].startswith("before: exit code 2: ")


def test_code_of_a_revision_is_that_of_the_revision_with_this_benchmark(tmp_path, monkeypatch):
    here = tmp_path / "checkout"
    for name in ("hwsim/benchmark", "models", "rtl", "sim_configs"):
        (here / name).mkdir(parents=True)
        (here / name / "some.py").write_text("old")

    def git(*words):
        author = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org"]
        subprocess.run(["git", "-C", str(here), *author, *words], check=True, capture_output=True)

    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "old")
    git("tag", "old")
    (here / "models" / "some.py").write_text("new")
    git("commit", "-q", "-a", "-m", "new")
    monkeypatch.setattr(trees, "_HERE", here)
    with trees.other("old") as tree:
        assert (tree.folder / "models" / "some.py").read_text() == "old"
        assert (tree.folder / "hwsim" / "benchmark" / "engines.py").is_file()
        place = tree.folder
    assert not place.exists() and (here / "models" / "some.py").read_text() == "new"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("  it: {run: []}\n", "commands.it.run"),
        ("  it: {run: [bench]}\n", "commands.it.run = bench: must be another command"),
        ("  it: {run: [check], often: 3}\n", "commands.it.often: is an unknown key"),
        ("  it: {run: [check], times: 0}\n", "commands.it.times = 0: must be"),
        ("  it: {run: [check], limit: 0.0}\n", "commands.it.limit = 0.0: must be"),
        ("  it: {run: [check], module: ''}\n", "commands.it.module"),
        ("  it: {run: [explore, '{cluster}']}\n", "commands.it.cluster: is missing"),
        ("  it: {run: [explore], cluster: 2}\n", "commands.it.cluster = 2: would be in vain"),
        ("  it: {run: [explore, '{cluster}'], cluster: 0}\n", "commands.it.cluster = 0: must be"),
        ("  {}\n", "commands"),
    ],
)
def test_a_file_that_is_none_is_refused(file, refused, text, line):
    assert line in refused("bench", "--commands", file(text))


def test_code_that_is_none_is_refused(refused, tmp_path):
    config = runs.write_config(tmp_path, "fixed pipelined")
    assert "--against = " in refused("bench", config, "--against", tmp_path)
    assert "no revision" in refused("bench", config, "--against", "no-such-revision")
    assert "no revision" in refused("bench", config, "--against", "--output=x")


def test_code_in_the_working_directory_is_not_taken_for_this_one(pretending):
    assert "No such command" in (trees.this().run(["work", "0"], pretending.folder).failure or "")


SHIPPED = trees.this().folder / "sim_configs" / "bench"


def test_the_shipped_commands_are_of_the_size_that_they_say():
    found = {c.name: c.section for c in commands.load([SHIPPED / "commands.yaml"])}
    for section in found.values():
        for word in section.run:
            assert not word.endswith(".yaml") or (SHIPPED / word).is_file()
    for name, edges in (("edges_1e8", 101_000_000), ("edges_5e6", 5_005_000)):
        assert sum(load(SHIPPED / f"{name}.yaml").edges) == edges
    assert found["check 1e8 edges"].amount == found["scatter of 1e8 edges"].amount == 101_000_000


def test_the_shipped_study_has_a_thousand_points_of_many_shapes():
    wanted = study.load(SHIPPED / "thousand_points.yaml")
    points = Space(wanted).all().legal
    shapes = {(p.config.network.layers, p.config.out_degrees, p.config.hardware.z) for p in points}
    assert (len(points), len(shapes)) == (1000, 750)
    (samples,) = {p.config.training.samples * p.config.training.epochs for p in points}
    assert _section("explore 1000 points").amount == samples * len(points)
    for name in ("explore with 8 local workers", "explore with 8 workers of Dask"):
        section = _section(name)
        (given,) = [word.partition("=")[2] for word in section.run if word.startswith("training.samples=")]
        assert section.amount == int(given) * len(points)


def _section(name):
    return {c.name: c.section for c in commands.load([SHIPPED / "commands.yaml"])}[name]
