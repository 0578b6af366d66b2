"""Memory dither: the crossbar between lanes and memories."""

import numpy as np
from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from rtl.blocks.choose import choose
from rtl.plan.plan import JunctionPlan


class Dither(wiring.Component):
    """From memories to lanes, or back: wires where every sweep has the same permutation, else one choice per sweep.

    Latency 0. A lane chooses only among the memories that the sweeps give it, at most d_out of them.

    Ports
    -----
    sweep : in, bits(d_out)
        Which sweep the words belong to.
    given : in, z * word
        Words by memory, or by lane.
    taken : out, z * word
        The same words by lane, or by memory.
    """

    sweep: Signal
    given: data.View
    taken: data.View

    def __init__(self, j: JunctionPlan, word: object, to_lanes: bool) -> None:
        rows = j.memory if to_lanes else j.lane_of_memory
        self._source = rows[:: j.depth]
        layout = data.ArrayLayout(word, j.z)
        super().__init__({"sweep": In(range(j.d_out)), "given": In(layout), "taken": Out(layout)})

    latency = 0

    def model(self, sweep: np.ndarray, given: np.ndarray) -> np.ndarray:
        """[n, z] of ``given`` [n, z] in the sweeps [n]."""
        return np.take_along_axis(given, self._source[sweep], axis=1)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for i, sources in enumerate(self._source.T.tolist()):
            options = sources[:1] if len(set(sources)) == 1 else sources
            m.d.comb += self.taken[i].eq(choose(self.sweep, [self.given[k] for k in options]))
        return m
