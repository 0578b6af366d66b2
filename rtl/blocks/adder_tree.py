"""Balanced trees of adders with a register after every so many levels."""

import numpy as np
from amaranth.hdl import Module, Shape, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from rtl.blocks.delay import delayed


class AdderTree(wiring.Component):
    """The exact sum of ``inputs`` words, whose ``zeros`` lowest bits are 0: nothing adds these.

    Latency: a register after every ``every`` levels of ceil(log2 inputs), none if 0. One sum per clock.

    Ports
    -----
    x : in, inputs * word
        The words to add.
    sum : out, word + levels
        Their sum; ``levels`` is ceil(log2 inputs).
    """

    def __init__(self, inputs: int, word: Shape, every: int, zeros: int = 0) -> None:
        self._inputs, self._every, self._zeros = inputs, every, zeros
        self.levels = (inputs - 1).bit_length()
        self.latency = self.levels // every if every else 0
        self.shape = Shape(word.width + self.levels, word.signed)
        super().__init__({"x": In(data.ArrayLayout(word, inputs)), "sum": Out(self.shape)})

    def model(self, x: np.ndarray) -> np.ndarray:
        """Sums over the last axis."""
        return np.asarray(x, np.int64).sum(axis=-1)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        nodes = [self.x[i].shift_right(self._zeros) for i in range(self._inputs)]
        for level in range(1, self.levels + 1):
            pairs = [a + b for a, b in zip(nodes[::2], nodes[1::2], strict=False)] + nodes[len(nodes) & ~1 :]
            registers = 1 if self._every and level % self._every == 0 else 0
            nodes = []
            for i, pair in enumerate(pairs):
                node = Signal(pair.shape(), name=f"sum_{level}_{i}")
                m.d.comb += node.eq(pair)
                nodes.append(delayed(m, node, registers, f"sum_{level}_{i}"))
        m.d.comb += self.sum.eq(nodes[0].shift_left(self._zeros))
        return m
