"""Linear layers from the file of a plain PyTorch ``state_dict``: masked, pruned or dense.

Importing this module needs PyTorch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.errors import InputError
from models.network import RealParameters
from models.pattern import Pattern

_PARTS = {"weight": "weight", "bias": "bias", "weight_orig": "weight", "weight_mask": "mask"}
"""Last word of a key: what it holds. Pruned layers keep ``weight_orig`` and ``weight_mask`` (torch.nn.utils.prune)."""


@dataclass(frozen=True, eq=False)
class Layer:
    """One linear layer.

    Attributes
    ----------
    name
        What the file calls it.
    weight
        float64 [n_right, n_left], 0 where no edge is.
    edge
        bool of the same shape: the mask, or which weights are not 0.
    bias
        float64 [n_right].
    """

    name: str
    weight: np.ndarray
    edge: np.ndarray
    bias: np.ndarray

    @property
    def pattern(self) -> Pattern:
        """The edges, in the order of their right neurons."""
        right, left = np.nonzero(self.edge)
        starts = np.searchsorted(right, np.arange(len(self.edge) + 1))
        return Pattern(self.edge.shape[1], self.edge.shape[0], left.astype(np.int32), starts.astype(np.int64))


def read(path: Path) -> list[Layer]:
    """The layers in the order of the file, which is that in which the module's layers were made.

    Nothing in the file is executed: only tensors and plain containers are loaded.

    Raises
    ------
    InputError
        If the file holds no such dictionary, anything but linear layers with biases, or layers that do not chain.
    """
    parts: dict[str, dict[str, np.ndarray]] = {}
    for key, value in _loaded(path).items():
        prefix, _, last = key.rpartition(".")
        if last not in _PARTS:
            rule = "is no part of a linear layer (weight, bias, weight_mask, weight_orig): only such layers can be imported"
            raise InputError(f"{path}: {key}", None, rule)
        own = parts.setdefault(prefix, {})
        if _PARTS[last] in own:
            raise InputError(f"{path}: {prefix}", None, "has both weight and weight_orig")
        own[_PARTS[last]] = _array(f"{path}: {key}", value)
    layers = [_layer(path, name, own) for name, own in parts.items()]
    if not layers:
        raise InputError(str(path), None, "holds no layer")
    for left, right in pairwise(layers):
        if left.weight.shape[0] != right.weight.shape[1]:
            rule = f"takes {right.weight.shape[1]} inputs, but {left.name} before it has {left.weight.shape[0]} outputs"
            raise InputError(f"{path}: {right.name}", None, rule)
    return layers


def parameters(layers: list[Layer], mean: float = 0.0, deviation: float = 1.0) -> RealParameters:
    """Weights in edge order and biases for inputs that are not normalised.

    Parameters
    ----------
    mean, deviation
        What was subtracted from every input in training, and by what it was divided then: (W / d) x + (b − W m / d) equals
        W (x − m) / d + b.
    """
    weights = [layer.weight[layer.edge] for layer in layers]
    biases = [layer.bias.copy() for layer in layers]
    weights[0] = weights[0] / deviation
    biases[0] -= layers[0].weight.sum(axis=1) * mean / deviation
    return RealParameters(weights, biases)


def _loaded(path: Path) -> Mapping[str, torch.Tensor]:
    try:
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as e:
        raise InputError(str(path), None, f"cannot be read: {e.strerror or e}") from None
    except Exception as e:  # what it raises on other files is not documented, and varied
        first = str(e).strip().splitlines()[:1] or [type(e).__name__]
        raise InputError(str(path), None, f"is no file of tensors that torch.save made: {first[0][:200]}") from None
    if not isinstance(found, Mapping) or not all(isinstance(v, torch.Tensor) for v in found.values()):
        keys = [str(k) for k in found][:5] if isinstance(found, Mapping) else []
        inside = f" (a dictionary with {', '.join(keys)})" if keys else ""
        rule = f"holds a {type(found).__name__}{inside}, not a state_dict: names and tensors, as model.state_dict() gives"
        raise InputError(str(path), None, rule)
    return {str(k): v for k, v in found.items()}


def _array(field: str, tensor: torch.Tensor) -> np.ndarray:
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_complex():
        raise InputError(field, f"{tensor.dtype}, {tensor.layout}", "must be a dense tensor of real numbers")
    array = tensor.detach().to(torch.float64).numpy()
    if not np.isfinite(array).all():
        raise InputError(field, None, "holds values that are no finite numbers")
    return array


def _layer(path: Path, name: str, parts: dict[str, np.ndarray]) -> Layer:
    field = f"{path}: {name}" if name else str(path)
    weight, bias, mask = parts.get("weight"), parts.get("bias"), parts.get("mask")
    if weight is None:
        raise InputError(field, None, "has no weight")
    if weight.ndim > 2:
        rule = "is a convolution: only linear layers can be imported; `hwsim frontend` trains networks with convolutions"
        raise InputError(field, list(weight.shape), rule)
    if weight.ndim < 2 or 0 in weight.shape:
        raise InputError(field, list(weight.shape), "is no linear layer, whose weight has the shape [outputs, inputs]")
    if bias is None:
        raise InputError(f"{field}.bias", None, "is missing: every neuron of the accelerator has a bias; store zeros")
    if bias.shape != weight.shape[:1]:
        raise InputError(f"{field}.bias", list(bias.shape), f"must have the shape [{weight.shape[0]}]")
    if mask is None:
        return Layer(name, weight, weight != 0, bias)
    if mask.shape != weight.shape or not np.isin(mask, (0, 1)).all():
        rule = f"must have the shape {list(weight.shape)} of the weights and hold zeros and ones only"
        raise InputError(f"{field}.weight_mask", list(mask.shape), rule)
    return Layer(name, weight * mask, mask == 1, bias)
