"""The event log: every access to a memory in a window of clocks, in one form whoever has recorded it.

The cycle-level machine and a simulation of the Verilog record the same events, so that two logs can be compared event by
event. A log is kept as an array of integers, one row per event, in a canonical order; words appear where people read.

The file is JSON lines, UTF-8. The first line is an object: format and version, who recorded, the fingerprint of the
configuration, the window of clocks, where the junction cycles lie, the names of the fields and how many events follow. Every
further line is one event, an array with one element per field; operations, accesses and memories are words.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hwsim.vocabulary import ACCESSES, ACTIVATION, EVENT_FIELDS, MEMORIES, OPERATIONS, PARTIAL, UP, WRITE
from models.errors import InputError

FORMAT, VERSION = "hwsim events", 1

CLOCK, JUNCTION, OPERATION, ACCESS, MEMORY, BANK, INDEX, ADDRESS, LANE, VALUE, SAMPLE = range(len(EVENT_FIELDS))
"""Columns of :attr:`EventLog.rows`."""

WORDS = {OPERATION: OPERATIONS, ACCESS: ACCESSES, MEMORY: MEMORIES}
ORDER = (CLOCK, ACCESS, JUNCTION, MEMORY, BANK, INDEX, LANE, OPERATION, ADDRESS, VALUE, SAMPLE)
LEAST = np.zeros(len(EVENT_FIELDS), np.int64)
LEAST[[VALUE, SAMPLE]] = np.iinfo(np.int64).min, -1
MOST = 2**63 - 1

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

    def between(self, junction: int, first: int, last: int) -> npt.NDArray[np.int64]:
        """The junction cycles, int64 [cycles], that have a clock in ``first .. last - 1``."""
        at = self.begin(0, junction)
        return np.arange((first - at) // self.period, (last - 1 - at) // self.period + 1, dtype=np.int64)


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

    Examples
    --------
    A log is a sequence of :class:`Event`, and an array of records:

    >>> from hwsim import Design, parse
    >>> sizes = {"network": {"layers": [16, 8, 4], "out_degree": [2, 2]}, "hardware": {"z": [8, 4]}}
    >>> machine = Design(parse(sizes)).machine()
    >>> machine.record()
    >>> results = machine.feed(machine.samples(np.full((1, 16), 7), labels=[0], kappa=3))
    >>> print(machine.accesses[0])
    clock 0, junction 0, activation memory 0 bank 0 address 0, lane 0: host write of 7, sample 0
    >>> accesses = machine.accesses.array
    >>> accesses.dtype.names[:5], accesses["value"][:3]
    (('clock', 'junction', 'operation', 'access', 'memory'), array([7, 7, 7]))
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
        return event_of(self.rows[i].tolist())

    def __iter__(self) -> Iterator[Event]:
        return map(event_of, self.rows.tolist())

    @property
    def array(self) -> npt.NDArray[Any]:
        """Every access as a record of NumPy, [n]: the fields of :class:`Event`, words as text, all else int64."""
        types = [(name, f"U{max(map(len, WORDS[k]))}" if k in WORDS else "i8") for k, name in enumerate(EVENT_FIELDS)]
        result = np.empty(len(self.rows), np.dtype(types))
        for k, name in enumerate(EVENT_FIELDS):
            result[name] = np.array(WORDS[k])[self.rows[:, k]] if k in WORDS else self.rows[:, k]
        return result

    def within(self, first: int, last: int) -> "EventLog":
        """The events of clocks ``first .. last - 1``, as far as they lie in the window."""
        first, last = max(first, self.header.first), min(last, self.header.last)
        a, b = np.searchsorted(self.rows[:, CLOCK], (first, last))
        return EventLog(replace(self.header, first=first, last=max(first, last)), self.rows[a:b])


def _canonical(rows: np.ndarray) -> npt.NDArray[np.intp]:
    """The permutation that puts rows in canonical order."""
    return np.lexsort([rows[:, i] for i in reversed(ORDER)])


def event_of(row: Sequence[int]) -> Event:
    """A row of a log, its codes as words."""
    return Event(*(WORDS[i][v] if i in WORDS else v for i, v in enumerate(row)))  # type: ignore[arg-type]


def _codes(event: Iterable[Any]) -> list[int]:
    return [WORDS[i].index(v) if i in WORDS else v for i, v in enumerate(event)]
