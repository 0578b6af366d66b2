"""``fixed``, ``float`` and ``cycle``: what a design has learned after its epochs, on the engine of that name."""

import time

from hwsim.design import Design
from hwsim.figure import FED, JUDGED, Figure, Figures
from hwsim.machine import streams
from hwsim.measurements.measurement import Measurement, Need, Shelf, Subject
from hwsim.measurements.samples import dataset_of, engine_samples
from hwsim.training.engines import CycleTrainer, FixedTrainer, FloatTrainer, Predicted, Trainer, is_held
from models.data.dataset import Dataset, Split
from models.errors import InputError
from models.fixed import engine

FIGURES = Figures(
    "trained",
    {
        **JUDGED,
        **FED,
        "saturations": Figure("events", "values that left their format's range, all signals, junctions and epochs", "less"),
        "clocks": Figure("clocks", "simulated, drain included", "less"),
    },
)


def measure(subject: Subject) -> dict[str, int | float]:
    """What ``hwsim train`` reports after the last epoch."""
    design, data = subject.design, dataset_of(subject)
    t = design.config.training
    if not t.epochs:
        raise InputError("training.epochs", 0, "trains nothing", [1])
    trainer = trainer_of(design, data, subject.shelf)
    started = time.perf_counter()
    for epoch in range(t.epochs):
        if isinstance(trainer, _SharingTrainer):
            trainer.counts = epoch + 1 == t.epochs
        figures = trainer.advance(design.epoch_order(epoch, len(data.train)), epoch)
        seen, correct, loss = len(figures.prediction), figures.correct, figures.loss
    rest = trainer.drain()
    subject.spent.seconds, subject.spent.samples = time.perf_counter() - started, t.epochs * len(data.train)
    seen, correct, loss = seen + len(rest.prediction), correct + rest.correct, loss + rest.loss
    result: dict[str, int | float] = {"train_accuracy": correct / seen, "train_loss": loss / seen}
    judged = time.perf_counter()
    for name in ("validation", "test"):
        split: Split = getattr(data, name)
        if len(split):
            result[f"{name}_accuracy"], result[f"{name}_loss"] = trainer.judge(split)
    subject.spent.evaluation = time.perf_counter() - judged
    saturation = trainer.saturation()
    if saturation:
        result["saturations"] = sum(map(sum, saturation.values()))
    if isinstance(trainer, CycleTrainer):
        result["clocks"] = trainer.clock
    return result


def trainer_of(design: Design, data: Dataset, shelf: Shelf, counts: bool = True) -> Trainer:
    """A trainer of the training split that shares what it needs with others.

    Parameters
    ----------
    counts
        Whether anybody wants to know the accuracy and loss of the samples as they are fed.
    """
    if design.config.training.engine != "fixed":
        kinds: dict[str, type[Trainer]] = {"cycle": CycleTrainer, "float": FloatTrainer}
        return kinds[design.config.training.engine](design, data.train)
    made = _SharingTrainer(design, data.train, shelf)
    made.counts = counts
    return made


class _SharingTrainer(FixedTrainer):
    """A fixed-point trainer that takes samples in the engine's form from others with the same input format.

    Attributes
    ----------
    counts
        Whether anybody wants to know the accuracy and loss of the samples as they are fed.
    """

    counts = True

    def __init__(self, design: Design, train: Split, shelf: Shelf) -> None:
        self._shelf = shelf
        super().__init__(design, train)

    def _figures(self, results: engine.Results | streams.Results) -> Predicted:
        return super()._figures(results) if self.counts else Predicted(results.prediction, 0, 0.0)

    def _prepared(self, split: Split) -> engine.Samples:
        if not (len(split) and is_held(split)):  # a part of more samples is needed once, and no other trainer has it
            return super()._prepared(split)
        return engine_samples(self._engine, split, self._shelf, super()._prepared)


def _on(engine: str, *more: Need) -> Measurement:
    return Measurement(engine, FIGURES, measure, frozenset({Need.DATA, *more}), engine=engine)


FIXED, FLOAT, CYCLE = _on("fixed"), _on("float"), _on("cycle", Need.HARDWARE)
