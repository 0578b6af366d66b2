"""A classification data set, held in memory or left where it lies, and how its samples become network inputs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from models.errors import InputError
from models.numbers.format import Format

MOST_HELD = 1 << 26
"""Inputs of a split that are held in memory; of more they are made in parts, when they are needed."""

PART = 1 << 24
"""Inputs that are made at a time of samples that are too many to be held."""


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

    @property
    def features(self) -> int:
        """Inputs of a sample."""
        return int(self.inputs.shape[1])

    @property
    def held(self) -> bool:
        """Whether the inputs are in memory."""
        return True

    def parts(self, multiple: int = 1) -> "Iterator[Split]":
        """All samples in their order, so many at a time as have about ``PART`` inputs; at least one part.

        Parameters
        ----------
        multiple
            Of which the samples of every part but the last are one.
        """
        step = max(1, PART // max(self.features * multiple, 1)) * multiple
        return (self[first : first + step] for first in range(0, max(len(self), 1), step))

    def real(self, dtype: npt.DTypeLike = np.float64) -> np.ndarray:
        """Inputs as real numbers."""
        inputs = self.inputs
        return inputs.astype(dtype) / 256 if inputs.dtype == np.uint8 else inputs.astype(dtype)

    def integers(self, to: Format, dtype: npt.DTypeLike = np.int32) -> np.ndarray:
        """Inputs in the fixed-point format ``to`` (nearest, saturated); 8-bit images keep their bits in u8.8.

        Parameters
        ----------
        dtype
            Of the result, in which the format must fit.
        """
        inputs = self.inputs
        if inputs.dtype == np.uint8 and to.fraction >= 8:
            greatest = 255 << (to.fraction - 8)
            exact = inputs.astype(dtype if greatest <= np.iinfo(dtype).max else np.int32)
            if to.fraction > 8:
                exact <<= to.fraction - 8
            if greatest > to.highest:
                np.minimum(exact, to.highest, out=exact)
            return exact.astype(dtype, copy=False)
        return to.quantise(self.real()).astype(dtype)


Rows = Callable[[np.ndarray], np.ndarray]
"""What makes inputs [n, features], uint8 or float32, of rows of an array."""


class LaterSplit(Split):
    """Samples whose inputs are made when they are asked for: rows of an array on a disk, or padded to a wide layer.

    ``inputs`` makes all of them, each time. Whatever takes samples in :meth:`parts` needs only as much memory as one part.

    Parameters
    ----------
    source
        [m, ..]; the inputs of a sample follow from one row.
    labels
        int64 [n].
    features
        Inputs of a sample.
    make
        Inputs of some rows.
    rows
        int64 [n]: the row of every sample; all in order if left out.
    """

    _source: np.ndarray
    _features: int
    _make: Rows
    _rows: npt.NDArray[np.int64] | None

    def __init__(
        self,
        source: np.ndarray,
        labels: npt.NDArray[np.int64],
        features: int,
        make: Rows,
        rows: npt.NDArray[np.int64] | None = None,
    ) -> None:
        vars(self).update(labels=labels, _source=source, _features=features, _make=make, _rows=rows)

    @property
    def inputs(self) -> np.ndarray:
        """[n, features], made now."""
        return self._make(self._source if self._rows is None else self._source[self._rows])

    def __getitem__(self, index: slice | np.ndarray) -> "LaterSplit":
        source, rows = self._source, self._rows
        if rows is not None:
            rows = rows[index]
        elif isinstance(index, slice):
            source = source[index]
        else:
            rows = np.arange(len(self))[index]
        return LaterSplit(source, self.labels[index], self._features, self._make, rows)

    @property
    def features(self) -> int:
        """Inputs of a sample."""
        return self._features

    @property
    def held(self) -> bool:
        """Whether the inputs are in memory."""
        return False

    def then(self, features: int, make: Rows) -> "LaterSplit":
        """The same samples with what ``make`` makes of their inputs."""
        before = self._make
        return LaterSplit(self._source, self.labels, features, lambda rows: make(before(rows)), self._rows)


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
        return self.train.features

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


def padded(split: Split, n_padded: int, style: str) -> Split:
    """Samples with zeros added to their inputs as :func:`pad` adds them; where that makes too many to hold, later."""
    if len(split) * n_padded <= MOST_HELD or (split.held and split.features == n_padded):
        return Split(pad(split.inputs, n_padded, style), split.labels)
    later = split if isinstance(split, LaterSplit) else LaterSplit(split.inputs, split.labels, split.features, _as_they_are)
    return later.then(n_padded, lambda inputs: pad(inputs, n_padded, style))


def _as_they_are(rows: np.ndarray) -> np.ndarray:
    return rows
