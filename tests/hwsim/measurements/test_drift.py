"""Going on learning where the samples of the test split are of another kind: against a computation step by step."""

import numpy as np
import pytest

from hwsim import Design
from hwsim.configuration import config_file
from hwsim.measurements.drift import LOOKS, measure
from hwsim.measurements.measurement import Subject
from hwsim.random_streams import Stream
from models.errors import InputError
from tests.hwsim.measurements.test_adaptation import CLASSES, FEATURES, ByHand, raw

TRAIN, TEST = 700, 5300


def traffic(path, seed=0):
    """Connections, 0 normal; attacks of the test split are such as training has not, half of them like what is normal."""
    rng = np.random.default_rng(seed)
    shapes = rng.integers(0, 2, (2 * CLASSES, FEATURES)) * 200
    held = {}
    for split, n in (("tr", TRAIN), ("te", TEST)):
        label = rng.integers(0, CLASSES, n)
        kind = label + CLASSES * ((rng.random(n) < 0.5) & (label > 0) & (split == "te"))
        held[f"x{split}"] = np.clip(shapes[kind] + rng.normal(0, 25, (n, FEATURES)), 0, 255).astype(np.uint8)
        held[f"y{split}"] = label
    np.savez(path, **held)
    return path


def design_of(path, **changes):
    return Design(config_file.changed(config_file.parse(raw(path)), changes))


def measured(path, **changes):
    return measure(Subject(design_of(path, **changes)))


def test_attacks_that_were_not_known_are_learned_step_by_step(tmp_path):
    """The engine driven by hand."""
    path = traffic(tmp_path / "traffic.npz")
    found, design = measured(path), design_of(path)
    with np.load(path) as known:
        x, y = (np.concatenate([known[f"{of}tr"], known[f"{of}te"]]) for of in "xy")
    rng = design.generator(Stream.ADAPTATION, 1)
    new = rng.permutation(np.arange(TRAIN, TRAIN + TEST))
    old = rng.permutation(TRAIN)
    held, train, judged = old[:70], old[70:], new[LOOKS[-1] :]
    hand = ByHand(design, x, y)

    def compare(time):
        said, truth = hand.told(judged), y[judged]
        assert found[time] == pytest.approx((said == truth).mean(), abs=1e-12)
        assert found[f"found_{time}"] == pytest.approx((said[truth != 0] != 0).mean(), abs=1e-12)
        assert found[f"false_alarms_{time}"] == pytest.approx((said[truth == 0] != 0).mean(), abs=1e-12)

    hand.trained(train, (3, 3, 4))
    compare("before")
    assert found["known_before"] == pytest.approx(hand.right(held), abs=1e-12)
    for begin, end in zip((0, *LOOKS), LOOKS, strict=False):
        hand.learned(new[begin:end], 5)
        compare(f"after_{end}")
    assert found["forgotten"] == pytest.approx(found["known_before"] - hand.right(held), abs=1e-12)
    assert found["known_before"] > 0.9 > found["before"] + 0.05 and found["after_5000"] > found["before"] + 0.05
    assert found["clocks"] == 5000 * design.inventory.clocks_per_input


def test_what_never_happens_is_neither_found_nor_a_false_alarm(tmp_path):
    path = traffic(tmp_path / "traffic.npz")
    with np.load(path) as known:
        np.savez(path, **(dict(known) | {"yte": np.full(TEST, 2)}))
    found = measured(path, **{"training.epochs": 1})
    assert found["false_alarms_before"] == 0 and found["after_5000"] > 0.99 and found["found_after_5000"] > 0.99


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"data.name": "mnist-mini"}, "network"),
        ({"training.epochs": 0}, "training.epochs = 0: trains nothing"),
        ({"network.classes": 3}, "network.classes = 3: "),
        ({}, r"has 70 samples of group test: 5000 to learn from and 40 to judge by are needed$"),
    ],
)
def test_what_cannot_drift_is_told(tmp_path, changes, line):
    path = traffic(tmp_path / "traffic.npz")
    if not changes:
        with np.load(path) as known:
            np.savez(path, **(dict(known) | {f"{of}te": known[f"{of}te"][:70] for of in "xy"}))
    with pytest.raises(InputError, match=line):
        measured(path, **changes)
