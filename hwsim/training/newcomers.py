"""Newcomers: what a design is trained on before it is deployed, and what it meets afterwards and goes on learning from.

A newcomer is a group of samples that training has not seen: a person, a speaker, or the traffic of a later time.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hwsim.design import Design
from hwsim.random_streams import Stream
from hwsim.training.engines import Trainer, trainer
from models.data.catalogue import file_of
from models.data.dataset import Split, pad
from models.data.groups import Grouped
from models.errors import InputError

LOOKS = (10, 50, 200)
"""Samples of a newcomer after which a design that adapts is judged."""

LEAST_JUDGED = 40
"""Samples of a newcomer that it is judged by and never learned from: at least so many."""

_KNOWN_SHARE = 10  # one of so many samples of the known groups is kept to see what is forgotten


def check_trains(design: Design) -> None:
    """Refuse a design that learns nothing before it is deployed.

    Raises
    ------
    InputError
        Naming ``training.epochs``.
    """
    if not design.config.training.epochs:
        raise InputError("training.epochs", 0, "trains nothing", [1])


def path_of(design: Design, data_dir: Path | None) -> Path:
    """The file of a data set that can say whose its samples are, for :func:`models.data.groups.load`.

    Raises
    ------
    InputError
        If it is none, or the configuration takes a part of its inputs or samples.
    """
    data = design.config.data
    path = file_of(data.name, data_dir)
    if path is None:
        raise InputError("data.name", data.name, "does not say whose its samples are: a file with train_groups is needed")
    for key, value, plain in (("pool", data.pool, 1), ("select", data.select, None), ("validation", data.validation, 0)):
        if value != plain:
            rule = "must not be set where a design adapts: it takes all inputs and samples"
            raise InputError(f"data.{key}", str(value), rule)
    return path


def check(design: Design, of: Grouped, learned: int, only: int | None = None) -> None:
    """Refuse groups that cannot be left out, before anything long.

    Parameters
    ----------
    learned
        How many samples of a newcomer are learned from.
    only
        The one group that will be left out, if not each in turn.

    Raises
    ------
    InputError
        If there is one group only, a group has too few samples, or the network does not fit.
    """
    c, features, classes = design.config, of.samples.features, int(of.samples.labels.max()) + 1
    if len(of.names) < 2:
        raise InputError("data.name", c.data.name, "has one group only: at least two are needed")
    sizes = np.bincount(of.groups)
    fewest = int(sizes.argmin()) if only is None else only
    if sizes[fewest] < learned + LEAST_JUDGED:
        rule = f"has {sizes[fewest]} samples of group {of.names[fewest]}: {learned} to learn from and {LEAST_JUDGED}"
        raise InputError("data.name", c.data.name, f"{rule} to judge by are needed" + (" of each" if only is None else ""))
    if features > c.network.layers[0]:
        rule = f"has fewer neurons than the {features} inputs of {c.data.name}"
        raise InputError("network.layers[0]", c.network.layers[0], rule, [features])
    if classes > c.classes:
        raise InputError("network.classes", c.classes, f"are fewer than in {c.data.name}", [classes])


@dataclass(frozen=True, eq=False)
class Newcomer:
    """A group that was left out of training.

    Attributes
    ----------
    entering
        All samples that enter, those trained on first.
    known
        How many those are, of the other groups.
    stream
        int64 [learned]: which of the entering ones are the newcomer's, in the order in which they come.
    judged
        The newcomer's, none of them learned from.
    remembered
        Of the other groups, none of them trained on.
    """

    entering: Split
    known: int
    stream: npt.NDArray[np.int64]
    judged: Split
    remembered: Split

    def meets(self, design: Design, made: Callable[[Design, Split], Trainer] = trainer) -> Trainer:
        """A network that has learned from the others for the epochs of the configuration; nothing is in flight."""
        learner = made(design, self.entering)
        for epoch in range(design.config.training.epochs):
            learner.advance(design.epoch_order(epoch, self.known), epoch)
        learner.drain()
        return learner


def newcomer(design: Design, of: Grouped, group: int, learned: int, in_order: bool = False) -> Newcomer:
    """A group left out; the first ``training.samples`` of the others are trained on.

    Parameters
    ----------
    group
        Its number.
    learned
        How many of its samples are learned from, each once; the others judge.
    in_order
        Whether these are its first ones, in the order of the data set, instead of random ones in a random order.
    """
    c, which = design.config, of.groups == group
    rng = design.generator(Stream.ADAPTATION, group)
    new, known = (rng.permutation(np.flatnonzero(where)) for where in (which, ~which))
    new = np.sort(new) if in_order else new
    held = len(known) // _KNOWN_SHARE
    train = known[held:][: c.training.samples]

    def split(chosen: npt.NDArray[np.int64]) -> Split:
        return Split(pad(of.samples.inputs[chosen], c.network.layers[0], c.data.pad), of.samples.labels[chosen])

    entering = split(np.concatenate([train, new[:learned]]))
    stream = len(train) + np.arange(learned, dtype=np.int64)
    return Newcomer(entering, len(train), stream, split(new[learned:]), split(known[:held]))


def learned(learner: Trainer, stream: npt.NDArray[np.int64], epoch: int, looks: Sequence[int]) -> Iterator[int]:
    """Let the learner go on with the samples of a stream; at each look, with nothing in flight, says how many it has had."""
    for begin, end in itertools.pairwise((0, *looks)):
        learner.advance(stream[begin:end], epoch)
        learner.drain()
        yield end
