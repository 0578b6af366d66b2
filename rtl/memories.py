"""Memories: one wide RAM where a clock's words share an address, one RAM per lane where they do not.

Every RAM has one write and one read port. A layer that two operations read in the same clock has a copy for each of them,
since copies cost less than multiplexers between banks. A word written in one clock can be read in the next; a read takes
``stages`` clocks, 0 being combinational.
"""

from collections.abc import Sequence
from typing import Any, TypedDict

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from rtl.arithmetic import signed_bits
from rtl.choose import choose, lookup
from rtl.delay import DelayModel, delayed
from rtl.plan import Interleaving

DISTRIBUTED, BLOCK = "distributed", "block"


def style(depth: int, stages: int, lut_ram_depth: int) -> str:
    """LUT RAM for shallow memories and those read in the same clock, block RAM for deep ones."""
    return DISTRIBUTED if depth <= lut_ram_depth or stages == 0 else BLOCK


def words(banks: int, depth: int) -> int:
    """Words of a RAM that holds several banks; the bank is the upper part of its address."""
    return depth if banks == 1 else banks << ceil_log2(depth)


def place(banks: int, depth: int, bank: Value, address: Value) -> Value:
    """Address of a word in a RAM of several banks."""
    return Cat(address[: ceil_log2(depth)], bank if banks > 1 else Const(0, 0))


def read(m: Module, ram: Memory, address: Value, stages: int, name: str) -> Any:
    """A read port: what ``address`` holds, ``stages`` clocks later."""
    port = ram.read_port(domain="sync" if stages else "comb")
    m.d.comb += port.addr.eq(address)
    return delayed(m, port.data, max(0, stages - 1), name)


class RamOptions(TypedDict):
    """What all RAMs of a junction share: read latency in clocks, greatest depth in LUT RAM."""

    stages: int
    lut_ram_depth: int


def row_words(rows: np.ndarray, width: int) -> list[int]:
    """Rows of integers as words, the first lane lowest."""
    mask = (1 << width) - 1
    return [sum((int(x) & mask) << (i * width) for i, x in enumerate(row)) for row in rows.tolist()]


class RowMemory(wiring.Component):
    """Rows of words that share an address: one RAM, as wide as a row.

    Read latency ``stages`` clocks, one read and one write per clock.

    Parameters
    ----------
    word, lanes
        Shape of a word, words of a row.
    depth, banks
        Rows of a bank, banks.
    lut_ram_depth
        Greatest depth that goes into LUT RAM.
    init
        Rows as integers, the first lane lowest.

    Ports
    -----
    read_bank : in, bits(banks)
        Bank to read.
    read_address : in, bits(depth)
        Row to read.
    read_data : out, lanes * word
        That row, ``latency`` clocks later.
    write_enable : in, 1
        Whether to write.
    write_bank : in, bits(banks)
        Bank to write.
    write_address : in, bits(depth)
        Row to write.
    write_data : in, lanes * word
        What to write.
    """

    def __init__(
        self,
        word: Shape,
        lanes: int,
        depth: int,
        *,
        banks: int = 1,
        stages: int = 1,
        lut_ram_depth: int = 64,
        init: Sequence[int] = (),
    ) -> None:
        self.latency, self._depth, self._banks, self._init = stages, depth, banks, list(init)
        self._word, self._lanes = word, lanes
        self.layout, self.words = data.ArrayLayout(word, lanes), words(banks, depth)
        self.style = style(self.words, stages, lut_ram_depth)
        bank, address = range(banks), range(depth)
        super().__init__(
            {
                "read_bank": In(bank),
                "read_address": In(address),
                "read_data": Out(self.layout),
                "write_enable": In(1),
                "write_bank": In(bank),
                "write_address": In(address),
                "write_data": In(self.layout),
            }
        )

    def model(self) -> "RowMemoryModel":
        """The memory after reset, to be taken clock by clock."""
        w = self._word.width
        rows = [[signed_bits(row >> i * w, self._word) for i in range(self._lanes)] for row in self._init]
        return RowMemoryModel(self.latency, self._lanes, rows)

    def elaborate(self, platform: object) -> Module:
        m, d, b = Module(), self._depth, self._banks
        # Rows are plain words to the RAM.
        ram: Any = Memory(
            shape=unsigned(self.layout.size), depth=self.words, init=self._init, attrs={"ram_style": self.style}
        )
        m.submodules.ram = ram
        write = ram.write_port()
        out = read(m, ram, place(b, d, self.read_bank, self.read_address), self.latency, "word")
        m.d.comb += [
            write.en.eq(self.write_enable),
            write.addr.eq(place(b, d, self.write_bank, self.write_address)),
            write.data.eq(self.write_data.as_value()),
            self.read_data.as_value().eq(out),
        ]
        return m


class RowMemoryModel:
    """A :class:`RowMemory` as a dictionary: what was written in an earlier clock is read."""

    def __init__(self, latency: int, lanes: int, init: Sequence[Sequence[int]]) -> None:
        self._empty = [0] * lanes
        self._rows = {(0, address): list(row) for address, row in enumerate(init)}
        self._late = DelayModel(latency, self._empty)

    def clock(
        self,
        *,
        read_bank: int = 0,
        read_address: int = 0,
        write_enable: int = 0,
        write_bank: int = 0,
        write_address: int = 0,
        write_data: Sequence[int] = (),
    ) -> dict[str, list[int]]:
        """Outputs of a clock with these inputs."""
        data = self._late.clock(self._rows.get((read_bank, read_address), self._empty))
        if write_enable:
            self._rows[write_bank, write_address] = [int(x) for x in write_data]
        return {"read_data": data}


class InterleavedMemory(wiring.Component):
    """The activations of a layer, interleaved over memories that are addressed independently.

    Read latency ``stages`` clocks. Per clock one group of neurons is written, and each reader reads a word of every memory.

    Ports
    -----
    write_valid : in, 1
        A group of neurons is there.
    write_short : in, 1
        The group is the last and only its first neurons exist.
    write_bank : in, bits(banks)
        Bank to write.
    write_base : in, bits(depth)
        Address of the group's first neuron.
    write_phase : in, bits(phases)
        Where the neurons lie (:class:`rtl.plan.Interleaving`).
    write_data : in, per_clock * word
        The group's neurons.
    read_address : in, memories * bits(depth)
        The word that every memory reads, for all readers.
    <reader>_bank : in, bits(banks)
        Bank that a reader reads.
    <reader>_data : out, memories * word
        Its words, ``latency`` clocks later.

    Attributes
    ----------
    enable, target, word
        What the RAMs' write ports are given: for observation.
    """

    def __init__(
        self, of: Interleaving, word: Shape, banks: int, readers: Sequence[str], *, stages: int, lut_ram_depth: int
    ) -> None:
        self.latency, self._of, self._word, self._banks, self._readers = stages, of, word, banks, tuple(readers)
        self.words = words(banks, of.depth)
        self.style = style(self.words, stages, lut_ram_depth)
        ports: dict[str, Any] = {
            "write_valid": In(1),
            "write_short": In(1),
            "write_bank": In(range(banks)),
            "write_base": In(range(of.depth)),
            "write_phase": In(range(of.phases)),
            "write_data": In(data.ArrayLayout(word, of.per_clock)),
            "read_address": In(data.ArrayLayout(unsigned(ceil_log2(of.depth)), of.memories)),
        }
        for r in self._readers:
            ports[f"{r}_bank"] = In(range(banks))
            ports[f"{r}_data"] = Out(data.ArrayLayout(word, of.memories))
        super().__init__(ports)
        self.enable = Signal(of.memories)
        self.target = Signal(data.ArrayLayout(unsigned(ceil_log2(self.words)), of.memories))
        self.word = Signal(data.ArrayLayout(word, of.memories))

    def model(self) -> "InterleavedMemoryModel":
        """The memory after reset, to be taken clock by clock."""
        return InterleavedMemoryModel(self._of, self._banks, self._readers, self.latency)

    def elaborate(self, platform: object) -> Module:
        m, of, banks = Module(), self._of, self._banks
        short = of.neurons % of.per_clock or of.per_clock
        next_base = self.write_base + 1
        for memory in range(of.memories):
            sources = [of.source(phase, memory) for phase in range(of.phases)]
            hit = lookup(self.write_phase, [int(k is not None) for k in sources], 1)
            whole = lookup(self.write_phase, [int(k is not None and k < short) for k in sources], 1)
            enable, word = Signal(name=f"enable_{memory}"), self.word[memory]
            m.d.comb += [
                enable.eq(self.write_valid & Mux(self.write_short, whole, hit)),
                word.eq(_of_phase(self.write_phase, [self.write_data[k] if k is not None else None for k in sources])),
            ]
            base = neuron_address(of, self.write_base, next_base, self.write_phase, memory)
            m.d.comb += [
                self.enable[memory].eq(enable),
                self.target[memory].eq(place(banks, of.depth, self.write_bank, base)),
            ]
            for r in self._readers:
                ram: Any = Memory(shape=self._word, depth=self.words, init=[], attrs={"ram_style": self.style})
                m.submodules[f"{r}_{memory}"] = ram
                write = ram.write_port()
                address = place(banks, of.depth, getattr(self, f"{r}_bank"), self.read_address[memory])
                m.d.comb += [
                    write.en.eq(enable),
                    write.addr.eq(self.target[memory]),
                    write.data.eq(word),
                    getattr(self, f"{r}_data")[memory].eq(read(m, ram, address, self.latency, f"{r}_word_{memory}")),
                ]
        return m


class InterleavedMemoryModel:
    """An :class:`InterleavedMemory` as lists of neurons, one for each bank."""

    def __init__(self, of: Interleaving, banks: int, readers: Sequence[str], latency: int) -> None:
        self._of = of
        self._layers = [[0] * (of.depth * of.memories) for _ in range(banks)]
        self._late = {r: DelayModel(latency, [0] * of.memories) for r in readers}

    def clock(
        self,
        *,
        write_valid: int = 0,
        write_short: int = 0,
        write_bank: int = 0,
        write_base: int = 0,
        write_phase: int = 0,
        write_data: Sequence[int] = (),
        read_address: Sequence[int] | None = None,
        **banks: int,
    ) -> dict[str, list[int]]:
        """Outputs of a clock with these inputs; ``banks`` are the readers', named like their ports."""
        of, result = self._of, {}
        for reader, late in self._late.items():
            layer = self._layers[banks.get(f"{reader}_bank", 0)]
            addresses = read_address or [0] * of.memories
            result[f"{reader}_data"] = late.clock([layer[a * of.memories + k] for k, a in enumerate(addresses)])
        if write_valid:
            first = write_base * of.memories + of.offset(write_phase)
            count = of.neurons % of.per_clock if write_short else of.per_clock
            self._layers[write_bank][first : first + count] = [int(x) for x in write_data][:count]
        return result


class PartialDeltaMemory(wiring.Component):
    """Accumulates partial deltas, and hands the finished ones to the junction before.

    The sums of the sample in work and the finished sums of ``banks`` samples are kept apart: each RAM has one reader.
    A contribution that arrives is written ``accumulate`` - 1 clocks later, so a word may be visited again after
    ``accumulate`` clocks at the earliest. The first visit of a pass replaces what is there.

    Ports
    -----
    valid : in, 1
        Contributions are there, one to every memory.
    first : in, 1
        They are the first ones of their pass to their words.
    bank : in, bits(banks)
        Bank of the sample in work.
    address : in, memories * bits(depth)
        The word of every memory that they belong to.
    product : in, memories * product
        The contributions.
    read_bank : in, bits(banks)
        Bank of the sample to hand over.
    read_base : in, bits(depth)
        Address of the first neuron of the group to hand over.
    read_phase : in, bits(phases)
        Where the group's neurons lie (:class:`rtl.plan.Interleaving`).
    read_data : out, per_clock * word
        The group's partial deltas, ``latency`` clocks later.

    Attributes
    ----------
    enable, target, word
        What the RAMs' write ports are given: for observation. ``target`` holds bank and address.
    """

    def __init__(
        self, of: Interleaving, product: Shape, word: Shape, banks: int, accumulate: int, *, stages: int, lut_ram_depth: int
    ) -> None:
        self._of, self._word, self._banks, self._accumulate = of, word, banks, accumulate
        self.latency, self._lut_ram_depth = stages, lut_ram_depth
        self.words = words(banks, of.depth)
        address = data.ArrayLayout(unsigned(ceil_log2(of.depth)), of.memories)
        super().__init__(
            {
                "valid": In(1),
                "first": In(1),
                "bank": In(range(banks)),
                "address": In(address),
                "product": In(data.ArrayLayout(product, of.memories)),
                "read_bank": In(range(banks)),
                "read_base": In(range(of.depth)),
                "read_phase": In(range(of.phases)),
                "read_data": Out(data.ArrayLayout(word, of.per_clock)),
            }
        )
        self.enable = Signal()
        self.target = Signal(data.ArrayLayout(unsigned(ceil_log2(self.words)), of.memories))
        self.word = Signal(data.ArrayLayout(word, of.memories))

    def model(self) -> "PartialDeltaMemoryModel":
        """The memory after reset, to be taken clock by clock."""
        return PartialDeltaMemoryModel(self._of, self._banks, self._accumulate, self.latency)

    def elaborate(self, platform: object) -> Module:
        m, of, banks = Module(), self._of, self._banks
        # A loop of one clock reads combinationally; a longer one leaves the first clock to the RAM.
        late = self._accumulate - 1
        loop_read = min(late, 1)
        m.d.comb += self.enable.eq(delayed(m, self.valid, late, "valid", valid=True))
        first = delayed(m, self.first, loop_read, "first")
        bank = delayed(m, self.bank, late, "bank")
        next_base = self.read_base + 1
        finished = []
        for memory in range(of.memories):
            sums: Any = Memory(
                shape=self._word,
                depth=of.depth,
                init=[],
                attrs={"ram_style": style(of.depth, loop_read, self._lut_ram_depth)},
            )
            handed: Any = Memory(
                shape=self._word,
                depth=self.words,
                init=[],
                attrs={"ram_style": style(self.words, self.latency, self._lut_ram_depth)},
            )
            m.submodules[f"sum_{memory}"], m.submodules[f"handed_{memory}"] = sums, handed
            old = read(m, sums, self.address[memory], loop_read, f"old_{memory}")
            product = delayed(m, self.product[memory], loop_read, f"product_{memory}")
            total = Signal(self._word, name=f"total_{memory}")
            m.d.comb += total.eq(Mux(first, 0, old) + product)
            m.d.comb += self.word[memory].eq(delayed(m, total, late - loop_read, f"total_{memory}"))
            address = delayed(m, self.address[memory], late, f"address_{memory}")
            m.d.comb += self.target[memory].eq(place(banks, of.depth, bank, address))
            for ram, target in ((sums, address), (handed, self.target[memory])):
                write = ram.write_port()
                m.d.comb += [write.en.eq(self.enable), write.addr.eq(target), write.data.eq(self.word[memory])]
            base = neuron_address(of, self.read_base, next_base, self.read_phase, memory)
            finished.append(
                read(m, handed, place(banks, of.depth, self.read_bank, base), self.latency, f"finished_{memory}")
            )
        phase = delayed(m, self.read_phase, self.latency, "phase")
        for k in range(of.per_clock):
            options = [finished[(of.offset(p) + k) % of.memories] for p in range(of.phases)]
            m.d.comb += self.read_data[k].eq(choose(phase, options))
        return m


class PartialDeltaMemoryModel:
    """A :class:`PartialDeltaMemory` as lists of neurons; a word that returns too early misses contributions here, too."""

    def __init__(self, of: Interleaving, banks: int, accumulate: int, latency: int) -> None:
        self._of = of
        self._sums = [0] * (of.depth * of.memories)
        self._handed = [[0] * (of.depth * of.memories) for _ in range(banks)]
        self._writes = DelayModel(accumulate - 1, None)
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
        """Outputs of a clock with these inputs; ``None`` where a short group has no neuron."""
        of = self._of
        layer, at = self._handed[read_bank], read_base * of.memories + of.offset(read_phase)
        handed = [layer[n] if n < of.neurons else None for n in range(at, at + of.per_clock)]
        neurons = [int(a) * of.memories + k for k, a in enumerate(address)] if valid else []
        sums = [(0 if first else self._sums[n]) + int(p) for n, p in zip(neurons, product, strict=False)]
        landing = self._writes.clock((bank, neurons, sums))
        if landing is not None:
            for n, total in zip(*landing[1:], strict=True):
                self._sums[n] = self._handed[landing[0]][n] = total
        return {"read_data": self._late.clock(handed)}


def _of_phase(phase: Value, options: Sequence[Value | None]) -> Value:
    """The option of the phase; where there is none, any will do."""
    there = [o for o in options if o is not None]
    same = all(o is there[0] or o is None for o in options) or len({repr(o) for o in there}) == 1
    return there[0] if same else choose(phase, [there[0] if o is None else o for o in options])


def neuron_address(of: Interleaving, base: Value, next_base: Value, phase: Value, memory: int) -> Value:
    """Address of a group's neuron in a memory: that of the group's first neuron, or the next one."""
    up = [int(of.source(p, memory) is not None and of.wraps(p, memory)) for p in range(of.phases)]
    return Mux(lookup(phase, up, 1), next_base, base) if any(up) else base
