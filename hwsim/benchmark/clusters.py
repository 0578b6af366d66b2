"""Dask clusters on this machine, for commands that hand their work to one."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from tempfile import TemporaryDirectory, TemporaryFile
from threading import Timer

from hwsim.benchmark.trees import Tree, end, last_line, read
from models.errors import InputError

_START = 120.0
"""Seconds in which a cluster must have begun."""


class NoCluster(Exception):
    """A cluster that has not begun, or has ended; the message is the last line of what it said."""


class Cluster:
    """One that runs.

    Attributes
    ----------
    address
        Of its scheduler.
    """

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        watch = Timer(_START, end, (process.pid,))
        watch.start()
        try:
            self.address = self._next()
        finally:
            watch.cancel()

    def processor_seconds(self) -> float:
        """Of all its processes up to now."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        except OSError:
            raise NoCluster from None
        return float(self._next())

    def _next(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line:
            raise NoCluster
        return line


def check_installed() -> None:
    """Refuse, before anything is measured, what needs a cluster where there can be none.

    Raises
    ------
    InputError
        If Dask is not installed.
    """
    if find_spec("distributed") is None:
        raise InputError("package distributed", None, "is missing: install it with pip install 'hwsim[dask]'")


@contextmanager
def cluster(tree: Tree, count: int) -> Iterator[Cluster]:
    """A cluster whose workers have some code, in the context.

    Parameters
    ----------
    count
        Worker processes, of one thread each.

    Raises
    ------
    NoCluster
        If it does not begin.
    """
    with TemporaryFile() as said, TemporaryDirectory(prefix="hwsim-", ignore_cleanup_errors=True) as place:
        process = subprocess.Popen(
            tree.words("hwsim.benchmark.cluster_process", str(count), place, "1"),
            env=tree.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            start_new_session=True,
        )
        try:
            yield Cluster(process)
        except NoCluster:
            raise NoCluster(last_line(read(said))) from None
        finally:
            end(process.pid)
            process.communicate()
