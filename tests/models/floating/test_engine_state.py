"""What the float engine keeps and takes: checkpoints, threads, memory, and what it refuses."""

import tracemalloc

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from models.connectivity.pattern import Pattern
from models.errors import InputError
from models.floating.engine import FloatEngine
from models.floating.optimisers import Optimiser
from models.network.network import Network
from models.network.parameters import RealParameters
from tests.models.floating.naive import flat, full, make_network, some_parameters, some_samples


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
