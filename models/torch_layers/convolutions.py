"""Convolutional front ends in PyTorch, and the network that one of them and classification layers make together."""

from collections.abc import Sequence
from math import prod
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from models.network.network import Network
from models.torch_layers.classifier import Classifier
from models.torch_layers.front_ends import FrontEnd
from models.torch_layers.linear import Form


class Convolutions(nn.Module):
    """A front end in PyTorch.

    Parameters
    ----------
    front_end
        Its stages.
    image
        (rows, columns) or (rows, columns, channels).
    dropout
        In place of the published one.
    """

    def __init__(self, front_end: FrontEnd, image: Sequence[int], dropout: float | None = None) -> None:
        super().__init__()
        self._image = (image[0], image[1], image[2] if len(image) > 2 else 1)
        self.features = front_end.features(image)
        share = front_end.dropout if dropout is None else dropout
        layers: list[nn.Module] = []
        channels = self._image[2]
        for s in front_end.stages:
            layers.append(nn.Conv2d(channels, s.channels, s.kernel, s.stride, s.padding, bias=False))
            layers.append(nn.BatchNorm2d(s.channels))
            layers += [nn.MaxPool2d(s.pool)] * (s.pool > 1)
            layers.append(nn.ReLU())
            layers += [nn.Dropout(share)] * (s.dropout and share > 0)
            channels = s.channels
        # Channels last is how the images are stored, how the features leave, and on most processors faster.
        self.layers = nn.Sequential(*layers).to(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> Tensor:
        """Flat images [b, pixels], row-major and channel-last, to features [b, features], flattened alike."""
        planes = images.view(-1, *self._image).permute(0, 3, 1, 2)
        maps: Tensor = self.layers(planes)
        return maps.permute(0, 2, 3, 1).flatten(1)

    @property
    def kernels(self) -> list[nn.Parameter]:
        """The weights of the convolutions."""
        return [layer.weight for layer in self.layers if isinstance(layer, nn.Conv2d)]

    def initialise(self, rng: np.random.Generator) -> None:
        """Draw the kernels: normal with variance 2 / fan-in (He), as in the published networks."""
        with torch.no_grad():
            for kernel in self.kernels:
                fan_in = prod(kernel.shape[1:])
                kernel.copy_(torch.as_tensor(rng.normal(0, np.sqrt(2 / fan_in), tuple(kernel.shape))))


class FrontedNetwork(nn.Module):
    """A front end, and classification layers that take its features as their inputs.

    Parameters
    ----------
    convolutions
        The front end.
    network
        The classification layers; N_0 must be the front end's features.
    form
        Of their junctions.
    """

    def __init__(self, convolutions: Convolutions, network: Network, form: Form | Literal["auto"] = "auto") -> None:
        super().__init__()
        self.convolutions = convolutions
        self.classifier = Classifier(network, form)

    def forward(self, images: Tensor) -> Tensor:
        """Flat images [b, pixels] to pre-activations [b, N_L]."""
        sums: Tensor = self.classifier(self.convolutions(images))
        return sums

    @property
    def trained_numbers(self) -> int:
        """Kernels, scales and shifts of the batch normalisations, weights of edges, biases."""
        front = sum(p.numel() for p in self.convolutions.parameters())
        network = self.classifier.network
        return front + network.n_edges + sum(network.layers[1:])
