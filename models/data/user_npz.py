"""A user's own data set from one ``.npz`` file of NumPy arrays.

Arrays: ``train_inputs``, ``train_labels``, ``test_inputs``, ``test_labels`` and, if wanted, ``validation_inputs``,
``validation_labels``. The names of Keras (``x_train``, ``y_train``, ``x_test``, ``y_test``, ``x_val``, ``y_val``) do as
well. Inputs are uint8 (value = integer / 256) or floating point in [0, 1], shaped [n, features], [n, rows, columns] or
[n, rows, columns, channels]. Labels are integers 0 .. classes - 1, shaped [n] or [n, 1]. An integer array ``classes``
of one element says how many classes there are; without it every class must occur in the training labels. Other arrays
are left alone.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.data.dataset import Dataset, Split
from models.errors import InputError
from models.npz import read_npz

_KERAS = {"train": "train", "test": "test", "validation": "val"}


def load(path: Path, name: str | None = None) -> Dataset:
    """Read and check a data set.

    Parameters
    ----------
    path
        The file.
    name
        Name of the data set; by default the file's without ``.npz``.

    Returns
    -------
    Dataset
        Inputs uint8 or float32 [n, features]; ``image`` is what the inputs' shape says, ``None`` for [n, features].
    """
    where = str(path)
    arrays = read_npz(path)
    train_inputs, train_labels = _pair(arrays, "train", where)
    classes = _classes(arrays, train_labels, where)
    shape = train_inputs.shape[1:]
    splits = {"train": Split(_flat(train_inputs), train_labels)}
    for split in ("test", "validation"):
        if split == "validation" and not _present(arrays, split):
            splits[split] = splits["train"][:0]
            continue
        inputs, labels = _pair(arrays, split, where)
        if inputs.shape[1:] != shape or inputs.dtype != train_inputs.dtype:
            rule = f"must be {train_inputs.dtype} samples of {shape}, like the training inputs"
            raise InputError(f"{where}: {split}_inputs", f"{inputs.dtype} {inputs.shape}", rule)
        if labels.max() >= classes:
            raise InputError(f"{where}: {split}_labels", int(labels.max()), f"must be 0..{classes - 1}")
        splits[split] = Split(_flat(inputs), labels)
    return Dataset(name or path.stem, classes, **splits, image=tuple(map(int, shape)) if len(shape) > 1 else None)


def _present(arrays: dict[str, np.ndarray], split: str) -> bool:
    keras = _KERAS[split]
    return any(name in arrays for name in (f"{split}_inputs", f"{split}_labels", f"x_{keras}", f"y_{keras}"))


def _pair(arrays: dict[str, np.ndarray], split: str, where: str) -> tuple[np.ndarray, npt.NDArray[np.int64]]:
    keras = _KERAS[split]
    inputs = _inputs(_pick(arrays, f"{split}_inputs", f"x_{keras}", where), f"{where}: {split}_inputs")
    labels = _labels(_pick(arrays, f"{split}_labels", f"y_{keras}", where), f"{where}: {split}_labels")
    if len(inputs) != len(labels):
        raise InputError(f"{where}: {split}_labels", len(labels), f"must be as many as the {len(inputs)} samples")
    return inputs, labels


def _pick(arrays: dict[str, np.ndarray], name: str, alias: str, where: str) -> np.ndarray:
    found = [key for key in (name, alias) if key in arrays]
    if len(found) == 2:
        raise InputError(where, None, f"holds both {name} and {alias}: keep one")
    if not found:
        there = ", ".join(sorted(arrays)) or "no array"
        raise InputError(where, None, f"lacks the array {name} (or {alias}); it holds {there}")
    return arrays[found[0]]


def _inputs(array: np.ndarray, where: str) -> np.ndarray:
    if not 2 <= array.ndim <= 4 or array.size == 0:
        shapes = "[n, features], [n, rows, columns] or [n, rows, columns, channels], none of them 0"
        raise InputError(where, str(array.shape), f"must have the shape {shapes}")
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind != "f":
        raise InputError(where, str(array.dtype), "must be uint8 (0..255) or floating point in 0..1")
    low, high = float(array.min()), float(array.max())  # both are NaN if any element is
    if not (0 <= low and high <= 1):
        found = "not a number" if np.isnan(low) or np.isnan(high) else f"found {low:g}..{high:g}"
        raise InputError(where, None, f"floating-point inputs must be in 0..1, {found}")
    return array.astype(np.float32)


def _labels(array: np.ndarray, where: str) -> npt.NDArray[np.int64]:
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or array.size == 0:
        raise InputError(where, str(array.shape), "must have the shape [n] or [n, 1], n > 0 (no one-hot labels)")
    if array.dtype.kind not in "iu":
        raise InputError(where, str(array.dtype), "must be integers")
    if array.min() < 0:
        raise InputError(where, int(array.min()), "must be 0..classes - 1")
    if array.max() > np.iinfo(np.int32).max:
        raise InputError(where, int(array.max()), "must be 0..classes - 1, and so many classes are beyond any network")
    return array.astype(np.int64)


def _classes(arrays: dict[str, np.ndarray], labels: npt.NDArray[np.int64], where: str) -> int:
    highest = int(labels.max())
    if "classes" in arrays:
        given = arrays["classes"]
        if given.size != 1 or given.dtype.kind not in "iu" or int(given.flat[0]) < 1:
            raise InputError(f"{where}: classes", str(given), "must be one positive integer")
        if highest >= int(given.flat[0]):
            raise InputError(f"{where}: train_labels", highest, f"must be 0..{int(given.flat[0]) - 1}")
        return int(given.flat[0])
    there = np.unique(labels)
    if there.size != highest + 1:
        absent = int(np.flatnonzero(there != np.arange(there.size))[0])
        rule = f"must be 0..classes - 1 and class {absent} never occurs; store a number `classes` if that is meant"
        raise InputError(f"{where}: train_labels", None, rule)
    return highest + 1


def _flat(inputs: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(inputs.reshape(len(inputs), -1))
