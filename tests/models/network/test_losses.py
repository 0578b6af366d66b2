"""The mean cost against loops over samples and neurons."""

import math

import numpy as np
import pytest

from models.network.losses import LevelLoss, mean_loss
from models.numbers.format import Format

LSB = 2.0**-8


def naive(outputs, labels, output_neurons, cost, step=0.0):
    total = []
    for row, label in zip(outputs, labels, strict=True):
        for neuron, a in enumerate(row):
            target = 1 if neuron == output_neurons[label] else 0
            if cost == "quadratic":
                total.append((a - target) ** 2 / 2)
            else:
                reached = a if target else 1 - a
                total.append(-math.log(min(max(reached, step / 2), 1)))
    return math.fsum(total) / len(outputs)


@pytest.mark.parametrize("cost", ["cross_entropy", "quadratic"])
@pytest.mark.parametrize("seed", range(5))
def test_equals_the_loops(cost, seed):
    """Six outputs, of which four in any order stand for the classes and two are padding."""
    rng = np.random.default_rng(seed)
    outputs, labels = rng.uniform(0.001, 0.999, (17, 6)), rng.integers(0, 4, 17)
    neurons = rng.permutation(6)[:4]
    assert mean_loss(outputs, labels, neurons, cost) == pytest.approx(naive(outputs, labels, neurons, cost), rel=1e-13)


@pytest.mark.parametrize("cost", ["cross_entropy", "quadratic"])
@pytest.mark.parametrize("seed", range(5))
def test_equals_the_loops_on_fixed_point_outputs(cost, seed):
    """Outputs that reach 0 and 1 exactly, as those of a short format do."""
    rng = np.random.default_rng(seed)
    outputs, labels = rng.choice([0, LSB, 0.5, 1 - LSB, 1], (23, 5)), rng.integers(0, 5, 23)
    expected = naive(outputs, labels, range(5), cost, LSB)
    assert mean_loss(outputs, labels, np.arange(5), cost, LSB) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ([0.5, 0.5], 2 * math.log(2)),
        ([1.0, 0.0], 0.0),
        ([0.0, 0.0], 9 * math.log(2)),  # half an LSB of 2**-8
        ([1.0, 1.0], 9 * math.log(2)),
        ([0.0, 1.0], 18 * math.log(2)),
        ([LSB, 0.0], 8 * math.log(2)),
        ([LSB / 4, 0.0], 9 * math.log(2)),  # closer than half a step counts as half a step
    ],
)
def test_cross_entropy_by_hand(outputs, expected):
    assert mean_loss(np.array([outputs]), [0], np.arange(2), "cross_entropy", LSB) == pytest.approx(expected, rel=1e-14)


def test_quadratic_by_hand():
    """(1/4 + 1/16) / 2 and (1 + 1) / 2, on average; the step does not matter."""
    outputs = np.array([[0.5, 0.25], [1.0, 0.0]])
    for step in (0.0, LSB):
        assert mean_loss(outputs, [0, 1], np.arange(2), "quadratic", step) == (5 / 32 + 1) / 2


def test_padding_costs_what_it_is_away_from_zero():
    """One class on neuron 1 of three: the other two should be 0."""
    outputs = np.array([[0.5, 1.0, 0.25]])
    assert mean_loss(outputs, [0], np.array([1]), "quadratic") == (0.25 + 0.0625) / 2
    assert mean_loss(outputs, [0], np.array([1]), "cross_entropy") == pytest.approx(-math.log(0.5) - math.log(0.75))


def test_without_a_step_a_certain_error_is_dear_but_finite():
    loss = mean_loss(np.array([[0.0, 0.0]]), [0], np.arange(2), "cross_entropy")
    assert loss == pytest.approx(1022 * math.log(2))  # the least normal double


@pytest.mark.parametrize("cost", ["cross_entropy", "quadratic"])
def test_no_samples_cost_nothing(cost):
    assert mean_loss(np.zeros((0, 3)), np.zeros(0, np.int32), np.arange(3), cost, LSB) == 0


@pytest.mark.parametrize("cost", ["cross_entropy", "quadratic"])
@pytest.mark.parametrize("numbers", [Format(12, 8), Format(16, 11), Format(3, 2), Format(9, 8, signed=False)], ids=str)
def test_levels_looked_up_cost_the_same_to_the_last_bit(numbers, cost):
    rng = np.random.default_rng(0)
    levels = LevelLoss(numbers, cost)
    for n, size in ((0, 3), (1, 1), (7, 5), (1001, 33), (12544, 32)):
        outputs = np.clip(rng.integers(-9, numbers.one + 9, (n, size)), numbers.lowest, numbers.highest).astype(np.int32)
        labels, neurons = rng.integers(0, size, n), rng.permutation(size)
        found = levels.mean(outputs, labels, neurons)
        assert found == mean_loss(numbers.real(outputs), labels, neurons, cost, 1 / numbers.one)
