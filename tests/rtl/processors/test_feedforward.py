"""FF processors against the definition of pre-activations and activations, one edge at a time."""

import math

import numpy as np
import pytest

from rtl.processors.feedforward import FeedForward
from tests.models.fixed.naive import narrow
from tests.rtl.designs import DEEP, DEEPEST, NONE, NUMBERS, design, junctions, row, slots
from tests.rtl.driving import clip, integers, play

NAMES = ("two_junctions", "three_junctions", "full", "depth_1", "results_wrap", "type_3")
NAMES += ("straddling", "straddling_groups", "straddling_three", "straddling_deepest", "straddling_ends")
FUNCTIONS = {
    "sigmoid": (lambda s: 1 / (1 + math.exp(-s)), lambda s: math.exp(-s) / (1 + math.exp(-s)) ** 2),
    "relu": (lambda s: max(s, 0), lambda s: float(s > 0)),
    "clipped_relu": (lambda s: min(max(s, 0), 1), lambda s: float(0 < s < 1)),
    "tanh": (math.tanh, lambda s: 1 - math.tanh(s) ** 2),
}


class Pass:
    """Random operands of a pass, and what every right neuron makes of them."""

    def __init__(self, of, j, rng):
        n = of.numbers
        self.of, self.j = of, j
        self.weight, self.left = integers(rng, n.weight, j.rows, j.z), integers(rng, j.left, j.rows, j.z)
        self.bias = integers(rng, n.bias, j.n_right)

    def by_definition(self):
        """Pre-activation, activation, derivative and whether it was clipped, of every right neuron."""
        n, j, result = self.of.numbers, self.j, []
        weight, left = self.weight.ravel().tolist(), self.left.ravel().tolist()
        drop = n.weight.fraction + j.left.fraction - n.product_fraction
        for neuron, bias in enumerate(self.bias.tolist()):
            total = bias << (n.product_fraction - n.bias.fraction)
            for e in range(neuron * j.d_in, (neuron + 1) * j.d_in):
                total += narrow(weight[e] * left[e], drop, n.rounding["product"])
            wide = narrow(total, n.product_fraction - n.preactivation.fraction, n.rounding["preactivation"])
            s = clip(wide, n.preactivation)
            real = s / n.preactivation.one
            a, d = (f(real) for f in FUNCTIONS[j.activation])
            entries = [clip(math.floor(x * to.one + 0.5), to) for x, to in ((a, n.activation), (d, n.derivative))]
            result.append((s, *entries, int(s != wide)))
        return result

    def clocks(self, rng):
        """Inputs of every row, and the neurons that end in it."""
        j, n = self.j, self.of.numbers
        for c in range(j.rows):
            of = row(j, c)
            given = {
                "valid": 1,
                "begins": c * j.z % j.d_in == 0,
                "ends": len(of.end) > 0,
                "phase": c % j.routing.phases,
                "weight": self.weight[c],
                "left": self.left[c],
                "bias": slots(j, of.end, self.bias, integers(rng, n.bias, j.results_per_clock)),
            }
            yield given, of.end


def check(of, j, seed=0):
    rng, q = np.random.default_rng(seed), j.results_per_clock
    component = FeedForward(of, j)
    passes = [Pass(of, j, rng) for _ in range(4)]
    clocks, expected = [], []
    for i, p in enumerate(passes):
        results = p.by_definition()
        for given, ended in p.clocks(rng):
            while i > 1 and rng.random() < 0.4:  # the first passes follow each other without a gap
                noise = {"weight": integers(rng, of.numbers.weight, j.z), "left": integers(rng, j.left, j.z)}
                clocks.append(noise | {"valid": 0, "begins": rng.random() < 0.5, "ends": rng.random() < 0.5})
            if ended:
                expected.append((len(clocks) + component.latency, {n % q: results[n] for n in ended}))
            clocks.append(given)
    seen = play(component, clocks + [{}] * (component.latency + 2))
    # Slots without a neuron mean nothing, but clip nothing either.
    told, done = dict(expected), [(t, s) for t, s in enumerate(seen) if s.done]
    assert [t for t, s in enumerate(seen) if s.early] == [t - component.ahead for t, _ in done]
    assert all(plain_bits(s.saturated, q)[k] == 0 for t, s in done for k in range(q) if k not in told[t])
    got = [
        (
            t,
            {
                k: (
                    seen[t - component.ahead].preactivation[k],
                    s.activation[k],
                    s.derivative[k] if of.trains else None,
                    plain_bits(s.saturated, q)[k],
                )
                for k in told[t]
            },
        )
        for t, s in done
    ]
    if not of.trains:
        expected = [(t, {k: (s, a, None, c) for k, (s, a, _, c) in results.items()}) for t, results in expected]
    assert got == expected
    for p in passes:
        model = component.model(p.weight, p.left, p.bias)
        assert list(zip(*(x.tolist() for x in model), strict=True)) == p.by_definition()
    return component


def plain_bits(word, n):
    return [word >> i & 1 for i in range(n)]


@pytest.mark.parametrize(("name", "number"), junctions(*NAMES))
def test_geometries(name, number):
    of = design(name)
    check(of, of.junctions[number - 1])


@pytest.mark.parametrize("activation", FUNCTIONS)
@pytest.mark.parametrize("numbers", NUMBERS)
def test_formats_and_roundings(numbers, activation):
    of = design("type_1", numbers=numbers, activation=activation, cost="quadratic")
    check(of, of.junctions[0])
    check(of, of.junctions[1])


@pytest.mark.parametrize(
    ("latency", "clocks"),
    [
        ({"table": 0}, 0),
        ({"table": 1}, 1),
        ({"table": 2}, 2),
        ({"table": 4}, 4),
        ({"multiplier": 1}, 1),
        ({"multiplier": 3, "table": 1}, 4),
        ({"tree_every": 1}, 3),
        ({"tree_every": 2}, 1),
        ({"tree_every": 3, "multiplier": 2}, 3),
        (NONE, 0),
        (DEEP, 6),
        (DEEPEST, 8),
    ],
    ids=lambda x: "_".join(f"{k}_{v}" for k, v in x.items()) if isinstance(x, dict) else f"{x}_clocks",
)
def test_results_come_after_the_stated_clocks(latency, clocks):
    of = design("deep", latency=latency)
    for j in of.junctions:
        component = check(of, j)
        assert component.latency == clocks  # 8 lanes a neuron: 3 levels of adders
        stages = of.config.hardware.latency
        assert j.timing.feedforward == stages.memory_read + component.latency + stages.write_back


def test_several_rows_a_neuron_with_registers_in_the_tree():
    of = design("overlap_three")
    for j in of.junctions:
        check(of, j)


def test_inference_has_no_derivatives():
    of = design("inference")
    check(of, of.junctions[0])
