"""An event log as a timeline: Chrome's trace event format (JSON), which ui.perfetto.dev and chrome://tracing open.

One microsecond of the viewer is one clock. Every junction is a process, and so is the host that loads inputs. Its tracks are

- ``FF``, ``BP`` and ``UP``: on which sample the operation works, by its reads;
- ``junction cycle``, if the log knows where these lie;
- one for every bank of every memory and each of its ports, ``activation, bank 1: read``: whose words pass through it; all
  memories of a bank that are addressed independently share the track. Words of weights belong to several samples;

and, as counters, the words that it reads and writes in a clock, and how many of the weights, biases and deltas written since
the beginning of the window stand at a limit of their format: where that grows, numbers saturate.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hwsim.events.log import ACCESS, BANK, CLOCK, JUNCTION, MEMORY, OPERATION, SAMPLE, VALUE, EventLog, Rows, owners
from hwsim.vocabulary import ACCESSES, BIAS, DELTA, HOST, MEMORIES, OPERATIONS, READ, WEIGHT, WRITE
from models.files.whole import write_whole
from models.numbers.system import NumberSystem

_IntArray = npt.NDArray[np.int64]
_CYCLE, _PORTS = len(OPERATIONS), len(OPERATIONS) + 1
"""Numbers of a process' tracks: those of the operations, the junction cycle, and from here on ports of memories."""
_THREADS = 1000
"""Between the first threads of two processes: viewers take number 0 for the system's, and may want threads' to be unique."""


class _Track(NamedTuple):
    """What happens on one line of the timeline.

    Attributes
    ----------
    process, number, name
        Where it is, and what is written before it.
    begin, end, value
        int64 [slices]: first clock, first clock after it, and the sample or cycle; no two overlap.
    words
        int64 [slices]: accesses; ``None`` where that says nothing.
    """

    process: int
    number: int
    name: str
    begin: _IntArray
    end: _IntArray
    value: _IntArray
    words: _IntArray | None


def write_perfetto(path: Path, log: EventLog, numbers: NumberSystem) -> None:
    """Write a log as a timeline; equal logs make equal files.

    Parameters
    ----------
    numbers
        The formats whose limits are counted.
    """
    head = log.header
    about = {"source": head.source, "configuration": head.configuration, "unit": "1 us is one clock"}
    events = [*_named(log), *_slices(log), *_counters(log, numbers)]
    body = ",\n".join(json.dumps(event, separators=(",", ":")) for event in events)
    write_whole(path, f'{{"otherData":{json.dumps(about)},"traceEvents":[\n{body}\n]}}\n'.encode())


def _named(log: EventLog) -> Iterator[dict[str, Any]]:
    """Names of processes, in their order."""
    for process in np.unique(np.concatenate([log.rows[:, JUNCTION], owners(log.rows)])).tolist():
        name = f"junction {process}" if process else "host"
        yield {"ph": "M", **_at(process), "name": "process_name", "args": {"name": name}}
        yield {"ph": "M", **_at(process), "name": "process_sort_index", "args": {"sort_index": process}}


def _at(process: int, number: int = 0) -> dict[str, int]:
    """A track as the format knows it."""
    return {"pid": process + 1, "tid": (process + 1) * _THREADS + number}


def _slices(log: EventLog) -> Iterator[dict[str, Any]]:
    """Names and slices of all tracks."""
    for track in (*_operations(log), *_cycles(log), *_ports(log)):
        at = _at(track.process, track.number)
        yield {"ph": "M", **at, "name": "thread_name", "args": {"name": track.name}}
        yield {"ph": "M", **at, "name": "thread_sort_index", "args": {"sort_index": track.number}}
        kind = "cycle" if track.number == _CYCLE else "sample"
        words = [None] * len(track.begin) if track.words is None else track.words.tolist()
        for begin, end, value, n in zip(track.begin.tolist(), track.end.tolist(), track.value.tolist(), words, strict=True):
            # Viewers colour by name: a sample has one colour on every track.
            name = "several samples" if kind == "sample" and value < 0 else f"{kind} {value}"
            args = {kind: value} | ({} if n is None else {"words": n})
            yield {"ph": "X", **at, "ts": begin, "dur": end - begin, "name": name, "args": args}


def _operations(log: EventLog) -> Iterator[_Track]:
    rows = log.rows[(log.rows[:, ACCESS] == READ) & (log.rows[:, SAMPLE] >= 0) | (log.rows[:, OPERATION] == HOST)]
    for junction, operation in _distinct(rows[:, [JUNCTION, OPERATION]]):
        own = rows[(rows[:, JUNCTION] == junction) & (rows[:, OPERATION] == operation)]
        name = "loads inputs" if operation == HOST else OPERATIONS[operation]
        yield _track(junction, operation, name, own)


def _ports(log: EventLog) -> Iterator[_Track]:
    rows = log.rows
    keys = np.column_stack([owners(rows), rows[:, MEMORY], rows[:, BANK], rows[:, ACCESS]])
    number: dict[int, int] = {}
    for key in _distinct(keys):
        owner, memory, bank, access = key
        number[owner] = number.get(owner, _PORTS - 1) + 1
        of_samples = memory not in (WEIGHT, BIAS)
        name = f"{MEMORIES[memory]}{f', bank {bank}' if of_samples else ''}: {ACCESSES[access]}"
        yield _track(owner, number[owner], name, rows[(keys == key).all(axis=1)])


def _track(process: int, number: int, name: str, rows: Rows) -> _Track:
    """Slices of clocks that follow each other and belong to one sample; of two in one clock the later counts."""
    order = np.lexsort((rows[:, SAMPLE], rows[:, CLOCK]))
    clock, sample = rows[order, CLOCK], rows[order, SAMPLE]
    last = np.append(clock[1:] != clock[:-1], True)
    words = np.diff(np.flatnonzero(last), prepend=-1)
    clock, sample = clock[last], sample[last]
    new = np.append(True, (clock[1:] != clock[:-1] + 1) | (sample[1:] != sample[:-1]))
    begins, ends = np.flatnonzero(new), np.flatnonzero(np.append(new[1:], True))
    total = np.add.reduceat(words, begins)
    return _Track(process, number, name, clock[begins], clock[ends] + 1, sample[begins], total)


def _cycles(log: EventLog) -> Iterator[_Track]:
    clocking, first, last = log.header.clocking, log.header.first, log.header.last
    if clocking is None or first == last:
        return
    for junction in range(1, len(clocking.offsets) + 1):
        cycle = clocking.between(junction, first, last)
        begin = clocking.begin(0, junction) + cycle * clocking.period
        end = np.minimum(begin + clocking.period, last)
        yield _Track(junction, _CYCLE, "junction cycle", np.maximum(begin, first), end, cycle, None)


def _counters(log: EventLog, numbers: NumberSystem) -> Iterator[dict[str, Any]]:
    rows, owner = log.rows, owners(log.rows)
    limits = {WEIGHT: numbers.weight, BIAS: numbers.bias, DELTA: numbers.delta}
    for process in np.unique(owner).tolist():
        own = rows[owner == process]
        per_clock = {word: own[own[:, ACCESS] == access, CLOCK] for access, word in enumerate(ACCESSES)}
        yield from _counted(process, "words a clock", per_clock, log, total=False)
        written = own[own[:, ACCESS] == WRITE]
        at_limit = {}
        for memory, form in limits.items():
            chosen = written[written[:, MEMORY] == memory]
            if len(chosen):
                at = (chosen[:, VALUE] == form.lowest) | (chosen[:, VALUE] == form.highest)
                at_limit[MEMORIES[memory]] = chosen[at, CLOCK]
        if at_limit:
            yield from _counted(process, "words written at a limit", at_limit, log, total=True)


def _counted(
    process: int, name: str, clocks: Mapping[str, _IntArray], log: EventLog, *, total: bool
) -> Iterator[dict[str, Any]]:
    """A counter with one series per word: how many events lie in each clock, or up to it; told where it changes."""
    first, last = log.header.first, log.header.last
    # Clocks without a change say nothing: the viewer holds a value until the next.
    counts = np.stack([np.bincount(clock - first, minlength=last - first) for clock in clocks.values()], axis=1)
    if total:
        counts = np.cumsum(counts, axis=0)
    changes = np.append(True, (counts[1:] != counts[:-1]).any(axis=1))[: len(counts)]
    for at, values in zip((np.flatnonzero(changes) + first).tolist(), counts[changes].tolist(), strict=True):
        yield {"ph": "C", **_at(process), "ts": at, "name": name, "args": dict(zip(clocks, values, strict=True))}


def _distinct(rows: Rows) -> list[list[int]]:
    distinct: list[list[int]] = np.unique(rows, axis=0).tolist()
    return distinct
