"""``stability``: whether a network that learns from a long stream, sample by sample, goes on being right.

It is trained for the epochs of the configuration, a stream that goes through the training split again and again, and judged
on the test split at every look, at the end of every epoch and once more at the end. What becomes of its weights is told for
the engines that compute in integers.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from hwsim.design import Design
from hwsim.figure import Figure, Figures
from hwsim.measurements.measurement import Measurement, Need, Subject
from hwsim.measurements.samples import dataset_of
from hwsim.measurements.training import trainer_of
from hwsim.training.engines import Trainer
from models.errors import InputError
from models.fixed.engine import SATURATION_SIGNALS

LOOKS = (100, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 600_000, 900_000, 1_200_000)
"""Samples after which it is judged, as far as the stream goes."""

_MOVED_BY = 256
"""Training samples behind the stream by which moving weights are counted."""

FIGURES = Figures(
    "stability",
    {
        **{
            f"after_{n}": Figure("1", f"test accuracy after {n} samples", "more", f"accuracy after {n:,} samples")
            for n in LOOKS
        },
        "samples": Figure("samples", "of the stream"),
        "best": Figure("1", "highest test accuracy at any time", "more", "best accuracy"),
        "last": Figure("1", "test accuracy at the end of the stream", "more", "accuracy at the end"),
        "fall": Figure("1", "deepest fall of the test accuracy below what it had been before", "less", "deepest fall"),
        **{
            f"{signal}_saturations": Figure("events/sample", f"{signal} values that left their format's range", "less")
            for signal in SATURATION_SIGNALS
        },
        "at_limit": Figure("1", "share of weights that end at the lowest or highest number of their format", "less"),
        "moved": Figure("1", f"share of weights that a sample changes, over {_MOVED_BY} samples behind the stream"),
        "mean_change": Figure("1/1000", "mean over the weights of what a weight has gained, times 1,000"),
    },
)


def measure(subject: Subject) -> dict[str, int | float]:
    """Accuracy along the stream, and the weights behind it."""
    design, data = subject.design, dataset_of(subject)
    if not design.config.training.epochs:
        raise InputError("training.epochs", 0, "trains nothing", [1])
    learner = trainer_of(design, data, subject.shelf, counts=False)
    seen, accuracy, before, result = [], [], _weights(learner), dict[str, int | float]()
    for end in _stream(design, learner, len(data.train)):
        seen.append(end)
        accuracy.append(learner.judge(data.test)[0])
        if end in LOOKS:
            result[f"after_{end}"] = accuracy[-1]
    fall = float((np.maximum.accumulate(accuracy) - accuracy).max())
    result |= {"samples": seen[-1], "best": max(accuracy), "last": accuracy[-1], "fall": fall}
    saturation = learner.saturation()
    if not saturation:
        return result
    result |= {f"{signal}_saturations": sum(saturation[signal]) / seen[-1] for signal in SATURATION_SIGNALS}
    to, weights = design.config.numbers.system.weight, _weights(learner)
    result["at_limit"] = float(((weights == to.lowest) | (weights == to.highest)).mean())
    result["mean_change"] = 1000 * float((weights - before).mean()) / to.one
    return result | {"moved": _moved(design, learner, len(data.train))}


def _stream(design: Design, learner: Trainer, n: int) -> Iterator[int]:
    """Train, and stop with nothing in flight wherever it is judged; says after how many samples."""
    begun = 0
    for epoch in range(design.config.training.epochs):
        order = design.epoch_order(epoch, n)
        stops = [look - begun for look in LOOKS if begun < look < begun + n] + [n]
        for begin, end in zip([0, *stops], stops, strict=False):
            learner.advance(order[begin:end], epoch)
            learner.drain()
            yield begun + end
        begun += n


def _weights(learner: Trainer) -> npt.NDArray[np.int64]:
    """All weights, one junction after the other."""
    return np.concatenate([weights.astype(np.int64) for weights in learner.parameters.weights])


def _moved(design: Design, learner: Trainer, n: int) -> float:
    """How many of the weights one more sample changes, mean over some of another epoch."""
    epoch, shares = design.config.training.epochs, []
    weights = _weights(learner)
    for sample in design.epoch_order(epoch, n)[:_MOVED_BY]:
        learner.advance(np.array([sample]), epoch)
        learner.drain()
        before, weights = weights, _weights(learner)
        shares.append((weights != before).mean())
    return float(np.mean(shares))


STABILITY = Measurement("stability", FIGURES, measure, frozenset({Need.DATA}))
