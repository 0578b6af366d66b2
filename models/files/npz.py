"""Reading and writing ``.npz`` archives: same content, same bytes; never half a file."""

import os
import secrets
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from models.errors import InputError
from models.files import stored_arrays

_SUFFIX = ".npy"
_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest a ZIP archive can hold
_UNIX = 3
_PLAIN = "biufcSU"
MOST_UNPACKED = 1 << 30
"""Bytes of all arrays that are read from an archive smaller than they are."""


def write_npz(path: str | os.PathLike[str], arrays: Mapping[str, npt.ArrayLike]) -> None:
    """Write named arrays to ``path``, which :func:`numpy.load` and :func:`read_npz` read back.

    The bytes depend on nothing but names, dtypes, shapes and values: members are sorted by name, stored uncompressed in
    C order, and carry a fixed date. (``numpy.savez`` keeps the order of its arguments and the memory layout, and its
    fixed date is a default of the standard library, not a promise.)

    The file appears under its name only once it is complete and on disk; until then a former file stays.

    Parameters
    ----------
    path
        Where to; used as it is, no suffix is added.
    arrays
        Any dtype except object; names become member names, so they must not be empty or contain a slash.

    Raises
    ------
    InputError
        For an object array or an unusable name, and when ``path`` cannot be written.
    """
    target = Path(path)
    members = {name: np.asarray(arrays[name], order="C") for name in sorted(arrays)}
    for name, array in members.items():
        if not name or "/" in name or "\0" in name:
            raise InputError(str(target), name, "an array name must be usable as the name of a file")
        if array.dtype.hasobject:
            raise InputError(f"{target}: {name}", str(array.dtype), "only numbers, booleans and text can be stored")
    with (
        _replacing(target) as stream,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive,
    ):
        for name, array in members.items():
            info = zipfile.ZipInfo(name + _SUFFIX, _DATE)
            info.create_system = _UNIX  # else the operating system would show in the bytes
            with archive.open(info, "w", force_zip64=True) as member:
                npy.write_array(member, array, allow_pickle=False)


def read_npz(path: str | os.PathLike[str]) -> dict[str, npt.NDArray[Any]]:
    """Read every array of an ``.npz`` archive: checksums verified, nothing unpickled, sizes compared before memory is taken.

    Raises
    ------
    InputError
        When the file is missing, no regular one, unreadable, damaged, truncated, no such archive, unpacks to more than
        :data:`MOST_UNPACKED` bytes and more than its own size, or holds anything but numbers, booleans and text.
    """
    source = Path(path)
    arrays = stored_arrays.of_archive(source, nothing_else=True)
    for array in arrays.values():
        if array.dtype.kind not in _PLAIN:
            raise InputError(array.where, str(array.dtype), "is not read: only numbers, booleans and text are")
    size, most = sum(array.nbytes for array in arrays.values()), max(MOST_UNPACKED, source.stat().st_size)
    if size > most:
        raise InputError(str(source), None, f"is not a sound .npz archive: it would unpack to {size} bytes")
    return {name: array.read() for name, array in arrays.items()}


@contextmanager
def _replacing(target: Path) -> Iterator[BinaryIO]:
    """A file to write to that takes the place of ``target`` when all went well, and vanishes when not."""
    # Beside the target, because a rename is atomic only within one file system.
    partial = target.with_name(f".{target.name}.{secrets.token_hex(8)}.part")
    try:
        with partial.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(target)
    except (OSError, ValueError) as error:  # the latter of names that no file can have
        if isinstance(error, InputError):
            raise
        raise InputError(str(target), None, f"cannot be written: {getattr(error, 'strerror', None) or error}") from error
    finally:
        with suppress(OSError, ValueError):
            partial.unlink(missing_ok=True)
