"""CIFAR-10 from the official batches (python or binary version, extracted or in the archive), and a part of it.

The files store an image channel by channel; here inputs are flattened feature-last, that is row-major over (32, 32, 3):
input index = (row * 32 + column) * 3 + channel.
"""

import gzip
import io
import math
import pickle
import pickletools
import tarfile
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from models.data.dataset import Dataset, Split
from models.errors import InputError
from models.files import stored_arrays
from models.files.regular import MOST_BYTES, is_file, opened
from models.files.stored_arrays import StoredArray

PYTHON_ARCHIVE = "cifar-10-python.tar.gz"
BINARY_ARCHIVE = "cifar-10-binary.tar.gz"
PART_FILE = "cifar10_first1017_per_batch.npz"

_CLASSES = 10
_IMAGE = (32, 32, 3)
_PIXELS = math.prod(_IMAGE)
_TRAIN_BATCHES = tuple(f"data_batch_{k}" for k in range(1, 6))
_TEST_BATCH = "test_batch"
_BATCHES = (*_TRAIN_BATCHES, _TEST_BATCH)
_NEEDLESS_OPCODES = {"PERSID", "BINPERSID", "EXT1", "EXT2", "EXT4", "INST", "OBJ", "NEWOBJ"}
_LARGEST_BATCH = 1 << 26  # twice an official batch; keeps a damaged size from filling the memory

_LARGEST_ARCHIVE = 1 << 28  # bytes unpacked; the official ones have 186 million

Batch = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]


def load(data_dir: Path) -> Dataset:
    """Read CIFAR-10.

    Parameters
    ----------
    data_dir
        Looked for in ``data_dir/cifar10``, then in ``data_dir``: the extracted folders ``cifar-10-batches-py`` and
        ``cifar-10-batches-bin``, their files themselves, and the official archives, which are read without extraction.

    Returns
    -------
    Dataset
        uint8 [n, 3072], flattened from (32, 32, 3); the five training batches in their order.
    """
    source = locate(data_dir)
    if source is None:
        rule = f"no official batches and no archive in {data_dir / 'cifar10'} or {data_dir}"
        raise InputError("cifar10", None, f"{rule}; `hwsim data fetch cifar10` downloads {PYTHON_ARCHIVE}")
    batches = dict(_from_archive(source) if source.is_file() else _from_folder(source))
    missing = [name for name in _BATCHES if name not in batches]
    if missing:
        raise InputError(str(source), None, f"lacks {', '.join(missing)}")
    return _dataset("cifar10", [batches[name] for name in _TRAIN_BATCHES], [batches[_TEST_BATCH]])


def load_part(data_dir: Path) -> Dataset:
    """Read the first 1,017 images of each official batch (5,085 training, 1,017 test) from one npz file.

    The file is ``cifar10_first1017_per_batch.npz`` in ``data_dir/cifar10-part`` or in ``data_dir``, with ``xtrain``,
    ``xtest`` uint8 [n, 3, 32, 32] and ``ytrain``, ``ytest``. Enough to see a network learn, not for accuracies that
    others could be compared with.
    """
    places = (data_dir / "cifar10-part" / PART_FILE, data_dir / PART_FILE)
    path = next((place for place in places if is_file(place)), None)
    if path is None:
        raise InputError("cifar10-part", None, f"{PART_FILE} not found in {places[0].parent} or {data_dir}")
    arrays = stored_arrays.of_archive(path)
    return _dataset("cifar10-part", [_part(path, arrays, "train")], [_part(path, arrays, "test")])


def locate(data_dir: Path) -> Path | None:
    """The folder with extracted batches or, failing that, the archive that :func:`load` would read."""
    places = (data_dir / "cifar10", data_dir)
    folders = [place / sub for place in places for sub in ("cifar-10-batches-py", "cifar-10-batches-bin", "")]
    archives = [place / name for place in places for name in (PYTHON_ARCHIVE, BINARY_ARCHIVE)]
    found = [folder for folder in folders if any(_batch_file(folder, name) for name in _BATCHES)]
    return next(iter(found + [archive for archive in archives if is_file(archive)]), None)


def _batch_file(folder: Path, batch: str) -> Path | None:
    return next((path for path in (folder / batch, folder / f"{batch}.bin") if is_file(path)), None)


def _dataset(name: str, train: list[Batch], test: list[Batch]) -> Dataset:
    split = _split(train)
    return Dataset(name, _CLASSES, train=split, test=_split(test), validation=split[:0], image=_IMAGE)


def _split(batches: list[Batch]) -> Split:
    inputs = np.empty((sum(len(labels) for _, labels in batches), *_IMAGE), dtype=np.uint8)
    start = 0
    for images, labels in batches:
        inputs[start : start + len(labels)] = images.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        start += len(labels)
    return Split(inputs.reshape(-1, _PIXELS), np.concatenate([labels for _, labels in batches]))


def _from_folder(folder: Path) -> Iterator[tuple[str, Batch]]:
    for batch in _BATCHES:
        path = _batch_file(folder, batch)
        if path is None:
            continue
        try:
            with opened(path) as file:
                data = file.read(_LARGEST_BATCH + 1)
            _check_size(str(path), len(data))
        except OSError as error:
            raise InputError(str(path), None, f"cannot be read: {error.strerror or error}") from error
        yield batch, _parse(str(path), data, binary=path.suffix == ".bin")


def _from_archive(path: Path) -> Iterator[tuple[str, Batch]]:
    try:
        # In one pass, in the archive's order: seeking back in a gzip file means unpacking it again.
        with opened(path) as packed, _Limited(packed) as unpacked:
            with tarfile.open(fileobj=unpacked, mode="r|") as archive:
                for member in archive:
                    name = Path(member.name)
                    if not member.isfile() or name.name.removesuffix(".bin") not in _BATCHES:
                        continue
                    where = f"{path}: {name.name}"
                    _check_size(where, member.size)
                    content = archive.extractfile(member)
                    data = content.read() if content else b""
                    yield name.name.removesuffix(".bin"), _parse(where, data, binary=name.suffix == ".bin")
            while unpacked.read(1 << 20):  # gzip compares its checksum only at the very end
                pass
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(str(path), None, f"damaged archive: {error}") from error
    except OSError as error:
        raise InputError(str(path), None, f"cannot be read: {error.strerror or error}") from error


def _check_size(where: str, size: int) -> None:
    if size > _LARGEST_BATCH:
        raise InputError(where, None, f"has {size} bytes: no CIFAR-10 batch is larger than {_LARGEST_BATCH}")


def _parse(where: str, data: bytes, binary: bool) -> Batch:
    images, labels = _parse_binary(where, data) if binary else _parse_pickle(where, data)
    if len(images) == 0:
        raise InputError(where, None, "holds no images")
    return images, _checked_labels(where, labels, len(images))


def _checked_labels(where: str, labels: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    if len(labels) != count:
        raise InputError(where, None, f"holds {len(labels)} labels for {count} images")
    if labels.min() < 0 or labels.max() >= _CLASSES:
        raise InputError(where, None, f"labels must be 0..{_CLASSES - 1}, found {labels.min()}..{labels.max()}")
    return labels


def _parse_binary(where: str, data: bytes) -> Batch:
    record = 1 + _PIXELS
    if len(data) % record:
        raise InputError(where, None, f"cut short: {len(data)} bytes are not whole records of {record}")
    records = np.frombuffer(data, dtype=np.uint8).reshape(-1, record)
    return records[:, 1:], records[:, 0].astype(np.int64)


def _parse_pickle(where: str, data: bytes) -> Batch:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the standard library, about what a damaged file quotes
            _refuse_unusual_opcodes(data)
            content = _InertUnpickler(io.BytesIO(data), encoding="bytes").load()
    except Exception as error:  # a damaged pickle can raise about anything; InputError is what all of it means
        raise InputError(where, None, f"not a CIFAR-10 batch: {error or type(error).__name__}") from error
    if not isinstance(content, dict):
        raise InputError(where, None, "not a CIFAR-10 batch: must hold a dictionary")
    named = {key.decode("ascii", "replace") if isinstance(key, bytes) else key: content[key] for key in content}
    images = _array(named.get("data"))
    if images is None or images.ndim != 2 or images.shape[1] != _PIXELS:
        raise InputError(where, None, f"not a CIFAR-10 batch: `data` must be a uint8 array [n, {_PIXELS}]")
    labels = named.get("labels")
    if not isinstance(labels, list) or not all(type(label) is int and abs(label) < 1 << 31 for label in labels):
        raise InputError(where, None, "not a CIFAR-10 batch: `labels` must be a list of integers")
    return images, np.array(labels, dtype=np.int64)


def _refuse_unusual_opcodes(data: bytes) -> None:
    """Keep out what a batch does not need and what would make the unpickler allocate more than the file's size."""
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.proto > 3 or opcode.name in _NEEDLESS_OPCODES:
            raise pickle.UnpicklingError(f"uses {opcode.name}, which no official batch does")
        if opcode.name.endswith("PUT") and isinstance(argument, int) and argument > len(data):
            raise pickle.UnpicklingError("numbers more objects than it has bytes")


class _Limited(gzip.GzipFile):
    """A gzip file that is refused once it has unpacked to more than any CIFAR-10 archive."""

    def __init__(self, packed: BinaryIO) -> None:
        super().__init__(fileobj=packed)
        self._left = _LARGEST_ARCHIVE

    def read(self, size: int | None = -1) -> bytes:
        piece = super().read(size)
        self._left -= len(piece)
        if self._left < 0:
            raise gzip.BadGzipFile(f"unpacks to more than {_LARGEST_ARCHIVE} bytes, which no official archive does")
        return piece


class _ArrayState:
    """Stands in for a pickled array: keeps the state that the array would have been given."""

    def __init__(self, *_: Any) -> None:
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _DtypeState:
    """Stands in for a pickled element type: keeps its code, such as ``u1``."""

    def __init__(self, code: Any = None, *_: Any) -> None:
        self.code = code.decode("ascii", "replace") if isinstance(code, bytes) else code

    def __setstate__(self, state: Any) -> None:
        """Byte order and the like mean nothing for bytes."""


class _InertUnpickler(pickle.Unpickler):
    """Builds dictionaries, lists, strings and numbers, and calls nothing but the two stand-ins above.

    A pickle can name any callable to be run with any arguments. The names that an array needs are answered here with
    classes that only remember their arguments; every other name is refused.
    """

    _STAND_INS = {  # noqa: RUF012 - private and never changed
        ("numpy.core.multiarray", "_reconstruct"): _ArrayState,
        ("numpy._core.multiarray", "_reconstruct"): _ArrayState,  # as written since NumPy 2
        ("numpy", "ndarray"): _ArrayState,
        ("numpy", "dtype"): _DtypeState,
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._STAND_INS:
            raise pickle.UnpicklingError(f"refers to {module}.{name}, which no official batch does")
        return self._STAND_INS[module, name]


def _array(value: Any) -> npt.NDArray[np.uint8] | None:
    """The uint8 array behind a stand-in, or ``None`` if it is none."""
    if not isinstance(value, _ArrayState) or not isinstance(value.state, tuple) or len(value.state) != 5:
        return None
    _, shape, dtype, column_major, raw = value.state
    if not isinstance(dtype, _DtypeState) or dtype.code not in ("u1", "|u1") or not isinstance(raw, bytes):
        return None
    if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
        return None
    if math.prod(shape) != len(raw):
        return None
    return np.frombuffer(raw, dtype=np.uint8).reshape(shape, order="F" if column_major else "C")


def _part(path: Path, arrays: dict[str, StoredArray], split: str) -> Batch:
    for name in (f"x{split}", f"y{split}"):
        if name not in arrays:
            raise InputError(str(path), None, f"lacks the array {name}")
    images, labels = arrays[f"x{split}"], arrays[f"y{split}"]
    if images.dtype != np.uint8 or images.shape[1:] != (3, 32, 32) or images.shape[0] == 0 or images.nbytes > MOST_BYTES:
        raise InputError(str(path), None, f"x{split} must be uint8 [n, 3, 32, 32], is {images.dtype} {images.shape}")
    if labels.dtype.kind not in "iu" or len(labels.shape) != 1:
        raise InputError(str(path), None, f"y{split} must be integers [n], is {labels.dtype} {labels.shape}")
    if labels.shape[0] != images.shape[0]:
        raise InputError(f"{path}: y{split}", None, f"holds {labels.shape[0]} labels for {images.shape[0]} images")
    return images.read(), _checked_labels(f"{path}: y{split}", labels.read().astype(np.int64), images.shape[0])
