"""A trained network as a file that other programs take: ONNX, QONNX, safetensors, or a PyTorch ``state_dict``.

Every number is written exactly. Junctions that are not fully connected come as dense matrices with zeros and with the mask
of their edges, so that an edge whose weight has become 0 stays one.
"""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hwsim.configuration.configuration import Configuration
from hwsim.frontends.extras import package
from hwsim.frontends.matrices import Junction, junctions, real_type
from hwsim.frontends.onnx_export import onnx_model
from hwsim.results.directory import CONNECTIVITY, FINAL, INITIAL, METRICS, check_finished
from hwsim.results.stored import StoredRun
from models.errors import ArgumentError, InputError
from models.files.regular import is_file
from models.network.parameters import Parameters


def exported(run: Path, form: str) -> bytes:
    """The trained network of a run as a file.

    Parameters
    ----------
    run
        Directory of a finished run of training on any engine or board, or of an import, whose network is taken as it came.
    form
        One of :data:`FORMATS`.

    Raises
    ------
    InputError
        If the directory holds no such run, or the form is none.
    """
    if form not in FORMATS:
        raise ArgumentError("form", form, f"must be {' or '.join(FORMATS)}", FORMATS)
    stored = StoredRun(run)
    found = junctions(stored.config, stored.patterns, _parameters(stored))
    if form == "qonnx" and found[0].weight_format is None:
        rule = "is for networks of integers, but this run has real numbers: train it on the fixed engine, or take onnx"
        raise ArgumentError("form", form, rule, ["onnx"])
    return FORMATS[form](stored.config, found)


def _parameters(stored: StoredRun) -> Parameters:
    if is_file(stored.path / FINAL):
        check_finished(stored.path, CONNECTIVITY, FINAL)
        return stored.final
    if is_file(stored.path / METRICS) and stored.metrics.get("status") == "exported" and is_file(stored.path / INITIAL):
        return stored.initial
    raise InputError(str(stored.path), None, f"lacks {FINAL}: it must be the directory of a finished run of training")


def state(found: list[Junction]) -> dict[str, np.ndarray]:
    """Arrays by the names that an ``nn.Sequential`` of linear layers and activations gives them.

    Layers with a mask are pruned ones, as ``torch.nn.utils.prune`` makes them: ``weight_orig`` and ``weight_mask``.
    """
    kind = real_type(found)
    result: dict[str, np.ndarray] = {}
    for i, junction in enumerate(found):
        weight, bias = junction.real
        result[f"{2 * i}.bias"] = bias.astype(kind)
        result[f"{2 * i}.weight" if junction.mask is None else f"{2 * i}.weight_orig"] = weight.astype(kind)
        if junction.mask is not None:
            result[f"{2 * i}.weight_mask"] = junction.mask.astype(kind)
    return result


def _torch(config: Configuration, found: list[Junction]) -> bytes:
    from models.torch_layers import require

    require()
    import torch

    whole = io.BytesIO()
    torch.save({name: torch.from_numpy(array) for name, array in state(found).items()}, whole)
    return whole.getvalue()


def _safetensors(config: Configuration, found: list[Junction]) -> bytes:
    data = package("safetensors", "safetensors.numpy").save(state(found), metadata={"format": "pt"})
    return bytes(data)


def _onnx(config: Configuration, found: list[Junction]) -> bytes:
    return onnx_model(config.name, found, quantisers=False)


def _qonnx(config: Configuration, found: list[Junction]) -> bytes:
    return onnx_model(config.name, found, quantisers=True)


FORMATS: dict[str, Callable[[Configuration, list[Junction]], bytes]] = {
    "onnx": _onnx,
    "qonnx": _qonnx,
    "safetensors": _safetensors,
    "torch": _torch,
}
"""Forms of files, by name."""
