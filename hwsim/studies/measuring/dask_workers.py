"""Points handed to a running Dask cluster, however that was deployed."""

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from hwsim.measurements.catalogue import MEASUREMENTS
from hwsim.studies.measuring.task import Result, Task
from hwsim.studies.measuring.workshop import Workshop, code_of
from models.errors import ArgumentError, InputError

_AHEAD = 4
"""Batches of tasks handed out for each thread of the cluster before results come back."""
_MOST_AT_ONCE = 64
_BATCH_SECONDS = 0.5
"""A batch is to last about so long: next to that a scheduler's work is nothing, and no more is lost with a worker."""
_SHARES = 2
"""Batches at least that every thread gets of the tasks that are left, so that all end together."""
_DEATHS = 5
"""Workers that may die over a task before it counts as failed; a scheduler charges all tasks that a dead worker held."""
_SECONDS = 10

_own = threading.local()


def measure_remotely(tasks: Sequence[Task]) -> list[Result]:
    """Measure in a worker of a cluster; each of its threads keeps a workshop of its own.

    Raises
    ------
    InputError
        If the worker has another version of this project's code, whose results would be others.
    """
    for task in tasks:
        if task.measurement not in MEASUREMENTS or code_of(task.measurement) != task.code:
            raise ArgumentError(
                "scheduler", None, "its workers have other code of hwsim than this machine: install the same there"
            )
    if not hasattr(_own, "workshop"):
        _own.workshop = Workshop()
    return [_own.workshop.measure(task) for task in tasks]


class DaskWorkers:
    """The workers of the cluster at an address.

    Raises
    ------
    InputError
        If Dask is not installed, or nothing answers there.
    """

    def __init__(self, address: str) -> None:
        try:
            import distributed
        except ModuleNotFoundError:
            rule = "is missing: install it with pip install 'hwsim[dask]'"
            raise InputError("package distributed", None, rule) from None
        self._dask = distributed
        try:
            self._client: Any = distributed.Client(address, timeout=_SECONDS)
        except (OSError, ValueError, TimeoutError) as e:
            raise ArgumentError(
                "scheduler", address, f"cannot be reached ({type(e).__name__}): give the address that the scheduler prints"
            ) from None

    def measure(self, tasks: Sequence[Task]) -> Iterator[Result]:
        """Results as they come; tasks of workers that die go to others, each by itself."""
        waiting = deque(tasks)
        threads = max(1, sum(self._client.nthreads().values()))
        batches: dict[str, list[Task]] = {}
        attempts: dict[str, int] = {}
        seconds, done = 0.0, 0

        def submit(batch: list[Task]) -> Any:
            future = self._client.submit(measure_remotely, batch, pure=False)
            batches[future.key] = batch
            return future

        def next_batches(count: int) -> list[Any]:
            return [submit(_taken(waiting, seconds / max(done, 1), threads)) for _ in range(count) if waiting]

        results = self._dask.as_completed(next_batches(_AHEAD * threads))
        for future in results:
            batch = batches.pop(future.key)
            if future.status == "finished":
                for result in future.result():
                    seconds, done = seconds + result.seconds, done + 1
                    yield result
                results.update(next_batches(_AHEAD * threads - len(batches)))
                continue
            error = future.exception()
            if isinstance(error, InputError):
                raise error
            for task in batch:
                attempts[task.key] = attempts.get(task.key, 0) + 1
                if attempts[task.key] < _DEATHS:
                    results.add(submit([task]))
                else:
                    yield Result(task.key, error=f"workers died of it: {' '.join(str(error).split())}"[:300])
            results.update(next_batches(_AHEAD * threads - len(batches)))

    def close(self) -> None:
        """Leave the cluster; what is still in work there is cancelled."""
        self._client.close()


def _taken(waiting: "deque[Task]", seconds: float, threads: int) -> list[Task]:
    """The next batch: one task as long as nobody knows how many ``seconds`` one takes."""
    share = len(waiting) // (_SHARES * threads)
    wanted = min(share, _MOST_AT_ONCE, int(_BATCH_SECONDS / seconds) if seconds else 1)
    return [waiting.popleft() for _ in range(min(max(wanted, 1), len(waiting)))]
