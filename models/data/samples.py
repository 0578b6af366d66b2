"""What arrays mean as samples: inputs to bytes or real numbers, images to channels last, labels to classes.

Inputs that are uint8 are bytes, value = integer / 256. So are whole numbers 0..255 of any other type if one of the training
samples' is above 127, as pixels have it. Floating-point numbers must lie in [0, 1]; what rounding has put up to 0.000001
beyond is clipped. The training samples decide between the two, and all others must be alike.

Images are [n, rows, columns] or, with channels, [n, rows, columns, channels], which is the order kept here, or
[n, channels, rows, columns], which is turned. Channels are the axis of 1 or 3, else the one that is smaller than both
others.

Labels are integers 0..classes - 1, shaped [n] or [n, 1], or one-hot rows [n, classes].
"""

import math
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.data.dataset import Dataset, LaterSplit, Split
from models.errors import InputError

Labels = npt.NDArray[np.int64]

_TOLERANCE = 1e-6
_CHANNELS = (1, 3)
_TEST_SHARE = 5  # one of so many samples


class Part(NamedTuple):
    """Arrays of one split and what messages call them."""

    inputs: np.ndarray
    labels: np.ndarray
    inputs_where: str
    labels_where: str


def assembled(name: str, parts: dict[str, Part], classes: np.ndarray | None, classes_where: str) -> Dataset:
    """A data set from arrays as they were found.

    Parameters
    ----------
    parts
        ``train``, ``test`` and, if there is one, ``validation``. Without ``test`` a fifth of ``train`` is set aside, see
        :func:`set_aside`.
    classes
        How many classes there are, as stored beside the arrays; ``None``: as many as one-hot labels have columns, else as
        many as occur in the training labels, without gaps.

    Returns
    -------
    Dataset
        Inputs uint8 or float32 [n, features]; of memory-mapped arrays they are made when they are asked for.

    Raises
    ------
    InputError
        If the arrays are not such samples.
    """
    labels, widths = {}, {}
    for split, part in parts.items():
        labels[split], widths[split] = _labels(part.labels_where, part.labels)
        if len(part.inputs) != len(labels[split]):
            rule = f"must be as many as the {len(part.inputs)} samples"
            raise InputError(part.labels_where, len(labels[split]), rule)
    train = parts["train"]
    count = _classes(classes, classes_where, labels["train"], widths["train"], train.labels_where)
    for split, part in parts.items():
        if labels[split].max() >= count:
            raise InputError(part.labels_where, int(labels[split].max()), f"must be 0..{count - 1}")
    image, shape = _image(train.inputs_where, train.inputs), train.inputs.shape[1:]
    bytes_ = _are_bytes(train.inputs_where, train.inputs)
    make = partial(_samples, bytes_=bytes_, turned=len(shape) == 3 and image != shape)
    splits: dict[str, Split] = {}
    for split, part in parts.items():
        alike = part.inputs.shape[1:] == shape
        if not (alike and _like_training(part.inputs, bytes_)):
            kind = "uint8" if bytes_ else train.inputs.dtype
            if part.inputs.dtype.kind == "f" and alike and not _in_unit(part.inputs):
                raise InputError(part.inputs_where, None, _range_rule(part.inputs))
            rule = f"must be {kind} samples of {shape}, like the training inputs"
            raise InputError(part.inputs_where, f"{part.inputs.dtype} {part.inputs.shape}", rule)
        if isinstance(part.inputs, np.memmap):
            splits[split] = LaterSplit(part.inputs, labels[split], math.prod(shape), make)
        else:
            splits[split] = Split(make(part.inputs), labels[split])
    if "test" not in splits:
        splits |= set_aside(splits["train"], train.labels_where)
    splits = {"validation": splits["train"][:0]} | splits
    return Dataset(name, count, splits["train"], splits["test"], splits["validation"], image)


def set_aside(samples: Split, where: str) -> dict[str, Split]:
    """Training and test samples of a data set that has no test samples: of each class, every fifth in a drawn order.

    The draw is the same for every configuration and seed, so that test accuracies can be compared. The training samples
    stay in the order drawn, so that the first or last of them are a fair part even of a file sorted by class.
    """
    order = np.random.default_rng(0).permutation(len(samples))
    by_class = order[np.argsort(samples.labels[order], kind="stable")]
    chosen = np.zeros(len(samples), dtype=bool)
    chosen[by_class[_TEST_SHARE - 1 :: _TEST_SHARE]] = True
    if not chosen.any():
        rule = f"are too few to set a fifth aside for the test: at least {_TEST_SHARE}"
        raise InputError(where, len(samples), rule)
    return {"train": samples[order[~chosen[order]]], "test": samples[order[chosen[order]]]}


def check_inputs(where: str, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Refuse inputs by what their header says, before they are read."""
    if not 2 <= len(shape) <= 4 or 0 in shape:
        shapes = "[n, features], [n, rows, columns] or [n, rows, columns, channels], none of them 0"
        raise InputError(where, str(shape), f"must have the shape {shapes}")
    if dtype.kind not in "iuf":
        raise InputError(where, _brief(dtype), "must be uint8 (0..255) or floating point in 0..1")


def check_labels(where: str, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Refuse labels by what their header says, before they are read."""
    if len(shape) not in (1, 2) or 0 in shape:
        raise InputError(where, str(shape), "must have the shape [n], [n, 1] or, one-hot, [n, classes], n > 0")
    if dtype.kind not in ("iu" if len(shape) == 1 or shape[1] == 1 else "iufb"):
        raise InputError(where, _brief(dtype), "must be integers")


def _brief(dtype: np.dtype) -> str:
    return "structured" if dtype.names else str(dtype)


def _are_bytes(where: str, inputs: np.ndarray) -> bool:
    """Whether training inputs are bytes; if not, they are in [0, 1]."""
    if inputs.dtype == np.uint8:
        return True
    low, high = inputs.min(), inputs.max()  # both are NaN if any element is
    if 0 <= low and 127 < high <= 255 and _whole(inputs):
        return True
    if inputs.dtype.kind != "f":
        rule = "must be uint8, or whole numbers 0..255 of which one is above 127, or floating point in 0..1"
        rule += f": found {low}..{high}"
        raise InputError(where, str(inputs.dtype), rule)
    if not _in_unit(inputs):
        raise InputError(where, None, _range_rule(inputs))
    return False


def _range_rule(inputs: np.ndarray) -> str:
    low, high = inputs.min(), inputs.max()
    found = "not a number" if np.isnan(low) or np.isnan(high) else f"found {_digits(low)}..{_digits(high)}"
    return f"floating-point inputs must be in 0..1, {found} (or pixels: whole numbers 0..255, one of them above 127)"


def _digits(value: np.floating) -> str:
    """As many digits as tell a number from all others of its type."""
    return str(value).removesuffix(".0")


def _whole(inputs: np.ndarray) -> bool:
    return inputs.dtype.kind in "iu" or all(bool((rows == np.rint(rows)).all()) for rows in inputs)


def _in_unit(inputs: np.ndarray) -> bool:
    return bool(-_TOLERANCE <= inputs.min() and inputs.max() <= 1 + _TOLERANCE)


def _like_training(inputs: np.ndarray, bytes_: bool) -> bool:
    """Whether inputs are bytes, or else in [0, 1], as the training samples are."""
    if not bytes_:
        return inputs.dtype.kind == "f" and _in_unit(inputs)
    return inputs.dtype == np.uint8 or (0 <= inputs.min() and inputs.max() <= 255 and _whole(inputs))


def _samples(rows: np.ndarray, bytes_: bool, turned: bool) -> np.ndarray:
    """Rows that are alike to the training samples as uint8 or float32 [n, features], their channels last."""
    if bytes_:
        inputs = rows.astype(np.uint8, copy=False)
    else:
        inputs = rows.astype(np.float32)
        np.clip(inputs, 0, 1, out=inputs)
    if turned:
        inputs = np.moveaxis(inputs, 1, 3)
    return np.ascontiguousarray(inputs.reshape(len(inputs), math.prod(inputs.shape[1:])))


def _image(where: str, inputs: np.ndarray) -> tuple[int, ...] | None:
    """(rows, columns) or (rows, columns, channels), whichever order the array has; ``None`` for plain features."""
    shape = tuple(map(int, inputs.shape[1:]))
    if len(shape) < 3:
        return shape if len(shape) == 2 else None
    first, last = shape[0] in _CHANNELS, shape[2] in _CHANNELS
    if first == last:
        first, last = (shape[0] < min(shape[1:]), shape[2] < min(shape[:2])) if not first else (False, False)
    if first == last:
        rule = "can be [n, rows, columns, channels], which is the order kept, or [n, channels, rows, columns]: "
        raise InputError(where, str(inputs.shape), rule + "channels must be 1 or 3, or fewer than rows and columns")
    return shape if last else (*shape[1:], shape[0])


def _labels(where: str, array: np.ndarray) -> tuple[Labels, int | None]:
    """Labels [n] and, if they were one-hot, how many columns they had."""
    check_labels(where, array.shape, array.dtype)
    if array.ndim == 2 and array.shape[1] > 1:
        ones = array == 1
        bad = np.flatnonzero((ones.sum(axis=1) != 1) | (ones != (array != 0)).any(axis=1))
        if bad.size:
            raise InputError(where, str(array.shape), f"must be [n], [n, 1] or one-hot: row {bad[0]} is not a single 1")
        return ones.argmax(axis=1).astype(np.int64), int(array.shape[1])
    array = array.reshape(-1)
    if array.min() < 0:
        raise InputError(where, int(array.min()), "must be 0..classes - 1")
    if array.max() > np.iinfo(np.int32).max:
        raise InputError(where, int(array.max()), "must be 0..classes - 1, and so many classes are beyond any network")
    return array.astype(np.int64), None


def _classes(given: np.ndarray | None, given_where: str, labels: Labels, width: int | None, where: str) -> int:
    highest = int(labels.max())
    if given is not None:
        if given.size != 1 or given.dtype.kind not in "iu" or int(given.flat[0]) < 1:
            raise InputError(given_where, str(given.reshape(-1)[:4]), "must be one positive integer")
        return int(given.flat[0])
    if width is not None:
        return width
    there = np.unique(labels)
    if there.size != highest + 1:
        absent = int(np.flatnonzero(there != np.arange(there.size))[0])
        rule = f"must be 0..classes - 1 and class {absent} never occurs"
        raise InputError(where, None, f"{rule}; if that is meant, let an .npz file hold a number `classes`")
    return highest + 1
