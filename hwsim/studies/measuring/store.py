"""The store of a study: one SQLite file with a row for every finished measurement, written by one process.

A row is there or it is not: each is a transaction of its own in a write-ahead log, so that a process killed at any moment
loses at most what it had not yet been told. Keys say everything that a result depends on
(:func:`hwsim.studies.measuring.workshop.task`).
"""

import hashlib
import json
import math
import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hwsim.measurements.catalogue import MEASUREMENTS
from hwsim.studies.measuring.task import Result
from models.errors import ArgumentError, InputError
from models.files.regular import is_there, opened

_FORMAT = 2
# Rows lie in the order in which they come, beside an index of keys: in a tree of random keys every one is written into
# another page, which costs the more the more there are. Stores WITHOUT ROWID, as they were once, are used as they are.
_TABLE = """
CREATE TABLE IF NOT EXISTS results (
    key TEXT NOT NULL PRIMARY KEY,
    measurement TEXT NOT NULL,
    configuration TEXT NOT NULL,
    code TEXT NOT NULL,
    figures TEXT NOT NULL,
    error TEXT,
    seconds REAL NOT NULL,
    engine_seconds REAL NOT NULL,
    samples INTEGER NOT NULL,
    seal TEXT NOT NULL
)
"""
_COLUMNS = "key, measurement, configuration, code, figures, error, seconds, engine_seconds, samples, seal"
_LITTLE = 1 << 16
"""Bytes; where less is free, that is why SQLite cannot write."""
_NOT_THE_CONTENT = {
    *(sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH),
    *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED),
}
"""Faults of the place, not of what stands in the file."""


class Store:
    """Finished measurements.

    Attributes
    ----------
    unreadable
        Results of a former format that were there; they are gone.

    Raises
    ------
    InputError
        If the file cannot be used, or is none of ours.
    """

    def __init__(self, path: Path) -> None:
        self._path, self.unreadable = path, 0
        try:
            with opened(path) if is_there(path) else nullcontext():  # a pipe or a folder is told as what it is
                self._db = sqlite3.connect(path, isolation_level=None)
        except (sqlite3.Error, ValueError) as e:
            raise self._fault(e) from None
        try:
            self._open()
        except (sqlite3.Error, ValueError) as e:
            self._db.close()
            raise self._fault(e) from None

    def _open(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version == 1:  # whose rows have no seal
            self._db.execute(_TABLE)
            self.unreadable = len(self)
            self._db.execute("DROP TABLE results")
        elif version not in (0, _FORMAT):
            raise ValueError(f"format {version} is unknown")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")  # a row may be lost with the power, never with the process
        self._db.execute(_TABLE)
        self._db.execute(f"PRAGMA user_version = {_FORMAT}")

    def _fault(self, error: Exception) -> InputError:
        """What is wrong with the file, or with what it lies on."""
        if isinstance(error, InputError):
            return error
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and self._free() < _LITTLE):
            rule = f"cannot be written: no space is left for {self._path.name}; once there is, <resume> continues"
            return ArgumentError("out", str(self._path), rule)
        if code in _NOT_THE_CONTENT:
            return ArgumentError("out", str(self._path), f"cannot be written: {error}")
        return InputError(str(self._path), None, f"is no sound store of a study: {error}")

    def _free(self) -> int:
        try:
            return shutil.disk_usage(self._path.parent).free
        except OSError:
            return _LITTLE

    def put(self, result: Result, measurement: str, configuration: str, code: str) -> None:
        """Keep a result; it is on its way to the disk when this returns."""
        row = (result.key, measurement, configuration, code, json.dumps(result.figures), result.error)
        times = (float(result.seconds), float(result.engine_seconds), result.samples)
        try:
            values = (*row, *times, _seal((*row, *times)))
            self._db.execute("INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        except sqlite3.Error as e:
            raise self._fault(e) from None

    def get(self, wanted: Mapping[str, str]) -> dict[str, Result]:
        """What is known of some keys.

        Parameters
        ----------
        wanted
            Measurements by key.

        Raises
        ------
        InputError
            If the file cannot be read, or a row in it is not what has been written there.
        """
        found = {}
        try:
            for key, measurement in wanted.items():
                row = self._db.execute(f"SELECT {_COLUMNS} FROM results WHERE key = ?", (key,)).fetchone()
                if row is not None:
                    found[key] = self._sound(row, measurement)
        except (sqlite3.Error, ValueError) as e:
            raise self._fault(e) from None
        return found

    def outdated(self, codes: Mapping[str, str]) -> set[tuple[str, str]]:
        """What is known only of other code: pairs of a measurement and a configuration.

        Parameters
        ----------
        codes
            By measurement: which code makes it now.
        """
        found: set[tuple[str, str]] = set()
        try:
            for measurement, code in codes.items():
                rows = "SELECT DISTINCT measurement, configuration FROM results WHERE measurement = ? AND code"
                found |= set(self._db.execute(f"{rows} != ? EXCEPT {rows} = ?", (measurement, code) * 2))
        except sqlite3.Error as e:
            raise self._fault(e) from None
        return found

    def _sound(self, row: tuple[Any, ...], measurement: str) -> Result:
        """The result in a row, which must be what that measurement gives and as it was written."""
        key, _, _, _, figures, error, *times = row[:-1]
        try:
            if row[-1] != _seal(row[:-1]) or row[1] != measurement:
                raise ValueError("it has been changed")
            result = Result(key, json.loads(figures), error, *times)
            _check(result, measurement)
        except (TypeError, ValueError, RecursionError):
            rule = f"holds a row that is not what {measurement} has left there: <force> measures all again"
            raise ArgumentError("resume", str(self._path), rule) from None
        return result

    def __len__(self) -> int:
        try:
            return int(self._db.execute("SELECT count(*) FROM results").fetchone()[0])
        except sqlite3.Error as e:
            raise self._fault(e) from None

    def close(self) -> None:
        """Fold the log into the file."""
        try:
            self._db.close()
        except sqlite3.Error as e:
            raise self._fault(e) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with suppress(InputError) if error is not None else nullcontext():  # the first fault is the one to tell
            self.close()


def _seal(row: Sequence[Any]) -> str:
    """SHA-256 of a row: no one edits it without being noticed, by hand or by accident."""
    return hashlib.sha256(json.dumps(list(row)).encode()).hexdigest()


def _check(result: Result, measurement: str) -> None:
    """Raise :class:`ValueError` unless a result is one of that measurement."""
    if not isinstance(result.error, str | None):
        raise ValueError("the error is no text")
    if not isinstance(result.figures, dict) or (result.figures and result.error is not None):
        raise ValueError("either figures or an error")
    if result.figures.keys() - MEASUREMENTS[measurement].figures.keys():
        raise ValueError("figures of something else")
    # The cost of a network that has diverged may be no finite number.
    endless = [value for name, value in result.figures.items() if not name.endswith("_loss") and not _is_finite(value)]
    if endless or not all(type(value) in (int, float) for value in result.figures.values()):
        raise ValueError("figures that are no numbers")
    if not all(_is_finite(t) and t >= 0 for t in (result.seconds, result.engine_seconds)):
        raise ValueError("times that are none")
    if type(result.samples) is not int or result.samples < 0:
        raise ValueError("samples that are no count")


def _is_finite(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < math.inf
