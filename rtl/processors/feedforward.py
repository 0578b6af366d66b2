"""The FF processors of a junction: multiply, sum over the edges of a neuron, narrow, look up."""

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from models.numbers import format
from rtl.blocks.adder_tree import AdderTree
from rtl.blocks.arithmetic import narrow, narrow_into, rounding_constant, shape_of
from rtl.blocks.choose import lookup, route
from rtl.blocks.delay import delayed
from rtl.blocks.multiplier import Multipliers
from rtl.blocks.table import ActivationTable
from rtl.plan.plan import JunctionPlan, Plan, tables


class FeedForward(wiring.Component):
    """Edges of a row in, right neurons that end in it out.

    Latency: multiplier + tree registers + table clocks from operands to results; one row per clock. With two or more table
    clocks a register stands in front of the tables, with three one more in front of the narrowing, with five one in front of
    the addition of the bias.

    Ports
    -----
    valid : in, 1
        A row is there.
    begins : in, 1
        Its first lane holds the first edge of its neuron.
    ends : in, 1
        It holds last edges of neurons.
    phase : in, bits(routes)
        Which lanes belong to which neurons (:class:`rtl.plan.routing.Routing`).
    weight : in, z * weight
        Weights of the row, by lane.
    left : in, z * left
        Left activations, by lane.
    bias : in, q * bias
        Of the neurons that end, by slot.
    done : out, 1
        Results are there.
    early : out, 1
        Pre-activations are there: ``ahead`` clocks before.
    preactivation : out, q * preactivation
        Of the neurons that ended, by slot, with ``early``.
    activation : out, q * activation
        Of the neurons that ended, by slot.
    saturated : out, q
        Which pre-activations were clipped, by slot.
    derivative : out, q * derivative, if trains
        Of the neurons that ended, by slot.
    """

    def __init__(self, of: Plan, j: JunctionPlan) -> None:
        assert of.config.hardware is not None
        self._of, self._j, numbers = of, j, of.numbers
        stages = of.config.hardware.latency
        self._drop = numbers.weight.fraction + j.left.fraction - numbers.product_fraction
        rounding = numbers.rounding
        self.multipliers = Multipliers(
            j.z, shape_of(numbers.weight), shape_of(j.left), stages.multiplier, self._drop, rounding["product"]
        )
        self.trees = [
            AdderTree(j.lanes_per_neuron, self.multipliers.shape, stages.tree_every, max(0, -self._drop))
            for _ in range(j.routing.segments)
        ]
        self._table_stages = stages.table
        slope = numbers.derivative if of.trains else None
        self.before_table = 1 if stages.table >= 2 else 0
        self.before_narrow = 1 if stages.table >= 3 else 0
        self.before_bias = 1 if stages.table >= 5 else 0
        behind = stages.table - self.before_table - self.before_narrow - self.before_bias
        self.tables = [
            ActivationTable(numbers.preactivation, numbers.activation, slope, tables(of, j), behind)
            for _ in range(j.results_per_clock)
        ]
        self.latency = stages.multiplier + self.trees[0].latency + stages.table
        self.ahead = behind
        q = j.results_per_clock
        ports = {
            "valid": In(1),
            "begins": In(1),
            "ends": In(1),
            "phase": In(range(j.routing.phases)),
            "weight": In(data.ArrayLayout(shape_of(numbers.weight), j.z)),
            "left": In(data.ArrayLayout(shape_of(j.left), j.z)),
            "bias": In(data.ArrayLayout(shape_of(numbers.bias), q)),
            "done": Out(1),
            "early": Out(1),
            "preactivation": Out(data.ArrayLayout(shape_of(numbers.preactivation), q)),
            "activation": Out(data.ArrayLayout(shape_of(numbers.activation), q)),
            "saturated": Out(q),
        }
        if of.trains:
            ports["derivative"] = Out(data.ArrayLayout(shape_of(numbers.derivative), q))
        super().__init__(ports)

    def model(
        self, weight: np.ndarray, left: np.ndarray, bias: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Pre-activations, activations, derivatives and saturations [N] of a pass.

        ``weight`` and ``left`` are [C, z] as the lanes get them, ``bias`` [N].
        """
        j, numbers = self._j, self._of.numbers
        sums = self.trees[0].model(self.multipliers.model(weight, left).reshape(j.n_right, j.d_in))
        f_p = numbers.product_fraction
        total = sums + format.narrow(bias, numbers.bias.fraction - f_p, format.Rounding.FLOOR)
        wide = format.narrow(total, f_p - numbers.preactivation.fraction, numbers.rounding["preactivation"])
        s = format.saturate(wide, numbers.preactivation)
        return s, *self.tables[0].model(s), s != wide

    def elaborate(self, platform: object) -> Module:
        m, of, j = Module(), self._of, self._j
        numbers, q = of.numbers, j.results_per_clock
        f_p, f_s = numbers.product_fraction, numbers.preactivation.fraction
        m.submodules.multipliers = multipliers = self.multipliers
        m.d.comb += [multipliers.a.eq(self.weight), multipliers.b.eq(self.left)]
        to_sum = multipliers.latency + self.trees[0].latency
        valid = delayed(m, self.valid, to_sum, "valid", valid=True)
        begins, ends = delayed(m, self.begins, to_sum, "begins"), delayed(m, self.ends, to_sum, "ends")
        bias = delayed(m, self.bias, to_sum, "bias")
        done = Signal()
        m.d.comb += done.eq(valid & ends)
        b_n, b_t = self.before_narrow, self.before_table
        m.d.comb += self.early.eq(delayed(m, done, self._table_stages - self.ahead, "early", valid=True))
        m.d.comb += self.done.eq(delayed(m, self.early, self.ahead, "done", valid=True))
        at_lanes = delayed(m, self.phase, multipliers.latency, "phase_of_lanes")
        phase = delayed(m, at_lanes, self.trees[0].latency, "phase")
        for k, tree in enumerate(self.trees):
            m.submodules[f"tree_{k}"] = tree
            for i in range(j.lanes_per_neuron):
                m.d.comb += tree.x[i].eq(route(at_lanes, j.routing.lanes(k, i), multipliers.product, zero=True))
        totals = self._totals(m, valid, begins, phase)
        for k in range(q):
            table, total = self.tables[k], totals[k]
            m.submodules[f"table_{k}"] = table
            # The bias has room below its last bit for what rounding adds.
            rounding, room = numbers.rounding["preactivation"], f_p - numbers.bias.fraction
            constant = rounding_constant(f_p - f_s, rounding)
            if constant and constant < 1 << room:
                addend, rounding = Cat(Const(constant, room), bias[k]).as_signed(), format.Rounding.FLOOR
            else:
                addend = narrow(bias[k], -room, format.Rounding.FLOOR)
            total = delayed(m, total, self.before_bias, f"total_{k}")
            biased = total + delayed(m, addend, self.before_bias, f"addend_{k}")
            sum_ = Signal(biased.shape(), name=f"sum_{k}")
            m.d.comb += sum_.eq(biased)
            narrowed, clipped = narrow_into(delayed(m, sum_, b_n, f"sum_{k}"), f_p - f_s, rounding, numbers.preactivation)
            s = Signal(shape_of(numbers.preactivation), name=f"s_{k}")
            if j.straddles:
                ended = delayed(m, phase, self.before_bias + b_n, f"phase_{k}")
                clipped &= lookup(ended, j.routing.ends(k), 1)
            m.d.comb += s.eq(narrowed)
            at_table = delayed(m, s, b_t, f"s_{k}")
            m.d.comb += [
                table.argument.eq(at_table),
                self.preactivation[k].eq(at_table),
                self.activation[k].eq(table.value),
                self.saturated[k].eq(delayed(m, clipped, b_t + self.ahead, f"clipped_{k}")),
            ]
            if of.trains:
                m.d.comb += self.derivative[k].eq(table.slope)
        return m

    def _totals(self, m: Module, valid: Value, begins: Value, phase: Value) -> list[Value]:
        """Sums of the neurons that end, by slot, but for their biases; a neuron that goes on keeps its own."""
        of, j, products = self._j.routing, self._j, self.multipliers.shape
        totals: list[Value] = [tree.sum for tree in self.trees]
        if not of.carries:
            return totals
        # All rows of a neuron add up to d_in products.
        word = Shape(products.width + ceil_log2(j.d_in), products.signed)
        running = Signal(word, reset_less=True)
        totals = [Signal(word, name=f"total_{k}") for k in range(of.segments)]
        m.d.comb += totals[0].eq(Mux(begins, 0, running) + self.trees[0].sum)
        m.d.comb += [total.eq(tree.sum) for total, tree in zip(totals[1:], self.trees[1:], strict=True)]
        with m.If(valid):
            m.d.sync += running.eq(route(phase, [of.last(p) for p in range(of.phases)], totals))
        if j.results_per_clock == 1:
            return totals
        slots = [Signal(word, name=f"slot_{k}") for k in range(j.results_per_clock)]
        for k, slot in enumerate(slots):
            m.d.comb += slot.eq(route(phase, [of.segment_of_slot(p, k) for p in range(of.phases)], totals))
        return slots
