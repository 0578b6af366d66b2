"""Classification layers in PyTorch against the float engine: outputs, costs, gradients, training with every optimiser."""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from models.connectivity import draw
from models.errors import InputError
from models.floating.engine import FloatEngine
from models.floating.optimisers import Optimiser
from models.network.network import Network
from models.network.parameters import initialise

torch = pytest.importorskip("torch")

from models.torch_layers.classifier import Classifier  # noqa: E402
from models.torch_layers.flat_parameters import FlatParameters  # noqa: E402

LAYERS, DEGREES, CLASSES, SAMPLES, BATCH = (24, 12, 8, 6), (4, 4, 3), 4, 50, 8
OUTPUTS = [
    ("softmax", "cross_entropy"),
    ("sigmoid", "cross_entropy"),
    ("sigmoid", "quadratic"),
    ("tanh", "quadratic"),
    ("relu", "quadratic"),
    ("clipped_relu", "quadratic"),
]
OPTIMISERS = [
    Optimiser("sgd", rate=0.1, decay=0.01),
    Optimiser("momentum", rate=0.05, momentum=0.8),
    Optimiser("adam", rate=0.01, decay=0.001),
]


def make(output, cost, hidden="relu", kind="structured"):
    """A network with padded outputs, its parameters, and samples."""
    rng = np.random.default_rng(5)
    patterns = tuple(draw.draw(kind, a, b, rng, d_out=d) for (a, b), d in zip(pairwise(LAYERS), DEGREES, strict=True))
    network = Network(patterns, (hidden, hidden, output), cost, np.array([4, 1, 2, 5]))
    parameters = initialise(network, "he_normal", "sparse", 0.1, rng)
    inputs, labels = rng.random((SAMPLES, LAYERS[0])), rng.integers(0, CLASSES, SAMPLES)
    return network, parameters, inputs, labels


def in_torch(network, parameters, form, optimiser=OPTIMISERS[0], l2=0.0, scales=()):
    classifier = Classifier(network, form, torch.float64)
    classifier.load(parameters)
    return classifier, FlatParameters(classifier, [j.weight for j in classifier.junctions], optimiser, l2, scales)


def learn(classifier, flat, inputs, labels):
    """One epoch in batches; returns predictions and summed loss."""
    predictions, loss = [], 0.0
    for start in range(0, len(labels), BATCH):
        flat.clear()
        sums = classifier(torch.as_tensor(inputs[start : start + BATCH]))
        losses = classifier.losses(sums, torch.as_tensor(labels[start : start + BATCH]))
        losses.mean().backward()
        flat.step()
        predictions += classifier.predictions(sums).tolist()
        loss += float(losses.detach().sum())
    return predictions, loss


def assert_close(ours, others):
    for name, array in ours.arrays().items():
        np.testing.assert_allclose(array, others.arrays()[name], rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("form", ["masked", "gathered"])
@pytest.mark.parametrize(("output", "cost"), OUTPUTS)
def test_outputs_costs_and_gradients_are_the_float_engines(output, cost, form):
    network, parameters, inputs, labels = make(output, cost)
    classifier, flat = in_torch(network, parameters, form)
    engine = FloatEngine(network, parameters, OPTIMISERS[0], dtype=np.float64)
    flat.clear()
    sums = classifier(torch.as_tensor(inputs))
    losses = classifier.losses(sums, torch.as_tensor(labels))
    losses.mean().backward()
    accuracy, loss = engine.evaluate(inputs, labels)
    assert np.array_equal(classifier.predictions(sums).numpy(), engine.predict(inputs))
    assert float((classifier.predictions(sums).numpy() == labels).mean()) == accuracy
    assert float(losses.detach().mean()) == pytest.approx(loss, rel=1e-12)
    wanted = engine.gradients(inputs, labels)
    for i, layer in enumerate(classifier.junctions):
        np.testing.assert_allclose(layer.edge_gradient(), wanted.weights[i], rtol=1e-9, atol=1e-14)
        np.testing.assert_allclose(layer.bias.grad.numpy(), wanted.biases[i], rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("form", ["masked", "gathered"])
@pytest.mark.parametrize("hidden", ["relu", "sigmoid", "tanh", "clipped_relu"])
@pytest.mark.parametrize("optimiser", OPTIMISERS, ids=lambda o: o.kind)
def test_training_follows_the_float_engine_step_by_step(optimiser, hidden, form):
    network, parameters, inputs, labels = make("softmax", "cross_entropy", hidden)
    classifier, flat = in_torch(network, parameters, form, optimiser, l2=1e-3)
    engine = FloatEngine(network, parameters, optimiser, l2=1e-3, dtype=np.float64)
    for _ in range(3):
        predictions, loss = learn(classifier, flat, inputs, labels)
        wanted = engine.train(inputs, labels, BATCH)
        assert predictions == wanted.predictions.tolist()
        assert loss == pytest.approx(wanted.loss, rel=1e-9)
        assert_close(classifier.parameters_by_edge, engine.parameters)


@pytest.mark.parametrize("form", ["masked", "gathered"])
@pytest.mark.parametrize("optimiser", OPTIMISERS, ids=lambda o: o.kind)
def test_junctions_learn_at_multiples_of_the_rate_as_in_the_float_engine(optimiser, form):
    network, parameters, inputs, labels = make("softmax", "cross_entropy")
    scales = [3.0, 0.5, 2.0]
    classifier, flat = in_torch(network, parameters, form, optimiser, 1e-3, scales)
    engine = FloatEngine(network, parameters, optimiser, 1e-3, np.float64, scales=scales)
    plain = FloatEngine(network, parameters, optimiser, 1e-3, np.float64)
    learn(classifier, flat, inputs, labels)
    engine.train(inputs, labels, BATCH)
    plain.train(inputs, labels, BATCH)
    assert_close(classifier.parameters_by_edge, engine.parameters)
    assert not np.allclose(engine.parameters.weights[0], plain.parameters.weights[0])


def test_random_patterns_train_alike_too():
    network, parameters, inputs, labels = make("sigmoid", "cross_entropy", kind="random")
    engine = FloatEngine(network, parameters, OPTIMISERS[2], dtype=np.float64)
    engine.train(inputs, labels, BATCH)
    for form in ("masked", "gathered"):
        classifier, flat = in_torch(network, parameters, form, OPTIMISERS[2])
        learn(classifier, flat, inputs, labels)
        assert_close(classifier.parameters_by_edge, engine.parameters)


@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_the_update_rules_are_those_of_pytorch(kind):
    """Without decay and with a vanishing epsilon, Keras's rule for Adam and PyTorch's are the same."""
    network, parameters, inputs, labels = make("softmax", "cross_entropy")
    ours, flat = in_torch(network, parameters, "gathered", Optimiser(kind, rate=0.01, epsilon=1e-30))
    theirs = Classifier(network, "gathered", torch.float64)
    theirs.load(parameters)
    rules = {"sgd": torch.optim.SGD, "adam": partial(torch.optim.Adam, eps=1e-30)}
    optimiser = rules[kind](theirs.parameters(), 0.01)
    learn(ours, flat, inputs, labels)
    for start in range(0, SAMPLES, BATCH):
        optimiser.zero_grad()
        sums = theirs(torch.as_tensor(inputs[start : start + BATCH]))
        torch.nn.functional.cross_entropy(sums[:, [4, 1, 2, 5]], torch.as_tensor(labels[start : start + BATCH])).backward()
        optimiser.step()
    assert_close(ours.parameters_by_edge, theirs.parameters_by_edge)


def test_no_optimiser_moves_what_stands_beside_the_edges():
    for optimiser in OPTIMISERS:
        network, parameters, inputs, labels = make("softmax", "cross_entropy")
        classifier, flat = in_torch(network, parameters, "masked", optimiser, l2=1e-2)
        learn(classifier, flat, inputs, labels)
        for layer in classifier.junctions:
            assert not layer.weight.detach()[layer.mask == 0].any()


def test_an_exact_continuation_needs_the_arrays_only():
    network, parameters, inputs, labels = make("softmax", "cross_entropy")
    whole, flat = in_torch(network, parameters, "gathered", OPTIMISERS[2])
    learn(whole, flat, inputs, labels)
    again, restored = in_torch(network, whole.parameters_by_edge, "gathered", OPTIMISERS[2])
    restored.restore(flat.arrays(), "optimiser")
    for classifier, state in ((whole, flat), (again, restored)):
        learn(classifier, state, inputs, labels)
    assert restored.updates == flat.updates == 14
    assert np.array_equal(flat.values, restored.values)


def test_what_does_not_go_together_is_refused():
    network, *_ = make("softmax", "cross_entropy")
    with pytest.raises(InputError, match="cost"):
        Classifier(Network(network.patterns, ("relu", "relu", "relu"), "cross_entropy", network.output_neurons))
