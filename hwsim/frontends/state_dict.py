"""Linear layers from the file of a PyTorch ``state_dict``: masked, pruned, dense or quantised, batch normalisation in them.

Importing this module needs PyTorch.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from hwsim.frontends import torch_file, torch_state
from hwsim.frontends.batch_norm import BatchNorm, batch_norm
from hwsim.frontends.torch_file import brief
from hwsim.frontends.torch_state import Module
from models.connectivity.pattern import Pattern
from models.errors import InputError
from models.network.parameters import RealParameters

BEHIND = ("linear", "activation")
"""Where batch normalisation between two layers can stand."""

_GREATEST = 1e9
"""Of any weight or bias; trained ones are a millionth of it, and products of greater ones would leave all ranges."""


@dataclass(frozen=True, eq=False)
class Layer:
    """One linear layer.

    Attributes
    ----------
    name
        What the file calls it, short enough to be shown.
    weight
        float64 [n_right, n_left], 0 where the mask is.
    bias
        float64 [n_right].
    mask
        bool of the shape of the weights, true where an edge is; None if the file has none.
    zero
        bool of the same shape: weights that are exactly 0 in the file, which does not tell why.
    """

    name: str
    weight: np.ndarray
    bias: np.ndarray
    mask: np.ndarray | None
    zero: np.ndarray


@dataclass(eq=False)
class FoundLayers:
    """What a file holds.

    Attributes
    ----------
    layers
        In the order of the file, with batch normalisation in them.
    entry
        Names of the entries of a checkpoint in which they were.
    without_bias
        Layers that had none: theirs is 0.
    folded
        Batch normalisation, by name, and the layer that it is in now.
    assumed
        Those of them that were taken to stand in front of an activation because nothing tells.
    """

    layers: list[Layer]
    entry: tuple[str, ...] = ()
    without_bias: list[str] = field(default_factory=list)
    folded: dict[str, str] = field(default_factory=dict)
    assumed: list[str] = field(default_factory=list)


def read(path: Path, norm_behind: str | None = None) -> FoundLayers:
    """The layers in the order of the file, which is that in which the module's layers were made.

    Nothing in the file is executed: only tensors and plain containers are loaded.

    Parameters
    ----------
    norm_behind
        Whether batch normalisation between two layers stands behind the first ``linear`` one or behind its ``activation``.
        None: as the numbers that ``nn.Sequential`` gives say, else behind the layer.

    Raises
    ------
    InputError
        If the file holds no such dictionary, anything but linear layers and batch normalisation, or layers that do not
        chain.
    """
    entry, modules = torch_state.modules(path, torch_file.load(path))
    found = FoundLayers([], entry)
    names: list[str] = []
    norms: list[tuple[int, BatchNorm]] = []  # with the number of layers before them
    for name, parts in modules.items():
        if "mean" in parts or "variance" in parts:
            norms.append((len(names), batch_norm(path, name, parts)))
        else:
            found.layers.append(_layer(path, name, parts))
            names.append(name)
            if "bias" not in parts:
                found.without_bias.append(brief(name))
    if not names:
        raise InputError(str(path), None, "holds no layer")
    for left, right in pairwise(found.layers):
        if left.weight.shape[0] != right.weight.shape[1]:
            rule = f"takes {right.weight.shape[1]} inputs, but {left.name} before it has {left.weight.shape[0]} outputs"
            raise InputError(torch_state.field(path, right.name), None, rule)
    taken: set[tuple[int, bool]] = set()
    for before, norm in norms:
        i, is_before = _place(path, names, before, norm, norm_behind, found)
        if (i, is_before) in taken:
            raise _misplaced(path, norm, "stands behind other batch normalisation in the file")
        taken.add((i, is_before))
        found.layers[i] = _folded(path, norm, found.layers[i], is_before)
        found.folded[brief(norm.name)] = found.layers[i].name
    for layer in found.layers:
        greatest = max(float(np.abs(a).max()) for a in (layer.weight, layer.bias))
        if greatest > _GREATEST:
            raise InputError(torch_state.field(path, layer.name), greatest, "is a weight or bias that no training gives")
    return found


def patterns(edges: Sequence[np.ndarray]) -> tuple[Pattern, ...]:
    """Patterns of junctions from matrices, bool [n_right, n_left]: edges in the order of their right neurons."""
    result = []
    for edge in edges:
        right, left = np.nonzero(edge)
        starts = np.searchsorted(right, np.arange(len(edge) + 1))
        result.append(Pattern(edge.shape[1], edge.shape[0], left.astype(np.int32), starts.astype(np.int64)))
    return tuple(result)


def parameters(
    layers: Sequence[Layer], edges: Sequence[np.ndarray], mean: float = 0.0, deviation: float = 1.0
) -> RealParameters:
    """Weights in edge order and biases for inputs that are not normalised.

    Parameters
    ----------
    edges
        As for :func:`patterns`; weights elsewhere are 0.
    mean, deviation
        What was subtracted from every input in training, and by what it was divided then: (W / d) x + (b − W m / d) equals
        W (x − m) / d + b.
    """
    weights = [layer.weight[edge] for layer, edge in zip(layers, edges, strict=True)]
    biases = [layer.bias.copy() for layer in layers]
    weights[0] = weights[0] / deviation
    biases[0] -= layers[0].weight.sum(axis=1) * mean / deviation
    return RealParameters(weights, biases)


def _layer(path: Path, name: str, parts: Module) -> Layer:
    place = torch_state.field(path, name)
    if "weight" not in parts:
        raise InputError(place, None, "has no weight")
    weight = parts["weight"]
    if weight.ndim > 2:
        rule = "is a convolution: only linear layers can be imported; `hwsim frontend` trains networks with convolutions"
        raise InputError(place, list(weight.shape), rule)
    if weight.ndim < 2 or 0 in weight.shape:
        rule = "is no linear layer, whose weight has the shape [outputs, inputs]"
        if weight.ndim == 1:
            kinds = (
                "LayerNorm, GroupNorm, batch normalisation without running figures" if "bias" in parts else "PReLU, RMSNorm"
            )
            rule += f"; such are {kinds}, which the accelerator cannot compute"
        raise InputError(place, list(weight.shape), rule)
    bias = parts.get("bias", np.zeros(len(weight)))
    mask, bias_mask = parts.get("mask"), parts.get("bias mask", np.ones(bias.shape, bool))
    for part, key, wanted in ((bias, "bias", weight.shape[:1]), (bias_mask, "bias_mask", weight.shape[:1])):
        if part.shape != wanted:
            raise InputError(f"{place}.{key}", list(part.shape), f"must have the shape {list(wanted)}")
    if mask is not None and mask.shape != weight.shape:
        rule = f"must have the shape {list(weight.shape)} of the weights"
        raise InputError(f"{place}.weight_mask", list(mask.shape), rule)
    return Layer(brief(name), weight if mask is None else weight * mask, bias * bias_mask, mask, weight == 0)


def _place(
    path: Path, names: list[str], before: int, norm: BatchNorm, norm_behind: str | None, found: FoundLayers
) -> tuple[int, bool]:
    """The layer into which batch normalisation goes that has ``before`` layers before it, and whether it precedes it."""
    if before == 0:
        return 0, True
    last = names[before - 1]
    like = [name for name in names[:before] if _number(name) == _number(norm.name) is not None]
    if like and last not in like and not any(map(_is_counted, (norm.name, *like))):
        raise _misplaced(path, norm, f"stands behind {brief(last)} in the file, but is called like {brief(like[0])}")
    if before == len(names) or norm_behind == "linear":
        return before - 1, False
    if norm_behind == "activation" or (_follows(norm.name, names[before]) and not _follows(last, norm.name)):
        return before, True
    if norm_behind is None and not _follows(last, norm.name):
        found.assumed.append(brief(norm.name))
    return before - 1, False


def _number(name: str) -> str | None:
    """The number at the end of a module's name."""
    found = re.search(r"[0-9]+$", name[-20:])
    return found[0] if found else None


def _is_counted(name: str) -> bool:
    """Whether a name's last part is only a number, as in ``nn.Sequential``."""
    return name.rpartition(".")[2] == _number(name)


def _follows(name: str, other: str) -> bool:
    """Whether ``other`` is the next in the same ``nn.Sequential``."""
    (parent, _, one), (same, _, two) = name.rpartition("."), other.rpartition(".")
    return parent == same and _is_counted(name) and _is_counted(other) and int(two) == int(one) + 1


def _misplaced(path: Path, norm: BatchNorm, how: str) -> InputError:
    rule = f"{how}: modules must be made in the order in which they are used"
    return InputError(torch_state.field(path, norm.name), None, rule)


def _folded(path: Path, norm: BatchNorm, layer: Layer, is_before: bool) -> Layer:
    size = layer.weight.shape[1 if is_before else 0]
    if len(norm.scale) != size:
        side = "inputs" if is_before else "outputs"
        raise _misplaced(path, norm, f"normalises {len(norm.scale)} numbers, but {layer.name} beside it has {size} {side}")
    weight, bias = (norm.before if is_before else norm.behind)(layer.weight, layer.bias)
    return replace(layer, weight=weight, bias=bias)
