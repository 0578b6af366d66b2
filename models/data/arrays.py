"""A data set from arrays in memory: the same rules as for a user's files."""

import numpy as np
import numpy.typing as npt

from models.data.dataset import Dataset
from models.data.samples import Part, assembled, check_inputs

Pair = tuple[npt.ArrayLike, npt.ArrayLike]


def dataset(
    train: Pair,
    test: Pair | None = None,
    validation: Pair | None = None,
    *,
    classes: int | None = None,
    name: str = "arrays",
) -> Dataset:
    """A data set from NumPy arrays, checked as one in a file would be.

    Parameters
    ----------
    train, test, validation
        Inputs and labels. Inputs are uint8 (value = integer / 256) or floating point in 0..1, [n, features] or images
        [n, rows, columns] or [n, rows, columns, channels]; labels are integers 0..classes - 1 [n], or one-hot
        [n, classes]. Without test samples a fifth of every class is set aside; without validation samples there are none.
    classes
        How many there are, if the training labels do not show all.
    name
        What messages and figures call it.

    Returns
    -------
    Dataset
        Inputs uint8 or float32 [n, features], labels int64 [n].

    Raises
    ------
    InputError
        If the arrays are not such samples.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> inputs, labels = rng.random((100, 16)), np.arange(100) % 4
    >>> data = dataset((inputs, labels))
    >>> data.classes, len(data.train), len(data.test), data.train.inputs.dtype
    (4, 80, 20, dtype('float32'))
    """
    given = {"train": train, "test": test, "validation": validation}
    parts = {split: _part(split, pair) for split, pair in given.items() if pair is not None}
    count = None if classes is None else np.asarray(classes)
    return assembled(name, parts, count, "classes")


def _part(split: str, pair: Pair) -> Part:
    inputs, labels = map(np.asarray, pair)
    check_inputs(f"{split} inputs", inputs.shape, inputs.dtype)
    return Part(inputs, labels, f"{split} inputs", f"{split} labels")
