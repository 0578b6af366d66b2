"""Files that are written whole or not at all, and directories that one process holds at a time."""

import errno
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from models.errors import ArgumentError, InputError
from models.files.regular import absolute

if sys.platform != "win32":  # two runs in one directory go unnoticed there
    import fcntl


@contextmanager
def lock(directory: Path, what: str = "run") -> Iterator[None]:
    """Make a directory, if need be, and keep others out of it; one that is made and stays empty is removed again.

    The lock ends with the process, however that ends, and leaves no file.

    Raises
    ------
    InputError
        If another process holds it, or the directory cannot be made.
    """
    made = _make(directory)
    try:
        handle = _locked(directory)
    except BlockingIOError:  # whoever holds it writes there now, even if it was made here
        raise ArgumentError(
            "out", str(directory), f"is in use by another {what}: wait for its end, or give another directory"
        ) from None
    except BaseException:
        _remove_empty(made)
        raise
    if handle is None:  # removed by its former owner, who found nothing to write, between our two looks
        with lock(directory, what):
            yield
        return
    try:
        yield
    finally:
        _remove_empty(made)
        os.close(handle)


def _locked(directory: Path) -> int | None:
    """The handle that holds the lock; None if the directory has gone in the meantime."""
    try:
        handle = os.open(directory, os.O_RDONLY)
    except FileNotFoundError:
        return None
    except OSError as e:
        raise not_writable(directory, e) from None
    try:
        if sys.platform != "win32":
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise
    except OSError:  # some network file systems have no locks; that is no reason not to run
        pass
    with suppress(OSError):
        if os.path.samestat(os.fstat(handle), directory.stat()):
            return handle
    os.close(handle)
    return None


def _make(directory: Path) -> list[Path]:
    """Make a directory and those above it; returns those that were not there, innermost first."""
    try:
        missing = [p for p in (directory, *directory.parents) if not p.exists()]
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise not_writable(directory, e) from None
    return missing


def _remove_empty(made: list[Path]) -> None:
    with suppress(OSError):  # the first that is not empty ends it
        for path in made:
            path.rmdir()


def write_whole(target: Path, data: bytes) -> None:
    """Write a file that appears under its name only when it is whole; until then a former one stays.

    A link stays a link, and devices and pipes are written to, never replaced.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    try:
        if target.exists() and not target.is_file():
            target.write_bytes(data)
        else:
            _replace(absolute(target), data)
    except (OSError, ValueError) as e:  # the latter of names that no file can have
        raise not_writable(target, e) from None


def _replace(target: Path, data: bytes) -> None:
    if target.is_symlink():  # still, after all links have been followed
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with part.open("wb") as f:
            f.write(data)
            f.flush()
            os.fsync(f.fileno())
        part.replace(target)
    finally:
        with suppress(OSError, ValueError):
            part.unlink(missing_ok=True)


def not_writable(path: Path, error: Exception) -> InputError:
    """The error of a place that cannot be written to, in the words of the system."""
    return ArgumentError("out", str(path), f"cannot be written: {getattr(error, 'strerror', None) or error}")
