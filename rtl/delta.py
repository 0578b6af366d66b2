"""Deltas of the right neurons: a hidden layer's as partial deltas are consumed, the last layer's as outputs arrive."""

from typing import Any

import numpy as np
from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from models import fixedpoint
from rtl.arithmetic import narrow, saturate, shape_of
from rtl.choose import lookup
from rtl.delay import delayed
from rtl.multiplier import Multipliers
from rtl.plan import JunctionPlan, Plan
from rtl.widths import partial_shape


class DeltaSource(wiring.Component):
    """The deltas that BP and UP of a row use.

    A hidden layer's are saturate(narrow(P d)); the last layer's are stored ready. Neurons that take several rows keep theirs
    until the last of them. Latency ``multiplier`` clocks, one row per clock.

    Ports
    -----
    valid : in, 1
        A row is there.
    begins : in, 1
        It is the first of its neurons.
    partial : in, q * partial, if hidden
        P of the row's neurons.
    derivative : in, q * derivative, if hidden
        d of the row's neurons.
    stored : in, q * delta, if last
        The deltas of the row's neurons.
    delta : out, q * delta
        For the row.
    saturated : out, q
        Which fresh deltas were clipped, to be counted; with a register behind the saturation, a clock before them.
    """

    def __init__(self, of: Plan, j: JunctionPlan) -> None:
        assert of.config.hardware is not None
        self._of, self._j, numbers = of, j, of.numbers
        self.latency = of.config.hardware.latency.multiplier
        # With three clocks or more, the last register stands behind the saturation.
        self._behind = 1 if self.latency >= (1 if j.is_last else 3) else 0
        q, delta = j.results, shape_of(numbers.delta)
        ports = {"valid": In(1), "begins": In(1), "delta": Out(data.ArrayLayout(delta, q)), "saturated": Out(q)}
        if j.is_last:
            super().__init__(ports | {"stored": In(data.ArrayLayout(delta, q))})
            return
        partial, slope = partial_shape(of, of.junctions[j.number]), shape_of(numbers.derivative)
        self.multipliers = Multipliers(q, partial, slope, self.latency - self._behind)
        self._drop = numbers.product_fraction + numbers.derivative.fraction - numbers.delta.fraction
        ports |= {"partial": In(data.ArrayLayout(partial, q)), "derivative": In(data.ArrayLayout(slope, q))}
        super().__init__(ports)

    def model(self, operand: np.ndarray, derivative: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Deltas and saturations: of partial deltas and derivatives (hidden layers), or of stored deltas (last layer)."""
        numbers = self._of.numbers
        if derivative is None:
            return np.asarray(operand, np.int64), np.zeros(np.shape(operand), bool)
        partial = operand
        wide = fixedpoint.narrow(self.multipliers.model(partial, derivative), self._drop, numbers.rounding["delta"])
        delta = fixedpoint.saturate(wide, numbers.delta)
        return delta, delta != wide

    def elaborate(self, platform: object) -> Module:
        m, j = Module(), self._j
        last = self._behind
        begins = delayed(m, self.begins, self.latency - last, "begins")
        fresh = self._fresh(m, begins)
        if last:
            # The last register keeps what it has until the next neurons begin.
            kept = Signal(self.delta.shape(), reset_less=True)
            m.d.comb += self.delta.eq(kept)
            with m.If(begins):
                m.d.sync += kept.eq(fresh)
        elif j.rows_per_neuron == 1:
            m.d.comb += self.delta.eq(fresh)
        else:
            kept = Signal(self.delta.shape(), reset_less=True)
            m.d.comb += self.delta.eq(Mux(begins, fresh.as_value(), kept.as_value()))
            m.d.sync += kept.eq(self.delta)
        return m

    def _fresh(self, m: Module, begins: Any) -> Any:
        """Deltas of neurons that begin, in front of the last register."""
        j, numbers, until = self._j, self._of.numbers, self.latency - self._behind
        if j.is_last:
            return delayed(m, self.stored, until, "stored")
        m.submodules.multipliers = multipliers = self.multipliers
        m.d.comb += [multipliers.a.eq(self.partial), multipliers.b.eq(self.derivative)]
        fresh = Signal(self.delta.shape())
        valid = delayed(m, self.valid, until, "valid", valid=True)
        for k in range(j.results):
            word, clipped = saturate(narrow(multipliers.product[k], self._drop, numbers.rounding["delta"]), numbers.delta)
            m.d.comb += [fresh[k].eq(word), self.saturated[k].eq(clipped & valid & begins)]
        return fresh


class OutputError(wiring.Component):
    """Deltas of the output layer, and the class that a sample is taken for.

    delta = activation - one at the label, times the derivative if the cost is quadratic, narrowed and saturated. The
    prediction is the lowest class with the greatest pre-activation, over the groups of a sample as they arrive. Latency 0,
    one group per clock.

    Ports
    -----
    valid : in, 1
        A group of neurons is there.
    group : in, bits(G)
        Which.
    label : in, bits(classes)
        Of the sample.
    preactivation : in, q * preactivation
        Of the group.
    activation : in, q * activation
        Of the group.
    derivative : in, q * derivative, if trains
        Of the group.
    prediction : out, bits(classes)
        Complete in the clock of the last group.
    delta : out, q * delta, if trains
        Of the group.
    saturated : out, q, if trains
        Which deltas were clipped.
    """

    def __init__(self, of: Plan) -> None:
        self._of, self._j, numbers = of, of.junctions[-1], of.numbers
        q, classes = self._j.results, of.design.network.classes
        self.quadratic = of.config.network.cost == "quadratic"
        f = numbers.activation.fraction + (numbers.derivative.fraction if self.quadratic else 0)
        self._drop = f - numbers.delta.fraction
        ports = {
            "valid": In(1),
            "group": In(range(self._j.groups)),
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
        wide = fixedpoint.narrow(error, self._drop, numbers.rounding["delta"])
        delta = fixedpoint.saturate(wide, numbers.delta)
        of_class = preactivation[self._of.design.network.output_neurons]
        return delta, delta != wide, int(of_class.argmax())

    def elaborate(self, platform: object) -> Module:
        m, j, numbers = Module(), self._j, self._of.numbers
        classes = self._of.class_of_output.reshape(j.groups, j.results)
        best = Signal(shape_of(numbers.preactivation), reset_less=True)
        best_class = Signal(self.prediction.shape(), reset_less=True)
        # Class 0 is the first of all neurons, so that there is a leader from the first group on.
        leader, leader_class, led = best, best_class, self.group != 0
        for k in range(j.results):
            number, counts = Signal(self.prediction.shape(), name=f"class_{k}"), Signal(name=f"counts_{k}")
            m.d.comb += [
                number.eq(lookup(self.group, np.maximum(classes[:, k], 0).tolist(), len(number))),
                counts.eq(lookup(self.group, (classes[:, k] >= 0).astype(int).tolist(), 1)),
            ]
            s = self.preactivation[k]
            wins = Signal(name=f"wins_{k}")
            # Classes are numbered in the order of their neurons, so that the first one of equals stays.
            m.d.comb += wins.eq(counts & (~led | (s > leader)))
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
        word, clipped = saturate(narrow(error, self._drop, numbers.rounding["delta"]), numbers.delta)
        m.d.comb += [self.delta[k].eq(word), self.saturated[k].eq(clipped)]
