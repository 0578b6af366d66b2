"""Linear layers from a model of Keras: Sequential, or Functional in one line."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hwsim.frontends.batch_norm import batch_norm
from hwsim.frontends.chain import Chain
from hwsim.frontends.keras_file import KerasFile
from hwsim.frontends.layers import FoundLayers, Layer
from hwsim.frontends.names import brief, field
from models.errors import InputError

KIND = "Keras"
_ACTIVATIONS = {"relu": "relu", "sigmoid": "sigmoid", "tanh": "tanh", "softmax": "softmax"}
_HARMLESS = (
    "InputLayer",
    "Flatten",
    "Dropout",
    "AlphaDropout",
    "GaussianDropout",
    "GaussianNoise",
    "ActivityRegularization",
    "Identity",
)
_NORM_PARTS = {"gamma": "weight", "beta": "bias", "moving_mean": "mean", "moving_variance": "variance"}
_DEEPEST = 12


@dataclass(frozen=True)
class _Entry:
    """A layer as the configuration has it: ``where`` for messages, its class, its settings, and where its arrays are."""

    where: str
    kind: str
    settings: Mapping[str, Any]
    name: str
    place: str


def read(path: Path) -> FoundLayers:
    """The layers of a model, with their activations.

    Raises
    ------
    InputError
        If the file is damaged, or its model is no chain of Dense layers, activations and what can be folded into them. The
        line names layer, class and rule.
    """
    file = KerasFile(path)
    chain = Chain(path, KIND)
    for entry in _in_order(path, file.model):
        _apply(chain, entry, file)
    return chain.finished()


def _in_order(path: Path, model: Mapping[str, Any]) -> list[_Entry]:
    """The layers in the order in which they compute."""
    settings = model.get("config")
    layers = settings.get("layers") if isinstance(settings, dict) else settings
    if model.get("class_name") not in ("Sequential", "Functional", "Model") or not isinstance(layers, list):
        rule = "is a model of the class {}: must be Sequential or Functional, which is read without running its code"
        raise InputError(str(path), None, rule.format(brief(str(model.get("class_name")))))
    entries: dict[str, _Entry] = {}
    sources: dict[str, list[str]] = {}
    counted: Counter[str] = Counter()
    for layer in layers:
        inner = layer.get("config") if isinstance(layer, dict) else None
        if not isinstance(inner, dict) or not isinstance(layer.get("class_name"), str):
            raise InputError(str(path), None, "has a layer without class and configuration: it is damaged")
        name, kind = layer.get("name") or inner.get("name"), layer["class_name"]
        if not isinstance(name, str) or not name or name in entries:
            raise InputError(str(path), None, f"has a layer without a name, or two of the name {brief(str(name))}")
        snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", kind).lower()
        place = snake if not counted[snake] else f"{snake}_{counted[snake]}"
        counted[snake] += 1
        entries[name] = _Entry(f"{field(path, name)} ({brief(kind)})", kind, inner, name, place)
        sources[name] = _sources(layer.get("inbound_nodes"))
    if model["class_name"] == "Sequential":
        return list(entries.values())
    return [entries[name] for name in _line(path, entries, sources)]


def _sources(nodes: Any) -> list[str]:
    """From which layers a layer of a Functional model takes its inputs, one of them as often as it is used."""
    found: list[str] = []
    level = [nodes]
    for _ in range(_DEEPEST):
        inner: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                history = one.get("keras_history")
                inner += [history] if history else list(one.values())
            elif isinstance(one, list) and len(one) >= 3 and isinstance(one[0], str) and isinstance(one[1], int):
                found.append(one[0])
            elif isinstance(one, list):
                inner += one
        level = inner
    return found


def _line(path: Path, entries: Mapping[str, _Entry], sources: Mapping[str, list[str]]) -> list[str]:
    """Names from the input on, if each layer feeds one other."""
    behind: dict[str, str] = {}
    starts = [name for name in entries if not sources[name]]
    for name, of in sources.items():
        if len(of) > 1 or (of and (of[0] in behind or of[0] not in entries)):
            rule = "is joined to several layers, or to one that others take, too: branches are no junctions in a row"
            raise InputError(entries[name].where, None, rule)
        if of:
            behind[of[0]] = name
    order = starts[:1]
    while order and order[-1] in behind and len(order) <= len(entries):
        order.append(behind[order[-1]])
    if len(order) != len(entries):
        raise InputError(str(path), None, "has layers that are in no line from one input on: a circle, or several parts")
    return order


def _apply(chain: Chain, entry: _Entry, file: KerasFile) -> None:
    kind = entry.kind
    if kind == "Dense":
        _dense(chain, entry, file)
    elif kind == "BatchNormalization":
        _norm(chain, entry, file)
    elif kind in ("Activation", "ReLU", "Softmax"):
        chain.activation(entry.where, _activation(entry)) if _activation(entry) != "linear" else None
    elif kind not in _HARMLESS:
        raise InputError(entry.where, None, _why_not(kind))


def _dense(chain: Chain, entry: _Entry, file: KerasFile) -> None:
    arrays = file.arrays(entry.name, entry.place)
    has_bias = entry.settings.get("use_bias", True) is not False
    kernel = arrays.get("kernel", arrays.get("0"))
    bias = arrays.get("bias", arrays.get("1"))
    if kernel is None or (bias is None) == has_bias or kernel.ndim != 2 or 0 in kernel.shape:
        shapes = {name: list(array.shape) for name, array in arrays.items()}
        rule = f"must have a kernel [inputs, outputs]{' and a bias [outputs]' * has_bias}: it is damaged, or was never built"
        raise InputError(entry.where, brief(str(shapes)), rule)
    if entry.settings.get("units") != kernel.shape[1] or (bias is not None and bias.shape != kernel.shape[1:]):
        rule = f"says {entry.settings.get('units')} units, but has a kernel of the shape {list(kernel.shape)}"
        raise InputError(entry.where, None, f"{rule}{f' and a bias of {list(bias.shape)}' if bias is not None else ''}")
    weight = kernel.T.copy()
    layer = Layer(brief(entry.name), weight, np.zeros(len(weight)), None, weight == 0)
    chain.linear(entry.where, layer, has_bias)
    if bias is not None:
        chain.bias(entry.where, bias)
    if (name := _activation(entry)) != "linear":
        chain.activation(entry.where, name)


def _activation(entry: _Entry) -> str:
    """The name of the activation that a layer is or has; ``linear`` for none."""
    s = entry.settings
    if entry.kind == "Softmax":
        return "softmax"
    told = "relu" if entry.kind == "ReLU" else s.get("activation") or "linear"
    if isinstance(told, dict) and told.get("class_name") in ("ReLU", "Softmax"):  # a layer in its place
        return _activation(_Entry(entry.where, told["class_name"], told.get("config") or {}, entry.name, entry.place))
    if told != "linear" and told not in [*_ACTIVATIONS]:
        rule = "has an activation that the accelerator does not have: must be relu, sigmoid, tanh, softmax or linear"
        raise InputError(entry.where, brief(str(told)), rule)
    if entry.kind == "ReLU":
        limits = s.get("max_value"), s.get("negative_slope") or 0, s.get("threshold") or 0
        if limits[1:] != (0, 0) or limits[0] not in (None, 1):
            raise InputError(entry.where, None, "must be the plain max(x, 0), or clip to 0..1: the accelerator has no other")
        return "relu" if limits[0] is None else "clipped_relu"
    return str(told)


def _norm(chain: Chain, entry: _Entry, file: KerasFile) -> None:
    s, arrays = entry.settings, file.arrays(entry.name, entry.place)
    names = [n for n, is_there in (("gamma", s.get("scale", True)), ("beta", s.get("center", True))) if is_there]
    names += ["moving_mean", "moving_variance"]
    epsilon = s.get("epsilon", 1e-3)
    found = {name: arrays.get(name, arrays.get(str(i))) for i, name in enumerate(names)}
    parts = {_NORM_PARTS[name]: array for name, array in found.items() if array is not None}
    if len(parts) != len(names) or not isinstance(epsilon, float | int) or not 0 <= epsilon < 1:
        raise InputError(entry.where, None, f"must have {', '.join(names)} and an epsilon in 0..1: it is damaged")
    if (parts["variance"] + epsilon == 0).any():
        raise InputError(entry.where, 0.0, "has a variance and an epsilon that are both 0")
    chain.scaled(entry.where, batch_norm(chain.path, entry.name, parts, float(epsilon)))


def _why_not(kind: str) -> str:
    if "Conv" in kind:
        return "is a convolution: only linear layers can be imported; `hwsim frontend` trains networks with convolutions"
    if kind in ("Sequential", "Functional", "Model"):
        return "is a model within the model: put its layers in its place"
    if kind == "Lambda":
        return "holds code, which is never run: put a layer of Keras in its place"
    if kind in ("Rescaling", "Normalization"):
        return "scales the inputs: leave it out, and say mean and deviation of inputs in 0..1"
    return "is no layer that is imported: such are Dense, Activation, ReLU, Softmax, BatchNormalization, Flatten, Dropout"
