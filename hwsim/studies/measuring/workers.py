"""Local processes that measure points: each keeps what points share, and none takes the others with it when it dies."""

import multiprocessing
import os
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

from hwsim import worker_process
from hwsim.studies.measuring.task import Result, Task
from hwsim.studies.measuring.workshop import Workshop
from models import compiled
from models.errors import ArgumentError

MOST_WORKERS = 1024
_AHEAD = 2
"""Tasks a worker holds, so that it never waits for the next one."""
_ATTEMPTS = 2
"""Processes that may die over a task before it counts as failed."""


class Workers(Protocol):
    """Something that measures."""

    def measure(self, tasks: Sequence[Task]) -> Iterator[Result]:
        """Results as they come, one for each task, in any order."""

    def close(self) -> None:
        """Stop, whatever is still in work."""


def _serve(connection: Connection) -> None:
    """The life of a worker: it ends when nobody is there to give it work or to take its results."""
    worker_process.begin()
    workshop = Workshop()
    try:
        while True:
            connection.send(workshop.measure(connection.recv()))
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

    Raises
    ------
    InputError
        For a number below 1 or beyond all reason.
    """

    def __init__(self, count: int) -> None:
        if not 1 <= count <= MOST_WORKERS:
            raise ArgumentError("workers", count, f"must lie in 1..{MOST_WORKERS}", [os.cpu_count() or 1])
        self._count = count
        # Processes forked from this one would share locks of threads that they do not have.
        self._context: Any = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
        if sys.platform != "win32":
            self._context.set_forkserver_preload([__name__])
        self._workers: list[_Worker] = []

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs,), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def measure(self, tasks: Sequence[Task]) -> Iterator[Result]:
        """Results as they come; a task over which two processes died is a failed one."""
        waiting, deaths = deque(tasks), dict[str, int]()
        missing = min(self._count, len(waiting)) - len(self._workers)
        if missing > 0:
            compiled.find_cache()  # here, lest each of them should say where it is
        self._workers += [self._start() for _ in range(missing)]
        left = len(waiting)
        while left:
            for worker in [w for _ in range(_AHEAD) for w in self._workers]:  # the first for each, then the second
                if waiting and len(worker.tasks) < _AHEAD:
                    self._give(worker, waiting)
            ready = wait([w.connection for w in self._workers])
            for worker in [w for w in self._workers if w.connection in ready]:
                result = self._take(worker)
                if result is None:
                    result = self._bury(worker, waiting, deaths)
                if result is not None:
                    left -= 1
                    yield result

    def _give(self, worker: _Worker, waiting: deque[Task]) -> None:
        task = waiting.popleft()
        worker.tasks.append(task)
        try:
            worker.connection.send(task)
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
