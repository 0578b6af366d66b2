"""The loop of training: samples in their order, epochs with their figures, all in memory."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hwsim.design import Design
from hwsim.training.engines import Predicted, Trainer, trainer
from hwsim.training.outcome import Epoch, Outcome, TrainingProgress
from models.data.dataset import Dataset, Split

CHUNK = 1024
"""Samples between two looks at the progress bar and the interrupt key."""


class TrainingLoop:
    """A design in training on a data set; nothing is written.

    Parameters
    ----------
    design, data
        What to train on what.
    keep_predictions
        Whether the predictions of all samples as they were fed are kept.
    make
        What makes the trainer.

    Attributes
    ----------
    history
        Epochs finished.
    epoch, offset
        Where the loop stands: the epoch, from 0, and how many of its samples have entered.
    """

    def __init__(
        self,
        design: Design,
        data: Dataset,
        keep_predictions: bool = False,
        make: Callable[[Design, Split], Trainer] = trainer,
    ) -> None:
        self.design, self.data = design, data
        self.trainer: Trainer = make(design, data.train)
        self.history: list[Epoch] = []
        self.epoch, self.offset = 0, 0
        self._epochs = design.config.training.epochs
        self._current = Epoch(0)
        self._order: npt.NDArray[np.int64] | None = None  # of the present epoch, once drawn
        self._keeps = keep_predictions
        self._predictions: list[npt.NDArray[np.int32]] = []
        self._seconds, self._trained = 0.0, 0

    @property
    def finished(self) -> bool:
        """Whether all epochs are done."""
        return self.epoch == self._epochs

    @property
    def predictions(self) -> npt.NDArray[np.int32]:
        """int32 [n]: of the samples that have come out, in the order in which they were fed; empty unless they are kept."""
        return np.concatenate([np.zeros(0, np.int32), *self._predictions])

    @property
    def outcome(self) -> Outcome:
        """What it has come to by now."""
        history, trainer = [*self.history], self.trainer
        return Outcome(self.design, history, self.finished, self._seconds, self._trained, trainer.parameters, trainer.random)

    def advance(self) -> TrainingProgress:
        """Train on one chunk of samples, and judge at the end of an epoch."""
        n = len(self.data.train)
        if self._order is None:
            self._order = self.design.epoch_order(self.epoch, n)
        chunk = self._order[self.offset : self.offset + self._chunk_size()]
        started = time.perf_counter()
        figures = self.trainer.advance(chunk, self.epoch)
        self._seconds += time.perf_counter() - started
        self._trained += len(chunk)
        self._count(figures)
        self.offset += len(chunk)
        ended = self.offset >= n
        if ended:
            self._end_epoch()
        done = self.epoch * n + self.offset
        current = replace(self.history[-1] if ended else self._current)  # a copy that does not change any more
        return TrainingProgress(self.epoch, done, self._epochs * n, current, ended)

    def _chunk_size(self) -> int:
        """Whole batches, and whole epochs where a chunk would drain the pipeline (float engine in pipelined order)."""
        t = self.design.config.training
        if t.engine == "float" and t.order == "pipelined":
            return len(self.data.train)
        return max(CHUNK // t.batch_size, 1) * t.batch_size if t.engine == "float" else CHUNK

    def _count(self, figures: Predicted) -> None:
        self._current.add(figures)
        if self._keeps:
            self._predictions.append(figures.prediction)

    def _end_epoch(self) -> None:
        if self.epoch + 1 == self._epochs:
            self._count(self.trainer.drain())
        e = self._current
        if len(self.data.validation):
            e.validation_accuracy, e.validation_loss = self.trainer.judge(self.data.validation)
        if len(self.data.test):
            e.test_accuracy, e.test_loss = self.trainer.judge(self.data.test)
        e.saturation = self.trainer.saturation()
        self.history.append(e)
        self.epoch, self.offset, self._order = self.epoch + 1, 0, None
        self._current = Epoch(self.epoch)

    def state(self) -> dict[str, Any]:
        """Where the loop stands, as JSON can hold it; the arrays of the trainer and the predictions go with it."""
        return {
            "epoch": self.epoch,
            "offset": self.offset,
            "current": vars(self._current),
            "history": [vars(e) for e in self.history],
        }

    def take(self, state: Mapping[str, Any]) -> None:
        """Stand where :meth:`state` says.

        Raises
        ------
        KeyError, TypeError, ValueError, AttributeError
            If no loop of this run can have stood there.
        """
        signals = self.trainer.saturation()
        self.history = [_epoch(told, i, signals) for i, told in enumerate(state["history"])]
        self._current = _epoch(state["current"], len(self.history), {})
        self.epoch, self.offset = int(state["epoch"]), int(state["offset"])
        if not (0 <= self.epoch < self._epochs and 0 <= self.offset < len(self.data.train)):
            raise ValueError(f"epoch {self.epoch} and sample {self.offset} are not of this run")
        if len(self.history) != self.epoch:
            raise ValueError(f"{len(self.history)} epochs are told of, {self.epoch} are done")

    def restore(self, arrays: Mapping[str, np.ndarray], predictions: npt.NDArray[np.int32]) -> None:
        """Take over the state of the trainer and the predictions so far.

        Raises
        ------
        InputError
            If the trainer cannot have been in that state.
        """
        self.trainer.restore(dict(arrays))
        self._predictions = [predictions]


def _epoch(told: Any, number: int, signals: dict[str, list[int]]) -> Epoch:
    """An epoch of a run as a checkpoint tells of it; ``signals`` are counters of saturation of the same shape.

    Raises
    ------
    ValueError, TypeError
        If nothing that a run counts is like that.
    """
    e = Epoch(**told)
    counters = [c for counts in e.saturation.values() for c in counts]
    if any(type(n) is not int or not 0 <= n < 1 << 63 for n in (e.epoch, e.samples, e.correct, *counters)):
        raise ValueError("what is counted is no number of events")
    if e.epoch != number or {k: len(v) for k, v in e.saturation.items()} != {k: len(v) for k, v in signals.items()}:
        raise ValueError(f"epoch {number} is told of as another")
    figures = (e.validation_accuracy, e.validation_loss, e.test_accuracy, e.test_loss)
    if type(e.loss_sum) is not float or any(type(x) is not float for x in figures if x is not None):
        raise ValueError("a figure is no real number")
    return e
