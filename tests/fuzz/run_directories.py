"""Interrupted runs whose files are changed, lost, or those of a run that differs in the seed alone."""

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from unittest.mock import patch

import yaml

from hwsim.results import seal
from hwsim.training import loop
from models.files.npz import read_npz, write_npz
from tests.fuzz import archives, damage, trees, values
from tests.fuzz.case import Answer, Case, command
from tests.hwsim import runs
from tests.hwsim.training.test_interrupted import interrupting

_SEEDS = (0, 1)
_FILES = ("checkpoint.npz", "checkpoint.npz", "connectivity.npz", "initial.npz", "config.yaml")


def changed_file(path: Path, other: Path, rng: Random) -> str:
    """Change a file, as an archive, as text or as bytes; ``other`` is its like of another run. Returns what was done."""
    level = rng.choice(("bytes", "content", "content", "swapped"))
    content = path.read_bytes()
    if level == "swapped":
        shutil.copy(other, path)
        return f"{path.name} of another"
    if level == "content" and path.suffix == ".npz":
        what, content = archives.mutated(content, other.read_bytes(), rng)
    elif level == "content" and path.suffix == ".json":
        what, tree = trees.mutated(json.loads(content), rng)
        content = json.dumps(tree).encode()
    elif level == "content" and path.suffix == ".yaml":
        what, tree = trees.mutated(yaml.safe_load(content), rng)
        head = b"".join(line for line in content.splitlines(keepends=True) if line.startswith(b"#"))
        content = rng.choice((head, head, b"")) + trees.as_yaml(tree)
    else:
        what, content = damage.damaged(content, rng)
    path.write_bytes(content)
    return f"{path.name}: {what}"


class Interrupted:
    """``hwsim train --resume``: what is not as the run left it is refused, or changes nothing.

    A configuration is itself an input: its comments and what else does not show in any result may change, so its bytes are
    left out of the comparison; ``metrics.json``, which holds its fingerprint, is not.
    """

    def __init__(self, kind: str, home: Path) -> None:
        self._home = home
        home.mkdir(parents=True)
        loop.CHUNK = 64  # of every run here: losses are sums of chunks
        self._config = runs.write_config(home, kind, epochs=2)
        for seed in _SEEDS:
            with patch("hwsim.commands.train.train_watcher", interrupting([4])):
                assert runs.train(self._config, home / f"run{seed}", "--seed", str(seed)) == 130
        runs.train(self._config, home / "whole", "--seed", "0")
        self._whole = _results(home / "whole")

    def case(self, rng: Random, folder: Path, change: bool = True) -> Case:
        """One or two files changed or lost."""
        out = folder / "run"
        shutil.copytree(self._home / "run0", out)
        done = []
        for name in sorted({rng.choice(_FILES) for _ in range(rng.choice((1, 1, 1, 2)))}) if change else ():
            if rng.random() < 0.04:
                (out / name).unlink()
                done.append(f"{name} lost")
            else:
                done.append(changed_file(out / name, self._home / "run1" / name, rng))
        return Case("; ".join(done), self._resuming(rng, out), lambda answer: self._wrong(answer, out))

    def _resuming(self, rng: Random, out: Path) -> Callable[[], Answer]:
        own = rng.random() < 0.3
        given = [out / "config.yaml"] if own else [self._config, "--seed", 0]
        return partial(command, "train", *given, "--out", out, "--resume", "--quiet")

    def _wrong(self, answer: Answer, out: Path) -> str | None:
        if answer.code:
            return f"exit code 1: {answer.err[:200]!r}"
        found = _results(out)
        differ = sorted(n for n in found.keys() | self._whole if found.get(n) != self._whole.get(n))
        return f"resumed to other bytes: {', '.join(differ)}" if differ else None


class Forged(Interrupted):
    """The same with a checkpoint that is sealed again: legal values may be taken, then the run comes to its end."""

    def case(self, rng: Random, folder: Path, change: bool = True) -> Case:
        """A checkpoint with a changed array or state."""
        out = folder / "run"
        shutil.copytree(self._home / "run0", out)
        arrays = read_npz(out / "checkpoint.npz")
        state = seal.opened(arrays)
        what = "nothing"
        if change and rng.random() < 0.3:
            what, state = trees.mutated(state, rng)
            what = f"state {what}"
        elif change:
            name = rng.choice(sorted(arrays))
            what, arrays[name] = values.changed(arrays[name], rng)
            what = f"{name} {what}"
        try:
            write_npz(out / "checkpoint.npz", seal.sealed(arrays, state))
        except Exception as error:  # what cannot be written cannot be read either
            return Case(f"{what}: {error}", lambda: Answer(0, "", ""), lambda _: None)
        return Case(what, self._resuming(rng, out), lambda a: f"exit code 1: {a.err[:200]!r}" if a.code else None)


def _results(directory: Path) -> dict[str, bytes]:
    return {name: content for name, content in runs.files(directory).items() if name != "config.yaml"}
