"""Linear layers from what PyTorch calls a ``state_dict``: masked, pruned or dense, batch normalisation in them.

It has arrays by the names of modules and their parts, whatever sort of file they were in.
"""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from hwsim.frontends.batch_norm import BatchNorm, Module, batch_norm
from hwsim.frontends.layers import FoundLayers, Layer, check_chain, check_range
from hwsim.frontends.names import brief, field
from models.errors import InputError

BEHIND = ("linear", "activation")
"""Where batch normalisation between two layers can stand."""

PARTS = {
    "weight": "weight",
    "weight_orig": "weight",
    "weight_mask": "mask",
    "mask": "mask",
    "bias": "bias",
    "bias_orig": "bias",
    "bias_mask": "bias mask",
    "running_mean": "mean",
    "running_var": "variance",
    "num_batches_tracked": "batches",
}
"""Last word of a key: what it holds. Pruned layers keep ``weight_orig`` and ``weight_mask`` (torch.nn.utils.prune)."""

MASKS = ("mask", "bias mask")

_FOREIGN = {
    r"in_proj_(weight|bias)$|(^|[._])[qkv]_proj\.|(^|\.)(self_|multihead_)?att(ention|n)\d*\.": "belongs to attention",
    r"(^|\.)(weight|bias)_[ih]h(_l\d+(_reverse)?)?$": "belongs to a recurrent layer (RNN, LSTM, GRU)",
    r"(^|[._])emb(ed(ding)?s?)?(\.weight)?$": "belongs to an embedding",
    r"(^|\.)parametrizations\.|(^|\.)weight_[guv]$": "belongs to a parametrised weight (weight_norm): remove that first",
}
"""Keys by which other layers than linear ones show themselves."""


def slot(path: Path, modules: dict[str, Module], key: str) -> tuple[Module, str, str]:
    """Where the array of a key belongs: its module, which is made if need be, its part there, and how messages call it."""
    prefix, _, last = key.rpartition(".")
    part = PARTS[last]
    own = modules.setdefault(prefix, {})
    if part in own:
        both = " and ".join(name for name, of in PARTS.items() if of == part)
        raise InputError(field(path, prefix), None, f"has both {both}")
    return own, part, field(path, key)


def check_key(path: Path, key: str) -> None:
    """Refuse keys that only other layers than linear ones and batch normalisation have."""
    for pattern, what in _FOREIGN.items():
        if re.search(pattern, key[-200:]):
            raise InputError(field(path, key), None, f"{what}; only linear layers can be imported")
    if key.rpartition(".")[2] not in PARTS:
        rule = "is no part of a linear layer (weight, bias, weight_mask, weight_orig): only such layers can be imported"
        raise InputError(field(path, key), None, rule)


def checked(where: str, array: np.ndarray, part: str) -> np.ndarray:
    """The numbers of a part, float64, as they may stand in a module: finite, and truth values of masks."""
    if not np.isfinite(array).all():
        raise InputError(where, None, "holds values that are no finite numbers")
    if part not in MASKS:
        return array
    if not np.isin(array, (0, 1)).all():
        raise InputError(where, list(array.shape), "must hold zeros and ones only")
    return array == 1


def chained(path: Path, kind: str, modules: dict[str, Module], norm_behind: str | None = None) -> FoundLayers:
    """The layers in the order of the modules, which is taken for that in which they compute.

    Parameters
    ----------
    kind
        Of the file.
    modules
        By name.
    norm_behind
        Whether batch normalisation between two layers stands behind the first ``linear`` one or behind its ``activation``.
        None: as the numbers that ``nn.Sequential`` gives say, else behind the layer.

    Raises
    ------
    InputError
        If there are no linear layers, or they do not chain.
    """
    found = FoundLayers([], kind)
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
    check_chain(path, found.layers)
    taken: set[tuple[int, bool]] = set()
    for before, norm in norms:
        i, is_before = _place(path, names, before, norm, norm_behind, found)
        if (i, is_before) in taken:
            raise _misplaced(path, norm, "stands behind other batch normalisation in the file")
        taken.add((i, is_before))
        found.layers[i] = _folded(path, norm, found.layers[i], is_before)
        found.folded[brief(norm.name)] = found.layers[i].name
    check_range(path, found.layers)
    return found


def _layer(path: Path, name: str, parts: Module) -> Layer:
    place = field(path, name)
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
    return InputError(field(path, norm.name), None, rule)


def _folded(path: Path, norm: BatchNorm, layer: Layer, is_before: bool) -> Layer:
    size = layer.weight.shape[1 if is_before else 0]
    if len(norm.scale) != size:
        side = "inputs" if is_before else "outputs"
        raise _misplaced(path, norm, f"normalises {len(norm.scale)} numbers, but {layer.name} beside it has {size} {side}")
    weight, bias = (norm.before if is_before else norm.behind)(layer.weight, layer.bias)
    return replace(layer, weight=weight, bias=bias)
