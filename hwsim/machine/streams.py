"""What goes through the machine: samples in, results out."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt


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
