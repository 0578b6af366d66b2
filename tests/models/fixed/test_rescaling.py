"""Scaling a network to its formats: predictions stay, ranges are kept, and it helps."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.connectivity import draw
from models.fixed import rescaling
from models.fixed.engine import FixedEngine
from models.floating.engine import FloatEngine
from models.network.network import Network
from models.network.order import SEQUENTIAL
from models.network.parameters import RealParameters, initialise
from models.numbers.format import Format
from models.numbers.system import NumberSystem

LAYERS, DEGREES = (20, 10, 8, 5), (4, 4, 5)
NUMBERS = NumberSystem.uniform(Format(12, 8), input=Format(8, 8, signed=False))


def make(hidden, size, seed=0, output="sigmoid"):
    """A network whose weights are ``size`` times too large, and samples."""
    rng = np.random.default_rng(seed)
    patterns = tuple(
        draw.draw("structured", a, b, rng, d_out=d) for (a, b), d in zip(pairwise(LAYERS), DEGREES, strict=True)
    )
    network = Network(patterns, (hidden, hidden, output), "cross_entropy", np.arange(5))
    drawn = initialise(network, "he_normal", "sparse", 0.1, rng)
    parameters = RealParameters([w * size for w in drawn.weights], [b * size for b in drawn.biases])
    return network, parameters, rng.random((300, LAYERS[0]))


def predictions(network, parameters, inputs):
    return FloatEngine(network, parameters, dtype=np.float64).predict(inputs)


def in_fixed_point(network, parameters, inputs):
    engine = FixedEngine(network, NUMBERS, parameters.quantise(NUMBERS), SEQUENTIAL)
    samples = engine.samples(NUMBERS.input.quantise(inputs).astype(np.int32), np.zeros(len(inputs), np.int64))
    return engine.infer(samples).prediction


@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
@pytest.mark.parametrize("size", [0.01, 1, 30])
def test_relu_networks_predict_as_before_and_keep_their_ranges(size, output):
    network, parameters, inputs = make("relu", size, output=output)
    scaled, divisors = rescaling.rescaled(network, parameters, inputs / 3, NUMBERS, 3.0)
    assert np.array_equal(predictions(network, scaled, inputs / 3), predictions(network, parameters, inputs))
    highest = NUMBERS.weight.highest / NUMBERS.weight.one
    activations = inputs / 3
    for i, pattern in enumerate(network.patterns):
        matrix = np.zeros((pattern.n_left, pattern.n_right))
        matrix[pattern.left, pattern.right] = scaled.weights[i]
        sums = activations @ matrix + scaled.biases[i]
        for signal in (scaled.weights[i], scaled.biases[i], sums):
            assert np.abs(signal).max() <= highest * (1 + 1e-12)
        activations = np.maximum(sums, 0)
    assert divisors[0] == 3 and divisors[-1] >= 1 and len(divisors) == len(LAYERS)


def test_what_is_not_homogeneous_is_not_scaled():
    for hidden in ("sigmoid", "tanh", "clipped_relu"):
        network, parameters, inputs = make(hidden, 1)
        scaled, divisors = rescaling.rescaled(network, parameters, inputs / 2, NUMBERS, 2.0)
        assert divisors[1:3] == [1, 1]
        assert np.array_equal(predictions(network, scaled, inputs / 2), predictions(network, parameters, inputs))


def test_large_weights_survive_quantisation_only_when_scaled():
    network, parameters, inputs = make("relu", 12)
    wanted = predictions(network, parameters, inputs)
    scaled, _ = rescaling.rescaled(network, parameters, inputs, NUMBERS)
    plain, helped = ((in_fixed_point(network, p, inputs) == wanted).mean() for p in (parameters, scaled))
    assert helped > 0.97 > 0.8 > plain


def test_a_silent_network_is_left_alone():
    network, parameters, inputs = make("relu", 0)
    scaled, divisors = rescaling.rescaled(network, parameters, inputs, NUMBERS)
    assert divisors == [1, 1, 1, 1] and not any(w.any() for w in scaled.weights)


@settings(max_examples=50)
@given(st.integers(0, 999), st.floats(1e-6, 1e6), st.sampled_from([Format(8, 8, signed=False), Format(12, 8), Format(6, 6)]))
def test_the_input_scale_loses_no_more_than_the_greatest_input_does(seed, size, to):
    inputs = np.random.default_rng(seed).exponential(size, 200)
    highest = min(1.0, to.highest / to.one)

    def error(scale):
        return ((to.real(to.quantise(np.minimum(inputs / scale, highest))) * scale - inputs) ** 2).sum()

    chosen = rescaling.input_scale(inputs, to)
    assert 0 < chosen <= inputs.max() / highest * (1 + 1e-12)
    assert error(chosen) <= error(inputs.max() / highest) * (1 + 1e-9)


def test_inputs_that_are_all_zero_have_a_scale():
    assert rescaling.input_scale(np.zeros(5), Format(8, 8, signed=False)) == 1
