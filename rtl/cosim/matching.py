"""Whether the machine's writes are what the bench has recorded, in compiled loops over integers as they lie in memory.

Each event finds the enabled lane of a line with the same clock, bank, address and word; no two find the same, and no enabled
lane is left over. Where they are not the same, :mod:`rtl.cosim.comparison` says what differs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hwsim.events.log import CLOCK, EVENT_FIELDS, INDEX, LANE
from hwsim.vocabulary import MEMORIES, WEIGHT
from models.compiled import njit
from rtl.cosim.lines import Lines, field
from rtl.cosim.probes import Probe
from rtl.cosim.testbench import CLOCK_BITS, Watched

_JUNCTION, _MEMORY, _BANK, _ADDRESS, _VALUE = (
    EVENT_FIELDS.index(name) for name in ("junction", "memory", "bank", "address", "value")
)


class Layout(NamedTuple):
    """Where a probe's lines have what: first bits, -1 for what is not there, and widths; one of a kind serves all lanes.

    Attributes
    ----------
    lane
        The column of events that tells the lane.
    """

    lanes: int
    lane: int
    enable: int
    enables: int
    bank: int
    bank_bits: int
    address: int
    addresses: int
    address_bits: int
    bank_shift: int
    word: int
    width: int
    signed: bool

    @classmethod
    def of(cls, probe: Probe, fields: dict[str, tuple[str, int]]) -> "Layout":
        """Of a probe whose lines have these fields."""
        at, first = 0, dict.fromkeys(("enable", "address", "word", "bank"), -1)
        for name, (_, bits) in fields.items():
            first[name], at = at, at + bits
        widths = {name: fields[name][1] if name in fields else 0 for name in first}
        return cls(
            lanes=probe.lanes,
            lane=LANE if probe.key.kind.code == WEIGHT else INDEX,
            enable=first["enable"],
            enables=widths["enable"],
            bank=first["bank"],
            bank_bits=widths["bank"],
            address=first["address"],
            addresses=widths["address"] // probe.address_bits if widths["address"] else 0,
            address_bits=probe.address_bits,
            bank_shift=probe.bank_shift,
            word=first["word"],
            width=probe.width,
            signed=probe.signed,
        )


@dataclass(frozen=True, eq=False)
class Matching:
    """The recorded lines of all write ports, ready to be matched piece by piece."""

    layouts: list[Layout]
    lines: list[Lines]
    clocks: list[npt.NDArray[np.int64]]
    kinds: list[int]
    _numbers: npt.NDArray[np.int64]  # by memory and junction, of the probe

    @classmethod
    def of(cls, files: Mapping[str, Watched], recorded: Mapping[str, Lines]) -> "Matching":
        """Of what a bench has recorded: by name, what each line says, and the lines."""
        probes = {name: w.probe for name, w in files.items() if w.probe is not None}
        numbers = np.full((len(MEMORIES), 1 + max(p.junction for p in probes.values())), -1, np.int64)
        for k, p in enumerate(probes.values()):
            numbers[p.key.kind.code, p.junction] = k
        return cls(
            [Layout.of(p, files[name].fields) for name, p in probes.items()],
            [recorded[name] for name in probes],
            [recorded[name].fields(files[name].bits - CLOCK_BITS, CLOCK_BITS)[:, 0] for name in probes],
            [p.key.kind.code for p in probes.values()],
            numbers,
        )

    def rows(self, probe: int, first: int, last: int) -> slice:
        """Of a probe, the lines of clocks ``first .. last - 1``."""
        a, b = np.searchsorted(self.clocks[probe], (first, last))
        return slice(int(a), int(b))

    def agree(self, events: npt.NDArray[np.int64], first: int, last: int) -> dict[str, int] | None:
        """Writes by kind of memory, if they are those of the lines of clocks ``first .. last - 1``; else ``None``.

        Parameters
        ----------
        events
            int64 [n, EVENT_FIELDS].
        """
        order = np.empty(len(events), np.int64)
        starts = np.zeros(len(self.lines) + 1, np.int64)
        if not _sorted(events, self._numbers, order, starts):
            return None
        counts: dict[int, int] = {}
        for k, lines in enumerate(self.lines):
            mine, rows = order[starts[k] : starts[k + 1]], self.rows(k, first, last)
            if len(lines.unknown):
                return None
            if (mine.size or rows.start < rows.stop) and not _match(
                events, mine, lines.words, self.clocks[k], rows.start, rows.stop, self.layouts[k]
            ):
                return None
            if mine.size:
                counts[self.kinds[k]] = counts.get(self.kinds[k], 0) + mine.size
        return {MEMORIES[kind]: counts[kind] for kind in sorted(counts)}


@njit(cache=True, error_model="numpy")
def _sorted(events: np.ndarray, numbers: np.ndarray, order: np.ndarray, starts: np.ndarray) -> bool:
    """Numbers of the events by probe, ``starts`` where those of each begin; whether all are of a probe."""
    for i in range(events.shape[0]):
        memory, junction = events[i, _MEMORY], events[i, _JUNCTION]
        if memory < 0 or memory >= numbers.shape[0] or junction < 0 or junction >= numbers.shape[1]:
            return False
        k = numbers[memory, junction]
        if k < 0:
            return False
        starts[k + 1] += 1
    at = np.zeros(starts.size, np.int64)
    for k in range(1, starts.size):
        starts[k] += starts[k - 1]
        at[k] = starts[k]
    for i in range(events.shape[0]):
        k = numbers[events[i, _MEMORY], events[i, _JUNCTION]]
        order[at[k]] = i
        at[k] += 1
    return True


@njit(cache=True, error_model="numpy")
def _match(
    events: np.ndarray, mine: np.ndarray, words: np.ndarray, clocks: np.ndarray, first: int, last: int, of: Layout
) -> bool:
    """Whether some of the events, ascending in clocks, are the enabled lanes of lines ``first .. last - 1``."""
    line, enabled = first, 0
    met = np.full(of.lanes, -1, np.int64)  # the last line in which a lane was found
    for i in mine:
        clock, lane = events[i, CLOCK], events[i, of.lane]
        while line < last and clocks[line] < clock:
            line += 1
        if line == last or clocks[line] != clock or lane < 0 or lane >= of.lanes or met[lane] == line:
            return False
        met[lane] = line
        if not field(words, line, of.enable + (lane if of.enables > 1 else 0), 1):
            return False
        bank = address = np.int64(0)
        if of.bank >= 0:
            bank = field(words, line, of.bank, of.bank_bits)
        if of.address >= 0:
            address = field(words, line, of.address + (lane if of.addresses > 1 else 0) * of.address_bits, of.address_bits)
        if of.bank_shift >= 0:
            bank, address = address >> of.bank_shift, address & ((1 << of.bank_shift) - 1)
        value = field(words, line, of.word + lane * of.width, of.width)
        if of.signed:
            value -= (value >> (of.width - 1)) << of.width
        if bank != events[i, _BANK] or address != events[i, _ADDRESS] or value != events[i, _VALUE]:
            return False
    for k in range(first, last):
        for lane in range(of.enables):
            enabled += field(words, k, of.enable + lane, 1)
    return enabled * (1 if of.enables > 1 else of.lanes) == mine.size
