"""Where a simulation is built: Make, shells and Verilog each read some characters of a file's name in their own way."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_HARMLESS = re.compile(r"[A-Za-z0-9_./+-]{1,400}")
"""Names that mean themselves to every tool, short enough for what tools add."""


@contextmanager
def harmless(folder: Path) -> Iterator[Path]:
    """A folder whose name no tool misreads: ``folder`` itself, else a temporary one whose content goes there in the end.

    Parameters
    ----------
    folder
        Absolute; is there already.

    Raises
    ------
    OSError
        If there is no such place for temporary files.
    """
    if _HARMLESS.fullmatch(str(folder)):
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="hwsim-", dir=_temporary()) as place:
        try:
            yield Path(place)
        finally:
            shutil.copytree(place, folder, symlinks=True, dirs_exist_ok=True)


def write_if_new(path: Path, text: str) -> None:
    """Leave a file that says the same alone: what is newer is built again."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def _temporary() -> str:
    for place in (tempfile.gettempdir(), "/tmp", "/var/tmp"):
        found = str(Path(place).resolve())
        if _HARMLESS.fullmatch(found) and os.access(found, os.W_OK | os.X_OK):
            return found
    raise OSError("no folder for temporary files has a name that Make can read: set TMPDIR")
