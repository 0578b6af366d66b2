"""Points handed to a running Dask cluster, however that was deployed."""

import threading
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from hwsim.measurements.catalogue import MEASUREMENTS
from hwsim.studies.measuring.task import Result, Task
from hwsim.studies.measuring.workshop import Workshop, code_of
from models.errors import ArgumentError, InputError

_AHEAD = 8
"""Tasks handed out for each thread of the cluster before results come back."""
_DEATHS = 5
"""Workers that may die over a task before it counts as failed; a scheduler charges all tasks that a dead worker held."""
_SECONDS = 10

_own = threading.local()


def measure_remotely(task: Task) -> Result:
    """Measure in a worker of a cluster; each of its threads keeps a workshop of its own.

    Raises
    ------
    InputError
        If the worker has another version of this project's code, whose results would be others.
    """
    if task.measurement not in MEASUREMENTS or code_of(task.measurement) != task.code:
        raise ArgumentError(
            "scheduler", None, "its workers have other code of hwsim than this machine: install the same there"
        )
    if not hasattr(_own, "workshop"):
        _own.workshop = Workshop()
    result: Result = _own.workshop.measure(task)
    return result


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
        """Results as they come; tasks of workers that die go to others."""
        waiting = iter(tasks)
        threads = max(1, sum(self._client.nthreads().values()))
        of: dict[str, Task] = {}

        def submit(count: int) -> list[Any]:
            made = []
            for task in islice(waiting, count):
                future = self._client.submit(measure_remotely, task, pure=False)
                of[future.key] = task
                made.append(future)
            return made

        results = self._dask.as_completed(submit(_AHEAD * threads))
        attempts: dict[str, int] = {}
        for future in results:
            task = of.pop(future.key)
            if future.status == "finished":
                yield future.result()
                results.update(submit(1))
                continue
            error = future.exception()
            if isinstance(error, InputError):
                raise error
            attempts[task.key] = attempts.get(task.key, 0) + 1
            if attempts[task.key] >= _DEATHS:
                yield Result(task.key, error=f"workers died of it: {' '.join(str(error).split())}"[:300])
                results.update(submit(1))
                continue
            again = self._client.submit(measure_remotely, task, pure=False)
            of[again.key] = task
            results.add(again)

    def close(self) -> None:
        """Leave the cluster; what is still in work there is cancelled."""
        self._client.close()
