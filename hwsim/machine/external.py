"""The port of an external memory that holds the weights, clock by clock, and the clocks in which the machine waits for it.

Every clock the port moves as many bits as it can of the transfers asked for, in their order; rows come some clocks after
their last bit. Then the lanes may go on if every weight row that is needed next is there; else all of the machine stands
still. What the machine computes does not depend on it, so its own clocks are followed as they were worked, and clocks
between them are counted here. Rows are fetched in every junction cycle, whatever samples are there; a row is written back
if it was learned.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hwsim.configuration.configuration import Configuration
from hwsim.machine.streams import Samples
from hwsim.schedule.external import ExternalWeights
from hwsim.schedule.inventory import inventory
from hwsim.schedule.passes import Schedule
from hwsim.schedule.timing import Timing
from hwsim.vocabulary import BUBBLE, INFERENCE, TRAINING
from models.compiled import njit

IntArray = npt.NDArray[np.int64]

_NOW, _TICK, _STALLS, _QUEUED, _SERVED, _LEFT, _COMING, _CAME = range(8)
"""Of the port: clock, the machine's own clock, clocks lost, transfers asked for and done, bits left of the one at work,
rows that were sent and those of them that arrived."""
_CYCLE, _PASS, _THERE, _USED, _LANDING, _LANDED, _BACK, _MOST_BACK = range(8)
"""Of a junction: its junction cycle, the clock in its pass or -1, rows that came and rows used so far, rows that are to be
written back and those that were handed to the port, those that wait there, and the most that ever did."""


class Facts(NamedTuple):
    """What does not change.

    Attributes
    ----------
    port
        int64 [2]: bits per clock, latency.
    junctions
        int64 [L, 5]: bits of a row, rows held ahead, clocks to the write-back, clocks behind the first junction, first
        entry of the pass in ``rows``.
    rows
        int64: the row in work in every clock of every pass, and -1 behind it.
    """

    port: IntArray
    junctions: IntArray
    rows: IntArray


class State(NamedTuple):
    """What does: the columns above; and rings of transfers, of rows under way and, by junction, of clocks of write-backs."""

    port: IntArray
    junctions: IntArray
    queue: IntArray
    coming: IntArray
    landing: IntArray


class ExternalMemory:
    """The external memory of a machine.

    Parameters
    ----------
    known
        Sizes of buffers, rows and port.
    config, schedule, timing
        Of the machine.
    clock
        The machine's clock now.
    before
        What has entered so far, the last one last: as much of it as may be learned from yet.

    Attributes
    ----------
    stalls
        int64 [cycles]: clocks lost before each junction cycle began.
    """

    def __init__(
        self,
        known: ExternalWeights,
        config: Configuration,
        schedule: Schedule,
        timing: Timing,
        clock: int,
        before: npt.ArrayLike,
    ) -> None:
        self._config, n, places = config, len(schedule.junctions), []
        rows = [np.append(j.row, -1) for j in schedule.junctions]
        starts = np.concatenate(([0], np.cumsum([r.size for r in rows])))
        for s, t, start in zip(known.streams, timing.junctions, starts, strict=False):
            places.append([s.row_bits, s.held.ahead, t.update, t.offset, int(start)])
        self._facts = Facts(np.array([known.bandwidth, known.latency]), np.array(places), np.concatenate(rows))
        self._lags = [config.hops.backward_lag(i, n) for i in range(1, n + 1)]
        held = sum(s.held.rows for s in known.streams)
        back = max(s.held.ahead + t.update for s, t in zip(known.streams, timing.junctions, strict=True)) + 2
        self._state = State(
            np.zeros(8, np.int64),
            np.zeros((n, 8), np.int64),
            np.zeros((2 * held + 2 * n + 2, 2), np.int64),
            np.zeros((held + n + 1, 2), np.int64),
            np.zeros((n, back), np.int64),
        )
        self._state.port[_TICK] = clock
        self._state.junctions[:, _PASS] = -1
        _fill(self._facts, self._state)
        self._kinds = bytearray(np.asarray(before, np.uint8).tobytes())
        self._before = len(self._kinds)
        self._begins = np.zeros(0, np.int64)
        self._learns = np.zeros((0, n), np.bool_)
        self.stalls = np.zeros(0, np.int64)

    @classmethod
    def of(
        cls, config: Configuration, schedule: Schedule, timing: Timing, clock: int = 0, before: npt.ArrayLike = ()
    ) -> "ExternalMemory | None":
        """That of a machine; ``None`` if its weights are on chip."""
        if config.hardware is None or config.hardware.weights is None:
            return None
        known = inventory(config, schedule).external
        assert known is not None
        return cls(known, config, schedule, timing, clock, before)

    @property
    def stall_clocks(self) -> int:
        """Clocks so far in which the machine waited for weights."""
        return int(self._state.port[_STALLS])

    @property
    def most_back(self) -> list[int]:
        """Rows of each junction that ever waited to be written back, the most."""
        counts: list[int] = self._state.junctions[:, _MOST_BACK].tolist()
        return counts

    def enter(self, samples: Samples, source: IntArray) -> None:
        """What enters in the junction cycles to come, one after the other.

        A training sample with an illegal label or shift is one for inference, as it is in the machine.
        """
        least, greatest = self._config.kappa_range
        legal = (samples.label < self._config.classes) & (least <= samples.kappa) & (samples.kappa <= greatest)
        kinds = np.append(np.where(legal, samples.kind, INFERENCE), BUBBLE)  # NO_SAMPLE is the last
        self._kinds.extend(kinds[source].astype(np.uint8).tobytes())

    def begin(self, clocks: IntArray) -> None:
        """The machine's clocks in which further junction cycles begin, each of a sample that has been told."""
        entered = self._before + len(self._begins) + np.arange(clocks.size)[:, None] - np.array(self._lags)
        kinds = np.frombuffer(self._kinds, np.uint8)
        learns = (entered >= 0) & (kinds[np.maximum(entered, 0)] == TRAINING)
        self._begins = np.concatenate((self._begins, clocks))
        self._learns = np.concatenate((self._learns, learns))
        self.stalls = np.concatenate((self.stalls, np.zeros(clocks.size, np.int64)))

    def run(self, until: int) -> None:
        """Follow the machine up to this clock of its own."""
        _run(self._facts, self._state, self._begins, self._learns, self.stalls, until)


@njit(cache=True)
def _ask(state, bits, junction):  # type: ignore[no-untyped-def]
    """Put a transfer at the end of the queue: a row to be read, or, with bits below 0, to be written."""
    size = state.queue.shape[0]
    assert state.port[_QUEUED] - state.port[_SERVED] < size
    place = state.port[_QUEUED] % size
    state.queue[place, 0], state.queue[place, 1] = bits, junction
    state.port[_QUEUED] += 1


@njit(cache=True)
def _send_back(state, bits, j):  # type: ignore[no-untyped-def]
    """A row that UP has written waits for its turn."""
    junction = state.junctions[j]
    junction[_BACK] += 1
    junction[_MOST_BACK] = max(junction[_MOST_BACK], junction[_BACK])
    _ask(state, -bits, j)


@njit(cache=True)
def _fill(facts, state):  # type: ignore[no-untyped-def]
    """Ask for the rows that come first: the first of every junction, the second, and so on."""
    for row in range(facts.junctions[:, 1].max()):
        for j in range(facts.junctions.shape[0]):
            if row < facts.junctions[j, 1]:
                _ask(state, facts.junctions[j, 0], j)


@njit(cache=True)
def _move(facts, state):  # type: ignore[no-untyped-def]
    """One clock of the port: rows arrive, and as many bits as it can move are moved."""
    now, room = state.port[_NOW], facts.port[0]
    while state.port[_CAME] < state.port[_COMING]:
        place = state.port[_CAME] % state.coming.shape[0]
        if state.coming[place, 0] > now:
            break
        state.junctions[state.coming[place, 1], _THERE] += 1
        state.port[_CAME] += 1
    while room > 0 and state.port[_SERVED] < state.port[_QUEUED]:
        place = state.port[_SERVED] % state.queue.shape[0]
        bits, j = state.queue[place, 0], state.queue[place, 1]
        if state.port[_LEFT] == 0:
            state.port[_LEFT] = abs(bits)
        part = min(room, state.port[_LEFT])
        room -= part
        state.port[_LEFT] -= part
        if state.port[_LEFT] > 0:
            break
        state.port[_SERVED] += 1
        if bits < 0:
            state.junctions[j, _BACK] -= 1
        else:
            slot = state.port[_COMING] % state.coming.shape[0]
            state.coming[slot, 0], state.coming[slot, 1] = now + facts.port[1] + 1, j
            state.port[_COMING] += 1


@njit(cache=True)
def _work(facts, state, learns):  # type: ignore[no-untyped-def]
    """One clock of the machine's own: rows are used, written back, and asked for."""
    tick = state.port[_TICK]
    for j in range(facts.junctions.shape[0]):
        junction = state.junctions[j]
        bits, size = facts.junctions[j, 0], state.landing.shape[1]
        if junction[_LANDED] < junction[_LANDING] and state.landing[j, junction[_LANDED] % size] == tick:
            junction[_LANDED] += 1
            _send_back(state, bits, j)
        if junction[_PASS] < 0:
            continue
        at = facts.junctions[j, 4] + junction[_PASS]
        if facts.rows[at + 1] != facts.rows[at] and learns[junction[_CYCLE], j]:
            written = tick + facts.junctions[j, 2]
            if written == tick:
                _send_back(state, bits, j)
            else:
                assert junction[_LANDING] - junction[_LANDED] < size
                state.landing[j, junction[_LANDING] % size] = written
                junction[_LANDING] += 1
    for j in range(facts.junctions.shape[0]):
        junction = state.junctions[j]
        if junction[_PASS] < 0:
            continue
        at = facts.junctions[j, 4] + junction[_PASS]
        junction[_PASS] += 1
        if facts.rows[at + 1] != facts.rows[at]:
            junction[_USED] += 1
            _ask(state, facts.junctions[j, 0], j)
        if facts.rows[at + 1] < 0:
            junction[_PASS] = -1
            junction[_CYCLE] += 1


@njit(cache=True)
def _ready(facts, state, begins):  # type: ignore[no-untyped-def]
    """Whether every row that the machine's next clock works on is there; passes that begin in it are begun."""
    tick = state.port[_TICK]
    ready = True
    for j in range(facts.junctions.shape[0]):
        junction = state.junctions[j]
        cycle = junction[_CYCLE]
        if junction[_PASS] < 0 and cycle < begins.size and begins[cycle] + facts.junctions[j, 3] == tick:
            junction[_PASS] = 0
        if junction[_PASS] >= 0 and junction[_THERE] <= junction[_USED]:
            ready = False
    return ready


@njit(cache=True)
def _run(facts, state, begins, learns, stalls, until):  # type: ignore[no-untyped-def]
    """Clock by clock until the machine's own clock is ``until``."""
    cycle = np.searchsorted(begins, state.port[_TICK])
    while state.port[_TICK] < until:
        _move(facts, state)
        if _ready(facts, state, begins):
            if cycle < begins.size and begins[cycle] == state.port[_TICK]:
                stalls[cycle] = state.port[_STALLS]
                cycle += 1
            _work(facts, state, learns)
            state.port[_TICK] += 1
        else:
            state.port[_STALLS] += 1
        state.port[_NOW] += 1
