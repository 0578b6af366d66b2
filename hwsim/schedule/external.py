"""Weights in external memory: what one port moves in a junction cycle, how fast that lets the accelerator be, what hides it.

A weight row is fetched once in a junction cycle, for FF, BP and UP of three samples alike, since they walk the rows
together; UP sends it back. Every junction holds some rows ahead: as soon as one has been used for the last time, the next
that is not held yet is asked for. Requests are served in the order in which they were made, those of a clock writes first,
junction by junction. If a row is not there when its clock comes, all of the accelerator stands still until it is: integers
stay as they are, and only clocks are added. docs/external_weights.md has the arithmetic; the machine has a port of its own,
clock by clock (:mod:`hwsim.machine.external`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from hwsim.configuration.sections import ExternalSection
from hwsim.schedule import steady
from models.errors import InputError

IntArray = npt.NDArray[np.int64]

_Clocks = TypeVar("_Clocks", int, IntArray)

SLACK = 4
"""Rows that a buffer holds by default beside those that hide the latency and the flush."""


class Held(NamedTuple):
    """Weight rows of one junction on chip.

    Attributes
    ----------
    ahead
        Fetched, or asked for: the one in use and those that come.
    back
        Most that wait to be written back.
    """

    ahead: int
    back: int

    @property
    def rows(self) -> int:
        """All of them."""
        return self.ahead + self.back


class Traffic(NamedTuple):
    """Accesses of one period in steady state, in the order of clocks and, within one, that of the port.

    Attributes
    ----------
    clock
        int64 [events]: of the period.
    what
        int64 [events]: ``steady.NEED``, ``WRITE`` or ``READ``.
    junction
        int64 [events]: from 0.
    bits
        int64 [events]: through the port.
    due
        int64 [events]: of a read, clocks until the row that it fetches is needed.
    """

    clock: IntArray
    what: IntArray
    junction: IntArray
    bits: IntArray
    due: IntArray


@dataclass(frozen=True, eq=False)
class RowStream:
    """The weight rows of one junction.

    Attributes
    ----------
    number
        i, from 1.
    row_bits
        Bits of a row, z times the width of a weight.
    rows
        C.
    update
        Clocks from a row's last one to its write; ``None`` if nothing is written.
    offset
        Clocks that the junction runs behind the first one.
    held
        What of it is on chip.
    row_of_clock
        int64 [clocks]: the row in work in each clock of a pass; ``None`` if rows take a clock each.
    """

    number: int
    row_bits: int
    rows: int
    update: int | None
    offset: int
    held: Held
    row_of_clock: IntArray | None = None

    @cached_property
    def first(self) -> IntArray:
        """int64 [rows]: the clock of a junction cycle in which each row is needed."""
        if self.row_of_clock is None:
            return self.offset + np.arange(self.rows)
        return self.offset + np.searchsorted(self.row_of_clock, np.arange(self.rows))

    @cached_property
    def last(self) -> IntArray:
        """int64 [rows]: the clock in which each is used for the last time."""
        if self.row_of_clock is None:
            return self.first
        return self.offset + np.searchsorted(self.row_of_clock, np.arange(self.rows), "right") - 1

    @property
    def bits(self) -> int:
        """Bits of all rows."""
        return self.rows * self.row_bits


@dataclass(frozen=True, eq=False)
class ExternalWeights:
    """An accelerator's weights in external memory.

    Attributes
    ----------
    bandwidth, latency
        Bits per clock; clocks from the last bit of a transfer to the use of its row.
    weight_bits
        Width of a weight.
    pass_clocks, flush
        Of a junction cycle that waits for nothing.
    streams
        Of all junctions.

    Examples
    --------
    Half of what two junctions with 24 edge processors and 12 bits a weight ask for in a clock:

    >>> import hwsim
    >>> sizes = {"layers": [64, 32, 16], "out_degree": [8, 8]}
    >>> hardware = {"z": [16, 8], "weights": {"bandwidth": 288, "latency": 5}}
    >>> external = hwsim.Design(hwsim.parse({"network": sizes, "hardware": hardware})).inventory.external
    >>> external.period, external.traffic, float(external.transfer), float(external.stall_clocks)
    (34, 18432, 64.0, 30.0)
    """

    bandwidth: int
    latency: int
    weight_bits: int
    pass_clocks: int
    flush: int
    streams: tuple[RowStream, ...]

    @property
    def period(self) -> int:
        """Clocks of a junction cycle that waits for nothing."""
        return self.pass_clocks + self.flush

    @property
    def trains(self) -> bool:
        """Whether rows are written back."""
        return self.streams[0].update is not None

    @property
    def bits(self) -> int:
        """Of all weights."""
        return sum(s.bits for s in self.streams)

    @property
    def traffic(self) -> int:
        """Bits through the port in a junction cycle of steady state: every weight once in and, if it trains, once out."""
        return self.bits * (2 if self.trains else 1)

    @property
    def transfer(self) -> Fraction:
        """Clocks that these take."""
        return Fraction(self.traffic, self.bandwidth)

    @property
    def bound(self) -> Fraction:
        """Fewest clocks between two inputs, whatever is held: those of the port, or those of the accelerator."""
        return max(Fraction(self.period), self.transfer)

    @property
    def fed(self) -> Fraction:
        """Edge processors, of all junctions together, that the port can feed: weights that come, and go, in a clock."""
        return Fraction(self.bandwidth * self.bits, self.traffic * self.weight_bits)

    @property
    def useful_z(self) -> tuple[float, ...]:
        """Edge processors of every junction beyond which a junction cycle gets no shorter: it lasts as long as the transfer.

        All edges where the port takes no longer than the flush and a clock.
        """
        clocks = max(self.transfer - self.flush, Fraction(1))
        return tuple(float(Fraction(s.bits, self.weight_bits) / clocks) for s in self.streams)

    @property
    def held_bits(self) -> int:
        """On chip, in place of all weights."""
        return sum(s.held.rows * s.row_bits for s in self.streams)

    @property
    def first_fill(self) -> int:
        """Clocks from the start until the first row of every junction is there."""
        return -(-sum(s.row_bits for s in self.streams) // self.bandwidth) + self.latency

    @cached_property
    def hides(self) -> bool:
        """Whether what is held makes :attr:`bound` true: nothing is waited for but the port itself.

        Where the port is fast enough this is exact; where it is not, a row or two more may be asked for than needed.
        """
        return self.surely_hides or (self._never_waits() if self.bound == self.period else self._always_busy())

    @property
    def surely_hides(self) -> bool:
        """Whether that is known without looking at the rows: balanced passes without clashes, and the usual rows or more."""
        usual = usual_rows(self.latency, self.flush)
        even = {s.rows for s in self.streams} == {self.pass_clocks}
        return even and all(s.row_of_clock is None and s.held.ahead >= usual for s in self.streams)

    @cached_property
    def clocks_per_input(self) -> Fraction:
        """Clocks between two inputs in steady state, on average: :attr:`bound`, or more where too little is held."""
        if self.hides:
            return self.bound
        t = self.accesses
        return steady.pace(
            (t.clock, t.what, t.junction, t.bits),
            [s.held.ahead for s in self.streams],
            [s.row_bits for s in self.streams],
            steady.Port(self.bandwidth, self.latency, self.period),
        )

    @property
    def stall_clocks(self) -> Fraction:
        """Clocks of a junction cycle in which the accelerator waits for weights, in steady state, on average."""
        return self.clocks_per_input - self.period

    @cached_property
    def accesses(self) -> Traffic:
        """Those of one period; what reaches beyond its end stands at its beginning, where that of the one before does."""
        made: list[IntArray] = []
        for j, s in enumerate(self.streams):
            ahead = np.arange(s.rows) + s.held.ahead
            needed = s.first[ahead % s.rows] + self.period * (ahead // s.rows)
            kinds = [(s.first, steady.NEED, 0, s.first), (s.last, steady.READ, s.row_bits, needed)]
            if s.update is not None:
                written = s.last + s.update
                kinds.append((written, steady.WRITE, s.row_bits, written))
            for at, what, bits, until in kinds:
                made.append(np.stack(np.broadcast_arrays(at % self.period, what, j, bits, until - at)))
        found = np.concatenate(made, axis=1)
        return Traffic(*found[:, np.lexsort(found[2::-1])])

    def _twice(self) -> tuple[Traffic, IntArray]:
        """The accesses of two periods, and the bits that have passed with each of them since the first began."""
        t = self.accesses
        twice = Traffic(*(np.concatenate((a, a)) for a in t))
        twice.clock[t.clock.size :] += self.period
        return twice, np.cumsum(twice.bits)

    def _never_waits(self) -> bool:
        """Whether every row is there in time, if no clock is lost: the port's queue of a period in which all is in time."""
        t, passed = self._twice()
        # A request of clock c can move from c + 1 on; the port works without a pause since some earlier request.
        begun = np.maximum.accumulate(np.where(t.bits > 0, self.bandwidth * t.clock - (passed - t.bits), np.int64(-(2**62))))
        there = -(-(begun + passed) // self.bandwidth) + self.latency + 1
        read = (t.what == steady.READ) & (np.arange(t.clock.size) >= t.clock.size // 2)
        return bool((there <= t.clock + t.due)[read].all())

    def _always_busy(self) -> bool:
        """Whether requests come early enough that the port never pauses, if rows come as late as the port makes them."""
        t, passed = self._twice()
        size = t.clock.size // 2
        # A row is there when the bits up to its own have passed; reads count on from period to period.
        latest = np.full(2 * size, -(2**62), np.int64)
        for j in range(len(self.streams)):
            mine = np.flatnonzero((t.what == steady.READ) & (t.junction == j))
            needs = np.flatnonzero((t.what == steady.NEED) & (t.junction == j))
            made = np.searchsorted(mine, needs) - self.streams[j].held.ahead
            rows = mine.size // 2
            came = passed[mine[made % rows]] + self.traffic * (made // rows)
            latest[needs] = came + self.bandwidth * (self.latency + 2 - t.clock[needs])
        clock = np.maximum.accumulate(latest) + self.bandwidth * t.clock
        asks = (t.bits > 0) & (np.arange(2 * size) >= size)
        return bool((passed - t.bits >= clock)[asks].all())


def most_ahead(rows: int, update: int | None, last: IntArray | None = None) -> int:
    """Most rows that a junction can hold ahead: a row must have been written back when it is asked for again.

    Parameters
    ----------
    last
        int64 [rows]: the clock in which each row is used for the last time, where rows take more than one.
    """
    landed = max(update or 0, 1)
    if last is None:
        return rows - landed
    # Row C - n + r makes room for row r of the next pass, which has to be back, for all r below n; so it is for n - 1, too.
    low, high = 0, rows - 1
    while low < high:
        n = (low + high + 1) // 2
        fits = int((last[rows - n :] - last[:n]).min()) >= landed
        low, high = (n, high) if fits else (low, n - 1)
    return low


def usual_rows(latency: int, flush: _Clocks) -> _Clocks:
    """Rows that a junction holds ahead where nothing is said: balanced passes without clashes wait for the port only."""
    return latency + flush + SLACK


@dataclass(frozen=True)
class Shape:
    """What a junction's stream follows from: its number, weight rows, lanes, latency of its update, and clocks behind."""

    number: int
    rows: int
    z: int
    update: int
    offset: int
    row_of_clock: IntArray | None = None


def external_weights(
    section: ExternalSection, shapes: Iterable[Shape], weight_bits: int, pass_clocks: int, flush: int, *, trains: bool
) -> ExternalWeights:
    """Work out the streams of all junctions.

    Raises
    ------
    InputError
        If a junction cannot hold as many rows as it shall: one would be fetched before it has been written back.
    """
    streams = []
    for k, s in enumerate(shapes):
        update = s.update if trains else None
        plain = RowStream(s.number, s.z * weight_bits, s.rows, update, s.offset, Held(0, 0), s.row_of_clock)
        most = most_ahead(s.rows, update, None if s.row_of_clock is None else plain.last)
        ahead = _ahead(section, k, most, flush, s)
        streams.append(replace(plain, held=held(ahead, update, s.rows)))
    return ExternalWeights(section.bandwidth, section.latency, weight_bits, pass_clocks, flush, tuple(streams))


def held(ahead: int, update: int | None, rows: int) -> Held:
    """What is on chip of a junction that holds so many rows ahead.

    A row on its way back was used after the oldest row that has not come was asked for, or up to ``update`` clocks before;
    and no row is on its way twice.
    """
    return Held(ahead, 0 if update is None else min(ahead + update, rows))


def _ahead(section: ExternalSection, k: int, most: int, flush: int, s: Shape) -> int:
    if most < 1:
        rule = f"leaves no clock to bring a row back: junction {s.number} has {s.rows} weight rows, which fit on chip"
        raise InputError("hardware.weights", None, rule, ["null"])
    given = section.buffer_rows
    if given is None:
        return min(usual_rows(section.latency, flush), most)
    wanted = given[k] if isinstance(given, tuple) else given
    if wanted > most:
        field = "hardware.weights.buffer_rows" + (f"[{k}]" if isinstance(given, tuple) else "")
        rule = f"has a row of junction {s.number} fetched again before it is back: at most {most} of its {s.rows} rows"
        raise InputError(field, wanted, rule, [most])
    return wanted
