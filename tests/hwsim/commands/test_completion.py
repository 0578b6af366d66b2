"""Shells are told what may stand where the cursor is: commands, options, keys and values of a configuration, names, runs."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from hwsim.commands import app as cli
from hwsim.commands import completion
from tests.hwsim.commands import words
from tests.hwsim.commands.examples import commands

SHELLS = ("bash", "zsh", "fish")
BREAKS = ("=", ":")
"""Words of their own for bash."""


@pytest.fixture
def offered(monkeypatch, capsys):
    """What a shell is offered behind these words, the last of which is being typed."""

    def ask(shell, line):
        typed = parted(line) if shell == "bash" else line
        told = {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split()) - (not line.endswith(" ")))}
        with monkeypatch.context() as m:
            m.delenv("_HWSIM_KEY", raising=False)
            for name, value in told.items():
                m.setenv(name, value)
            m.setenv("_HWSIM_COMPLETE", f"complete_{shell}")
            m.setenv("_TYPER_COMPLETE_ARGS", line)
            m.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
            assert cli.run([]) == 0
            for name in (*told, "_HWSIM_KEY"):
                os.environ.pop(name, None)
        return listed(shell, capsys.readouterr().out)

    return ask


def parted(line):
    return " ".join(line.replace("=", " = ").split()) + (" " if line.endswith(" ") else "")


def listed(shell, text):
    if shell == "zsh":
        return [] if "_files" in text else [part.split('"')[1] for part in text.splitlines() if '"' in part]
    return [line.split("\t")[0] for line in text.splitlines() if line]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("line", "all_of", "none_of"),
    [
        ("hwsim ", ["check", "train", "synth", "data"], ["list"]),
        ("hwsim data ", ["list", "info", "fetch", "difficulty"], ["check"]),
        ("hwsim train --", ["--set", "--epochs", "--json"], ["--target"]),
        ("hwsim train x --engine ", ["float", "fixed", "cycle"], []),
        ("hwsim check x --set net", ["network.layers=", "network.activation="], ["numbers.width="]),
        ("hwsim check x --set ", ["data.morse.sigma=", "seed=", "hardware.z="], ["data=", "network="]),
        ("hwsim synth x --target ecp", ["ecp5-25k", "ecp5-85k"], ["ice40-up5k"]),
        ("hwsim power x --target ", ["ecp5-25k", "xc7"], ["gowin-18k"]),
        ("hwsim board ", ["ulx3s-85f", "icebreaker"], []),
        ("hwsim data info m", ["mnist", "morse"], ["cifar10"]),
        ("hwsim cosim x --simulator ", ["icarus", "verilator"], []),
        ("hwsim solve x --sort ", ["clocks", "banks"], []),
    ],
)
def test_words_that_fit_are_offered(shell, line, all_of, none_of, offered):
    found = offered(shell, line)
    assert set(all_of) <= set(found) and not set(none_of) & set(found)
    assert all(word.startswith(line.rpartition(" ")[2]) for word in found)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("typed", "values"),
    [
        ("training.engine=", ["cycle", "fixed", "float"]),
        ("data.name=mn", ["mnist", "mnist-mini"]),
        ("hardware.multiply_add=", ["false", "true"]),
        ("network.layers=", []),
        ("no.such.key=", []),
    ],
)
def test_a_key_has_the_values_that_the_schema_lists(shell, typed, values, offered):
    key = "" if shell == "bash" else typed.partition("=")[0] + "="
    assert offered(shell, f"hwsim check x --seed 3 --set {typed}") == [key + value for value in values]


@pytest.mark.parametrize("shell", SHELLS)
def test_paths_are_left_to_the_shell(shell, offered, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for line in ("hwsim check ", "hwsim train x --out ", "hwsim train x --data-dir ", "hwsim bench so"):
        assert offered(shell, line) == []


@pytest.mark.parametrize("shell", SHELLS)
def test_runs_are_offered_where_a_run_is_wanted(shell, offered, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("runs/first", "runs/second", "mine", "none"):
        (tmp_path / name).mkdir(parents=True)
        if name != "none":
            (tmp_path / name / "config.yaml").touch()
    assert offered(shell, "hwsim export-frontend ") == ["mine", "runs/first", "runs/second"]
    assert offered(shell, "hwsim export-frontend runs/s") == ["runs/second"]
    assert offered(shell, "hwsim export-frontend nowhere/x") == []


def test_the_words_are_those_of_the_schema_and_the_tables_of_names():
    assert completion.WORDS.read_text() == words.text(), "python -m tests.hwsim.commands.words"
    assert len(words.words()["keys"]) > 60


def test_what_cannot_be_understood_is_left_alone():
    for odd in ({}, {"COMP_WORDS": "hwsim '", "COMP_CWORD": "1"}, {"COMP_WORDS": "hwsim", "COMP_CWORD": "x"}):
        environment = odd | {"_HWSIM_COMPLETE": "complete_bash"}
        completion.rejoin(environment)
        assert environment == odd | {"_HWSIM_COMPLETE": "complete_bash"}
    other = {"_HWSIM_COMPLETE": "complete_zsh", "COMP_WORDS": "hwsim check --set a = b", "COMP_CWORD": "5"}
    completion.rejoin(other)
    assert "_HWSIM_KEY" not in other


@pytest.mark.parametrize(
    "line", ["hwsim check x --set data.na", "hwsim synth x --target ", "hwsim board ", "hwsim data info "]
)
def test_an_answer_loads_no_engine(line):
    code = (
        "import sys; from hwsim.commands import app; code = app.run([]); "
        "sys.stderr.write(' '.join({m.split('.')[0] for m in sys.modules} & "
        "{'numba', 'amaranth', 'numpy', 'matplotlib', 'rich', 'yaml'})); sys.exit(code)"
    )
    told = {"_HWSIM_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - (line[-1] != " "))}
    run = subprocess.run([sys.executable, "-c", code], env=os.environ | told, capture_output=True, text=True, check=True)
    assert run.stdout.strip() and run.stderr == ""


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_gets_its_script(shell, monkeypatch, capsys):
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    run = subprocess.run(
        [sys.executable, "-m", "hwsim", "--show-completion", shell],
        env=os.environ | {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"_HWSIM_COMPLETE=complete_{shell}" in run.stdout and "hwsim" in run.stdout


def test_bash_completes_by_the_installed_script(tmp_path):
    program, home = tmp_path / "bin/hwsim", tmp_path / "home"
    program.parent.mkdir()
    home.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m hwsim "$@"\n')
    program.chmod(0o755)
    environment = os.environ | {
        "HOME": str(home),
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
    }
    subprocess.run(["hwsim", "--install-completion", "bash"], env=environment, check=True, capture_output=True)
    assert (Path(home) / ".bashrc").read_text().strip()
    asked = (
        '. "$HOME/.bash_completions/hwsim.sh"; COMP_WORDS=(hwsim check x --set training.engine = f); COMP_CWORD=6; '
        '_hwsim_completion hwsim; echo "${COMPREPLY[@]}"'
    )
    run = subprocess.run(["bash", "-c", asked], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["fixed", "float"]


def test_every_option_for_words_of_a_list_offers_them():
    lacking = set()
    for name, command in commands().items():
        for param in command.params:
            fixed = " | " in (getattr(param, "help", "") or "")
            if fixed and param._custom_shell_complete is None:
                lacking.add((name, param.opts[0]))
    assert lacking == set()
