"""Updates in the edge processors: new weights and biases."""

import numpy as np
from amaranth.hdl import Module, Mux, Shape, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from models.numbers import format
from models.numbers.stochastic import random_bits, rotations
from rtl.blocks.arithmetic import less_narrowed, plus_narrowed, saturate, shape_of
from rtl.blocks.choose import lookup, route
from rtl.blocks.delay import delayed
from rtl.blocks.multiplier import Multipliers
from rtl.plan.plan import JunctionPlan, Plan
from rtl.processors.generator import Generator


class Update(wiring.Component):
    """New weights of a row and new biases of the neurons that end in it.

    The learning-rate shift kappa is applied to the delta, once per neuron: narrow(a delta, f + kappa) equals
    narrow(a delta 2**(K - kappa), f + K), K being the greatest shift, so that no lane needs a shifter.
    With ``hardware.multiply_add`` the sign of the delta is turned likewise, and the multiplier blocks subtract the step.
    Stochastic rounding takes its bits from one generator (:class:`rtl.processors.generator.Generator`), lane m those of its
    state rotated by 7 m: wires.

    Latency ``multiplier`` clocks and ``of_write_back`` ones, one row per clock.

    Ports
    -----
    valid : in, 1
        A row is there to learn from; without it every weight stays.
    weight : in, z * weight
        Weights of the row, by lane.
    left : in, z * left
        Left activations, by lane.
    phase : in, bits(routes)
        Which lanes belong to which right neurons (:class:`rtl.plan.routing.Routing`).
    delta : in, segments * delta
        Deltas of its right neurons, one after the other.
    bias : in, q * bias
        Biases of the neurons that end in it, by slot.
    shift : in, shift
        K - kappa.
    replace_weight : in, 1
        Put a word in one weight's place, ``latency`` - ``early`` clocks after the row.
    replace_bias : in, 1
        Put a word in one bias's place, likewise.
    replace_lane : in, bits(z)
        Which one.
    replace_word : in, max(weight, bias)
        The word, ``latency`` clocks after the row.
    new_weight : out, z * weight
        What to write.
    new_bias : out, q * bias
        What to write of the neurons that end, by slot.
    weight_saturated : out, z
        Which weights were clipped.
    bias_saturated : out, q
        Which biases were clipped, by slot.

    Attributes
    ----------
    of_write_back
        Clocks of the write-back that it takes: where there are two, one lies between subtracting and clipping.
    early
        Clocks by which it is told before its results which of them is to be replaced, if any: many lanes ask.
    """

    def __init__(self, of: Plan, j: JunctionPlan) -> None:
        assert of.config.hardware is not None
        self._of, self._j, n = of, j, of.numbers
        least, greatest = of.kappas
        self._greatest = greatest
        self._weight_drop = j.left.fraction + n.delta.fraction - n.weight.fraction + greatest
        self._bias_drop = n.delta.fraction - n.bias.fraction + greatest
        self._shifted = Shape(n.delta.width + greatest - least, True)
        stages, rounding = of.config.hardware.latency, n.rounding["weight_step"]
        known = rounding is not format.Rounding.HALF_EVEN and self._weight_drop > 0  # what is added before bits are dropped
        self._adds = of.config.hardware.multiply_add and known
        self.generator = self._generator(of, j) if self._weight_drop > 0 else None
        operand = Shape(self._shifted.width + 1, True) if self._adds else self._shifted
        self.multipliers = Multipliers(j.z, shape_of(j.left), operand, stages.multiplier)
        self.of_write_back = int(stages.write_back > 1)
        self.latency = stages.multiplier + self.of_write_back
        self.early = min(self.latency, 1)
        weights, biases = data.ArrayLayout(shape_of(n.weight), j.z), data.ArrayLayout(shape_of(n.bias), j.results_per_clock)
        word = max(n.weight.width, n.bias.width)
        super().__init__(
            {
                "valid": In(1),
                "weight": In(weights),
                "left": In(data.ArrayLayout(shape_of(j.left), j.z)),
                "phase": In(range(j.routing.phases)),
                "delta": In(data.ArrayLayout(shape_of(n.delta), j.routing.segments)),
                "bias": In(biases),
                "shift": In(range(greatest - least + 1)),
                "replace_weight": In(1),
                "replace_bias": In(1),
                "replace_lane": In(range(j.z)),
                "replace_word": In(word),
                "new_weight": Out(weights),
                "new_bias": Out(biases),
                "weight_saturated": Out(j.z),
                "bias_saturated": Out(j.results_per_clock),
            }
        )

    def _generator(self, of: Plan, j: JunctionPlan) -> Generator | None:
        drawn, (least, greatest) = of.design.generators, of.kappas
        return None if drawn is None else Generator(int(drawn.states[j.number - 1]), greatest - least + 1)

    def model(
        self,
        weight: np.ndarray,
        left: np.ndarray,
        delta: np.ndarray,
        bias: np.ndarray,
        kappa: int,
        states: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """New weights [C, z] and biases [N] of a pass over weights and left activations [C, z], deltas and biases [N].

        ``states`` are those of the generator by rows, [C], where there is one.
        """
        n, j = self._of.numbers, self._j
        shifted = np.asarray(delta, np.int64) << (self._greatest - kappa)
        products = self.multipliers.model(left, np.repeat(shifted, j.d_in).reshape(weight.shape))
        if self.generator is None:
            step = format.narrow(products, self._weight_drop, n.rounding["weight_step"])
        else:
            assert states is not None
            fewer = self._greatest - kappa
            drop = self._weight_drop - fewer
            random = random_bits(states[:, None], np.arange(j.z), drop)
            step = format.narrow(products >> fewer, drop, format.Rounding.STOCHASTIC, random)
        bias_step = format.narrow(shifted, self._bias_drop, n.rounding["bias_step"])
        return format.saturate(weight - step, n.weight), format.saturate(bias - bias_step, n.bias)

    def elaborate(self, platform: object) -> Module:
        m, j, n = Module(), self._j, self._of.numbers
        m.submodules.multipliers = multipliers = self.multipliers
        m.d.comb += multipliers.a.eq(self.left)
        own, latency = self.of_write_back, self.multipliers.latency
        weight = delayed(m, self.weight, latency, "weight")
        shifted = []
        for k in range(j.routing.segments):
            delta = Signal(self._shifted, name=f"shifted_{k}")
            # Without a sample the step must be 0: the row is read to have one of its words replaced.
            m.d.comb += delta.eq(Mux(self.valid, self.delta[k] << self.shift, 0))
            shifted.append(delta)
        of, phases = j.routing, range(j.routing.phases)
        for k in range(j.results_per_clock):
            shift = Signal(self._shifted, name=f"shifted_bias_{k}")
            m.d.comb += shift.eq(route(self.phase, [of.segment_of_slot(p, k) for p in phases], shifted))
            # One register in front of the subtraction, the others behind.
            before = min(latency, 1)
            old, step = delayed(m, self.bias[k], before, f"old_bias_{k}"), delayed(m, shift, before, f"bias_step_{k}")
            stepped = less_narrowed(old, step, self._bias_drop, n.rounding["bias_step"])
            new, clipped = saturate(delayed(m, stepped, own, f"stepped_bias_{k}"), n.bias)
            bias, flag = Signal(shape_of(n.bias), name=f"bias_{k}"), Signal(name=f"bias_clipped_{k}")
            if j.straddles:
                clipped &= lookup(delayed(m, self.phase, before + own, f"bias_phase_{k}"), of.ends(k), 1)
            m.d.comb += [bias.eq(new), flag.eq(clipped)]
            hit = delayed(m, self.replace_bias & (self.replace_lane == k), self.early, f"hit_bias_{k}")
            behind = latency - before
            late = delayed(m, bias, behind, f"bias_{k}")
            m.d.comb += [
                self.new_bias[k].eq(Mux(hit, self.replace_word.as_signed(), late)),
                self.bias_saturated[k].eq(delayed(m, flag, behind, f"bias_clipped_{k}")),
            ]
        stepping, drawn = plus_narrowed if self._adds else less_narrowed, self._drawn(m)
        factors = [-delta for delta in shifted] if self._adds else shifted
        for lane in range(j.z):
            m.d.comb += multipliers.b[lane].eq(route(self.phase, [of.segment(p, lane) for p in phases], factors))
            random = None if drawn is None else drawn.rotate_left(int(rotations(lane)))
            stepped = stepping(weight[lane], multipliers.product[lane], self._weight_drop, n.rounding["weight_step"], random)
            new, clipped = saturate(delayed(m, stepped, own, f"stepped_{lane}"), n.weight)
            hit = delayed(m, self.replace_weight & (self.replace_lane == lane), self.early, f"hit_{lane}")
            m.d.comb += [
                self.new_weight[lane].eq(Mux(hit, self.replace_word.as_signed(), new)),
                self.weight_saturated[lane].eq(clipped),
            ]
        return m

    def _drawn(self, m: Module) -> Value | None:
        """The random bits of the row whose products are there; they are turned in the clock before, if there is one."""
        if self.generator is None:
            return None
        m.submodules.generator = generator = self.generator
        before = max(self.multipliers.latency - 1, 0)
        m.d.comb += [
            generator.step.eq(delayed(m, self.valid, before, "drawing", valid=True)),
            generator.shift.eq(delayed(m, self.shift, before, "drawing_shift")),
        ]
        return Value.cast(delayed(m, generator.bits, self.multipliers.latency - before, "random"))
