"""What is in a file of Keras: the configuration of a model, and arrays by layer. Nothing in it is trusted or run.

Read are the archives that Keras 3 writes (``.keras``: JSON and HDF5 in a ZIP archive) and the HDF5 files of Keras 2 and 3.
Links out of an HDF5 file, virtual data sets and archives that grow when they are unpacked are refused.
"""

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from hwsim.frontends.extras import package
from hwsim.frontends.layers import LARGEST_FILE, MOST_ELEMENTS
from hwsim.frontends.names import brief, field
from models.errors import InputError
from models.files import json_text
from models.files.regular import read_bytes

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
_INSTEAD = "save the whole model by model.save(FILE)"


class KerasFile:
    """An open file.

    Parameters
    ----------
    path
        Of the file.

    Attributes
    ----------
    model
        Class and configuration of the model, as Keras writes them.
    is_archive
        Whether it is a ``.keras`` file, in which layers have no names of their own.

    Raises
    ------
    InputError
        If it is none, or is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._left = path, MOST_ELEMENTS
        content = read_bytes(path, LARGEST_FILE)
        self.is_archive = content.startswith(b"PK")
        text: Any = None
        with self._damage():
            if self.is_archive:
                text, content = _unpacked(path, content)
            self._file = package("h5py").File(io.BytesIO(content), "r")
            if not self.is_archive:
                text = self._file.attrs.get("model_config")
        if not isinstance(text, str | bytes | np.bytes_):
            raise InputError(str(path), None, f"holds no configuration of a model, only weights: {_INSTEAD}")
        try:
            self.model = json_text.parsed(text)
        except ValueError as e:
            raise InputError(str(path), None, f"holds a configuration that is no sound JSON: {e}") from None
        if not isinstance(self.model, dict):
            raise InputError(str(path), None, "holds a configuration of no model")

    def arrays(self, layer: str, place: str) -> dict[str, np.ndarray]:
        """The arrays of a layer.

        Parameters
        ----------
        layer
            Its name.
        place
            In an archive: where its arrays are, in the order of the layer and without names.

        Returns
        -------
        dict
            float64, by their names in the layer (``kernel``), or by their numbers (``0``).

        Raises
        ------
        InputError
            If one is missing or holds no finite floating-point numbers.
        """
        with self._damage():
            if self.is_archive:
                group = self._inner(f"layers/{place}/vars")
                names = {} if group is None else {name: f"layers/{place}/vars/{name}" for name in group}
            else:
                names = {name.rpartition("/")[2]: f"model_weights/{layer}/{name}" for name in self._names(layer)}
            return {name.partition(":")[0]: self._array(layer, where) for name, where in names.items()}

    def _names(self, layer: str) -> list[str]:
        group = self._inner(f"model_weights/{layer}")
        if group is None:
            return []
        found = group.attrs.get("weight_names", [])
        return [name.decode() if isinstance(name, bytes) else str(name) for name in found]

    def _inner(self, where: str) -> Any:
        """What stands there, reached without leaving the file; None if there is nothing."""
        inner, h5py = self._file, package("h5py")
        for step in where.strip("/").split("/"):
            link = inner.get(step, getlink=True) if isinstance(inner, h5py.Group) else None
            if link is None:
                return None
            if not isinstance(link, h5py.HardLink):
                raise InputError(field(self._path, where), None, "is a link, which is not followed")
            inner = inner[step]
        return inner

    def _array(self, layer: str, where: str) -> np.ndarray:
        place, found = f"{field(self._path, layer)}.{brief(where.rpartition('/')[2])}", self._inner(where)
        if not isinstance(found, package("h5py").Dataset) or found.shape is None:
            raise InputError(place, None, "is missing")
        if found.is_virtual or found.external:
            raise InputError(place, None, "lies in another file, which is not read")
        if found.dtype.kind != "f" or found.dtype.itemsize > 8:
            rule = "must hold floating-point numbers of 16, 32 or 64 bits: cast the model to float32 before it is saved"
            raise InputError(place, str(found.dtype), rule)
        self._left -= int(np.prod(found.shape, dtype=object))
        if self._left < 0:
            rule = f"makes more than {MOST_ELEMENTS} numbers in all, too many for a network of the accelerator"
            raise InputError(place, brief(str(found.shape)), rule)
        with np.errstate(invalid="ignore"):  # of a NaN that signals, which is refused at once
            array = np.asarray(found[()], np.float64)
        if not np.isfinite(array).all():
            raise InputError(place, None, "holds values that are no finite numbers")
        return array

    @contextmanager
    def _damage(self) -> Iterator[None]:
        """What is raised on damaged files is not documented, and varied."""
        try:
            yield
        except InputError:
            raise
        except MemoryError:
            raise
        except Exception:
            raise InputError(str(self._path), None, "is a damaged or cut off file of Keras: copy or save it again") from None


def is_archive(path: Path) -> bool:
    """Whether a ZIP archive is one of Keras, by the names in it."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {_CONFIG, _WEIGHTS} <= {*archive.namelist()}
    except Exception:  # likewise
        return False


def _unpacked(path: Path, content: bytes) -> tuple[bytes, bytes]:
    """Configuration and weights."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {member.filename: member for member in archive.infolist()}
        if len(members) != len(archive.infolist()):
            raise InputError(str(path), None, "is an archive with two members of the same name")
        for name in (_CONFIG, _WEIGHTS):
            if name not in members:
                raise InputError(str(path), None, f"lacks {name}, which every .keras file has: {_INSTEAD}")
        if any(
            members[n].compress_type != zipfile.ZIP_STORED or members[n].file_size > len(content)
            for n in (_CONFIG, _WEIGHTS)
        ):
            raise InputError(str(path), None, "is a compressed archive, which Keras never makes: save the model again")
        if members[_CONFIG].file_size > json_text.MOST_BYTES:
            raise InputError(str(path), None, f"has a configuration of more than {json_text.MOST_BYTES} bytes")
        return archive.read(_CONFIG), archive.read(_WEIGHTS)
