"""Vectors of 16-bit integers against the plain loops that they stand for: the same integers, counters and checkpoints.

Small networks are compared with the contract read aloud (test_engine.py); here layers are wider than vectors are long.
"""

import os
import platform
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.connectivity.draw import ClashFree, draw
from models.connectivity.pattern import Pattern
from models.fixed.engine import SATURATION_SIGNALS, FixedEngine
from models.fixed.layout import rows_of
from models.fixed.ranges import Ranges
from models.fixed.vectors import MOST_VECTORS
from models.network.network import Network
from models.network.order import FLUSH, NO_SAMPLE, OVERLAP, SEQUENTIAL, Hops
from models.network.parameters import IntegerParameters
from models.numbers.format import NEAREST, Format, Rounding
from models.numbers.system import STEPS, NumberSystem
from tests.models.fixed.naive import NaiveFixed

ORDERS = [SEQUENTIAL, FLUSH, OVERLAP, Hops(0, 1, 2), Hops(2, 0, 1)]


def some(rng, low, high, signed=True):
    width = int(rng.integers(low, high + 1))
    return Format(width, int(rng.integers(0, width + 1)), signed)


def short_numbers(rng):
    """Formats that keep within 16 bits, some of them at the end of that, with any rounding."""
    rounding = {step: Rounding(rng.choice(NEAREST)) for step in STEPS}
    if rng.random() < 0.6:
        rounding["weight_step"] = Rounding.HALF_UP
    signals = {s: some(rng, 3, 13) for s in ("weight", "bias", "preactivation", "delta")}
    for s in ("activation", "derivative"):
        signals[s] = some(rng, 3, 12, bool(rng.integers(2)))
    at_end = rng.choice(["", "weight", "input", "activation", "delta"])
    signals["input"] = some(rng, 1, rng.choice([8, 12]), bool(rng.integers(2)))
    if at_end:
        signed = signals[at_end].signed
        signals[at_end] = some(rng, 15 if not signed else 16, 15 if not signed else 16, signed)
    fraction = int(rng.integers(signals["bias"].fraction, signals["bias"].fraction + 9))
    return NumberSystem(product_fraction=fraction, rounding=rounding, **signals)


def irregular(rng, n_left, n_right, density):
    present = rng.random((n_right, n_left)) < density
    present[rng.integers(n_right), rng.integers(n_left)] = True
    rows, left = np.nonzero(present)
    return Pattern(n_left, n_right, left.astype(np.int32), np.searchsorted(rows, np.arange(n_right + 1)).astype(np.int64))


def patterns(rng, n_junctions):
    """Layers around the lengths of vectors, densities around those from which rows are full."""
    layers = [int(n) for n in rng.choice([1, 2, 7, 15, 16, 17, 31, 32, 33, 48, 65, 100], n_junctions + 1)]
    densities = rng.choice([0.02, 0.1, 0.15, 0.4, 0.6, 1.0], n_junctions)
    return tuple(irregular(rng, a, b, d) for a, b, d in zip(layers, layers[1:], densities, strict=False))


def network_of(rng, of):
    cost = str(rng.choice(["cross_entropy", "quadratic"]))
    hidden = [str(name) for name in rng.choice(["sigmoid", "relu", "clipped_relu", "tanh"], len(of))]
    last = "sigmoid" if cost == "cross_entropy" else hidden[-1]
    outputs = rng.permutation(of[-1].n_right)[: rng.integers(1, of[-1].n_right + 1)]
    return Network(tuple(of), (*hidden[:-1], last), cost, outputs.astype(np.int64))


def parameters_of(rng, network, numbers):
    """Any weights, or those at the ends of the range, where every step saturates."""

    def drawn(to, n):
        ends = rng.choice([to.lowest, to.highest], n)
        return np.where(rng.random(n) < rng.choice([0, 0.5, 1]), ends, rng.integers(to.lowest, to.highest + 1, n))

    return IntegerParameters(
        [drawn(numbers.weight, p.n_edges).astype(np.int32) for p in network.patterns],
        [drawn(numbers.bias, p.n_right).astype(np.int32) for p in network.patterns],
    )


def stream_of(rng, network, numbers, n, most_kappa=20):
    """Inputs, labels, learning-rate shifts, whether to train, and the order of entry with bubbles."""
    inputs = rng.integers(numbers.input.lowest, numbers.input.highest + 1, (n, network.layers[0])).astype(np.int32)
    kappa = rng.integers(0, rng.integers(1, most_kappa + 2), n)
    source = np.where(rng.random(n) < 0.15, NO_SAMPLE, rng.integers(0, n, n))
    return inputs, rng.integers(0, network.classes, n), kappa, rng.random(n) < 0.8, source


def everything(engine, stream, rng):
    """All that an engine tells of a stream which it gets in pieces, continued by another that only has a checkpoint."""
    inputs, labels, kappa, train, source = stream
    told, twin = [], None
    cuts = np.sort(rng.integers(0, len(source) + 1, 3))
    for i, part in enumerate(np.split(np.arange(len(source)), cuts)):
        told.append(engine.run(engine.samples(inputs, labels), kappa[part], train[part], source[part]))
        if i == 1:
            twin = engine.arrays()
            told.append(engine.infer(engine.samples(inputs, labels)))
            engine.restore(twin)
    told.append(engine.drain())
    return [[np.asarray(a).tolist() for a in r] for r in told], {k: (str(v.dtype), v.tolist()) for k, v in twin.items()}


def assert_same(network, numbers, rng, hops, n=60, most_kappa=20):
    """One network in both kinds of loops; returns the fast engine."""
    parameters = parameters_of(rng, network, numbers)
    stream, seed = stream_of(rng, network, numbers, n, most_kappa), rng.integers(1 << 32)
    engines = [FixedEngine(network, numbers, parameters, hops, fast=fast) for fast in (True, False)]
    assert [e._weights.dtype for e in engines] == [np.int16, np.int32]
    fast, plain = (everything(e, stream, np.random.default_rng(seed)) for e in engines)
    assert fast == plain
    states = [{k: (str(v.dtype), v.tolist()) for k, v in e.arrays().items()} for e in engines]
    assert states[0] == states[1]
    return engines[0]


def short_design(rng, of):
    """A network and numbers for which vectors do."""
    while True:
        network, numbers = network_of(rng, of), short_numbers(rng)
        ranges = Ranges.of(network, numbers)
        if ranges.short:
            return network, numbers


@settings(max_examples=150)
@given(seed=st.integers(0, 2**32 - 1), n_junctions=st.integers(1, 3), hops=st.sampled_from(ORDERS))
def test_vectors_compute_what_plain_loops_compute(seed, n_junctions, hops):
    rng = np.random.default_rng(seed)
    assert_same(*short_design(rng, patterns(rng, n_junctions)), rng, hops)


UNIFORM = NumberSystem.uniform(Format(12, 8), product_fraction=16, input=Format(8, 8, signed=False))


@pytest.mark.parametrize("depth", [1, 2, 3, 8, 16])
@pytest.mark.parametrize("kind", [1, 2, 3])
@pytest.mark.parametrize("dither", [False, True])
def test_clash_free_patterns(depth, kind, dither):
    rng = np.random.default_rng([depth, kind, dither])
    of = [
        draw("clash_free", 16 * depth, 48, rng, d_out=3, clash_free=ClashFree(16, kind, dither)),
        draw("clash_free", 48, 32, rng, d_out=2, clash_free=ClashFree(8, kind, dither)),
        draw("clash_free", 32, 10, rng, d_out=5, clash_free=ClashFree(32, kind, dither)),
    ]
    engine = assert_same(network_of(rng, of), UNIFORM, rng, FLUSH, n=40, most_kappa=9)
    assert engine._net.full.tolist() == [False, False, True]


def test_the_contract_read_aloud_in_layers_wider_than_vectors():
    """Narrowed and exact products, full and other rows, inputs of either packing; saturation everywhere."""
    kinds = set()
    for seed in range(12):
        rng = np.random.default_rng(seed)
        of = [irregular(rng, 70, 37, rng.choice([0.2, 0.8])), irregular(rng, 37, 33, rng.choice([0.05, 0.6]))]
        network, numbers = short_design(rng, of)
        parameters, stream = parameters_of(rng, network, numbers), stream_of(rng, network, numbers, 12, 9)
        engine, naive = FixedEngine(network, numbers, parameters, FLUSH), NaiveFixed(network, numbers, parameters, FLUSH)
        inputs, labels, kappa, train, source = stream
        results = engine.run(engine.samples(inputs, labels), kappa, train, source)
        for s, k, learned in zip(source, kappa, train, strict=True):
            naive.cycle(None if s < 0 else (inputs[s], int(labels[s]), int(k), bool(learned)))
        assert [w.tolist() for w in engine.parameters.weights] == naive.w
        assert results.output.tolist() == naive.outputs and engine.saturation.any()
        assert [int(n) for n in engine.saturation.sum(1)] == [
            sum(n for (junction, _), n in naive.saturation.items() if junction == j) for j in range(2)
        ]
        kinds |= {(j, bool(full), engine._net.input_bits) for j, full in enumerate(engine._net.full)}
    assert len(kinds) == 8


def test_weight_steps_at_the_ends_of_sixteen_bits():
    """Products that the multiplication of 16 bits would wrap take wider loops; weights that a step would wrap saturate."""
    for weight, delta, activation in [(15, 16, 12), (16, 16, 12), (15, 16, 15), (13, 16, 15)]:
        numbers = NumberSystem(
            input=Format(activation, 4),
            weight=Format(weight, 3),
            bias=Format(8, 0),
            preactivation=Format(12, 4),
            activation=Format(activation, 4),
            derivative=Format(8, 4),
            delta=Format(delta, 3),
            product_fraction=0,
        )
        for seed in range(6):
            rng = np.random.default_rng(seed)
            network = network_of(rng, [irregular(rng, 40, 3, 0.02 if seed % 2 else 1), irregular(rng, 3, 2, 1.0)])
            ranges = Ranges.of(network, numbers)
            assert ranges.short
            assert ranges.short_steps
            assert_same(network, numbers, rng, SEQUENTIAL, most_kappa=16)


LONG = NumberSystem.uniform(Format(16, 11), product_fraction=22, input=Format(8, 8, signed=False))
"""Sums of more than 30 products of the second junction need more than 32 bits."""


@pytest.mark.parametrize("d_in", [30, 31, 32, 33, 48, 64, 100])
@pytest.mark.parametrize("full", [False, True])
def test_sums_of_more_than_32_bits(d_in, full):
    """Weights at the ends of their range and hidden activations of 1, so that every sum is as great as it can be."""
    n_hidden = 2 * d_in if full else 20 * d_in  # above and below the density from which rows have a place for every neuron
    left = np.concatenate([np.arange(d_in) * (n_hidden // d_in) + r for r in range(2)])
    of = (Pattern.regular(3, n_hidden, np.arange(3 * n_hidden) % 3), Pattern.regular(n_hidden, 2, left.astype(np.int32)))
    network = Network(of, ("sigmoid", "sigmoid"), "cross_entropy", np.arange(2))
    ranges = Ranges.of(network, LONG)
    assert ranges.short and not ranges.narrow and ranges.part[1] == 32 and ranges.wide[1] == (d_in > 30)
    for sign in (-1, 1):
        extreme = LONG.weight.highest if sign > 0 else LONG.weight.lowest
        second = np.full(2 * d_in, extreme, np.int32)
        second[0] = -extreme - (extreme < 0)
        start = [np.full(3 * n_hidden, LONG.weight.highest, np.int32), second]
        parameters = IntegerParameters(start, [np.full(n, 32767, np.int32) for n in (n_hidden, 2)])
        engines = [FixedEngine(network, LONG, parameters, SEQUENTIAL, fast=fast) for fast in (True, False)]
        assert engines[0]._short and bool(engines[0]._net.full[1]) == full
        told = []
        for engine in engines:
            samples = engine.samples(np.full((40, 3), 255, np.int32), np.arange(40) % 2)
            told.append([a.tolist() for r in (engine.infer(samples), engine.run(samples, 3)) for a in r])
            told[-1].append([w.tolist() for w in engine.parameters.weights])
        assert told[0] == told[1]


def test_drawn_numbers_need_all_kinds_of_sums():
    kinds = set()
    for seed in range(60):
        rng = np.random.default_rng(seed)
        network, numbers = short_design(rng, [irregular(rng, 100, 7, 0.7), irregular(rng, 7, 5, 0.8)])
        ranges = Ranges.of(network, numbers)
        d_in = int(network.patterns[0].in_degrees.max())
        kinds.add((ranges.narrow, ranges.wide[0], ranges.part[0] < d_in))
    assert kinds >= {(True, False, False), (False, True, True), (False, True, False)}


def test_samples_in_flight_that_no_table_could_have_made():
    """A checkpoint's formats allow them, and the proofs of loops on vectors do not."""
    rng = np.random.default_rng(5)
    network = network_of(rng, [irregular(rng, 40, 33, 0.3), irregular(rng, 33, 20, 0.2)])
    network = Network(network.patterns, ("sigmoid", "sigmoid"), "cross_entropy", network.output_neurons)
    parameters = parameters_of(rng, network, LONG)
    inputs, labels, kappa, _, _ = stream_of(rng, network, LONG, 30)
    for name, value in (("activation", 30_000), ("output_delta", -32_000), ("partial", 2**31 + 5), (None, 0)):
        states = []
        for fast in (True, False):
            engine = FixedEngine(network, LONG, parameters, FLUSH, fast=fast)
            engine.run(engine.samples(inputs[:10], labels[:10]), kappa[:10])
            arrays = engine.arrays()
            if name:
                flight = arrays[f"flight_{name}"]
                at = np.argwhere(flight[:, -5:] != 0)[0]
                flight[at[0], flight.shape[1] - 5 + at[1]] = value
            engine.restore(arrays)
            assert engine._short == (fast and name is None)
            told = engine.run(engine.samples(inputs, labels), kappa)
            states.append([told.output.tolist(), {k: v.tolist() for k, v in engine.arrays().items()}])
        assert states[0] == states[1]


def test_an_edge_that_is_there_twice_has_two_weights():
    rng = np.random.default_rng(3)
    twice = Pattern.regular(4, 3, [0, 1, 1, 2, 2, 2, 3, 0, 1, 0, 3, 3])
    assert twice.has_repeated_edge()
    network = network_of(rng, [twice, Pattern.regular(3, 2, [0, 0, 1, 1, 2, 2])])
    engine = assert_same(network, UNIFORM, rng, FLUSH)
    assert not engine._net.full.any()


def test_rows_that_are_long_enough_to_count_their_saturations_in_parts():
    """16-bit counters take so many vectors: two junctions of more rows than that, every weight of which saturates."""
    numbers = NumberSystem.uniform(Format(8, 4), product_fraction=8, input=Format(4, 4, signed=False))
    pattern = Pattern.regular(1, 40000, np.zeros(40000, np.int32))
    network = Network((pattern,), ("sigmoid",), "cross_entropy", np.arange(2))
    least, most = numbers.weight.lowest, numbers.bias.highest  # together about 0: every delta is about a half
    parameters = IntegerParameters([np.full(40000, least, np.int32)], [np.full(40000, most, np.int32)])
    told = []
    for fast in (True, False):
        engine = FixedEngine(network, numbers, parameters, SEQUENTIAL, fast=fast)
        assert engine._weights.dtype == (np.int16 if fast else np.int32)
        engine.run(engine.samples(np.full((3, 1), 15, np.int32), [0, 0, 0]), 0)
        told.append((engine.saturation.tolist(), [w.tolist() for w in engine.parameters.weights]))
    assert told[0] == told[1]
    assert told[0][0][0][SATURATION_SIGNALS.index("weight")] > MOST_VECTORS  # more than one part counts


def test_which_rows_are_full():
    rng = np.random.default_rng(1)
    of = tuple(irregular(rng, 100, 100, d) for d in (0.4, 0.1, 0.2))
    network = Network(of, ("relu", "relu", "sigmoid"), "quadratic", np.arange(10))
    assert [r.full for r in rows_of(network, short=True)] == [False, False, True]
    assert [r.full for r in rows_of(network, short=False)] == [False] * 3
    for short in (True, False):
        for rows in rows_of(network, short):
            weights = np.arange(rows.end - rows.start)
            assert np.unique(weights[rows.places - rows.start]).size == rows.pattern.n_edges
            assert (rows.left[rows.places - rows.start] == rows.pattern.left).all()


@pytest.mark.parametrize("n", [0, 1, 31, 32, 33, 70])
def test_any_number_of_samples_is_fed_forward(n):
    rng = np.random.default_rng(n)
    network, numbers = short_design(rng, [irregular(rng, 45, 20, 0.3), irregular(rng, 20, 9, 0.5)])
    parameters = parameters_of(rng, network, numbers)
    inputs, labels, *_ = stream_of(rng, network, numbers, n)
    told = []
    for fast in (True, False):
        engine = FixedEngine(network, numbers, parameters, FLUSH, fast=fast)
        results = engine.infer(engine.samples(inputs, labels))
        told.append([a.tolist() for a in results])
    assert told[0] == told[1] and len(told[0][0]) == n


@pytest.mark.parametrize("processor", ["generic", "haswell"])
def test_processors_with_narrower_vectors_compute_the_same(processor, tmp_path):
    """Machine code for them runs here, too, where this is a processor of their family."""
    if platform.machine() != "x86_64":
        pytest.skip("needs a processor of the family x86-64")
    code = (
        "import numpy as np; from models.fixed.rows import compiled; from models.fixed.vectors import steps\n"
        "no_mask = np.zeros(0, np.int16)\n"
        "@compiled\n"
        "def call(w, g, d):\n"
        "    return steps(w, np.uint64(0), g, np.uint64(0), np.uint64(64), g[:0], np.uint64(d.size), np.uint64(64), d,"
        " np.int16(-2048), np.int16(2047))\n"
        "rng = np.random.default_rng(0)\n"
        "w, g, d = (rng.integers(-m, m, n).astype(np.int16) for m, n in ((2048, 1280), (2048, 1280), (1 << 15, 20)))\n"
        "new = w.reshape(20, 64) - ((g.reshape(20, 64).astype(int) * d[:, None] + (1 << 14)) >> 15)\n"
        "clipped = call(w, g, d)\n"
        "assert (w.reshape(20, 64) == new.clip(-2048, 2047)).all() and clipped == (abs(new + 0.5) > 2048).sum() > 0\n"
        "print('same')"
    )
    environment = os.environ | {
        "NUMBA_CPU_NAME": processor,
        "NUMBA_CPU_FEATURES": "" if processor == "generic" else "+avx2,+avx,+bmi,+bmi2",
        "NUMBA_CACHE_DIR": str(tmp_path),
    }
    (tmp_path / "call.py").write_text(code)
    made = subprocess.run(
        [sys.executable, tmp_path / "call.py"], env=environment, capture_output=True, text=True, check=False
    )
    assert made.stdout == "same\n", made.stderr
