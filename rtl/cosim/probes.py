"""Which signals of the hardware are watched, and what an access seen there is called in the event log."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from amaranth.hdl import Value
from amaranth.utils import ceil_log2

from hwsim.events.log import EVENT_FIELDS, INDEX, LANE, MEMORY
from hwsim.vocabulary import BP, FF, HOST, UP, WEIGHT, WRITE, MemoryKey, MemoryKind
from rtl.accelerator import Accelerator
from rtl.blocks.arithmetic import shape_of
from rtl.plan.plan import Plan
from rtl.plan.widths import partial_shape

WRITE_FIELDS = ("clock", "junction", "operation", "memory", "bank", "index", "address", "value")
"""What is compared of a write; sample and, but for weights, lane follow from where and when it happens.

All lanes of a weight row are one memory: for them the lane stands in the place of the index.
"""


@dataclass(frozen=True)
class Probe:
    """The write ports of one group of RAMs.

    Attributes
    ----------
    key
        Which memory they write.
    enable
        One bit for all lanes, or one for each.
    address
        One address for all lanes, or one for each, ``address_bits`` wide; banks stand above ``bank_shift`` bits.
    bank
        Where the bank is a signal of its own.
    word
        All lanes' words, ``width`` bits each.
    junction, operation
        Of the event.
    """

    key: MemoryKey
    enable: Any
    address: Any
    word: Any
    bank: Any
    lanes: int
    width: int
    signed: bool
    address_bits: int
    bank_shift: int
    junction: int
    operation: int

    @property
    def signals(self) -> dict[str, Any]:
        """What to watch."""
        named = {"enable": self.enable, "address": self.address, "word": self.word, "bank": self.bank}
        return {k: v for k, v in named.items() if v is not None}

    def events(self, clock: np.ndarray, raw: dict[str, np.ndarray]) -> npt.NDArray[np.int64]:
        """int64 [n, WRITE_FIELDS] from clocks [m] and little-endian bytes [m, bytes] of the signals."""
        n, lanes = clock.size, self.lanes
        enable = _fields(raw["enable"], 1, len(Value.cast(self.enable)), False)
        enable = np.broadcast_to(enable, (n, lanes))
        value = _fields(raw["word"], self.width, lanes, self.signed)
        if "address" in raw:
            each = len(Value.cast(self.address)) // self.address_bits
            address = np.broadcast_to(_fields(raw["address"], self.address_bits, each, False), (n, lanes))
        else:
            address = np.zeros((n, lanes), np.int64)
        bank = np.zeros((n, lanes), np.int64)
        if "bank" in raw:
            bank = np.broadcast_to(_fields(raw["bank"], len(Value.cast(self.bank)), 1, False), (n, lanes))
        elif self.bank_shift >= 0:
            bank, address = address >> self.bank_shift, address & ((1 << self.bank_shift) - 1)
        lane = np.broadcast_to(np.arange(lanes), (n, lanes))
        rows = np.stack(
            [
                np.broadcast_to(clock[:, None], (n, lanes)),
                np.full((n, lanes), self.junction),
                np.full((n, lanes), self.operation),
                np.full((n, lanes), self.key.kind.code),
                bank,
                lane,
                address,
                value,
            ],
            axis=2,
        )
        return rows[enable == 1].astype(np.int64)


def _fields(raw: np.ndarray, width: int, count: int, signed: bool) -> npt.NDArray[np.int64]:
    """int64 [n, count] from packed little-endian fields of ``width`` bits."""
    bits = np.unpackbits(raw, axis=1, bitorder="little", count=width * count).reshape(len(raw), count, width)
    weight = np.int64(1) << np.arange(width, dtype=np.int64)
    if signed:
        weight[-1] = -weight[-1]
    return bits @ weight


def probes(of: Accelerator) -> Iterator[Probe]:
    """Every write port of every memory."""
    plan: Plan = of.plan
    n = plan.numbers
    for j, unit in zip(plan.junctions, of.junctions, strict=True):
        i = j.number
        left, bits = unit.left, ceil_log2(unit.left.words)
        yield Probe(
            MemoryKey(MemoryKind.ACTIVATIONS, i - 1),
            left.enable,
            left.target if bits else None,
            left.word,
            None,
            j.z,
            j.left.width,
            j.left.signed,
            bits,
            ceil_log2(j.depth),
            i - 1,
            HOST if i == 1 else FF,
        )
        if not plan.trains:
            continue
        yield _row(MemoryKey(MemoryKind.WEIGHTS, i), unit.weights, j.z, n.weight, UP)
        yield _row(MemoryKey(MemoryKind.BIASES, i), unit.biases, j.results_per_clock, n.bias, UP)
        if j.is_last:
            yield _row(MemoryKey(MemoryKind.DELTAS, i), unit.deltas, j.results_per_clock, n.delta, FF)
        else:
            yield _row(MemoryKey(MemoryKind.DERIVATIVES, i), unit.derivatives, j.results_per_clock, n.derivative, FF)
        if i > 1:
            partials, bits = unit.partials, ceil_log2(unit.partials.words)
            yield Probe(
                MemoryKey(MemoryKind.PARTIAL_DELTAS, i - 1),
                partials.enable,
                partials.target if bits else None,
                partials.word,
                None,
                j.z,
                partial_shape(plan, j).width,
                True,
                bits,
                ceil_log2(j.depth),
                i,
                BP,
            )


def _row(key: MemoryKey, memory: Any, lanes: int, fmt: Any, operation: int) -> Probe:
    """A memory of the junction that writes it: its number is the junction's."""

    def used(signal: Any) -> Any:
        return signal if len(Value.cast(signal)) else None

    return Probe(
        key,
        memory.write_enable,
        used(memory.write_address),
        memory.write_data,
        used(memory.write_bank),
        lanes,
        fmt.width,
        shape_of(fmt).signed,
        memory.address_bits,
        -1,
        key.number,
        operation,
    )


_COLUMNS = [EVENT_FIELDS.index(f) for f in WRITE_FIELDS]
_MEMORY, _INDEX = WRITE_FIELDS.index("memory"), WRITE_FIELDS.index("index")


def compared(events: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """int64 [n, WRITE_FIELDS]: what is compared of events [n, EVENT_FIELDS]."""
    result = np.ascontiguousarray(events[:, _COLUMNS])
    weights = events[:, MEMORY] == WEIGHT
    result[weights, _INDEX] = events[weights, LANE]
    return result


def as_events(writes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The inverse, as far as it goes: events of writes, the lane known for weights only, no sample."""
    result = np.zeros((len(writes), len(EVENT_FIELDS)), np.int64)
    result[:, _COLUMNS] = writes
    result[:, EVENT_FIELDS.index("access")] = WRITE
    result[:, EVENT_FIELDS.index("sample")] = -1
    weights = writes[:, _MEMORY] == WEIGHT
    result[weights, LANE], result[weights, INDEX] = writes[weights, _INDEX], 0
    return result
