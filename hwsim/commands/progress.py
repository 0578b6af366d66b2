"""Showing progress: a bar on a terminal, plain lines elsewhere, nothing when asked to be quiet."""

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from hwsim.commands.console import say
from hwsim.tables import percent

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from hwsim.training import outcome
    from hwsim.training.outcome import Watcher

_LINE_EVERY = 10.0
"""Seconds between two lines about one download, or about what is being compiled, where there is no terminal."""

_LINES = 20
"""Progress lines of a study where there is no terminal."""

_ONCE = "the inner loops are compiled once after installation"


def _bar(*columns: str) -> "Progress":
    """A bar that vanishes when it is done, beside the results.

    Parameters
    ----------
    columns
        Formats of texts, or names of columns in :mod:`rich.progress`, which takes a while to load: only terminals need it.
    """
    from rich import progress
    from rich.console import Console

    made = [getattr(progress, column)() if column.endswith("Column") else column for column in columns]
    return progress.Progress(*made, console=Console(stderr=True), transient=True)


@contextmanager
def preparing(quiet: bool) -> Iterator[None]:
    """Says why nothing seems to happen while the inner loops are compiled, and how long it will take."""
    if quiet:
        yield
        return
    from models import compiled

    with ExitStack() as ends, compiled.watched(_compile_bar(ends) if sys.stderr.isatty() else _compile_lines()):
        yield


def _compile_bar(ends: ExitStack) -> Callable[[float], None]:
    shown: list[Any] = []

    def watch(share: float) -> None:
        if not shown:  # the first time that anything is compiled
            bar = ends.enter_context(_bar("{task.description}", "BarColumn", "TaskProgressColumn", "TimeRemainingColumn"))
            shown.extend((bar, bar.add_task(f"preparing: {_ONCE}", total=1.0)))
        bar, task = shown
        bar.update(task, completed=share)

    return watch


def _compile_lines() -> Callable[[float], None]:
    began = last = math.nan

    def watch(share: float) -> None:
        nonlocal began, last
        now = time.monotonic()
        if math.isnan(began):
            say(f"preparing: {_ONCE}")
        if share == 0:  # of one loop; another may follow
            began = last = now
        elif share < 1 and now - last >= _LINE_EVERY:
            last = now
            say(f"preparing: {100 * share:.0f} % done, about {_left(now - began, share):.0f} s left")

    return watch


def _left(seconds: float, share: float) -> float:
    """Seconds that the rest takes, if the share that is done has taken so many."""
    return seconds * (1 - share) / share


@contextmanager
def train_watcher(quiet: bool) -> Iterator["Watcher | None"]:
    """A watcher for :meth:`hwsim.training.run.TrainingRun.run`."""
    if quiet:
        yield None
    elif sys.stderr.isatty():
        with _training_bar() as watch:
            yield watch
    else:
        yield _training_lines


def _training_lines(p: "outcome.TrainingProgress") -> None:
    from hwsim.training.summary import epoch_line

    if p.finished_epoch:
        say(epoch_line(p.current))


@contextmanager
def _training_bar() -> Iterator["Watcher"]:
    with _bar("{task.description}", "BarColumn", "{task.fields[figures]}", "TimeRemainingColumn") as bar:
        task = bar.add_task("training", total=None, figures="")

        def watch(p: "outcome.TrainingProgress") -> None:
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
    with _bar("{task.description}", "BarColumn", "{task.completed:,.0f} samples", "TimeRemainingColumn") as bar:
        task = bar.add_task("simulating", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def clock_watcher(quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A watcher that is told clocks simulated and their total; without a terminal it stays silent."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    with _bar("{task.description}", "BarColumn", "{task.completed:,.0f} clocks", "TimeRemainingColumn") as bar:
        task = bar.add_task("simulating", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def download_watcher(quiet: bool) -> Iterator[Callable[[str, int, int | None], None] | None]:
    """A watcher for :func:`models.data.fetch.fetch`."""
    if quiet:
        yield None
    elif sys.stderr.isatty():
        with _bar("{task.description}", "BarColumn", "DownloadColumn", "TransferSpeedColumn", "TimeRemainingColumn") as bar:
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
            say(f"{name}: {done:,} of {total:,} bytes" if total else f"{name}: {done:,} bytes")

    return watch


@contextmanager
def study_watcher(quiet: bool) -> Iterator[Callable[[Any], None] | None]:
    """A watcher of a study: a bar with the time left on a terminal, some lines elsewhere."""
    if quiet:
        yield None
        return
    if not sys.stderr.isatty():
        yield _study_lines()
        return
    with _bar("measured", "BarColumn", "MofNCompleteColumn", "{task.fields[note]}", "TimeRemainingColumn") as bar:
        task = bar.add_task("", total=None, note="")

        def watch(p: Any) -> None:
            bar.update(task, total=p.total, completed=p.done, note=f"{p.failed} failed" if p.failed else "")

        yield watch


def _study_lines() -> Callable[[Any], None]:
    told = 0

    def watch(p: Any) -> None:
        nonlocal told
        if p.done * _LINES // max(p.total, 1) > told:
            told = p.done * _LINES // max(p.total, 1)
            failed = f", {p.failed} failed" if p.failed else ""
            say(f"{p.done:,} of {p.total:,} measurements{failed}")

    return watch


@contextmanager
def search_watcher(quiet: bool) -> Iterator[Callable[[Any], None] | None]:
    """A watcher of a search for patterns: a bar with the best score on a terminal, nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    with _bar("searching", "BarColumn", "MofNCompleteColumn", "{task.fields[best]}", "TimeRemainingColumn") as bar:
        task = bar.add_task("", total=None, best="")
        yield lambda p: bar.update(task, total=p.total, completed=p.done, best=f"scatter {p.best:.4f}")


@contextmanager
def design_watcher(quiet: bool, total: int | None) -> Iterator[Callable[[int, int], None] | None]:
    """A watcher of a self test, told designs done and failures: a bar on a terminal, some lines elsewhere."""
    if quiet:
        yield None
        return
    if not sys.stderr.isatty():
        yield _design_lines(total)
        return
    with _bar(
        "designs", "BarColumn", "MofNCompleteColumn", "{task.fields[note]}", "TimeElapsedColumn", "TimeRemainingColumn"
    ) as bar:
        task = bar.add_task("", total=total, note="")
        yield lambda done, failed: bar.update(task, completed=done, note=f"{failed} failed" if failed else "")


def _design_lines(total: int | None) -> Callable[[int, int], None]:
    last = time.monotonic()

    def watch(done: int, failed: int) -> None:
        nonlocal last
        if time.monotonic() - last >= _LINE_EVERY or done == total:
            last = time.monotonic()
            say(f"designs: {done:,}{'' if total is None else f' of {total:,}'}, {failed:,} failed")

    return watch


@contextmanager
def step_watcher(quiet: bool) -> Iterator[Callable[[str], None] | None]:
    """A watcher that is told each step when it begins: with a clock on a terminal, as plain lines elsewhere."""
    if quiet:
        yield None
    elif sys.stderr.isatty():
        with _bar("SpinnerColumn", "{task.description}", "TimeElapsedColumn") as bar:
            task = bar.add_task("", total=None)
            yield lambda step: bar.reset(task, description=step)
    else:
        yield say


@contextmanager
def mutant_watcher(quiet: bool) -> Iterator[Callable[[int, int, int], None] | None]:
    """A watcher that is told mutants judged, all of them, and open ones: a bar on a terminal, some lines elsewhere."""
    if quiet:
        yield None
        return
    if not sys.stderr.isatty():
        yield _mutant_lines()
        return
    with _bar("judged", "BarColumn", "MofNCompleteColumn", "{task.fields[note]}", "TimeRemainingColumn") as bar:
        task = bar.add_task("", total=None, note="")

        def watch(done: int, total: int, still: int) -> None:
            bar.update(task, total=total, completed=done, note=f"{still} open" if still else "")

        yield watch


def _mutant_lines() -> Callable[[int, int, int], None]:
    told = 0

    def watch(done: int, total: int, still: int) -> None:
        nonlocal told
        if done * _LINES // max(total, 1) > told:
            told = done * _LINES // max(total, 1)
            say(f"{done:,} of {total:,} mutants{f', {still} open' if still else ''}")

    return watch
