"""What thousands of cases cannot wait for: pictures, other processes that measure a study's points, options read anew."""

from collections.abc import Iterator, Sequence
from functools import cache

import typer.main

from hwsim.pictures import training
from hwsim.studies.measuring import explore
from hwsim.studies.measuring.task import Result, Task
from hwsim.studies.measuring.workshop import Workshop
from hwsim.studies.report import pictures


class Here:
    """A team that measures in this process."""

    def __init__(self, _count: int, _trains: bool = False, _at_once: bool = True) -> None:
        self._workshop = Workshop()

    def measure(self, tasks: Sequence[Task]) -> Iterator[Result]:
        """Results in order."""
        return map(self._workshop.measure, tasks)

    def close(self) -> None:
        """There is nothing to stop."""


def leave_out() -> None:
    """For the rest of this process."""
    training.all_of_training = pictures.write = lambda *_: []  # type: ignore[assignment]
    explore.LocalWorkers = Here  # type: ignore[assignment,misc]
    typer.main.get_command = cache(typer.main.get_command)
