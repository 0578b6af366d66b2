"""A memory of rows: all words of a clock at one address, as weights and biases are read."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from amaranth.hdl import Module, Shape, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from rtl.blocks.arithmetic import signed_bits
from rtl.blocks.delay import DelayModel
from rtl.blocks.ram import place, ram_attributes, read, style, words


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
            shape=unsigned(self.layout.size), depth=self.words, init=self._init, attrs=ram_attributes(self.style)
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
