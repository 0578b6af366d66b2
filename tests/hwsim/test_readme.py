"""What the README says is what happens."""

import json
import re
import shlex
from pathlib import Path

import pytest

from hwsim.commands import app as cli

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(label, language):
    return re.search(rf"<!-- {label} -->\n```{language}\n(.*?)```", README, re.DOTALL)[1]


def test_python_example_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sim_configs").symlink_to(ROOT / "sim_configs")
    exec(block("python", "python"), {})
    edges, share = re.fullmatch(r"(\d+) edges, ([\d.]+)% of the test digits\n", capsys.readouterr().out).groups()
    assert int(edges) == 5120
    assert float(share) > 70
    assert (tmp_path / "runs/readme/final.npz").is_file()


def test_demo_table_is_what_the_demo_prints(capsys):
    assert cli.run(["check", str(ROOT / "sim_configs/demo.yaml")]) == 0
    printed = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    for line in block("demo", "text").splitlines():
        assert line.rstrip() in printed


def test_the_second_network_learns_what_the_demo_says(tmp_path):
    config = str(ROOT / "sim_configs/digits97.yaml")
    assert cli.run(["train", config, "--set", "data.name=mnist-mini", "--out", str(tmp_path / "out"), "-q"]) == 0
    share = json.loads((tmp_path / "out/metrics.json").read_text())["test_accuracy"]["value"]
    assert 0.93 < share < 0.95
    assert "about 94 %" in README and "about 94 %" in (ROOT / "run").read_text(encoding="utf-8")


def test_error_line_is_what_a_user_gets(capsys):
    example = re.search(r"`(hardware\.z\[0\] = 100: .*?)`", README)[1]
    assert cli.run(["check", str(ROOT / "sim_configs/demo.yaml"), "--set", "hardware.z=[100,32]"]) == 2
    assert capsys.readouterr().err == f"hwsim: {example}\n"


@pytest.mark.parametrize("command", re.findall(r"`hwsim ([a-z][a-z-]*)", README))
def test_commands_exist(command, capsys):
    assert cli.run(shlex.split(f"{command} --help")) == 0
    assert command in capsys.readouterr().out


@pytest.mark.parametrize("path", re.findall(r"\]\((docs/[^)]+)\)", README))
def test_linked_files_exist(path):
    assert (ROOT / path).is_file()
