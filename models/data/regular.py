"""Opening files that somebody else chose: only regular ones, so that no pipe makes us wait and no folder is one."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from models.errors import InputError

MOST_BYTES = 1 << 32
"""Of all arrays of a data set as they are stored. More is refused before it is read."""

_INFLATION = 1040  # deflate packs at most 1,032 bytes into one, and a header more


def is_file(path: Path) -> bool:
    """Whether there is a regular file; false for names that no file can have and for links that lead nowhere."""
    return stat.S_ISREG(_mode(path))


def is_folder(path: Path) -> bool:
    """Whether there is a folder; false for names that no folder can have."""
    return stat.S_ISDIR(_mode(path))


def is_there(path: Path) -> bool:
    """Whether there is anything."""
    return _mode(path) != 0


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except (OSError, ValueError):
        return 0


def opened(path: Path) -> BinaryIO:
    """A regular file, open for reading.

    Raises
    ------
    InputError
        If there is none, it cannot be read, or it is something else: a folder, a pipe, a device.
    """
    try:
        # Opening a pipe would otherwise wait for somebody to write to it.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as e:
        raise InputError(str(path), None, f"cannot be read: {getattr(e, 'strerror', None) or e}") from None
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise InputError(str(path), None, "cannot be read: it is " + ("a folder" if stat.S_ISDIR(mode) else "no file"))
    return os.fdopen(descriptor, "rb")


def folder_content(path: Path) -> list[Path]:
    """What a folder holds, sorted.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    try:
        return sorted(path.iterdir())
    except OSError as e:
        raise InputError(str(path), None, f"cannot be read: {e.strerror or e}") from None


def most_unpacked(packed: int) -> int:
    """How many bytes ``packed`` bytes of a gzip file or ZIP member can unpack to at the very most."""
    return packed * _INFLATION
