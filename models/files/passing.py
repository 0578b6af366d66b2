"""Temporary directories that end with the process that made them, however that ends."""

import os
import shutil
import stat
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

if sys.platform != "win32":  # what a killed process leaves stays there
    import fcntl


_ATTEMPTS = 10


class PassingFolder:
    """A new temporary directory; those of its kind whose processes were killed are removed when it is made.

    A process holds a lock on its directory as long as it lives, and only a directory whose lock can be had is removed. Where
    the file system knows no locks, or a directory is another user's, it stays.

    Parameters
    ----------
    kind
        With which its name begins; nothing else in the place for temporary files may.

    Attributes
    ----------
    path
        Of the directory.
    """

    def __init__(self, kind: str) -> None:
        _sweep(kind)
        self._handle: int | None = None
        for attempt in range(_ATTEMPTS):
            self._folder = tempfile.TemporaryDirectory(prefix=kind, ignore_cleanup_errors=True)
            self.path = Path(self._folder.name)
            if sys.platform == "win32" or self._is_held() or attempt == _ATTEMPTS - 1:
                return
            self.remove()  # somebody takes the one just made for a dead process's, and removes it

    def _is_held(self) -> bool:
        """Whether the lock is ours and the directory still there."""
        with suppress(OSError):
            self._handle = _open(self.path)
            return _lock(self._handle) is not False and os.path.samestat(os.fstat(self._handle), self.path.stat())
        return False

    def remove(self) -> None:
        """With all that lies in it."""
        self._folder.cleanup()
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _open(folder: Path) -> int:
    """A handle of a directory that is none of a link to one."""
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)


def _lock(handle: int) -> bool | None:
    """Whether the lock could be had; ``None`` where there are no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _sweep(kind: str) -> None:
    """Remove the directories of processes that live no more."""
    if sys.platform == "win32":
        return
    for folder in Path(tempfile.gettempdir()).glob(f"{kind}*"):
        with suppress(OSError):
            state = folder.lstat()
            if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.getuid():
                continue
            handle = _open(folder)
            try:
                if _lock(handle):
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(handle)
