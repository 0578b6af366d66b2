"""A user's own temporary directory for what can be made again, where neither installation nor home can be written.

What is kept there is run as code, and anybody can make names in the directory for temporary files. So it is used only if it
is a real directory that belongs to this user and that nobody else can enter; otherwise a new one serves this process alone.
"""

import atexit
import logging
import os
import shutil
import stat
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

_log = logging.getLogger("hwsim")


def folder(what: str) -> Path | None:
    """The directory; when it is made, one line of the log says so.

    Parameters
    ----------
    what
        Is kept there, for that line.

    Returns
    -------
    Path
        ``None`` if no temporary directory can be written to either.
    """
    try:
        return _kept(what) or _new(what)
    except OSError:
        return None


def stand_in(variable: str, base: str, usual: str) -> None:
    """Have a library that keeps files in the user's home keep them here if nothing can be written there.

    Parameters
    ----------
    variable
        Of the environment, by which the library is told where; what the user has set stays.
    base, usual
        Variable and default of the folder in which the library would make its own, as the XDG rules have it.
    """
    folder_of_all = Path(os.environ.get(base) or usual)
    with suppress(RuntimeError):  # nobody's home
        folder_of_all = folder_of_all.expanduser()
    there = next((p for p in (folder_of_all, *folder_of_all.parents) if p.exists()), None)
    if variable in os.environ or there is None or os.access(there, os.W_OK | os.X_OK):
        return
    if (ours := folder("what libraries keep")) is not None:
        own = ours / variable.lower()
        own.mkdir(exist_ok=True)
        os.environ[variable] = str(own)


def _kept(what: str) -> Path | None:
    """The directory that all processes of this user share until temporary files are removed."""
    path = Path(tempfile.gettempdir()) / f"hwsim-{os.getuid() if hasattr(os, 'getuid') else 'cache'}"
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        return path if _is_private(path) else None
    _say(what, path)
    return path


def _is_private(path: Path) -> bool:
    """Whether it is a directory, not a link to one, that only this user can write to or look into."""
    state = path.lstat()
    if not stat.S_ISDIR(state.st_mode):
        return False
    return not hasattr(os, "getuid") or (state.st_uid == os.getuid() and not state.st_mode & 0o077)


@cache
def _new(what: str) -> Path:
    """A directory that ends with this process."""
    path = Path(tempfile.mkdtemp(prefix="hwsim-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    _say(what, path)
    return path


def _say(what: str, path: Path) -> None:
    _log.warning("%s is kept in %s: neither the installation nor the home directory can be written", what, path)
