"""The proved ranges against the extreme values themselves, in Python integers, and against the engine."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.connectivity.pattern import Pattern
from models.errors import InputError
from models.fixed.engine import FixedEngine
from models.fixed.ranges import Ranges
from models.network.network import Network
from models.network.order import FLUSH
from models.network.parameters import IntegerParameters
from models.numbers.format import NEAREST, Format, Rounding
from models.numbers.system import STEPS, NumberSystem

ROUNDINGS = list(NEAREST)
SIGNALS = ("input", "weight", "bias", "preactivation", "activation", "derivative", "delta")
GREATEST_KAPPA = 40
MOST_DROP = 62  # the engine drops no more, since that changes nothing in numbers below 2**61


def full(n_left, n_right):
    return Pattern.regular(n_left, n_right, np.tile(np.arange(n_left), n_right))


def network_of(*layers):
    patterns = tuple(full(a, b) for a, b in itertools.pairwise(layers))
    activations = tuple(["sigmoid"] * len(patterns))
    return Network(patterns, activations, "quadratic", np.arange(layers[-1]))


def numbers_of(default, product_fraction, rounding=Rounding.HALF_UP, **formats):
    signals = dict.fromkeys(SIGNALS, default) | formats
    return NumberSystem(product_fraction=product_fraction, rounding=dict.fromkeys(STEPS, rounding), **signals)


def random_numbers(rng, low, high):
    def some(signed=True, high=high):
        width = int(rng.integers(low, high))
        return Format(width, int(rng.integers(0, width + 1)), signed)

    signals = {s: some() for s in SIGNALS} | {"input": some(bool(rng.integers(2)))}
    signals["preactivation"] = some(high=min(high, 21))  # which address a table
    product_fraction = int(rng.integers(signals["bias"].fraction, 27))
    rounding = {step: Rounding(rng.choice(ROUNDINGS)) for step in STEPS}
    return NumberSystem(product_fraction=product_fraction, rounding=rounding, **signals)


def random_design(rng, layers, low, high):
    """Formats of ``low`` to ``high - 1`` bits, drawn until none is refused."""
    network = network_of(*layers)
    while True:
        numbers = random_numbers(rng, low, high)
        try:
            return network, numbers, Ranges.of(network, numbers)
        except InputError:
            continue


def ends(fmt):
    return fmt.lowest, fmt.highest


def narrowing(x, drop, rounding):
    """Every integer on the way through a narrowing, the narrowed one last."""
    if drop <= 0:
        return [x, x << -drop]
    half = 1 << (drop - 1)
    added = {Rounding.FLOOR: 0, Rounding.HALF_UP: half, Rounding.HALF_EVEN: half - 1}[rounding]
    odd = (x >> drop) & 1 if rounding is Rounding.HALF_EVEN else 0
    return [x, x + added, x + added + odd, (x + added + odd) >> drop]


def reach(steps):
    return max(abs(x) for x in steps)


def fits(steps, bits):
    return all(-(1 << (bits - 1)) <= x < 1 << (bits - 1) for x in steps)


class Extremes:
    """The sums of one junction when every term is as extreme as its formats allow."""

    def __init__(self, network, numbers, junction):
        self.p, self.num, self.left = network.patterns[junction], numbers, numbers.left_activation(junction)
        self.terms, self.sums, self.partials, self.wide = [], [], [], []
        f_p, f_w, f_d = numbers.product_fraction, numbers.weight.fraction, numbers.delta.fraction
        d_in, d_out = int(self.p.in_degrees.max()), int(self.p.out_degrees.max())
        biases = [narrowing(b, numbers.bias.fraction - f_p, Rounding.FLOOR)[-1] for b in ends(numbers.bias)]
        totals = self.accumulate(d_in, self.left, f_w + self.left.fraction - f_p)
        self.sums = [total + b for total in totals for b in biases]
        self.partials = self.accumulate(d_out, numbers.delta, f_w + f_d - f_p)
        for s in self.sums:
            drop = f_p - numbers.preactivation.fraction
            self.wide += narrowing(s, drop, numbers.rounding["preactivation"])
        for partial, slope in itertools.product(self.partials, ends(numbers.derivative)):
            drop = f_p + numbers.derivative.fraction - f_d
            self.wide += narrowing(partial * slope, drop, numbers.rounding["delta"])

    def accumulate(self, degree, factor, drop):
        """Totals of ``degree`` equal products, positive and negative, narrowed one by one."""
        totals = []
        for w, x in itertools.product(ends(self.num.weight), ends(factor)):
            steps = narrowing(w * x, drop, self.num.rounding["product"])
            self.terms += steps
            totals.append(degree * steps[-1])
        return totals

    def weight_steps(self, kappa):
        drop = self.left.fraction + self.num.delta.fraction - self.num.weight.fraction + kappa
        most = min(drop, MOST_DROP)
        steps = []
        for a, d, w in itertools.product(ends(self.left), ends(self.num.delta), ends(self.num.weight)):
            way = narrowing(a * d, most, self.num.rounding["weight_step"])
            assert way[-1] == narrowing(a * d, drop, self.num.rounding["weight_step"])[-1]
            steps += [*way, w - way[-1]]
        return steps


@settings(max_examples=200)
@given(
    seed=st.integers(0, 2**32 - 1),
    layers=st.lists(st.integers(1, 40), min_size=2, max_size=4),
    widths=st.sampled_from([(2, 8), (6, 13), (10, 18), (16, 25)]),
)
def test_extreme_values_stay_within_the_bounds(seed, layers, widths):
    network, numbers, ranges = random_design(np.random.default_rng(seed), layers, *widths)
    for j in range(len(network.patterns)):
        extreme = Extremes(network, numbers, j)
        assert reach(extreme.sums) <= ranges.sums[j]
        assert reach(extreme.partials) <= ranges.partials[j]
        assert fits(extreme.terms + extreme.wide, 63)
        if ranges.narrow:
            assert fits(extreme.terms + extreme.sums + extreme.partials, 32)
        for kappa in range(ranges.narrow_kappa[j] + 1):
            assert fits(extreme.weight_steps(kappa), 32)
        for kappa in range(GREATEST_KAPPA):
            assert fits(extreme.weight_steps(kappa), 64)


def engine_and_its_wide_twin(network, numbers, parameters, monkeypatch):
    """The engine as it chooses its accumulators, and one that must take 64 bits throughout."""
    chosen = FixedEngine(network, numbers, parameters, FLUSH)
    wide = replace(Ranges.of(network, numbers), narrow=False, narrow_kappa=(-1,) * len(network.patterns), short=False)
    with monkeypatch.context() as patch:
        patch.setattr(Ranges, "of", lambda *_: wide)
        return chosen, FixedEngine(network, numbers, parameters, FLUSH)


def extreme_run(engine, rng, n=12):
    """Inputs at their ends, every learning-rate shift from 0 on."""
    inputs = rng.choice(ends(engine.numbers.input), (n, engine.network.layers[0])).astype(np.int32)
    samples = engine.samples(inputs, rng.integers(0, engine.network.classes, n))
    results = [engine.run(samples, np.arange(n) // 2).output.tolist(), engine.drain().output.tolist()]
    return results, {name: array.tolist() for name, array in engine.arrays().items()}


def test_the_engine_computes_the_same_in_the_accumulator_it_chose_and_in_64_bits(monkeypatch):
    """Formats around the limit, so that narrow accumulators come within a factor of two of overflowing."""
    closest = 0
    for seed in range(80):
        rng = np.random.default_rng(seed)
        network, numbers, ranges = random_design(rng, rng.integers(1, 9, 3).tolist(), 10, 17)
        parameters = IntegerParameters(
            [rng.choice(ends(numbers.weight), p.n_edges).astype(np.int32) for p in network.patterns],
            [rng.choice(ends(numbers.bias), p.n_right).astype(np.int32) for p in network.patterns],
        )
        chosen, wide = engine_and_its_wide_twin(network, numbers, parameters, monkeypatch)
        assert extreme_run(chosen, np.random.default_rng(seed)) == extreme_run(wide, np.random.default_rng(seed))
        closest = max(closest, max(ranges.sums + ranges.partials) if ranges.narrow else 0)
    assert 2**30 < closest < 2**31


@pytest.mark.parametrize(
    ("layers", "sums", "partials", "narrow"),
    [
        ((1, 1), 2**30 + 2**15, 2**30, True),
        ((2, 1), 2**31 + 2**15, 2**30, False),  # two of the greatest products, and they are 2**31
        ((1, 2), 2**30 + 2**15, 2**31, False),
    ],
)
def test_sixteen_bit_integers_by_hand(layers, sums, partials, narrow):
    ranges = Ranges.of(network_of(*layers), numbers_of(Format(16, 0), product_fraction=0))
    assert (ranges.sums, ranges.partials, ranges.narrow) == ((sums,), (partials,), narrow)


def test_the_bias_decides_the_last_bit():
    """2**31 - 1 fits into 32 bits, 2**31 does not."""
    signals = {"input": Format(30, 0, signed=False), "weight": Format(1, 0), "bias": Format(1, 0)}
    numbers = numbers_of(Format(8, 0), product_fraction=0, **signals)  # two products of 2**30 - 1 and a bias of 1
    assert Ranges.of(network_of(2, 1), numbers).sums == (2**31 - 1,)
    assert Ranges.of(network_of(2, 1), numbers).narrow
    numbers = replace(numbers, bias=Format(2, 0))
    assert Ranges.of(network_of(2, 1), numbers).sums == (2**31,)
    assert not Ranges.of(network_of(2, 1), numbers).narrow


@pytest.mark.parametrize(("drop", "narrow"), [(30, True), (31, False)])
def test_half_of_what_is_dropped_counts(drop, narrow):
    """A product of 2**30 plus a rounding half of 2**30 overflows 32 bits, though what is kept is small."""
    small = Format(8, 0)
    wide = {"weight": Format(16, 16), "input": Format(16, drop - 16)}
    numbers = numbers_of(small, product_fraction=0, **wide)
    ranges = Ranges.of(network_of(1, 1), numbers)
    assert ranges.sums[0] < 2**10
    assert ranges.narrow is narrow


def test_degrees_that_vary_count_with_the_greatest():
    """Right neurons with one and three edges, left neurons with one and two."""
    pattern = Pattern(3, 2, np.array([0, 0, 1, 2], np.int32), np.array([0, 1, 4]))
    network = Network((pattern,), ("sigmoid",), "quadratic", np.arange(2))
    ranges = Ranges.of(network, numbers_of(Format(4, 0), product_fraction=0))
    assert (ranges.sums, ranges.partials) == ((3 * 64 + 8,), (2 * 64,))


def test_the_first_junction_reads_inputs_and_the_others_activations():
    numbers = numbers_of(Format(4, 0), product_fraction=0, input=Format(8, 0, signed=False), activation=Format(6, 0))
    assert Ranges.of(network_of(2, 2, 2), numbers).sums == (2 * 8 * 255 + 8, 2 * 8 * 32 + 8)


@pytest.mark.parametrize(
    ("fractions", "width", "narrow_kappa"),
    [
        ((0, 0, 0), 16, 30),  # a rounding half of 2**30 is the greatest beside a product of 2**30 - 1 or less
        ((0, 10, 0), 16, 20),
        ((10, 10, 10), 16, 20),
        ((16, 16, 1), 16, -1),  # 31 bits dropped already at a learning rate of 1
        ((0, 0, 1), 16, -1),  # a bit appended: 2**31
        ((0, 0, 0), 17, -1),  # a product of 2**31
    ],
)
def test_narrow_kappa_by_hand(fractions, width, narrow_kappa):
    """Fractions of input, delta and weight; inputs and deltas of 16 bits, or deltas of 17."""
    f_a, f_d, f_w = fractions
    numbers = numbers_of(
        Format(8, 0), product_fraction=0, input=Format(16, f_a), delta=Format(width, f_d), weight=Format(10, f_w)
    )
    assert Ranges.of(network_of(1, 1), numbers).narrow_kappa == (narrow_kappa,)


@pytest.mark.parametrize(("weight", "narrow_kappa"), [(15, 15), (16, -1)])
def test_narrow_kappa_leaves_room_for_the_weight(weight, narrow_kappa):
    """A step of 2**31 - 2**15 fits beside 2**14, not beside 2**15; from kappa = 16 on its rounding half does not fit."""
    numbers = numbers_of(
        Format(8, 0), product_fraction=0, input=Format(16, 0, signed=False), delta=Format(16, 0), weight=Format(weight, 0)
    )
    assert Ranges.of(network_of(1, 1), numbers).narrow_kappa == (narrow_kappa,)


# How to make numbers around the limit of 62 bits, and the last that are accepted; the next need 63.
AT_THE_LIMIT = {
    "a pre-activation": (
        lambda f: numbers_of(
            Format(2, 0), 0, weight=Format(24, 0), input=Format(24, 0), preactivation=Format(20, f), delta=Format(2, 0)
        ),
        15,  # (2**46 + 2) * 2**15
    ),
    "a partial delta times its derivative": (
        lambda w: numbers_of(Format(2, 0), 0, weight=Format(24, 0), delta=Format(w, 0), derivative=Format(21, 0)),
        19,  # 2**23 * 2**18 * 2**20 = 2**61
    ),
    "a weight step": (
        lambda w: numbers_of(Format(2, 0), 0, weight=Format(16, 16), input=Format(w, 0), delta=Format(24, 0)),
        22,  # 2**21 * 2**23 * 2**16 = 2**60, twice
    ),
    "the rounding half of a product": (
        lambda w: numbers_of(Format(2, 0), 0, weight=Format(31, 31), input=Format(w, w)),
        31,  # 2**61 + 2**60
    ),
}


@pytest.mark.parametrize("what", AT_THE_LIMIT)
def test_beyond_62_bits_is_refused(what):
    numbers, last = AT_THE_LIMIT[what]
    Ranges.of(network_of(1, 1), numbers(last))
    with pytest.raises(InputError) as error:
        Ranges.of(network_of(1, 1), numbers(last + 1))
    assert str(error.value) == "numbers: exact sums of junction 1 may need 63 bits and a sign, at most 62 are legal"


def test_the_junction_that_needs_too_many_bits_is_named():
    numbers = numbers_of(Format(2, 0), 0, weight=Format(24, 0), activation=Format(24, 0), preactivation=Format(20, 16))
    assert Ranges.of(network_of(3, 3), numbers).narrow
    with pytest.raises(InputError, match="exact sums of junction 2 may need"):
        Ranges.of(network_of(3, 3, 3), numbers)
