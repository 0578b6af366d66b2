"""What goes through the machine: samples in, results out."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hwsim.configuration.configuration import Configuration
from hwsim.vocabulary import INFERENCE, TRAINING
from models.errors import InputError


class Samples(NamedTuple):
    """What the host can feed: ``input`` int32 [n, N_0], ``label``, ``kappa`` int32 [n], ``kind`` int8 [n]."""

    input: np.ndarray
    label: np.ndarray
    kappa: np.ndarray
    kind: np.ndarray


class IllegalCounts(NamedTuple):
    """Training samples that entered with a learning-rate shift or a label out of range, and were fed forward only.

    One that had both counts in both. As in hardware, counting ends at 2**32 - 1.
    """

    kappa: int
    label: int


class Results(NamedTuple):
    """What left the output, in order: as in the reference, and the ``clock`` in which each result was complete.

    ``kind`` says what a sample was taken for: one that was to be trained on and could not be is an inference sample.
    """

    prediction: npt.NDArray[np.int32]
    label: npt.NDArray[np.int32]
    kind: npt.NDArray[np.int8]
    output: npt.NDArray[np.int32]
    clock: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.prediction.size)


def joined(a: Results, b: Results) -> Results:
    """Results in sequence."""
    return Results(*(np.concatenate(pair) for pair in zip(a, b, strict=True)))  # type: ignore[arg-type]


def none(n: int, outputs: int) -> Results:
    """Room for n results."""
    return Results(
        np.zeros(n, np.int32),
        np.zeros(n, np.int32),
        np.zeros(n, np.int8),
        np.zeros((n, outputs), np.int32),
        np.zeros(n, np.int64),
    )


def fed(
    config: Configuration,
    inputs: np.ndarray,
    labels: npt.ArrayLike,
    kappa: npt.ArrayLike,
    train: npt.ArrayLike,
    *,
    as_carried: bool,
) -> Samples:
    """Samples that are checked; see :meth:`hwsim.machine.machine.Machine.samples`."""
    n_inputs, legal, labels = config.network.layers[0], config.numbers.system.input, np.asarray(labels)
    if inputs.ndim != 2 or inputs.shape[1] != n_inputs or labels.shape != inputs.shape[:1]:
        rule = f"inputs and labels must have shapes (n, {n_inputs}) and (n,)"
        raise InputError("samples", f"{inputs.shape}, {labels.shape}", rule)
    kappas = np.broadcast_to(np.asarray(kappa, np.int32), len(labels)).copy()
    check_range("inputs", inputs, legal.lowest, legal.highest)
    trains = np.broadcast_to(np.asarray(train, np.bool_), len(labels))
    if as_carried:
        check_range("labels", labels, 0, (1 << config.label_bits) - 1)
        check_range("kappa", kappas, 0, (1 << config.kappa_bits) - 1)
    else:
        check_range("labels", labels, 0, config.classes - 1)
        check_range("kappa", kappas[trains], *config.kappa_range)
    return Samples(
        np.ascontiguousarray(inputs, np.int32),
        np.ascontiguousarray(labels, np.int32),
        kappas,
        np.where(trains, TRAINING, INFERENCE).astype(np.int8),
    )


def check_range(name: str, given: np.ndarray, lowest: int, highest: int) -> None:
    """Refuse integers of which one is out of range.

    Raises
    ------
    InputError
        With the least and the greatest of them.
    """
    if given.size and (given.min() < lowest or given.max() > highest):
        raise InputError(name, f"{given.min()}..{given.max()}", f"must lie in {lowest}..{highest}")
