"""Local processes that measure points: each keeps what points share, and none takes the others with it when it dies."""

import multiprocessing
import os
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

from hwsim import worker_process
from hwsim.studies.measuring.task import Result, Task
from hwsim.studies.measuring.workshop import Workshop
from models import compiled
from models.errors import ArgumentError
from models.files.passing import PassingFolder
from models.files.shared import SharedArrays

MOST_WORKERS = 1024
_AHEAD = 2
"""Tasks a worker holds at least, so that it never waits for the next one."""
_MOST_AT_ONCE = 16
"""Tasks handed over together: what they share crosses once, and those of the same patterns come to the same worker."""
_SHARES = 8
"""Of the tasks left a worker is given no more than this part of what falls to it, so that all end together."""
_ATTEMPTS = 2
"""Processes that may die over a task before it counts as failed."""


class Workers(Protocol):
    """Something that measures."""

    def measure(self, tasks: Sequence[Task]) -> Iterator[Result]:
        """Results as they come, one for each task, in any order."""

    def close(self) -> None:
        """Stop, whatever is still in work."""


def _serve(connection: Connection, shared: SharedArrays) -> None:
    """The life of a worker: it ends when nobody is there to give it work or to take its results."""
    worker_process.begin()
    workshop = Workshop(shared)
    try:
        while True:
            for task in connection.recv():
                connection.send(workshop.measure(task))
    except (EOFError, OSError):
        return


class ThisProcess:
    """No other process than this one, in which measurements are made one after the other."""

    def __init__(self) -> None:
        self._workshop = Workshop()

    def measure(self, tasks: Sequence[Task]) -> Iterator[Result]:
        """Results in the order of the tasks."""
        return map(self._workshop.measure, tasks)

    def close(self) -> None:
        """There is nothing to stop."""


@dataclass(eq=False)
class _Worker:
    process: Any
    connection: Connection
    tasks: deque[Task] = field(default_factory=deque)


class LocalWorkers:
    """So many processes on this machine.

    What they all need is loaded once, in a process from which they are forked.

    Parameters
    ----------
    trains
        Whether that is the code of the fixed-point engine, too.
    at_once
        Whether that process begins now, beside this one, and not with the first measurement, of which there may be none.

    Raises
    ------
    InputError
        For a number below 1 or beyond all reason.
    """

    def __init__(self, count: int, trains: bool = False, at_once: bool = True) -> None:
        if not 1 <= count <= MOST_WORKERS:
            raise ArgumentError("workers", count, f"must lie in 1..{MOST_WORKERS}", [os.cpu_count() or 1])
        self._count = count
        # Processes forked from this one would share locks of threads that they do not have.
        self._context: Any = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
        if sys.platform != "win32":
            compiled.find_cache()  # here, lest each of them should say where it is
            self._context.set_forkserver_preload([__name__, *(["hwsim.measurements.ready"] if trains else [])])
            if at_once:
                forkserver.ensure_running()
        self._folder: PassingFolder | None = None
        self._workers: list[_Worker] = []

    def _start(self) -> _Worker:
        self._folder = self._folder or PassingFolder("hwsim-shared-")
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs, SharedArrays(self._folder.path)), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def measure(self, tasks: Sequence[Task]) -> Iterator[Result]:
        """Results as they come; a task over which two processes died is a failed one."""
        waiting, deaths = deque(tasks), dict[str, int]()
        self._workers += [self._start() for _ in range(min(self._count, len(waiting)) - len(self._workers))]
        left = len(waiting)
        while left:
            for worker in [w for _ in range(_AHEAD) for w in self._workers]:  # the first for each, then the second
                if waiting and len(worker.tasks) < _AHEAD:
                    share = len(waiting) // (_SHARES * len(self._workers))
                    self._give(worker, waiting, min(max(share, 1), _MOST_AT_ONCE))
            ready = wait([w.connection for w in self._workers])
            for worker in [w for w in self._workers if w.connection in ready]:
                result = self._take(worker)
                if result is None:
                    result = self._bury(worker, waiting, deaths)
                if result is not None:
                    left -= 1
                    yield result

    def _give(self, worker: _Worker, waiting: deque[Task], count: int) -> None:
        tasks = [waiting.popleft() for _ in range(count)]
        worker.tasks.extend(tasks)
        try:
            worker.connection.send(tasks)
        except OSError:
            return  # it is dead, which shows when it is asked for a result

    def _take(self, worker: _Worker) -> Result | None:
        try:
            result: Result = worker.connection.recv()
        except (EOFError, OSError):
            return None
        worker.tasks.popleft()
        return result

    def _bury(self, worker: _Worker, waiting: deque[Task], deaths: dict[str, int]) -> Result | None:
        """A new process takes the place and the tasks of a dead one; only the first of these can have been its death."""
        worker.process.join()
        worker.connection.close()
        self._workers[self._workers.index(worker)] = self._start()
        failed = None
        if worker.tasks:
            key = worker.tasks[0].key
            deaths[key] = deaths.get(key, 0) + 1
            if deaths[key] >= _ATTEMPTS:
                code = worker.process.exitcode
                how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
                failed = Result(key, error=f"the worker process died of it ({how}), {_ATTEMPTS} times")
                worker.tasks.popleft()
        waiting.extendleft(reversed(worker.tasks))
        return failed

    def close(self) -> None:
        """Stop all processes."""
        for worker in self._workers:
            worker.process.kill()
            worker.connection.close()
        for worker in self._workers:
            worker.process.join()
        self._workers = []
        if self._folder is not None:
            self._folder.remove()
            self._folder = None
