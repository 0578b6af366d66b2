"""Left activations of a row that come in several clocks, put together."""

import numpy as np
from amaranth.hdl import Module, Mux, Shape, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from rtl.blocks.choose import lookup
from rtl.plan.plan import JunctionPlan


class Collection(wiring.Component):
    """Keeps what the memories give the lanes of a row until all have been served.

    Latency 0: complete in the last clock of a row, one clock of a pass per clock. Only lanes that are served before the last
    clock of some row have a register.

    Ports
    -----
    clock : in, bits(K)
        Clock of the pass.
    given : in, z * word
        Words by lane; those of lanes that are not served mean nothing.
    taken : out, z * word
        The row's words so far.
    """

    def __init__(self, j: JunctionPlan, word: Shape) -> None:
        self._j, self._served = j, j.memory_of_lane >= 0
        layout = data.ArrayLayout(word, j.z)
        super().__init__({"clock": In(range(j.clocks)), "given": In(layout), "taken": Out(layout)})

    latency = 0

    def model(self, given: np.ndarray) -> np.ndarray:
        """[C, z]: the rows of a pass whose clocks give [K, z]."""
        rows = np.zeros((self._j.rows, self._j.z), np.int64)
        clock, lane = np.nonzero(self._served)
        rows[self._j.schedule.row[clock], lane] = given[clock, lane]
        return rows

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for lane, served in enumerate(self._served.T):
            word = self.given[lane]
            if not served[self._j.completes].all():
                kept = Signal(word.shape(), name=f"kept_{lane}", reset_less=True)
                word = Mux(lookup(self.clock, served.astype(int).tolist(), 1), word, kept)
                m.d.sync += kept.eq(self.taken[lane])
            m.d.comb += self.taken[lane].eq(word)
        return m
