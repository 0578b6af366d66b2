"""Files of arrays, NumPy's ``.npz``: whole or not at all."""

import os
import zipfile
import zlib
from collections.abc import Mapping
from os import PathLike
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .errors import BadValue


def read_arrays(path: str | PathLike[str]) -> dict[str, npt.NDArray]:
    """All arrays of a file by name.

    Raises
    ------
    BadValue
        If there is none, or it is broken.
    """
    try:
        with np.load(path, allow_pickle=False) as known:
            return {name: known[name] for name in known.files}
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile, zlib.error) as e:
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
