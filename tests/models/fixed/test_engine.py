"""The fixed-point engine against the contract read aloud, integer by integer."""

import itertools
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.connectivity.pattern import Pattern
from models.errors import InputError
from models.fixed.engine import SATURATION_SIGNALS, FixedEngine
from models.network.network import Network
from models.network.order import FLUSH, NO_SAMPLE, OVERLAP, SEQUENTIAL, Hops
from models.network.parameters import IntegerParameters, initialise
from models.numbers.format import NEAREST, Format, Rounding
from models.numbers.stochastic import Generators
from models.numbers.system import STEPS, NumberSystem
from tests.models.fixed.naive import NaiveFixed

ROUNDINGS = list(NEAREST)


def random_pattern(n_left, n_right, rng):
    """Every pair with probability 0.6, but at least one edge: in-degrees differ and may be 0."""
    present = rng.random((n_right, n_left)) < 0.6
    present[0, 0] = True
    rows, left = np.nonzero(present)
    start = np.searchsorted(rows, np.arange(n_right + 1))
    return Pattern(n_left, n_right, left.astype(np.int32), start.astype(np.int64))


def random_design(rng, n_junctions, uniform=False):
    layers = rng.integers(2, 9, n_junctions + 1)
    patterns = tuple(random_pattern(int(a), int(b), rng) for a, b in itertools.pairwise(layers))
    cost = rng.choice(["cross_entropy", "quadratic"])
    hidden = rng.choice(["sigmoid", "relu", "clipped_relu", "tanh"], n_junctions)
    activations = (*map(str, hidden[:-1]), "sigmoid" if cost == "cross_entropy" else str(hidden[-1]))
    outputs = rng.permutation(int(layers[-1]))[: rng.integers(1, layers[-1] + 1)]
    network = Network(patterns, activations, str(cost), outputs.astype(np.int64))
    return network, random_numbers(rng, uniform)


def random_numbers(rng, uniform):
    def some(low=3, high=13, signed=True):
        width = int(rng.integers(low, high))
        return Format(width, int(rng.integers(0, width + 1)), signed)

    default = some()
    if uniform:
        return NumberSystem.uniform(default, Rounding(rng.choice(ROUNDINGS)))
    rounding = {step: Rounding(rng.choice(ROUNDINGS)) for step in STEPS}
    signals = {s: some() for s in ("weight", "bias", "preactivation", "activation", "derivative", "delta")}
    input_format = some(signed=bool(rng.integers(2)))
    # A bias may have more fraction bits than a product only if that loses none of them.
    product_fraction = int(rng.integers(signals["bias"].fraction, 27))
    return NumberSystem(input=input_format, product_fraction=product_fraction, rounding=rounding, **signals)


def random_parameters(rng, network, numbers):
    def draw(fmt, n):
        return rng.integers(fmt.lowest, fmt.highest + 1, n).astype(np.int32)

    return IntegerParameters(
        [draw(numbers.weight, p.n_edges) for p in network.patterns],
        [draw(numbers.bias, p.n_right) for p in network.patterns],
    )


def random_stream(rng, network, numbers, n_cycles):
    """Samples, of which some are inference-only, with bubbles between them."""
    n = n_cycles
    inputs = rng.integers(numbers.input.lowest, numbers.input.highest + 1, (n, network.layers[0])).astype(np.int32)
    labels = rng.integers(0, network.classes, n)
    source = np.where(rng.random(n) < 0.2, NO_SAMPLE, np.arange(n))
    return inputs, labels, rng.integers(0, 9, n), rng.random(n) < 0.8, source


def naive_run(naive, inputs, labels, kappa, train, source):
    for s, k, t in zip(source, kappa, train, strict=True):
        naive.cycle(None if s < 0 else (inputs[s], int(labels[s]), int(k), bool(t)))


def engine_run(engine, inputs, labels, *entering):
    return engine.run(engine.samples(inputs, labels), *entering)


def assert_same(engine, naive, results):
    own = engine.parameters
    assert [w.tolist() for w in own.weights] == naive.w
    assert [b.tolist() for b in own.biases] == naive.b
    assert results.prediction.tolist() == naive.predictions
    assert results.output.tolist() == naive.outputs
    counted = {
        (j, s): int(n) for j, row in enumerate(engine.saturation) for s, n in zip(SATURATION_SIGNALS, row, strict=True) if n
    }
    assert counted == naive.saturation


@settings(max_examples=150)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_junctions=st.integers(1, 4),
    hops=st.sampled_from([SEQUENTIAL, FLUSH, OVERLAP, Hops(0, 1, 2), Hops(2, 0, 1), Hops(1, 3, 0)]),
    uniform=st.booleans(),
)
def test_equals_the_naive_loops(seed, n_junctions, hops, uniform):
    rng = np.random.default_rng(seed)
    network, numbers = random_design(rng, n_junctions, uniform)
    parameters = random_parameters(rng, network, numbers)
    stream = random_stream(rng, network, numbers, 12 + 3 * hops.drain(n_junctions))
    engine = FixedEngine(network, numbers, parameters, hops)
    naive = NaiveFixed(network, numbers, parameters, hops)
    results = engine_run(engine, *stream)
    naive_run(naive, *stream)
    assert_same(engine, naive, results)


def stochastic_design(rng, n_junctions, most=8):
    """A design whose weight steps are rounded by random bits, and generators for lanes that fit no neuron's edges."""
    while True:
        network, numbers = random_design(rng, n_junctions)
        numbers = replace(numbers, rounding=numbers.rounding | {"weight_step": Rounding.STOCHASTIC})
        if numbers.most_kappa(n_junctions) >= most:
            return network, numbers, Generators.drawn(tuple(rng.integers(1, 40, n_junctions).tolist()), rng)


@settings(max_examples=100)
@given(seed=st.integers(0, 2**32 - 1), n_junctions=st.integers(1, 4), hops=st.sampled_from([SEQUENTIAL, FLUSH, OVERLAP]))
def test_stochastic_rounding_equals_the_naive_loops(seed, n_junctions, hops):
    rng = np.random.default_rng(seed)
    network, numbers, generators = stochastic_design(rng, n_junctions)
    parameters = random_parameters(rng, network, numbers)
    inputs, labels, kappa, train, source = random_stream(rng, network, numbers, 12 + 3 * hops.drain(n_junctions))
    if seed % 3 == 0:  # as many bits as there are
        kappa[0] = numbers.most_kappa(n_junctions)
    engine = FixedEngine(network, numbers, parameters, hops, generators)
    naive = NaiveFixed(network, numbers, parameters, hops, generators.z, generators.states)
    results = engine_run(engine, inputs, labels, kappa, train, source)
    naive_run(naive, inputs, labels, kappa, train, source)
    assert_same(engine, naive, results)
    assert [int(state) for state in engine.random.values()] == naive.states


def wide_design(width):
    """Formats whose sums need ``width``-bit arithmetic, with extreme values everywhere."""
    fmt = Format(20, 10) if width == 64 else Format(8, 6)
    rng = np.random.default_rng(5)
    network = Network((random_pattern(9, 7, rng), random_pattern(7, 5, rng)), ("tanh", "sigmoid"), "quadratic", np.arange(5))
    return network, NumberSystem.uniform(fmt)


@pytest.mark.parametrize("width", [32, 64])
def test_extreme_values_in_either_accumulator(width):
    network, numbers = wide_design(width)
    engine = FixedEngine(network, numbers, random_parameters(np.random.default_rng(1), network, numbers), FLUSH)
    assert engine._ranges.narrow == (width == 32)
    extreme = IntegerParameters(
        [np.full(p.n_edges, numbers.weight.lowest, np.int32) for p in network.patterns],
        [np.full(p.n_right, numbers.bias.lowest, np.int32) for p in network.patterns],
    )
    rng = np.random.default_rng(2)
    stream = list(random_stream(rng, network, numbers, 40))
    stream[0] = rng.choice([numbers.input.lowest, numbers.input.highest], stream[0].shape).astype(np.int32)
    engine, naive = (kind(network, numbers, extreme, FLUSH) for kind in (FixedEngine, NaiveFixed))
    results = engine_run(engine, *stream)
    naive_run(naive, *stream)
    assert_same(engine, naive, results)


def test_large_learning_rate_shift_leaves_everything_as_it_is():
    rng = np.random.default_rng(7)
    network, _ = random_design(rng, 2)
    numbers = NumberSystem.uniform(Format(12, 8))
    parameters = random_parameters(rng, network, numbers)
    engine = FixedEngine(network, numbers, parameters, FLUSH)
    inputs, labels, _, train, source = random_stream(rng, network, numbers, 20)
    engine_run(engine, inputs, labels, 60, train, source)
    assert [w.tolist() for w in engine.parameters.weights] == [w.tolist() for w in parameters.weights]


@pytest.mark.parametrize("hops", [SEQUENTIAL, FLUSH, OVERLAP])
def test_pieces_make_the_same_run(hops):
    rng = np.random.default_rng(11)
    network, numbers = random_design(rng, 3)
    parameters = random_parameters(rng, network, numbers)
    inputs, labels, kappa, train, source = random_stream(rng, network, numbers, 60)
    whole = FixedEngine(network, numbers, parameters, hops)
    results = engine_run(whole, inputs, labels, kappa, train, source)
    pieces = FixedEngine(network, numbers, parameters, hops)
    outputs = []
    samples = pieces.samples(inputs, labels)
    for part in np.split(np.arange(60), [1, 2, 9, 30, 31]):
        outputs += pieces.run(samples, kappa[part], train[part], source[part]).output.tolist()
    assert outputs == results.output.tolist()
    assert all((a == b).all() for a, b in zip(whole.parameters.weights, pieces.parameters.weights, strict=True))


@pytest.mark.parametrize("hops", [SEQUENTIAL, FLUSH, OVERLAP])
def test_checkpoint_in_mid_flight_continues_to_the_same_bits(hops):
    rng = np.random.default_rng(13)
    network, numbers = random_design(rng, 3)
    parameters = random_parameters(rng, network, numbers)
    inputs, labels, kappa, train, source = random_stream(rng, network, numbers, 50)
    whole = FixedEngine(network, numbers, parameters, hops)
    engine_run(whole, inputs, labels, kappa[:23], train[:23], source[:23])
    saved = whole.arrays()
    rest = engine_run(whole, inputs, labels, kappa[23:], train[23:], source[23:])
    resumed = FixedEngine(network, numbers, random_parameters(rng, network, numbers), hops)
    resumed.restore(saved)
    again = engine_run(resumed, inputs, labels, kappa[23:], train[23:], source[23:])
    assert again.output.tolist() == rest.output.tolist()
    assert {k: v.tolist() for k, v in resumed.arrays().items()} == {k: v.tolist() for k, v in whole.arrays().items()}


def test_a_checkpoint_holds_the_generators():
    rng = np.random.default_rng(23)
    network, numbers, generators = stochastic_design(rng, 2)
    parameters = random_parameters(rng, network, numbers)
    inputs, labels, kappa, train, source = random_stream(rng, network, numbers, 50)
    whole = FixedEngine(network, numbers, parameters, FLUSH, generators)
    engine_run(whole, inputs, labels, kappa[:23], train[:23], source[:23])
    saved = whole.arrays()
    assert saved["random_1"].dtype == np.uint32 and saved["random_1"] != generators.states[0]
    engine_run(whole, inputs, labels, kappa[23:], train[23:], source[23:])
    resumed = FixedEngine(network, numbers, parameters, FLUSH, generators)
    resumed.restore(saved)
    engine_run(resumed, inputs, labels, kappa[23:], train[23:], source[23:])
    assert {k: v.tolist() for k, v in resumed.arrays().items()} == {k: v.tolist() for k, v in whole.arrays().items()}
    dead, few = saved | {"random_2": np.array(0, np.uint32)}, {k: v for k, v in saved.items() if k != "random_2"}
    for forged, told in ((dead, "checkpoint:random_2 = 0: must lie in 1..4294967295"), (few, "checkpoint:random_2")):
        with pytest.raises(InputError, match=re.escape(told)):
            resumed.restore(forged)
    with pytest.raises(InputError, match="generators: are missing"):
        FixedEngine(network, numbers, parameters, FLUSH)
    most = numbers.most_kappa(2)
    with pytest.raises(InputError, match=rf"kappa = {most + 1}: must not exceed {most}"):
        engine_run(whole, inputs, labels, most + 1)
    engine_run(whole, inputs, labels, most + 1, False)  # nothing is learned from them


def test_at_one_junction_only_staleness_separates_the_orders():
    """With no turn the pipelined order is the sequential one; with one cycle of turn it misses one update."""
    rng = np.random.default_rng(17)
    network, _ = random_design(rng, 1)
    numbers = NumberSystem.uniform(Format(12, 8))
    parameters = initialise(network, "glorot_normal", "sparse", 0.0, rng).quantise(numbers)
    inputs, labels, _, _, _ = random_stream(rng, network, numbers, 30)
    kappa = 2
    assert [h.staleness(1, 1) for h in (SEQUENTIAL, Hops(1, 0, 1), FLUSH)] == [0, 0, 1]
    runs = []
    for hops in (SEQUENTIAL, Hops(1, 0, 1), FLUSH):
        engine = FixedEngine(network, numbers, parameters, hops)
        runs.append(engine_run(engine, inputs, labels, kappa).output.tolist())
    assert runs[0] == runs[1]
    # A bubble behind every sample gives the update time to land: the stale order becomes the fresh one.
    spaced = np.stack([np.arange(30), np.full(30, NO_SAMPLE)], 1).ravel()
    engine = FixedEngine(network, numbers, parameters, FLUSH)
    assert engine_run(engine, inputs, labels, kappa, True, spaced).output.tolist() == runs[0]
    assert runs[2] != runs[0]


def test_inference_equals_feedforward_of_the_stream():
    rng = np.random.default_rng(19)
    network, numbers = random_design(rng, 3)
    engine = FixedEngine(network, numbers, random_parameters(rng, network, numbers), FLUSH)
    inputs, labels, _, _, _ = random_stream(rng, network, numbers, 25)
    engine_run(engine, inputs, labels, 3)
    engine.drain()
    before = engine.arrays()
    still = engine.infer(engine.samples(inputs, labels))
    assert {k: v.tolist() for k, v in engine.arrays().items()} == {k: v.tolist() for k, v in before.items()}
    streamed = engine_run(engine, inputs, labels, 3, False)
    rest = engine.drain()
    assert still.output.tolist() == streamed.output.tolist() + rest.output.tolist()


def engine_of(numbers=None, activations=("sigmoid",), cost="quadratic"):
    numbers = numbers or NumberSystem.uniform(Format(8, 4))
    network = Network((Pattern.regular(4, 2, [0, 1, 2, 3]),), activations, cost, np.arange(2))
    return FixedEngine(network, numbers, IntegerParameters([np.zeros(4, np.int32)], [np.zeros(2, np.int32)]), FLUSH)


WIDE = NumberSystem.uniform(Format(20, 19), product_fraction=60)


def restored(**forged):
    engine = engine_of()
    arrays = engine.arrays()
    engine.restore(arrays | {name: np.array(values, arrays[name].dtype) for name, values in forged.items()})


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: engine_of(activations=("softmax",)), "network.activation = softmax"),
        (lambda: engine_of(activations=("tanh",), cost="cross_entropy"), "needs a sigmoid output"),
        (lambda: engine_of(replace(WIDE, weight=Format(31, 30), delta=Format(31, 30))), "exact sums of junction 1"),
        (
            lambda: engine_run(engine_of(), np.full((1, 4), 128, np.int32), [0], 1),
            "inputs = 128..128: must lie in -128..127",
        ),
        (lambda: engine_run(engine_of(), np.zeros((1, 3), np.int32), [0], 1), "must have shapes (n, 4) and (n,)"),
        (lambda: engine_run(engine_of(), np.zeros((1, 4), np.int32), [2], 1), "labels = 2..2: must lie in 0..1"),
        (lambda: engine_run(engine_of(), np.zeros((1, 4), np.int32), [0], -1), "kappa = -1"),
        (lambda: engine_run(engine_of(), np.zeros((1, 4), np.int32), [0], 1, True, [1]), "source = 1..1"),
        (lambda: engine_of().restore({}), "checkpoint:weight_1"),
        (lambda: restored(flight_label=[2]), "checkpoint:flight_label[0] = 2: must be 0"),
        (lambda: restored(flight_kind=[-1]), "checkpoint:flight_kind[0] = -1: must lie in 0..2"),
    ],
)
def test_bad_input_is_named(call, names):
    with pytest.raises(InputError) as error:
        call()
    assert names in str(error.value)
