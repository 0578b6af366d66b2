"""The program that trains a board: what it writes is what a board without interruptions learns."""

import json
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest

from hwsim.host import demo
from rtl.accelerator_model import Sample
from rtl.interfaced import Interfaced
from tests.documents import ROOT
from tests.hwsim.host.served import on_tcp
from tests.hwsim.host.test_accelerator import samples
from tests.hwsim.host.test_link import IntegerParameters, named, some_parameters
from tests.hwsim.host.test_streams import board

N, EVERY, TEST = 70, 20, 23


@pytest.fixture
def folder(tmp_path):
    """A board, and the directory that goes with it."""
    of, there = board()
    (tmp_path / "registers.json").write_text(json.dumps(there.board.map))
    inputs, labels = samples(of, N + TEST)
    kappa = np.random.default_rng(3).integers(of.kappas[0], of.kappas[1] + 1, N)
    arrays = dict(zip(demo.SAMPLES, (inputs[:N], labels[:N], kappa, inputs[N:], labels[N:]), strict=True))
    np.savez(tmp_path / "samples.npz", **arrays)
    np.savez(tmp_path / "initial.npz", **named(*some_parameters(of)))
    return of, there, tmp_path, arrays


def expected(of, arrays, n=N):
    """Final parameters, the lines but for their times, of a model that drains behind every batch."""
    model = Interfaced(of).model()
    model.parameters = IntegerParameters(*some_parameters(of))
    rows = [
        Sample(x.tolist(), int(y), int(k), 1) for x, y, k in zip(*(arrays[name] for name in demo.SAMPLES[:3]), strict=True)
    ][:n]
    lines = []
    for at in range(0, n, EVERY):
        batch = rows[at : at + EVERY]
        right = np.mean([r.prediction == r.label for r in model.run(batch)])
        lines.append(f"{at + len(batch)} of {n} samples: {right:.1%} of the last {len(batch)} right, * samples/s")
    told = model.run([Sample(x.tolist(), 0, 0, 0) for x in arrays["test_inputs"]])
    right = np.mean([r.prediction == y for r, y in zip(told, arrays["test_labels"], strict=True)])
    parameters = model.parameters
    return named(parameters.weights, parameters.biases), [*lines, f"{right:.1%} of {TEST} test samples right"]


def command(folder, port, *options):
    return [sys.executable, "-m", "hwsim.host.demo", str(folder), "--port", port, "--every", str(EVERY), *options]


def lines(text):
    return [re.sub(r"\d+ samples/s$", "* samples/s", line) for line in text.splitlines()]


def is_there(path, arrays):
    with np.load(path) as known:
        return known.keys() == arrays.keys() and all((known[name] == array).all() for name, array in arrays.items())


def ran(*of):
    done = subprocess.run(command(*of), capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return lines(done.stdout)


def test_a_board_is_trained_and_tells_how_well(folder):
    of, there, where, arrays = folder
    final, told = expected(of, arrays)
    with on_tcp(there) as port:
        assert ran(where, port) == told
    assert is_there(where / "final.npz", final)
    with np.load(where / "checkpoint.npz") as last:
        assert last["samples"] == N and all((last[name] == array).all() for name, array in final.items())
    assert not list(where.glob("*.partial"))


@pytest.mark.parametrize("last", [0, 1, 2])
def test_a_program_that_was_killed_goes_on_where_it_was(folder, last):
    of, there, where, arrays = folder
    final, told = expected(of, arrays)
    with on_tcp(there) as port:
        with subprocess.Popen(command(where, port), stdout=subprocess.PIPE, text=True, cwd=ROOT) as program:
            said = [program.stdout.readline() for _ in range(last + 1)]
            program.send_signal(signal.SIGKILL)
        assert lines("".join(said)) == told[: last + 1] and program.returncode == -signal.SIGKILL
        assert not (where / "final.npz").exists()
        first, *rest = ran(where, port, "--resume")
        done = int(re.fullmatch(r"(\d+) samples have been trained on", first)[1])
        assert done in (EVERY * (last + 1), EVERY * (last + 2)) and rest == told[done // EVERY :]
    assert is_there(where / "final.npz", final)


def test_a_part_of_the_samples_will_do_and_the_checkpoint_may_be_elsewhere(folder, tmp_path):
    of, there, where, arrays = folder
    final, told = expected(of, arrays, 30)
    other = tmp_path / "other.npz"
    with on_tcp(there) as port:
        assert ran(where, port, "--samples", "30", "--checkpoint", str(other)) == told
        assert is_there(where / "final.npz", final) and other.is_file() and not (where / "checkpoint.npz").exists()
        assert (
            ran(where, port, "--samples", "30", "--checkpoint", str(other), "--resume")[0]
            == "30 samples have been trained on"
        )
    assert is_there(where / "final.npz", final)


def test_an_interrupt_is_told_with_how_to_go_on(folder):
    _, there, where, _ = folder
    with (
        on_tcp(there) as port,
        subprocess.Popen(
            command(where, port, "--every", "1"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
        ) as program,
    ):
        program.stdout.readline()
        program.send_signal(signal.SIGINT)
        said = program.communicate()[1]
        assert said == "demo: interrupted; --resume goes on from the last checkpoint\n" and program.returncode == 130


def spoil(name, change):
    """A change of one file of arrays."""

    def act(where):
        with np.load(where / f"{name}.npz") as known:
            arrays = dict(known)
        np.savez(where / f"{name}.npz", **change(arrays))

    return act


def without(name):
    return lambda arrays: {n: a for n, a in arrays.items() if n != name}


def cut(name):
    return lambda where: (where / name).write_bytes((where / name).read_bytes()[:300])


BAD = {
    "no samples": (lambda where: (where / "samples.npz").unlink(), [], r"samples\.npz: cannot be read: "),
    "half the samples": (cut("samples.npz"), [], r"samples\.npz: cannot be read: "),
    "no labels": (spoil("samples", without("train_labels")), [], r"train_labels is missing; there are test_inputs, "),
    "few labels": (
        spoil("samples", lambda a: a | {"train_labels": a["train_labels"][:5]}),
        [],
        r"train_labels has the shape \[5\], train_inputs \[70, 16\]",
    ),
    "label": (
        spoil("samples", lambda a: a | {"train_labels": a["train_labels"] + 99}),
        [],
        r"labels: \d+ is outside 0\.\.3",
    ),
    "map": (lambda where: (where / "registers.json").write_text("{}"), [], r"registers\.json: is no map of a design"),
    "no weights": (spoil("initial", without("weight_2")), [], "weight_2 is missing"),
    "half the weights": (cut("initial.npz"), [], r"initial\.npz: cannot be read: "),
    "too many": (None, ["--samples", "71"], r"--samples 71: must be at most 70"),
    "none": (None, ["--samples", "0"], "argument --samples: '0' is no number of samples: must be 1 or more"),
    "every": (None, ["--every", "x"], "argument --every: 'x' is no number of samples"),
    "option": (None, ["--fast"], "unrecognized arguments: --fast"),
    "no checkpoint": (None, ["--resume"], r"checkpoint\.npz: cannot be read: "),
    "none of ours": (None, ["--resume", "--checkpoint", "{}/initial.npz"], r"is no checkpoint"),
    "port": (None, ["--port", "tcp:nowhere"], "must be tcp:host:port"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_used_is_told_in_one_line(folder, what, capsys, monkeypatch):
    _, there, where, _ = folder
    change, options, said = BAD[what]
    if change:
        change(where)
    with on_tcp(there) as port:
        options = [option.format(where) for option in options]
        monkeypatch.setattr(sys, "argv", ["demo", *command(where, port, *options)[3:]])
        assert demo.main() == 2
    out, err = capsys.readouterr()
    assert not out and re.fullmatch(rf"demo: .*{said}.*\n", err)
    assert not (where / "final.npz").exists()


def test_a_checkpoint_of_another_design_or_of_more_samples_is_told(folder, capsys, monkeypatch):
    _, there, where, _ = folder
    with on_tcp(there) as port:
        ran(where, port)
        monkeypatch.setattr(sys, "argv", ["demo", *command(where, port, "--resume", "--samples", "69")[3:]])
        assert demo.main() == 2
        spoil("checkpoint", lambda arrays: arrays | {"hash": arrays["hash"] + 1})(where)
        assert demo.main() == 2
    assert re.fullmatch(
        r"demo: \S+: 70 samples have been trained on and there are 69\n"
        r"demo: \S+: is of a design with the HASH 0x\w+ instead of 0x\w+\n",
        capsys.readouterr().err,
    )


def test_it_runs_from_the_archive_that_goes_with_a_design(folder):
    pytest.importorskip("amaranth")
    from rtl.verilog.driver import driver

    of, there, where, arrays = folder
    (where / "driver.zip").write_bytes(driver())
    program = [sys.executable, "-m", "hwsim_host.demo", ".", "--every", str(EVERY)]
    environment = {**os.environ, "PYTHONPATH": "driver.zip"}
    with on_tcp(there) as port:
        done = subprocess.run([*program, "--port", port], cwd=where, env=environment, capture_output=True, text=True)
    assert lines(done.stdout) == expected(of, arrays)[1], done.stderr
