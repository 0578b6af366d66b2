"""Runs of convolutional front ends: continued from a changed checkpoint, exported from changed files."""

import shutil
from functools import partial
from pathlib import Path
from random import Random
from unittest.mock import patch

from hwsim.commands import torch
from tests.fuzz.case import Answer, Case, command
from tests.fuzz.run_directories import changed_file
from tests.hwsim import runs
from tests.hwsim.frontends import small_frontends
from tests.hwsim.training.test_interrupted import interrupting

_EXPORTED = ("config.yaml", "metrics.json", "final.npz", "frontend.npz", "connectivity.npz", "initial.npz")


class Exported:
    """``hwsim export-frontend``: files that are not those which the run has left are refused, or change nothing."""

    def __init__(self, home: Path) -> None:
        self._home = home
        home.mkdir(parents=True)
        self._config = small_frontends.write_config(home, frontend={"epochs": 1})
        for seed in (0, 1):
            assert small_frontends.run("frontend", self._config, "--out", home / f"run{seed}", "--seed", seed) == 0
        assert small_frontends.run("export-frontend", home / "run0", "--out", home / "whole") == 0
        self._whole = _exported(home / "whole")

    def case(self, rng: Random, folder: Path, change: bool = True) -> Case:
        """One file changed."""
        shutil.copytree(self._home / "run0", folder / "run")
        name = rng.choice(_EXPORTED)
        what = changed_file(folder / "run" / name, self._home / "run1" / name, rng) if change else "nothing"
        run = partial(command, "export-frontend", folder / "run", "--out", folder / "out", "--quiet")
        return Case(what, run, lambda answer: _wrong(answer, _exported(folder / "out"), self._whole))


class Interrupted:
    """``hwsim frontend --resume``."""

    def __init__(self, home: Path) -> None:
        self._home = home
        home.mkdir(parents=True)
        self._config = small_frontends.write_config(home, frontend={"epochs": 2})
        for seed in (0, 1):
            with patch.object(torch, "train_watcher", interrupting([1])):
                codes = small_frontends.run("frontend", self._config, "--out", home / f"run{seed}", "--seed", seed)
            assert codes == 130
        assert small_frontends.run("frontend", self._config, "--out", home / "whole", "--seed", 0) == 0
        self._whole = _results(home / "whole")

    def case(self, rng: Random, folder: Path, change: bool = True) -> Case:
        """One file changed."""
        out = folder / "run"
        shutil.copytree(self._home / "run0", out)
        name = rng.choice(("checkpoint.npz", "checkpoint.npz", "connectivity.npz", "initial.npz", "config.yaml"))
        if name == "initial.npz" and not (out / name).is_file():
            name = "checkpoint.npz"
        what = changed_file(out / name, self._home / "run1" / name, rng) if change else "nothing"
        run = partial(command, "frontend", self._config, "--seed", 0, "--out", out, "--resume", "--quiet")
        return Case(what, run, lambda answer: _wrong(answer, _results(out), self._whole))


def _results(directory: Path) -> dict[str, bytes]:
    return {name: content for name, content in runs.files(directory).items() if name != "config.yaml"}


def _exported(directory: Path) -> dict[str, bytes]:
    """The record of the run that was exported holds a digest of all its figures, which may say what they like."""
    found = runs.files(directory)
    if "config.yaml" in found:
        lines = found["config.yaml"].splitlines()
        found["config.yaml"] = b"\n".join(line for line in lines if not line.startswith(b"# run: "))
    return found


def _wrong(answer: Answer, found: dict[str, bytes], whole: dict[str, bytes]) -> str | None:
    differ = sorted(n for n in found.keys() | whole if found.get(n) != whole.get(n))
    if answer.code:
        return f"exit code 1: {answer.err[:200]!r}"
    return f"other bytes: {', '.join(differ)}" if differ else None
