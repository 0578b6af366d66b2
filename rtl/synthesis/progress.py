"""Says which step runs: with a clock on a terminal, as plain lines elsewhere, nothing when asked to be quiet."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


@contextmanager
def step_watcher(quiet: bool) -> Iterator[Callable[[str], None] | None]:
    """A watcher that is told each step when it begins."""
    if quiet:
        yield None
    elif sys.stderr.isatty():
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("", total=None)
            yield lambda step: bar.reset(task, description=step)
    else:
        yield _line


def _line(step: str) -> None:
    sys.stderr.write(f"{step}\n")
    sys.stderr.flush()
