"""Studies that are continued from a changed store: rows are read as they were written, or refused."""

import json
import shutil
import sqlite3
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from random import Random

from hwsim.studies.measuring import store
from tests.fuzz import damage, trees
from tests.fuzz.case import Answer, Case, command
from tests.fuzz.run_directories import changed_file
from tests.hwsim.studies import small_studies

_COLUMNS = ("key", "measurement", "configuration", "code", "figures", "error", "seconds", "engine_seconds", "samples")
_ODD = (
    None,
    0,
    -1,
    5,
    1e308,
    "",
    "x",
    "[]",
    "{}",
    "5",
    "null",
    '{"test_accuracy": "x"}',
    "NaN",
    "[" * 5000,
    b"\xff\0",
    2**62,
)
_TIMES = ("seconds", "engine_seconds", "samples")
"""How long a measurement took shows in no table but that of times."""


class Stores:
    """``hwsim explore --resume``.

    Rows are sealed: none that was changed may reach a table; one that is lost is measured again, to the same figures. A row
    that is sealed again (``free``) may be taken if it could be one of that measurement.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        home.mkdir(parents=True)
        self._study = small_studies.write(home, seeds=[0], axes={"width": {"key": "numbers.width", "grid": [8, 12]}})
        for seed in (0, 1):
            with_seed = small_studies.write(home, seeds=[seed], axes={"width": {"key": "numbers.width", "grid": [8, 12]}})
            assert small_studies.explore(with_seed, home / f"out{seed}") == 0
        self._study = small_studies.write(home, seeds=[0], axes={"width": {"key": "numbers.width", "grid": [8, 12]}})
        self._tables = small_studies.tables(home / "out0")

    def case(self, rng: Random, folder: Path, change: bool = True) -> Case:
        """A study's directory with a changed store or study."""
        out = folder / "out"
        shutil.copytree(self._home / "out0", out)
        free = False
        if not change:
            what = "nothing"
        elif rng.random() < 0.6:
            what, free = _edited(out / "study.sqlite", rng)
        elif rng.random() < 0.6:
            what, content = damage.damaged((out / "study.sqlite").read_bytes(), rng)
            (out / "study.sqlite").write_bytes(content)
        else:
            what = changed_file(out / "study.yaml", self._home / "out1" / "study.yaml", rng)
        given = out / "study.yaml" if rng.random() < 0.1 else self._study
        free = free or given != self._study  # then the changed study is the one asked for
        run = partial(command, "explore", given, "--out", out, "--resume", "--quiet")
        return Case(what, run, lambda answer: None if free else self._wrong(answer, out))

    def _wrong(self, answer: Answer, out: Path) -> str | None:
        found = small_studies.tables(out)
        differ = sorted(n for n in found.keys() | self._tables if found.get(n) != self._tables.get(n))
        if answer.code:
            return f"exit code 1: {answer.err[:200]!r}"
        return f"other tables: {', '.join(differ)}" if differ else None


def _edited(path: Path, rng: Random) -> tuple[str, bool]:
    """What was done to a row, and whether it may show."""
    column = rng.choice((*_COLUMNS, "figures", "figures"))
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        rows = db.execute("SELECT key, figures FROM results ORDER BY key").fetchall()
        key, figures = rng.choice(rows)
        how = rng.choice(("odd", "odd", "tree", "swapped", "removed", "schema"))
        try:
            if how == "schema":
                db.execute(
                    rng.choice(
                        (
                            "PRAGMA user_version = 7",
                            "PRAGMA user_version = 0",
                            "DROP TABLE results",
                            "ALTER TABLE results DROP COLUMN error",
                            "ALTER TABLE results RENAME COLUMN figures TO fingers",
                            "ALTER TABLE results ADD COLUMN more TEXT",
                            "CREATE TRIGGER t BEFORE INSERT ON results BEGIN SELECT RAISE(ABORT, 'no'); END",
                        )
                    )
                )
                return "schema", False
            if how == "removed":
                db.execute("DELETE FROM results WHERE key = ?", (key,))
                return "row removed", False
            if how == "swapped":
                db.execute("UPDATE results SET figures = ? WHERE key = ?", (rng.choice(rows)[1], key))
                return "figures of another row", False
            if how == "tree":
                what, tree = trees.mutated(json.loads(figures), rng)
                db.execute("UPDATE results SET figures = ? WHERE key = ?", (json.dumps(tree), key))
                again = rng.random() < 0.5
                if again:
                    _seal_again(db, key)
                return f"figures {what}{', sealed again' * again}", again
            value = rng.choice(_ODD)
            if isinstance(value, str | bytes) and column in _TIMES:
                value = rng.choice((b"", "x", -1, None))
            db.execute(f"UPDATE results SET {column} = ? WHERE key = ?", (value, key))
            again = column != "key" and rng.random() < 0.5
            if again:
                _seal_again(db, key)
            return f"{column} = {value!r:.30}{', sealed again' * again}", again
        except (sqlite3.Error, OverflowError) as error:
            return f"nothing: {error}", False


def _seal_again(db: sqlite3.Connection, key: str) -> None:
    *row, _seal = db.execute("SELECT * FROM results WHERE key = ?", (key,)).fetchone()
    with suppress(TypeError, ValueError):  # bytes have no seal
        db.execute("UPDATE results SET seal = ? WHERE key = ?", (store._seal(tuple(row)), key))
