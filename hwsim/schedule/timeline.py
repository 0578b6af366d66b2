"""Which sample every operation works on, and what every bank holds, junction cycle by junction cycle: data for a picture.

All of it follows from the hops (docs/architecture.md §4) and from what entered. Samples are numbered by the junction cycle
in which they enter, bubbles included; sample n of a memory with B banks has bank n mod B.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hwsim.schedule.banks import Banks
from hwsim.vocabulary import BP, BUBBLE, FF, HOST, INFERENCE, OPERATIONS, TRAINING, UP, MemoryKey, MemoryKind
from models.network.order import Hops

IntArray = npt.NDArray[np.int64]

NONE = -1
"""No sample, no operation."""


@dataclass(frozen=True, eq=False)
class BankTable:
    """The banks of one memory over the junction cycles of a timeline.

    Attributes
    ----------
    key
        Which memory it is.
    holds
        int64 [banks, cycles]: the sample whose words the bank keeps for later or takes in; -1 if it is free. Where one
        sample is read last in the very cycle in which another is written over it, the one that is read.
    written, read
        int64 [banks, cycles]: the sample that is written or read in that cycle, or -1.
    writer, reader
        int64 [banks, cycles]: the operation that does it, FF, BP, UP or the host as index of ``OPERATIONS``, or -1.
    """

    key: MemoryKey
    holds: IntArray
    written: IntArray
    writer: IntArray
    read: IntArray
    reader: IntArray

    @property
    def banks(self) -> int:
        """Samples that fit."""
        return len(self.holds)


@dataclass(frozen=True, eq=False)
class Timeline:
    """What the pipeline does from the loading of the first sample until the last has left.

    Attributes
    ----------
    hops
        The order of training.
    kinds
        int8 [entries]: bubble, inference or training, as codes.
    cycles
        int64 [cycles]: the junction cycles covered; -1 is the one in which the host loads the first sample.
    sample
        int64 [L, 3, cycles]: what FF, BP and UP of each junction work on; -1 for nothing. The first junction has no BP.
    tables
        The banks of all memories that hold samples.
    """

    hops: Hops
    kinds: npt.NDArray[np.int8]
    cycles: IntArray
    sample: IntArray
    tables: tuple[BankTable, ...]

    @property
    def n_junctions(self) -> int:
        """L."""
        return len(self.sample)

    @property
    def steady(self) -> tuple[int, int]:
        """First junction cycle in which all operations can work, and first in which no sample enters any more."""
        n = len(self.kinds)
        return min(self.hops.drain(self.n_junctions), n), n

    def within(self, first: int, last: int) -> "Timeline":
        """The junction cycles ``first .. last - 1`` of this timeline."""
        part = slice(*np.searchsorted(self.cycles, (first, last)))
        arrays = ("holds", "written", "writer", "read", "reader")
        tables = tuple(replace(t, **{a: getattr(t, a)[:, part] for a in arrays}) for t in self.tables)
        return replace(self, cycles=self.cycles[part], sample=self.sample[..., part], tables=tables)


def timeline(hops: Hops, n_junctions: int, kinds: npt.ArrayLike, banks: Banks | None = None) -> Timeline:
    """Follow samples through the pipeline.

    Parameters
    ----------
    kinds
        int [entries]: what enters in junction cycles 0, 1, …: ``BUBBLE``, ``INFERENCE`` or ``TRAINING`` of
        :mod:`hwsim.machine.columns`.
    banks
        In place of as many as the hops need.
    """
    kinds = np.asarray(kinds, np.int8)
    banks = banks or Banks.of(hops, n_junctions)
    cycles = np.arange(-1, len(kinds) + hops.drain(n_junctions))
    fed, learned = np.flatnonzero(kinds != BUBBLE), np.flatnonzero(kinds == TRAINING)
    forward = [hops.feedforward_lag(i) for i in range(1, n_junctions + 1)]
    backward = [hops.backward_lag(i, n_junctions) for i in range(1, n_junctions + 1)]
    sample = np.full((n_junctions, 3, len(cycles)), NONE, np.int64)
    for j in range(n_junctions):
        sample[j, FF, fed + forward[j] + 1] = fed
        for operation in (BP, UP) if j else (UP,):
            sample[j, operation, learned + backward[j] + 1] = learned
    tables = []
    for i in range(n_junctions):
        t = _Filling(MemoryKey(MemoryKind.ACTIVATIONS, i), banks.activation[i], len(cycles))
        t.write(fed, forward[i - 1] if i else -1, FF if i else HOST)
        t.read(fed, forward[i], FF)
        t.read(learned, backward[i], UP)
        tables.append(t.table())
    for i in range(1, n_junctions):
        t = _Filling(MemoryKey(MemoryKind.DERIVATIVES, i), banks.derivative[i - 1], len(cycles))
        t.write(fed, forward[i - 1], FF)
        t.read(learned, backward[i - 1], UP)
        tables.append(t.table())
    for i in range(1, n_junctions):
        t = _Filling(MemoryKey(MemoryKind.PARTIAL_DELTAS, i), banks.partial[i - 1], len(cycles))
        t.write(learned, backward[i], BP)
        t.read(learned, backward[i - 1], UP)
        tables.append(t.table())
    t = _Filling(MemoryKey(MemoryKind.DELTAS, n_junctions), banks.delta, len(cycles))
    t.write(learned, forward[-1], FF)
    t.read(learned, backward[-1], UP)
    tables.append(t.table())
    return Timeline(hops, kinds, cycles, sample, tuple(tables))


class _Filling:
    """A bank table while samples are entered."""

    def __init__(self, key: MemoryKey, banks: int, n_cycles: int) -> None:
        self.key = key
        self.holds, self.written, self.writer, self.last_read, self.reader = (
            np.full((banks, n_cycles), NONE, np.int64) for _ in range(5)
        )
        self.lag = 0

    def write(self, samples: IntArray, lag: int, operation: int) -> None:
        """Samples are written ``lag`` cycles after they enter."""
        self.lag = lag
        self._enter(samples, lag, self.written, self.writer, operation)

    def read(self, samples: IntArray, lag: int, operation: int) -> None:
        """Samples are read ``lag`` cycles after they enter, and kept until then."""
        # Older samples later, so that theirs stays where a younger one is being written.
        for held in range(self.lag, lag + 1):
            self.holds[samples % len(self.holds), samples + held + 1] = samples
        self._enter(samples, lag, self.last_read, self.reader, operation)

    def _enter(self, samples: IntArray, lag: int, of: IntArray, by: IntArray, operation: int) -> None:
        place = samples % len(of), samples + lag + 1
        of[place], by[place] = samples, operation

    def table(self) -> BankTable:
        """What has been entered; a sample that is written and never read is held in that cycle only."""
        holds = np.where(self.holds == NONE, self.written, self.holds)
        return BankTable(self.key, holds, self.written, self.writer, self.last_read, self.reader)


def illustration(hops: Hops, n_junctions: int) -> Timeline:
    """A short timeline with all there is to see: fill, steady state, a bubble, an inference sample and drain."""
    drain = hops.drain(n_junctions)
    kinds = np.full(2 * drain + 6, TRAINING)
    kinds[[drain + 1, 2 * drain + 1]] = BUBBLE, INFERENCE
    return timeline(hops, n_junctions, kinds)


assert OPERATIONS[:3] == ("FF", "BP", "UP")
