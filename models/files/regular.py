"""Reading files that somebody else chose: regular ones, so that no pipe makes us wait, and never more than they may hold."""

import hashlib
import os
import stat
from io import BufferedReader
from pathlib import Path

from models.errors import InputError

MOST_BYTES = 1 << 32
"""Of all arrays of a data set as they are stored. More is refused before it is read."""

MOST_READ = 1 << 28
"""Of an array of a data set that is read into memory if it could as well stay where it lies."""

_MOST_DIGESTED = 4 * MOST_BYTES
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


def absolute(path: Path) -> Path:
    """Where a path leads, links followed as far as they lead anywhere: a circle of links is no reason to fail here."""
    try:
        return Path(os.path.realpath(path))
    except (OSError, ValueError):
        return path.absolute()


def opened(path: Path, regular: bool = True) -> BufferedReader:
    """A file, open for reading.

    Parameters
    ----------
    regular
        Whether it must be a regular one. Otherwise pipes and devices are read as well; one that nobody writes to is empty.

    Raises
    ------
    InputError
        If there is none, it cannot be read, or it is something else: a folder, a pipe, a device.
    """
    try:
        # Opening a pipe would otherwise wait for somebody to write to it.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as e:
        raise unreadable(path, e) from None
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISDIR(mode) or (regular and not stat.S_ISREG(mode)):
        os.close(descriptor)
        raise InputError(str(path), None, "cannot be read: it is " + ("a folder" if stat.S_ISDIR(mode) else "no file"))
    if not stat.S_ISREG(mode) and hasattr(os, "set_blocking"):
        os.set_blocking(descriptor, True)  # whoever writes to it is waited for
    return os.fdopen(descriptor, "rb")


def read_bytes(path: Path, most: int, regular: bool = True) -> bytes:
    """All that is in a file.

    Parameters
    ----------
    most
        Bytes; a larger file is refused before more has been read.
    regular
        As of :func:`opened`.

    Raises
    ------
    InputError
        As of :func:`opened`, or if it is larger.
    """
    with opened(path, regular) as file:
        try:
            content = file.read(most + 1)
        except OSError as e:
            raise unreadable(path, e) from None
    if len(content) > most:
        raise InputError(str(path), None, f"is larger than {most} bytes, the most that such a file can have")
    return content


def read_text(path: Path, most: int) -> str:
    """All that is in a text file in UTF-8, line ends as they are.

    Raises
    ------
    InputError
        As of :func:`read_bytes`, or if it is no such text.
    """
    try:
        return read_bytes(path, most).decode()
    except UnicodeDecodeError:
        raise InputError(str(path), None, "is not a text file in UTF-8") from None


def digest(path: Path) -> str:
    """SHA-256 of a regular file.

    Raises
    ------
    InputError
        If it cannot be read, or is so large that reading it would take minutes.
    """
    with opened(path) as file:
        if os.fstat(file.fileno()).st_size > _MOST_DIGESTED:
            raise InputError(str(path), None, f"is larger than {_MOST_DIGESTED} bytes, more than any file that is used here")
        try:
            return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as e:
            raise unreadable(path, e) from None


def unreadable(path: Path, error: Exception) -> InputError:
    """That a file cannot be read, and why."""
    return InputError(str(path), None, f"cannot be read: {getattr(error, 'strerror', None) or error}")


def folder_content(path: Path) -> list[Path]:
    """What a folder holds, sorted.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    try:
        return sorted(path.iterdir())
    except (OSError, ValueError) as e:
        raise unreadable(path, e) from None


def most_unpacked(packed: int) -> int:
    """How many bytes ``packed`` bytes of a gzip file or ZIP member can unpack to at the very most."""
    return packed * _INFLATION
