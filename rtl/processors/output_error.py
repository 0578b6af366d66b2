"""The error of the output layer: its deltas."""

import numpy as np
from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from models.numbers import format
from rtl.blocks.arithmetic import narrow_into, shape_of
from rtl.blocks.choose import lookup
from rtl.control.position import slot_group
from rtl.plan.plan import Plan
from rtl.plan.ranges import delta_range, fits


class OutputError(wiring.Component):
    """Deltas of the output layer, and the class that a sample is taken for.

    delta = activation - one at the label, times the derivative if the cost is quadratic, narrowed and saturated. The
    prediction is the lowest class with the greatest pre-activation, over the neurons of a sample as they arrive. Latency 0,
    the neurons of one row per clock.

    Ports
    -----
    valid : in, 1
        Neurons are there.
    group : in, bits(G)
        Group of the first of them.
    phase : in, bits(routes)
        In which slots they are (:class:`rtl.plan.routing.Routing`).
    label : in, bits(classes)
        Of the sample.
    preactivation : in, q * preactivation
        Of the neurons, by slot.
    activation : in, q * activation
        Of the neurons, by slot.
    derivative : in, q * derivative, if trains
        Of the neurons, by slot.
    prediction : out, bits(classes)
        Complete in the clock of the last neurons.
    delta : out, q * delta, if trains
        Of the neurons, by slot.
    saturated : out, q, if trains
        Which deltas were clipped.
    """

    def __init__(self, of: Plan) -> None:
        self._of, self._j, numbers = of, of.junctions[-1], of.numbers
        q, classes = self._j.results_per_clock, of.design.network.classes
        self.quadratic = of.config.network.cost == "quadratic"
        f = numbers.activation.fraction + (numbers.derivative.fraction if self.quadratic else 0)
        self._drop = f - numbers.delta.fraction
        ports = {
            "valid": In(1),
            "group": In(range(self._j.groups)),
            "phase": In(range(self._j.routing.phases)),
            "label": In(range(classes)),
            "preactivation": In(data.ArrayLayout(shape_of(numbers.preactivation), q)),
            "activation": In(data.ArrayLayout(shape_of(numbers.activation), q)),
            "prediction": Out(range(classes)),
        }
        if of.trains:
            ports |= {
                "derivative": In(data.ArrayLayout(shape_of(numbers.derivative), q)),
                "delta": Out(data.ArrayLayout(shape_of(numbers.delta), q)),
                "saturated": Out(q),
            }
        super().__init__(ports)

    latency = 0

    def model(
        self, preactivation: np.ndarray, activation: np.ndarray, derivative: np.ndarray, label: int
    ) -> tuple[np.ndarray, np.ndarray, int]:
        """Deltas, saturations [N_L] and prediction of a sample."""
        numbers, classes = self._of.numbers, self._of.class_of_output
        error = activation - np.where(classes == label, numbers.activation.one, 0)
        if self.quadratic:
            error = error * derivative
        wide = format.narrow(error, self._drop, numbers.rounding["delta"])
        delta = format.saturate(wide, numbers.delta)
        of_class = preactivation[self._of.design.network.output_neurons]
        return delta, delta != wide, int(of_class.argmax())

    def elaborate(self, platform: object) -> Module:
        m, j, numbers = Module(), self._j, self._of.numbers
        q = j.results_per_clock
        classes = j.by_group(self._of.class_of_output + 1) - 1
        best = Signal(shape_of(numbers.preactivation), reset_less=True)
        best_class = Signal(self.prediction.shape(), reset_less=True)
        # Class 0 is the first of all neurons, so that there is a leader from the first group on.
        leader, leader_class, led = best, best_class, self.group != 0
        if j.straddles:
            led |= lookup(self.phase, [int(j.routing.slot(p, 0) > 0) for p in range(j.routing.phases)], 1)
        for k in range(q):
            group, there = slot_group(m, j.right, self.group, self.phase, k), 1
            if j.straddles:
                there = lookup(self.phase, j.routing.ends(k), 1)
            number, counts = Signal(self.prediction.shape(), name=f"class_{k}"), Signal(name=f"counts_{k}")
            m.d.comb += [
                number.eq(lookup(group, np.maximum(classes[:, k], 0).tolist(), len(number))),
                counts.eq(lookup(group, (classes[:, k] >= 0).astype(int).tolist(), 1) & there),
            ]
            s = self.preactivation[k]
            wins = Signal(name=f"wins_{k}")
            # Classes are numbered in the order of their neurons, so that the first one of equals stays; but where neurons
            # straddle rows the order of the slots is another.
            better = s > leader
            if j.straddles and q > 1:
                better |= (s == leader) & (number < leader_class)
            m.d.comb += wins.eq(counts & (~led | better))
            if self._of.trains:
                self._delta(m, k, counts & (number == self.label))
            next_leader = Signal(best.shape(), name=f"leader_{k}")
            next_class, next_led = Signal(best_class.shape(), name=f"leader_class_{k}"), Signal(name=f"led_{k}")
            m.d.comb += [
                next_leader.eq(Mux(wins, s, leader)),
                next_class.eq(Mux(wins, number, leader_class)),
                next_led.eq(led | counts),
            ]
            leader, leader_class, led = next_leader, next_class, next_led
        m.d.comb += self.prediction.eq(leader_class)
        with m.If(self.valid):
            m.d.sync += [best.eq(leader), best_class.eq(leader_class)]
        return m

    def _delta(self, m: Module, k: int, is_label: object) -> None:
        numbers = self._of.numbers
        error = self.activation[k] - Mux(is_label, numbers.activation.one, 0)
        if self.quadratic:
            error = error * self.derivative[k]
        all_fit = fits(delta_range(self._of, self._j), numbers.delta)
        word, clipped = narrow_into(error, self._drop, numbers.rounding["delta"], numbers.delta, all_fit)
        if self._j.straddles:
            clipped &= lookup(self.phase, self._j.routing.ends(k), 1)
        m.d.comb += [self.delta[k].eq(word), self.saturated[k].eq(clipped)]
