"""A classification data set held in memory, and how its samples become network inputs."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from models.errors import InputError
from models.numbers.format import Format


@dataclass(frozen=True, eq=False)
class Split:
    """Samples and labels.

    Attributes
    ----------
    inputs
        [n, features]: uint8 (value = integer / 256) or float32 in [0, 1]; fixed point saturates at its highest below 1.
    labels
        int64 [n], 0 .. classes - 1.
    """

    inputs: np.ndarray
    labels: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.labels.size)

    def __getitem__(self, index: slice | np.ndarray) -> "Split":
        return Split(self.inputs[index], self.labels[index])

    def real(self, dtype: npt.DTypeLike = np.float64) -> np.ndarray:
        """Inputs as real numbers."""
        return self.inputs.astype(dtype) / 256 if self.inputs.dtype == np.uint8 else self.inputs.astype(dtype)

    def integers(self, to: Format) -> np.ndarray:
        """Inputs in the fixed-point format ``to`` (int32, nearest, saturated); 8-bit images keep their bits in u8.8."""
        if self.inputs.dtype == np.uint8 and to.fraction >= 8:
            exact = self.inputs.astype(np.int32) << (to.fraction - 8)
            return np.minimum(exact, to.highest).astype(np.int32)
        return to.quantise(self.real()).astype(np.int32)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Training, validation and test samples of one problem; :func:`models.data.arrays.dataset` makes one from arrays.

    Attributes
    ----------
    name
        What messages and figures call it.
    classes
        How many there are.
    train, test, validation
        ``inputs`` [n, features], uint8 (value = integer / 256) or float32 in [0, 1], and ``labels`` int64 [n];
        ``validation`` is empty until :meth:`hold_out` moves samples there.
    image
        The shape behind the flat inputs, (rows, columns) or (rows, columns, channels), if they are images.
    selected
        int64 [features]: which inputs of the data set these are, if not all; see :mod:`models.data.selection`.

    Examples
    --------
    >>> from hwsim import Design, load
    >>> data = Design(load("sim_configs/demo.yaml")).dataset()
    >>> data.name, data.train.inputs.shape, data.train.inputs.dtype, data.image
    ('mnist-mini', (5000, 1024), dtype('uint8'), (28, 28))
    """

    name: str
    classes: int
    train: Split
    test: Split
    validation: Split
    image: tuple[int, ...] | None = None
    selected: npt.NDArray[np.int64] | None = None

    @property
    def features(self) -> int:
        """Inputs per sample."""
        return int(self.train.inputs.shape[1])

    def hold_out(self, count: int) -> "Dataset":
        """Move the last ``count`` training samples to the validation split.

        Raises
        ------
        InputError
            If no training sample would be left.
        """
        if not 0 <= count < len(self.train):
            raise InputError("data.validation", count, f"must leave a training sample: 0..{len(self.train) - 1}")
        keep = len(self.train) - count
        return replace(self, train=self.train[:keep], validation=self.train[keep:])


def padded_positions(n_real: int, n_padded: int, style: str) -> npt.NDArray[np.int64]:
    """Where ``n_real`` values stand among ``n_padded``: first of all (``end``) or evenly apart (``spread``)."""
    k = np.arange(n_real, dtype=np.int64)
    return k if style == "end" else k * n_padded // n_real


def pad(inputs: np.ndarray, n_padded: int, style: str) -> np.ndarray:
    """Inputs [n, features] with zeros added to make [n, n_padded]."""
    if inputs.shape[1] == n_padded:
        return inputs
    out = np.zeros((inputs.shape[0], n_padded), dtype=inputs.dtype)
    out[:, padded_positions(inputs.shape[1], n_padded, style)] = inputs
    return out
