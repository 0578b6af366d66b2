"""``adaptation``: a design that is trained on some people, and then goes on learning in the hands of another.

Every group of the data set (a person, a speaker) is left out in turn. The design is trained on the others for its epochs.
Then samples of the one left out enter, each once, in an order drawn from the seed, with the learning rate that the schedule
has for the epoch after the last; before each judgement the pipeline drains. Figures are means over the groups.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwsim.costs import energy, operations
from hwsim.design import Design
from hwsim.figure import Figure, Figures
from hwsim.measurements.measurement import Measurement, Need, Subject
from hwsim.random_streams import Stream
from hwsim.training.engines import Trainer, trainer
from models.data import groups
from models.data.catalogue import file_of
from models.data.dataset import Split, pad
from models.data.groups import Grouped
from models.errors import InputError

LOOKS = (10, 50, 200)
"""Samples of a newcomer after which it is judged."""

LEAST_JUDGED = 40
"""Samples of a newcomer that it is judged by and never learned from: at least so many."""

_KNOWN_SHARE = 10  # one of so many samples of the known people is kept to see what is forgotten
_KEPT_SETS = 2

_OF_NEW = "of samples that are not learned from, of a group that training has not seen"
FIGURES = Figures(
    "adaptation",
    {
        "before": Figure("1", f"accuracy {_OF_NEW}; mean over the groups", "more", "accuracy on newcomers, before"),
        **{
            f"after_{n}": Figure(
                "1", f"the same after learning from {n} of its samples", "more", f"accuracy after {n} samples"
            )
            for n in LOOKS
        },
        "worst_before": Figure("1", f"accuracy {_OF_NEW}: the lowest of any group", "more", "worst newcomer, before"),
        "worst_after": Figure(
            "1", f"the same after {LOOKS[-1]} samples", "more", f"worst newcomer after {LOOKS[-1]} samples"
        ),
        "known_before": Figure("1", "accuracy of held back samples of the groups trained on; mean", "more"),
        "known_after": Figure("1", f"the same after learning from {LOOKS[-1]} samples of the newcomer", "more"),
        "forgotten": Figure("1", "known_before less known_after", "less", "forgotten of the known"),
        "groups": Figure("groups", "left out in turn"),
        "clocks": Figure("clocks", f"to learn from {LOOKS[-1]} samples that come without pauses", "less"),
        "energy": Figure(
            "µJ", f"estimate, {LOOKS[-1]} samples: arithmetic and memories only", "less", "energy (µJ, estimate)"
        ),
    },
)


def measure(subject: Subject) -> dict[str, int | float]:
    """Accuracy before and after, over all groups."""
    design = subject.design
    if not design.config.training.epochs:
        raise InputError("training.epochs", 0, "trains nothing", [1])
    known = _grouped(subject)
    rows = np.array([_adapted(design, fold) for fold in _folds(design, known)])
    new, old = rows[:, : len(LOOKS) + 1], rows[:, len(LOOKS) + 1 :]
    means = [float(x) for x in new.mean(axis=0)]
    before, after = (float(x) for x in old.mean(axis=0))
    result: dict[str, int | float] = dict(zip(["before", *(f"after_{n}" for n in LOOKS)], means, strict=True))
    result |= {"worst_before": float(new[:, 0].min()), "worst_after": float(new[:, -1].min())}
    result |= {"known_before": before, "known_after": after, "forgotten": before - after, "groups": len(rows)}
    return result | _price(design)


def _price(design: Design) -> dict[str, int | float]:
    """Clocks and energy of an accelerator that learns from the last look's samples."""
    if design.config.hardware is None or design.config.out_degrees is None:
        return {}
    costs = operations.costs(design.config, design.inventory)
    nanojoules = operations.figures(costs, energy.load(energy.DEFAULT))["energy"]
    return {"clocks": LOOKS[-1] * design.inventory.clocks_per_input, "energy": LOOKS[-1] * nanojoules / 1000}


def _grouped(subject: Subject) -> Grouped:
    """The data set's samples, and whose they are."""
    c = subject.design.config
    path = file_of(c.data.name, subject.data_dir)
    if path is None:
        raise InputError("data.name", c.data.name, "does not say whose its samples are: a file with train_groups is needed")
    for key, value, plain in (
        ("pool", c.data.pool, 1),
        ("select", c.data.select, None),
        ("validation", c.data.validation, 0),
    ):
        if value != plain:
            raise InputError(
                f"data.{key}", str(value), "must not be set where a design adapts: it takes all inputs and samples"
            )
    known = subject.shelf.kept("groups", path, _KEPT_SETS, lambda: groups.load(path))
    if len(known.names) < 2:
        raise InputError("data.name", c.data.name, "has one group only: at least two are needed")
    fewest = int(np.bincount(known.groups).argmin())
    size = int((known.groups == fewest).sum())
    if size < LOOKS[-1] + LEAST_JUDGED:
        rule = f"has {size} samples of group {known.names[fewest]}: {LOOKS[-1]} to learn from and {LEAST_JUDGED} to judge by"
        raise InputError("data.name", c.data.name, f"{rule} are needed of each")
    return known


@dataclass(frozen=True, eq=False)
class _Fold:
    """One group left out: all samples that enter, how many of them are the known groups', and what is judged by."""

    entering: Split
    known: int
    judged: Split
    remembered: Split


def _folds(design: Design, of: Grouped) -> Iterator[_Fold]:
    """Every group left out in turn; the first ``training.samples`` of the others are trained on."""
    c, first = design.config, design.config.network.layers[0]
    features = of.samples.inputs.shape[1]
    if features > first:
        rule = f"has fewer neurons than the {features} inputs of {c.data.name}"
        raise InputError("network.layers[0]", first, rule, [features])
    inputs = pad(of.samples.inputs, first, c.data.pad)
    if int(of.samples.labels.max()) >= c.classes:
        rule = f"are fewer than in {c.data.name}"
        raise InputError("network.classes", c.classes, rule, [int(of.samples.labels.max()) + 1])
    for group in range(len(of.names)):
        rng = design.generator(Stream.ADAPTATION, group)
        new, known = (rng.permutation(np.flatnonzero(where)) for where in (of.groups == group, of.groups != group))
        held = len(known) // _KNOWN_SHARE
        train = known[held:][: c.training.samples]

        def split(chosen: npt.NDArray[np.int64]) -> Split:
            return Split(inputs[chosen], of.samples.labels[chosen])

        entering = split(np.concatenate([train, new[: LOOKS[-1]]]))
        yield _Fold(entering, len(train), split(new[LOOKS[-1] :]), split(known[:held]))


def _adapted(design: Design, fold: _Fold) -> list[float]:
    """Accuracies on the newcomer before and after each look, then on the known before and at the end."""
    epochs = design.config.training.epochs
    learner: Trainer = trainer(design, fold.entering)
    for epoch in range(epochs):
        learner.advance(design.epoch_order(epoch, fold.known), epoch)
    learner.drain()
    new, known = [learner.judge(fold.judged)[0]], [learner.judge(fold.remembered)[0]]
    for begin, end in zip((0, *LOOKS), LOOKS, strict=False):
        learner.advance(fold.known + np.arange(begin, end, dtype=np.int64), epochs)
        learner.drain()
        new.append(learner.judge(fold.judged)[0])
    return [*new, *known, learner.judge(fold.remembered)[0]]


ADAPTATION = Measurement("adaptation", FIGURES, measure, frozenset({Need.DATA}))
