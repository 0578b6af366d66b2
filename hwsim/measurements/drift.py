"""``drift``: a design that is trained on the training split, and goes on learning from samples of the test split.

That is a measure of adapting where the test split is of another kind, as where a network meets attacks that were not known
when it was trained. Samples of the test split enter in an order drawn from the seed, each once, with the learning rate that
the schedule has for the epoch after the last; it is judged by those that never enter. Class 0 is taken to be what is normal.
"""

import numpy as np

from hwsim.figure import Figure, Figures
from hwsim.measurements.adaptation import price
from hwsim.measurements.measurement import Measurement, Need, Subject
from hwsim.measurements.samples import dataset_of
from hwsim.training import newcomers
from hwsim.training.engines import Trainer
from hwsim.training.newcomers import Newcomer
from models.data.dataset import Split
from models.data.groups import Grouped

LOOKS = (10, 50, 200, 1000, 5000)
"""Samples after which it is judged."""

_LAST = LOOKS[-1]
_TEST = 1
"""Number of the group that the test split is; 0 is the training split."""


def _course(name: str, meaning: str, better: str, axis: str) -> dict[str, Figure]:
    before = {f"{name}before": Figure("1", meaning, better, f"{axis}, before")}
    return before | {
        f"{name}after_{n}": Figure("1", f"the same, {n} test samples learned", better, f"{axis} after {n} samples")
        for n in LOOKS
    }


FIGURES = Figures(
    "drift",
    {
        **_course("", "accuracy of test samples that are not learned from", "more", "accuracy"),
        **_course("found_", "share of those of other classes than 0 that are not taken for 0", "more", "detected"),
        **_course("false_alarms_", "share of those of class 0 that are taken for another", "less", "false alarms"),
        "known_before": Figure("1", "accuracy of held back samples of the training split", "more"),
        "known_after": Figure("1", f"the same after learning from {_LAST} test samples", "more"),
        "forgotten": Figure("1", "known_before less known_after, of the training split", "less", "forgotten of the known"),
        "clocks": Figure("clocks", f"to learn from {_LAST} samples that come without pauses", "less"),
        "energy": Figure("µJ", f"estimate, {_LAST} samples: arithmetic and memories only", "less", "energy (µJ, estimate)"),
    },
)


def measure(subject: Subject) -> dict[str, int | float]:
    """Accuracy, detection and false alarms before and after."""
    design = subject.design
    newcomers.check_trains(design)
    splits = _splits(subject)
    newcomers.check(design, splits, _LAST, _TEST)
    of = newcomers.newcomer(design, splits, _TEST, _LAST)
    learner = of.meets(design)
    known, rows = learner.judge(of.remembered)[0], [_judged(learner, of)]
    rows += [_judged(learner, of) for _ in newcomers.learned(learner, of.stream, design.config.training.epochs, LOOKS)]
    times = ["before", *(f"after_{n}" for n in LOOKS)]
    result: dict[str, int | float] = {
        f"{name}{time}": figure
        for time, row in zip(times, rows, strict=True)
        for name, figure in zip(("", "found_", "false_alarms_"), row, strict=True)
    }
    after = learner.judge(of.remembered)[0]
    return result | {"known_before": known, "known_after": after, "forgotten": known - after} | price(design, _LAST)


def _splits(subject: Subject) -> Grouped:
    """All samples of the data set, which know their split only."""
    data = dataset_of(subject)
    both = Split(*(np.concatenate([getattr(data.train, of), getattr(data.test, of)]) for of in ("inputs", "labels")))
    return Grouped(both, np.repeat([0, _TEST], [len(data.train), len(data.test)]), ("training", "test"))


def _judged(learner: Trainer, of: Newcomer) -> tuple[float, float, float]:
    """Accuracy, detection and false alarms; without samples to tell one by, 0."""
    normal = of.judged.labels == 0
    others = of.judged.inputs[~normal]
    missed = learner.judge(Split(others, np.zeros(len(others), np.int64)))[0] if len(others) else 1.0
    quiet = learner.judge(of.judged[normal])[0] if normal.any() else 1.0
    return learner.judge(of.judged)[0], 1 - missed, 1 - quiet


DRIFT = Measurement("drift", FIGURES, measure, frozenset({Need.DATA}))
