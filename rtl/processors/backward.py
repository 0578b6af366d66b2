"""Backpropagation in the edge processors: products of weights and deltas."""

import numpy as np
from amaranth.hdl import Module
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from rtl.blocks.arithmetic import shape_of
from rtl.blocks.choose import route
from rtl.blocks.multiplier import Multipliers
from rtl.plan.plan import JunctionPlan, Plan
from rtl.plan.widths import back_drop


class Backward(wiring.Component):
    """Products of a row's weights with the deltas of their right neurons: contributions to partial deltas, by lane.

    Latency ``multiplier`` clocks, one row per clock.

    Ports
    -----
    weight : in, z * weight
        Weights of the row, by lane.
    phase : in, bits(routes)
        Which lanes belong to which right neurons (:class:`rtl.plan.routing.Routing`).
    delta : in, segments * delta
        Deltas of its right neurons, one after the other.
    product : out, z * product
        Narrowed products, as wide as they must be.
    """

    def __init__(self, of: Plan, j: JunctionPlan) -> None:
        assert of.config.hardware is not None
        self._j, n = j, of.numbers
        stages = of.config.hardware.latency.multiplier
        self.multipliers = Multipliers(
            j.z, shape_of(n.weight), shape_of(n.delta), stages, back_drop(of), n.rounding["product"]
        )
        self.latency = self.multipliers.latency
        super().__init__(
            {
                "weight": In(data.ArrayLayout(shape_of(n.weight), j.z)),
                "phase": In(range(j.routing.phases)),
                "delta": In(data.ArrayLayout(shape_of(n.delta), j.routing.segments)),
                "product": Out(self.multipliers.product.shape()),
            }
        )

    def model(self, weight: np.ndarray, delta: np.ndarray) -> np.ndarray:
        """Products [C, z] of weights [C, z] and the deltas [N] of the right neurons."""
        by_edge = np.repeat(delta, self._j.d_in).reshape(weight.shape)
        return self.multipliers.model(weight, by_edge)

    def elaborate(self, platform: object) -> Module:
        m, j = Module(), self._j
        m.submodules.multipliers = multipliers = self.multipliers
        m.d.comb += [multipliers.a.eq(self.weight), self.product.eq(multipliers.product)]
        for lane in range(j.z):
            segments = [j.routing.segment(p, lane) for p in range(j.routing.phases)]
            m.d.comb += multipliers.b[lane].eq(route(self.phase, segments, self.delta))
        return m
