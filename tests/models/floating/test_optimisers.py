"""Update rules against their formulas written out for one number at a time."""

import math

import numpy as np
import pytest

from models.errors import InputError
from models.floating.optimisers import Optimiser, OptimiserState, rate_scales

GRADIENTS = [0.5, -0.25, 0.125, 3.0, 0.0, -1e-3]


def trajectory(optimiser: Optimiser, start: float, rate: float | None = None) -> list[float]:
    state = OptimiserState(optimiser, 1, np.float64)
    value = np.array([start])
    values = []
    for gradient in GRADIENTS:
        state.step(value, np.array([gradient]), rate)
        values.append(float(value[0]))
    return values


def test_gradient_descent_with_decay():
    w, expected = 2.0, []
    for t, g in enumerate(GRADIENTS):
        w -= 0.1 / (1 + 0.5 * t) * g
        expected.append(w)
    assert trajectory(Optimiser("sgd", rate=0.1, decay=0.5), 2.0) == pytest.approx(expected, rel=1e-14)


def test_momentum_with_decay():
    w, v, expected = 2.0, 0.0, []
    for t, g in enumerate(GRADIENTS):
        v = 0.8 * v - 0.1 / (1 + 0.5 * t) * g
        w += v
        expected.append(w)
    optimiser = Optimiser("momentum", rate=0.1, decay=0.5, momentum=0.8)
    assert trajectory(optimiser, 2.0) == pytest.approx(expected, rel=1e-14)


def test_adam_with_decay():
    w, m, v, expected = 2.0, 0.0, 0.0, []
    for t, g in enumerate(GRADIENTS):
        m = 0.9 * m + 0.1 * g
        v = 0.99 * v + 0.01 * g * g
        rate = 0.1 / (1 + 0.5 * t) * math.sqrt(1 - 0.99 ** (t + 1)) / (1 - 0.9 ** (t + 1))
        w -= rate * m / (math.sqrt(v) + 1e-8)
        expected.append(w)
    optimiser = Optimiser("adam", rate=0.1, decay=0.5, beta2=0.99, epsilon=1e-8)
    assert trajectory(optimiser, 2.0) == pytest.approx(expected, rel=1e-12)


def test_first_step_of_adam_is_the_rate_whatever_the_gradient():
    value = np.zeros(4)
    OptimiserState(Optimiser("adam", rate=0.01), 4, np.float64).step(value, np.array([1e-2, -1.0, 1e3, 0.0]))
    assert value == pytest.approx([-0.01, 0.01, -0.01, 0], rel=1e-3)


def test_rate_given_with_the_step_replaces_the_optimisers():
    assert trajectory(Optimiser("sgd", rate=7.0, decay=0.5), 1.0, rate=0.1) == trajectory(
        Optimiser("sgd", rate=0.1, decay=0.5), 1.0
    )


@pytest.mark.parametrize("kind", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_restored_state_continues_bit_for_bit(kind, dtype):
    rng = np.random.default_rng(3)
    optimiser = Optimiser(kind, rate=0.05, decay=1e-2)
    first = OptimiserState(optimiser, 50, dtype)
    value = rng.normal(size=50).astype(dtype)
    gradients = rng.normal(size=(6, 50)).astype(dtype)
    for gradient in gradients[:3]:
        first.step(value, gradient)
    second = OptimiserState(optimiser, 50, dtype)
    second.restore(first.arrays())
    copy = value.copy()
    for gradient in gradients[3:]:
        first.step(value, gradient)
        second.step(copy, gradient)
    assert value.dtype == dtype
    assert np.array_equal(value, copy)
    assert first.iterations == second.iterations == 6
    for name, array in first.arrays().items():
        assert np.array_equal(array, second.arrays()[name])


def test_arrays_are_copies():
    state = OptimiserState(Optimiser("momentum"), 3, np.float64)
    state.arrays()["first"][:] = 1
    assert not state.first.any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"first": np.zeros(4)}, "optimiser.first = .*must have shape"),
        ({"first": np.full(3, 0.1)}, "without loss"),
        ({"first": np.full(3, 1e300)}, "without loss"),
        ({"first": np.array(["a", "b", "c"])}, "must hold real numbers"),
        ({"iterations": np.array(1.5)}, "optimiser.iterations.*without loss"),
    ],
)
def test_restore_refuses_what_it_cannot_hold(change, message):
    state = OptimiserState(Optimiser("momentum"), 3, np.float32)
    with pytest.raises(InputError, match=message):
        state.restore(state.arrays() | change)


def test_restore_refuses_a_missing_array():
    state = OptimiserState(Optimiser("adam"), 3, np.float32)
    arrays = state.arrays()
    del arrays["second"]
    with pytest.raises(InputError, match=r"optimiser\.second: is missing"):
        state.restore(arrays)


@pytest.mark.parametrize(
    ("field", "value"),
    [("kind", "rmsprop"), ("rate", 0.0), ("rate", np.nan), ("decay", -1.0), ("beta2", 1.0), ("momentum", -0.1)],
)
def test_impossible_settings_are_refused(field, value):
    with pytest.raises(InputError, match=f"optimiser.{field} = "):
        Optimiser(**{field: value})


@pytest.mark.parametrize("kind", ["sgd", "momentum", "adam"])
def test_a_run_learns_at_a_multiple_of_the_rate(kind):
    """Each run as a vector of its own at that rate, bit for bit; and factors of 1 change nothing."""
    optimiser = Optimiser(kind, rate=0.1, decay=0.5)
    scales = [(2, 4.0), (3, 0.5), (1, 1.0)]
    whole = OptimiserState(optimiser, 8, np.float32, scales)
    parts = [(OptimiserState(optimiser, n, np.float32), factor) for n, factor in (*scales, (2, 1.0))]
    starts = np.linspace(-1, 1, 8, dtype=np.float32)
    value, pieces = starts.copy(), np.split(starts.copy(), [2, 5, 6])
    for gradient in GRADIENTS:
        gradients = (gradient * np.arange(1, 9)).astype(np.float32)
        whole.step(value, gradients, 0.2)
        for (state, factor), piece, g in zip(parts, pieces, np.split(gradients, [2, 5, 6]), strict=True):
            state.step(piece, g, 0.2 * factor)
    assert value.tolist() == np.concatenate(pieces).tolist()
    assert whole.iterations == len(GRADIENTS)


def test_sparse_junctions_learn_faster_by_as_much_as_they_start_wider():
    """Full ones at the rate; a hundredth of the edges, and so of the fan-in, ten times as fast."""
    assert rate_scales("density", [1.0, 0.01, 0.25]) == [1.0, pytest.approx(10), 2.0]
    assert rate_scales("none", [1.0, 0.01]) == [1.0, 1.0]
