"""A long stream of single samples: accuracy along it, and what becomes of the weights."""

import numpy as np
import pytest

from hwsim import Design
from hwsim.configuration import config_file
from hwsim.measurements.measurement import Subject
from hwsim.measurements.stability import LOOKS, measure
from models.errors import InputError
from tests.hwsim.measurements.test_adaptation import raw, written


def design_of(path, **changes):
    changes = {"training.epochs": 3, "training.rate_shift": [[0, 3]]} | changes
    return Design(config_file.changed(config_file.parse(raw(path)), changes))


def measured(path, **changes):
    return measure(Subject(design_of(path, **changes)))


def test_every_figure_is_what_the_engine_gives_step_by_step(tmp_path):
    """The engine driven by hand: 700 samples three times over, judged after 100, 700, 1,000, 1,400, and 2,100."""
    path = written(tmp_path / "samples.npz")
    found, design = measured(path), design_of(path)
    with np.load(path) as known:
        x, y, tx, ty = (known[name] for name in ("xtr", "ytr", "xte", "yte"))
    engine = design.fixed_engine()
    everything, test = engine.samples(x.astype(np.int32), y), engine.samples(tx.astype(np.int32), ty)
    stream = np.concatenate([design.epoch_order(epoch, len(y)) for epoch in range(3)])
    right, begin, first = {}, 0, engine.parameters
    for end in (100, 700, 1000, 1400, 2100):
        engine.run(everything, 3, source=stream[begin:end])
        engine.drain()
        right[end], begin = (engine.infer(test).prediction == ty).mean(), end
    assert found["samples"] == 2100 and found["last"] == right[2100] and found["best"] == max(right.values())
    assert {name: found[name] for name in found if name.startswith("after_")} == {
        "after_100": right[100],
        "after_1000": right[1000],
    }
    values = list(right.values())
    assert found["fall"] == pytest.approx(max(max(values[: k + 1]) - v for k, v in enumerate(values)), abs=1e-12)
    for column, signal in enumerate(("preactivation", "delta", "weight", "bias")):
        assert found[f"{signal}_saturations"] == engine.saturation[:, column].sum() / 2100
    weights, before = (np.concatenate(p.weights) for p in (engine.parameters, first))
    assert found["at_limit"] == ((weights == -2048) | (weights == 2047)).mean()
    assert found["mean_change"] == pytest.approx(1000 * (weights - before).mean() / 256)
    moved = []
    for sample in design.epoch_order(3, len(y))[:256]:
        engine.run(everything, 3, source=np.array([sample]))
        engine.drain()
        weights, earlier = np.concatenate(engine.parameters.weights), weights
        moved.append((weights != earlier).mean())
    assert found["moved"] == pytest.approx(np.mean(moved))


def test_what_makes_training_unstable_shows(tmp_path):
    path = written(tmp_path / "samples.npz")
    good, still = measured(path), measured(path, **{"training.rate_shift": [[0, 20]]})
    assert still["moved"] == still["fall"] == still["mean_change"] == 0 and still["last"] < good["last"]
    floor = measured(path, **{"numbers.rounding": "floor", "numbers.width": 8, "numbers.fraction": 5})
    assert floor["last"] < good["last"] - 0.1 and abs(floor["mean_change"]) > 2 * abs(good["mean_change"])
    narrow = measured(path, **{"numbers.width": 8, "numbers.fraction": 7, "training.rate_shift": [[0, 0]]})
    assert narrow["at_limit"] > good["at_limit"] == 0 and narrow["weight_saturations"] > 0.5


def test_floating_point_has_no_limits(tmp_path):
    path = written(tmp_path / "samples.npz")
    found = measured(path, **{"training.engine": "float"})
    assert found["last"] > 0.8 and {"at_limit", "moved", "mean_change", "weight_saturations"}.isdisjoint(found)
    cycle = measured(path, **{"training.engine": "cycle", "training.epochs": 1})
    assert cycle == measured(path, **{"training.epochs": 1}), "the machine becomes what its reference becomes"


def test_the_looks_are_told_in_order():
    assert sorted(set(LOOKS)) == [*LOOKS]


def test_no_epoch_is_told(tmp_path):
    with pytest.raises(InputError, match=r"training.epochs = 0: trains nothing"):
        measured(written(tmp_path / "samples.npz"), **{"training.epochs": 0})
