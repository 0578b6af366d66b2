"""Interleaved memories: one for each lane, addressed independently, a bank for each sample."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from rtl.blocks.choose import lookup, route
from rtl.blocks.delay import DelayModel
from rtl.blocks.properties import Monitor, implies, one_of
from rtl.blocks.ram import place, ram_attributes, read, style, words
from rtl.plan.interleaving import Interleaving
from rtl.plan.signatures import clocks_of


class InterleavedMemory(wiring.Component):
    """The activations of a layer, interleaved over memories that are addressed independently.

    Read latency ``stages`` clocks. Per clock up to ``per_clock`` neurons are written, and each reader reads a word of every
    memory.

    Ports
    -----
    write_enable : in, memories
        Memories into which neurons go.
    write_bank : in, bits(banks)
        Bank to write.
    write_base : in, bits(depth)
        Address of the clock's first neuron.
    write_phase : in, bits(phases)
        Where the neurons lie (:class:`rtl.plan.interleaving.Interleaving`).
    write_data : in, per_clock * word
        The neurons, by slot.
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

    write_enable: Signal

    def __init__(
        self, of: Interleaving, word: Shape, banks: int, readers: Sequence[str], *, stages: int, lut_ram_depth: int
    ) -> None:
        self.latency, self._of, self._word, self._banks, self._readers = stages, of, word, banks, tuple(readers)
        self.words = words(banks, of.depth)
        self.style = style(self.words, stages, lut_ram_depth)
        ports: dict[str, Any] = {
            "write_enable": In(of.memories),
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

    def properties(self, p: Monitor) -> None:
        """Neurons that are written go where they lie."""
        of, banks = self._of, self._banks
        clocks, any_write = clocks_of(of, self.write_base, self.write_phase, self.write_enable), self.write_enable.any()
        p.assume(
            "write_in_place",
            "neurons that are written are a clock's of the layer",
            implies(any_write, one_of(clocks) & (self.write_bank < banks)),
        )
        enabled, placed, bits = [], [], ceil_log2(of.depth)
        for here, (_, _, neurons) in zip(clocks, of.walked, strict=True):
            memories = {n % of.memories: n // of.memories for n in neurons}
            enabled.append(here & (self.enable == sum(1 << k for k in memories)))
            address = [
                self.target[k] == place(banks, of.depth, self.write_bank, Const(a, bits)) for k, a in memories.items()
            ]
            placed.append(here & Cat(*address).all())
        p.require("memories", "each of the neurons goes into another memory", implies(any_write, one_of(enabled)))
        p.require("addresses", "to the neuron's address", implies(any_write, one_of(placed)))
        beyond = [self.enable[k] & (self.target[k] >= self.words) for k in range(of.memories)]
        p.require("depth", "no address is beyond the depth of its memory", ~one_of(beyond))
        p.require("no_group", "nothing is written where there are none", implies(~any_write, self.enable == 0))

    def model(self) -> "InterleavedMemoryModel":
        """The memory after reset, to be taken clock by clock."""
        return InterleavedMemoryModel(self._of, self._banks, self._readers, self.latency)

    def elaborate(self, platform: object) -> Module:
        m, of, banks = Module(), self._of, self._banks
        next_base = self.write_base + 1
        for memory in range(of.memories):
            sources = [of.source(phase, memory) for phase in range(of.phases)]
            enable, word = Signal(name=f"enable_{memory}"), self.word[memory]
            m.d.comb += [
                enable.eq(self.write_enable[memory]),
                word.eq(route(self.write_phase, sources, self.write_data)),
            ]
            base = neuron_address(of, self.write_base, next_base, self.write_phase, memory)
            m.d.comb += [
                self.enable[memory].eq(enable),
                self.target[memory].eq(place(banks, of.depth, self.write_bank, base)),
            ]
            for r in self._readers:
                ram: Any = Memory(shape=self._word, depth=self.words, init=[], attrs=ram_attributes(self.style))
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
        write_enable: int = 0,
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
        for memory in range(of.memories):
            slot = of.source(write_phase, memory)
            if write_enable >> memory & 1 and slot is not None:
                address = write_base + of.wraps(write_phase, memory)
                self._layers[write_bank][address * of.memories + memory] = int(write_data[slot])
        return result


def neuron_address(of: Interleaving, base: Value, next_base: Value, phase: Value, memory: int) -> Value:
    """Address of a clock's neuron in a memory: that of the clock's first neuron, or the next one."""
    up = [int(of.wraps(p, memory)) for p in range(of.phases)]
    return Mux(lookup(phase, up, 1), next_base, base) if any(up) else base
