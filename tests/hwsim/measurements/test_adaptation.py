"""Going on learning with samples of somebody else: what is measured, against a computation step by step, and bad data."""

import csv

import numpy as np
import pytest

from hwsim import Design
from hwsim.configuration import config_file
from hwsim.costs import energy, operations
from hwsim.measurements.adaptation import LOOKS, measure, measure_in_order
from hwsim.measurements.measurement import Subject
from hwsim.random_streams import Stream
from models.data import groups
from models.errors import InputError
from tests.hwsim.studies import small_studies

CLASSES, FEATURES = 4, 16


def people(n=3, each=260, seed=0):
    """Samples of people each of whom writes one of the classes in a way of its own, so that one not met is misread there."""
    rng = np.random.default_rng(seed)
    shapes = rng.integers(0, 2, (CLASSES, FEATURES)) * 200
    inputs, labels, whose = [], [], []
    for person in range(n):
        own = shapes.copy()
        own[0] = rng.integers(0, 2, FEATURES) * 200
        label = rng.integers(0, CLASSES, each)
        inputs.append(np.clip(own[label] + rng.normal(0, 25, (each, FEATURES)), 0, 255).astype(np.uint8))
        labels.append(label)
        whose.append(np.full(each, person * 10))
    order = rng.permutation(n * each)
    return tuple(np.concatenate(a)[order] for a in (inputs, labels, whose))


def written(path, arrays=None, test=80, names=("train_groups", "test_groups"), **instead):
    x, y, g = people() if arrays is None else arrays
    held = {"xtr": x[test:], "ytr": y[test:], names[0]: g[test:], "xte": x[:test], "yte": y[:test], names[1]: g[:test]}
    np.savez(path, **{k: v for k, v in (held | instead).items() if v is not None})
    return path


def raw(path):
    return {
        "schema_version": 1,
        "name": "adapts",
        "network": {"layers": [16, 8, 4], "out_degree": [4, 4], "classes": CLASSES, "activation": ["relu", "sigmoid"]},
        "numbers": {"width": 12, "fraction": 8, "input": {"width": 8, "fraction": 8, "signed": False}},
        "hardware": {"z": [8, 4]},
        "training": {"epochs": 3, "init": "he_normal", "rate_shift": [[0, 3], [2, 4], [3, 5]]},
        "data": {"name": str(path)},
    }


def config(path, **changes):
    return config_file.changed(config_file.parse(raw(path)), changes)


def measured(path, **changes):
    return measure(Subject(Design(config(path, **changes))))


class ByHand:
    """The fixed engine of a design, driven by hand over rows of all samples."""

    def __init__(self, design, x, y):
        self.design, self.engine, self.x, self.y = design, design.fixed_engine(), x.astype(np.int32), y
        self.everything = self.engine.samples(self.x, y)

    def trained(self, rows, kappas):
        """A shift for each epoch."""
        for epoch, kappa in enumerate(kappas):
            self.engine.run(self.everything, kappa, source=rows[self.design.epoch_order(epoch, len(rows))])
        self.engine.drain()

    def learned(self, rows, kappa):
        self.engine.run(self.everything, kappa, source=rows)
        self.engine.drain()

    def told(self, rows):
        return self.engine.infer(self.engine.samples(self.x[rows], self.y[rows])).prediction

    def right(self, rows):
        return (self.told(rows) == self.y[rows]).mean()


def test_a_newcomer_is_learned(tmp_path):
    path = written(tmp_path / "people.npz")
    found = measured(path)
    assert found["groups"] == 3
    assert found["before"] < found["after_50"] - 0.03 and found["after_200"] > found["before"] + 0.05
    assert found["worst_before"] <= found["before"] and found["worst_after"] <= found["after_200"]
    assert found["forgotten"] == found["known_before"] - found["known_after"]
    again = measured(written(tmp_path / "same.npz"))
    assert again == found
    still = measured(path, **{"training.rate_shift": [[0, 3], [2, 4], [3, 20]]})
    assert still["after_200"] == still["before"] == found["before"], "a step of 2^-20 moves nothing"


def test_every_figure_is_what_the_engine_gives_step_by_step(tmp_path):
    """The engine driven by hand, one group after the other."""
    x, y, g = people()
    path = written(tmp_path / "people.npz", (x, y, g))
    found, design = measured(path), Design(config(path))
    x, y, g = (np.concatenate([a[80:], a[:80]]) for a in (x, y, g))
    rows = []
    for number, person in enumerate((0, 10, 20)):
        rng = design.generator(Stream.ADAPTATION, number)
        new = rng.permutation(np.flatnonzero(g == person))
        others = rng.permutation(np.flatnonzero(g != person))
        held, train = others[:52], others[52:]
        hand = ByHand(design, x, y)
        hand.trained(train, (3, 3, 4))
        row = [hand.right(held), hand.right(new[200:])]
        for begin, end in ((0, 10), (10, 50), (50, 200)):
            hand.learned(new[begin:end], 5)
            row.append(hand.right(new[200:]))
        rows.append([*row, hand.right(held)])
    names = ("known_before", "before", "after_10", "after_50", "after_200", "known_after")
    for name, column in zip(names, np.array(rows).T, strict=True):
        assert found[name] == pytest.approx(column.mean(), abs=1e-12), name
    assert found["worst_after"] == np.array(rows)[:, 4].min()


def in_turns(n=3, each=300, runs=5):
    """People who write the same class for a while, then another, and begin again."""
    x, y, g = people(n, each)
    order = np.concatenate([np.lexsort((np.arange(each) // (each // runs), y[g == 10 * k])) for k in range(n)])
    rows = [np.flatnonzero(g == 10 * k) for k in range(n)]
    chosen = np.concatenate([rows[k][order[k * each : (k + 1) * each]] for k in range(n)])
    return x[chosen], y[chosen], g[chosen]


def test_samples_in_their_order_step_by_step(tmp_path):
    """The engine driven by hand: the first samples of each person as they come, then again in another order."""
    x, y, g = in_turns()
    path = written(tmp_path / "people.npz", (x, y, g))
    design = Design(config(path, **{"training.rate_shift": [[0, 3], [2, 4], [3, 2]]}))
    found = measure_in_order(Subject(design))
    x, y, g = (np.concatenate([a[80:], a[:80]]) for a in (x, y, g))
    rows = []
    for number, person in enumerate((0, 10, 20)):
        rng = design.generator(Stream.ADAPTATION, number)
        rng.permutation(int((g == person).sum()))
        others = rng.permutation(np.flatnonzero(g != person))
        held, train = others[: len(others) // 10], others[len(others) // 10 :]
        new, again = np.flatnonzero(g == person), design.generator(Stream.ADAPTATION, number, 1).permutation(200)
        for order in (np.arange(200), again):
            hand = ByHand(design, x, y)
            hand.trained(train, (3, 3, 4))
            row = [hand.right(new[200:])]
            for begin, end in ((0, 10), (10, 50), (50, 200)):
                hand.learned(new[order[begin:end]], 2)
                row.append(hand.right(new[200:]))
            rows.append([*row, hand.right(held)])
    both = np.array(rows).reshape(3, 2, -1).mean(axis=0)
    for k, name in enumerate(("before", "after_10", "after_50", "after_200", "known_after")):
        assert found[name] == pytest.approx(both[0, k], abs=1e-12), name
    for k, n in enumerate(LOOKS, 1):
        assert found[f"shuffled_{n}"] == pytest.approx(both[1, k], abs=1e-12)
    assert found["order_costs"] == found["shuffled_200"] - found["after_200"]
    assert found["after_10"] != found["shuffled_10"] and found["forgotten"] != found["forgotten_shuffled"]
    assert found["forgotten_shuffled"] == pytest.approx(found["known_before"] - both[1, -1], abs=1e-12)


def test_the_order_of_the_data_set_matters_in_order_only(tmp_path):
    x, y, g = in_turns(2)
    here = written(tmp_path / "people.npz", (x, y, g))
    mixed = np.random.default_rng(5).permutation(len(y))
    there = written(tmp_path / "mixed.npz", (x[mixed], y[mixed], g[mixed]))
    first, other = (measure_in_order(Subject(Design(config(path)))) for path in (here, there))
    assert first["after_10"] < other["after_10"], "ten samples of one class teach that class alone"
    assert first["groups"] == other["groups"] == 2


def test_clocks_and_energy_are_those_of_the_hardware(tmp_path):
    path = written(tmp_path / "people.npz")
    found, design = measured(path), Design(config(path))
    one = operations.figures(operations.costs(design.config, design.inventory), energy.load(energy.DEFAULT))["energy"]
    assert found["clocks"] == LOOKS[-1] * design.inventory.clocks_per_input
    assert found["energy"] == pytest.approx(LOOKS[-1] * one / 1000)
    without = measured(path, hardware=None, **{"connectivity.kind": "structured"})
    assert {"clocks", "energy"}.isdisjoint(without) and without["groups"] == 3


@pytest.mark.parametrize("engine", ["float", "cycle"])
def test_every_engine_adapts(tmp_path, engine):
    path = written(tmp_path / "people.npz", people(2))
    found = measured(path, **{"training.engine": engine})
    assert 0.5 < found["before"] < found["after_200"]
    if engine == "cycle":
        assert found == measured(path), "the machine learns what its reference learns"


def test_names_of_groups_may_be_text_and_others_names_are_known(tmp_path):
    x, y, g = people()
    text = np.array(["ann", "bob", "cy"])[g // 10]
    for names in (("str", "ste"), ("utr", "ute")):
        known = groups.load(written(tmp_path / "t.npz", (x, y, text), names=names))
        assert known.names == ("ann", "bob", "cy") and (known.groups == np.concatenate([g[80:], g[:80]]) // 10).all()


def test_a_study_over_formats(tmp_path):
    path = small_studies.write(
        tmp_path,
        base=raw(written(tmp_path / "people.npz")),
        set=None,
        measure=["check", "adaptation"],
        axes={"width": {"key": "numbers.width", "grid": [10, 12]}},
        pareto=[["check.storage_bits", "adaptation.after_200"]],
        seeds=[0],
    )
    assert small_studies.explore(path, tmp_path / "out") == 0
    rows = list(csv.DictReader((tmp_path / "out/results.csv").read_text().splitlines()))
    assert len(rows) == 2 and all(float(r["adaptation.after_200"]) > float(r["adaptation.before"]) for r in rows)


GROUPS = {"train_groups": np.zeros(700, np.int64), "test_groups": np.zeros(80, np.int64)}
BAD = {
    "none": ({"train_groups": None}, r"lacks the array train_groups \(whose each sample is\)"),
    "two": ({"utr": np.zeros(700, np.int64)}, "holds both train_groups and utr: keep one"),
    "twice": ({"TRAIN_GROUPS": np.zeros(700, np.int64)}, "holds both train_groups and TRAIN_GROUPS: keep one"),
    "few": ({"test_groups": np.zeros(79, np.int64)}, r"test_groups = int64 \(79,\): must be one integer, or text"),
    "real": ({"train_groups": np.zeros(700)}, r"train_groups = float64 \(700,\): must be one integer, or text"),
    "long": ({"train_groups": np.full(700, "a" * 65)}, r"must be one integer, or text of at most 64 characters"),
    "mixed": ({"train_groups": np.full(700, "a")}, "names the groups of one split by numbers, those of the other by text"),
    "one": (GROUPS, r"has one group only: at least two are needed"),
    "short": ({"train_groups": np.arange(700) // 690}, r"has 10 samples of group 1: 200 to learn from and 40 to judge by"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_groups_are_told(tmp_path, case):
    instead, line = BAD[case]
    if case == "short":
        instead = instead | {"test_groups": GROUPS["test_groups"]}
    with pytest.raises(InputError, match=line):
        measured(written(tmp_path / "people.npz", **instead))


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"data.name": "mnist-mini", "network.classes": 10, "hardware": None, "connectivity.kind": "structured"}
            | {"network.layers": [784, 8, 10], "network.out_degree": [5, 5]},
            "does not say whose its samples are",
        ),
        ({"training.epochs": 0}, r"training.epochs = 0: trains nothing"),
        ({"data.select": {"count": 16}}, r"data.select = .*: must not be set where a design adapts"),
        ({"data.validation": 9}, r"data.validation = 9: must not be set where a design adapts"),
        ({"data.name": "nowhere.npz"}, r"nowhere.npz: cannot be read: No such file or directory"),
        ({"network.classes": 3}, r"network.classes = 3: are fewer than in"),
    ],
)
def test_what_cannot_adapt_is_told(tmp_path, changes, line):
    with pytest.raises(InputError, match=line):
        measured(written(tmp_path / "people.npz"), **changes)
