"""The self test: many cases on any number of processes, and what came of each."""

import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count, islice
from typing import NamedTuple

from hwsim import worker_process
from hwsim.selftest import coverage, machine
from hwsim.selftest.case import Case, Comparison, Different, Unbuildable
from hwsim.selftest.draw import drawn
from hwsim.selftest.shrink import Shrunk, shrink
from models import compiled
from models.errors import ArgumentError

REFERENCE = "reference–machine"
ENGINES = ("reference", "machine", "verilog")
_MOST_WORKERS = 1024
_AHEAD = 2
"""Cases in work or waiting for each worker."""


class Failure(NamedTuple):
    """Two engines that differ, or one that broke off.

    Attributes
    ----------
    pair
        Which two.
    what
        In one line.
    """

    pair: str
    what: str


@dataclass(frozen=True)
class Outcome:
    """Of one case.

    Attributes
    ----------
    number
        Of the case.
    values
        Its options, as :func:`hwsim.selftest.coverage.values` tells them.
    compared
        Integers by pair of engines, of those pairs that have run.
    no_hardware
        Why there is no Verilog of it; empty if there is, or none was wanted.
    failure
        The first, or ``None``.
    """

    number: int
    values: Mapping[str, set[str]] = field(default_factory=dict)
    compared: Mapping[str, int] = field(default_factory=dict)
    no_hardware: str = ""
    failure: Failure | None = None


Pairs = Mapping[str, Comparison]
"""Comparisons by their names; functions at the top of their modules, since other processes get them."""


def check_engines(engines: Iterable[str]) -> tuple[str, ...]:
    """The engines that are to be compared.

    Raises
    ------
    InputError
        If one is not known, or there is none to compare with: the machine is one side of every comparison.
    """
    chosen = tuple(dict.fromkeys(engines))
    for name in chosen:
        if name not in ENGINES:
            raise ArgumentError("engines", name, "is not known", ENGINES)
    if "machine" not in chosen or len(chosen) < 2:
        rule = "must name the machine, which every comparison is with, and another"
        raise ArgumentError("engines", ",".join(chosen), rule, ["reference,machine", "machine,verilog"])
    return chosen


def pairs(engines: Iterable[str], verilog: Comparison | None = None) -> dict[str, Comparison]:
    """The comparisons of the chosen engines; ``verilog`` compares machine and hardware."""
    result: dict[str, Comparison] = {REFERENCE: machine.compare} if "reference" in engines else {}
    return result | ({"machine–Verilog": verilog} if verilog is not None else {})


def examine(case: Case, wanted: Pairs, number: int = 0) -> Outcome:
    """Run all comparisons of one case, up to the first failure."""
    compared: dict[str, int] = {}
    values: dict[str, set[str]] = {}
    no_hardware, pair = "", "design"
    try:
        values = coverage.values(case)
        for pair, comparison in wanted.items():
            try:
                compared[pair] = comparison(case)
            except Unbuildable as e:
                no_hardware = str(e)
    except Different as e:
        return Outcome(number, values, compared, no_hardware, Failure(pair, str(e)))
    except Exception as e:  # whatever it is: the design is legal
        line = " ".join(f"{type(e).__name__}: {e}".split())
        return Outcome(number, values, compared, no_hardware, Failure(pair, line))
    return Outcome(number, values, compared, no_hardware)


def examine_number(seed: int, number: int, wanted: Pairs) -> Outcome:
    """Draw a case and examine it."""
    try:
        case = drawn(seed, number)
    except Exception as e:
        return Outcome(number, failure=Failure("design", " ".join(f"{type(e).__name__}: {e}".split())))
    return examine(case, wanted, number)


def smallest(case: Case, failure: Failure, wanted: Pairs, most: int) -> Shrunk:
    """The smallest case in which the same two engines differ; ``most`` cases are tried."""
    only = {failure.pair: wanted[failure.pair]} if failure.pair in wanted else wanted

    def fails(smaller: Case) -> bool:
        found = examine(smaller, only).failure
        return found is not None and found.pair == failure.pair

    return shrink(case, fails, most)


@dataclass(frozen=True)
class Wanted:
    """How much is drawn, and by whom it is examined.

    Attributes
    ----------
    seed
        Of all cases.
    designs, seconds
        So many, or none begun after so many seconds; without either there is no end.
    only
        The one number that is examined, if not all from 0 on.
    workers
        Processes; results do not depend on it.

    Raises
    ------
    InputError
        If there would be none.
    """

    seed: int = 0
    designs: int | None = None
    seconds: float | None = None
    only: int | None = None
    workers: int = 1

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ArgumentError("seed", self.seed, "must not be negative", [0])
        if self.only is not None and self.only < 0:
            raise ArgumentError("only", self.only, "must not be negative", [0])
        if self.designs is not None and self.designs < 1:
            raise ArgumentError("designs", self.designs, "must be at least 1", [1])
        if self.seconds is not None and not self.seconds > 0:
            raise ArgumentError("seconds", self.seconds, "must be more than 0", [1])
        if not 1 <= self.workers <= _MOST_WORKERS:
            raise ArgumentError("workers", self.workers, f"must lie in 1..{_MOST_WORKERS}", [os.cpu_count() or 1])


Watcher = Callable[[int, int], None]
"""Told the cases done and the failures among them."""


def run(wanted: Wanted, comparisons: Pairs, watch: Watcher | None = None) -> Iterator[Outcome]:
    """Examine cases 0, 1, 2, … and yield what came of each, in any order.

    An interrupt ends it; so does whoever closes the iterator.
    """
    ends = None if wanted.seconds is None else time.monotonic() + wanted.seconds
    numbers = iter(range(wanted.designs) if wanted.designs is not None else count())
    if wanted.only is not None:
        numbers = iter((wanted.only,))
    in_time = _until(ends, numbers)
    done = failed = 0
    results = _here(wanted, comparisons, in_time) if wanted.workers == 1 else _spread(wanted, comparisons, in_time)
    for outcome in results:
        done, failed = done + 1, failed + (outcome.failure is not None)
        if watch is not None:
            watch(done, failed)
        yield outcome


def _until(ends: float | None, numbers: Iterator[int]) -> Iterator[int]:
    for number in numbers:
        if ends is not None and time.monotonic() >= ends:
            return
        yield number


def _here(wanted: Wanted, comparisons: Pairs, numbers: Iterator[int]) -> Iterator[Outcome]:
    for number in numbers:
        yield examine_number(wanted.seed, number, comparisons)


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    # Processes forked from this one would share locks of threads that they do not have.
    context = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
    pool = ProcessPoolExecutor(workers, context, worker_process.begin)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _spread(wanted: Wanted, comparisons: Pairs, numbers: Iterator[int]) -> Iterator[Outcome]:
    compiled.find_cache()  # here, lest each worker should say where it is
    running: dict[Future[Outcome], int] = {}
    with _pool(wanted.workers) as pool:
        while True:
            for number in islice(numbers, wanted.workers * _AHEAD - len(running)):
                running[pool.submit(examine_number, wanted.seed, number, comparisons)] = number
            if not running:
                return
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                number = running.pop(future)
                try:
                    yield future.result()
                except BrokenProcessPool:
                    suspects = sorted([number, *running.values()])
                    told = f"a process died of one of the cases {', '.join(map(str, suspects))}"
                    yield Outcome(number, failure=Failure("processes", told))
                    return
