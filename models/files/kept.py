"""What tools have made before: kept for the user, found by all that it depends on, checked when it is read.

Several processes may read and write at once: files appear under their names only when they are whole, and carry a seal.
"""

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from models.errors import InputError
from models.files.user_cache import folder
from models.files.whole import write_whole

_SEAL = hashlib.sha256().digest_size
MOST = 1 << 28
"""Bytes of all that is kept; what has not been used for longest goes first."""


def key(*parts: bytes | str) -> str:
    """SHA-256 over everything that a result depends on."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()


def find(name: str) -> bytes | None:
    """What is kept under a name, if it is there, and whole."""
    path = _folder() / name
    try:
        content = path.read_bytes()
        seal, data = content[:_SEAL], content[_SEAL:]
        if hashlib.sha256(data).digest() != seal:
            return None
        os.utime(path)
    except OSError:
        return None
    return data


def keep(name: str, data: bytes) -> None:
    """Keep something under a name; where nothing can be written, nothing is kept."""
    with suppress(OSError, InputError):
        path = _folder() / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, hashlib.sha256(data).digest() + data)
        _trim(path.parent.iterdir())


def load(name: str, to: Path, mode: int = 0o644) -> bool:
    """Copy what is kept under a name into a file; whether it is there, and whole."""
    data = find(name)
    if data is None:
        return False
    to.unlink(missing_ok=True)  # a program that runs cannot be written to
    to.write_bytes(data)
    to.chmod(mode)
    return True


def store(name: str, file: Path) -> None:
    """Keep a file's content."""
    with suppress(OSError):
        keep(name, file.read_bytes())


def _trim(files: Iterable[Path]) -> None:
    """Remove what has not been used for longest until the rest is small enough."""
    found = sorted(((f.stat(), f) for f in files), key=lambda item: item[0].st_mtime_ns, reverse=True)
    total = 0
    for state, file in found:
        total += state.st_size
        if total > MOST:
            file.unlink(missing_ok=True)


def _folder() -> Path:
    return folder() / "made"
