"""The walk of docs/models.md: a network is brought, trained on, and taken back; and what its tables name is read."""

import re
import shlex

import numpy as np
import pytest

import hwsim
from hwsim.commands import app as cli
from hwsim.frontends import model_export, onnx_constants, onnx_model
from hwsim.frontends.matrices import junctions
from tests.documents import page, section

TEXT = page("docs/models.md")
COMMANDS = "".join(re.findall(r"<!-- models -->\n```sh\n(.*?)```", TEXT, re.DOTALL)).splitlines()


@pytest.mark.slow
def test_the_walk_is_what_happens(tmp_path, monkeypatch, capsys, no_pictures):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "layers.csv").write_text(re.search(r"<!-- models: layers.csv -->\n```text\n(.*?)```", TEXT, re.DOTALL)[1])
    for command in COMMANDS:
        program, *words = shlex.split(command)
        assert program == "hwsim" and cli.run(words) == 0, capsys.readouterr().err
    learned, float_ = hwsim.read_run("runs/learned"), hwsim.read_run("runs/float")
    assert float_.figure("test_accuracy") > 0.85 and learned.figure("test_accuracy") > 0.85
    assert learned.config.edges == (784 * 15, 600) and learned.config.hardware.z == (196, 10)
    wanted = junctions(learned.config, learned.patterns, learned.final)
    began = junctions(learned.config, learned.patterns, learned.initial)
    assert any((a.weight != b.weight).any() for a, b in zip(wanted, began, strict=True)), "nothing was learned"
    for name in ("runs/back", "runs/again"):
        back = hwsim.read_run(name)
        for one, other in zip(wanted, junctions(back.config, back.patterns, back.initial), strict=True):
            assert np.array_equal(one.weight, other.weight) and np.array_equal(one.bias, other.bias)


def test_operators_in_the_table_are_those_that_are_read():
    named = set(re.findall(r"`([A-Z]\w+)`", section(TEXT, "What maps").split("Everything else")[0]))
    read = {*onnx_model._ACTIVATIONS, *onnx_model._OPERATIONS, *onnx_model._HARMLESS, *onnx_constants._OPERATIONS}
    assert named <= read and {*onnx_model._ACTIVATIONS} - named <= {"LogSoftmax"}
    said = set(re.findall(r"`([a-z]+)`(?: and `([a-z]+)`)?:", section(TEXT, "What goes out")))
    assert {name for pair in said for name in pair if name} == {*model_export.FORMATS}
