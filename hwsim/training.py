"""A training run: epochs, figures, checkpoints and the files it leaves."""

import hashlib
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from hwsim import metrics, seal
from hwsim import rundir as files
from hwsim.design import Design
from hwsim.outcome import Epoch, Outcome, Progress, Watcher
from hwsim.rundir import RunDirectory
from hwsim.trainers import Figures, Trainer, trainer
from models.connectivity import write_connectivity
from models.data.dataset import Dataset, Split
from models.errors import ArgumentError, InputError
from models.network import Parameters
from models.npz import read_npz

CHUNK = 1024
"""Samples between two looks at the progress bar and the interrupt key."""

_LARGEST_STREAM = 8 << 30


class TrainingRun:
    """Trains a design on a data set and keeps its directory.

    Parameters
    ----------
    design, data
        What to train on what.
    directory
        Where the files go.
    save_stream
        Keep every sample as fed and every prediction as it came out (``stream.npz``).
    make
        What makes the trainer.
    """

    def __init__(
        self,
        design: Design,
        data: Dataset,
        directory: RunDirectory,
        save_stream: bool = False,
        make: Callable[[Design, Split], Trainer] = trainer,
    ) -> None:
        self.design, self.data, self.directory = design, data, directory
        self._epochs = design.config.training.epochs
        if save_stream:
            self._check_stream()
        self._stream = save_stream
        self._trainer: Trainer = make(design, data.train)
        self._history: list[Epoch] = []
        self._epoch, self._offset = 0, 0
        self._current = Epoch(0)
        self._order: np.ndarray | None = None  # of the present epoch, once drawn
        self._predictions: list[np.ndarray] = []
        self._written: dict[str, str] = {}  # SHA-256 of what the run began with
        self._resumed = False
        self._training_seconds, self._trained = 0.0, 0

    def _check_stream(self) -> None:
        if self.design.config.training.engine == "float":
            raise ArgumentError("save_stream", None, "holds fixed-point integers: the float engine has none")
        size = 4 * len(self.data.train) * self._epochs * self.design.config.network.layers[0]
        if size > _LARGEST_STREAM:
            raise ArgumentError("save_stream", f"{size} bytes", f"would exceed {_LARGEST_STREAM} bytes: take fewer samples")

    def resume(self) -> None:
        """Continue from the checkpoint in the directory.

        Raises
        ------
        InputError
            If the checkpoint is damaged or belongs to something else, or if a file of the run is not as it was left.
        """
        with self.directory.locked():
            self._restore(self.directory / files.CHECKPOINT)

    def _restore(self, path: Path) -> None:
        arrays = read_npz(path)
        try:
            state = seal.opened(arrays)
            predictions = arrays.pop("predictions")
            signals = self._trainer.saturation()
            self._history = [_epoch(told, i, signals) for i, told in enumerate(state["history"])]
            self._current = _epoch(state["current"], len(self._history), {})
            self._epoch, self._offset = int(state["epoch"]), int(state["offset"])
            stream, data = bool(state["stream"]), str(state["data"])
            of, written = str(state["configuration"]), dict(state["files"])
            if not (0 <= self._epoch < self._epochs and 0 <= self._offset < len(self.data.train)):
                raise ValueError(f"epoch {self._epoch} and sample {self._offset} are not of this run")
            if len(self._history) != self._epoch:
                raise ValueError(f"{len(self._history)} epochs are told of, {self._epoch} are done")
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as e:
            raise InputError(str(path), None, f"is not a checkpoint of this version: {e}") from None
        if of != self.directory.fingerprint:
            raise InputError(str(path), None, f"belongs to a run of another configuration than {files.CONFIG} beside it")
        self._check_written(written)
        if data != self._digest:
            raise ArgumentError(
                "resume", str(self.directory.path), f"began with other samples: {self.data.name} has changed"
            )
        if stream != self._stream:
            rule = "must be given or left out as when the run began"
            raise ArgumentError("save_stream", "given" if self._stream else "left out", rule)
        self._trainer.restore(arrays)
        self._predictions, self._written = [predictions], written
        self._resumed = True

    def _check_written(self, digests: dict[str, str]) -> None:
        """Refuse files that are not what this run has written; those that are missing are written again."""
        for name, digest in self.directory.digests(*digests).items():
            if digest != digests[name]:
                rule = "is damaged, or of another run: once it is removed, the run that is continued writes it anew"
                raise InputError(str(self.directory / name), None, rule)

    @cached_property
    def _digest(self) -> str:
        """SHA-256 of the training samples."""
        digest = hashlib.sha256()
        for array in (self.data.train.inputs, self.data.train.labels):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def _checkpoint(self) -> None:
        state = {
            "configuration": self.directory.fingerprint,
            "files": self._written,
            "epoch": self._epoch,
            "offset": self._offset,
            "current": vars(self._current),
            "history": [vars(e) for e in self._history],
            "stream": self._stream,
            "data": self._digest,
        }
        predictions = np.concatenate([np.zeros(0, np.int32), *self._predictions])
        arrays = self._trainer.arrays() | {"predictions": predictions}
        self.directory.write_arrays(files.CHECKPOINT, seal.sealed(arrays, state))

    def run(self, watch: Watcher | None = None) -> Outcome:
        """Train to the end, or until the interrupt key is pressed: then everything done so far is on disk."""
        with self.directory.locked(), _interrupt_flag() as interrupted:
            if not self._resumed:
                self.directory.begin()
            self._write_beginning()
            if not self._resumed:
                self._checkpoint()
            while self._epoch < self._epochs and not interrupted():
                self._advance(watch)
            finished = self._epoch == self._epochs
            if not finished:
                self._checkpoint()
            outcome = Outcome(self.design, [*self._history], finished, self._training_seconds, self._trained)
            self._write_results(outcome)
            if finished:
                (self.directory / files.CHECKPOINT).unlink(missing_ok=True)
        return outcome

    def _write_beginning(self) -> None:
        """What the run begins with, where it is not there yet."""
        if not (self.directory / files.CONNECTIVITY).is_file():
            write_connectivity(self.directory / files.CONNECTIVITY, self.design.patterns)
        if not (self.directory / files.INITIAL).is_file():
            self.directory.write_arrays(files.INITIAL, self.design.initial.arrays())
        self._written = self.directory.digests(files.CONNECTIVITY, files.INITIAL)

    def _advance(self, watch: Watcher | None) -> None:
        """One chunk of samples, and the end of the epoch if it is reached."""
        n = len(self.data.train)
        if self._order is None:
            self._order = self.design.epoch_order(self._epoch, n)
        chunk = self._order[self._offset : self._offset + self._chunk_size()]
        started = time.perf_counter()
        figures = self._trainer.advance(chunk, self._epoch)
        self._training_seconds += time.perf_counter() - started
        self._trained += len(chunk)
        self._count(figures)
        self._offset += len(chunk)
        ended = self._offset >= n
        if ended:
            self._end_epoch()
        if watch is not None:
            done = self._epoch * n + self._offset
            current = replace(self._history[-1] if ended else self._current)  # a copy that does not change any more
            watch(Progress(self._epoch, done, self._epochs * n, current, ended))

    def _chunk_size(self) -> int:
        """Whole batches, and whole epochs where a chunk would drain the pipeline (float engine in pipelined order)."""
        t = self.design.config.training
        if t.engine == "float" and t.order == "pipelined":
            return len(self.data.train)
        return max(CHUNK // t.batch_size, 1) * t.batch_size if t.engine == "float" else CHUNK

    def _count(self, figures: Figures) -> None:
        self._current.add(figures)
        if self._stream:
            self._predictions.append(figures.prediction)

    def _end_epoch(self) -> None:
        if self._epoch + 1 == self._epochs:
            self._count(self._trainer.drain())
        e = self._current
        if len(self.data.validation):
            e.validation_accuracy, e.validation_loss = self._trainer.judge(self.data.validation)
        if len(self.data.test):
            e.test_accuracy, e.test_loss = self._trainer.judge(self.data.test)
        e.saturation = self._trainer.saturation()
        self._history.append(e)
        self._epoch, self._offset, self._order = self._epoch + 1, 0, None
        self._current = Epoch(self._epoch)
        if self._epoch < self._epochs:
            self._checkpoint()

    def _write_results(self, outcome: Outcome) -> None:
        final = self._trainer.parameters
        self.directory.write_arrays(files.FINAL, final.arrays())
        if self._stream:
            self._write_stream()
        self.directory.write_json(files.METRICS, self._metrics(outcome, final))
        self.directory.write_json(files.TIMING, metrics.timing(outcome))

    def _metrics(self, outcome: Outcome, final: Parameters) -> dict[str, Any]:
        kept = (files.CONNECTIVITY, files.INITIAL, files.FINAL, files.FRONT_END, files.STREAM)
        digests = metrics.TRAINING.told("files", self.directory.digests(*kept))
        return metrics.of_training(outcome, self.data, final) | {"files": digests}

    def _write_stream(self) -> None:
        """As fed so far, in order; a prediction per sample that has come out."""
        n, t = len(self.data.train), self.design.config.training
        epochs = [(e, n) for e in range(self._epoch)] + ([(self._epoch, self._offset)] if self._offset else [])
        orders = [self.design.epoch_order(e, n)[:fed] for e, fed in epochs]
        order = np.concatenate([np.zeros(0, np.int64), *orders])
        integers = self.data.train.integers(self.design.config.numbers.system.input)
        stream = {
            "input": integers[order].astype(np.int32),
            "label": self.data.train.labels[order].astype(np.int32),
            "kappa": np.concatenate([np.zeros(0, np.int32), *(np.full(fed, t.kappa(e), np.int32) for e, fed in epochs)]),
            "prediction": np.concatenate([np.zeros(0, np.int32), *self._predictions]).astype(np.int32),
        }
        self.directory.write_arrays(files.STREAM, stream)


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


@contextmanager
def _interrupt_flag() -> Iterator[Callable[[], bool]]:
    """The first interrupt only raises a flag, so that a chunk is finished; a second one acts as usual."""
    pressed = False

    def note(_signal: int, _frame: FrameType | None) -> None:
        nonlocal pressed
        pressed = True
        signal.signal(signal.SIGINT, before)

    try:
        before: Any = signal.getsignal(signal.SIGINT) or signal.SIG_DFL
        signal.signal(signal.SIGINT, note)
    except ValueError:  # not in the main thread: whoever runs us there handles interrupts
        yield lambda: False
        return
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def interrupt_later() -> Iterator[None]:
    """Hold an interrupt back until the end: compiled code is loaded through callbacks in which it would only be printed."""
    with _interrupt_flag() as pressed:
        yield
        late = pressed()
    if late:
        raise KeyboardInterrupt


def train(design: Design, out: str | Path, data_dir: str | Path | None = None, watch: Watcher | None = None) -> Outcome:
    """Train a design into a new directory: what ``hwsim train`` does, in one call."""
    directory = RunDirectory(Path(out), design.config, "train")
    data = design.dataset(None if data_dir is None else Path(data_dir))
    return TrainingRun(design, data, directory).run(watch)
