"""Convolutional front ends: the layers between an image and the classification layers.

``shallow`` and ``deep`` are those of the papers' CIFAR networks (arXiv 1812.01164 and its public code): 5 × 5 × 250 and a
pool of 8; 3 × 3 with 60, 60, 125, 125, 250, 250 channels and a pool of 2 after each pair. ``small`` is this project's, for
28 × 28 images on a CPU. Two things differ from the published layers in form but not in what can be learned: convolutions
have no bias, which the batch normalisation behind them would take away again, and the ReLU stands behind the pooling, with
which it commutes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from models.errors import InputError


@dataclass(frozen=True)
class Stage:
    """A convolution with batch normalisation, pooling, ReLU and dropout.

    Attributes
    ----------
    channels, kernel, stride, padding
        Of the convolution.
    pool
        Size and stride of the maximum pooling; 1 for none.
    dropout
        Whether dropout follows.
    """

    channels: int
    kernel: int
    stride: int = 1
    padding: int = 0
    pool: int = 1
    dropout: bool = False

    def size(self, pixels: int) -> int:
        """Rows (or columns) that leave the stage when ``pixels`` enter; below 1 if none do."""
        return ((pixels + 2 * self.padding - self.kernel) // self.stride + 1) // self.pool


@dataclass(frozen=True)
class FrontEnd:
    """Stages, and the published share of activations that dropout drops."""

    stages: tuple[Stage, ...]
    dropout: float

    def shape(self, image: Sequence[int]) -> tuple[int, int, int]:
        """Rows, columns and channels of the features of images (rows, columns) or (rows, columns, channels).

        Raises
        ------
        InputError
            If the image is too small.
        """
        rows, columns = image[:2]
        for stage in self.stages:
            rows, columns = stage.size(rows), stage.size(columns)
        if min(rows, columns) < 1:
            raise InputError("image", "×".join(map(str, image)), "is too small for the front end's convolutions and pools")
        return rows, columns, self.stages[-1].channels

    def features(self, image: Sequence[int]) -> int:
        """Features of an image, as many as :meth:`shape` has elements."""
        return prod(self.shape(image))


def _pair(channels: int) -> tuple[Stage, Stage]:
    return Stage(channels, 3, padding=1), Stage(channels, 3, padding=1, pool=2, dropout=True)


FRONT_ENDS = {
    "small": FrontEnd((Stage(16, 3, padding=1, pool=2), Stage(40, 3, padding=1, pool=2, dropout=True)), dropout=0.0),
    "shallow": FrontEnd((Stage(250, 5, padding=2, pool=8, dropout=True),), dropout=0.25),
    "deep": FrontEnd((*_pair(60), *_pair(125), *_pair(250)), dropout=0.5),
}
