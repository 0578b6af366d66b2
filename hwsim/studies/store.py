"""The store of a study: one SQLite file with a row for every finished measurement, written by one process.

A row is there or it is not: each is a transaction of its own in a write-ahead log, so that a process killed at any moment
loses at most what it had not yet been told. Keys say everything that a result depends on
(:func:`hwsim.studies.measurements.task`).
"""

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from hwsim.studies.measurements import Result
from models.errors import InputError

_FORMAT = 1
_TABLE = """
CREATE TABLE IF NOT EXISTS results (
    key TEXT PRIMARY KEY,
    measurement TEXT NOT NULL,
    configuration TEXT NOT NULL,
    code TEXT NOT NULL,
    figures TEXT NOT NULL,
    error TEXT,
    seconds REAL NOT NULL,
    engine_seconds REAL NOT NULL,
    samples INTEGER NOT NULL
) WITHOUT ROWID
"""


class Store:
    """Finished measurements.

    Raises
    ------
    InputError
        If the file cannot be used, or is none of ours.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._db = sqlite3.connect(path, isolation_level=None)
            self._open()
        except (sqlite3.Error, ValueError) as e:
            raise self._fault(e) from None

    def _open(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, _FORMAT):
            raise ValueError(f"format {version} is unknown")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")  # a row may be lost with the power, never with the process
        self._db.execute(_TABLE)
        self._db.execute(f"PRAGMA user_version = {_FORMAT}")

    def _fault(self, error: Exception) -> InputError:
        return InputError(str(self._path), None, f"is no sound store of a study: {error}")

    def put(self, result: Result, measurement: str, configuration: str, code: str) -> None:
        """Keep a result; it is on its way to the disk when this returns."""
        row = (result.key, measurement, configuration, code, json.dumps(result.figures), result.error)
        times = (result.seconds, result.engine_seconds, result.samples)
        try:
            self._db.execute("INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*row, *times))
        except sqlite3.Error as e:
            raise InputError(str(self._path), None, f"cannot be written: {e}") from None

    def get(self, keys: Iterable[str]) -> dict[str, Result]:
        """What is known of some keys."""
        query = "SELECT figures, error, seconds, engine_seconds, samples FROM results WHERE key = ?"
        found = {}
        try:
            for key in keys:
                row = self._db.execute(query, (key,)).fetchone()
                if row is not None:
                    found[key] = Result(key, json.loads(row[0]), *row[1:])
        except (sqlite3.Error, ValueError) as e:
            raise self._fault(e) from None
        return found

    def __len__(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM results").fetchone()[0])

    def close(self) -> None:
        """Fold the log into the file."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
