"""Training runs: epochs, checkpoints, and what a run leaves."""

import hashlib
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from hwsim.design import Design
from hwsim.results import kept_inputs, seal
from hwsim.results.directory import (
    CHECKPOINT,
    CONFIG,
    CONNECTIVITY,
    FINAL,
    FRONT_END,
    INITIAL,
    INPUTS,
    METRICS,
    STREAM,
    TIMING,
    RunDirectory,
)
from hwsim.training import metrics
from hwsim.training.engines import Trainer, trainer
from hwsim.training.interrupt import interrupt_flag
from hwsim.training.loop import TrainingLoop
from hwsim.training.outcome import Outcome, Watcher
from models.connectivity.files import write_connectivity
from models.data.dataset import Dataset, Split
from models.errors import ArgumentError, InputError
from models.files.npz import read_npz

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
        if save_stream:
            self._check_stream()
        self._stream = save_stream
        self._loop = TrainingLoop(design, data, save_stream, make)
        self._written: dict[str, str] = {}  # SHA-256 of what the run began with
        self._resumed = False

    def _check_stream(self) -> None:
        t = self.design.config.training
        if t.engine == "float":
            raise ArgumentError("save_stream", None, "holds fixed-point integers: the float engine has none, leave it out")
        size = 4 * len(self.data.train) * t.epochs * self.design.config.network.layers[0]
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
            self._restore(self.directory / CHECKPOINT)

    def _restore(self, path: Path) -> None:
        arrays = read_npz(path)
        try:
            state = seal.opened(arrays)
            predictions = arrays.pop("predictions")
            self._loop.take(state)
            stream, data = bool(state["stream"]), str(state["data"])
            of, written = str(state["configuration"]), dict(state["files"])
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as e:
            raise InputError(str(path), None, f"is not a checkpoint of this version: {e}") from None
        if of != self.directory.fingerprint:
            raise InputError(str(path), None, f"belongs to a run of another configuration than {CONFIG} beside it")
        self._check_written(written)
        if data != self._digest:
            raise ArgumentError(
                "resume",
                str(self.directory.path),
                f"began with other samples: {self.data.name} has changed; put them back, or start again with <force>",
            )
        if stream != self._stream:
            rule = "must be given or left out as when the run began"
            raise ArgumentError("save_stream", "given" if self._stream else "left out", rule)
        self._loop.restore(arrays, predictions)
        self._written, self._resumed = written, True

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
        for part in self.data.train.parts():
            digest.update(np.ascontiguousarray(part.inputs).data)
        digest.update(np.ascontiguousarray(self.data.train.labels).data)
        return digest.hexdigest()

    def _checkpoint(self) -> None:
        state = {
            "configuration": self.directory.fingerprint,
            "files": self._written,
            **self._loop.state(),
            "stream": self._stream,
            "data": self._digest,
        }
        arrays = self._loop.trainer.arrays() | {"predictions": self._loop.predictions}
        self.directory.write_arrays(CHECKPOINT, seal.sealed(arrays, state))

    def run(self, watch: Watcher | None = None) -> Outcome:
        """Train to the end, or until the interrupt key is pressed: then everything done so far is on disk."""
        with self.directory.locked(), interrupt_flag() as interrupted:
            if not self._resumed:
                self.directory.begin()
            self._write_beginning()
            if not self._resumed:
                self._checkpoint()
            while not self._loop.finished and not interrupted():
                progress = self._loop.advance()
                if progress.finished_epoch and not self._loop.finished:
                    self._checkpoint()
                if watch is not None:
                    watch(progress)
            outcome = self._loop.outcome
            if not outcome.finished:
                self._checkpoint()
            self._write_results(outcome)
            if outcome.finished:
                (self.directory / CHECKPOINT).unlink(missing_ok=True)
        return outcome

    def _write_beginning(self) -> None:
        """What the run begins with, where it is not there yet."""
        if not (self.directory / CONNECTIVITY).is_file():
            write_connectivity(self.directory / CONNECTIVITY, self.design.patterns)
        if not (self.directory / INITIAL).is_file():
            self.directory.write_arrays(INITIAL, self.design.initial_arrays)
        kept_inputs.write(self.directory, self.design.config, self.data)
        self._written = self.directory.digests(CONNECTIVITY, INPUTS, INITIAL)

    def _write_results(self, outcome: Outcome) -> None:
        self.directory.write_arrays(FINAL, outcome.parameters.arrays() | outcome.random)
        if self._stream:
            self._write_stream()
        self.directory.write_json(METRICS, self._metrics(outcome))
        self.directory.write_json(TIMING, metrics.timing(outcome))

    def _metrics(self, outcome: Outcome) -> dict[str, Any]:
        kept = (CONNECTIVITY, INPUTS, INITIAL, FINAL, FRONT_END, STREAM)
        digests = metrics.TRAINING.told("files", self.directory.digests(*kept))
        return metrics.of_training(outcome, self.data) | {"files": digests}

    def _write_stream(self) -> None:
        """As fed so far, in order; a prediction per sample that has come out."""
        n, t, loop = len(self.data.train), self.design.config.training, self._loop
        epochs = [(e, n) for e in range(loop.epoch)] + ([(loop.epoch, loop.offset)] if loop.offset else [])
        orders = [self.design.epoch_order(e, n)[:fed] for e, fed in epochs]
        order = np.concatenate([np.zeros(0, np.int64), *orders])
        stream = {
            "input": self.data.train[order].integers(self.design.config.numbers.system.input),
            "label": self.data.train.labels[order].astype(np.int32),
            "kappa": np.concatenate([np.zeros(0, np.int32), *(np.full(fed, t.kappa(e), np.int32) for e, fed in epochs)]),
            "prediction": loop.predictions,
        }
        self.directory.write_arrays(STREAM, stream)


def train(
    design: Design,
    data: Dataset | None = None,
    out: str | Path | None = None,
    *,
    data_dir: str | Path | None = None,
    watch: Watcher | None = None,
) -> Outcome:
    """Train a design: what ``hwsim train`` does, in one call.

    Parameters
    ----------
    design
        What to train, on the engine and for the epochs of its configuration.
    data
        Samples whose inputs fit layer 0; default: the data set that the configuration names.
    out
        A new directory for the run; nothing is written when it is left out.
    data_dir
        Folder of the data sets.
    watch
        Told of every chunk of samples.

    Returns
    -------
    Outcome
        Epochs with their figures, and the final weights and biases as arrays.

    Raises
    ------
    InputError
        If the data set cannot be loaded or does not fit, or if the directory belongs to another run.

    Examples
    --------
    >>> from hwsim import load
    >>> outcome = train(Design(load("sim_configs/demo.yaml", {"training.epochs": 2, "training.samples": 500})))
    >>> outcome.history[-1].test_accuracy > outcome.history[0].test_accuracy > 0.1
    True
    """
    if data is None:
        data = design.dataset(None if data_dir is None else Path(data_dir))
    if out is not None:
        return TrainingRun(design, data, RunDirectory(Path(out), design.config, "train")).run(watch)
    loop = TrainingLoop(design, data)
    while not loop.finished:
        progress = loop.advance()
        if watch is not None:
            watch(progress)
    return loop.outcome
