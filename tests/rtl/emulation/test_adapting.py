"""``hwsim emulate --adapt``: the board's Verilog adapts through its wires as the fixed engine does, to the last bit."""

import io
import json
import re
import shutil
from contextlib import redirect_stdout

import numpy as np
import pytest

from hwsim.commands import app as cli
from hwsim.measurements import adaptation
from hwsim.measurements.measurement import Subject
from hwsim.results.directory import RunDirectory
from models.errors import InputError
from rtl.emulation import adapting, program
from tests.rtl.emulation.test_emulate import design_of

LOOKS = (0, 10, 50, 200)


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """Samples of two people who write one of three digits each in a way of its own."""
    path, rng = tmp_path_factory.mktemp("people") / "people.npz", np.random.default_rng(1)
    shapes = rng.integers(0, 2, (2, 3, 16)) * 200
    shapes[1, :2] = shapes[0, :2]
    who, label = np.arange(500) % 2, rng.integers(0, 3, 500)
    inputs = np.clip(shapes[who, label] + rng.normal(0, 25, (500, 16)), 0, 255).astype(np.uint8)
    names = np.array(["ann", "bob"])[who]
    parts = {"xtr": inputs[9:], "ytr": label[9:], "str": names[9:], "xte": inputs[:9], "yte": label[:9], "ste": names[:9]}
    np.savez(path, **parts)
    return path


def words(config, out, people, *more):
    return ["emulate", str(config), "--out", str(out), "--set", f"data.name={people}", "--set", "training.epochs=2", *more]


def figures(out):
    known = json.loads((out / "metrics.json").read_text())
    return {name: told["value"] for name, told in known.items() if isinstance(told, dict) and "value" in told}


@pytest.fixture(scope="module")
def adapted(trained, config, people, tmp_path_factory):
    """What a board has left that adapted to bob, and what it printed; its program is that of the other board."""
    out, told = tmp_path_factory.mktemp("adapted") / "out", io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(told):
        patch.setattr(program, "build", lambda *_, **__: trained / "emulation/board")
        assert cli.run(words(config, out, people, "--adapt", "bob")) == 0
    return out, told.getvalue()


@pytest.mark.slow
def test_the_board_adapts_as_the_engine_does(adapted):
    out, told = adapted
    found, design = figures(out), design_of(out)
    assert "board = reference in every weight and bias" in told
    assert found["newcomer"] == "bob" and found["first_difference"] is None
    assert found["after_200"] > found["before"] + 0.1
    both = [adapting.Adapting.to(who, design, None) for who in ("ann", "bob")]
    measured = adaptation.measure(Subject(design))
    for k, name in enumerate(("before", "after_10", "after_50", "after_200")):
        shares = [of.right[k] / len(of.newcomer.judged) for of in both]
        assert found[name] == shares[1] and measured[name] == pytest.approx(np.mean(shares), abs=1e-12)
    with np.load(out / "adapted.npz") as left, np.load(out / "pretrained.npz") as before:
        assert left["after"].tolist() == [*LOOKS] and left["right"].tolist() == both[1].right
        assert all((before[f"weight_{i}"] == w).all() for i, w in enumerate(both[1].pretrained.weights, 1))
        assert any((before[f"weight_{i}"] != left[f"weight_{i}"]).any() for i in (1, 2))
    speed = json.loads((out / "timing.json").read_text())
    assert speed["fed"]["value"] == 200 + 4 * 50 + 2 * 25


WRONG = {
    "a bit": (
        {"weight_2": lambda w: w ^ (np.arange(w.size) == 5)},
        r"weight_2\[5\] is -?\d+ on the board and .*; 1 num",
    ),
    "a count": ({"right": lambda r: r + np.eye(4, dtype=int)[1]}, r"right is \[\d+, \d+, \d+, \d+\] on the board and \["),
    "the others": ({"known_right": lambda r: r - 1}, r"known_right is \[\d+, \d+\] on the board and \["),
    "looks": ({"after": lambda r: r[:2]}, r"after is \[0, 10\] on the board and \[0, 10, 50, 200\] in the reference"),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", WRONG)
def test_whatever_differs_is_found(what, adapted, tmp_path):
    out = shutil.copytree(adapted[0], tmp_path / "out", symlinks=True)
    changes, line = WRONG[what]
    with np.load(out / "adapted.npz") as left:
        np.savez(out / "adapted.npz", **{name: changes.get(name, lambda a: a)(array) for name, array in left.items()})
    design = design_of(out)
    of, directory = adapting.Adapting.to("bob", design, None), RunDirectory(out, design.config, None)
    assert re.match(line, of.difference(directory))
    np.savez(out / "adapted.npz", **of.adapted.arrays())
    with pytest.raises(InputError, match="lacks after"):
        of.difference(directory)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--adapt", "cy"], "--adapt = cy: is no group of people.npz; nearest: ann, bob"),
        (["--adapt", "ann", "--train", "5"], "--adapt = ann: is another way of training than --train: give one of both"),
        (["--adapt", "ann", "--set", "hardware.build=inference"], "--adapt = ann: needs hardware.build = training: "),
        (["--adapt", "ann", "--set", "training.epochs=0"], "training.epochs = 0: trains nothing; nearest: 1"),
        (["--adapt", "ann", "--set", "network.classes=2"], "network.classes = 2: are fewer than in "),
        (["--adapt", "ann", "--resume"], "--resume = OUT: holds no interrupted run: leave --resume out to begin one"),
    ],
)
def test_bad_input_ends_in_one_line(options, line, config, people, tmp_path, capsys):
    out = tmp_path / "out"
    assert cli.run([w.replace(str(people), people.name) for w in words(config, out, people, *options)] + [
        "--data-dir", str(people.parent)
    ]) == 2  # fmt: skip
    told = capsys.readouterr().err
    assert told.startswith(f"hwsim: {line.replace('OUT', str(out))}") and told.count("\n") == 1 and not out.exists()
