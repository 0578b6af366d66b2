"""Configurations, studies, tables of energies and traces: whatever they say is understood or told in one line."""

import json
import shutil
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import yaml

from hwsim.commands import app as cli
from hwsim.costs import energy
from models.errors import InputError
from tests.fuzz import damage, trees
from tests.fuzz.case import Answer, Case, command
from tests.hwsim import runs
from tests.hwsim.studies import small_studies

_HEADER = ("format", "version", "configuration", "window", "clocking", "fields", "events")


def _fine(_answer: Answer) -> None:
    """Any configuration that is legal may say anything: there is nothing to compare an answer with."""


def _changed(tree: Any, rng: Random) -> tuple[str, bytes]:
    if rng.random() < 0.4:
        return damage.damaged(trees.as_yaml(tree), rng)
    done = []
    for _ in range(rng.choice((1, 1, 2))):
        if isinstance(tree, dict | list):
            what, tree = trees.mutated(tree, rng)
            done.append(what)
    return "; ".join(done), trees.as_yaml(tree)


class Configurations:
    """``hwsim check`` and ``hwsim solve`` of a changed configuration."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True)
        self._samples = runs.write_samples(home / "samples.npz")

    def case(self, rng: Random, folder: Path, change: bool = True) -> Case:
        """By hand or as a run leaves it."""
        tree = runs.KINDS[rng.choice(sorted(runs.KINDS))] | {"name": "x", "data": {"name": str(self._samples)}}
        what, content = _changed(tree, rng) if change else ("nothing", trees.as_yaml(tree))
        path = folder / "config.yaml"
        path.write_bytes(content)
        return Case(what, partial(command, rng.choice(("check", "check", "solve")), path, "--quiet"), _fine)


class Studies:
    """``hwsim explore`` of a changed study that trains nothing."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True)
        path = small_studies.write(home, measure=["check", "costs"], seeds=[0])
        self._tree = yaml.safe_load(path.read_text())

    def case(self, rng: Random, folder: Path, change: bool = True) -> Case:
        """A study file, changed."""
        what, content = _changed(self._tree, rng) if change else ("nothing", trees.as_yaml(self._tree))
        (folder / "study.yaml").write_bytes(content)
        run = partial(command, "explore", folder / "study.yaml", "--out", folder / "out", "--quiet")
        return Case(what, run, _fine)


class Energies:
    """The table of energies, which is read by a function alone."""

    def __init__(self, home: Path) -> None:
        self._tree = yaml.safe_load(energy.DEFAULT.read_text())

    def case(self, rng: Random, folder: Path, change: bool = True) -> Case:
        """A table, changed."""
        what, content = _changed(self._tree, rng) if change else ("nothing", trees.as_yaml(self._tree))
        path = folder / "energies.yaml"
        path.write_bytes(content)
        return Case(what, partial(_energies, path), _fine)


def _energies(path: Path) -> Answer:
    try:
        table = energy.load(path)
        assert table.add(12) >= 0 and table.multiply(12, 8) >= 0 and table.access(4096, 12) >= 0
    except InputError as e:
        return Answer(2, "", f"hwsim: {' '.join(str(e).split())}\n")
    return Answer(0, "", "")


class Traces:
    """``hwsim diff`` of a trace and a changed one: equal content, read by JSON alone, is no difference; other content is."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True)
        config = runs.write_config(home, "fixed pipelined")
        self._logs = []
        for seed in ("0", "1"):
            out = home / seed
            options = ["--trace", "0:40", "--samples", "6", "--seed", seed, "--quiet"]
            assert cli.run(["simulate", str(config), "--out", str(out), *options]) == 0
            self._logs.append((out / "trace.jsonl").read_bytes())
            shutil.copy(out / "trace.jsonl", home / f"{seed}.jsonl")
        self._sound = home / "0.jsonl"

    def case(self, rng: Random, folder: Path, change: bool = True) -> Case:
        """A trace, changed."""
        path, lines = folder / "trace.jsonl", self._logs[0].splitlines()
        at = rng.choice((0, 1, rng.randrange(len(lines)), len(lines) - 1))
        level = rng.choice(("bytes", "line", "line", "lines", "tree", "tree", "tree"))
        what, content = level, self._logs[0]
        if level == "bytes":
            what, content = damage.damaged(content, rng)
        elif level == "line":
            what, lines[at] = damage.damaged(lines[at], rng)
            content = b"\n".join(lines) + b"\n"
        elif level == "tree":
            what, tree = trees.mutated(json.loads(lines[at]), rng)
            lines[at] = json.dumps(tree).encode()
            content = b"\n".join(lines) + b"\n"
        else:
            others = self._logs[1].splitlines()
            lines[at : at + 1] = rng.choice(([], [lines[at]] * 2, [lines[at - 1]], [others[min(at, len(others) - 1)]]))
            content = b"\n".join(lines) + b"\n"
        path.write_bytes(content if change else self._logs[0])
        logs = [path, self._sound] if rng.random() < 0.5 else [self._sound, path]
        return Case(f"line {at}: {what}", partial(command, "diff", *logs), lambda a: _wrong(a, path, self._sound))


def _wrong(answer: Answer, one: Path, other: Path) -> str | None:
    """Events of one clock have no order; types count, as 1 is not true; who wrote it and keys that nobody knows do not."""
    try:
        a, b = (sorted(json.dumps(x, sort_keys=True) for x in _told(path)) for path in (one, other))
        same = a == b
    except (ValueError, RecursionError):
        return f"no JSON, but exit code {answer.code}"
    if same and answer.code:
        return f"equal, but exit code 1: {answer.out[:200]!r}"
    return None if same or answer.code else "no difference is told of other content"


def _told(path: Path) -> list[Any]:
    header, *events = map(json.loads, path.read_bytes().splitlines())
    return [{key: header.get(key) for key in _HEADER} if isinstance(header, dict) else header, *events]
