"""The program that has a board adapt: what it tells and leaves is what the model tells and becomes."""

import json
import re
import signal
import subprocess
import sys

import numpy as np
import pytest

from hwsim.host import adapt
from rtl.accelerator_model import Sample
from rtl.interfaced import Interfaced
from tests.documents import ROOT
from tests.hwsim.host.served import on_tcp
from tests.hwsim.host.test_accelerator import samples
from tests.hwsim.host.test_demo import cut, is_there, spoil, without
from tests.hwsim.host.test_link import IntegerParameters, named, some_parameters
from tests.hwsim.host.test_streams import board

STREAM, TEST, KNOWN = 30, 23, 17
AFTER = (5, 12, 30)
NEW = 1
"""The only class that the newcomer shows: the network comes to say nothing else."""


def small(of):
    """Parameters with which no neuron saturates, so that learning shows."""
    return [[array // 16 for array in kind] for kind in some_parameters(of, 7)]


@pytest.fixture
def folder(tmp_path):
    """A board, and the directory that goes with it."""
    of, there = board()
    (tmp_path / "registers.json").write_text(json.dumps(there.board.map))
    arrays = {"train_kappa": np.full(STREAM, of.kappas[0])}
    for seed, (kind, n) in enumerate({"train": STREAM, "test": TEST, "known": KNOWN}.items()):
        arrays[f"{kind}_inputs"], arrays[f"{kind}_labels"] = samples(of, n, seed)
    arrays["train_labels"][:] = NEW
    np.savez(tmp_path / "newcomer.npz", **arrays)
    np.savez(tmp_path / "pretrained.npz", **named(*small(of)))
    return of, there, tmp_path, arrays


def expected(of, arrays, after=AFTER):
    """What is told and left, of a model that drains and is judged behind each part."""
    model = Interfaced(of).model()
    model.parameters = IntegerParameters(*small(of))

    def right(kind):
        told = model.run([Sample(x.tolist(), 0, 0, 0) for x in arrays[f"{kind}_inputs"]])
        return sum(int(r.prediction == y) for r, y in zip(told, arrays[f"{kind}_labels"], strict=True))

    rows = [*zip(*(arrays[f"train_{of}"] for of in ("inputs", "labels", "kappa")), strict=True)]
    new, known = [right("test")], [right("known")]
    for begin, end in zip((0, *after), after, strict=False):
        model.run([Sample(x.tolist(), int(y), int(k), 1) for x, y, k in rows[begin:end]])
        new.append(right("test"))
    known.append(right("known"))
    shares = [f"{r / TEST:.1%} of the newcomer's {TEST} samples right" for r in new]
    others = [f", {r / KNOWN:.1%} of the others' {KNOWN} samples right" for r in known]
    lines = [f"before: {shares[0]}{others[0]}", *(f"after {n} samples: {s}" for n, s in zip(after, shares[1:], strict=True))]
    lines[-1] += others[1]
    counts = {"after": np.array([0, *after]), "right": np.array(new), "known_right": np.array(known)}
    return named(model.parameters.weights, model.parameters.biases) | counts, lines


def command(folder, port, *options):
    words = ["--after", *map(str, AFTER)] if "--after" not in options else []
    return [sys.executable, "-m", "hwsim.host.adapt", str(folder), "--port", port, *words, *options]


def ran(*of):
    done = subprocess.run(command(*of), capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout.splitlines()


def test_a_board_adapts_as_the_model_does_and_begins_anew_each_time(folder):
    of, there, where, arrays = folder
    left, told = expected(of, arrays)
    changes = named(*small(of))
    assert any((left[name] != changes[name]).any() for name in changes) and len(set(left["right"].tolist())) > 1
    with on_tcp(there) as port:
        for _ in range(2):
            assert ran(where, port) == told and is_there(where / "adapted.npz", left)
        some, told = expected(of, arrays, (12,))
        assert ran(where, port, "--after", "12", "12") == told and is_there(where / "adapted.npz", some)
    assert not list(where.glob("*.partial"))


def test_an_interrupt_leaves_nothing_half_written(folder):
    _, there, where, _ = folder
    with (
        on_tcp(there) as port,
        subprocess.Popen(command(where, port), stdout=-1, stderr=-1, text=True, cwd=ROOT) as program,
    ):
        program.stdout.readline()
        program.send_signal(signal.SIGINT)
        said = program.communicate()[1]
        assert said == "adapt: interrupted; the board has learned from some of the samples\n" and program.returncode == 130
    assert not (where / "adapted.npz").exists()


BAD = {
    "no samples": (lambda where: (where / "newcomer.npz").unlink(), [], r"newcomer\.npz: cannot be read: "),
    "half of them": (cut("newcomer.npz"), [], r"newcomer\.npz: cannot be read: "),
    "no others": (spoil("newcomer", without("known_inputs")), [], r"known_inputs is missing; there are known_labels, "),
    "few labels": (
        spoil("newcomer", lambda a: a | {"known_labels": a["known_labels"][:5]}),
        [],
        r"known_labels has the shape \[5\], known_inputs \[17, 16\]",
    ),
    "no weights": (lambda where: (where / "pretrained.npz").unlink(), [], r"pretrained\.npz: cannot be read: "),
    "none": (None, ["--after", "0"], "argument --after: '0' is no number of samples: must be 1 or more"),
    "too many": (None, ["--after", "10", "31"], "--after 31: must be at most 30, as many as the newcomer has"),
    "kappa": (
        spoil("newcomer", lambda a: a | {"train_kappa": a["train_kappa"] + 40}),
        [],
        r"kappa: \d+ is outside \d\.\.\d",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_used_is_told_in_one_line(folder, what, capsys, monkeypatch):
    _, there, where, _ = folder
    change, options, said = BAD[what]
    if change:
        change(where)
    with on_tcp(there) as port:
        monkeypatch.setattr(sys, "argv", ["adapt", *command(where, port, *options)[3:]])
        assert adapt.main() == 2
    assert re.fullmatch(rf"adapt: .*{said}.*\n", capsys.readouterr().err)
    assert not (where / "adapted.npz").exists()
