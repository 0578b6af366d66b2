"""Memory dither, and the crossbar of patterns that clash: the way between lanes and memories."""

import numpy as np
from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from rtl.blocks.choose import route
from rtl.plan.plan import JunctionPlan


class Dither(wiring.Component):
    """From memories to lanes, or back: wires where every sweep has the same permutation, else one choice per turn.

    A turn is a sweep; where a pass does not consist of sweeps, a clock. Latency 0. A lane chooses only among the memories
    that the turns give it, at most d_out of them if they are sweeps.

    Ports
    -----
    turn : in, bits(turns)
        Which turn the words belong to.
    given : in, z * word
        Words by memory, or by lane.
    taken : out, z * word
        The same words by lane, or by memory; any word where a turn has none.
    """

    turn: Signal
    given: data.View
    taken: data.View

    def __init__(self, j: JunctionPlan, word: object, to_lanes: bool) -> None:
        by_clock = j.memory_of_lane if to_lanes else j.lane_of_memory
        self._source = by_clock[:: j.depth] if j.sweeps else by_clock
        layout = data.ArrayLayout(word, j.z)
        super().__init__({"turn": In(range(turns(j))), "given": In(layout), "taken": Out(layout)})

    latency = 0

    def model(self, turn: np.ndarray, given: np.ndarray) -> np.ndarray:
        """[n, z] of ``given`` [n, z] in the turns [n]."""
        return np.take_along_axis(given, np.maximum(self._source, 0)[turn], axis=1)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for i, sources in enumerate(self._source.T.tolist()):
            m.d.comb += self.taken[i].eq(route(self.turn, [None if k < 0 else k for k in sources], self.given))
        return m


def turns(j: JunctionPlan) -> int:
    """Turns of a pass."""
    return j.d_out if j.sweeps else j.clocks
