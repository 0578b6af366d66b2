"""What the data must be: every write of every memory, every result, every word that the port gives.

The protocol says when junction cycles begin and which requests the port serves; the machine is taken through the same
junction cycles, the host's writes and the resets between them, and gives the integers.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from hwsim.events.log import CLOCK, EVENT_FIELDS
from hwsim.machine.log import Log
from hwsim.machine.machine import Machine
from hwsim.machine.streams import Results, Samples
from hwsim.schedule.banks import Banks
from hwsim.vocabulary import ACTIVATION, BIAS, HOST, WEIGHT, WRITE
from models.network.order import NO_SAMPLE
from models.network.parameters import IntegerParameters
from rtl.cosim import protocol_kernel as kernel
from rtl.cosim.protocol import Era, Protocol, write_lands
from rtl.cosim.stimulus import StreamSamples
from rtl.plan.plan import Plan
from rtl.ports.register_map import AddressMap
from rtl.ports.registers_model import SATURATION

_MEMORY = EVENT_FIELDS.index("memory")
_LOGGED = 50_000
"""Events of the machine's log that are compared at once: few enough to stay in a processor's cache."""
_AT_ONCE = 200_000
"""Events: the most of a piece of the machine, about as many as a piece of the host has."""
_COUNTED = 12
"""Clocks until what was clipped stands in its register."""


@dataclass(frozen=True, eq=False)
class Piece:
    """Some clocks: ``events`` int64 [n, EVENT_FIELDS] are all writes in clocks ``first .. last - 1``."""

    first: int
    last: int
    events: npt.NDArray[np.int64]


@dataclass(eq=False)
class Expectation:
    """The data of a script; :meth:`pieces` fills the rest.

    Attributes
    ----------
    answers
        int64 [accesses]: words that the port must give.
    answered
        bool [accesses]: whether they are known yet, and count.
    saturation
        int64 [L, 4]: numbers clipped in all eras: pre-activations, deltas, weights, biases.
    illegal
        Training samples that were fed forward only, by what was illegal.
    bubbles, standing
        Junction cycles without a sample between the first and the last one with a sample; clocks in which the accelerator
        stood although it was running.
    machine
        That of the last era.
    """

    plan: Plan
    samples: StreamSamples
    protocol: Protocol
    answers: npt.NDArray[np.int64] = field(init=False)
    answered: npt.NDArray[np.bool_] = field(init=False)
    saturation: npt.NDArray[np.int64] = field(init=False)
    bubbles: int = 0
    standing: int = 0
    illegal: dict[str, int] = field(init=False)
    machine: Machine = field(init=False)

    def __post_init__(self) -> None:
        self._regions = AddressMap.of(self.plan)
        edges = sum(j.pattern.n_edges for j in self.plan.junctions)
        # Of a junction cycle: edges are written in UP and in BP, activations, derivatives, deltas and biases by neurons.
        self._most = 2 * edges + 4 * sum(self.plan.design.network.layers)
        self._written = Log(0, np.iinfo(np.int64).max, 2 * max(_LOGGED, self._most), reads=False)
        self._begin()

    def _begin(self) -> None:
        r = self.protocol.record
        self.answers = r.answers.copy()
        self.answered = np.zeros(len(r.answers), np.bool_)
        self._results: list[list[Results]] = []
        self.bubbles = self.standing = 0
        self.illegal = {"kappa": 0, "label": 0}
        self.saturation = np.zeros((len(self.plan.junctions), 4), np.int64)
        initial = self.plan.design.initial_integers
        self._state = IntegerParameters([w.copy() for w in initial.weights], [b.copy() for b in initial.biases])

    @property
    def results(self) -> list[Results]:
        """Those of every era, as far as the pieces have come."""
        return [Results(*map(np.concatenate, zip(*parts, strict=True))) for parts in self._results]

    def pieces(self) -> Iterator[Piece]:
        """All writes, piece by piece: every clock of the script is in one of them.

        A piece's events are there until the next piece is asked for.
        """
        self._begin()
        at = 0
        for era in self.protocol.eras:
            for piece in self._era(era):
                # Between the pieces nothing is written.
                if piece.last > at:
                    yield Piece(at, piece.last, piece.events)
                    at = piece.last
        yield Piece(at, self.protocol.clocks, np.zeros((0, len(EVENT_FIELDS)), np.int64))

    def _era(self, era: Era) -> Iterator[Piece]:
        of, self._last = self.plan, era.last
        banks = None if of.trains else Banks.of_inference(len(of.junctions))
        self.machine = machine = of.design.machine(self._state, banks=banks)
        s, kappa = self.samples, self.protocol.record.kappa
        known = machine.samples(s.input, s.label, kappa, s.train, as_carried=True)
        self._results.append([machine.feed(known, [])])
        access, end = era.accesses
        advances = era.advances
        stands = int(advances[0, 0]) if len(advances) else era.last
        access = yield from self._host(access, end, stands)
        for piece, still in self._cycles(era, known):
            cut = piece.last > era.last + 1
            if cut:
                piece = Piece(piece.first, era.last + 1, piece.events[piece.events[:, CLOCK] <= era.last])
                _apply(of, self._state, piece.events)
            yield piece
            if cut:
                break
            self._state = machine.parameters
            if still is not None:
                access = yield from self._host(access, end, still)
        yield from self._host(access, end, era.last)
        self.saturation += machine.saturation
        for name, count in machine.illegal._asdict().items():
            self.illegal[name] += count
        source = advances[:, 1]
        fed = np.flatnonzero(source >= 0)
        self.bubbles += int((source[fed[0] : fed[-1]] < 0).sum()) if fed.size else 0

    def _cycles(self, era: Era, known: Samples) -> Iterator[tuple[Piece, int | None]]:
        """Junction cycles that follow each other, and the clocks between, in which the host has until a clock."""
        machine, advances = self.machine, era.advances[:, 0]
        if not advances.size:
            return
        most = max(1, _LOGGED // self._most)
        offset, gaps, source = int(advances[0]) + 1, np.diff(advances) - self.plan.period, era.advances[:, 1]
        starts = [0, *(np.flatnonzero(gaps) + 1).tolist(), source.size]
        for a, b in pairwise(starts):
            for first in range(a, b, most):
                log = self._log()
                self._took(machine.feed(known, source[first : min(b, first + most)]))
                yield self._closed(log, offset), None
            log, rest = self._log(), max(machine.skew, 1)
            self._took(machine.stand(rest))
            # The host may be at work until the next advance; what it writes, it writes when all has landed.
            yield self._closed(log, offset), int(advances[b]) if b < source.size else era.last
            if b < source.size:
                self.standing += int(gaps[b - 1])
                machine.stand(int(gaps[b - 1]) - rest)

    def _took(self, results: Results) -> None:
        self._results[-1].append(results)

    def _log(self) -> Log:
        self._written.restart(self.machine.clock)
        self.machine.log = self._written
        return self._written

    def _closed(self, log: Log, offset: int) -> Piece:
        assert not log.lost
        writes = log.events
        if not self.plan.trains:  # nobody reads them, and the hardware leaves them out
            writes = writes[writes[:, _MEMORY] == ACTIVATION]
        writes[:, CLOCK] += offset
        return Piece(log.first + offset, self.machine.clock + offset, writes)

    def _host(self, access: int, end: int, until: int) -> Generator[Piece, None, int]:
        """Accesses of the bus up to a clock: answers are noted, writes are made; returns the first one behind."""
        r = self.protocol.record
        stop = access + int(np.searchsorted(r.accesses[access:end, 0], until, "right"))
        rows: list[npt.NDArray[np.int64]] = []
        for k in range(access, stop):
            asked, done, address, word, writes, kind = r.accesses[k].tolist()
            if kind == kernel.OF_MEMORY:
                region, row, lane = self._place(address)
                if writes:
                    clock = asked + write_lands(self.plan, region % len(self.plan.junctions) + 1)
                    # One that reset breaks off has landed by then, or never does.
                    if clock <= self._last:
                        rows.append(self._write(clock, region, row, lane, word))
                elif done:
                    self.answers[k], self.answered[k] = self._word(region, row, lane) & 0xFFFFFFFF, True
            elif not done:
                continue
            elif kind == kernel.OF_CLIPPED:
                if writes or not self._at_rest(asked):
                    continue
                junction, signal = divmod(address - SATURATION, 4)
                self.answers[k], self.answered[k] = self.machine.saturation[junction, signal], True
            else:
                self.answered[k] = kind == kernel.KNOWN and not writes
            if rows and len(rows) * len(rows[-1]) > _AT_ONCE:
                yield _piece(rows)
                rows.clear()
        if rows:
            yield _piece(rows)
        self.machine.parameters = self._state
        return stop

    def _at_rest(self, clock: int) -> bool:
        """Whether nothing has moved for so long that everything clipped has been counted."""
        return bool((self.protocol.record.sees[max(clock - _COUNTED, 0) : clock + 1] & kernel.STANDING).all())

    def _place(self, address: int) -> tuple[int, int, int]:
        block, offset = divmod(address, 1 << self._regions.block_bits)
        region = (self._regions.weights + self._regions.biases)[block - 1]
        return block - 1, offset >> region.lane_bits, offset & ((1 << region.lane_bits) - 1)

    def _flat(self, region: int) -> tuple[npt.NDArray[np.int32], int]:
        """The words of a memory, and how many a row has."""
        of, n = (self._regions.weights + self._regions.biases)[region], len(self.plan.junctions)
        return (self._state.weights[region] if region < n else self._state.biases[region - n]), of.lanes

    def _word(self, region: int, row: int, lane: int) -> int:
        """A word of a memory, zero behind the last."""
        flat, lanes = self._flat(region)
        at = row * lanes + lane
        return int(flat[at]) if lane < lanes and at < flat.size else 0

    def _row(self, region: int, row: int) -> npt.NDArray[np.int32]:
        """int32 [lanes]: a row of a memory, zeros behind the last word."""
        flat, lanes = self._flat(region)
        words = flat[row * lanes : (row + 1) * lanes]
        result = np.zeros(lanes, np.int32)
        result[: words.size] = words
        return result

    def _write(self, clock: int, region: int, row: int, lane: int, word: int) -> npt.NDArray[np.int64]:
        """A word is replaced, its row written: events int64 [lanes, EVENT_FIELDS]."""
        flat, n = self._flat(region)[0], len(self.plan.junctions)
        flat[row * self._flat(region)[1] + lane] = np.uint32(word).astype(np.int32)
        words = self._row(region, row)
        lanes = np.arange(words.size)
        events = np.zeros((lanes.size, len(EVENT_FIELDS)), np.int64)
        bias = region >= n
        facts = {
            "clock": clock,
            "junction": region % n + 1,
            "operation": HOST,
            "access": WRITE,
            "memory": BIAS if bias else WEIGHT,
            "index": lanes if bias else 0,
            "address": row,
            "lane": lanes,
            "value": words,
            "sample": NO_SAMPLE,
        }
        for name, value in facts.items():
            events[:, EVENT_FIELDS.index(name)] = value
        return events


def _piece(rows: list[npt.NDArray[np.int64]]) -> Piece:
    return Piece(int(rows[0][0, CLOCK]), int(rows[-1][0, CLOCK]) + 1, np.concatenate(rows))


def _apply(of: Plan, state: IntegerParameters, events: npt.NDArray[np.int64]) -> None:
    """Weights and biases as writes have left them."""
    names = ("junction", "memory", "index", "address", "lane", "value")
    junction, memory, index, address, lane, value = (events[:, EVENT_FIELDS.index(name)] for name in names)
    where = AddressMap.of(of)
    for j in range(len(of.junctions)):
        mine = junction == j + 1
        for kind, at, region, words in (
            (WEIGHT, lane, where.weights[j], state.weights[j]),
            (BIAS, index, where.biases[j], state.biases[j]),
        ):
            hit = mine & (memory == kind)
            words[address[hit] * region.lanes + at[hit]] = value[hit]
