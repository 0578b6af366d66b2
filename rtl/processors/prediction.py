"""The class that a sample is taken for."""

from typing import Any, NamedTuple

import numpy as np
from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from rtl.blocks.arithmetic import shape_of
from rtl.blocks.choose import lookup
from rtl.blocks.delay import delayed
from rtl.control.position import slot_group
from rtl.plan.plan import Plan


class _Candidate(NamedTuple):
    """A neuron that may be a class: whether it is one, which, and its pre-activation."""

    counts: Any
    number: Any
    score: Any


class Prediction(wiring.Component):
    """The lowest class with the greatest pre-activation, over the neurons of a sample as they arrive.

    Latency as many clocks as it may take and can use: with one it is read from the register that keeps the best so far. With
    two there is another register: behind the best neuron of a clock, if there are several; where a neuron takes several
    clocks, behind the comparison with the best so far. The neurons of one row per clock.

    Parameters
    ----------
    of
        The design.
    clocks
        That it may take.

    Ports
    -----
    valid : in, 1
        Neurons are there.
    group : in, bits(G)
        Group of the first of them.
    phase : in, bits(routes)
        In which slots they are (:class:`rtl.plan.routing.Routing`).
    preactivation : in, q * preactivation
        Of the neurons, by slot.
    prediction : out, bits(classes)
        Complete ``latency`` clocks after the last neurons.
    """

    def __init__(self, of: Plan, clocks: int = 0) -> None:
        self._of, self._j = of, of.junctions[-1]
        q = self._j.results_per_clock
        # A neuron that comes alone leaves a clock between comparing and keeping it.
        self._alone = q == 1 and self._j.rows_per_neuron > 1
        self.latency = min(clocks, 2 if q > 1 or self._alone else 1)
        super().__init__(
            {
                "valid": In(1),
                "group": In(range(self._j.groups)),
                "phase": In(range(self._j.routing.phases)),
                "preactivation": In(data.ArrayLayout(shape_of(of.numbers.preactivation), q)),
                "prediction": Out(range(of.design.network.classes)),
            }
        )

    def model(self, preactivation: np.ndarray) -> int:
        """The class of a sample, of pre-activations [N_L]."""
        return int(preactivation[self._of.design.network.output_neurons].argmax())

    def elaborate(self, platform: object) -> Module:
        m, j = Module(), self._j
        q = j.results_per_clock
        best = Signal(self._of.numbers.preactivation.width, reset_less=True)
        best_class = Signal(self.prediction.shape(), reset_less=True)
        # Class 0 is the first of all neurons, so that there is a best one from the first group on.
        valid: Value = self.valid
        led: Value = self.group != 0
        if j.straddles:
            led |= lookup(self.phase, [int(j.routing.slot(p, 0) > 0) for p in range(j.routing.phases)], 1)
        row = [_Candidate(*class_of_slot(m, self._of, self.group, self.phase, k), self._score(k)) for k in range(q)]
        while len(row) > 1:
            pairs = zip(row[::2], row[1::2], strict=False)
            row = [self._better(m, *pair, name=f"{len(row)}_{k}") for k, pair in enumerate(pairs)] + row[len(row) & ~1 :]
        (here,) = row
        if self.latency == 2:
            came = here
            here = _Candidate(*(delayed(m, Value.cast(x), 1, f"row_{n}") for n, x in came._asdict().items()))
            row_valid = delayed(m, valid, 1, "row_valid", valid=True)
            if self._alone:
                better, row_led = delayed(m, came.score > best, 1, "better"), delayed(m, led, 1, "row_led")
                with m.If(row_valid & (~row_led | (here.counts & better))):
                    m.d.sync += [best.eq(here.score), best_class.eq(here.number)]
                m.d.comb += self.prediction.eq(best_class)
                return m
            valid, led = row_valid, delayed(m, led, 1, "row_led")
        leader = self._better(m, _Candidate(led, best_class, best), here, name="leader")
        with m.If(valid):
            m.d.sync += [best.eq(leader.score), best_class.eq(leader.number)]
        m.d.comb += self.prediction.eq(best_class if self.latency else leader.number)
        return m

    def _score(self, k: int) -> Value:
        """A pre-activation, its sign reversed: in the same order without signs, whose comparison is one carry chain."""
        word = self.preactivation[k]
        return Cat(word[:-1], ~word[-1])

    def _better(self, m: Module, a: _Candidate, b: _Candidate, name: str) -> _Candidate:
        """The one of two that is taken.

        Classes are numbered in the order of their neurons, so that the first one of equals is taken; but where neurons
        straddle rows the order of the slots is another.
        """
        better = b.score > a.score
        if self._j.straddles and self._j.results_per_clock > 1:
            better |= (b.score == a.score) & (b.number < a.number)
        wins = Signal(name=f"wins_{name}")
        number = Signal(self.prediction.shape(), name=f"number_{name}")
        score = Signal(self._of.numbers.preactivation.width, name=f"score_{name}")
        m.d.comb += [
            wins.eq(b.counts & (~a.counts | better)),
            number.eq(Mux(wins, b.number, a.number)),
            score.eq(Mux(wins, b.score, a.score)),
        ]
        return _Candidate(a.counts | b.counts, number, score)


def class_of_slot(m: Module, of: Plan, group: Any, phase: Any, k: int) -> tuple[Signal, Signal]:
    """Of the output neuron in a slot, whether it is there and is a class; and which."""
    j, there = of.junctions[-1], 1
    classes = j.by_group(of.class_of_output + 1) - 1
    group = slot_group(m, j.right, group, phase, k)
    if j.straddles:
        there = lookup(phase, j.routing.ends(k), 1)
    number, counts = Signal(range(of.design.network.classes), name=f"class_{k}"), Signal(name=f"counts_{k}")
    m.d.comb += [
        number.eq(lookup(group, np.maximum(classes[:, k], 0).tolist(), len(number))),
        counts.eq(lookup(group, (classes[:, k] >= 0).astype(int).tolist(), 1) & there),
    ]
    return counts, number
