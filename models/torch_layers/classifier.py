"""The classification layers as PyTorch modules: a :class:`~models.network.network.Network`, its activations and its cost.

Activations, cost and padded outputs mean the same as in :mod:`models.floating.engine`, and the tests compare the two.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.floating.flat_network import flatten
from models.network.network import Network
from models.network.parameters import RealParameters
from models.torch_layers.linear import Form, SparseLinear, sparse_linear

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "clipped_relu": lambda s: torch.clamp(s, 0, 1),
    "tanh": torch.tanh,
}


class Classifier(nn.Module):
    """Sparse layers with activations between them; its outputs are the pre-activations of the last layer.

    Parameters
    ----------
    network
        Patterns, activations and cost, as :func:`models.floating.flat_network.flatten` allows.
    form
        Of the layers; ``auto`` chooses for each.
    dtype
        float32 or float64.
    """

    outputs: Tensor

    def __init__(self, network: Network, form: Form | Literal["auto"] = "auto", dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        flatten(network)  # refuses what does not go together
        self.network = network
        self.layers = nn.ModuleList(sparse_linear(p, form, dtype) for p in network.patterns)
        self.register_buffer("outputs", torch.as_tensor(network.output_neurons), persistent=False)

    @property
    def junctions(self) -> list[SparseLinear]:
        """The layers with their type."""
        return [layer for layer in self.layers if isinstance(layer, SparseLinear)]

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs [b, N_0] to the pre-activations [b, N_L] of the last layer."""
        for i, layer in enumerate(self.layers):
            sums: Tensor = layer(inputs)
            if i + 1 == len(self.layers):
                return sums
            inputs = _ACTIVATIONS[self.network.activations[i]](sums)
        raise AssertionError("a network has a junction")

    def losses(self, sums: Tensor, labels: Tensor) -> Tensor:
        """Cost of every sample, [b].

        Softmax joins the classes only, padded outputs take no part; all other costs sum over all outputs, padded ones with
        a target of 0. Cross-entropy is in nats, the quadratic cost half the squared error.
        """
        activation = self.network.activations[-1]
        if activation == "softmax":
            return functional.cross_entropy(sums[:, self.outputs], labels, reduction="none")
        targets = torch.zeros_like(sums)
        targets[torch.arange(len(labels)), self.outputs[labels]] = 1
        if self.network.cost == "cross_entropy":
            return functional.binary_cross_entropy_with_logits(sums, targets, reduction="none").sum(dim=1)
        return ((_ACTIVATIONS[activation](sums) - targets) ** 2).sum(dim=1) / 2

    def predictions(self, sums: Tensor) -> Tensor:
        """Lowest class with the greatest pre-activation, [b]."""
        return sums[:, self.outputs].argmax(dim=1)

    def load(self, parameters: RealParameters) -> None:
        """Take over weights in edge order and biases."""
        given = RealParameters.of_this_kind(parameters)
        for layer, weights, bias in zip(self.junctions, given.weights, given.biases, strict=True):
            layer.load(weights, bias)

    @property
    def parameters_by_edge(self) -> RealParameters:
        """Weights in edge order and biases (float64)."""
        layers = self.junctions
        weights = [layer.edge_weights().astype(np.float64) for layer in layers]
        return RealParameters(weights, [layer.bias.detach().numpy().astype(np.float64) for layer in layers])
