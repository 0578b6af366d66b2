"""Named NumPy arrays of an ``.npz`` archive, a folder of ``.npy`` files or one such file, read one by one or left there.

What a file says of itself is compared before anything is unpacked: an array's header with the size of its member, and that
with what the packed bytes can hold. So neither a damaged nor a hostile file makes more of itself than it is.
"""

import io
import math
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

import numpy as np
from numpy.lib import format as npy

from models.errors import InputError
from models.files.regular import folder_content, is_file, most_unpacked, opened

_SUFFIX = ".npy"
_LONGEST_HEADER = 1 << 16
_CHUNK = 1 << 20
_LOCAL_HEADER = 30  # bytes, without name and extra field
_ENCRYPTED = 1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True)
class StoredArray:
    """An array that has not been read yet.

    Attributes
    ----------
    where
        File and name, for messages.
    shape, dtype
        As its header says; plain numbers, booleans, text or whatever else NumPy can store without pickling.
    """

    where: str
    shape: tuple[int, ...]
    dtype: np.dtype
    source: "_Source"

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def packed(self) -> bool:
        """Whether it cannot be used where it lies, because its bytes are not what they will be in memory."""
        with _told(self.source.path):
            return self.source.begin() is None

    @contextmanager
    def _values(self) -> Iterator[tuple[IO[bytes], bool]]:
        """The file from its first value on, and whether columns come first."""
        with _told(self.source.path), self.source.stream() as (stream, size):
            shape, columns_first, dtype = _header(self.where, stream, size)
            if (shape, dtype) != (self.shape, self.dtype):
                raise InputError(self.where, None, "changed while it was read")
            yield stream, columns_first

    def mapped(self) -> np.ndarray:
        """The array where it lies, not packed; only what is looked at is read.

        An archive's part is read through once, for its checksum. The file must not be changed as long as it is used.

        Raises
        ------
        InputError
            If the file is damaged or has changed in the meantime.
        """
        with self._values() as (stream, columns_first):
            begin = self.source.begin()
            assert begin is not None
            begin += stream.tell()
            while self.source.member is not None and stream.read(_CHUNK):
                pass
            order: Literal["C", "F"] = "F" if columns_first else "C"
            return np.memmap(self.source.path, self.dtype, "r", begin, self.shape, order)

    def read(self) -> np.ndarray:
        """The array.

        Raises
        ------
        InputError
            If the file is damaged or has changed in the meantime.
        """
        with self._values() as (stream, columns_first):
            data = np.empty(self.nbytes, dtype=np.uint8)
            filled, view = 0, data.data
            while filled < len(data) and (piece := stream.read(min(_CHUNK, len(data) - filled))):
                view[filled : filled + len(piece)] = piece
                filled += len(piece)
            # One byte more than there should be: at the end an archive's checksum is compared.
            if filled < len(data) or stream.read(1):
                raise InputError(self.where, None, f"is damaged: {filled} of {len(data)} bytes can be read")
        return data.view(self.dtype).reshape(self.shape, order="F" if columns_first else "C")


@dataclass(frozen=True)
class _Source:
    """A file with one array or, with ``member``, an archive's part."""

    path: Path
    member: str | None = None

    @contextmanager
    def stream(self) -> Iterator[tuple[IO[bytes], int]]:
        """The bytes from the start, and how many there are said to be."""
        with opened(self.path) as file:
            if self.member is None:
                size = file.seek(0, io.SEEK_END)
                file.seek(0)
                yield file, size
                return
            with zipfile.ZipFile(file) as archive, archive.open(self.member) as stream:
                yield stream, archive.getinfo(self.member).file_size

    def begin(self) -> int | None:
        """Where in the file the bytes start; ``None`` if they are packed."""
        if self.member is None:
            return 0
        with opened(self.path) as file, zipfile.ZipFile(file) as archive:
            info = archive.getinfo(self.member)
            if info.compress_type != zipfile.ZIP_STORED:
                return None
            file.seek(info.header_offset)
            local = file.read(_LOCAL_HEADER)
        # What stands in front of the content has two parts of lengths of their own, not always those of the directory.
        return info.header_offset + _LOCAL_HEADER + sum(int.from_bytes(local[k : k + 2], "little") for k in (26, 28))


def of_archive(path: Path, nothing_else: bool = False) -> dict[str, StoredArray]:
    """The arrays of an ``.npz`` file by name, none of them read.

    Parameters
    ----------
    nothing_else
        Whether other files in the archive are a fault; they are passed over otherwise.

    Raises
    ------
    InputError
        If the file is missing or no sound archive, or an array's size is not what its header says.
    """
    with _told(path), opened(path) as file, zipfile.ZipFile(file) as archive:
        size, found = file.seek(0, io.SEEK_END), {}
        for info in archive.infolist():
            if not info.filename.endswith(_SUFFIX):
                if nothing_else:
                    raise InputError(f"{path}: {info.filename}", None, "is not stored as a NumPy array")
                continue  # not ours
            name = info.filename.removesuffix(_SUFFIX)
            where = f"{path}: {name}"
            if name in found:
                raise InputError(str(path), None, f"is no sound .npz archive: it holds {name} twice")
            _check_member(where, info, size)
            with archive.open(info) as stream:
                shape, _, dtype = _header(where, stream, info.file_size)
            found[name] = StoredArray(where, shape, dtype, _Source(path, info.filename))
        return found


def of_folder(path: Path) -> dict[str, StoredArray]:
    """The arrays of the ``.npy`` files in a folder, by name."""
    files = [p for p in folder_content(path) if p.suffix.lower() == _SUFFIX and is_file(p)]
    return {file.stem: of_file(file) for file in files}


def of_file(path: Path) -> StoredArray:
    """The array of an ``.npy`` file."""
    source = _Source(path)
    with _told(path), source.stream() as (stream, size):
        shape, _, dtype = _header(str(path), stream, size)
    return StoredArray(str(path), shape, dtype, source)


def _check_member(where: str, info: zipfile.ZipInfo, archive_size: int) -> None:
    if info.flag_bits & _ENCRYPTED:
        raise InputError(where, None, "is encrypted")
    if info.compress_type not in _METHODS:
        raise InputError(where, None, "is packed in a way that NumPy does not use")
    possible = info.compress_size if info.compress_type == zipfile.ZIP_STORED else most_unpacked(info.compress_size)
    if info.compress_size > archive_size or info.file_size > possible:
        rule = f"is damaged: {info.compress_size} packed bytes cannot hold the {info.file_size} that it is said to have"
        raise InputError(where, None, rule)


def _header(where: str, stream: IO[bytes], size: int) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether the first index runs fastest, and type; the stream then stands at the first element."""
    start = stream.read(8)
    if len(start) < 8 or start[:6] != npy.MAGIC_PREFIX:
        raise InputError(where, None, "is not stored as a NumPy array")
    counted = {1: 2, 2: 4, 3: 4}.get(start[6], 0)
    length = stream.read(counted)
    n = int.from_bytes(length, "little")
    if not counted or len(length) < counted or n > _LONGEST_HEADER:
        raise InputError(where, None, "has a damaged header")
    text = start[:6] + b"\x01\x00" + min(n, 0xFFFF).to_bytes(2, "little") + stream.read(n)
    try:
        with io.BytesIO(text) as copy, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of files that Python 2 wrote
            npy.read_magic(copy)
            shape, columns_first, dtype = npy.read_array_header_1_0(copy)
    except (Exception, MemoryError):  # what a parser raises on nonsense is not documented, and is varied
        raise InputError(where, None, "has a damaged header") from None
    if dtype.hasobject:
        raise InputError(where, str(dtype), "Object arrays are not read: they can run any program")
    if any(type(d) is not int or d < 0 for d in shape):
        raise InputError(where, str(shape), "has a damaged header")
    wanted, there = math.prod(shape) * dtype.itemsize, size - 8 - counted - n
    if wanted != there:
        raise InputError(where, None, f"is damaged: {there} bytes, where its header says {dtype} {shape}, that is {wanted}")
    return shape, bool(columns_first), dtype


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Damage that the archive's reader finds, in one line."""
    try:
        yield
    except (InputError, MemoryError):
        raise
    except OSError as e:
        raise InputError(str(path), None, f"cannot be read: {e.strerror or e}") from None
    except Exception as e:  # what zipfile raises on damage is not documented, and is varied
        raise InputError(str(path), None, f"is no sound archive of arrays: {e or type(e).__name__}") from None
