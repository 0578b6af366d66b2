"""Where two event logs first differ, told as clock, memory and operation."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hwsim.events.log import ACCESS, CLOCK, JUNCTION, LANE, MEMORY, ORDER, Event, EventLog, event_of
from hwsim.vocabulary import EVENT_FIELDS


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
    row, is_ours = min([(r, True) for r in ours] + [(r, False) for r in theirs], key=lambda r: [r[0][i] for i in ORDER])
    event = event_of(row)
    others = [r for r in (theirs if is_ours else ours) if _comparable(row, r)]
    if others:
        other = max(others, key=lambda r: _equal_fields(row, r))
        a, b = (event, event_of(other)) if is_ours else (event_of(other), event)
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
