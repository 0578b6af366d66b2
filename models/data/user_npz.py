"""A user's own data set from named NumPy arrays: an ``.npz`` file, or a folder of ``.npy`` files with the same names.

Names are ``train_inputs``, ``train_labels``, ``test_inputs``, ``test_labels`` and, if wanted, ``validation_inputs``,
``validation_labels``, or what others call them (``_NAMES``; capital letters do not matter). One pair without a split is
split here. What the arrays must hold is in :mod:`models.data.samples`. An integer array ``classes`` of one element says how
many classes there are. Other arrays are left alone, and not even read.
"""

from pathlib import Path

from models.data.dataset import Dataset
from models.data.samples import Part, assembled, check_inputs, check_labels
from models.errors import InputError
from models.files import stored_arrays
from models.files.regular import MOST_BYTES, MOST_READ
from models.files.stored_arrays import StoredArray

# Inputs and labels: ours, Keras, the networks' original authors, MedMNIST, and what else is usual.
_NAMES = {
    "train": (
        ("train_inputs", "x_train", "xtr", "train_images", "xtrain", "train_data"),
        ("train_labels", "y_train", "ytr", "ytrain"),
    ),
    "test": (
        ("test_inputs", "x_test", "xte", "test_images", "xtest", "test_data"),
        ("test_labels", "y_test", "yte", "ytest"),
    ),
    "validation": (
        ("validation_inputs", "x_val", "xva", "val_images", "xval", "val_data", "validation_images", "x_valid"),
        ("validation_labels", "y_val", "yva", "val_labels", "yval", "y_valid"),
    ),
}
_WHOLE = (("inputs", "x", "images", "data"), ("labels", "y", "target"))

_WHOLE_SET = "whole"

Arrays = dict[str, StoredArray]


def load(path: Path, name: str | None = None) -> Dataset:
    """Read and check a data set.

    Parameters
    ----------
    path
        The file or folder.
    name
        Name of the data set; by default the file's without suffix.

    Returns
    -------
    Dataset
        Inputs uint8 or float32 [n, features]; ``image`` is what the inputs' shape says, ``None`` for [n, features].

    Raises
    ------
    InputError
        If it cannot be read, holds more to be read than :data:`models.files.regular.MOST_BYTES`, or is no data set.
    """
    read = stored_arrays.of_archive if path.suffix.lower() == ".npz" else stored_arrays.of_folder
    found = _by_small_letters(read(path), path)
    pairs = {split: _pair(found, split, path) for split in _splits(found)}
    for inputs, labels in pairs.values():
        check_inputs(inputs.where, inputs.shape, inputs.dtype)
        check_labels(labels.where, labels.shape, labels.dtype)
        if inputs.shape[0] != labels.shape[0]:
            raise InputError(labels.where, labels.shape[0], f"must be as many as the {inputs.shape[0]} samples")
    size = sum(labels.nbytes + (0 if _stays(inputs) else inputs.nbytes) for inputs, labels in pairs.values())
    if size > MOST_BYTES:
        rule = f"has {size} bytes of samples: more than {MOST_BYTES} are not read, unless they are inputs and not packed"
        raise InputError(str(path), None, rule)
    if "classes" in found and found["classes"].shape not in ((), (1,)):
        raise InputError(found["classes"].where, str(found["classes"].shape), "must be one positive integer")
    classes = found["classes"].read() if "classes" in found else None
    parts = {split.replace(_WHOLE_SET, "train"): _part(*pair) for split, pair in pairs.items()}
    return assembled(name or path.stem, parts, classes, f"{path}: classes")


def _stays(inputs: StoredArray) -> bool:
    """Whether inputs are left where they lie, because they are many and lie there as they are."""
    return inputs.nbytes > MOST_READ and not inputs.packed


def _part(inputs: StoredArray, labels: StoredArray) -> Part:
    return Part(inputs.mapped() if _stays(inputs) else inputs.read(), labels.read(), inputs.where, labels.where)


def _by_small_letters(arrays: Arrays, path: Path) -> Arrays:
    """The arrays that have a meaning, by their names in small letters."""
    known = {"classes"}.union(*(names for pair in (*_NAMES.values(), _WHOLE) for names in pair))
    found: Arrays = {}
    for name, array in arrays.items():
        if name.lower() not in known:
            found[name] = array
        elif name.lower() in found:
            raise InputError(str(path), None, f"holds {name} in small and in capital letters: keep one")
        else:
            found[name.lower()] = array
    return found


def _splits(found: Arrays) -> list[str]:
    """Which splits are there; nothing but one pair is the training split, of which the test samples are taken."""
    if not any(name in found for split in _NAMES.values() for names in split for name in names) and any(
        name in found for names in _WHOLE for name in names
    ):
        return [_WHOLE_SET]
    has_validation = any(name in found for names in _NAMES["validation"] for name in names)
    return ["train", "test", *(["validation"] if has_validation else [])]


def _pair(found: Arrays, split: str, path: Path) -> tuple[StoredArray, StoredArray]:
    inputs, labels = _WHOLE if split == _WHOLE_SET else _NAMES[split]
    return _pick(found, inputs, path), _pick(found, labels, path)


def _pick(found: Arrays, names: tuple[str, ...], path: Path) -> StoredArray:
    there = [name for name in names if name in found]
    if len(there) > 1:
        raise InputError(str(path), None, f"holds both {there[0]} and {there[1]}: keep one")
    if not there:
        held = ", ".join(sorted(found)) or "no array"
        raise InputError(str(path), None, f"lacks the array {names[0]} (or {', '.join(names[1:4])}); it holds {held}")
    return found[there[0]]
