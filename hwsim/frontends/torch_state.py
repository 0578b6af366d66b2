"""The model's tensors in what ``torch.save`` wrote: a ``state_dict``, alone or somewhere in a checkpoint, by module.

All of it is untrusted: any containers, keys and tensors. Importing this module needs PyTorch.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hwsim.frontends import state_dict, torch_file
from hwsim.frontends.batch_norm import Module
from hwsim.frontends.layers import MOST_ELEMENTS, FoundLayers
from hwsim.frontends.names import brief, field
from hwsim.frontends.state_dict import MASKS, PARTS, check_key
from models.errors import InputError

KIND = "PyTorch"
"""Of these files."""

_ENTRIES = ("state_dict", "model_state_dict", "model_state", "model", "net", "network", "module")
"""Under which a checkpoint usually keeps its model."""

_PACKED = "_packed_params._packed_params"
"""Last words of the key of a quantised layer, whose value is (weight, bias)."""

_RANGES = ("scale", "zero_point", "_packed_params.dtype")
"""What else a quantised layer has: the range of its sums and a type, which say nothing about its weights."""

_DEEPEST = 3
"""Dictionaries within dictionaries in which a state_dict is looked for."""


def read(path: Path, norm_behind: str | None = None) -> FoundLayers:
    """The layers in the order of the file, which is that in which the module's layers were made.

    Nothing in the file is executed: only tensors and plain containers are loaded.

    Parameters
    ----------
    norm_behind
        See :func:`hwsim.frontends.state_dict.chained`.

    Raises
    ------
    InputError
        If the file holds no such dictionary, anything but linear layers and batch normalisation, or layers that do not
        chain.
    """
    entry, found = modules(path, torch_file.load(path))
    result = state_dict.chained(path, KIND, found, norm_behind)
    result.entry = entry
    return result


def modules(path: Path, content: Any) -> tuple[tuple[str, ...], dict[str, Module]]:
    """The modules of a model, in the order of the file.

    Parameters
    ----------
    path
        For error messages.
    content
        Of the file.

    Returns
    -------
    tuple
        The names of the entries in which the ``state_dict`` was found, and its modules by name.

    Raises
    ------
    InputError
        If there is no ``state_dict`` or more than one, or if it holds what no linear layer has.
    """
    entry, state = _state_dict(path, content)
    result: dict[str, Module] = {}
    left = MOST_ELEMENTS
    for key, tensor in _tensors(path, state).items():
        own, part, place = state_dict.slot(path, result, key)
        _check(place, tensor, part)
        left -= tensor.numel()
        if left < 0:
            rule = f"makes more than {MOST_ELEMENTS} numbers in all, too many for a network of the accelerator"
            raise InputError(place, list(tensor.shape), rule)
        own[part] = _array(place, tensor, part)
    return entry, result


def _state_dict(path: Path, content: Any) -> tuple[tuple[str, ...], Mapping[str, Any]]:
    if isinstance(content, Mapping) and _is_model(content):
        return (), content
    found = _candidates(content)
    usual = [entry for entry in found if entry[-1] in _ENTRIES]
    chosen = usual if len(usual) == 1 else list(found)
    if len(chosen) > 1:
        names = ", ".join(".".join(map(brief, entry)) for entry in chosen[:5])
        raise InputError(str(path), None, f"holds more than one state_dict ({names}): save the one that is meant, alone")
    if chosen:
        return chosen[0], found[chosen[0]]
    if isinstance(content, Mapping) and (not content or any(isinstance(v, torch.Tensor) for v in content.values())):
        return (), content
    keys = [brief(k) for k in list(content)[:5] if isinstance(k, str)] if isinstance(content, Mapping) else []
    inside = f" (a dictionary with {', '.join(keys)})" if keys else ""
    rule = f"holds a {type(content).__name__}{inside}, not a state_dict: names and tensors, as model.state_dict() gives"
    raise InputError(str(path), None, rule)


def _candidates(content: Any) -> dict[tuple[str, ...], Mapping[str, Any]]:
    """All dictionaries within ``content`` that look like a model's, each once, however it is tied into itself."""
    found: dict[tuple[str, ...], Mapping[str, Any]] = {}
    seen = {id(content)}
    level: list[tuple[tuple[str, ...], Mapping[str, Any]]] = [((), content)] if isinstance(content, Mapping) else []
    for _ in range(_DEEPEST):
        inner: list[tuple[tuple[str, ...], Mapping[str, Any]]] = []
        for entry, mapping in level:
            for key, value in mapping.items():
                if not isinstance(key, str) or not isinstance(value, Mapping) or id(value) in seen:
                    continue
                seen.add(id(value))
                if _is_model(value):
                    found[*entry, key] = value
                else:
                    inner.append(((*entry, key), value))
        level = inner
    return found


def _is_model(mapping: Mapping[Any, Any]) -> bool:
    """Whether some key and its value are those of a layer's weight."""
    return any(
        isinstance(key, str)
        and (
            (PARTS.get(key.rpartition(".")[2]) == "weight" and isinstance(value, torch.Tensor))
            or (key.endswith(_PACKED) and isinstance(value, tuple))
        )
        for key, value in mapping.items()
    )


def _tensors(path: Path, state: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """Everything in a state_dict, under keys that end in one of :data:`PARTS`; quantised layers unpacked."""
    result: dict[str, torch.Tensor] = {}
    packed = [key.removesuffix(_PACKED) for key in state if isinstance(key, str) and key.endswith(_PACKED)]
    ranges = {prefix + last for prefix in packed for last in _RANGES}
    for key, value in state.items():
        if not isinstance(key, str):
            raise InputError(str(path), None, f"has a key of the type {type(key).__name__} among the names of tensors")
        if key.endswith(_PACKED):
            prefix = key.removesuffix(_PACKED)
            if not (isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], torch.Tensor)):
                raise InputError(field(path, key), None, "is no pair of weight and bias")
            result[f"{prefix}weight"] = value[0]
            if isinstance(value[1], torch.Tensor):
                result[f"{prefix}bias"] = value[1]
        elif key not in ranges:
            result[key] = _layers_own(path, key, value)
    return result


def _layers_own(path: Path, key: str, value: Any) -> torch.Tensor:
    """The value of a key that only a linear layer or batch normalisation has."""
    check_key(path, key)
    if not isinstance(value, torch.Tensor):
        raise InputError(field(path, key), None, f"is of the type {type(value).__name__}, where a tensor must be")
    return value


def _check(place: str, tensor: torch.Tensor, part: str) -> None:
    """Refuse tensors that hold no plain real numbers, before anything is copied."""
    if tensor.is_meta:
        rule = "has a shape but no numbers (device meta): load the weights into the model before it is saved"
        raise InputError(place, None, rule)
    if tensor.is_nested or tensor.layout != torch.strided or tensor.is_complex():
        how = "nested" if tensor.is_nested else str(tensor.layout)
        raise InputError(place, f"{tensor.dtype}, {how}", "must be a dense tensor of real numbers")
    if part not in (*MASKS, "batches") and not (tensor.is_floating_point() or tensor.is_quantized):
        rule = "must hold floating-point numbers: multiply integers by their scale before they are saved"
        raise InputError(place, str(tensor.dtype), rule)


def _array(place: str, tensor: torch.Tensor, part: str) -> np.ndarray:
    """The numbers of a tensor in an array of their own."""
    try:
        plain = tensor.dequantize() if tensor.is_quantized else tensor
        array = plain.detach().to(torch.float64, copy=True).resolve_neg().contiguous().numpy()
    except (RuntimeError, TypeError, NotImplementedError):
        raise InputError(place, str(tensor.dtype), "is of a type that PyTorch itself cannot convert") from None
    return state_dict.checked(place, array, part)
