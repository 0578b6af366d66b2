"""Showing progress: a bar on a terminal, plain lines elsewhere, nothing when asked to be quiet."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from hwsim.report import epoch_line, percent

if TYPE_CHECKING:
    from hwsim import outcome
    from hwsim.outcome import Watcher

_LINE_EVERY = 10.0
"""Seconds between two lines about one download where there is no terminal."""


_SOON = 1.5
"""Seconds that need no explanation."""


@contextmanager
def preparing(quiet: bool) -> Iterator[None]:
    """Says why nothing seems to happen while the inner loops are compiled, if it takes as long as it does the first time."""
    text = "preparing: the inner loops are compiled once after installation\n"
    late = threading.Timer(_SOON, sys.stderr.write, [text])
    if not quiet:
        late.start()
    try:
        yield
    finally:
        late.cancel()


@contextmanager
def train_watcher(quiet: bool) -> Iterator["Watcher | None"]:
    """A watcher for :meth:`hwsim.training.TrainingRun.run`."""
    if quiet:
        yield None
    elif sys.stderr.isatty():
        with _training_bar() as watch:
            yield watch
    else:
        yield _training_lines


def _training_lines(p: "outcome.Progress") -> None:
    if p.finished_epoch:
        sys.stderr.write(epoch_line(p.current) + "\n")
        sys.stderr.flush()


@contextmanager
def _training_bar() -> Iterator["Watcher"]:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[figures]}"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("training", total=None, figures="")

        def watch(p: "outcome.Progress") -> None:
            figures = f"{percent(p.current.train_accuracy)} as fed"
            if p.current.test_accuracy is not None:
                figures += f", {percent(p.current.test_accuracy)} test"
            bar.update(task, total=p.total, completed=p.done, description=f"epoch {p.epoch + 1}", figures=figures)

        yield watch


@contextmanager
def sample_watcher(quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A watcher that is told samples done and their total; without a terminal it stays silent."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} samples"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("simulating", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def download_watcher(quiet: bool) -> Iterator[Callable[[str, int, int | None], None] | None]:
    """A watcher for :func:`hwsim.fetch.fetch`."""
    if quiet:
        yield None
    elif sys.stderr.isatty():
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            tasks: dict[str, TaskID] = {}

            def watch(name: str, done: int, total: int | None) -> None:
                if name not in tasks:
                    tasks[name] = bar.add_task(name, total=total)
                bar.update(tasks[name], completed=done, total=total)

            yield watch
    else:
        yield _download_lines()


def _download_lines() -> Callable[[str, int, int | None], None]:
    last: dict[str, float] = {}

    def watch(name: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if done == total or now - last.get(name, 0) >= _LINE_EVERY:
            last[name] = now
            sys.stderr.write(f"{name}: {done:,} of {total:,} bytes\n" if total else f"{name}: {done:,} bytes\n")

    return watch
