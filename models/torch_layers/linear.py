"""Linear layers whose connectivity is fixed before training, in two forms of the same mathematics.

Both compute s = W a + b with a weight for every edge of a :class:`~models.connectivity.pattern.Pattern` and nothing
elsewhere, as the junctions of :mod:`models.floating.engine` do. The masked form multiplies a dense matrix, so its cost does
not depend on the density; the gathered form stores and computes edges only.
"""

from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.connectivity.pattern import Pattern
from models.errors import InputError

Form = Literal["masked", "gathered"]

GATHERED_BELOW = 0.05
"""Density below which :func:`sparse_linear` chooses the gathered form. Measured in float32 on one core, forward and
backward of 64 samples between 4,000 and 500 neurons: masked 16 ms at any density, gathered 4 ms at 1 %, 13 ms at 5 %, 24 ms
at 10 %."""


class SparseLinear(nn.Module):
    """What both forms share.

    Parameters
    ----------
    pattern
        The edges.
    dtype
        Of weights and biases, floating.

    Attributes
    ----------
    pattern
        As given.
    weight
        Trained; its shape is the form's own, see :meth:`load` and :meth:`edge_weights`.
    bias
        [n_right], trained.
    """

    weight: nn.Parameter

    def __init__(self, pattern: Pattern, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.pattern = pattern
        self.bias = nn.Parameter(torch.zeros(pattern.n_right, dtype=dtype))

    def edge_weights(self) -> np.ndarray:
        """Weights in edge order, [W], copied."""
        raise NotImplementedError

    def edge_gradient(self) -> np.ndarray:
        """Gradient of the weights in edge order, [W], copied; it must have been computed."""
        raise NotImplementedError

    def _in_form(self, weights: np.ndarray) -> np.ndarray:
        """Weights in edge order [W] in the shape of :attr:`weight`."""
        raise NotImplementedError

    def load(self, weights: np.ndarray, bias: np.ndarray) -> None:
        """Take over weights in edge order, [W], and biases, [n_right].

        Raises
        ------
        InputError
            For other shapes.
        """
        for name, array, size in (("weight", weights, self.pattern.n_edges), ("bias", bias, self.pattern.n_right)):
            if array.shape != (size,):
                raise InputError(name, array.shape, f"must have shape ({size},)")
        with torch.no_grad():
            self.weight.copy_(torch.as_tensor(self._in_form(weights)))
            self.bias.copy_(torch.as_tensor(bias))

    def extra_repr(self) -> str:
        """Sizes, as PyTorch prints them."""
        p = self.pattern
        return f"{p.n_left}, {p.n_right}, edges={p.n_edges}"


class MaskedLinear(SparseLinear):
    """Dense weights [n_right, n_left] times a mask.

    What stands beside the edges starts at 0 and has a gradient of 0, so that no optimiser of this project moves it.
    """

    mask: Tensor

    def __init__(self, pattern: Pattern, dtype: torch.dtype = torch.float32) -> None:
        super().__init__(pattern, dtype)
        self._position = pattern.right.astype(np.int64) * pattern.n_left + pattern.left
        self.weight = nn.Parameter(torch.zeros(pattern.n_right, pattern.n_left, dtype=dtype))
        ones = np.ones(pattern.n_edges, np.float32)
        self.register_buffer("mask", torch.as_tensor(self._in_form(ones)).to(dtype), persistent=False)

    def forward(self, inputs: Tensor) -> Tensor:
        """Activations [b, n_left] to pre-activations [b, n_right]."""
        return functional.linear(inputs, self.weight * self.mask, self.bias)

    def edge_weights(self) -> np.ndarray:
        """See :class:`SparseLinear`."""
        return self._on_edges(self.weight)

    def edge_gradient(self) -> np.ndarray:
        """See :class:`SparseLinear`."""
        assert self.weight.grad is not None
        return self._on_edges(self.weight.grad)

    def _on_edges(self, matrix: Tensor) -> np.ndarray:
        return matrix.detach().numpy().reshape(-1)[self._position]

    def _in_form(self, weights: np.ndarray) -> np.ndarray:
        matrix = np.zeros((self.pattern.n_right, self.pattern.n_left), weights.dtype)
        matrix.reshape(-1)[self._position] = weights
        return matrix


class GatheredLinear(SparseLinear):
    """A weight per edge, [W]; memory and time grow with the edges.

    A right neuron is a bag of left neurons: its pre-activation is the weighted sum of the rows of the transposed activations
    [n_left, b] that its edges name. Right neurons may differ in their in-degrees.
    """

    left: Tensor
    start: Tensor

    def __init__(self, pattern: Pattern, dtype: torch.dtype = torch.float32) -> None:
        super().__init__(pattern, dtype)
        self.weight = nn.Parameter(torch.zeros(pattern.n_edges, dtype=dtype))
        self.register_buffer("left", torch.as_tensor(pattern.left.astype(np.int64)), persistent=False)
        self.register_buffer("start", torch.as_tensor(pattern.row_start[:-1].copy()), persistent=False)

    def forward(self, inputs: Tensor) -> Tensor:
        """Activations [b, n_left] to pre-activations [b, n_right]."""
        rows = inputs.t().contiguous()
        sums = functional.embedding_bag(self.left, rows, self.start, mode="sum", per_sample_weights=self.weight)
        return sums.t() + self.bias

    def edge_weights(self) -> np.ndarray:
        """See :class:`SparseLinear`."""
        return self.weight.detach().numpy().copy()

    def edge_gradient(self) -> np.ndarray:
        """See :class:`SparseLinear`."""
        assert self.weight.grad is not None
        return self.weight.grad.numpy().copy()

    def _in_form(self, weights: np.ndarray) -> np.ndarray:
        return weights


def sparse_linear(
    pattern: Pattern, form: Form | Literal["auto"] = "auto", dtype: torch.dtype = torch.float32
) -> SparseLinear:
    """A layer in the form asked for, or in the faster one (:data:`GATHERED_BELOW`)."""
    if form == "auto":
        form = "gathered" if pattern.density < GATHERED_BELOW else "masked"
    return (MaskedLinear if form == "masked" else GatheredLinear)(pattern, dtype)
