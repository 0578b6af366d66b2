"""The float engine against a naive one that walks dictionaries of edges, and against finite differences."""

import numpy as np
import pytest

from models.floating.engine import FloatEngine
from models.floating.optimisers import Optimiser
from models.network.order import FLUSH, OVERLAP, SEQUENTIAL, Hops
from models.network.parameters import RealParameters, initialise
from tests.models.floating.naive import Naive, flat, make_network, some_parameters, some_samples

ALL_DENSE, ALL_SPARSE = 0.0, 2.0
OUTPUTS = [
    ("sigmoid", "cross_entropy"),
    ("softmax", "cross_entropy"),
    ("sigmoid", "quadratic"),
    ("tanh", "quadratic"),
    ("relu", "quadratic"),
    ("clipped_relu", "quadratic"),
]


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


@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_junctions_learn_at_their_own_multiples_of_the_rate(kind):
    """After a step each junction's weights have moved by its multiple, biases by one; single samples and batches agree."""
    network = make_network((6, 5, 4, 4), "tanh", kind="ragged")
    parameters, scales, optimiser = some_parameters(network), [8.0, 1.0, 0.25], Optimiser(kind, rate=0.1)
    inputs, labels = some_samples(network, 12)
    single, batch, plain = (
        FloatEngine(network, parameters, optimiser, 0.01, np.float64, scales=s) for s in (scales, scales, None)
    )
    plain.train(inputs[:1], labels[:1])
    for k in range(12):
        twice = [k, k]  # a batch whose mean gradient is that of the sample
        single.train(inputs[k : k + 1], labels[k : k + 1])
        batch.train(inputs[twice], labels[twice], 2)
        if k == 0:
            start = parameters.copy()
            for i, scale in enumerate(scales):
                moved = plain.parameters.weights[i] - start.weights[i]
                assert single.parameters.weights[i] - start.weights[i] == pytest.approx(scale * moved, rel=1e-9, abs=1e-12)
                assert np.abs(moved).max() > 1e-4
                assert single.parameters.biases[i].tolist() == plain.parameters.biases[i].tolist()
    assert flat(single.parameters) == pytest.approx(flat(batch.parameters), rel=1e-9, abs=1e-12)


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
