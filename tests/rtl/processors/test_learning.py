"""BP and UP processors against the definitions of products and steps, one edge at a time."""

import numpy as np
import pytest

from rtl.processors.backward import Backward
from rtl.processors.generator import Generator
from rtl.processors.update import Update
from tests.models.fixed.naive import narrow, xorshift
from tests.rtl.designs import NUMBERS, STOCHASTIC, design, junctions, row
from tests.rtl.driving import clip, integers, play, put_off

NAMES = ("two_junctions", "three_junctions", "full", "depth_1", "type_1", "type_1_dither")
NAMES += ("straddling", "straddling_groups", "straddling_three", "straddling_deepest", "straddling_ends")


@pytest.mark.parametrize("multiplier", [0, 1, 2, 4])
@pytest.mark.parametrize("numbers", NUMBERS)
def test_products_of_a_row(numbers, multiplier):
    for name in ("two_junctions", "depth_1", "type_1", "straddling_three"):
        of = design(name, numbers=numbers, latency={"multiplier": multiplier})
        j, n, rng = of.junctions[1], of.numbers, np.random.default_rng(0)
        component, drop = Backward(of, j), n.weight.fraction + n.delta.fraction - n.product_fraction
        weight, delta = integers(rng, n.weight, j.rows, j.z), integers(rng, n.delta, j.n_right)
        clocks, expected = [], []
        for c in range(j.rows):
            neurons = [(c * j.z + m) // j.d_in for m in range(j.z)]  # of every lane
            pairs = zip(weight[c].tolist(), delta[neurons].tolist(), strict=True)
            expected.append([narrow(w * d, drop, n.rounding["product"]) for w, d in pairs])
            there = delta[neurons[0] : neurons[-1] + 1].tolist()
            there += [0] * (j.routing.segments - len(there))
            clocks.append({"weight": weight[c], "phase": c % j.routing.phases, "delta": there})
        got = [s.product for s in play(component, clocks + [{}] * multiplier)][multiplier:]
        assert component.latency == multiplier
        assert got == expected
        assert component.model(weight, delta).tolist() == expected


def new_weight(of, j, w, left, delta, kappa, random=""):
    n = of.numbers
    drop = j.left.fraction + n.delta.fraction - n.weight.fraction + kappa
    wide = w - narrow(left * delta, drop, n.rounding["weight_step"], random)
    return clip(wide, n.weight), int(clip(wide, n.weight) != wide)


def new_bias(of, b, delta, kappa):
    n = of.numbers
    wide = b - narrow(delta, n.delta.fraction - n.bias.fraction + kappa, n.rounding["bias_step"])
    return clip(wide, n.bias), int(clip(wide, n.bias) != wide)


class Random:
    """Binary digits of a generator for the lanes of rows that are learned from; none without stochastic rounding."""

    def __init__(self, of, j):
        drawn = of.design.generators
        self.state, self.z = drawn and int(drawn.states[j.number - 1]), j.z

    def row(self):
        if self.state is None:
            return [""] * self.z
        digits, self.state = f"{self.state:032b}", xorshift(self.state)
        return [(2 * digits)[7 * lane % 32 :][:32] for lane in range(self.z)]


def bits(word, n):
    return [word >> i & 1 for i in range(n)]


def check_rows(of, j, n_rows=20, replace=False):
    """Rows one after the other, some of them without a sample; what comes out of each."""
    rng, n, random = np.random.default_rng(0), of.numbers, Random(of, j)
    component, stages = Update(of, j), of.config.hardware.latency
    late = component.latency
    assert late == stages.multiplier + component.of_write_back and component.of_write_back == (stages.write_back > 1)
    least, greatest = of.kappas
    clocks, replaced, expected = [], [{} for _ in range(late - component.early)], []
    q = j.results_per_clock
    for c in range(n_rows):
        of_row = row(j, c % j.rows)
        w, a = integers(rng, n.weight, j.z), integers(rng, j.left, j.z)
        d, b = integers(rng, n.delta, j.routing.segments), integers(rng, n.bias, q)
        kappa, valid = int(rng.integers(least, greatest + 1)), rng.random() < 0.7
        phase = c % j.rows % j.routing.phases
        clocks.append(
            {"valid": valid, "weight": w, "left": a, "delta": d, "bias": b, "shift": greatest - kappa, "phase": phase}
        )
        used = dict(zip(of_row.there, d.tolist() if valid else [0] * len(d), strict=False))
        first = c % j.rows * j.z
        lanes = zip(w.tolist(), a.tolist(), [used[e // j.d_in] for e in range(first, first + j.z)], strict=True)
        # Without a sample nothing is drawn, and no bits round a step of 0.
        drawn = random.row() if valid else ["1" * 32] * j.z
        weights = [new_weight(of, j, *lane, kappa, bits) for lane, bits in zip(lanes, drawn, strict=True)]
        # Slots without a neuron mean nothing, but clip nothing either.
        biases = [(None, 0)] * q if valid else [(x, 0) for x in b.tolist()]
        for neuron in of_row.end if j.straddles else of_row.there:
            biases[neuron % q] = new_bias(of, int(b[neuron % q]), used[neuron], kappa)
        if not valid:
            assert weights == [(x, 0) for x in w.tolist()] and biases == [(x, 0) for x in b.tolist()]
        replaced.append({})
        if replace and not valid:
            weights, biases, replaced[-1] = _replaced(rng, n, weights, biases)
        expected.append([*zip(*weights, strict=True), *zip(*biases, strict=True)])
    replaced += [{}] * component.early
    clocks = [row | word for row, word in zip(clocks + [{}] * late, replaced, strict=True)]
    seen = play(component, put_off(clocks, "replace_word", component.early))[late : late + n_rows]
    got = [
        [
            tuple(s.new_weight),
            tuple(bits(s.weight_saturated, j.z)),
            tuple(x if y is not None else None for x, y in zip(s.new_bias, told[2], strict=True)),
            tuple(bits(s.bias_saturated, q)),
        ]
        for s, told in zip(seen, expected, strict=True)
    ]
    assert got == expected


def _replaced(rng, n, weights, biases):
    """One word of the row, a weight or a bias, replaced by another."""
    bias = rng.random() < 0.5
    words, fmt = (biases, n.bias) if bias else (weights, n.weight)
    lane, word = int(rng.integers(len(words))), int(integers(rng, fmt))
    words = [(word, 0) if k == lane else pair for k, pair in enumerate(words)]
    port = {"replace_bias": bias, "replace_weight": not bias, "replace_lane": lane}
    port["replace_word"] = word & ((1 << max(n.weight.width, n.bias.width)) - 1)
    return (weights, words, port) if bias else (words, biases, port)


@pytest.mark.parametrize(("name", "number"), junctions(*NAMES))
def test_geometries(name, number):
    of = design(name)
    check_rows(of, of.junctions[number - 1])


@pytest.mark.parametrize("multiply_add", [False, True])
@pytest.mark.parametrize("kappas", [(0, 0), (0, 4), (2, 7)], ids=str)
@pytest.mark.parametrize("numbers", NUMBERS)
def test_formats_roundings_and_learning_rates(numbers, kappas, multiply_add):
    of = design("type_1", numbers=numbers, rate_shift=((0, kappas[0]), (1, kappas[1])), multiply_add=multiply_add)
    for j in of.junctions:
        check_rows(of, j)


@pytest.mark.parametrize("multiply_add", [False, True])
@pytest.mark.parametrize("write_back", [0, 2])
@pytest.mark.parametrize("multiplier", range(5))
def test_rows_come_after_the_multiplier(multiplier, write_back, multiply_add):
    of = design("two_junctions", latency={"multiplier": multiplier, "write_back": write_back}, multiply_add=multiply_add)
    for j in of.junctions:
        check_rows(of, j)
        stages = of.config.hardware.latency
        assert j.timing.update == stages.memory_read + 2 * multiplier + stages.write_back


@pytest.mark.parametrize("multiply_add", [False, True])
@pytest.mark.parametrize("multiplier", [0, 1, 3])
@pytest.mark.parametrize("kappas", [(0, 0), (2, 19)], ids=str)
def test_random_bits_round_the_rows_that_are_learned_from(kappas, multiplier, multiply_add):
    shifts = ((0, kappas[0]), (1, kappas[1]))
    changes = {"latency": {"multiplier": multiplier}, "multiply_add": multiply_add, "rate_shift": shifts}
    for name in ("type_1", "straddling_three", "depth_1"):
        of = design(name, numbers=STOCHASTIC, **changes)
        for j in of.junctions:
            check_rows(of, j, replace=True)


@pytest.mark.parametrize("shifts", [1, 2, 5, 29])
def test_a_generator_steps_when_it_is_told_to_and_turns_its_state(shifts):
    rng, state, clocks, expected = np.random.default_rng(shifts), 0x9E3779B9, [], []
    component = Generator(state, shifts)
    for _ in range(60):
        step, shift = int(rng.integers(2)), int(rng.integers(shifts))
        clocks.append({"step": step, "shift": shift})
        digits = f"{state:032b}"
        expected.append(int(digits[shift:] + digits[:shift], 2))
        bits, after = component.model(state, shift)
        assert (bits, after) == (expected[-1], xorshift(state))
        state = after if step else state
    assert [seen.bits for seen in play(component, clocks)] == expected


def test_nothing_is_random_where_no_bits_are_dropped():
    """Weights of more fraction bits than a product at the greatest shift: the step is exact at every rate."""
    numbers = {"width": 8, "fraction": 2, "weight": {"width": 14, "fraction": 9}, "rounding": STOCHASTIC["rounding"]}
    of = design("type_1", numbers=numbers, rate_shift=((0, 0), (1, 2)))
    for j in of.junctions:
        assert Update(of, j).generator is None
        check_rows(of, j)


@pytest.mark.parametrize(("multiplier", "write_back"), [(0, 0), (2, 1), (2, 2)])
@pytest.mark.parametrize("numbers", NUMBERS)
def test_one_word_of_a_row_is_replaced(numbers, multiplier, write_back):
    latency = {"multiplier": multiplier, "write_back": write_back}
    of = design("type_1", numbers=numbers, latency=latency, multiply_add=write_back == 1)
    for j in of.junctions:
        check_rows(of, j, replace=True)


def generator_states(state, n):
    states = [state]
    while len(states) < n:
        states.append(xorshift(states[-1]))
    return states


@pytest.mark.parametrize("numbers", [*NUMBERS, STOCHASTIC], ids=[*NUMBERS, "stochastic"])
def test_the_model_of_a_pass(numbers):
    of = design("three_junctions", numbers=numbers)
    n, rng = of.numbers, np.random.default_rng(0)
    for j in of.junctions:
        rows = Random(of, j)
        w, a = integers(rng, n.weight, j.rows, j.z), integers(rng, j.left, j.rows, j.z)
        d, b = integers(rng, n.delta, j.n_right), integers(rng, n.bias, j.n_right)
        for kappa in of.kappas:
            states = np.array(generator_states(rows.state, j.rows), np.uint32) if rows.state else None
            weights, biases = Update(of, j).model(w, a, d, b, kappa, states)
            drawn = [digits for _ in range(j.rows) for digits in rows.row()]
            by_edge = zip(w.ravel().tolist(), a.ravel().tolist(), np.repeat(d, j.d_in).tolist(), drawn, strict=True)
            assert weights.ravel().tolist() == [new_weight(of, j, *edge[:3], kappa, edge[3])[0] for edge in by_edge]
            assert biases.tolist() == [new_bias(of, *x, kappa)[0] for x in zip(b.tolist(), d.tolist(), strict=True)]
