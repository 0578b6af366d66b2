"""A memory of rows: all words of a clock at one address, as weights and biases are read."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from amaranth.hdl import Cat, Module, Shape, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from rtl.blocks.arithmetic import signed_bits
from rtl.blocks.delay import DelayModel
from rtl.blocks.ram import place, ram_attributes, read, style, words


def row_words(rows: np.ndarray, width: int) -> list[int]:
    """Rows of integers as words, the first lane lowest."""
    mask = (1 << width) - 1
    return [sum((int(x) & mask) << (i * width) for i, x in enumerate(row)) for row in rows.tolist()]


class RowMemory(wiring.Component):
    """Rows of words that share an address: one RAM, as wide as a row. Or, ``apart``, a RAM and an address for each lane.

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
    apart
        Whether every lane has an address of its own; ``rams`` is then their number, else 1.

    Ports
    -----
    read_bank : in, bits(banks)
        Bank to read.
    read_address : in, rams * bits(depth)
        Row to read.
    read_data : out, lanes * word
        That row, ``latency`` clocks later.
    write_enable : in, rams
        Whether to write.
    write_bank : in, bits(banks)
        Bank to write.
    write_address : in, rams * bits(depth)
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
        apart: bool = False,
    ) -> None:
        self.latency, self._depth, self._banks, self._init = stages, depth, banks, list(init)
        self.rams, self.address_bits = lanes if apart else 1, ceil_log2(depth)
        self._word, self._lanes, self._apart = word, lanes, apart
        self.layout, self.words = data.ArrayLayout(word, lanes), words(banks, depth)
        self.style = style(self.words, stages, lut_ram_depth)
        bank, address = range(banks), data.ArrayLayout(unsigned(self.address_bits), lanes) if apart else range(depth)
        super().__init__(
            {
                "read_bank": In(bank),
                "read_address": In(address),
                "read_data": Out(self.layout),
                "write_enable": In(self.rams),
                "write_bank": In(bank),
                "write_address": In(address),
                "write_data": In(self.layout),
            }
        )

    def model(self) -> "RowMemoryModel":
        """The memory after reset, to be taken clock by clock."""
        w = self._word.width
        rows = [[signed_bits(row >> i * w, self._word) for i in range(self._lanes)] for row in self._init]
        return RowMemoryModel(self.latency, self._lanes, rows, self.rams if self._apart else 0)

    def elaborate(self, platform: object) -> Module:
        m, d, b = Module(), self._depth, self._banks
        # Rows are plain words to the RAM.
        width = self.layout.size // self.rams
        inside, late = self.write_data.as_value(), []
        for i in range(self.rams):
            init = [row >> (i * width) & ((1 << width) - 1) for row in self._init]
            ram: Any = Memory(shape=unsigned(width), depth=self.words, init=init, attrs=ram_attributes(self.style))
            m.submodules[f"ram_{i}" if self._apart else "ram"] = ram
            write = ram.write_port()
            read_address, write_address = (
                address[i] if self._apart else address for address in (self.read_address, self.write_address)
            )
            name = f"word_{i}" if self._apart else "word"
            late.append(read(m, ram, place(b, d, self.read_bank, read_address), self.latency, name))
            m.d.comb += [
                write.en.eq(self.write_enable[i]),
                write.addr.eq(place(b, d, self.write_bank, write_address)),
                write.data.eq(inside[i * width : (i + 1) * width]),
            ]
        m.d.comb += self.read_data.as_value().eq(Cat(*late))
        return m


class RowMemoryModel:
    """A :class:`RowMemory` as a dictionary of words: what was written in an earlier clock is read.

    ``apart``: how many lanes have an address and an enable of their own.
    """

    def __init__(self, latency: int, lanes: int, init: Sequence[Sequence[int]], apart: int = 0) -> None:
        self._lanes, self._apart = range(lanes), apart
        self._words = {(0, address, i): word for address, row in enumerate(init) for i, word in enumerate(row)}
        self._late = DelayModel(latency, [0] * lanes)

    def clock(
        self,
        *,
        read_bank: int = 0,
        read_address: int | Sequence[int] = 0,
        write_enable: int = 0,
        write_bank: int = 0,
        write_address: int | Sequence[int] = 0,
        write_data: Sequence[int] = (),
    ) -> dict[str, list[int]]:
        """Outputs of a clock with these inputs."""
        reads, writes = self._each(read_address), self._each(write_address)
        data = self._late.clock([self._words.get((read_bank, reads[i], i), 0) for i in self._lanes])
        for i in self._lanes:
            if write_enable >> (i if self._apart else 0) & 1:
                self._words[write_bank, writes[i], i] = int(write_data[i])
        return {"read_data": data}

    def _each(self, address: int | Sequence[int]) -> Sequence[int]:
        """Addresses by lane."""
        return [address] * len(self._lanes) if isinstance(address, int) else address
