"""Files of arrays, NumPy's ``.npz``: whole or not at all."""

import os
import struct
import zipfile
import zlib
from collections.abc import Mapping
from os import PathLike
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .errors import BadValue

_BROKEN = (OSError, ValueError, EOFError, KeyError, RuntimeError, MemoryError, struct.error, zipfile.BadZipFile, zlib.error)
"""What NumPy and zipfile raise when a file is none of theirs."""


def read_arrays(path: str | PathLike[str]) -> dict[str, npt.NDArray]:
    """All arrays of a file by name.

    Raises
    ------
    BadValue
        If there is none, or it is broken.
    """
    try:
        # Of a broken file that it opens itself, NumPy forgets to close it.
        with Path(path).open("rb") as file, np.lib.npyio.NpzFile(file, allow_pickle=False) as known:
            return {name: np.asarray(known[name]) for name in known.files}
    except _BROKEN as e:
        raise BadValue(f"{path}: cannot be read: {e}") from None


def write_arrays(path: str | PathLike[str], arrays: Mapping[str, npt.ArrayLike]) -> None:
    """Write a file of arrays; an older one stays whole until the new one is, whose name ends in ``.partial`` till then."""
    target = Path(path)
    partial = target.with_name(target.name + ".partial")
    with partial.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())
    partial.replace(target)
