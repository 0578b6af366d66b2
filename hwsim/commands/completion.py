"""What a shell may offer for the word that is being typed: keys and values of configurations, names, directories of runs.

The words stand in ``words.json``, which ``python -m tests.hwsim.commands.words`` makes of the schema and of the tables of
names, and which a test compares with them: loading those takes ten times as long as an answer may. What other distributions
add is asked for by name only (their entry points).
"""

import json
import os
import shlex
from collections.abc import Callable, Iterable, MutableMapping
from importlib import metadata
from pathlib import Path
from typing import Any

WORDS = Path(__file__).with_name("words.json")
_KEY = "_HWSIM_KEY"
_MARK = "config.yaml"
"""What every directory of a run has."""


def _words() -> dict[str, Any]:
    return json.loads(WORDS.read_bytes())


def rejoin(environment: MutableMapping[str, str]) -> None:
    """Where bash has parted ``--set KEY=VALUE`` at the sign, let the value be completed alone, and note the key.

    For bash the sign is a word of its own, and what it inserts is only what stands behind it.
    """
    if environment.get("_HWSIM_COMPLETE") != "complete_bash":
        return
    try:
        words, at = shlex.split(environment["COMP_WORDS"]), int(environment["COMP_CWORD"])
    except (KeyError, ValueError):
        return
    word = words[at] if at < len(words) else ""
    before = words[:at] + (["="] if word == "=" else [])
    if len(before) >= 3 and before[-1] == "=" and before[-3] == "--set":
        kept = [*before[:-2], *([] if word == "=" else [word])]
        environment.update({_KEY: before[-2], "COMP_WORDS": shlex.join(kept), "COMP_CWORD": str(len(before) - 2)})


def settings(incomplete: str) -> list[str]:
    """``KEY=`` for every key, and ``KEY=VALUE`` for every value of one that takes words."""
    keys = _words()["keys"]
    if (key := os.environ.get(_KEY)) is not None:
        return keys.get(key, [])
    key, sign, _ = incomplete.partition("=")
    return [f"{key}={value}" for value in keys.get(key, [])] if sign else [f"{key}=" for key in keys]


def datasets() -> list[str]:
    """Names of data sets."""
    return _and_added("datasets", "hwsim.datasets")


def targets() -> list[str]:
    """Names of chips that can be synthesized for."""
    return _and_added("targets", "hwsim.targets")


def powered() -> list[str]:
    """Names of chips whose power can be estimated."""
    return _words()["powered"]


def boards() -> list[str]:
    """Names of boards."""
    return _words()["boards"]


def choice(name: str) -> Callable[[], list[str]]:
    """What completes an option whose values are words of a fixed list, by its name there."""
    return lambda: _words()["choices"][name]


def runs(incomplete: str) -> list[str]:
    """Directories of runs whose names begin so: beside the place where the command runs, below it, and in ``runs``."""
    typed = Path(incomplete)
    folder = typed if incomplete.endswith("/") else typed.parent
    places = [folder] if incomplete else [Path(), Path("runs")]
    found = [run for place in places for run in _below(place)]
    return sorted(str(run) for run in found if str(run).startswith(incomplete.removeprefix("./")))


def _below(folder: Path) -> Iterable[Path]:
    try:
        return [path for path in folder.iterdir() if (path / _MARK).is_file()]
    except OSError:
        return []


def _and_added(name: str, group: str) -> list[str]:
    return [*_words()[name], *(point.name for point in metadata.entry_points(group=group))]
