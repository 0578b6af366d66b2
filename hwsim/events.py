"""The event log: every access to a memory in a window of clocks, in one form whoever has recorded it.

The cycle-level machine and a simulation of the Verilog record the same events, so that two logs can be compared event by
event. A log is kept as an array of integers, one row per event, in a canonical order; words appear where people read.

The file is JSON lines, UTF-8. The first line is an object: format and version, who recorded, the fingerprint of the
configuration, the window of clocks, where the junction cycles lie, the names of the fields and how many events follow. Every
further line is one event, an array with one element per field; operations, accesses and memories are words.
"""

import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hwsim.machine_columns import ACCESSES, ACTIVATION, EVENT_FIELDS, MEMORIES, OPERATIONS, PARTIAL, UP, WRITE
from hwsim.rundir import write_whole
from models.errors import InputError
from models.files import json_text
from models.files.regular import opened, unreadable

FORMAT, VERSION = "hwsim events", 1

CLOCK, JUNCTION, OPERATION, ACCESS, MEMORY, BANK, INDEX, ADDRESS, LANE, VALUE, SAMPLE = range(len(EVENT_FIELDS))
"""Columns of :attr:`EventLog.rows`."""

_WORDS = {OPERATION: OPERATIONS, ACCESS: ACCESSES, MEMORY: MEMORIES}
_ORDER = (CLOCK, ACCESS, JUNCTION, MEMORY, BANK, INDEX, LANE, OPERATION, ADDRESS, VALUE, SAMPLE)
_LEAST = np.zeros(len(EVENT_FIELDS), np.int64)
_LEAST[[VALUE, SAMPLE]] = np.iinfo(np.int64).min, -1
_MOST = 2**63 - 1
_CHUNK = 1 << 14  # events
_READ = 1 << 20  # characters
_LONGEST_HEADER = 1 << 20

Rows = npt.NDArray[np.int64]


class Event(NamedTuple):
    """One access of one lane to one memory in one clock.

    Attributes
    ----------
    clock
        Since the start of the accelerator.
    junction
        The junction that does it, from 1; 0 is the host, which loads inputs.
    operation
        ``FF``, ``BP``, ``UP`` or ``host``. A weight row is read once for all three and counts as ``FF``.
    access
        ``read`` or ``write``. In every clock all reads come first, then all writes. The first contribution to a partial
        delta overwrites what was there: it is written without being read.
    memory
        ``weight``, ``bias``, ``activation``, ``derivative``, ``partial delta`` or ``delta``.
    bank
        The sample's; 0 for weights and biases.
    index
        Which of the memories that are addressed independently; 0 for weights, whose lanes share one address.
    address
        The word.
    lane
        The edge processor, or the place among the words that one clock moves.
    value
        The integer read or written.
    sample
        The sample it belongs to; -1 for a weight row's read, which serves several.
    """

    clock: int
    junction: int
    operation: str
    access: str
    memory: str
    bank: int
    index: int  # type: ignore[assignment]  # the word for it, though tuples have a method of this name
    address: int
    lane: int
    value: int
    sample: int

    @property
    def owner(self) -> int:
        """The junction that the memory belongs to.

        Activations and partial deltas belong to the junction on whose left they lie: what junction i writes for the layer
        on its right lies in memories of junction i+1. Weights, biases, derivatives and deltas are the junction's own.
        """
        return int(owners(np.array([_codes(self)], np.int64))[0])

    def __str__(self) -> str:
        return (
            f"clock {self.clock}, junction {self.junction}, {self.memory} memory {self.index} bank {self.bank} "
            f"address {self.address}, lane {self.lane}: {self.operation} {self.access} of {self.value}, sample {self.sample}"
        )


assert Event._fields == EVENT_FIELDS


def owners(rows: Rows) -> Rows:
    """The junction that each accessed memory belongs to, see :attr:`Event.owner`."""
    memory = rows[:, MEMORY]
    right = (memory == ACTIVATION) & (rows[:, ACCESS] == WRITE)
    right |= (memory == PARTIAL) & (rows[:, OPERATION] == UP)
    return rows[:, JUNCTION] + right


@dataclass(frozen=True)
class Clocking:
    """Where junction cycles lie in time: cycle t of junction i begins in clock ``start + t * period + offsets[i - 1]``.

    Attributes
    ----------
    period
        Clocks of a junction cycle.
    start
        Clock in which junction cycle 0 of the first junction begins.
    offsets
        Clocks that each junction runs behind the first.
    """

    period: int
    start: int
    offsets: tuple[int, ...]

    def begin(self, cycle: int, junction: int = 1) -> int:
        """First clock of a junction cycle."""
        return self.start + cycle * self.period + self.offsets[junction - 1]


@dataclass(frozen=True)
class Header:
    """What a log is about.

    Attributes
    ----------
    source
        Who recorded, in a word.
    configuration
        Fingerprint of the resolved configuration.
    first, last
        The window: first clock recorded, and first not recorded any more.
    clocking
        Where junction cycles lie, if that is known and the same in the whole window.
    """

    source: str
    configuration: str
    first: int
    last: int
    clocking: Clocking | None = None


@dataclass(frozen=True, eq=False)
class EventLog:
    """Events in canonical order: by clock, reads before writes, then junction, memory, bank, index, lane and the rest.

    Attributes
    ----------
    header
        What the log is about.
    rows
        int64 [n, fields], see ``EVENT_FIELDS``; operations, accesses and memories as codes.
    """

    header: Header
    rows: Rows

    @classmethod
    def of(cls, header: Header, rows: np.ndarray, lost: int = 0) -> "EventLog":
        """Put recorded events in order.

        Parameters
        ----------
        rows
            int64 [n, fields], the clocks of which never decrease if any are lost.
        lost
            How many events came after ``rows`` within the window and are not there: the log then ends before the clock that
            is not complete.

        Raises
        ------
        InputError
            If so many are lost that not even one clock is complete, or if the window ends before it begins.
        """
        if header.last < header.first:
            rule = f"begins after the last clock, {header.last - 1}"
            raise InputError("window of events", f"clock {header.first}", rule)
        if lost:
            last = int(rows[-1, CLOCK]) if len(rows) else header.first
            if last <= header.first:
                rule = f"is no room for the events of clock {header.first}"
                raise InputError("events", len(rows), rule)
            header, rows = replace(header, last=last), rows[: np.searchsorted(rows[:, CLOCK], last)]
        return cls(header, np.ascontiguousarray(rows[_canonical(rows)], np.int64))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: int) -> Event:
        return _event(self.rows[i].tolist())

    def __iter__(self) -> Iterator[Event]:
        return map(_event, self.rows.tolist())

    @property
    def array(self) -> npt.NDArray[Any]:
        """Every access as a record of NumPy, [n]: the fields of :class:`Event`, words as text, all else int64."""
        types = [(name, f"U{max(map(len, _WORDS[k]))}" if k in _WORDS else "i8") for k, name in enumerate(EVENT_FIELDS)]
        result = np.empty(len(self.rows), np.dtype(types))
        for k, name in enumerate(EVENT_FIELDS):
            result[name] = np.array(_WORDS[k])[self.rows[:, k]] if k in _WORDS else self.rows[:, k]
        return result

    def within(self, first: int, last: int) -> "EventLog":
        """The events of clocks ``first .. last - 1``, as far as they lie in the window."""
        first, last = max(first, self.header.first), min(last, self.header.last)
        a, b = np.searchsorted(self.rows[:, CLOCK], (first, last))
        return EventLog(replace(self.header, first=first, last=max(first, last)), self.rows[a:b])


def write_events(path: Path, log: EventLog) -> None:
    """Write a log as JSON lines; the file appears under its name only when it is whole."""
    head = log.header
    described = {
        "format": FORMAT,
        "version": VERSION,
        "source": head.source,
        "configuration": head.configuration,
        "window": [head.first, head.last],
        "clocking": head.clocking and {**vars(head.clocking), "offsets": list(head.clocking.offsets)},
        "fields": EVENT_FIELDS,
        "events": len(log),
    }
    parts = [json.dumps(described)]
    # Junction in place, the three words as one ready-made text.
    line = "[%d,%d,%s,%d,%d,%d,%d,%d,%d]"
    words = [json.dumps([o, a, m], separators=(",", ":"))[1:-1] for o in OPERATIONS for a in ACCESSES for m in MEMORIES]
    for i in range(0, len(log), _CHUNK):
        rows = log.rows[i : i + _CHUNK]
        combined = (rows[:, OPERATION] * len(ACCESSES) + rows[:, ACCESS]) * len(MEMORIES) + rows[:, MEMORY]
        columns: list[Sequence[Any]] = rows.T.tolist()
        columns[OPERATION : MEMORY + 1] = [[words[c] for c in combined.tolist()]]
        parts.append("\n".join(map(line.__mod__, zip(*columns, strict=True))))
    write_whole(path, ("\n".join(parts) + "\n").encode())


def read_events(path: Path) -> EventLog:
    """Read a log.

    Raises
    ------
    InputError
        If the file is missing, of another format or version, or damaged; the message names the line.
    """
    chunks, number = [], 2
    try:
        with opened(path) as file:
            header, count = _header(path, file.readline(_LONGEST_HEADER).decode())
            # To the end of a line: no character is cut in two, and no line is read that is longer than any of ours.
            while text := (file.read(_READ) + file.readline(_LONGEST_HEADER)).decode():
                lines = io.StringIO(text, newline="\n").readlines()
                chunks.append(_rows(path, header, lines, number))
                number += len(lines)
    except OSError as e:
        raise unreadable(path, e) from None
    except UnicodeDecodeError:
        raise InputError(str(path), None, "is no event log: not UTF-8 text") from None
    if number - 2 != count:
        raise InputError(str(path), None, f"is damaged: {number - 2} events where the header promises {count}")
    return EventLog.of(header, np.concatenate([np.zeros((0, len(EVENT_FIELDS)), np.int64), *chunks]))


def _header(path: Path, line: str) -> tuple[Header, int]:
    """The first line of a file: what the log is about, and how many events follow."""

    def fail(rule: str) -> InputError:
        return InputError(str(path), None, rule)

    try:
        given = json_text.parsed(line)
    except ValueError:
        raise fail("is no event log: its first line is no JSON object") from None
    if not isinstance(given, dict) or given.get("format") != FORMAT:
        raise fail(f'is no event log: its first line does not say "format": "{FORMAT}"')
    if given.get("version") != VERSION:
        raise fail(f"is an event log of version {given.get('version')!r}, only version {VERSION} can be read")
    if given.get("fields") != list(EVENT_FIELDS):
        raise fail(f"is damaged: the fields must be {', '.join(EVENT_FIELDS)}")
    for key in ("source", "configuration"):
        if not isinstance(given.get(key), str):
            raise fail(f"is damaged: {key} is no text")
    if not _are_integers(given.get("window"), 2) or not 0 <= given["window"][0] <= given["window"][1]:
        raise fail("is damaged: the window is not two clocks in order")
    if not _are_integers([given.get("events")], 1):
        raise fail("is damaged: the number of events is missing")
    clocking = given.get("clocking")
    if clocking is not None:
        clocking = _clocking(clocking)
        if clocking is None:
            raise fail("is damaged: the clocking must have period, start and offsets")
    first, last = given["window"]
    return Header(given["source"], given["configuration"], first, last, clocking), given["events"]


def _clocking(given: Any) -> Clocking | None:
    """The clocking that a header describes; ``None`` if it describes none."""
    if not isinstance(given, dict) or set(given) != {"period", "start", "offsets"}:
        return None
    period, start, offsets = given["period"], given["start"], given["offsets"]
    if not _are_integers([period, start], 2) or period < 1 or not _are_integers(offsets):
        return None
    return Clocking(period, start, tuple(offsets))


def _are_integers(values: Any, count: int | None = None) -> bool:
    return (
        isinstance(values, list)
        and (len(values) == count or (count is None and len(values) > 0))
        and all(type(v) is int and -_MOST <= v <= _MOST for v in values)
    )


def _rows(path: Path, header: Header, lines: list[str], number: int) -> Rows:
    """The events in some lines, the first of which has this number."""
    rows = _rows_at_once(lines)
    if rows is None or _impossible(header, rows).any():
        # Line by line, to find the one that is damaged.
        rows = np.array([_row(path, header, line, number + i) for i, line in enumerate(lines)], np.int64)
    return rows


def _rows_at_once(lines: list[str]) -> Rows | None:
    """The events in some lines if there is nothing unusual about them; many times as fast as one by one."""
    n, fields = len(lines), len(EVENT_FIELDS)
    text = "".join(lines)
    if text.count("[") != n or text.count("]\n[") != n - 1 or text[:1] != "[" or text[-2:] != "]\n":
        return None
    if {line.count(",") for line in lines} != {fields - 1}:
        return None
    try:
        # One flat list: the parser takes twice as long for one list per event.
        flat = json.loads(text[:-1].replace("]\n[", ","))
        columns = [flat[i::fields] for i in range(fields)]
        for i, words in _WORDS.items():
            columns[i] = list(map({w: code for code, w in enumerate(words)}.__getitem__, columns[i]))
        if len(flat) != n * fields or any(set(map(type, c)) != {int} for c in columns):
            return None
        return np.array(columns, np.int64).T
    except (ValueError, LookupError, TypeError, OverflowError, RecursionError):
        return None


def _row(path: Path, header: Header, line: str, number: int) -> list[int]:
    """The event in one line."""

    def fail(rule: str) -> InputError:
        return InputError(f"{path} line {number}", None, rule)

    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        raise fail("is damaged: no JSON array") from None
    if not isinstance(event, list) or len(event) != len(EVENT_FIELDS):
        raise fail(f"is damaged: an event is an array of {len(EVENT_FIELDS)} fields")
    for i, name in enumerate(EVENT_FIELDS):
        if i in _WORDS:
            if event[i] not in _WORDS[i]:
                raise fail(f"is damaged: {name} must be one of {', '.join(_WORDS[i])}")
            event[i] = _WORDS[i].index(event[i])
        elif not _are_integers([event[i]], 1) or event[i] < _LEAST[i]:
            raise fail(f"is damaged: {name} must be an integer{'' if i == VALUE else f', at least {_LEAST[i]}'}")
    if not header.first <= event[CLOCK] < header.last:
        raise fail(f"is damaged: clock {event[CLOCK]} lies outside the window {header.first} .. {header.last - 1}")
    return event


def _impossible(header: Header, rows: Rows) -> npt.NDArray[np.bool_]:
    return (
        np.any(rows < _LEAST, axis=1)
        | (rows[:, VALUE] < -_MOST)
        | (rows[:, CLOCK] < header.first)
        | (rows[:, CLOCK] >= header.last)
    )


def _canonical(rows: np.ndarray) -> npt.NDArray[np.intp]:
    """The permutation that puts rows in canonical order."""
    return np.lexsort([rows[:, i] for i in reversed(_ORDER)])


def _event(row: Sequence[int]) -> Event:
    return Event(*(_WORDS[i][v] if i in _WORDS else v for i, v in enumerate(row)))  # type: ignore[arg-type]


def _codes(event: Iterable[Any]) -> list[int]:
    return [_WORDS[i].index(v) if i in _WORDS else v for i, v in enumerate(event)]


@dataclass(frozen=True)
class Difference:
    """The first thing in which two logs differ.

    Attributes
    ----------
    field
        ``configuration`` or ``window``; a field of an event; or ``event`` if only one log has it.
    first, second
        What the first and the second log say; ``None`` for a log without the event.
    event
        Where: the event of the first log, or that of the second if only it has one; ``None`` where headers differ.
    """

    field: str
    first: Any
    second: Any
    event: Event | None = None

    def __str__(self) -> str:
        if self.event is None:
            return f"{self.field}: {_shown(self.first)} in the first log, {_shown(self.second)} in the second"
        e = self.event
        if self.field == "event":
            return f"{e}: only in the {'first' if self.second is None else 'second'} log"
        where = (
            f"clock {e.clock}, junction {e.junction}, {e.memory} memory {e.index}, lane {e.lane}: {e.operation} {e.access}"
        )
        return f"{where}, {self.field} {self.first} in the first log, {self.second} in the second"


def _shown(value: Any) -> str:
    return f"clocks {value[0]} .. {value[1] - 1}" if isinstance(value, tuple) else str(value)


def first_difference(first: EventLog, second: EventLog) -> Difference | None:
    """Where two logs differ first: in what they are about, else in canonical order of their events; ``None`` if nowhere.

    An event without a partner in the other log is compared with one of the same lane there, or with one that differs in a
    single field, if there is one: an access to a wrong address is one difference, not two.
    """
    a, b = first.header, second.header
    if a.configuration != b.configuration:
        return Difference("configuration", a.configuration, b.configuration)
    if (a.first, a.last) != (b.first, b.last):
        return Difference("window", (a.first, a.last), (b.first, b.last))
    n = min(len(first), len(second))
    differs = np.any(first.rows[:n] != second.rows[:n], axis=1)
    at = int(differs.argmax()) if differs.any() else n
    if at == n and len(first) == len(second):
        return None
    clock = min(int(log.rows[at, CLOCK]) for log in (first, second) if at < len(log))
    ours, theirs = (Counter(map(tuple, log.within(clock, clock + 1).rows.tolist())) for log in (first, second))
    return _first_of_clock(list((ours - theirs).elements()), list((theirs - ours).elements()), first, second)


def _first_of_clock(ours: list[Any], theirs: list[Any], first: EventLog, second: EventLog) -> Difference:
    """The first difference among the events of one clock that only one of the logs has."""
    row, is_ours = min([(r, True) for r in ours] + [(r, False) for r in theirs], key=lambda r: [r[0][i] for i in _ORDER])
    event = _event(row)
    others = [r for r in (theirs if is_ours else ours) if _comparable(row, r)]
    if others:
        other = max(others, key=lambda r: _equal_fields(row, r))
        a, b = (event, _event(other)) if is_ours else (_event(other), event)
        field = next(f for f in EVENT_FIELDS if getattr(a, f) != getattr(b, f))
        return Difference(field, getattr(a, field), getattr(b, field), a)
    moved = _at_another_clock(row, *((first, second) if is_ours else (second, first)))
    if moved is not None:
        clocks = (event.clock, moved) if is_ours else (moved, event.clock)
        return Difference("clock", *clocks, event._replace(clock=clocks[0]))
    return Difference("event", event, None, event) if is_ours else Difference("event", None, event, event)


def _comparable(a: Sequence[int], b: Sequence[int]) -> bool:
    if any(a[i] != b[i] for i in (ACCESS, JUNCTION, MEMORY)):
        return False
    return a[LANE] == b[LANE] or _equal_fields(a, b) == len(EVENT_FIELDS) - 1


def _equal_fields(a: Sequence[int], b: Sequence[int]) -> int:
    return sum(x == y for x, y in zip(a, b, strict=True))


def _at_another_clock(row: Sequence[int], log: EventLog, other: EventLog) -> int | None:
    """The clock in which ``other`` has an event of ``log``, if ``log`` has none then."""
    own, found = (set(x.rows[(x.rows[:, 1:] == row[1:]).all(axis=1), CLOCK].tolist()) for x in (log, other))
    return min(found - own, default=None)
