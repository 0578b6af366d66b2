"""Linear layers from a safetensors file, whose tensors have the names of a PyTorch ``state_dict``.

Such a file does not keep the order of its tensors. Layers are taken in the order of their names, in which ``layer2`` stands
before ``layer10``; if those do not fit each other, in the only order of sizes in which they do.
"""

import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from hwsim.frontends import state_dict
from hwsim.frontends.batch_norm import Module
from hwsim.frontends.extras import package
from hwsim.frontends.layers import MOST_ELEMENTS, FoundLayers
from hwsim.frontends.names import brief, field
from models.errors import InputError
from models.files.regular import opened

KIND = "safetensors"
_REAL = ("F64", "F32", "F16", "BF16")
_WHOLE = ("BOOL", "U8", "I8", "U16", "I16", "U32", "I32", "U64", "I64")


def read(path: Path, norm_behind: str | None = None) -> FoundLayers:
    """The layers of a file.

    Raises
    ------
    InputError
        If the file is damaged, holds anything but linear layers and batch normalisation, or does not tell their order.
    """
    modules: dict[str, Module] = {}
    with opened(path):  # a pipe would be waited for
        pass
    try:
        # Of a NaN that signals, which is refused at once, there is no need to warn.
        with np.errstate(invalid="ignore"), package("safetensors").safe_open(path, framework="numpy") as file:
            left = MOST_ELEMENTS
            for key in sorted(file.keys(), key=_natural):
                state_dict.check_key(path, key)
                own, part, place = state_dict.slot(path, modules, key)
                left -= _size(place, file.get_slice(key), part)
                if left < 0:
                    raise InputError(place, None, f"makes more than {MOST_ELEMENTS} numbers in all, too many for a network")
                own[part] = state_dict.checked(place, file.get_tensor(key).astype(np.float64), part)
    except InputError:
        raise
    except Exception as e:  # what is raised on damage is of the package's own kind, or any other
        raise InputError(str(path), None, f"is a damaged safetensors file: {brief(str(e))}") from None
    found = state_dict.chained(path, KIND, _ordered(path, modules), norm_behind)
    found.by_name = len(found.layers) > 1
    return found


def _size(place: str, outline: Any, part: str) -> int:
    """How many numbers a tensor has, whose type must be one of its part."""
    kind, shape = outline.get_dtype(), outline.get_shape()
    legal = (*_REAL, *_WHOLE) if part in (*state_dict.MASKS, "batches") else _REAL
    if kind not in legal:
        raise InputError(
            place, kind, "must hold floating-point numbers: multiply integers by their scale before they are saved"
        )
    return int(np.prod(shape, dtype=object))


def _natural(key: str) -> list[Any]:
    """By which names are sorted as a person would: numbers in them by their value."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]{1,9})", key) if part]


def _ordered(path: Path, modules: Mapping[str, Module]) -> dict[str, Module]:
    """Modules in the order in which they compute."""
    layers = {name: parts["weight"].shape for name, parts in modules.items() if parts.get("weight", np.zeros(0)).ndim == 2}
    others = [name for name in modules if name not in layers]
    names = list(layers)
    if all(layers[a][0] == layers[b][1] for a, b in pairwise(names)):
        for name in others:
            if not all(
                n.rpartition(".")[2].isdecimal() and n.rpartition(".")[0] == name.rpartition(".")[0] for n in modules
            ):
                rule = (
                    "is no linear layer, and names in a safetensors file do not tell where it stands: give modules numbers, "
                    "as nn.Sequential does, or fold it first"
                )
                raise InputError(field(path, name), None, rule)
        return dict(modules)
    orders = [] if others else _orders(layers)
    if len(orders) != 1:
        what = "more than one order" if orders else "no order"
        rule = f"holds layers that fit each other in {what}; name them in that in which they are used: {_shown(layers)}"
        raise InputError(str(path), None, rule)
    return {name: modules[name] for name in orders[0]}


def _orders(layers: Mapping[str, tuple[int, ...]]) -> list[list[str]]:
    """At most two orders in which every layer has as many inputs as the one before it has outputs."""
    found: list[list[str]] = []
    steps = 100_000
    begun = [[name] for name in layers]
    while begun and len(found) < 2 and steps:
        steps -= 1
        order = begun.pop()
        if len(order) == len(layers):
            found.append(order)
        begun += [[*order, n] for n in layers if n not in order and layers[n][1] == layers[order[-1]][0]]
    return found if steps else found * 2


def _shown(layers: Mapping[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{brief(name)} {shape[1]} → {shape[0]}" for name, shape in list(layers.items())[:6])
