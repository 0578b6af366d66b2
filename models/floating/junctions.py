"""How one junction of the float engine computes with a batch: through dense matrices or edge by edge."""

from typing import Protocol

import numpy as np

from models import sparse_kernels
from models.connectivity.pattern import Pattern


class Junction(Protocol):
    """Products of one junction with a batch of b samples; all arrays are of the engine's type and C-contiguous."""

    def first(self, samples: np.ndarray) -> np.ndarray:
        """Samples [b, n_left], as a data set holds them, as the activations [n_left, b] that this junction wants."""

    def sums(self, left: np.ndarray, out: np.ndarray) -> None:
        """Σ w a for every right neuron: activations [n_left, b] to ``out`` [n_right, b]."""

    def partial_deltas(self, delta: np.ndarray, out: np.ndarray) -> None:
        """Σ w δ for every left neuron: deltas [n_right, b] to ``out`` [n_left, b]."""

    def gradient(self, left: np.ndarray, delta: np.ndarray) -> None:
        """Σ over the batch of a δ for every edge, into the gradient given at the start."""

    def refresh(self) -> None:
        """Take notice of changed weights."""


class DenseJunction:
    """Through a matrix [n_right, n_left] that is 0 where there is no edge.

    Parameters
    ----------
    pattern
        The edges.
    weights, gradient
        [W] in edge order, shared with the engine: the former is read, the latter written.
    """

    def __init__(self, pattern: Pattern, weights: np.ndarray, gradient: np.ndarray) -> None:
        shape = (pattern.n_right, pattern.n_left)
        self._weights, self._gradient = weights, gradient
        position = pattern.right.astype(np.int64) * pattern.n_left + pattern.left
        self._in_place = pattern.n_edges == position.size == shape[0] * shape[1] and bool((np.diff(position) == 1).all())
        if self._in_place:
            self._matrix, self._product = weights.reshape(shape), gradient.reshape(shape)
        else:
            self._position = position.astype(np.uint32)
            self._matrix, self._product = np.zeros(shape, weights.dtype), np.empty(shape, weights.dtype)

    def first(self, samples: np.ndarray) -> np.ndarray:
        """See :class:`Junction`; BLAS reads either order."""
        return samples.T

    def sums(self, left: np.ndarray, out: np.ndarray) -> None:
        """See :class:`Junction`."""
        np.matmul(self._matrix, left, out=out)

    def partial_deltas(self, delta: np.ndarray, out: np.ndarray) -> None:
        """See :class:`Junction`."""
        np.matmul(self._matrix.T, delta, out=out)

    def gradient(self, left: np.ndarray, delta: np.ndarray) -> None:
        """See :class:`Junction`."""
        np.matmul(delta, left.T, out=self._product)
        if not self._in_place:
            sparse_kernels.gather(self._product.reshape(-1), self._position, self._gradient)

    def refresh(self) -> None:
        """See :class:`Junction`."""
        if not self._in_place:
            sparse_kernels.scatter(self._weights, self._position, self._matrix.reshape(-1))


class SparseJunction:
    """Edge by edge; takes memory for edges only. Parameters as for :class:`DenseJunction`."""

    def __init__(self, pattern: Pattern, weights: np.ndarray, gradient: np.ndarray) -> None:
        self._weights, self._gradient = weights, gradient
        self._left = pattern.left.astype(np.uint32)
        self._right_start = pattern.row_start
        self._by_left = pattern.left_order.astype(np.uint32)
        self._right = pattern.right[pattern.left_order].astype(np.uint32)
        self._left_start = np.concatenate(([0], np.cumsum(pattern.out_degrees)))
        self._weights_by_left = np.empty_like(weights)
        self._samples = np.empty((0, 0), weights.dtype)

    def first(self, samples: np.ndarray) -> np.ndarray:
        """See :class:`Junction`; the result is overwritten by the next call."""
        if self._samples.size < samples.size:
            self._samples = np.empty(samples.size, samples.dtype)
        out = self._samples[: samples.size].reshape(samples.shape[::-1])
        sparse_kernels.transpose(samples, out)
        return out

    def sums(self, left: np.ndarray, out: np.ndarray) -> None:
        """See :class:`Junction`."""
        sparse_kernels.weighted_sums(self._weights, self._left, self._right_start, left, out)

    def partial_deltas(self, delta: np.ndarray, out: np.ndarray) -> None:
        """See :class:`Junction`; the same sums, with the edges sorted by left neuron."""
        sparse_kernels.gather(self._weights, self._by_left, self._weights_by_left)
        sparse_kernels.weighted_sums(self._weights_by_left, self._right, self._left_start, delta, out)

    def gradient(self, left: np.ndarray, delta: np.ndarray) -> None:
        """See :class:`Junction`."""
        sparse_kernels.edge_products(self._left, self._right_start, left, delta, self._gradient)

    def refresh(self) -> None:
        """See :class:`Junction`; the weights are read afresh every time."""
