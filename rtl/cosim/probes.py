"""Which signals of the hardware are watched, and what an access seen there is called in the event log."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Value
from amaranth.utils import ceil_log2

from hwsim.vocabulary import BP, FF, HOST, UP, MemoryKey, MemoryKind
from rtl.accelerator import Accelerator
from rtl.blocks.arithmetic import shape_of
from rtl.plan.plan import Plan
from rtl.plan.widths import partial_shape


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

    @property
    def code(self) -> tuple[int, int, int]:
        """Memory, junction and operation, as events of its writes have them."""
        return self.key.kind.code, self.junction, self.operation


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
        yield _row(MemoryKey(MemoryKind.WEIGHTS, i), unit.weights, j.z, n.weight, UP)
        yield _row(MemoryKey(MemoryKind.BIASES, i), unit.biases, j.results_per_clock, n.bias, UP)
        if not plan.trains:
            continue
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
