"""The error of the output layer: its deltas."""

import numpy as np
from amaranth.hdl import Module, Mux
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from models.numbers import format
from rtl.blocks.arithmetic import narrow_into, shape_of
from rtl.blocks.choose import lookup
from rtl.blocks.delay import delayed
from rtl.plan.plan import Plan
from rtl.plan.ranges import delta_range, fits
from rtl.processors.prediction import class_of_slot


class OutputError(wiring.Component):
    """Deltas of the output layer.

    delta = activation - one at the label, times the derivative if the cost is quadratic, narrowed and saturated. Latency 0,
    the neurons of one row per clock.

    Parameters
    ----------
    of
        The design.
    ahead
        Clocks, 0 or 1, by which it is told where the neurons are ahead of what they are.

    Ports
    -----
    group : in, bits(G)
        Group of the first of the neurons that come ``ahead`` clocks later.
    phase : in, bits(routes)
        In which slots they will be (:class:`rtl.plan.routing.Routing`).
    label : in, bits(classes)
        Of their sample.
    activation : in, q * activation
        Of the neurons, by slot.
    derivative : in, q * derivative
        Of the neurons, by slot.
    delta : out, q * delta
        Of the neurons, by slot.
    saturated : out, q
        Which deltas were clipped.
    """

    def __init__(self, of: Plan, ahead: int = 0) -> None:
        self._of, self._j, numbers = of, of.junctions[-1], of.numbers
        self.ahead = ahead
        q, classes = self._j.results_per_clock, of.design.network.classes
        self.quadratic = of.config.network.cost == "quadratic"
        f = numbers.activation.fraction + (numbers.derivative.fraction if self.quadratic else 0)
        self._drop = f - numbers.delta.fraction
        super().__init__(
            {
                "group": In(range(self._j.groups)),
                "phase": In(range(self._j.routing.phases)),
                "label": In(range(classes)),
                "activation": In(data.ArrayLayout(shape_of(numbers.activation), q)),
                "derivative": In(data.ArrayLayout(shape_of(numbers.derivative), q)),
                "delta": Out(data.ArrayLayout(shape_of(numbers.delta), q)),
                "saturated": Out(q),
            }
        )

    latency = 0

    def model(self, activation: np.ndarray, derivative: np.ndarray, label: int) -> tuple[np.ndarray, np.ndarray]:
        """Deltas and saturations [N_L] of a sample."""
        numbers, classes = self._of.numbers, self._of.class_of_output
        error = activation - np.where(classes == label, numbers.activation.one, 0)
        if self.quadratic:
            error = error * derivative
        wide = format.narrow(error, self._drop, numbers.rounding["delta"])
        delta = format.saturate(wide, numbers.delta)
        return delta, delta != wide

    def elaborate(self, platform: object) -> Module:
        m, of, j, numbers = Module(), self._of, self._j, self._of.numbers
        all_fit = fits(delta_range(of, j), numbers.delta)
        for k in range(j.results_per_clock):
            counts, number = class_of_slot(m, of, self.group, self.phase, k)
            wanted = delayed(m, counts & (number == self.label), self.ahead, f"wanted_{k}")
            error = self.activation[k] - Mux(wanted, numbers.activation.one, 0)
            if self.quadratic:
                error = error * self.derivative[k]
            word, clipped = narrow_into(error, self._drop, numbers.rounding["delta"], numbers.delta, all_fit)
            if j.straddles:
                clipped &= delayed(m, lookup(self.phase, j.routing.ends(k), 1), self.ahead, f"ends_{k}")
            m.d.comb += [self.delta[k].eq(word), self.saturated[k].eq(clipped)]
        return m
