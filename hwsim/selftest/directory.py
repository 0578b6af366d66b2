"""The directory of a self test: its report, and the smallest designs that fail."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hwsim.results.directory import check_usable
from models.errors import ArgumentError
from models.files.whole import lock, write_whole

REPORT = "selftest.json"
FAILING = "failing-*.yaml"


class SelftestDirectory:
    """A directory that belongs to self tests; it is neither made nor touched before :meth:`locked`.

    Attributes
    ----------
    path
        Where it is.

    Raises
    ------
    InputError
        If it cannot be used, or holds something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        check_usable(path)
        if path.is_dir() and any(not _is_ours(file) for file in path.iterdir()):
            raise ArgumentError("out", str(path), "is neither empty nor the directory of a self test: give a new one")

    @contextmanager
    def locked(self, given: Path | None = None) -> Iterator[None]:
        """Keep other self tests out; what a former one has left goes, but for the design that is ``given``."""
        with lock(self.path, "self test"):
            for file in self.path.iterdir():
                if _is_ours(file) and not (given is not None and file.samefile(given)):
                    file.unlink()
            yield

    def report(self, figures: Mapping[str, Any]) -> None:
        """Write the report."""
        write_whole(self.path / REPORT, json.dumps(figures, indent=2).encode())

    def failing(self, number: int, text: str) -> Path:
        """Write a design that fails; where it stands."""
        path = self.path / FAILING.replace("*", str(number))
        write_whole(path, text.encode())
        return path


def _is_ours(path: Path) -> bool:
    """Also what was being written when its writer was killed; see :func:`models.files.whole.write_whole`."""
    name = path.name[1:].rpartition(".")[0] if path.name.startswith(".") else path.name
    return Path(name).match(FAILING) or name == REPORT
