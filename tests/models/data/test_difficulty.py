"""The metrics of the Morse paper against naive sums over samples and pairs."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.data import difficulty as module
from models.data.dataset import Split
from models.data.difficulty import Difficulty, clouds, difficulty, difficulty_as_coded
from models.data.morse import MorseOptions, generate
from models.errors import InputError


def tail(distance: float, spread: float) -> float:
    if spread == 0:
        return 0.5 if distance == 0 else 0.0
    return NormalDist().cdf(-distance / (2 * spread))


def naive(split: Split, coded: bool) -> Difficulty:
    """Sample by sample, pair by pair; with ``coded`` in the way of the published code."""
    inputs = split.inputs / 256 if split.inputs.dtype == np.uint8 else split.inputs.astype(float)
    classes = sorted(set(split.labels.tolist()))
    of = {m: [x for x, y in zip(inputs, split.labels, strict=True) if y == m] for m in classes}
    centre = {m: sum(of[m]) / len(of[m]) for m in classes}
    variance = {m: np.mean([(x - centre[m]) ** 2 for x in of[m]]) for m in classes}
    spread = {m: variance[m] if coded else math.sqrt(variance[m]) for m in classes}
    lower = upper = distance = close = 0.0
    for m in classes:
        apart = {j: float(np.linalg.norm(centre[m] - centre[j])) for j in classes if j != m}
        share = len(of[m]) / len(split)
        least = min(apart.values())
        lower += share * tail(least, spread[m])
        distance += spread[m] / least / len(classes) if least else math.inf
        for j in apart:
            c = classes[-2] if coded else j
            upper += share * tail(0.0 if c == m else apart[c], spread[m])
            near = float(np.abs(centre[m] - centre[j]).mean())
            close += j < m and near < 0.05 and (near > 0 or not coded)
    return Difficulty(lower, upper, distance, int(close))


def compare(split: Split) -> None:
    found = clouds(split)
    for metrics, coded in ((difficulty(found), False), (difficulty_as_coded(found), True)):
        wanted = naive(split, coded)
        assert metrics[:3] == pytest.approx(wanted[:3], rel=1e-9, abs=1e-15)
        assert metrics.close_pairs == wanted.close_pairs


@given(
    st.integers(2, 6), st.integers(1, 5), st.integers(0, 2**32 - 1), st.sampled_from([np.uint8, np.float32]), st.floats(0, 1)
)
def test_metrics_are_the_sums_of_the_definition(classes: int, features: int, seed: int, dtype: type, width: float) -> None:
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(classes), rng.integers(classes, size=20)])
    values = np.clip(0.5 + width * (rng.random((labels.size, features)) - 0.5) + labels[:, None] * 0.03, 0, 1)
    compare(Split((255 * values).astype(dtype) if dtype == np.uint8 else values.astype(dtype), labels))


def test_data_larger_than_a_chunk_are_summed_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    split = generate(MorseOptions(2, 1.0, False, (7, 0, 1)), np.random.default_rng(0)).train
    whole = clouds(split)
    compare(split)
    monkeypatch.setattr(module, "_CHUNK", 64 * 5)
    for a, b in zip(clouds(split), whole, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_a_worked_example() -> None:
    # Two classes a distance 0.6 apart, deviations 0.1 and 0.2 in one of two features: s = sqrt(half of the variance).
    inputs = np.array([[0.1, 0.5], [0.3, 0.5], [0.6, 0.5], [1.0, 0.5]])
    found = clouds(Split(inputs, np.array([0, 0, 1, 1])))
    assert found.variance == pytest.approx([0.005, 0.02])
    spreads = [0.1 / math.sqrt(2), 0.2 / math.sqrt(2)]
    bound = sum(tail(0.6, s) for s in spreads) / 2
    assert difficulty(found) == pytest.approx((bound, bound, sum(s / 0.6 for s in spreads) / 2, 0))
    coded = difficulty_as_coded(found)
    # The last but one of two classes is the first: its own term is Q(0).
    assert coded.upper_bound == pytest.approx((0.5 + tail(0.6, 0.02)) / 2)
    assert coded.distance == pytest.approx((0.005 + 0.02) / 0.6 / 2)


def test_classes_that_coincide_are_as_hard_as_can_be_and_missed_by_the_code() -> None:
    inputs = np.tile(np.array([[0.2, 0.4], [0.4, 0.2]]), (3, 1))
    found = clouds(Split(inputs, np.repeat(np.arange(3), 2)))
    assert difficulty(found) == (0.5, 1.0, math.inf, 3)
    assert difficulty_as_coded(found).close_pairs == 0


def test_points_without_spread_are_told_apart() -> None:
    split = Split(np.array([[0.0], [0.0], [1.0]]), np.array([4, 4, 9]))
    assert difficulty(clouds(split)) == (0.0, 0.0, 0.0, 0)
    assert clouds(split).share == pytest.approx([2 / 3, 1 / 3])


def test_a_class_without_samples_plays_no_part() -> None:
    rng = np.random.default_rng(2)
    inputs, labels = rng.random((30, 4)), rng.integers(3, size=30)
    assert difficulty(clouds(Split(inputs, labels))) == difficulty(clouds(Split(inputs, 5 * labels)))


@pytest.mark.parametrize("labels", [[], [3, 3, 3]])
def test_one_class_has_no_difficulty(labels: list[int]) -> None:
    with pytest.raises(InputError, match="needs samples of two classes"):
        clouds(Split(np.zeros((len(labels), 2)), np.array(labels, np.int64)))


@pytest.mark.parametrize("family", [1, 2, 3, 4])
def test_noise_makes_every_family_harder(family: int) -> None:
    easy, hard = (
        difficulty(clouds(generate(MorseOptions(family, sigma, False, (600, 1, 1)), np.random.default_rng(0)).train))
        for sigma in (0, 4)
    )
    assert all(a < b for a, b in zip(easy, hard, strict=True))
