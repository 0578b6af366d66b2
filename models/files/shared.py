"""Large arrays that several processes read from the same memory: each is made by one of them and mapped by all."""

import hashlib
import mmap
import pickle
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

if sys.platform != "win32":  # two processes that make the same value there do so twice
    import fcntl

_Made = TypeVar("_Made")
_ALIGNED = 64


class SharedArrays:
    """Values that are made once for all processes that share a folder.

    A value is anything that pickle takes to pieces. What its arrays hold lies in a file that every process maps: it is in
    memory once, however many read it, and whoever writes to it has a page of its own from then on.

    Parameters
    ----------
    folder
        On this machine, for these processes alone: what lies there is unpickled.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def value(self, key: str, make: Callable[[], _Made]) -> _Made:
        """The value of a key, made if no process has made it; another one waits until it is whole.

        Where the folder cannot be written, or has no room, every process has a value of its own.
        """
        path = self._folder / hashlib.sha256(key.encode()).hexdigest()
        own: list[_Made] = []
        try:
            if not path.exists():
                with _alone(path.with_suffix(".lock")):
                    if not path.exists():
                        own.append(make())
                        _put(path, _packed(own[0]))
            found: _Made = _mapped(path)  # type: ignore[assignment]  # what was put there under the key
        except OSError:
            return own[0] if own else make()
        return found


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """While other processes wait; the lock ends with the process that holds it."""
    with path.open("w") as file:
        if sys.platform != "win32":
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _put(path: Path, content: bytes) -> None:
    """A whole file or none."""
    part = path.with_suffix(".part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink()
        raise


def _packed(value: object) -> bytes:
    """The sizes of all parts, the pickle and the arrays; each begins at a multiple of what processors like."""
    arrays: list[pickle.PickleBuffer] = []
    parts: list[bytes | memoryview] = [
        pickle.dumps(value, protocol=5, buffer_callback=arrays.append),
        *(a.raw() for a in arrays),
    ]
    head = pickle.dumps([len(p) for p in parts])
    return b"".join(_padded(p) for p in (len(head).to_bytes(8, "little"), head, *parts))


def _padded(part: bytes | memoryview) -> bytes:
    return bytes(part) + bytes(-len(part) % _ALIGNED)


def _mapped(path: Path) -> object:
    with path.open("rb") as file:
        content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    at = 0

    def take(size: int) -> memoryview:
        nonlocal at
        part, at = content[at : at + size], at + size + -size % _ALIGNED
        return part

    sizes = pickle.loads(take(int.from_bytes(take(8), "little")))
    value, *arrays = [take(size) for size in sizes]
    return pickle.loads(value, buffers=arrays)
