"""A file of a model of whatever sort: what it is by its first bytes, and the layers in it."""

import os
from pathlib import Path

from hwsim.frontends.layers import FoundLayers
from models.errors import InputError
from models.files.regular import opened

_LARGEST_FILE = 1 << 32
_HDF5, _ZIP = b"\x89HDF\r\n\x1a\n", b"PK\x03\x04"
FINN, SCALE_SIM = "FINN folding", "SCALE-Sim topology"
DESCRIPTIONS = (FINN, SCALE_SIM)
"""What tells of layers without weights."""


def kind(path: Path) -> str:
    """What sort of file it is: ``Keras``, ``ONNX``, ``PyTorch``, ``safetensors``, or one of :data:`DESCRIPTIONS`.

    Raises
    ------
    InputError
        If it cannot be read, or is none of them.
    """
    with opened(path) as file:
        head, size = file.read(512), os.fstat(file.fileno()).st_size
    if size > _LARGEST_FILE:
        raise InputError(str(path), None, f"has {size} bytes, more than the {_LARGEST_FILE} that a model can have")
    if not head:
        raise InputError(str(path), None, "is empty, where a model must be")
    if head.startswith(_HDF5):
        return "Keras"
    if head.startswith(_ZIP):
        return "PyTorch" if path.suffix.lower() != ".keras" and not _is_keras(path) else "Keras"
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 32:
        return "safetensors"
    if head[:1] == b"\x80":
        return "PyTorch"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:1] in (b"{", b"["):
        return FINN
    if text[:5].lower() == b"layer" and b"," in text.partition(b"\n")[0]:
        return SCALE_SIM
    if head[:1] == b"\x08" or path.suffix.lower() == ".onnx":
        return "ONNX"
    rule = (
        "is no model that is read: give ONNX, Keras (.keras, .h5), safetensors, a PyTorch state_dict, "
        "a folding of FINN (JSON) or a topology of SCALE-Sim (CSV)"
    )
    if head.startswith(b"version https://git-lfs"):
        rule = "is a pointer of Git LFS, not the file itself: run `git lfs pull` first"
    raise InputError(str(path), None, rule)


def read(path: Path, norm_behind: str | None = None) -> FoundLayers:
    """The layers of a model.

    Parameters
    ----------
    norm_behind
        See :func:`hwsim.frontends.state_dict.chained`; files of whole models tell it themselves.

    Raises
    ------
    InputError
        If the file is none, or holds a network that cannot be mapped.
    """
    which = kind(path)
    if which == "ONNX":
        from hwsim.frontends import onnx_model

        return onnx_model.read(path)
    if which == "Keras":
        from hwsim.frontends import keras_model

        return keras_model.read(path)
    if which == "safetensors":
        from hwsim.frontends import safetensors_file

        return safetensors_file.read(path, norm_behind)
    if which == "PyTorch":
        from models.torch_layers import require

        require()
        from hwsim.frontends import torch_state

        return torch_state.read(path, norm_behind)
    raise InputError(str(path), None, f"is a {which}, which has no weights")


def _is_keras(path: Path) -> bool:
    from hwsim.frontends import keras_file

    return keras_file.is_archive(path)
