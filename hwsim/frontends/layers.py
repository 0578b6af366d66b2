"""A network that was trained elsewhere, whatever file it came in: linear layers in a row, with all else folded into them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from hwsim.frontends import names
from models.connectivity.pattern import Pattern
from models.errors import InputError
from models.network.parameters import RealParameters

_GREATEST = 1e9
"""Of any weight or bias; trained ones are a millionth of it, and products of greater ones would leave all ranges."""

LARGEST_FILE = 1 << 30
"""Bytes. A file that holds a network for the accelerator is far smaller."""

MOST_ELEMENTS = 1 << 26
"""Of all tensors of a file together: half a gigabyte. A tensor may have more of them than its file has bytes."""


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
        In the order in which they compute, with batch normalisation in them.
    kind
        What sort of file it was.
    activations
        Behind each layer, as the file tells; None for a last layer without one. None: the file tells of none at all.
    entry
        Names of the entries of a checkpoint in which they were.
    without_bias
        Layers that had none: theirs is 0.
    folded
        Batch normalisation, by name, and the layer that it is in now.
    assumed
        Those of them that were taken to stand in front of an activation because nothing tells.
    by_name
        Whether only names or sizes told the order of the layers.
    left_out
        What computes nothing that the accelerator does not do in its own way, such as quantisers of signals.
    quantised
        Whether the file holds the numbers of every weight as integers and a step.
    """

    layers: list[Layer]
    kind: str
    activations: list[str | None] | None = None
    entry: tuple[str, ...] = ()
    without_bias: list[str] = field(default_factory=list)
    folded: dict[str, str] = field(default_factory=dict)
    assumed: list[str] = field(default_factory=list)
    by_name: bool = False
    left_out: list[str] = field(default_factory=list)
    quantised: bool = False


def check_chain(path: Path, layers: Sequence[Layer]) -> None:
    """Refuse layers that are none, do not fit each other, or hold numbers that no training gives.

    Raises
    ------
    InputError
        Which names the layer.
    """
    if not layers:
        raise InputError(str(path), None, "holds no layer")
    for left, right in pairwise(layers):
        if left.weight.shape[0] != right.weight.shape[1]:
            rule = f"takes {right.weight.shape[1]} inputs, but {left.name} before it has {left.weight.shape[0]} outputs"
            raise InputError(names.field(path, right.name), None, rule)


def check_range(path: Path, layers: Sequence[Layer]) -> None:
    """Refuse weights and biases that no training gives."""
    for layer in layers:
        greatest = max(float(np.abs(a).max()) for a in (layer.weight, layer.bias))
        if not greatest <= _GREATEST:
            raise InputError(names.field(path, layer.name), greatest, "is a weight or bias that no training gives")


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
