"""Partial deltas: interleaved memories that are read, added to and written in one clock."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from amaranth.hdl import Module, Mux, Shape, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from rtl.blocks.choose import route
from rtl.blocks.delay import DelayModel, delayed
from rtl.blocks.ram import place, ram_attributes, read, style, words
from rtl.memories.interleaved import neuron_address
from rtl.plan.interleaving import Interleaving


class Loop(NamedTuple):
    """The loop in which partial deltas are read, added to and written.

    Attributes
    ----------
    clocks
        A sum is written so many clocks after its contribution has come, less one: 1 is a loop without a register.
    ahead
        Clocks, 0 or 1, by which it is known before a contribution comes where it belongs. A loop of one clock has a register
        behind its memory then.
    returns
        Clocks after which a word is visited again, at the earliest.
    behind
        Clocks from the write of a sum to its write where it is handed over.
    zeros
        Lowest bits of contributions, and so of sums, that are always 0: nothing adds these.
    """

    clocks: int
    ahead: int = 0
    returns: int = 1
    behind: int = 0
    zeros: int = 0

    @property
    def forwards(self) -> bool:
        """Whether a word may be read in the clock in which it is written: the new one is taken then."""
        return self.ahead > 0 and self.returns == 1

    @property
    def apart(self) -> int:
        """Clocks by which visits to a word have to be apart."""
        return self.clocks if self.forwards else self.clocks + self.ahead


class PartialDeltaMemory(wiring.Component):
    """Accumulates partial deltas, and hands the finished ones to the junction before.

    The sums of the sample in work and the finished sums of ``banks`` samples are kept apart: each RAM has one reader.
    A contribution that arrives is added up in ``loop.clocks`` - 1 clocks, and handed over ``loop.behind`` clocks later, so a
    word may be visited again after ``loop.clocks`` clocks at the earliest. The first visit of a pass replaces what is
    there. All memories are at work together; or, ``apart``, each for itself: ``flags`` is then their number, else 1.

    Ports
    -----
    valid : in, flags
        Contributions are there ``loop.ahead`` clocks later.
    first : in, flags
        They are the first ones of their pass to their words.
    bank : in, bits(banks)
        Bank of the sample in work.
    address : in, memories * bits(depth)
        The word of every memory that they belong to.
    product : in, memories * product
        The contributions, ``loop.ahead`` clocks after where they belong.
    read_bank : in, bits(banks)
        Bank of the sample to hand over.
    read_base : in, bits(depth)
        Address of the first of the neurons to hand over.
    read_phase : in, bits(phases)
        Where they lie (:class:`rtl.plan.interleaving.Interleaving`).
    read_data : out, per_clock * word
        Their partial deltas by slot, ``latency`` clocks later.

    Attributes
    ----------
    enable, target, word
        What the RAMs' write ports are given: for observation. ``target`` holds bank and address.
    adding
        ``valid`` as it comes with the contributions.
    """

    def __init__(
        self,
        of: Interleaving,
        product: Shape,
        word: Shape,
        banks: int,
        loop: Loop,
        *,
        stages: int,
        lut_ram_depth: int,
        apart: bool = False,
    ) -> None:
        self._flags = of.memories if apart else 1
        assert loop.clocks == 1 or not loop.ahead
        self._of, self._word, self._banks, self.loop = of, word, banks, loop
        self.latency, self._lut_ram_depth = stages, lut_ram_depth
        self.words = words(banks, of.depth)
        address = data.ArrayLayout(unsigned(ceil_log2(of.depth)), of.memories)
        super().__init__(
            {
                "valid": In(self._flags),
                "first": In(self._flags),
                "bank": In(range(banks)),
                "address": In(address),
                "product": In(data.ArrayLayout(product, of.memories)),
                "read_bank": In(range(banks)),
                "read_base": In(range(of.depth)),
                "read_phase": In(range(of.phases)),
                "read_data": Out(data.ArrayLayout(word, of.per_clock)),
            }
        )
        self.adding = Signal(self._flags)
        self.enable = Signal(self._flags)
        self.target = Signal(data.ArrayLayout(unsigned(ceil_log2(self.words)), of.memories))
        self.word = Signal(data.ArrayLayout(word, of.memories))

    def model(self) -> "PartialDeltaMemoryModel":
        """The memory after reset, to be taken clock by clock."""
        return PartialDeltaMemoryModel(self._of, self._banks, self.loop, self.latency, self._flags > 1)

    def elaborate(self, platform: object) -> Module:
        m, of, banks = Module(), self._of, self._banks
        # A loop of one clock reads combinationally; a longer one leaves the first clock to the RAM.
        loop = self.loop
        late = loop.clocks - 1
        loop_read = min(late, 1)
        m.d.comb += self.adding.eq(delayed(m, self.valid, loop.ahead, "adding", valid=True))
        keeps = delayed(m, self.adding, late, "valid", valid=True)
        m.d.comb += self.enable.eq(delayed(m, keeps, loop.behind, "hands", valid=True))
        first = delayed(m, self.first, loop_read, "first")
        bank = delayed(m, self.bank, loop.ahead + late + loop.behind, "bank")
        next_base = self.read_base + 1
        finished = []
        for memory in range(of.memories):
            sums: Any = Memory(
                shape=self._word,
                depth=of.depth,
                init=[],
                attrs=ram_attributes(style(of.depth, loop_read, self._lut_ram_depth)),
            )
            handed: Any = Memory(
                shape=self._word,
                depth=self.words,
                init=[],
                attrs=ram_attributes(style(self.words, self.latency, self._lut_ram_depth)),
            )
            m.submodules[f"sum_{memory}"], m.submodules[f"handed_{memory}"] = sums, handed
            old = read(m, sums, self.address[memory], loop_read, f"old_{memory}")
            product = delayed(m, self.product[memory], loop_read, f"product_{memory}")
            total = Signal(self._word, name=f"total_{memory}")
            flag = memory if self._flags > 1 else 0
            address = delayed(m, self.address[memory], loop.ahead + late, f"address_{memory}")
            if loop.forwards:
                old = Mux(self.adding[flag] & (address == self.address[memory]), total, old)
            begun = delayed(m, Mux(first[flag], 0, old), loop.ahead, f"begun_{memory}")
            upper = begun.shift_right(loop.zeros) + product.shift_right(loop.zeros)
            m.d.comb += total.eq(upper.shift_left(loop.zeros))
            kept = delayed(m, total, late - loop_read, f"total_{memory}")
            moved = delayed(m, address, loop.behind, f"handed_at_{memory}")
            m.d.comb += [
                self.word[memory].eq(delayed(m, kept, loop.behind, f"handed_word_{memory}")),
                self.target[memory].eq(place(banks, of.depth, bank, moved)),
            ]
            ports = (
                (sums, keeps, address, kept),
                (handed, self.enable, self.target[memory], self.word[memory]),
            )
            for ram, enable, target, word in ports:
                write = ram.write_port()
                m.d.comb += [write.en.eq(enable[flag]), write.addr.eq(target), write.data.eq(word)]
            base = neuron_address(of, self.read_base, next_base, self.read_phase, memory)
            finished.append(
                read(m, handed, place(banks, of.depth, self.read_bank, base), self.latency, f"finished_{memory}")
            )
        phase = delayed(m, self.read_phase, self.latency, "phase")
        for k in range(of.per_clock):
            sources = [of.memory(p, k) for p in range(of.phases)]
            m.d.comb += self.read_data[k].eq(route(phase, sources, finished))
        return m


class PartialDeltaMemoryModel:
    """A :class:`PartialDeltaMemory` as lists of neurons; a word that returns too early misses contributions here, too."""

    def __init__(self, of: Interleaving, banks: int, loop: Loop, latency: int, apart: bool = False) -> None:
        self._of, self._loop, self._apart = of, loop, apart
        self._sums = [0] * (of.depth * of.memories)
        self._handed = [[0] * (of.depth * of.memories) for _ in range(banks)]
        self._visits = DelayModel(loop.ahead, (0, [], [], []))
        self._writes, self._hands = DelayModel(loop.clocks - 1, None), DelayModel(loop.behind, None)
        self._late = DelayModel(latency, [0] * of.per_clock)

    def clock(
        self,
        *,
        valid: int = 0,
        first: int = 0,
        bank: int = 0,
        address: Sequence[int] = (),
        product: Sequence[int] = (),
        read_bank: int = 0,
        read_base: int = 0,
        read_phase: int = 0,
    ) -> dict[str, list[int | None]]:
        """Outputs of a clock with these inputs; ``None`` in slots without a neuron."""
        of = self._of
        handed: list[int | None] = [None] * of.per_clock
        for memory in range(of.memories):
            slot = of.source(read_phase, memory)
            neuron = (read_base + of.wraps(read_phase, memory)) * of.memories + memory
            if slot is not None and neuron < of.neurons:
                handed[slot] = self._handed[read_bank][neuron]
        at_work = [k for k in range(len(address)) if valid >> (k if self._apart else 0) & 1]
        neurons = [int(address[k]) * of.memories + k for k in at_work]
        fresh = [first >> (k if self._apart else 0) & 1 for k in at_work]
        old = [0 if f else self._sums[n] for n, f in zip(neurons, fresh, strict=True)]
        bank, neurons, fresh, old = self._visits.clock((bank, neurons, fresh, old))
        if self._loop.forwards:
            old = [0 if f else self._sums[n] for n, f in zip(neurons, fresh, strict=True)]
        sums = [x + int(product[n % of.memories]) for x, n in zip(old, neurons, strict=True)]
        landing = self._writes.clock((bank, neurons, sums))
        if landing is not None:
            for n, total in zip(*landing[1:], strict=True):
                self._sums[n] = total
        handing = self._hands.clock(landing)
        if handing is not None:
            for n, total in zip(*handing[1:], strict=True):
                self._handed[handing[0]][n] = total
        return {"read_data": self._late.clock(handed)}
