"""Killed at any moment: what was done is kept or done again, nothing is half there, and the end is the same to the byte.

More moments: HWSIM_KILLS=50 python -m pytest tests/hwsim/results/test_killed.py
"""

import os
import random

import pytest

from hwsim.commands import app as cli
from tests.hwsim import runs
from tests.hwsim.results.killing import killed
from tests.hwsim.studies import small_studies
from tests.hwsim.training.test_interrupted import check_sound

pytestmark = pytest.mark.slow
KILLS = int(os.environ.get("HWSIM_KILLS", "3"))


def repeated(out, most, resuming, *arguments):
    """Start over and over, killed each time at a drawn moment, as often as wanted; then undisturbed to the end."""
    rng = random.Random(f"{arguments[0]} {os.environ.get('HWSIM_TEST_SEED', '0')}")
    kills, finished = 0, 0
    while kills < KILLS:
        options = resuming(out)
        if killed(rng.randint(1, most), out, *arguments, "--out", out, *options):
            kills += 1
        else:
            finished += 1
            yield
            assert finished <= 3 * KILLS, "hardly ever killed: the moments lie beyond the end"
    assert cli.run([*map(str, arguments), "--out", str(out), "--quiet", *resuming(out)]) == 0
    yield


@pytest.mark.parametrize("kind", ["fixed pipelined", "float adam batches", "cycle"])
def test_training(kind, tmp_path):
    config, out, whole = runs.write_config(tmp_path, kind, epochs=6), tmp_path / "run", tmp_path / "whole"
    assert runs.train(config, whole) == 0

    def resuming(out):
        if out.exists():
            check_sound(out)
        return ["--resume"] if (out / "checkpoint.npz").exists() else []

    for _ in repeated(out, 60, resuming, "train", config):
        assert runs.files(out) == runs.files(whole)


def test_simulating(tmp_path):
    """What was killed is repeated by the same command, which need not be forced."""
    config, out, whole = runs.write_config(tmp_path, "fixed pipelined"), tmp_path / "run", tmp_path / "whole"
    options = ("--trace", "0:99", "--late", "0.1")
    assert cli.run(["simulate", str(config), "--out", str(whole), "--quiet", *options]) == 0
    for _ in repeated(out, 40, lambda _: [], "simulate", config, *options):
        check_whole(out)
        assert runs.files(out) == runs.files(whole)


def check_whole(out):
    assert not [p for p in out.iterdir() if p.name.startswith(".")]


def test_exploring(tmp_path):
    path, out, whole = small_studies.write(tmp_path), tmp_path / "run", tmp_path / "whole"
    assert small_studies.explore(path, whole) == 0

    def resuming(out):
        return ["--resume"] if (out / "study.yaml").exists() else []

    for _ in repeated(out, 60, resuming, "explore", path, "--workers", "2"):
        assert small_studies.tables(out) == small_studies.tables(whole)
