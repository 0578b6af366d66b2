"""``hwsim emulate``: a client in a process of its own trains the board, and the machine says what it should have learned."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from hwsim.commands import app as cli
from hwsim.configuration.config_file import load
from hwsim.design import Design
from hwsim.results.directory import CHECKPOINT, FINAL, INITIAL, INPUTS, SAMPLES, TERMINAL, RunDirectory
from rtl.emulation import session
from rtl.emulation.board import Board
from tests.documents import page
from tests.rtl.emulation.conftest import EVERY, TRAINED

PATIENCE = 120
"""Seconds, on a busy machine."""


def design_of(directory):
    return Design(load(directory / "config.yaml"))


def machine_learns(design, n, every):
    """Weights and biases of the cycle-level machine, fed batch by batch, without gaps, and drained behind each."""
    data = design.dataset().train
    order = np.concatenate([design.epoch_order(e, len(data)) for e in range(-(-n // len(data)))])[:n]
    learns = design.machine()
    inputs = data.integers(design.config.numbers.system.input)
    for first in range(0, n, every):
        for k in range(first, min(first + every, n)):
            samples = learns.samples(inputs, data.labels, design.config.training.kappa(k // len(data)))
            learns.feed(samples, order[k : k + 1])
        learns.drain()
    return learns.parameters.arrays()


def equal(found, expected):
    return found.keys() == expected.keys() and all(np.array_equal(found[name], expected[name]) for name in expected)


def final(directory):
    with np.load(directory / FINAL) as arrays:
        return dict(arrays)


def test_the_board_has_learned_what_the_machine_learns(trained):
    design = design_of(trained)
    assert design.config.hardware.interface == "serial" and design.config.hardware.bit_clocks == 4
    found = final(trained)
    assert equal(found, machine_learns(design, TRAINED, EVERY))
    assert not equal(found, machine_learns(design, TRAINED, TRAINED))  # where it was drained is no matter of taste
    assert not equal(found, design.initial_integers.arrays())


def test_its_figures_say_how(trained):
    known = json.loads((trained / "metrics.json").read_text())
    assert known["status"] == "agree" and known["first_difference"]["value"] is None
    assert (known["samples"]["value"], known["batch"]["value"]) == (TRAINED, EVERY)
    data = design_of(trained).dataset()
    speed = {name: told["value"] for name, told in json.loads((trained / "timing.json").read_text()).items()}
    assert speed["fed"] == TRAINED + len(data.test)
    assert speed["samples_per_second"] == pytest.approx(speed["fed"] / speed["seconds"])
    assert speed["clocks_per_sample"] == pytest.approx(speed["clocks"] / speed["fed"])
    # A wire carries a bit in four clocks and both never at the same time; a sample has at least its inputs and a word.
    assert speed["clocks"] > 40 * (speed["bytes_in"] + speed["bytes_out"]) / 2 and speed["bytes_in"] > 20 * speed["fed"]


def test_its_samples_are_those_of_training_in_their_order(trained):
    design = design_of(trained)
    data = design.dataset()
    with np.load(trained / SAMPLES) as samples:
        n = len(data.train)
        order = np.concatenate([design.epoch_order(0, n), design.epoch_order(1, n)])[:TRAINED]
        assert np.array_equal(samples["train_inputs"], data.train.integers(design.config.numbers.system.input)[order])
        assert np.array_equal(samples["train_labels"], data.train.labels[order])
        assert samples["train_kappa"].tolist() == [2] * n + [3] * (TRAINED - n)
        assert np.array_equal(samples["test_inputs"], data.test.inputs) and samples["test_inputs"].dtype == np.uint8
        assert np.array_equal(samples["test_labels"], data.test.labels)


def test_what_is_needed_to_drive_it_is_there_and_nothing_unfinished(trained):
    names = {p.name for p in trained.iterdir()}
    assert {"registers.json", "driver.zip", "accelerator.v", INITIAL, SAMPLES, FINAL, "emulation"} <= names
    assert CHECKPOINT not in names and not (trained / TERMINAL).is_symlink()


def test_the_readme_has_the_line_that_it_ends_with(built, config, tmp_path, capsys):
    promised = re.search(r"<!-- board -->\n```text\n(.*)\n```", page("README.md"))[1]
    assert cli.run(["emulate", str(config), "--out", str(tmp_path / "out"), "--train", "5"]) == 0
    assert promised in capsys.readouterr().out


@pytest.mark.parametrize("line", ["tcp", "terminal"])
def test_a_client_that_is_killed_goes_on_to_the_same_weights(line, trained, tmp_path):
    for name in ("registers.json", SAMPLES, INITIAL):
        shutil.copy(trained / name, tmp_path)
    every, design = 16, design_of(trained)
    with Board(trained / "emulation/board", tmp_path / TERMINAL) as board:
        where = f"tcp:127.0.0.1:{board.port}" if line == "tcp" else str(tmp_path / TERMINAL)
        words = [sys.executable, *session.client(tmp_path, where, session.Asked(TRAINED, every))]
        for times, resume in enumerate(([], ["--resume"])):
            with subprocess.Popen([*words, *resume], stdout=subprocess.PIPE, text=True) as client:
                told = next(line for line in client.stdout if f"of {TRAINED}" in line)
                time.sleep(0.01 * times)  # so that the batch behind is under way
                client.kill()
            assert int(told.split()[0]) == every * (times + 1) and not (tmp_path / FINAL).exists()
        done = subprocess.run([*words, "--resume"], timeout=PATIENCE, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert f"{2 * every} samples have been trained on" in done.stdout
    assert equal(final(tmp_path), machine_learns(design, TRAINED, every))


def test_it_serves_until_it_is_interrupted(trained, config, tmp_path):
    out = tmp_path / "served"
    shutil.copytree(trained, out, symlinks=True)
    words = [sys.executable, "-m", "hwsim", "emulate", str(config), "--out", str(out), "--force"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as served:
        told = next(line for line in served.stdout if line.startswith("train it: python "))
        assert Path(out / TERMINAL).is_symlink()
        assert cli.run(["emulate", str(config), "--out", str(out), "--force"]) == 2  # it is taken
        command = told.removeprefix("train it: python ").split()
        done = subprocess.run([sys.executable, *command, "--samples", "8"], timeout=PATIENCE, capture_output=True, text=True)
        assert done.returncode == 0 and "8 of 8 samples" in done.stdout, done.stderr
        assert re.match(r"a client has left: [\d,]+ clocks, [\d,]+ bytes in", served.stdout.readline())
        served.send_signal(signal.SIGINT)
        assert "stopped: " in served.stdout.read()
        assert served.wait(PATIENCE) == 0
    assert equal(final(out), machine_learns(design_of(out), 8, 8))
    assert not (out / TERMINAL).is_symlink()


def test_an_interrupted_run_goes_on(trained, config, tmp_path, capsys):
    out = tmp_path / "interrupted"
    shutil.copytree(trained, out, symlinks=True)
    options = ["--out", str(out), "--train", str(TRAINED), "--every", "16"]
    words = [sys.executable, "-m", "hwsim", "emulate", str(config), *options, "--force"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0) as run:
        next(line for line in run.stdout if f"16 of {TRAINED}" in line)
        os.killpg(run.pid, signal.SIGINT)  # as from a terminal
        told = run.stderr.read()
        assert run.wait(PATIENCE) == 130 and "--resume continues" in told
    assert (out / CHECKPOINT).is_file()
    wrong = ["--out", str(out), "--train", str(TRAINED), "--every", "8", "--resume"]
    for refused, line in (
        (options, "holds an interrupted run: --resume continues it, --force starts again"),
        (wrong, f"began with --train {TRAINED} --every 16"),
    ):
        capsys.readouterr()
        assert cli.run(["emulate", str(config), *refused]) == 2
        assert line in capsys.readouterr().err
    assert cli.run(["emulate", str(config), *options, "--resume"]) == 0
    assert "board = reference" in capsys.readouterr().out
    assert equal(final(out), machine_learns(design_of(out), TRAINED, 16)) and not (out / CHECKPOINT).exists()


def test_a_board_is_fed_the_inputs_that_are_kept_and_goes_on_with_them(built, config, tmp_path, capfd, monkeypatch):
    out, select = tmp_path / "few", ["--set", "data.select.by=variance", "--set", "data.select.count=11"]
    words = ["emulate", str(config), "--out", str(out), "--train", "30", "--every", "10", *select]
    breaks_off = "import sys; from hwsim.host import demo; demo.run(sys.argv[1:]); sys.exit(7)"
    with monkeypatch.context() as patch:
        taught = session.client
        patch.setattr(session, "client", lambda *given, **_: ["-c", breaks_off, *taught(*given)[2:], "--samples", "20"])
        assert cli.run(words) == 1
    kept = json.loads((out / INPUTS).read_text())["inputs"]
    assert kept != list(range(11))
    with np.load(out / SAMPLES) as fed, np.load(config.parent / "samples.npz") as known:
        assert fed["test_inputs"].tolist() == [[*row[kept], *[0] * 5] for row in known["test_inputs"]]
    assert cli.run([*words, "--resume"]) == 0
    told = capfd.readouterr()
    assert "20 samples have been trained on" in told.out and "board = reference" in told.out and "7" in told.err
    assert equal(final(out), machine_learns(design_of(out), 30, 10))


def test_one_wrong_bit_is_found(trained):
    design = design_of(trained)
    data, directory = design.dataset(), RunDirectory(trained, design.config, None)
    samples = session.training_samples(design, data, TRAINED)
    assert session.judge(design, data, directory, samples, EVERY)[0] is None
    expected = session.reference(design, samples, EVERY)
    found = session.reference(design, samples, EVERY)
    found.weights[1][5] ^= 1
    found.biases[0][2] -= 1
    told = session.first_difference(found, expected)
    was = expected.weights[1][5]
    assert told == f"weight_2[5] is {was ^ 1} on the board and {was} in the reference; 2 numbers differ"


def test_a_board_that_has_learned_something_else_is_a_failed_check(built, config, tmp_path, capfd, monkeypatch):
    out = tmp_path / "wrong"
    taught = session.client
    # The client drains more often than it was asked to.
    monkeypatch.setattr(session, "client", lambda *given, **more: [w if w != "20" else "5" for w in taught(*given, **more)])
    assert cli.run(["emulate", str(config), "--out", str(out), "--train", "20", "--every", "20", "-q"]) == 1
    told = capfd.readouterr()
    assert (
        re.match(r"hwsim: board and reference differ: weight_1\[\d+\] is -?\d+ on the board and ", told.err) and not told.out
    )
    assert json.loads((out / "metrics.json").read_text())["status"] == "differ"


def test_a_client_that_fails_is_told(built, config, tmp_path, capfd, monkeypatch):
    out = tmp_path / "failed"
    monkeypatch.setattr(session, "client", lambda *_, **__: ["-c", "raise SystemExit(7)"])
    assert cli.run(["emulate", str(config), "--out", str(out), "--train", "5", "-q"]) == 1
    assert capfd.readouterr().err == "hwsim: the program that trains the board has ended with code 7\n"


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--train", "0"], "--train = 0: must be at least 1; nearest: 1"),
        (["--train", "5", "--every", "-3"], "--every = -3: must be at least 1; nearest: 1"),
        (["--port", "70000"], "--port = 70000: must be 0..65535, 0 for any that is free; nearest: 65535"),
        (["--port", "-1"], "--port = -1: must be 0..65535, 0 for any that is free; nearest: 0"),
        (["--resume"], "--resume = OUT: holds no interrupted run: leave --resume out to begin one"),
        (["--train", "5", "--set", "hardware.build=inference"], "--train = 5: needs hardware.build = training: ..."),
        (["--set", "hardware=null", "--set", "connectivity.kind=structured"], "..."),
        (["--set", "data.pool=3"], "data.pool = 3: averages pixels, and samples has no images; nearest: 1"),
    ],
)
def test_bad_input_ends_in_one_line(options, line, config, tmp_path, capsys):
    out = tmp_path / "out"
    assert cli.run(["emulate", str(config), "--out", str(out), *options]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    start, *_ = line.replace("OUT", str(out)).split("...")
    assert told.startswith(f"hwsim: {start}")
    assert not out.exists()


def test_a_port_in_use_is_told(built, config, tmp_path, capsys, echo):
    out = tmp_path / "out"
    with Board(echo, tmp_path / TERMINAL) as other:
        assert cli.run(["emulate", str(config), "--out", str(out), "-q", "--port", str(other.port)]) == 2
        assert f"--port = {other.port}: is not to be had: " in capsys.readouterr().err
