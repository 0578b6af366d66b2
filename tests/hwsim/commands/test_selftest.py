"""`hwsim selftest`: exit codes, the report, and a failure that can be repeated by what is printed."""

import json
import re
import shlex

import pytest

from hwsim.commands import app as cli
from hwsim.selftest import run as selftest
from hwsim.selftest.case import read
from hwsim.selftest.coverage import OPTIONS
from hwsim.selftest.draw import drawn
from tests.hwsim.selftest.faults import FAULTS
from tests.hwsim.test_figures import unregistered


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_engines_that_agree(tmp_path, capsys):
    assert cli.run(["selftest", "--designs", "8", "--seed", "2", "--out", "found"]) == 0
    told = capsys.readouterr()
    assert "self test, seed 2: 8 designs" in told.out and re.search(r"reference–machine +8 +[\d,]{5}", told.out)
    assert all(option in told.out for option in OPTIONS)
    report = json.loads((tmp_path / "found/selftest.json").read_text())
    assert report["designs"]["value"] == report["compared_designs"]["value"]["reference–machine"] == 8
    assert report["failed"]["value"] == report["no_hardware"]["value"] == 0 and report["failures"] == {}
    assert sum(report["options"]["value"]["schedule"].values()) == 8
    assert [path.name for path in tmp_path.rglob("*.*")] == ["selftest.json"]
    assert unregistered(tmp_path / "found/selftest.json") == []


def test_the_report_does_not_depend_on_the_workers(tmp_path):
    for workers in ("1", "2"):
        assert cli.run(["selftest", "--designs", "6", "--workers", workers, "--out", workers, "-q"]) == 0
    one, two = ((tmp_path / workers / "selftest.json").read_text() for workers in ("1", "2"))
    assert one == two


def test_a_difference_is_told_repeated_and_made_small(tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as broken:
        FAULTS["machine_cuts_off"](broken)
        assert cli.run(["selftest", "--designs", "5", "--seed", "3", "-q"]) == 1
        lines = capsys.readouterr().err.splitlines()
        first = re.fullmatch(r"hwsim: reference–machine differ: .+; repeat with: (hwsim .+ --seed 3 --only \d)", lines[0])
        small = next(
            m for line in lines if (m := re.fullmatch(r"hwsim: the smallest such design: (hwsim selftest (\S+))", line))
        )
        assert cli.run([*shlex.split(first[1])[1:], "--out", "again", "-q"]) == 1
        assert capsys.readouterr().err.splitlines()[0] == lines[0]
        assert cli.run([*shlex.split(small[1])[1:], "--out", "small", "-q"]) == 1
        assert sum(read(tmp_path / small[2]).config.network.layers) <= 12
        assert len([*(tmp_path / "runs/selftest-3").glob("failing-*.yaml")]) == min(3, len(lines) // 2)
        assert json.loads((tmp_path / "runs/selftest-3/selftest.json").read_text())["failures"]
    assert cli.run([*shlex.split(small[1])[1:], "--out", "small", "-q"]) == 0, "it was the fault"


def test_an_interrupt_leaves_the_report_of_what_was_done(tmp_path, monkeypatch):
    whole, seen = selftest.examine_number, []

    def interrupted(*given):
        if len(seen) == 3:
            raise KeyboardInterrupt
        seen.append(whole(*given))
        return seen[-1]

    monkeypatch.setattr(selftest, "examine_number", interrupted)
    assert cli.run(["selftest", "--designs", "9", "--out", "found", "-q"]) == 130
    assert json.loads((tmp_path / "found/selftest.json").read_text())["designs"]["value"] == 3


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["--engines", "machine"],
            "--engines = machine: must name the machine, which every comparison is with, and ",
        ),
        (["--engines", "machine,fpga"], "--engines = fpga: is not known; nearest: reference, machine, verilog"),
        (["--engines", "machine,verilog", "--simulator", "questa"], "--simulator = questa: is not known; "),
        (["--designs", "0"], "--designs = 0: must be at least 1; nearest: 1"),
        (["--seconds", "0"], "--seconds = 0.0: must be more than 0; nearest: 1"),
        (["--only", "-1"], "--only = -1: must not be negative; nearest: 0"),
        (["--workers", "0"], "--workers = 0: must lie in 1..1024; nearest: "),
        (["--seed", "-1"], "--seed = -1: must not be negative; nearest: 0"),
        (["nowhere.yaml"], "nowhere.yaml: "),
    ],
)
def test_bad_input_is_told_in_a_line(arguments, line, capsys):
    assert cli.run(["selftest", *arguments, "--designs", "1"][: None if "--designs" not in arguments else -2]) == 2
    assert line in capsys.readouterr().err


@pytest.mark.parametrize("there", ["out", "out/notes.txt"])
def test_a_directory_that_holds_something_else_is_refused(there, tmp_path, capsys):
    (tmp_path / there).parent.mkdir(exist_ok=True)
    (tmp_path / there).write_text("")
    assert cli.run(["selftest", "--designs", "1", "--out", "out"]) == 2
    assert capsys.readouterr().err.startswith("hwsim: --out = out: is n") and (tmp_path / there).read_text() == ""


def test_what_a_former_run_has_left_goes(tmp_path):
    stale = tmp_path / "out/failing-7.yaml"
    stale.parent.mkdir()
    stale.write_text(drawn(0, 0).text())
    assert cli.run(["selftest", str(stale), "--out", "out", "-q"]) == 0 and stale.exists(), "it was asked for"
    assert cli.run(["selftest", "--only", "1", "--out", "out", "-q"]) == 0 and not stale.exists()
