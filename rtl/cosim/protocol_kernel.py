"""The clock loop of the protocol, compiled: a host that plays a script, and what streams, pace and port must answer.

Written from the contract (docs/architecture.md §6, docs/design.md "Clocks of the ports"), not from the components: queues
are numbers of words here, samples are their numbers, and nothing is computed. Outputs of a clock depend on the state that it
begins with; the host sees them and sets its inputs in the same clock.
"""

from typing import NamedTuple

import numpy as np

from models.compiled import njit

RESET, FEED, ACCESS, TAKEN, WAIT, POLL, CONDITIONS, DROP, DELIVERED, MARK, BREAK = range(11)
"""What a host does, in rows of four integers of which the first says what:

``RESET`` for so many clocks; ``FEED`` so many more beats; ``ACCESS`` the bus, address, word, whether it writes; wait until
all beats are ``TAKEN``; ``WAIT`` so many clocks; ``POLL`` STATUS until a bit is set; pauses of the streams follow other
``CONDITIONS``, two numbers of patterns; ``DROP`` the beats that are left; wait until all results are ``DELIVERED``; ``MARK``
the clock; an access that is still asked for after so many clocks, which stand above the bit that says whether it writes,
``BREAK`` off: reset comes next.
"""

NOT_THERE, READ_ONLY, COUNTS_CLIPPED, IS_CONTROL, IS_STATUS, IS_RATE, IS_ERRORS, IS_CONSTANT = range(8)
"""Kinds of registers; :attr:`Circuit.registers` has them by address."""

KNOWN, OF_MEMORY, OF_CLIPPED, REFUSED = range(4)
"""What the answer to an access is: known here, a word of a memory, a count of clipped numbers, an error."""

SENT, NEXT, RESETS, TAKES, REQUESTS, WRITES = (1 << i for i in range(6))
"""Bits of what the host sets in a clock: ``NEXT`` marks the first clock of a beat."""
READY, VALID, DONE, ERROR, ADVANCE, STANDING, EMPTY = (1 << i for i in range(7))
"""Bits of what it must see; ``EMPTY`` only in STATUS."""

_compiled = njit(cache=True, error_model="numpy")
STATUS = 1
"""Address of the register."""


class Circuit(NamedTuple):
    """An accelerator as its streams, pace and port see it.

    Attributes
    ----------
    beats, result_beats
        Of a sample, of a result.
    held
        Beats of samples that there is room for.
    period, skew, permission
        Clocks of a junction cycle, and more until all junctions have come to the end of theirs; clocks before its beginning
        in which it must be permitted.
    begins
        Clocks that the last junction's pass begins after the advance.
    lag, in_flight
        Junction cycles from a sample's entry to the FF of the last junction; in which it is under way.
    result_clock
        int64 [result_beats]: clocks of that pass in which the beats are computed.
    room
        Samples that the queue of results holds.
    trains, least, greatest, classes
        Whether labels and learning-rate shifts mean anything, and which are legal.
    reading, writing
        Clocks from a request for a word of a memory to its ``done``; a register takes three.
    block
        Addresses of a block.
    registers
        int64 [n]: kinds by address; those behind are not there.
    counted
        int64 [n]: of those that are read only, which of the six counts in :func:`play` it is; the word of a constant.
    regions
        int64 [2L, 6]: rows, lanes, lane bits, least and greatest word of each memory, and the lanes of its last row.
    """

    beats: int
    result_beats: int
    held: int
    period: int
    skew: int
    permission: int
    begins: int
    lag: int
    in_flight: int
    result_clock: np.ndarray
    room: int
    trains: bool
    least: int
    greatest: int
    classes: int
    reading: int
    writing: int
    block: int
    registers: np.ndarray
    counted: np.ndarray
    regions: np.ndarray


class Stimulus(NamedTuple):
    """What a host is to do.

    Attributes
    ----------
    steps
        int64 [n, 4].
    label, kappa, train
        int64 [samples].
    pauses, first
        bool [m], int64 [patterns + 1]: patterns of clocks in which a stream pauses, one after the other; each is used over
        and over.
    """

    steps: np.ndarray
    label: np.ndarray
    kappa: np.ndarray
    train: np.ndarray
    pauses: np.ndarray
    first: np.ndarray


class Record(NamedTuple):
    """What happens, clock by clock and event by event; all but ``filled`` and ``kappa`` end where that says.

    Attributes
    ----------
    sets, sees
        uint8 [clocks]: bits of the host's inputs, and of the outputs.
    access
        int32 [clocks]: which access is asked for.
    beat
        int32 [clocks]: which beat of results is offered; -1 for none. They are counted from the last reset.
    sent
        int32 [beats]: beats of the stream in the order in which they were offered.
    advances
        int64 [n, 2]: clock before a junction cycle; sample that the cycle loads, -1 for none.
    accesses
        int64 [n, 6]: clocks of request and ``done``, 0 if reset came before; address, word, whether it writes, kind of
        answer.
    answers
        int64 [n]: the word that is read, if known.
    marks
        int64 [n]: clocks.
    resets
        int64 [n, 2]: first clock with reset, first clock after it.
    kappa
        int64 [samples]: learning-rate shifts as the samples enter with them; in the beginning their own.
    filled
        int64 [7]: clocks, beats, advances, accesses, marks, resets; 1 if there was no room for more, 2 if the
        script waits for what does not come.
    """

    sets: np.ndarray
    sees: np.ndarray
    access: np.ndarray
    beat: np.ndarray
    sent: np.ndarray
    advances: np.ndarray
    accesses: np.ndarray
    answers: np.ndarray
    marks: np.ndarray
    resets: np.ndarray
    kappa: np.ndarray
    filled: np.ndarray


# State, from clock to clock.
STEP, WAITED, ASKED, POSITION, END, OFFERING, IDLE, BLOCKED = range(8)
LANDED, STORED, FETCHED, HELD, STANDS, ARRIVING, TAGGED, TAGS, TAG, NEXT_TAG, LOADED, LOADING, GROUP = range(8, 21)
PASSED, ENTERED, RESERVED, GIVEN, PASSES, COMPUTED, QUEUED, READ, SHOWN, POPPED = range(21, 31)
RUN, RATE, FIXED, ANSWERED, ANSWER, CAUGHT, LOOKED, BUSY, CLEAR, GO, EMPTIED, STATES = range(31, 43)
"""The host's step, how long it has waited, whether it has asked; beats up to which it has come and may go, whether it offers
one; its patterns of pauses. Of the samples: the one, and one more, of which a beat has landed, 0 for none; beats in the
memory of their queue, whether each of its registers holds one, and the one before the first layer's memories; beats of the
sample that arrives; the one, and one more, whose tag comes into their queue, 0 for none; complete samples in its memory,
whether each of its registers holds one; the one that is loaded, whether it still is, beats of it. Clocks since the last
advance; which of the last cycles a sample has entered in, a bit each. Of the results: samples that room is set aside for,
whether one was taken a clock ago, passes that compute some, beats of the first of them; beats in the memory of their queue,
whether each of its registers holds one, beats that have come to the last. Of the port: CONTROL, RATE, its upper bit; bits of
what was answered; the word; whether a request is in its first clock within, or in its second; clocks until a memory has
answered, -1 if none is asked; bits of ERRORS to clear; whether a junction cycle might have begun a clock ago, and two;
whether the pipe was empty a clock ago."""
SAMPLES, RESULTS, CYCLES, ILLEGAL, COUNTS = 0, 1, 2, 3, 6
"""Counts: the three kinds of illegal values stand behind ``ILLEGAL``."""


class Inside(NamedTuple):
    """State: ``s`` int64 [STATES]; the samples that wait, int64 [8]; clocks in which passes begin, int64 [room + 1]; counts,
    int64 [COUNTS]; what happened in the clock before and is to be counted in this one, int64 [COUNTS]."""

    s: np.ndarray
    waiting: np.ndarray
    passes: np.ndarray
    counts: np.ndarray
    events: np.ndarray


@_compiled
def _reset(c: Circuit, x: Inside) -> None:
    """What stands in registers; not where the host is."""
    x.s[LANDED:STATES] = 0
    x.s[LOADED], x.s[BUSY], x.s[RATE] = -1, -1, c.greatest
    x.s[PASSED], x.s[EMPTIED] = c.period + c.skew + 1, 1
    x.counts[:] = 0
    x.events[:] = 0


@_compiled
def _due(c: Circuit, s: np.ndarray) -> bool:
    """Whether the outputs of a sample will be computed in the junction cycle to come."""
    return (s[ENTERED] >> (c.lag - 1)) & 1 == 1 if c.lag else s[LOADED] >= 0


@_compiled
def _may(c: Circuit, s: np.ndarray) -> bool:
    """Whether a junction cycle may begin, as far as CONTROL, samples and the room for results are concerned."""
    return s[RUN] & 1 == 1 and (s[RUN] == 1 or s[TAG] == 1) and (s[RESERVED] < c.room or not _due(c, s))


@_compiled
def _sees(c: Circuit, s: np.ndarray) -> int:
    """Bits of what can be seen in this clock."""
    over = s[PASSED] - c.period
    may = s[GO] >> (c.permission - 1) & 1 == 1 if c.permission else _may(c, s)
    return (
        READY * ((s[LANDED] > 0) + s[STORED] + s[FETCHED] + s[HELD] + s[STANDS] < c.held)
        | VALID * (s[SHOWN] == 1)
        | s[ANSWERED]
        | ADVANCE * (may and (over == 0 or over >= max(c.skew, 1)))
        | STANDING * (over > c.skew)
        | EMPTY
        * (s[ENTERED] == 0 and s[LOADED] < 0 and s[TAGS] + s[NEXT_TAG] + s[TAG] + s[TAGGED] + s[ARRIVING] + s[LANDED] == 0)
    )


@_compiled
def _host(stimulus: Stimulus, x: Inside, r: Record, t: int, sees: int) -> int:
    """Takes steps until one takes time; bits of what the host sets, or -1 at the end, or -2 if there is no room."""
    s, filled = x.s, r.filled
    while s[STEP] < len(stimulus.steps):
        row = stimulus.steps[s[STEP]]
        kind, a, b, writes = row[0], row[1], row[2], row[3] & 1
        if kind == FEED:
            s[END] += a
        elif kind == CONDITIONS:
            s[IDLE], s[BLOCKED] = a, b
        elif kind == DROP:
            s[POSITION], s[OFFERING] = s[END], 0
        elif kind == MARK:
            if filled[4] == len(r.marks):
                return -2
            r.marks[filled[4]] = t
            filled[4] += 1
        elif kind == TAKEN:
            if s[POSITION] < s[END]:
                return 0
        elif kind == DELIVERED:
            if s[SHOWN] or s[READ] or s[QUEUED] or s[PASSES]:
                return 0
        elif kind in (WAIT, RESET):
            if s[WAITED] < a:
                return _wait(s, r, t, kind == RESET)
            s[WAITED] = 0
        elif kind == BREAK and s[WAITED] == row[3] >> 1:
            s[WAITED] = 0
        elif s[ASKED] and sees & DONE:
            # The request holds in the clock of ``done``, too.
            s[ASKED] = 0
            if kind == BREAK:
                s[WAITED] = 0
            if kind != POLL or s[ANSWER] >> a & 1:
                s[STEP] += 1
            return REQUESTS | WRITES * writes
        elif s[ASKED]:
            s[WAITED] += kind == BREAK
            return REQUESTS | WRITES * writes
        else:
            n = filled[3]
            if n == len(r.answers):
                return -2
            s[ASKED], s[WAITED], filled[3] = 1, kind == BREAK, n + 1
            r.accesses[n, 0] = t
            r.accesses[n, 2] = STATUS if kind == POLL else a
            r.accesses[n, 3], r.accesses[n, 4] = b, writes
            return REQUESTS | WRITES * writes
        s[STEP] += 1
    return -1


@_compiled
def _wait(s: np.ndarray, r: Record, t: int, resets: bool) -> int:
    if resets and s[WAITED] == 0:
        r.resets[r.filled[5] % len(r.resets), 0] = t
        r.filled[5] += 1
    s[WAITED] += 1
    return RESETS * resets


@_compiled
def _streams(stimulus: Stimulus, x: Inside, r: Record, t: int) -> int:
    """Bits of what the host sets on the streams: a beat that is offered stays until it is taken."""
    s, fresh = x.s, False
    if not s[OFFERING] and s[POSITION] < s[END] and not _pauses(stimulus, s[IDLE], t):
        fresh = True
        r.sent[r.filled[1]] = s[POSITION]
        r.filled[1] += 1
        s[OFFERING] = 1
    return SENT * s[OFFERING] | NEXT * fresh | TAKES * (not _pauses(stimulus, s[BLOCKED], t))


@_compiled
def _pauses(stimulus: Stimulus, pattern: int, t: int) -> bool:
    first, last = stimulus.first[pattern], stimulus.first[pattern + 1]
    return stimulus.pauses[first + t % (last - first)]


@_compiled
def _pass(s: np.ndarray, memory: int, fetched: int, shown: int, taken: bool) -> None:
    """The end of a clock in a queue: words move up into its registers, as the one before them goes."""
    if not s[shown] or taken:
        s[shown], s[fetched] = s[fetched], 0
    if not s[fetched]:
        s[fetched] = s[memory] > 0
        s[memory] -= s[fetched]


@_compiled
def _results(c: Circuit, x: Inside, t: int, sees: int, takes: bool) -> None:
    """Beats are computed, pass the queue and are taken; the last of a sample gives its room back."""
    s = x.s
    shown = s[SHOWN] == 1
    taken = shown and takes
    last = taken and s[POPPED] % c.result_beats == 0
    arrives = s[PASSES] > 0 and x.passes[0] + c.result_clock[s[COMPUTED]] == t
    _pass(s, QUEUED, READ, SHOWN, taken)
    if s[SHOWN] and (taken or not shown):
        s[POPPED] += 1
    if arrives:
        s[QUEUED] += 1
        s[COMPUTED] += 1
        if s[COMPUTED] == c.result_beats:
            s[COMPUTED] = 0
            s[PASSES] -= 1
            x.passes[:-1] = x.passes[1:].copy()
    reserves = sees & ADVANCE and _due(c, s)
    if reserves:
        x.passes[s[PASSES]] = t + c.begins
        s[PASSES] += 1
    s[RESERVED] += int(reserves) - s[GIVEN]
    s[GIVEN] = x.events[RESULTS] = last


@_compiled
def _samples(c: Circuit, stimulus: Stimulus, x: Inside, r: Record, t: int, sees: int) -> None:
    """A junction cycle begins: the sample that was loaded enters, and one that waits is loaded. Beats arrive."""
    s, advance = x.s, sees & ADVANCE != 0
    taken = s[OFFERING] == 1 and sees & READY != 0
    waits = s[TAG] == 1
    moves, head = s[STANDS] == 0 or s[LOADING] == 1, s[HELD]
    _pass(s, STORED, FETCHED, HELD, moves)
    if moves:
        s[STANDS] = head
    _pass(s, TAGS, NEXT_TAG, TAG, advance)
    if advance:
        if s[LOADED] >= 0:
            _enter(c, stimulus, x, r)
        s[ENTERED] = (s[ENTERED] << 1 | (s[LOADED] >= 0)) & ((1 << c.in_flight) - 1)
        s[LOADED] = x.waiting[0] if waits else -1
        s[LOADING], s[GROUP] = waits, 0
        if waits:
            x.waiting[:-1] = x.waiting[1:].copy()
        r.advances[r.filled[2], 0], r.advances[r.filled[2], 1] = t, s[LOADED]
        r.filled[2] += 1
        x.events[CYCLES] = 1
    elif s[LOADING]:
        s[GROUP] += 1
        s[LOADING] = s[GROUP] < c.beats
    s[PASSED] = 1 if advance else s[PASSED] + 1
    if s[TAGGED]:
        s[TAGS] += 1
        x.waiting[s[TAGS] + s[NEXT_TAG] + s[TAG] - 1] = s[TAGGED] - 1
    s[TAGGED] = 0
    if s[LANDED]:
        s[STORED] += 1
        s[ARRIVING] += 1
        if s[ARRIVING] == c.beats:
            s[ARRIVING], s[TAGGED] = 0, s[LANDED]
    s[LANDED] = taken * (1 + s[POSITION] // c.beats)
    if taken:
        s[OFFERING] = 0
        s[POSITION] += 1


@_compiled
def _enter(c: Circuit, stimulus: Stimulus, x: Inside, r: Record) -> None:
    n, fixed = x.s[LOADED], x.s[FIXED] == 1
    x.events[SAMPLES] = 1
    if fixed:
        r.kappa[n] = x.s[RATE]
    if c.trains and stimulus.train[n]:
        x.events[ILLEGAL] = not fixed and not c.least <= stimulus.kappa[n] <= c.greatest
        x.events[ILLEGAL + 1] = stimulus.label[n] >= c.classes


@_compiled
def _port(c: Circuit, x: Inside, r: Record, t: int, sees: int, shown: np.ndarray) -> None:
    """A register is read a clock after the request, ``shown`` being the counts then; what follows is done a clock later."""
    s, n = x.s, r.filled[3] - 1
    before, s[ANSWERED] = s[ANSWERED], 0
    comes = s[ASKED] and not before & DONE and not s[CAUGHT] and not s[LOOKED] and s[BUSY] < 0
    if s[BUSY] >= 0:
        s[ANSWERED] = DONE * (s[BUSY] == 0)
        s[BUSY] -= 1
        known = OF_MEMORY
    elif s[CAUGHT]:
        _look(c, x, r.accesses[n, 2], sees, shown)
    elif s[LOOKED]:
        address, word, writes = r.accesses[n, 2], r.accesses[n, 3], r.accesses[n, 4] == 1
        known = _register(c, x, address, word, writes) if address < c.block else _memory(c, x, address, word, writes, sees)
        s[ANSWERED] = 0 if s[BUSY] >= 0 else DONE | ERROR * (known == REFUSED)
        r.accesses[n, 5] = known
    s[CAUGHT], s[LOOKED] = comes, s[CAUGHT]
    if s[ANSWERED]:
        r.accesses[n, 1], r.accesses[n, 5] = t + 1, known
        r.answers[n] = s[ANSWER]


@_compiled
def _memory(c: Circuit, x: Inside, address: int, word: int, writes: bool, sees: int) -> int:
    """A word of a memory, if the address names one, nothing moves and the word can hold the value."""
    block, offset = address // c.block - 1, address % c.block
    if block >= len(c.regions) or not sees & STANDING or x.s[RUN] & 1:
        return REFUSED
    row = c.regions[block]
    rows, lanes, bits, lowest, highest = row[0], row[1], row[2], row[3], row[4]
    if offset >> bits >= rows or offset & ((1 << bits) - 1) >= (lanes if offset >> bits < rows - 1 else row[5]):
        return REFUSED
    number = word - (1 << 32) if lowest < 0 and word >> 31 else word
    if writes and not lowest <= number <= highest:
        x.events[ILLEGAL + 2] = 1
        return REFUSED
    x.s[BUSY] = (c.writing if writes else c.reading) - 4
    return OF_MEMORY


@_compiled
def _look(c: Circuit, x: Inside, address: int, sees: int, shown: np.ndarray) -> None:
    """A register, if there is one at that address, is read."""
    kind = c.registers[address] if address < len(c.registers) else NOT_THERE
    if kind != NOT_THERE:
        x.s[ANSWER] = _reading(c, x, kind, address, sees, shown)


@_compiled
def _register(c: Circuit, x: Inside, address: int, word: int, writes: bool) -> int:
    """A register, if there is one, is written; what is known of the answer."""
    kind = c.registers[address] if address < len(c.registers) else NOT_THERE
    s, legal = x.s, kind in (IS_CONTROL, IS_RATE, IS_ERRORS)
    if kind == NOT_THERE:
        return REFUSED
    if writes and kind == IS_CONTROL:
        legal = word <= 3
        s[RUN] = word if legal else s[RUN]
    elif writes and kind == IS_RATE:
        legal = word >> 9 == 0 and c.least <= word & 255 <= c.greatest
        if legal:
            s[RATE], s[FIXED] = word & 255, word >> 8
    elif writes and kind == IS_ERRORS:
        legal = word <= 7
        s[CLEAR] = word if legal else 0
    elif writes:
        return REFUSED
    if writes and not legal:
        x.events[ILLEGAL + 2] = 1
        return REFUSED
    return OF_CLIPPED if kind == COUNTS_CLIPPED else KNOWN


@_compiled
def _reading(c: Circuit, x: Inside, kind: int, address: int, sees: int, shown: np.ndarray) -> int:
    s, flags = x.s, 0
    for i in range(3):
        flags |= (shown[ILLEGAL + i] > 0) << i
    if kind == IS_CONTROL:
        return s[RUN]
    if kind == IS_STATUS:
        return (sees & STANDING != 0) | s[EMPTIED] << 1 | (flags > 0) << 2
    if kind == IS_RATE:
        return s[RATE] | s[FIXED] << 8
    if kind == IS_ERRORS:
        return flags
    if kind == IS_CONSTANT:
        return c.counted[address]
    return shown[c.counted[address]] if kind == READ_ONLY else 0


@_compiled
def play(c: Circuit, stimulus: Stimulus, r: Record) -> None:
    """Play the script from power-up; ends where the script does, or there is no more room in the record."""
    x = Inside(
        np.zeros(STATES, np.int64),
        np.zeros(8, np.int64),
        np.zeros(c.room + 1, np.int64),
        np.zeros(COUNTS, np.int64),
        np.zeros(COUNTS, np.int64),
    )
    s, before = x.s, np.zeros(2 * COUNTS, np.int64)
    _reset(c, x)
    t, since, stage = 0, 0, -1
    most = 16 * (c.in_flight + 8) * (c.period + c.skew) + 4 * len(stimulus.pauses) + 100_000
    while True:
        sees = _sees(c, s)
        sets = _host(stimulus, x, r, t, sees)
        if sets == -1:
            break
        if sets == -2 or t == len(r.sets) or max(r.filled[1] - len(r.sent), r.filled[2] - len(r.advances)) >= 0:
            r.filled[6] = 1
            break
        if s[STEP] + s[WAITED] + s[POSITION] + s[POPPED] != stage:
            stage, since = s[STEP] + s[WAITED] + s[POSITION] + s[POPPED], t
        elif t - since > most:
            r.filled[6] = 2
            break
        resets = sets & RESETS != 0
        if resets:
            s[OFFERING] = 0
        else:
            sets |= _streams(stimulus, x, r, t)
        r.sets[t], r.sees[t] = sets, sees & (EMPTY - 1)
        r.access[t] = r.filled[3] - 1 if sets & REQUESTS else -1
        r.beat[t] = s[POPPED] - 1 if s[SHOWN] else -1
        # The end of the clock. What happens is counted in the next, which is seen in the one after that.
        before[:COUNTS], before[COUNTS:], clear = x.counts, x.events, s[CLEAR]
        x.events[:], s[CLEAR] = 0, 0
        s[GO] = s[GO] << 1 & 3 | _may(c, s)
        for i in range(COUNTS):
            kept = 0 if i >= ILLEGAL and clear >> (i - ILLEGAL) & 1 else before[i]
            x.counts[i] = kept + before[COUNTS + i]
        _results(c, x, t, sees, sets & TAKES != 0)
        _samples(c, stimulus, x, r, t, sees)
        _port(c, x, r, t, sees, before)
        s[EMPTIED] = sees & EMPTY != 0
        t += 1
        if resets:
            if s[ASKED]:
                s[ASKED], r.accesses[r.filled[3] - 1, 1] = 0, 0
            _reset(c, x)
            r.resets[(r.filled[5] - 1) % len(r.resets), 1] = t
    r.filled[0] = t
