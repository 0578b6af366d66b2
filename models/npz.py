"""Reading and writing ``.npz`` archives: same content, same bytes; never half a file."""

import os
import secrets
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from models.errors import InputError

_SUFFIX = ".npy"
_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest a ZIP archive can hold
_UNIX = 3


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
    """Read every array of an ``.npz`` archive, checksums verified, nothing unpickled.

    Raises
    ------
    InputError
        When the file is missing, unreadable, damaged, truncated, no such archive, or holds object arrays.
    """
    source = Path(path)
    try:
        with zipfile.ZipFile(source) as archive:
            return {name.removesuffix(_SUFFIX): _read_member(archive, name) for name in archive.namelist()}
    except OSError as error:
        raise InputError(str(source), None, f"cannot be read: {error.strerror or error}") from error
    except Exception as error:  # what zipfile and numpy.lib.format raise on damage is not documented, and is varied
        raise InputError(str(source), None, f"is not a sound .npz archive of plain arrays: {error}") from error


def _read_member(archive: zipfile.ZipFile, name: str) -> npt.NDArray[Any]:
    with archive.open(name) as member:
        array: npt.NDArray[Any] = npy.read_array(member, allow_pickle=False)
        # The checksum is compared at the end of the member, which read_array stops short of when the shape was damaged.
        if member.read(1):
            raise ValueError(f"{name} is longer than its header says")
    return array


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
    except OSError as error:
        raise InputError(str(target), None, f"cannot be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)
