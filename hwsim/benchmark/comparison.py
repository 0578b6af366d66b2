"""Training speeds of two states of the code, measured in turns."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hwsim.benchmark.engines import Row
from hwsim.benchmark.trees import Tree
from models.errors import ArgumentError

_TURNS = 3


def measure(
    paths: list[Path],
    overrides: Mapping[str, Any],
    seconds: float,
    trees: list[Tree],
    say: Callable[[str], None] | None = None,
) -> list[list[Row]]:
    """The rows of every state of the code, best of several turns.

    Each turn is a process of its own, so that neither code is measured in what the other has left in memory and caches.

    Parameters
    ----------
    overrides
        Values by configuration key in place of those of the files.
    seconds
        For each row, of all turns together.

    Raises
    ------
    ArgumentError
        If a state of the code cannot measure a configuration.
    """
    found: list[dict[tuple[str, str], Row]] = [{} for _ in trees]
    words = [str(seconds / _TURNS), json.dumps(dict(overrides)), *(str(p.resolve()) for p in paths)]
    for turn in range(_TURNS):
        for tree, best in zip(trees, found, strict=True):
            with TemporaryDirectory(prefix="hwsim-") as place:
                out = Path(place) / "rows.json"
                spent = tree.run([str(out), *words], module="hwsim.benchmark")
                told = [] if spent.failure else json.loads(out.read_text())
            if spent.failure is not None:
                rule = f"cannot measure these configurations ({spent.failure}): take later code or fewer of them"
                raise ArgumentError("against", tree.name, rule)
            for row in (Row(**one) for one in told):
                if row.key not in best or row.samples_per_second > best[row.key].samples_per_second:
                    best[row.key] = row
            if say is not None:
                say(f"turn {turn + 1} of {_TURNS}: {tree.name}: {spent.seconds:.1f} s")
    return [list(best.values()) for best in found]
