"""``hwsim mutate`` in a user's hands: exit codes, what is left, and a run that is broken off and goes on."""

import json
from functools import partial

import pytest
import yaml

from hwsim.commands import app as cli
from rtl.mutation import campaign, session, stimulus
from tests.rtl.mutation.test_campaign import TINY

pytest.importorskip("pyosys")

N = 4
MUTATE = ("mutate", "tiny.yaml", "--count", str(N), "--simulator", "icarus", "--time-limit", "60")
ONE = (*MUTATE[:3], "1", *MUTATE[4:-1], "1")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    design = {
        "schema_version": 1,
        "name": "tiny",
        "network": {"layers": [6, 4], "out_degree": [2], "classes": 3},
        "connectivity": {"kind": "clash_free", "type": 2},
        "numbers": TINY,
        "hardware": {"z": [3]},
        "training": {"rate_shift": [[0, 1], [1, 2]]},
        "data": {"name": "mnist-mini"},
    }
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(design))
    return tmp_path


def value(folder, figure):
    return json.loads((folder / "metrics.json").read_text())[figure]["value"]


@pytest.mark.slow
def test_a_run_that_is_broken_off_goes_on_and_ends_as_if_it_had_not_been(folder, monkeypatch, capsys):
    # The other parts take many times as many clocks, and show no more of these mutants.
    parts = tuple(stimulus.PARTS)
    monkeypatch.setattr(session, "Options", partial(session.Options, parts=parts[: parts.index("gapless") + 1]))
    assert cli.run([*MUTATE, "--out", "whole"]) == 0
    assert f"tiny: {N} mutants" in (told := capsys.readouterr().out) and "no mutant is open" in told
    assert value(folder / "whole", "open") == 0 and value(folder / "whole", "mutants") == N

    judge, judged = campaign.Campaign.judge, []

    def broken_off(of, mutant):
        if len(judged) == 2:
            raise KeyboardInterrupt
        judged.append(mutant.number)
        return judge(of, mutant)

    monkeypatch.setattr(campaign.Campaign, "judge", broken_off)
    odd = "a ru'n \"ä"  # which neither Make nor Verilog reads as it is meant
    assert cli.run([*MUTATE, "--out", odd]) == 130
    assert "--resume goes on" in capsys.readouterr().err and not (folder / odd / "mutants.csv").exists()
    assert len(judged) == 2
    monkeypatch.setattr(campaign.Campaign, "judge", lambda of, mutant: judged.append(mutant.number) or judge(of, mutant))
    assert cli.run([*MUTATE[:3], "9", *MUTATE[4:], "--out", odd, "--resume"]) == 2
    assert f"--count = 9: must be as when the run began; nearest: {N}" in capsys.readouterr().err
    assert cli.run([*MUTATE, "--out", odd, "--resume"]) == 0
    assert sorted(judged) == list(range(1, N + 1))
    for name in ("mutants.csv", "metrics.json"):
        assert (folder / odd / name).read_bytes() == (folder / "whole" / name).read_bytes()
    assert list((folder / odd).glob("mutation/mutant_*")) == [], "only open ones leave files"


@pytest.mark.slow
def test_open_mutants_are_told_and_exit_with_1(folder, monkeypatch, capsys):
    def silence(script):
        script.begin("silence")
        script.wait(3)

    monkeypatch.setitem(stimulus.PARTS, "silence", silence)
    monkeypatch.setattr(session, "Options", partial(session.Options, parts=("silence",)))
    assert cli.run([*ONE, "--out", "blind"]) == 1
    told = capsys.readouterr()
    assert value(folder / "blind", "open") == 1 and "1 of 1 mutants are open" in told.err and "open" in told.out
    lines = (folder / "blind" / "mutants.csv").read_text().splitlines()
    assert len(lines) == 2 and lines[1].startswith("1,open,")
    assert "--resume tries these again" in told.err
    judged = []

    def still_open(_, mutant):  # the same proofs would take as long again
        judged.append(mutant.number)
        return campaign.Judgement(mutant, campaign.OPEN, "")

    monkeypatch.setattr(campaign.Campaign, "judge", still_open)
    assert cli.run([*ONE, "--out", "blind", "--resume"]) == 1
    assert judged == [1] and value(folder / "blind", "open") == 1
    monkeypatch.setattr(session, "Options", campaign.Options)
    assert cli.run([*ONE, "--out", "blind", "--resume"]) == 2
    assert "belongs to a run of other parts of the co-simulation" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--count", "0"], "--count = 0: must be 1..100000; nearest: 1"),
        (["--time-limit", "0"], "--time-limit = 0.0: must be at least 1; nearest: 1"),
        (["--workers", "0"], "--workers = 0: must be at least 1; nearest: 1"),
        (["--simulator", "questa"], "--simulator = questa: is not known; nearest: "),
    ],
)
def test_bad_options_are_one_line_and_leave_nothing(folder, capsys, arguments, line):
    assert cli.run(["mutate", "tiny.yaml", *arguments]) == 2
    assert capsys.readouterr().err.startswith(f"hwsim: {line}")
    assert [p.name for p in folder.iterdir()] == ["tiny.yaml"]
