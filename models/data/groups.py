"""Whose each sample of a user's data set is: the person, speaker or device it comes from.

Beside the arrays of :mod:`models.data.user_npz` a file or folder holds ``train_groups`` and ``test_groups``, or what others
call them (``_NAMES``): an integer or a text for each sample.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.data import user_npz
from models.data.dataset import Split
from models.errors import InputError
from models.files import stored_arrays
from models.files.stored_arrays import StoredArray

_NAMES = {"train": ("train_groups", "utr", "str"), "test": ("test_groups", "ute", "ste")}
_LONGEST = 64
"""Characters of a group's name."""


@dataclass(frozen=True, eq=False)
class Grouped:
    """All samples of a data set, and whose they are.

    Attributes
    ----------
    samples
        Those of the training split, then those of the test split; inputs as in :class:`models.data.dataset.Dataset`.
    groups
        int64 [n]: number of each sample's group, from 0.
    names
        What the groups are called, in ascending order.
    """

    samples: Split
    groups: npt.NDArray[np.int64]
    names: tuple[str, ...]


def load(path: Path) -> Grouped:
    """Read an ``.npz`` file or a folder of ``.npy`` files.

    Raises
    ------
    InputError
        If it is no data set, or does not say of every sample whose it is.
    """
    read = stored_arrays.of_archive if path.suffix.lower() == ".npz" else stored_arrays.of_folder
    found, data = read(path), user_npz.load(path)
    names = [_names(found, split, len(getattr(data, split)), path) for split in ("train", "test")]
    if names[0].dtype.kind != names[1].dtype.kind and "U" in (names[0].dtype.kind, names[1].dtype.kind):
        raise InputError(str(path), None, "names the groups of one split by numbers, those of the other by text")
    unique, numbers = np.unique(np.concatenate(names), return_inverse=True)
    both = Split(
        np.concatenate([data.train.inputs, data.test.inputs]), np.concatenate([data.train.labels, data.test.labels])
    )
    return Grouped(both, numbers.astype(np.int64), tuple(map(str, unique)))


def _names(found: dict[str, StoredArray], split: str, n: int, path: Path) -> np.ndarray:
    """The group of each sample of a split, as stored."""
    there = [name for name in found if name.lower() in _NAMES[split]]  # capital letters do not matter
    if len(there) != 1:
        rule = f"holds both {there[0]} and {there[1]}: keep one" if there else f"lacks the array {_NAMES[split][0]}"
        raise InputError(str(path), None, f"{rule} (whose each sample is)")
    array = found[there[0]]
    text = array.dtype.kind == "U"
    if array.shape != (n,) or not (array.dtype.kind in "iu" or (text and array.dtype.itemsize <= 4 * _LONGEST)):
        rule = f"must be one integer, or text of at most {_LONGEST} characters, for each of the {n} samples"
        raise InputError(array.where, f"{array.dtype} {array.shape}", rule)
    return array.read()
