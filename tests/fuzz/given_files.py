"""Pattern and parameter files of a user: legal ones are taken as they stand, others refused.

Which content is another legal pattern is not for the fuzzer to say. It asks whether the run used what NumPy reads from the
same file, number by number: nothing rounded, cut, wrapped or taken from elsewhere.
"""

import shutil
from functools import partial
from pathlib import Path
from random import Random

import numpy as np
import yaml

from tests.fuzz.case import Answer, Case, command
from tests.fuzz.run_directories import changed_file
from tests.hwsim import runs

_KINDS = {
    "fixed": runs.FIXED,
    "float": runs.FLOAT,
    "random": runs.FLOAT | {"connectivity": {"kind": "random"}},
}


class Given:
    """``hwsim train`` with ``connectivity.file`` or ``training.init_file``."""

    def __init__(self, name: str, home: Path) -> None:
        self._home, self._name = home, name
        home.mkdir(parents=True)
        runs.write_samples(home / "samples.npz")
        for kind in _KINDS:
            for seed in (0, 1):
                path = self._config(home, kind, None)
                assert runs.train(path, home / f"{kind}{seed}", "--seed", str(seed)) == 0

    def _config(self, folder: Path, kind: str, given: str | None) -> Path:
        design = _KINDS[kind]
        training = design["training"] | {"epochs": 1, "samples": 16}
        connectivity = {**design.get("connectivity", {})}
        if given == "initial.npz":
            training |= {"init": "file", "init_file": given}
        elif given == "connectivity.npz":
            connectivity["file"] = given
        data = design | {"data": {"name": str(self._home / "samples.npz")}, "training": training}
        path = folder / "given.yaml"
        path.write_text(yaml.safe_dump(data | ({"connectivity": connectivity} if connectivity else {})))
        return path

    def case(self, rng: Random, folder: Path, change: bool = True) -> Case:
        """A file of a run, changed."""
        kind = rng.choice(sorted(_KINDS))
        shutil.copy(self._home / f"{kind}0" / self._name, folder / self._name)
        path, other = folder / self._name, self._home / f"{kind}1" / self._name
        what = changed_file(path, other, rng) if change else "nothing"
        config, out = self._config(folder, kind, self._name), folder / "out"
        run = partial(command, "train", config, "--out", out, "--quiet")
        return Case(f"{kind} {what}", run, lambda answer: self._wrong(answer, folder / self._name, out / self._name))

    def _wrong(self, answer: Answer, given: Path, used: Path) -> str | None:
        if answer.code:
            return f"exit code 1: {answer.err[:200]!r}"
        try:
            with np.load(given) as g, np.load(used) as u:
                # Without its dither, which is optional, a pattern must be the same edge by edge all the same.
                names = [name for name in u.files if name in g.files or not name.startswith("memory_")]
                differ = [name for name in names if name not in g.files or not np.array_equal(g[name], u[name])]
        except Exception as error:  # zipfile and numpy raise anything
            return f"taken, though NumPy cannot read it: {error!r}"
        return f"used other numbers than the file has: {', '.join(differ)}" if differ else None
