"""A user's own data set from tables, one sample a row, one column of them the label: ``.csv`` files or an ``.npy`` array.

A CSV file is text in UTF-8 with commas, semicolons or tabs. Its first row is a header if none of its cells is a number, or
if one is the name of the label column: ``label``, ``labels``, ``class``, ``target`` or ``y``. That column is the label; if
no name says which, it is the first or the last one, whichever alone can be: text, or whole numbers 0..classes - 1 without
gaps of which some occur twice. Text labels become classes in alphabetical order.

What the columns must hold is in :mod:`models.data.samples`.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from models.data.dataset import Dataset
from models.data.samples import Part, assembled, check_inputs
from models.errors import InputError
from models.files import stored_arrays
from models.files.regular import MOST_READ, opened

_LABEL_NAMES = ("label", "labels", "class", "target", "y")
_INDEX_NAMES = ("", "id", "index", "unnamed: 0")
_LONGEST_LINE = 1 << 24  # bytes: 2^20 features of 16 characters
_DELIMITERS = ",;\t"


class _Table(NamedTuple):
    """Inner columns as float32 [n, columns]; the first and the last as text, as either can be the label."""

    path: Path
    header: tuple[str, ...] | None
    first: list[str]
    inner: npt.NDArray[np.float32]
    last: list[str]


def load_csv(path: Path) -> Dataset:
    """Read a CSV file and set a fifth of it aside for the test, see :func:`models.data.samples.set_aside`.

    Raises
    ------
    InputError
        If it cannot be read or understood.
    """
    return _dataset(path.stem, {"train": path})


def load_folder(path: Path) -> Dataset:
    """Read ``train.csv``, ``test.csv`` and, if there is one, ``validation.csv`` of a folder."""
    names = {split: path / f"{split}.csv" for split in ("train", "test", "validation")}
    return _dataset(path.name, {s: p for s, p in names.items() if s != "validation" or p.exists()})


def load_npy(path: Path) -> Dataset:
    """Read an array [n, features + 1] of numbers, the label in its first or last column as in a CSV file without header."""
    array = stored_arrays.of_file(path)
    if len(array.shape) != 2 or array.shape[1] < 2:
        rule = "must be a table [n, features + 1] with the label in the first or last column; put separate arrays into a"
        raise InputError(str(path), str(array.shape), f"{rule} folder as train_inputs.npy, train_labels.npy and so on")
    check_inputs(str(path), array.shape, array.dtype)
    table = array.mapped() if array.nbytes > MOST_READ else array.read()
    can = [_can_be_labels(table[:, 0]), _can_be_labels(table[:, -1])]
    column = _chosen(path, can)
    inputs = table[:, 1:] if column == 0 else table[:, :-1]
    labels = table[:, column].astype(np.int64)
    return assembled(path.stem, {"train": Part(inputs, labels, str(path), f"{path}: label column")}, None, str(path))


def _dataset(name: str, files: dict[str, Path]) -> Dataset:
    tables = {split: _read(path) for split, path in files.items()}
    train = tables["train"]
    column = _label_column(train)
    known: dict[str, int] | None = None
    parts = {}
    for split, table in tables.items():
        if (table.inner.shape[1], table.header) != (train.inner.shape[1], train.header):
            raise InputError(str(table.path), None, f"must have the same columns as {train.path.name}")
        text, other = (table.first, table.last) if column == 0 else (table.last, table.first)
        where = f"{table.path}: label column"
        if split == "train" and not _whole_numbers(text):
            known = {label: k for k, label in enumerate(sorted(set(text)))}
        labels = _labels(where, text, known)
        numbers = _numbers(str(table.path), other)
        columns = [table.inner, numbers[:, None]]
        inputs = np.concatenate(columns if column == 0 else columns[::-1], axis=1)
        parts[split] = Part(inputs, labels, str(table.path), where)
    return assembled(name, parts, None if known is None else np.array(len(known)), str(files["train"]))


def _label_column(table: _Table) -> int:
    """0 or -1."""
    if table.header is not None:
        named = [k for k, name in enumerate(table.header) if name in _LABEL_NAMES]
        if named:
            return 0 if named[0] == 0 else -1  # _read has moved it there
    return _chosen(table.path, [_can_be_labels_as_text(table.first), _can_be_labels_as_text(table.last)])


def _chosen(path: Path, can: list[bool]) -> int:
    if can[0] == can[1]:
        found = "the first and the last column both can" if can[0] else "neither the first nor the last column can"
        rule = f"has no column named {', '.join(_LABEL_NAMES)}, and {found} be the label: name it in a header, in a CSV file"
        raise InputError(str(path), None, rule)
    return 0 if can[0] else -1


def _can_be_labels(column: np.ndarray) -> bool:
    """Whole numbers 0..classes - 1 without gaps, not all of them different, two classes or more."""
    there = np.unique(column)
    return 2 <= there.size < column.size and bool((there == np.arange(there.size)).all())


def _can_be_labels_as_text(column: list[str]) -> bool:
    if _whole_numbers(column):
        return _can_be_labels(np.array([float(cell) for cell in column]))
    return not any(_is_number(cell) for cell in column)


def _whole_numbers(column: list[str]) -> bool:
    return all(_is_number(cell) and float(cell).is_integer() for cell in set(column))


def _labels(where: str, text: list[str], known: dict[str, int] | None) -> npt.NDArray[np.int64]:
    if known is not None:
        if any(_is_number(cell) or not cell for cell in known):
            mixed = next(cell for cell in known if not _whole_numbers([cell]))
            rule = "must be whole numbers, or names none of which is a number or empty"
            raise InputError(where, mixed or "(empty)", rule)
        strange = next((cell for cell in text if cell not in known), None)
        if strange is not None:
            raise InputError(where, strange, "does not occur among the training labels", sorted(known)[:3])
        return np.array([known[cell] for cell in text], dtype=np.int64)
    bad = next((c for c in text if not _is_number(c) or not float(c).is_integer() or abs(float(c)) > 1 << 31), None)
    if bad is not None:
        raise InputError(where, bad, "must be a whole number 0..classes - 1, as in the first file")
    return np.array([int(float(cell)) for cell in text], dtype=np.int64)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # which Python would read


def _read(path: Path) -> _Table:
    try:
        with opened(path) as file:
            return _parsed(path, file)
    except (csv.Error, UnicodeDecodeError) as e:
        rule = "is not a text file in UTF-8" if isinstance(e, UnicodeDecodeError) else f"is no CSV file: {e}"
        raise InputError(str(path), None, rule) from None
    except OSError as e:
        raise InputError(str(path), None, f"cannot be read: {e.strerror or e}") from None


def _lines(path: Path, file: BinaryIO) -> Iterator[str]:
    """Lines of text, none of them longer than a network could take."""
    number = 0
    while line := file.readline(_LONGEST_LINE + 1):
        number += 1
        if len(line) > _LONGEST_LINE:
            raise InputError(f"{path}: line {number}", None, f"is longer than {_LONGEST_LINE} bytes")
        text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        if not text.isspace():
            yield text


def _parsed(path: Path, file: BinaryIO) -> _Table:
    lines = _lines(path, file)
    top = next(lines, None)
    if top is None:
        raise InputError(str(path), None, "is empty")
    used = [d for d in _DELIMITERS if d in top]
    if len(used) != 1:
        found = "none of them" if not used else " and ".join(repr(d) for d in used)
        raise InputError(f"{path}: line 1", None, f"must be separated by commas, semicolons or tabs alone: found {found}")
    reader = csv.reader(lines, delimiter=used[0], strict=True)
    start = [cell.strip() for cell in next(csv.reader([top], delimiter=used[0], strict=True))]
    header, at = _header(path, start)
    first: list[str] = []
    last: list[str] = []
    inner: list[npt.NDArray[np.float32]] = []
    for number, cells in enumerate(reader if header else _again(start, reader), 1):
        if len(cells) != len(start):
            raise InputError(
                f"{path}: sample {number}", None, f"has {len(cells)} columns where the first row has {len(start)}"
            )
        if at not in (0, len(start) - 1):
            cells.append(cells.pop(at))
        first.append(cells[0].strip())
        last.append(cells[-1].strip())
        inner.append(_numbers(f"{path}: sample {number}", cells[1:-1]))
    if not inner:
        raise InputError(str(path), None, "holds no samples")
    return _Table(path, header, first, np.stack(inner), last)


def _again(row: list[str], reader: Iterator[list[str]]) -> Iterator[list[str]]:
    yield row
    yield from reader


def _numbers(where: str, cells: list[str]) -> npt.NDArray[np.float32]:
    try:
        with np.errstate(over="ignore"):  # infinity is told like everything that is out of range
            values = np.array([*map(float, cells)], dtype=np.float64).astype(np.float32)
    except ValueError:
        values = None
    if values is None or "_" in "".join(cells):
        wrong = next(cell for cell in cells if not _is_number(cell))
        raise InputError(where, wrong or "(empty)", "must be a number")
    return values


def _header(path: Path, start: list[str]) -> tuple[tuple[str, ...] | None, int]:
    """Names of the columns, the label's moved to the end if it stands inside, and where it stood (-1: nowhere inside)."""
    names = [cell.lower() for cell in start]
    named = [k for k, name in enumerate(names) if name in _LABEL_NAMES]
    counting = [name for k, name in enumerate(names) if k not in named]
    pandas = bool(counting) and counting in ([*map(str, range(len(counting)))], [*map(str, range(1, len(counting) + 1))])
    if any(_is_number(cell) for cell in start) and not (named and pandas):
        return None, 0
    if len(named) > 1:
        rule = f"has two columns that can be the label, {names[named[0]]} and {names[named[1]]}: keep one"
        raise InputError(str(path), None, rule)
    index = next((name for name in names if name in _INDEX_NAMES), None)
    if index is not None:
        rule = "looks like numbers of the rows, which are no feature: leave that column out (pandas: index=False)"
        raise InputError(f"{path}: column", index or "(no name)", rule)
    at = named[0] if named else 0
    if named and at not in (0, len(names) - 1):
        names.append(names.pop(at))
    return tuple(names), at
