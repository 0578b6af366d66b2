"""Address generators: which row of each memory a clock reads."""

from typing import Any

import numpy as np
from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from rtl.blocks.choose import lookup
from rtl.plan.plan import JunctionPlan

TABLE, ADDER = "table", "adder"
LARGEST_TABLE = 64  # rows; one bit of a table of 64 entries is one six-input LUT


class AddressGenerator(wiring.Component):
    """Addresses of the left memories: a register for each memory, so that no path to a memory begins in logic.

    Latency 0, one set of addresses per clock: in every clock of a pass the addresses of the next one are worked out. While
    no pass is under way they are those of its first clock. Two forms with the same result: a ``table`` of a memory's address
    over all clocks, and an ``adder``, which begins every sweep at its seed and counts up modulo D; patterns of type 3 and
    those with clashes have no seeds.

    Ports
    -----
    active : in, 1
        A pass is in the clock that the other ports name; passes are never broken off.
    clock : in, bits(K)
        Clock of the pass; the table needs nothing else.
    sweep : in, bits(d_out)
        Sweep, for the adder.
    step : in, bits(D)
        Clock of the sweep, for the adder.
    address : out, z * bits(D)
        The word of every memory.
    """

    active: Signal
    clock: Signal
    sweep: Signal
    step: Signal
    address: data.View

    def __init__(self, j: JunctionPlan, form: str = "auto") -> None:
        self._j = j
        if form == "auto":
            form = ADDER if j.has_seeds and j.rows > LARGEST_TABLE else TABLE
        self.form = form
        super().__init__(
            {
                "active": In(1),
                "clock": In(range(j.clocks)),
                "sweep": In(range(j.d_out)),
                "step": In(range(j.depth)),
                "address": Out(data.ArrayLayout(unsigned(ceil_log2(j.depth)), j.z)),
            }
        )

    latency = 0

    def model(self) -> np.ndarray:
        """int64 [K, z]: the addresses, clock by clock."""
        j = self._j
        if self.form == TABLE:
            return j.address_of_memory.astype(np.int64)
        seeds = j.address_of_memory[:: j.depth].astype(np.int64)
        c = np.arange(j.rows)
        return (seeds[c // j.depth] + (c % j.depth)[:, None]) % j.depth

    def elaborate(self, platform: object) -> Module:
        m, j = Module(), self._j
        if j.depth == 1:
            return m
        last = Signal()
        m.d.comb += last.eq(self.step == j.depth - 1)
        for memory in range(j.z):
            at = Signal(range(j.depth), name=f"address_{memory}", init=int(j.address_of_memory[0, memory]))
            m.d.comb += self.address[memory].eq(at)
            following: Any
            if self.form == TABLE:
                following = lookup(self.clock, np.roll(j.address_of_memory[:, memory], -1).tolist(), len(at))
            else:
                seed = Signal(range(j.depth), name=f"seed_{memory}")
                seeds = np.roll(j.address_of_memory[:: j.depth, memory], -1)
                m.d.comb += seed.eq(lookup(self.sweep, seeds.tolist(), len(seed)))
                following = Mux(last, seed, Mux(at == j.depth - 1, 0, at + 1))
            with m.If(self.active):
                m.d.sync += at.eq(following)
        return m
