"""MNIST and Fashion-MNIST from the IDX files in which they are published, gzipped or unpacked.

An IDX file is a big-endian header (magic number with the element type and the number of dimensions, then the
dimensions) followed by the bytes. Both data sets use the same four file names, so a folder that belongs to the other
one is recognised by its first labels.
"""

import gzip
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
import numpy.typing as npt

from models.data.dataset import Dataset, LaterSplit, Split
from models.errors import ArgumentError, InputError
from models.files.regular import MOST_BYTES, MOST_READ, is_file, most_unpacked, opened

TRAIN_IMAGES = "train-images-idx3-ubyte"
TRAIN_LABELS = "train-labels-idx1-ubyte"
TEST_IMAGES = "t10k-images-idx3-ubyte"
TEST_LABELS = "t10k-labels-idx1-ubyte"
BASE_NAMES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)

DEBIAN = Path("/usr/share/datasets")
"""The data directory of the distribution's packages, such as Debian's dataset-fashion-mnist."""

_TORCHVISION = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST"}
NAMES = tuple(_TORCHVISION)
_CLASSES = 10
_IMAGE = (28, 28)
# Magic number (unsigned bytes in three dimensions, in one) and shape of one element.
_ITEMS: dict[str, tuple[int, tuple[int, ...]]] = {"images": (0x0803, _IMAGE), "labels": (0x0801, ())}
_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 1 << 20

# The first labels of the official training files.
_FIRST_LABELS = {
    "mnist": (5, 0, 4, 1, 9, 2, 1, 3, 1, 4),
    "fashion-mnist": (9, 0, 0, 3, 0, 2, 7, 2, 5, 5),
}


def load(name: str, data_dir: Path) -> Dataset:
    """Read ``mnist`` or ``fashion-mnist``.

    Parameters
    ----------
    name
        ``mnist`` or ``fashion-mnist``.
    data_dir
        The four files are looked for in ``data_dir/name``, where torchvision puts them (``data_dir/MNIST/raw`` or
        ``data_dir/FashionMNIST/raw``), then in ``data_dir`` itself. So Debian's package dataset-fashion-mnist is read
        with ``/usr/share/datasets`` or with its folder there.

    Returns
    -------
    Dataset
        uint8 [n, 784], row-major images of (28, 28); n is what the files say (60,000 and 10,000 in the official ones).
    """
    paths = _require(name, data_dir)
    splits = {}
    for images, labels in ((TRAIN_IMAGES, TRAIN_LABELS), (TEST_IMAGES, TEST_LABELS)):
        # The headers first: of files that do not belong together nothing need be unpacked.
        counted, wanted = count(paths[labels], "labels"), count(paths[images], "images")
        if counted != wanted:
            raise InputError(str(paths[labels]), None, f"holds {counted} labels for {wanted} images")
        splits[images] = _split(read_images(paths[images]), read_labels(paths[labels]))
    train, test = splits[TRAIN_IMAGES], splits[TEST_IMAGES]
    _refuse_the_other(name, train.labels, paths[TRAIN_LABELS])
    return Dataset(name, _CLASSES, train=train, test=test, validation=train[:0], image=_IMAGE)


def folders(name: str, data_dir: Path) -> tuple[Path, ...]:
    """Folders in which the files may be, in the order of the search."""
    return (data_dir / name, data_dir / _TORCHVISION[name] / "raw", data_dir)


def find(name: str, data_dir: Path, base: str) -> Path | None:
    """The file ``base``, as ``base.gz`` or unpacked; ``None`` if no folder has it."""
    # Some distributions write the first hyphen of "-idx" as a dot.
    names = (f"{base}.gz", base, base.replace("-idx", ".idx"))
    places = (folder / file for folder in folders(name, data_dir) for file in names)
    return next((path for path in places if is_file(path)), None)


def hint(name: str) -> str:
    """How one comes by the files, for the end of a message to which ``<data_dir>`` means something."""
    if all(find(name, DEBIAN, base) for base in BASE_NAMES):
        return f"; they are installed: give <data_dir> {DEBIAN}"
    return f"; `hwsim data fetch {name}` downloads the files"


def _split(images: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64]) -> Split:
    if isinstance(images, np.memmap):
        return LaterSplit(images, labels, images.shape[1], np.ascontiguousarray)
    return Split(images, labels)


def read_images(path: Path) -> npt.NDArray[np.uint8]:
    """Images of an IDX file, uint8 [n, 784]; many of an unpacked file are mapped where they lie."""
    return _read(path, "images").reshape(-1, math.prod(_IMAGE))


def read_labels(path: Path) -> npt.NDArray[np.int64]:
    """Labels of an IDX file, int64 [n], all in 0..9."""
    labels = _read(path, "labels")
    if labels.max() >= _CLASSES:
        raise InputError(str(path), None, f"holds the label {labels.max()}: must be 0..{_CLASSES - 1}")
    return labels.astype(np.int64)


def _require(name: str, data_dir: Path) -> dict[str, Path]:
    found = {base: find(name, data_dir, base) for base in BASE_NAMES}
    missing = [f"{base}.gz" for base, path in found.items() if path is None]
    if missing:
        looked = " or ".join(map(str, folders(name, data_dir)))
        rule = f"has no {name}: {', '.join(missing)} not found in {looked}{hint(name)}"
        raise ArgumentError("data_dir", str(data_dir), rule)
    return {base: path for base, path in found.items() if path is not None}


def _refuse_the_other(name: str, labels: npt.NDArray[np.int64], path: Path) -> None:
    for other, first in _FIRST_LABELS.items():
        if other != name and tuple(labels[: len(first)]) == first:
            raise InputError(str(path), None, f"belongs to {other}, not to {name}; keep each in a folder of its name")


def count(path: Path, what: Literal["images", "labels"]) -> int:
    """How many images or labels a file holds, as its header says; refused if the file cannot hold so many."""
    with _opened(path) as stream:
        return _header(path, stream, what)


def _read(path: Path, what: Literal["images", "labels"]) -> npt.NDArray[np.uint8]:
    with _opened(path) as stream:
        n, item = _header(path, stream, what), _ITEMS[what][1]
        size = n * math.prod(item)
        if size > MOST_READ and not isinstance(stream, gzip.GzipFile):
            begin = stream.tell()
            if path.stat().st_size != begin + size:
                raise InputError(str(path), None, f"goes on after the {size} bytes of its {n} {what}")
            return np.memmap(path, np.uint8, "r", begin, (n, *item))
        body = _at_most(stream, size + 1)
        if len(body) < size:
            raise InputError(str(path), None, f"cut short: {len(body)} of the {size} bytes of its {n} {what}")
        if len(body) > size:
            raise InputError(str(path), None, f"goes on after the {size} bytes of its {n} {what}")
        return np.frombuffer(body, dtype=np.uint8, count=size).reshape(n, *item)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO | gzip.GzipFile]:
    """The unpacked content; damage that shows while it is read is told in one line."""
    try:
        with opened(path) as file:
            # The first bytes decide, not the name: browsers unpack files and leave the ".gz".
            packed = file.read(2) == _GZIP_MAGIC
            file.seek(0)
            if not packed:
                yield file
                return
            with gzip.GzipFile(fileobj=file) as unpacked:
                yield unpacked
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(str(path), None, f"damaged gzip file: {error}") from error
    except OSError as error:
        raise InputError(str(path), None, f"cannot be read: {error.strerror or error}") from error


def _header(path: Path, stream: BinaryIO | gzip.GzipFile, what: Literal["images", "labels"]) -> int:
    """How many images or labels follow."""
    magic, item = _ITEMS[what]
    words = 2 + len(item)
    header = _at_most(stream, 4 * words)
    found = np.frombuffer(header[: len(header) // 4 * 4], dtype=">u4").tolist()
    if not found or found[0] != magic:
        start = header[:4].hex(" ") or "nothing"
        raise InputError(str(path), None, f"not an IDX file of {what}: starts with {start}, not {magic:#010x}")
    if len(found) < words:
        raise InputError(str(path), None, f"ends inside its header of {4 * words} bytes")
    n, shape = found[1], tuple(found[2:])
    if shape != item:
        raise InputError(str(path), None, f"holds {what} of shape {shape}: must be {item}")
    if n == 0:
        raise InputError(str(path), None, f"holds no {what}")
    size, on_disk = n * math.prod(item), path.stat().st_size
    # What cannot be is refused before it fills the memory.
    possible = most_unpacked(on_disk) if isinstance(stream, gzip.GzipFile) else on_disk - 4 * words
    if possible < size:
        held = f"{possible}" if possible < on_disk else f"{on_disk} packed"
        raise InputError(str(path), None, f"cut short: {held} of the {size} bytes of its {n} {what}")
    if size > MOST_BYTES and isinstance(stream, gzip.GzipFile):
        raise InputError(str(path), None, f"has {size} bytes of {what}: more than {MOST_BYTES} are not unpacked")
    return n


def _at_most(stream: BinaryIO | gzip.GzipFile, count: int) -> bytearray:
    # Piece by piece: a count from a damaged header must not become one allocation of that size.
    data = bytearray()
    while len(data) < count and (chunk := stream.read(min(_CHUNK, count - len(data)))):
        data += chunk
    return data
