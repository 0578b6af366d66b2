"""Files that claim to be PyTorch's: what they are, told before and instead of PyTorch's own words, and their contents.

Nothing in a file is executed: classes that only running code could load are refused by name. Importing this module needs
PyTorch.
"""

import pickletools
import stat
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch

from hwsim.frontends.names import brief
from models.errors import InputError

INSTEAD = "save torch.save(model.state_dict(), FILE) instead"
_LARGEST_FILE = 1 << 32
"""Bytes. A file that holds a network for the accelerator is far smaller, even with an optimiser's memory."""

_SAFE_FROM = (2, 6)
"""PyTorch before this release could be made to run code by files of tensors (CVE-2025-32434)."""

_BEGINNINGS = {
    b"version https://git-lfs": "is a pointer of Git LFS, not the file itself: run `git lfs pull` first",
    b"\x89HDF\r\n\x1a\n": f"is an HDF5 file, as Keras and h5py write them: load it into a PyTorch model and {INSTEAD}",
    b"\x93NUMPY": f"is a NumPy array: copy it into a PyTorch model and {INSTEAD}",
    b"GGUF": f"is a GGUF file of a language model: only linear layers can be imported; {INSTEAD}",
    b"\x1f\x8b": "is compressed by gzip: unpack it first",
    b"BZh": "is compressed by bzip2: unpack it first",
    b"\xfd7zXZ\x00": "is compressed by xz: unpack it first",
    b"\x28\xb5\x2f\xfd": "is compressed by zstd: unpack it first",
    b"7z\xbc\xaf\x27\x1c": "is a 7z archive: unpack it first",
}
_LEGACY_MAGIC = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""Behind the two bytes of the protocol: how torch.save began before it wrote ZIP archives."""

_OF_TENSORS = {
    "collections",
    "torch",
    "torch._tensor",
    "torch._utils",
    "torch.nn.parameter",
    "torch.serialization",
    "torch.storage",
}
"""Modules whose names a pickle of nothing but tensors and containers mentions."""


def load(path: Path) -> Any:
    """What ``torch.save`` wrote: tensors and plain containers.

    Raises
    ------
    InputError
        If the file cannot be read, or is anything else: the line says what, and what to save in its place.
    """
    if tuple(map(int, torch.__version__.split(".")[:2])) < _SAFE_FROM:
        rule = "is too old to read files safely: earlier releases than 2.6 can be made to run code in them"
        raise InputError("package torch", torch.__version__, rule)
    try:
        _check_kind(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about types of storage that nobody asked for
            return torch.load(path, map_location="cpu", weights_only=True)
    except InputError:
        raise
    except OSError as e:
        raise InputError(str(path), None, f"cannot be read: {e.strerror or 'it is damaged'}") from None
    except Exception:  # what is raised on other files is not documented, varied, and advises to run their code
        raise InputError(str(path), None, _why_not(path)) from None


def _check_kind(path: Path) -> None:
    """Refuse what is no file of ``torch.save`` by its looks."""
    try:
        state = path.stat()
    except ValueError as e:  # a name that no file can have
        raise InputError(str(path), None, f"cannot be read: {e}") from None
    if stat.S_ISDIR(state.st_mode):
        raise InputError(str(path), None, f"is a directory, where a file of tensors must be: {INSTEAD}")
    if not stat.S_ISREG(state.st_mode):
        raise InputError(str(path), None, "is no regular file")
    if not 0 < state.st_size <= _LARGEST_FILE:
        rule = "is empty" if not state.st_size else f"has {state.st_size} bytes, more than the {_LARGEST_FILE} allowed"
        raise InputError(str(path), None, f"{rule}: {INSTEAD}")
    with path.open("rb") as file:
        head = file.read(512)
    if head.startswith(b"PK"):
        _check_archive(path)
    elif head[2:].startswith(_LEGACY_MAGIC):
        return
    elif rule := _kind(head):
        raise InputError(str(path), None, rule)


def _kind(head: bytes) -> str:
    """What begins like this."""
    for beginning, rule in _BEGINNINGS.items():
        if head.startswith(beginning):
            return rule
    if head[8:10] in (b'{"', b"{ ") and int.from_bytes(head[:8], "little") < 1 << 32:
        return "is a safetensors file: load it (safetensors.torch.load_file) and save torch.save(tensors, FILE) instead"
    if head[:1] == b"\x08" and head[1:2] < b"\x40" and head[2:3] in (b"\x12", b"\x1a", b"\x22", b"\x3a", b"\x42"):
        return f"is an ONNX model: take the PyTorch model that it was exported from and {INSTEAD}"
    if head[257:262] == b"ustar":
        return "is a tar archive: unpack it first"
    if head[4:8] == b"TFL3":
        return f"is a TensorFlow Lite model: copy its weights into a PyTorch model and {INSTEAD}"
    if head[:1] == b"\x80" and 2 <= head[1] <= 5:
        return f"is a plain pickle, which is not loaded because that can run any code: {INSTEAD}"
    if head.lstrip()[:1] == b"<":
        return "is a web page or XML, perhaps what a failed download left: fetch the file itself"
    text = all(byte >= 32 or byte in b"\t\n\r\f" for byte in head)
    return f"is {'a text file' if text else 'of no known kind'}, no file of tensors that torch.save made: {INSTEAD}"


def _check_archive(path: Path) -> None:
    """Refuse ZIP archives other than those of ``torch.save``, damaged ones, and those that grow when they are unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            names = [member.filename for member in members]
            if rule := _kind_of_archive(names):
                raise InputError(str(path), None, rule)
            stored = all(member.compress_type == zipfile.ZIP_STORED for member in members)
            if not stored or sum(member.file_size for member in members) > path.stat().st_size:
                raise InputError(str(path), None, f"is a compressed archive, which torch.save never makes: {INSTEAD}")
            if archive.testzip() is not None:  # PyTorch does not compare checksums
                rule = "is damaged: a checksum does not fit (or there is none, by torch.serialization.set_crc32_options)"
                raise InputError(str(path), None, rule)
    except (OSError, InputError):
        raise
    except Exception:  # what zipfile raises on damage is not documented, and varied
        raise InputError(str(path), None, "is a damaged or cut off ZIP archive: copy or save it again") from None


def _kind_of_archive(names: list[str]) -> str:
    """What an archive of these members is, if it is none of ``torch.save``."""
    last = {name.rpartition("/")[2] for name in names}
    if "constants.pkl" in last:
        return f"is a TorchScript program: {INSTEAD} (of the model that was scripted or traced)"
    if "archive_format" in last:
        return f"is an exported program (torch.export): {INSTEAD} (of the model that was exported)"
    if "data.pkl" in last:
        return ""
    if "model.weights.h5" in last:
        return f"is a Keras model: copy its weights into a PyTorch model and {INSTEAD}"
    if names and all(name.endswith(".npy") for name in names):
        return f"is an .npz archive of NumPy arrays: copy them into a PyTorch model and {INSTEAD}"
    return f"is a ZIP archive, but none that torch.save made: {INSTEAD}"


def _why_not(path: Path) -> str:
    """Why PyTorch refuses to load a file of ``torch.save``: for the first class in it that is none of tensors."""
    damaged = f"is damaged, or holds more than tensors and plain containers: {INSTEAD}"
    try:
        with path.open("rb") as file:
            if file.read(2) != b"PK":
                return _why_not_pickle(file, 4) or damaged
        with zipfile.ZipFile(path) as archive:
            name = next(name for name in archive.namelist() if name.rpartition("/")[2] == "data.pkl")
            with archive.open(name) as member:
                return _why_not_pickle(member, 1) or damaged
    except Exception:
        return damaged


def _why_not_pickle(file: Any, pickles: int) -> str:
    """The same for pickles in a row, whose operations are read and not carried out."""
    file.seek(0)
    for _ in range(pickles):
        first = True
        for operation, argument, _position in pickletools.genops(file):
            if operation.name in ("PROTO", "FRAME"):
                continue
            if operation.name == "GLOBAL":
                module, _, name = str(argument).partition(" ")
                if module not in _OF_TENSORS:
                    what = "is a whole pickled model, an object" if first else "holds objects"
                    shown = brief(f"{module}.{name}")
                    return f"{what} of the class {shown}, which only running code could load: {INSTEAD}"
            # A model comes first, or behind the mark of a tuple; containers of tensors begin as what they are.
            first = first and operation.name not in ("GLOBAL", "EMPTY_DICT", "EMPTY_LIST")
    return ""
