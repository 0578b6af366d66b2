"""A run can be stopped or killed at any moment, and is continued to the bytes that it would have left undisturbed."""

import json
import os
import random
import signal
from contextlib import contextmanager

import pytest

from hwsim.commands import app as cli
from hwsim.configuration import config_file
from hwsim.results import seal
from hwsim.training import loop
from models.files.npz import read_npz, write_npz
from tests import warm
from tests.hwsim import runs

STREAM = {True: ("--save-stream",), False: ()}


def interrupting(moments):
    """A stand-in for the progress bar that presses the interrupt key after some chunks, counted from each start."""
    moments = iter(moments)

    @contextmanager
    def watcher(_quiet):
        left = next(moments, None)

        def watch(_progress):
            nonlocal left
            if left is not None:
                left -= 1
                if left == 0:
                    signal.raise_signal(signal.SIGINT)

        yield watch

    return watcher


def run_with_interrupts(monkeypatch, config, out, moments, options=()):
    """Start, be interrupted, resume, and so on to the end; returns the exit codes."""
    monkeypatch.setattr("hwsim.commands.train.train_watcher", interrupting(moments))
    codes = [runs.train(config, out, *options)]
    while codes[-1] == 130:
        check_sound(out)
        codes.append(runs.train(config, out, "--resume", *options))
    return codes


def check_sound(out):
    """Every file is whole, and the figures say what state the run is in."""
    for path in out.iterdir():
        if path.name.startswith("."):
            continue
        if path.suffix == ".npz":
            read_npz(path)
        elif path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".png":
            assert path.read_bytes().endswith(b"IEND\xaeB\x60\x82")
        elif path.suffix == ".html":
            assert path.read_bytes().endswith(b"</html>\n")
        else:
            assert config_file.load(path)


@pytest.mark.parametrize("kind", runs.KINDS)
def test_a_run_interrupted_after_any_chunk_ends_in_the_same_bytes(kind, tmp_path, monkeypatch, no_pictures):
    monkeypatch.setattr(loop, "CHUNK", 64)
    config = runs.write_config(tmp_path, kind)
    options = STREAM[not kind.startswith("float")]
    assert runs.train(config, tmp_path / "whole", *options) == 0
    whole = runs.files(tmp_path / "whole")
    chunks = 4 if kind == "float pipelined" else 12
    for moment in range(1, chunks):
        out = tmp_path / f"after {moment}"
        assert run_with_interrupts(monkeypatch, config, out, [moment], options) == [130, 0]
        assert runs.files(out) == whole
    out = tmp_path / "after each"
    assert run_with_interrupts(monkeypatch, config, out, [1] * (chunks - 1), options) == [130] * (chunks - 1) + [0]
    assert runs.files(out) == whole


def test_an_interrupt_after_the_last_chunk_changes_nothing(tmp_path, monkeypatch, no_pictures):
    config = runs.write_config(tmp_path, "fixed pipelined")
    assert runs.train(config, tmp_path / "whole") == 0
    assert run_with_interrupts(monkeypatch, config, tmp_path / "run", [4]) == [0]
    assert runs.files(tmp_path / "run") == runs.files(tmp_path / "whole")


def test_what_an_interrupted_run_leaves(tmp_path, monkeypatch, capsys):
    """Everything but a finish: parameters so far, figures so far, the stream so far, and how to go on."""
    monkeypatch.setattr(loop, "CHUNK", 64)
    monkeypatch.setattr("hwsim.commands.train.train_watcher", interrupting([5]))
    config, out = runs.write_config(tmp_path, "fixed pipelined"), tmp_path / "a run"
    assert cli.run(["train", str(config), "--out", str(out), "--save-stream", "--epochs", "3"]) == 130
    said = capsys.readouterr().out
    assert f"hwsim train '{out}/config.yaml' --out '{out}' --save-stream --resume" in said.replace("\n", " ")
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["status"] == "interrupted" and metrics["epochs"]["value"] == 1
    stream = read_npz(out / "stream.npz")
    fed = runs.TRAIN + 128
    assert stream["input"].shape == (fed, 16) and len(stream["prediction"]) == fed - 1  # one is still between junctions
    assert {"final.npz", "training.png", "checkpoint.npz"} <= {p.name for p in out.iterdir()}
    monkeypatch.setattr("hwsim.commands.train.train_watcher", interrupting([]))
    # As printed: the written configuration holds the options of the first call.
    assert runs.train(out / "config.yaml", out, "--save-stream", "--resume") == 0
    assert runs.train(config, tmp_path / "whole", "--save-stream", "--epochs", "3") == 0
    whole = runs.files(tmp_path / "whole")
    assert runs.files(out) == whole


def interrupted(tmp_path, monkeypatch, kind="fixed pipelined"):
    """A run that was stopped in its second epoch; returns its configuration file and directory."""
    config, out = runs.write_config(tmp_path, kind), tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(loop, "CHUNK", 64)
        patch.setattr("hwsim.commands.train.train_watcher", interrupting([5]))
        assert runs.train(config, out) == 130
    return config, out


def refusal(capsys, *arguments):
    """The one line that a command answers with exit code 2."""
    capsys.readouterr()
    assert cli.run([*map(str, arguments), "--quiet"]) == 2
    shown = capsys.readouterr()
    assert not shown.out and shown.err.count("\n") == 1
    return shown.err.rstrip("\n")


DAMAGES = {
    "empty": lambda whole: b"",
    "cut": lambda whole: whole[: len(whole) // 2],
    "last byte lost": lambda whole: whole[:-1],
    "flipped bit": lambda whole: whole[:300] + bytes([whole[300] ^ 1]) + whole[301:],
    "noise": lambda whole: bytes(range(256)) * 20,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_refused_in_one_line(damage, tmp_path, monkeypatch, capsys, no_pictures):
    config, out = interrupted(tmp_path, monkeypatch)
    checkpoint = out / "checkpoint.npz"
    checkpoint.write_bytes(DAMAGES[damage](checkpoint.read_bytes()))
    before = runs.files(out)
    line = refusal(capsys, "train", config, "--out", out, "--resume")
    assert line.startswith(f"hwsim: {checkpoint}: ") and ("is no sound archive of arrays" in line or "is damaged" in line)
    assert runs.files(out) == before
    assert runs.train(config, out, "--force") == 0


@pytest.mark.parametrize("kind", ["fixed pipelined", "float adam batches", "float momentum"])
@pytest.mark.parametrize(
    "change",
    [
        lambda a, s: a.pop("predictions"),
        lambda a, s: a.pop("weight_1"),
        lambda a, s: a.update(weight_1=a["weight_1"][:-1]),
        lambda a, s: s.pop("epoch"),
        lambda a, s: s.update(epoch=-1),
        lambda a, s: s.update(epoch=99),
        lambda a, s: s.update(epoch=[]),
        lambda a, s: s.update(offset=-1),
        lambda a, s: s.update(offset=10**30),
        lambda a, s: s.update(history=3),
        lambda a, s: s.update(history=[]),
        lambda a, s: s.update(history=[{"surprise": 1}]),
        lambda a, s: s.update(current=None),
        lambda a, s: s.update(data="other"),
        lambda a, s: s.update(stream=True),
    ],
)
def test_a_checkpoint_of_something_else_is_refused_in_one_line(kind, change, tmp_path, monkeypatch, capsys, no_pictures):
    config, out = interrupted(tmp_path, monkeypatch, kind)
    arrays = read_npz(out / "checkpoint.npz")
    state = seal.opened(arrays)
    change(arrays, state)
    write_npz(out / "checkpoint.npz", seal.sealed(arrays, state))  # as if it had been written so
    refusal(capsys, "train", config, "--out", out, "--resume")


ADVICE = ": give its own options, or a new directory"


def test_a_run_is_not_resumed_as_another(tmp_path, monkeypatch, capsys, no_pictures):
    config, out = interrupted(tmp_path, monkeypatch)
    tail = f"--resume = {out}: holds a run of another configuration, see config.yaml there{ADVICE}"
    assert refusal(capsys, "train", config, "--out", out, "--resume", "--seed", "1").endswith(tail)
    assert refusal(capsys, "train", config, "--out", out, "--resume", "--epochs", "9").endswith(tail)
    line = refusal(capsys, "train", config, "--out", out)
    assert line.endswith("holds an interrupted run: --resume continues it, --force starts again")
    line = refusal(capsys, "train", config, "--out", out, "--resume", "--force")
    assert line.endswith("starts again and --resume continues: give one of them")
    line = refusal(capsys, "train", config, "--out", out, "--resume", "--save-stream")
    assert line.endswith("--save-stream = given: must be given or left out as when the run began")
    runs.write_samples(tmp_path / "samples.npz", seed=1)
    line = refusal(capsys, "train", config, "--out", out, "--resume")
    assert line.endswith(f"have been changed since it was written{ADVICE}")
    runs.write_samples(tmp_path / "samples.npz")
    assert runs.train(config, out, "--resume") == 0
    line = refusal(capsys, "train", config, "--out", out, "--resume")
    assert line.endswith(f"--resume = {out}: holds no interrupted run: leave --resume out to begin one")


def test_a_second_interrupt_stops_at_once_and_loses_only_the_present_epoch(tmp_path, monkeypatch, capsys, no_pictures):
    config, out = runs.write_config(tmp_path, "fixed pipelined"), tmp_path / "run"
    assert runs.train(config, tmp_path / "whole") == 0

    @contextmanager
    def twice(_quiet):
        def watch(progress):
            if progress.epoch == 2:
                signal.raise_signal(signal.SIGINT)
                signal.raise_signal(signal.SIGINT)

        yield watch

    monkeypatch.setattr("hwsim.commands.train.train_watcher", twice)
    assert runs.train(config, out) == 130
    assert capsys.readouterr().err == "hwsim: interrupted\n"
    check_sound(out)
    monkeypatch.setattr("hwsim.commands.train.train_watcher", interrupting([]))
    assert runs.train(config, out, "--resume") == 0
    assert runs.files(out) == runs.files(tmp_path / "whole")


# A run that sends itself a signal at a moment that depends on no clock: the n-th time that it trains a chunk or touches a
# file of its directory, or the first time after there is a checkpoint. Pictures, which take long, are left out.
PROGRAM = """
import contextlib, os, signal, sys, types
from pathlib import Path
sys.modules["hwsim.pictures.training"] = types.SimpleNamespace(all_of_training=lambda *_: [])
from hwsim import __main__
from hwsim.commands import train
moment, which, out = sys.argv[1], signal.Signals[sys.argv[2]], sys.argv[3]
del sys.argv[1:4]
left = None if moment == "checkpoint" else int(moment)

def pass_by():
    global left
    if left is None:
        left = 1 if os.path.exists(os.path.join(out, "checkpoint.npz")) else None
    if left is not None:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), which)

def touched(event, details):
    if event in ("open", "os.rename", "os.remove", "os.mkdir") and str(details[0]).startswith(out):
        pass_by()

train.train_watcher = lambda _quiet: contextlib.nullcontext(lambda _progress: pass_by())
sys.addaudithook(touched)
__main__.main()
"""


def stopped(config, out, moment, which, *options):
    """``hwsim train`` in a process of its own that sends itself a signal; returns the exit code."""
    command = [moment, which.name, out, "train", config, "--out", out, "--quiet", *options]
    code, complaint = warm.run(PROGRAM, *command)
    assert "Traceback" not in complaint
    # A shell says 130 for both 130 and SIGINT; the latter is how the interpreter dies when it is just about to exit.
    assert code in (0, -which, *([130] if which == signal.SIGINT else [])), complaint
    return code


def stop_at_random(config, out, which, rng):
    """Start or resume over and over, stopped at a random moment each time, until a run gets to its end."""
    most, attempts = 30.0, 0
    while True:
        resumed = (out / "checkpoint.npz").exists()
        force = not resumed and out.exists() and any(out.iterdir())
        code = stopped(
            config, out, rng.randint(1, int(most)), which, *(["--resume"] if resumed else ["--force"] if force else [])
        )
        if out.exists():
            check_sound(out)
        attempts += 1
        if code == 0:
            return attempts
        most *= 1.5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "which"),
    [
        ("fixed pipelined", signal.SIGINT),
        ("fixed pipelined", signal.SIGKILL),
        ("fixed sequential", signal.SIGTERM),
        ("float adam batches", signal.SIGINT),
        ("float adam batches", signal.SIGKILL),
        ("float single samples", signal.SIGKILL),
    ],
)
def test_runs_stopped_at_random_moments_end_in_the_same_bytes(kind, which, tmp_path, no_pictures):
    config = runs.write_config(tmp_path, kind, epochs=60)
    assert runs.train(config, tmp_path / "whole") == 0
    moments = random.Random(f"{kind} {which.name} {os.environ.get('HWSIM_TEST_SEED', '0')}")
    assert stop_at_random(config, tmp_path / "run", which, moments) > 3
    assert runs.files(tmp_path / "run") == runs.files(tmp_path / "whole")


def test_a_killed_run_is_resumed_and_its_leavings_are_swept_up(tmp_path, no_pictures):
    config, out = runs.write_config(tmp_path, "fixed pipelined", epochs=100), tmp_path / "run"
    assert stopped(config, out, "checkpoint", signal.SIGKILL) == -signal.SIGKILL
    check_sound(out)
    assert (out / "checkpoint.npz").exists() and not (out / "final.npz").exists()
    (out / ".final.npz.0123.part").write_bytes(b"half")  # as a run leaves that is killed while it writes
    assert runs.train(config, out, "--resume") == 0
    assert runs.train(config, tmp_path / "whole") == 0
    assert runs.files(out) == runs.files(tmp_path / "whole")
