"""Event logs as JSON lines: written at once, read in pieces, every damaged line named."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hwsim.events.log import (
    ACCESS,
    CLOCK,
    FORMAT,
    LEAST,
    MEMORY,
    MOST,
    OPERATION,
    VALUE,
    VERSION,
    WORDS,
    Clocking,
    EventLog,
    Header,
    Rows,
)
from hwsim.vocabulary import ACCESSES, EVENT_FIELDS, MEMORIES, OPERATIONS
from models.errors import InputError
from models.files import json_text
from models.files.regular import opened, unreadable
from models.files.whole import write_whole

_CHUNK = 1 << 14  # events
_READ = 1 << 20  # characters
_LONGEST_HEADER = 1 << 20


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
        and all(type(v) is int and -MOST <= v <= MOST for v in values)
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
        for i, words in WORDS.items():
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
        if i in WORDS:
            if event[i] not in WORDS[i]:
                raise fail(f"is damaged: {name} must be one of {', '.join(WORDS[i])}")
            event[i] = WORDS[i].index(event[i])
        elif not _are_integers([event[i]], 1) or event[i] < LEAST[i]:
            raise fail(f"is damaged: {name} must be an integer{'' if i == VALUE else f', at least {LEAST[i]}'}")
    if not header.first <= event[CLOCK] < header.last:
        raise fail(f"is damaged: clock {event[CLOCK]} lies outside the window {header.first} .. {header.last - 1}")
    return event


def _impossible(header: Header, rows: Rows) -> npt.NDArray[np.bool_]:
    return (
        np.any(rows < LEAST, axis=1)
        | (rows[:, VALUE] < -MOST)
        | (rows[:, CLOCK] < header.first)
        | (rows[:, CLOCK] >= header.last)
    )
