"""The float engine against a naive one that walks dictionaries of edges, and against finite differences."""

import math
import tracemalloc
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from models.errors import InputError
from models.float_engine import FloatEngine
from models.network import Network, RealParameters, initialise
from models.optimisers import Optimiser
from models.order import FLUSH, OVERLAP, SEQUENTIAL, Hops
from models.pattern import Pattern

ALL_DENSE, ALL_SPARSE = 0.0, 2.0
OUTPUTS = [
    ("sigmoid", "cross_entropy"),
    ("softmax", "cross_entropy"),
    ("sigmoid", "quadratic"),
    ("tanh", "quadratic"),
    ("relu", "quadratic"),
    ("clipped_relu", "quadratic"),
]


def full(n_left, n_right):
    return Pattern.regular(n_left, n_right, np.tile(np.arange(n_left), n_right))


def ragged(n_left, n_right, rng, density=0.5):
    """Degrees left to chance; right neuron 1 and left neuron 0 have no edge at all."""
    joined = rng.random((n_right, n_left)) < density
    joined[1], joined[:, 0] = False, False
    right, left = np.nonzero(joined)
    starts = np.searchsorted(right, np.arange(n_right + 1))
    return Pattern(n_left, n_right, left.astype(np.int32), starts.astype(np.int64))


def make_network(layers, hidden="sigmoid", output="sigmoid", cost="cross_entropy", kind="full", classes=None, seed=0):
    rng = np.random.default_rng(seed)
    pairs = list(pairwise(layers))
    patterns = tuple(full(a, b) if kind == "full" else ragged(a, b, rng) for a, b in pairs)
    outputs = np.arange(layers[-1]) if classes is None else np.array(classes)
    return Network(patterns, (hidden,) * (len(pairs) - 1) + (output,), cost, outputs)


def some_parameters(network, seed=1, scale=0.7):
    rng = np.random.default_rng(seed)
    return RealParameters(
        [rng.normal(0, scale, p.n_edges) for p in network.patterns],
        [rng.normal(0.1, scale, p.n_right) for p in network.patterns],
    )


def some_samples(network, n, seed=2, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return rng.random((n, network.layers[0])).astype(dtype), rng.integers(0, network.classes, n)


# --- the naive engine -------------------------------------------------------------------------------------------------

VALUE = {
    "sigmoid": lambda s: 1 / (1 + math.exp(-s)),
    "tanh": math.tanh,
    "relu": lambda s: max(s, 0.0),
    "clipped_relu": lambda s: min(max(s, 0.0), 1.0),
}
SLOPE = {
    "sigmoid": lambda s: math.exp(-s) / (1 + math.exp(-s)) ** 2,
    "tanh": lambda s: 1 / math.cosh(s) ** 2,
    "relu": lambda s: float(s > 0),
    "clipped_relu": lambda s: float(0 < s < 1),
}


@dataclass
class Junction:
    """Weights by (right, left) and biases by right neuron."""

    weights: dict[tuple[int, int], float]
    biases: list[float]

    def copy(self):
        return Junction(dict(self.weights), list(self.biases))


@dataclass
class Naive:
    """One sample at a time, one edge at a time."""

    network: Network
    junctions: list[Junction]
    predictions: list[int] = field(default_factory=list)
    loss: float = 0.0

    @classmethod
    def of(cls, network, parameters):
        junctions = []
        for p, w, b in zip(network.patterns, parameters.weights, parameters.biases, strict=True):
            edges = zip(p.right.tolist(), p.left.tolist(), strict=True)
            junctions.append(Junction(dict(zip(edges, w.tolist(), strict=True)), b.tolist()))
        return cls(network, junctions)

    def forward(self, sample, junctions):
        """Pre-activations of layers 1..L and activations of layers 0..L."""
        sums, values = [], [list(map(float, sample))]
        for junction, name in zip(junctions, self.network.activations, strict=True):
            s = list(junction.biases)
            for (right, left), w in junction.weights.items():
                s[right] += w * values[-1][left]
            if name == "softmax":
                total = sum(math.exp(s[k]) for k in self.network.output_neurons)
                a = [math.exp(x) / total if j in self.network.output_neurons else 0.0 for j, x in enumerate(s)]
            else:
                a = [VALUE[name](x) for x in s]
            sums.append(s)
            values.append(a)
        return sums, values

    def judge(self, sums, values, label):
        """Count the sample; its output deltas."""
        classes = self.network.output_neurons.tolist()
        scores = [sums[-1][j] for j in classes]
        self.predictions.append(scores.index(max(scores)))
        target = [1.0 if j == classes[label] else 0.0 for j in range(len(values[-1]))]
        error = [a - y for a, y in zip(values[-1], target, strict=True)]
        name = self.network.activations[-1]
        if self.network.cost == "quadratic":
            self.loss += sum(e * e for e in error) / 2
            return [e * SLOPE[name](s) for e, s in zip(error, sums[-1], strict=True)]
        if name == "softmax":
            self.loss -= math.log(values[-1][classes[label]])
        else:
            self.loss -= sum(math.log(a if y else 1 - a) for a, y in zip(values[-1], target, strict=True))
        return error

    def backward(self, sums, values, delta, junctions):
        """Gradient of every junction, as junctions."""
        gradients = []
        for i in reversed(range(len(junctions))):
            edges = junctions[i].weights
            gradients.insert(0, Junction({(r, k): values[i][k] * delta[r] for r, k in edges}, list(delta)))
            if i:
                partial = [0.0] * len(values[i])
                for (right, left), w in edges.items():
                    partial[left] += w * delta[right]
                slope = SLOPE[self.network.activations[i - 1]]
                delta = [p * slope(s) for p, s in zip(partial, sums[i - 1], strict=True)]
        return gradients

    def gradient_of_batch(self, inputs, labels, l2=0.0):
        mean = [Junction(dict.fromkeys(j.weights, 0.0), [0.0] * len(j.biases)) for j in self.junctions]
        for sample, label in zip(inputs, labels, strict=True):
            sums, values = self.forward(sample, self.junctions)
            delta = self.judge(sums, values, label)
            for total, g in zip(mean, self.backward(sums, values, delta, self.junctions), strict=True):
                step(total, g, -1 / len(labels))
        for total, junction in zip(mean, self.junctions, strict=True):
            for edge, w in junction.weights.items():
                total.weights[edge] += 2 * l2 * w
        return mean

    def train(self, inputs, labels, batch, rate, l2=0.0):
        for start in range(0, len(labels), batch):
            gradients = self.gradient_of_batch(inputs[start : start + batch], labels[start : start + batch], l2)
            for junction, g in zip(self.junctions, gradients, strict=True):
                step(junction, g, rate)

    def train_pipelined(self, inputs, labels, rates, hops):
        """By the definition of staleness: sample n is fed forward by weights that miss so many updates."""
        n_junctions = len(self.junctions)
        history = [[j.copy()] for j in self.junctions]
        for n, (sample, label) in enumerate(zip(inputs, labels, strict=True)):
            seen = [max(0, n - hops.staleness(i, n_junctions)) for i in range(1, n_junctions + 1)]
            sums, values = self.forward(sample, [h[k] for h, k in zip(history, seen, strict=True)])
            now = [h[n] for h in history]
            for h, g in zip(history, self.backward(sums, values, self.judge(sums, values, label), now), strict=True):
                h.append(h[n].copy())
                step(h[n + 1], g, rates[n])
        self.junctions = [h[-1] for h in history]

    def flat(self):
        """All weights in edge order, then all biases."""
        return [w for j in self.junctions for w in j.weights.values()] + [b for j in self.junctions for b in j.biases]


def step(junction, gradient, rate):
    for edge, g in gradient.weights.items():
        junction.weights[edge] -= rate * g
    junction.biases = [b - rate * g for b, g in zip(junction.biases, gradient.biases, strict=True)]


def flat(parameters):
    return np.concatenate([*parameters.weights, *parameters.biases])


# --- gradients --------------------------------------------------------------------------------------------------------


def cost(network, parameters, inputs, labels, l2):
    engine = FloatEngine(network, parameters, l2=l2, dtype=np.float64)
    return engine.evaluate(inputs, labels)[1] + engine.penalty


@pytest.mark.parametrize(("kind", "dense_from"), [("full", ALL_DENSE), ("ragged", ALL_DENSE), ("ragged", ALL_SPARSE)])
@pytest.mark.parametrize(("output", "cost_name"), OUTPUTS)
@pytest.mark.parametrize("hidden", ["sigmoid", "relu", "clipped_relu", "tanh"])
def test_gradients_are_finite_differences(hidden, output, cost_name, kind, dense_from):
    network = make_network((4, 3, 4, 4), hidden, output, cost_name, kind, classes=[2, 0, 3])
    parameters = some_parameters(network)
    inputs, labels = some_samples(network, 3)
    engine = FloatEngine(network, parameters, l2=0.03, dtype=np.float64, dense_from=dense_from)
    found = engine.gradients(inputs, labels)
    h = 1e-5
    for part, gradient in zip([*parameters.weights, *parameters.biases], [*found.weights, *found.biases], strict=True):
        for k, before in enumerate(part.tolist()):
            part[k] = before + h
            above = cost(network, parameters, inputs, labels, 0.03)
            part[k] = before - h
            below = cost(network, parameters, inputs, labels, 0.03)
            part[k] = before
            assert gradient[k] == pytest.approx((above - below) / (2 * h), rel=1e-6, abs=1e-9)


# --- training ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dense_from", [ALL_DENSE, ALL_SPARSE])
@pytest.mark.parametrize("kind", ["full", "ragged"])
@pytest.mark.parametrize(("output", "cost_name"), OUTPUTS)
@pytest.mark.parametrize("batch", [1, 4])
def test_training_agrees_with_the_naive_engine(batch, output, cost_name, kind, dense_from):
    """11 samples: the last batch is short. Output neuron 1 is padding and the classes are not in order."""
    network = make_network((6, 5, 4, 4), "tanh", output, cost_name, kind, classes=[2, 0, 3])
    parameters = some_parameters(network)
    inputs, labels = some_samples(network, 11)
    naive = Naive.of(network, parameters)
    naive.train(inputs, labels, batch, rate=0.3, l2=0.01)
    engine = FloatEngine(network, parameters, Optimiser("sgd", rate=0.3), l2=0.01, dtype=np.float64, dense_from=dense_from)
    trained = engine.train(inputs, labels, batch)
    assert flat(engine.parameters) == pytest.approx(naive.flat(), rel=1e-11, abs=1e-13)
    assert trained.predictions.tolist() == naive.predictions
    assert trained.loss == pytest.approx(naive.loss, rel=1e-12)


@pytest.mark.parametrize("hops", [SEQUENTIAL, FLUSH, OVERLAP, Hops(2, 3, 1), Hops(0, 2, 0), Hops(3, 0, 2)])
@pytest.mark.parametrize("n", [1, 3, 14])
def test_pipelined_order_misses_the_updates_that_staleness_says(hops, n):
    network = make_network((6, 5, 4, 4), "sigmoid", kind="ragged", classes=[2, 0, 3])
    parameters = some_parameters(network)
    inputs, labels = some_samples(network, n)
    rates = np.linspace(0.1, 0.6, n)
    naive = Naive.of(network, parameters)
    naive.train_pipelined(inputs, labels, rates, hops)
    engine = FloatEngine(network, parameters, Optimiser("sgd"), dtype=np.float64)
    trained = engine.train_pipelined(inputs, labels, hops, rates)
    assert flat(engine.parameters) == pytest.approx(naive.flat(), rel=1e-11, abs=1e-13)
    assert trained.predictions.tolist() == naive.predictions
    assert trained.loss == pytest.approx(naive.loss, rel=1e-12)


@pytest.mark.parametrize("kind", ["sgd", "momentum", "adam"])
def test_dense_and_sparse_paths_agree_over_many_steps(kind):
    network = make_network((20, 30, 25, 10), "relu", "softmax", kind="ragged", classes=range(8))
    inputs, labels = some_samples(network, 90)
    engines = [
        FloatEngine(network, some_parameters(network, scale=0.3), Optimiser(kind, 0.01), 1e-3, np.float64, dense_from)
        for dense_from in (ALL_DENSE, ALL_SPARSE)
    ]
    for _ in range(3):
        losses = [engine.train(inputs, labels, 16).loss for engine in engines]
        assert losses[0] == pytest.approx(losses[1], rel=1e-10)
    dense, sparse = (flat(engine.parameters) for engine in engines)
    assert np.abs(dense - sparse).max() < 1e-10


@pytest.mark.parametrize("kind", ["sgd", "momentum", "adam"])
def test_single_samples_agree_with_batches_of_one(kind):
    """A batch size of 2 given one sample takes the path of batches; 1 takes the compiled loop over samples."""
    network = make_network((12, 9, 7), "clipped_relu", kind="ragged")
    inputs, labels = some_samples(network, 25)
    optimiser = Optimiser(kind, 0.02, decay=1e-2)
    single, batched = (FloatEngine(network, some_parameters(network), optimiser, 1e-3, np.float64) for _ in range(2))
    trained = single.train(inputs, labels, 1)
    results = [batched.train(inputs[n : n + 1], labels[n : n + 1], 2) for n in range(25)]
    assert flat(single.parameters) == pytest.approx(flat(batched.parameters), rel=1e-10, abs=1e-13)
    assert trained.predictions.tolist() == [int(r.predictions[0]) for r in results]
    assert trained.loss == pytest.approx(sum(r.loss for r in results))
    assert single.arrays()["optimiser_iterations"] == batched.arrays()["optimiser_iterations"] == 25


def test_a_batch_larger_than_the_set_is_the_whole_set():
    network = make_network((6, 5, 4))
    inputs, labels = some_samples(network, 7)
    engines = [FloatEngine(network, some_parameters(network), dtype=np.float64) for _ in range(2)]
    for engine, batch in zip(engines, (7, 1000), strict=True):
        engine.train(inputs, labels, batch)
    assert np.array_equal(flat(engines[0].parameters), flat(engines[1].parameters))


def test_penalty_shrinks_weights_and_spares_biases():
    network = make_network((4, 3), output="softmax", classes=[0])
    parameters = some_parameters(network)
    engine = FloatEngine(network, parameters, Optimiser("sgd", rate=0.1), l2=0.5, dtype=np.float64)
    assert engine.penalty == pytest.approx(0.5 * (parameters.weights[0] ** 2).sum())
    inputs, labels = some_samples(network, 2)
    engine.train(inputs, labels, 2)  # with a single class the loss is 0 whatever the input
    assert engine.parameters.weights[0] == pytest.approx(0.9 * parameters.weights[0])
    assert np.array_equal(engine.parameters.biases[0], parameters.biases[0])


def test_rate_for_one_call():
    network = make_network((6, 5, 4))
    inputs, labels = some_samples(network, 8)
    for batch in (1, 3):
        own, given = (FloatEngine(network, some_parameters(network), Optimiser("sgd", r)) for r in (0.25, 0.5))
        own.train(inputs, labels, batch)
        given.train(inputs, labels, batch, rate=0.25)
        assert np.array_equal(flat(own.parameters), flat(given.parameters))


def test_exclusive_or_is_learned():
    rng = np.random.default_rng(0)
    inputs = rng.random((600, 2)).astype(np.float32)
    labels = ((inputs[:, 0] > 0.5) ^ (inputs[:, 1] > 0.5)).astype(int)
    network = make_network((2, 24, 2), "relu", "softmax")
    engine = FloatEngine(network, initialise(network, "he_normal", "sparse", 0.1, rng), Optimiser("adam", 0.01))
    losses = []
    for _ in range(60):
        order = rng.permutation(600)
        losses.append(engine.train(inputs[order], labels[order], 20).loss)
    accuracy, loss = engine.evaluate(inputs, labels)
    assert losses[-1] < losses[0] / 4
    assert accuracy > 0.96
    assert loss == pytest.approx(losses[-1] / 600, abs=0.05)


# --- outputs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("output", "cost_name"), OUTPUTS)
def test_evaluation_agrees_with_the_naive_engine(output, cost_name):
    """600 samples are more than are evaluated at once."""
    network = make_network((4, 5, 4), "relu", output, cost_name, "ragged", classes=[2, 0, 3])
    parameters = some_parameters(network)
    inputs, labels = some_samples(network, 600)
    engine = FloatEngine(network, parameters, dtype=np.float64)
    naive = Naive.of(network, parameters)
    outputs = []
    for sample, label in zip(inputs, labels, strict=True):
        sums, values = naive.forward(sample, naive.junctions)
        naive.judge(sums, values, label)
        outputs.append(values[-1])
    accuracy, loss = engine.evaluate(inputs, labels)
    assert engine.outputs(inputs) == pytest.approx(np.array(outputs), rel=1e-12)
    assert engine.predict(inputs).tolist() == naive.predictions
    assert accuracy == np.mean(np.array(naive.predictions) == labels)
    assert loss == pytest.approx(naive.loss / 600, rel=1e-12)
    assert np.array_equal(flat(engine.parameters), flat(parameters))


def test_equal_outputs_predict_the_lowest_class():
    network = make_network((3, 4), classes=[3, 1, 2])
    nothing = RealParameters([np.zeros(12)], [np.array([9.0, 1.0, 2.0, 1.0])])
    assert FloatEngine(network, nothing).predict(np.ones((2, 3))).tolist() == [2, 2]
    nothing.biases[0][2] = 1.0
    assert FloatEngine(network, nothing).predict(np.ones((2, 3))).tolist() == [0, 0]


def test_padding_of_sigmoid_outputs_is_trained_towards_zero():
    network = make_network((3, 6), classes=[0, 1])
    engine = FloatEngine(network, some_parameters(network), Optimiser("sgd", 1.0))
    inputs, labels = some_samples(network, 40)
    before = engine.outputs(inputs)[:, 2:].mean()
    for _ in range(20):
        engine.train(inputs, labels, 8)
    assert engine.outputs(inputs)[:, 2:].mean() < before / 5


def test_padding_of_softmax_outputs_takes_no_part():
    network = make_network((3, 6), output="softmax", classes=[4, 1])
    engine = FloatEngine(network, some_parameters(network))
    inputs, labels = some_samples(network, 5)
    outputs = engine.outputs(inputs)
    assert not outputs[:, [0, 2, 3, 5]].any()
    assert outputs.sum(axis=1) == pytest.approx(1, rel=1e-6)
    assert not engine.gradients(inputs, labels).biases[0][[0, 2, 3, 5]].any()


@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
@pytest.mark.parametrize("size", [1e4, -1e4])
def test_extreme_sums_give_finite_losses(output, size):
    network = make_network((2, 2), output=output)
    parameters = RealParameters([np.array([size, 0, 0, -size])], [np.zeros(2)])
    engine = FloatEngine(network, parameters, Optimiser("sgd", 0.1))
    loss = engine.evaluate(np.ones((1, 2)), np.array([0]))[1]
    assert loss == pytest.approx(0 if size > 0 else 2e4, rel=1e-6, abs=1e-6)
    assert np.isfinite(engine.train(np.ones((3, 2)), np.array([0, 1, 0]), 2).loss)


# --- state, resources, errors -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [1, 5])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["sgd", "momentum", "adam"])
def test_restored_engine_continues_bit_for_bit(kind, dtype, batch, tmp_path):
    network = make_network((8, 9, 5), "relu", "softmax", kind="ragged")
    inputs, labels = some_samples(network, 23, dtype=dtype)
    optimiser = Optimiser(kind, 0.01, decay=1e-2)
    one = FloatEngine(network, some_parameters(network), optimiser, 1e-3, dtype, 0.45)
    one.train(inputs, labels, batch)
    np.savez(tmp_path / "checkpoint.npz", **one.arrays())
    other = FloatEngine(network, some_parameters(network, seed=9), optimiser, 1e-3, dtype, 0.45)
    with np.load(tmp_path / "checkpoint.npz") as checkpoint:
        other.restore(dict(checkpoint))
    results = [engine.train(inputs, labels, batch) for engine in (one, other)]
    assert results[0].loss == results[1].loss
    states = [engine.arrays() for engine in (one, other)]
    assert states[0].keys() == states[1].keys()
    for name, array in states[0].items():
        assert array.dtype == states[1][name].dtype
        assert np.array_equal(array, states[1][name]), name


def test_float64_copies_of_parameters_restore_a_float32_engine():
    network = make_network((8, 9, 5))
    engine = FloatEngine(network, some_parameters(network), Optimiser("sgd"))
    before = flat(engine.parameters)
    engine.restore(engine.arrays() | engine.parameters.arrays())
    assert np.array_equal(flat(engine.parameters), before)
    with pytest.raises(InputError, match=r"weight_1.*float32 without loss"):
        engine.restore(engine.arrays() | some_parameters(network).arrays())
    assert np.array_equal(flat(engine.parameters), before)


def test_results_do_not_depend_on_the_number_of_threads():
    network = make_network((300, 200, 40), "relu", "softmax")
    inputs, labels = some_samples(network, 700, dtype=np.float32)
    results = []
    for threads in (1, 2, 4):
        with threadpool_limits(threads):
            engine = FloatEngine(network, some_parameters(network, scale=0.1))
            loss = engine.train(inputs, labels, 256).loss
            results.append((loss, engine.evaluate(inputs, labels), flat(engine.parameters).tobytes()))
    assert results[0] == results[1] == results[2]


def test_sparse_junctions_take_memory_for_edges_only():
    """A dense matrix of the first junction would take 1.6 GB."""
    n = 20_000
    rng = np.random.default_rng(0)
    first = Pattern.regular(n, n, np.concatenate([np.arange(n), np.arange(n)])[rng.permutation(2 * n)])
    network = Network((first, full(n, 2)), ("relu", "softmax"), "cross_entropy", np.arange(2))
    inputs, labels = some_samples(network, 8, dtype=np.float32)
    parameters = some_parameters(network, scale=0.01)
    tracemalloc.start()
    try:
        engine = FloatEngine(network, parameters)
        engine.train(inputs, labels, 4)
        engine.evaluate(inputs, labels)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20e6


def test_an_empty_set_trains_nothing():
    network = make_network((6, 4))
    engine = FloatEngine(network, some_parameters(network))
    for batch in (1, 4):
        trained = engine.train(np.empty((0, 6)), np.empty(0, int), batch)
        assert trained.predictions.size == 0
        assert trained.loss == 0
    with pytest.raises(InputError, match="sample"):
        engine.evaluate(np.empty((0, 6)), np.empty(0, int))


@pytest.mark.parametrize(
    ("hidden", "output", "cost_name", "message"),
    [
        ("relu", "relu", "cross_entropy", "network.cost = cross_entropy: must go with a relu.*nearest: quadratic"),
        ("relu", "softmax", "quadratic", "network.cost = quadratic"),
        ("softmax", "softmax", "cross_entropy", "layer 1 = softmax"),
        ("step", "sigmoid", "quadratic", "layer 1 = step"),
    ],
)
def test_activations_and_cost_must_go_together(hidden, output, cost_name, message):
    network = make_network((3, 3, 3), hidden, output, cost_name)
    with pytest.raises(InputError, match=message):
        FloatEngine(network, some_parameters(network))


@pytest.mark.parametrize(
    ("inputs", "labels", "message"),
    [
        (np.zeros((4, 5)), np.zeros(4, int), "inputs = .*must have shape"),
        (np.zeros((4, 6), np.uint8), np.zeros(4, int), "inputs = uint8"),
        (np.zeros((4, 6)), np.zeros(3, int), "labels = .*shape"),
        (np.zeros((4, 6)), np.zeros(4), "labels = float64"),
        (np.zeros((4, 6)), np.array([0, 1, 2, 4]), r"labels = 0\.\.4: must lie in 0\.\.3"),
        (np.zeros((4, 6)), np.array([0, -1, 2, 3]), r"labels = -1\.\.3"),
    ],
)
@pytest.mark.parametrize("batch", [1, 2])
def test_samples_that_do_not_fit_are_refused(inputs, labels, message, batch):
    network = make_network((6, 4))
    with pytest.raises(InputError, match=message):
        FloatEngine(network, some_parameters(network)).train(inputs, labels, batch)


def test_impossible_settings_are_refused():
    network = make_network((6, 4))
    parameters = some_parameters(network)
    with pytest.raises(InputError, match="l2 = -1"):
        FloatEngine(network, parameters, l2=-1)
    with pytest.raises(InputError, match="dtype = float16"):
        FloatEngine(network, parameters, dtype=np.float16)
    with pytest.raises(InputError, match="batch_size = 0"):
        FloatEngine(network, parameters).train(np.zeros((1, 6)), np.zeros(1, int), 0)
    with pytest.raises(InputError, match=r"weight_1 = .*must have shape"):
        FloatEngine(network, RealParameters([np.zeros(1)], parameters.biases))


def test_a_parameter_beyond_the_type_of_the_engine_is_refused():
    network = make_network([5, 4, 3])
    parameters = RealParameters(
        [np.full(p.n_edges, 1e39) for p in network.patterns], [np.zeros(n) for n in network.layers[1:]]
    )
    with pytest.raises(InputError, match=r"weight_1 = 1e\+39: must be a number that float32 holds"):
        FloatEngine(network, parameters, dtype="float32")
