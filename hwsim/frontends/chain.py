"""A network as it is read operation by operation, from its input on: what is linear is folded, until layers are left.

Between two layers stands one activation. What else is there must be linear in every neuron by itself (biases, scales,
shifts, batch normalisation): it is folded into the layer before it, or behind an activation into the layer after it.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from hwsim.frontends.batch_norm import BatchNorm
from hwsim.frontends.layers import FoundLayers, Layer, check_chain, check_range
from hwsim.frontends.names import brief, field
from models.errors import InputError


class Chain:
    """Layers as they come.

    Parameters
    ----------
    path
        For error messages.
    kind
        What sort of file it is.
    """

    def __init__(self, path: Path, kind: str) -> None:
        self.path = path
        self.found = FoundLayers([], kind, [])
        self._waiting: list[BatchNorm] = []
        self._with_bias: set[int] = set()

    @property
    def _activations(self) -> list[str | None]:
        assert self.found.activations is not None
        return self.found.activations

    @property
    def takes_bias(self) -> bool:
        """Whether what is added now is the bias of the last layer."""
        return bool(self.found.layers) and self._activations[-1] is None and len(self.found.layers) not in self._with_bias

    def linear(self, where: str, layer: Layer, has_bias: bool) -> None:
        """The next layer.

        Raises
        ------
        InputError
            If there is no activation between it and the one before, or it does not fit that.
        """
        layers = self.found.layers
        if layers and self._activations[-1] is None:
            rule = f"follows {layers[-1].name} without an activation between: multiply the two matrices to one"
            raise InputError(where, None, rule)
        self._before_end(where)
        if layers and layers[-1].weight.shape[0] != layer.weight.shape[1]:
            check_chain(self.path, [layers[-1], layer])
        for norm in reversed(self._waiting):
            layer = self._folded(where, norm, layer, True)
        self._waiting = []
        layers.append(layer)
        self._activations.append(None)
        if has_bias:
            self._with_bias.add(len(layers))

    def bias(self, where: str, values: np.ndarray) -> None:
        """The bias of the last layer, which :attr:`takes_bias`: one number, or one of each neuron."""
        layer = self.found.layers[-1]
        self.found.layers[-1] = replace(layer, bias=layer.bias + spread(where, values, len(layer.bias)))
        self._with_bias.add(len(self.found.layers))

    def scaled(self, where: str, norm: BatchNorm) -> None:
        """What multiplies every neuron by a number and adds one to it; arrays of one number are those of all neurons."""
        self._before_end(where)
        layers = self.found.layers
        if layers and self._activations[-1] is None:
            layers[-1] = self._folded(where, norm, layers[-1], False)
            self._with_bias.add(len(layers))
            return
        self._waiting.append(norm)

    def activation(self, where: str, name: str) -> None:
        """The activation of the last layer.

        Raises
        ------
        InputError
            If it has one, or there is no layer.
        """
        if not self.found.layers:
            raise InputError(where, None, "is an activation in front of the first layer, where the accelerator has none")
        if self._activations[-1] is not None:
            raise InputError(where, None, f"is a second activation behind {self.found.layers[-1].name}")
        self._activations[-1] = name

    def finished(self) -> FoundLayers:
        """All that has been read.

        Raises
        ------
        InputError
            If that is no network.
        """
        found = self.found
        check_chain(self.path, found.layers)
        if self._waiting:
            rule = "scales or shifts what leaves the last activation, which the accelerator does not do"
            raise InputError(field(self.path, self._waiting[0].name), None, rule)
        check_range(self.path, found.layers)
        found.without_bias = [layer.name for i, layer in enumerate(found.layers, 1) if i not in self._with_bias]
        return found

    def _before_end(self, where: str) -> None:
        if self._activations and self._activations[-1] == "softmax":
            raise InputError(where, None, "stands behind a softmax, which can only be the last of all")

    def _folded(self, where: str, norm: BatchNorm, layer: Layer, is_before: bool) -> Layer:
        size = layer.weight.shape[1 if is_before else 0]
        norm = BatchNorm(norm.name, spread(where, norm.scale, size), spread(where, norm.shift, size))
        with np.errstate(all="ignore"):  # what leaves all ranges is told at the end
            weight, bias = (norm.before if is_before else norm.behind)(layer.weight, layer.bias)
        self.found.folded[brief(norm.name)] = layer.name
        return replace(layer, weight=weight, bias=bias)


def spread(where: str, values: np.ndarray, size: int) -> np.ndarray:
    """Numbers of neurons, [size], from one for all, or from any shape with as many in one axis.

    Raises
    ------
    InputError
        If they are as many as something else.
    """
    if values.size not in (1, size) or (values.size == size != 1 and size not in values.shape[-1:]):
        raise InputError(where, list(values.shape), f"must have one number, or one for each of the {size} neurons")
    return np.broadcast_to(values.reshape(-1), (size,)).astype(np.float64)
