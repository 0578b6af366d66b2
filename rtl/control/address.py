"""Address generators: which row of each memory a clock reads."""

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
    """Addresses of the left memories.

    Latency 0, one set of addresses per clock. Two forms with the same result: a ``table`` of a memory's address over all
    clocks, and an ``adder`` of the sweep's seed and the clock of the sweep modulo D, which patterns of type 3 and those with
    clashes do not have.

    Ports
    -----
    clock : in, bits(K)
        Clock of the pass; the table needs nothing else.
    sweep : in, bits(d_out)
        Sweep, for the adder.
    step : in, bits(D)
        Clock of the sweep, for the adder.
    address : out, z * bits(D)
        The word of every memory.
    """

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
        for memory in range(j.z):
            out = self.address[memory]
            if self.form == TABLE:
                m.d.comb += out.eq(lookup(self.clock, j.address_of_memory[:, memory].tolist(), len(out)))
                continue
            seed = Signal(range(j.depth), name=f"seed_{memory}")
            total = Signal(range(2 * j.depth), name=f"sum_{memory}")
            m.d.comb += [
                seed.eq(lookup(self.sweep, j.address_of_memory[:: j.depth, memory].tolist(), len(seed))),
                total.eq(seed + self.step),
                out.eq(Mux(total >= j.depth, total - j.depth, total)),
            ]
        return m
