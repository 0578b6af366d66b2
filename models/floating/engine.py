"""The floating-point reference: training of pre-defined sparse networks in mini-batches or sample by sample.

Backpropagation as in the papers (Dey et al., arXiv 1812.01164, section II): s = W a + b, δ_left = (Wᵀ δ) ∘ a', gradient of
an edge = mean over the batch of a_left δ_right. Only existing edges hold a weight. A junction computes in one of two ways
that agree to rounding: through a dense matrix and BLAS, or edge by edge; :data:`DENSE_FROM` says which.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from models import sparse_kernels
from models.errors import InputError
from models.floating import kernels
from models.floating.flat_network import flatten
from models.floating.junctions import DenseJunction, Junction, SparseJunction
from models.floating.optimisers import Optimiser, OptimiserState, all_exactly
from models.network.activations import ACTIVATIONS
from models.network.network import Network
from models.network.order import SEQUENTIAL, Hops
from models.network.parameters import RealParameters

DENSE_FROM = 0.3
"""Density from which a junction computes with dense matrices. Measured in float32 on one core: BLAS makes 80 GFLOP/s where
the edge loops make 20 to 30, and the two meet at densities of 0.3 to 0.4. A matrix takes at most 1 / DENSE_FROM times the
memory of the edges."""

EVALUATION_BATCH = 256
"""Samples fed forward at once where nothing is learned."""

_CLIPPED = {"relu": (0.0, np.inf), "clipped_relu": (0.0, 1.0)}
"""Activations that are applied together with the bias, as the limits of what they let through."""


class Trained(NamedTuple):
    """Running figures of a pass: each sample as the network stood before it was learned from.

    ``predictions`` int64 [n]; ``loss`` is the cost summed over the samples, without the L2 penalty.
    """

    predictions: npt.NDArray[np.int64]
    loss: float


class FloatEngine:
    """A network in training.

    Outputs without a class (padding) are trained towards 0, as in the hardware; only with softmax they take no part:
    probability 0 (pre-activation −∞), no gradient.

    Results repeat bit for bit on one machine, however many threads it offers: BLAS is held to one. Another processor may
    round differently.

    Parameters
    ----------
    network
        Activations and cost as :func:`models.floating.flat_network.flatten` allows.
    parameters
        Initial weights and biases (copied).
    optimiser
        The update rule.
    l2
        λ of the penalty λ Σ w² over all weights, biases excepted (the convention of Keras: gradient 2 λ w).
    dtype
        float32 or float64, for parameters and arithmetic. Losses are always summed in float64.
    dense_from
        In place of :data:`DENSE_FROM`.
    scales
        At how many times the rate the weights of each junction learn, see :func:`models.floating.optimisers.rate_scales`;
        default: at the rate itself, as biases do.
    """

    def __init__(
        self,
        network: Network,
        parameters: RealParameters,
        optimiser: Optimiser | None = None,
        l2: float = 0.0,
        dtype: npt.DTypeLike = np.float32,
        dense_from: float = DENSE_FROM,
        scales: Sequence[float] | None = None,
    ) -> None:
        if not 0 <= l2 < np.inf:
            raise InputError("l2", l2, "must not be negative, and finite", [0.0])
        self.network = network
        self.l2 = float(l2)
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.float32, np.float64):
            raise InputError("dtype", str(self.dtype), "must be a type the engine computes in", ["float32", "float64"])
        self._flat = flatten(network)
        size = network.n_edges + sum(network.layers[1:])
        self._values = np.zeros(size, self.dtype)
        self._gradient = np.zeros(size, self.dtype)
        self._scales = np.ones(len(network.patterns)) if scales is None else np.array(scales, np.float64)
        runs = [(p.n_edges, float(s)) for p, s in zip(network.patterns, self._scales, strict=True)]
        self._state = OptimiserState(optimiser or Optimiser(), size, self.dtype, runs)
        self._own, self._own_gradient = self._split(self._values), self._split(self._gradient)
        self._junctions: list[Junction] = [
            (DenseJunction if pattern.density >= dense_from else SparseJunction)(pattern, weights, gradient)
            for pattern, weights, gradient in zip(
                network.patterns, self._own.weights, self._own_gradient.weights, strict=True
            )
        ]
        given = RealParameters.of_this_kind(parameters).arrays()
        self._load(all_exactly({name: self._cast(name, array) for name, array in given.items()}, self._own.arrays()))
        self._batch = 0
        self._sums: list[np.ndarray] = []
        self._deltas: list[np.ndarray] = []

    def _cast(self, name: str, array: np.ndarray) -> np.ndarray:
        """A given array in the type of the engine; numbers that this type lacks are refused."""
        with np.errstate(over="ignore"):
            cast = array.astype(self.dtype)
        lost = np.isinf(cast) & np.isfinite(array)
        if lost.any():
            raise InputError(name, float(array[lost][0]), f"must be a number that {self.dtype} holds")
        return cast

    @property
    def optimiser(self) -> Optimiser:
        """The update rule."""
        return self._state.optimiser

    @property
    def parameters(self) -> RealParameters:
        """Weights in edge order and biases, copied to float64."""
        return RealParameters(*([a.astype(np.float64) for a in part] for part in (self._own.weights, self._own.biases)))

    @property
    def penalty(self) -> float:
        """λ Σ w², to be added to the mean loss for the cost that training lowers."""
        weights = self._values[: self.network.n_edges].astype(np.float64)
        return self.l2 * float(weights @ weights)

    def train(self, inputs: np.ndarray, labels: np.ndarray, batch_size: int = 1, rate: float | None = None) -> Trained:
        """Learn from every sample once, in the order given.

        Parameters
        ----------
        inputs
            [n, N_0], floating.
        labels
            Class of each sample, integers [n].
        batch_size
            Samples per update; the last batch may be short. 1 is the textbook order, a sample finished before the next.
        rate
            In place of the optimiser's learning rate during this call (decay still applies).
        """
        if batch_size < 1:
            raise InputError("batch_size", batch_size, "must be positive", [1])
        if batch_size == 1:
            return self.train_pipelined(inputs, labels, SEQUENTIAL, rate)
        labels = self._check(inputs, labels)
        predictions = np.empty(labels.size, np.int64)
        loss = 0.0
        with _one_thread():
            for at in _slices(labels.size, batch_size):
                loss += self._backpropagate(inputs[at], labels[at], predictions[at])
                self._state.step(self._values, self._gradient, rate)
                self._refresh()
        return Trained(predictions, loss)

    def train_pipelined(
        self, inputs: np.ndarray, labels: np.ndarray, hops: Hops, rates: npt.ArrayLike | None = None
    ) -> Trained:
        """Learn from single samples in the order of a pipeline, which is drained at the end of the call.

        Parameters
        ----------
        inputs, labels
            As for :meth:`train`.
        hops
            The order; :data:`models.network.order.SEQUENTIAL` is that of :meth:`train`.
        rates
            Learning rate that travels with each sample, scalar or [n], in place of the optimiser's.
        """
        labels = self._check(inputs, labels)
        each = np.full(labels.size, self.optimiser.rate if rates is None else rates, np.float64)
        banks, neurons = hops.drain(len(self._junctions)) + 1, sum(self.network.layers)
        predictions = np.empty(labels.size, np.int64)
        loss = kernels.train_samples(
            self._flat,
            (hops.forward, hops.turn, hops.backward),
            np.ascontiguousarray(inputs, self.dtype),
            labels,
            each,
            self._scales,
            self.optimiser.code,
            self.optimiser.hyper(),
            self._state.iterations,
            2 * self.l2,
            self._values,
            self._gradient,
            self._state.first,
            self._state.second,
            np.zeros((banks, neurons), self.dtype),
            np.zeros((banks, self.network.n_edges), self.dtype),
            np.zeros((banks, neurons), self.dtype),
            predictions,
        )
        self._state.iterations += labels.size
        self._refresh()
        return Trained(predictions, loss)

    def outputs(self, inputs: np.ndarray) -> np.ndarray:
        """Activations of the output layer, [n, N_L] in :attr:`dtype`."""
        self._check(inputs, np.zeros(len(inputs), np.int64))
        out = np.empty((len(inputs), self.network.layers[-1]), self.dtype)
        name, classes = self.network.activations[-1], self.network.output_neurons
        with _one_thread():
            for at in _slices(len(inputs), EVALUATION_BATCH):
                sums = self._feed_forward(inputs[at])[-1].T
                if name == "softmax":
                    powers = np.exp(sums[:, classes] - sums[:, classes].max(axis=1, keepdims=True))
                    out[at] = 0
                    out[at, classes] = powers / powers.sum(axis=1, keepdims=True)
                else:
                    out[at] = ACTIVATIONS[name].value(sums)
        return out

    def predict(self, inputs: np.ndarray) -> npt.NDArray[np.int64]:
        """Lowest class with the greatest pre-activation, int64 [n]."""
        return self._evaluate(inputs, np.zeros(len(inputs), np.int64)).predictions

    def evaluate(self, inputs: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
        """Share of samples classified correctly, and mean loss without the L2 penalty."""
        if not len(inputs):
            raise InputError("inputs", 0, "must hold a sample to be evaluated", [1])
        predictions, loss = self._evaluate(inputs, labels)
        return float(np.mean(predictions == labels)), loss / len(predictions)

    def gradients(self, inputs: np.ndarray, labels: np.ndarray) -> RealParameters:
        """Gradient of mean loss + :attr:`penalty` over all samples as one batch (float64); nothing is learned."""
        labels = self._check(inputs, labels)
        with _one_thread():
            self._backpropagate(inputs, labels, np.empty(labels.size, np.int64))
        named = self._own_gradient
        return RealParameters(*([a.astype(np.float64) for a in part] for part in (named.weights, named.biases)))

    def arrays(self) -> dict[str, np.ndarray]:
        """Copies of everything an exact continuation needs.

        Those of :meth:`models.network.parameters.Parameters.arrays` in :attr:`dtype`, and the optimiser's with the prefix
        ``optimiser_``.
        """
        state = {f"optimiser_{name}": array for name, array in self._state.arrays().items()}
        return self._own.copy().arrays() | state

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Continue exactly where :meth:`arrays` was called.

        Values need not be finite: a training that has diverged goes on like any other.

        Raises
        ------
        InputError
            If an array is missing, is none of this engine's, or cannot be held without loss; then nothing has changed.
        """
        prefix = "optimiser_"
        parameters = all_exactly({k: a for k, a in arrays.items() if not k.startswith(prefix)}, self._own.arrays())
        self._state.restore({k.removeprefix(prefix): a for k, a in arrays.items() if k.startswith(prefix)})
        self._load(parameters)

    def _load(self, parameters: dict[str, np.ndarray]) -> None:
        for name, own in self._own.arrays().items():
            own[:] = parameters[name]
        self._refresh()

    def _refresh(self) -> None:
        for junction in self._junctions:
            junction.refresh()

    def _split(self, flat: np.ndarray) -> RealParameters:
        """Views of the junctions' weights and the layers' biases in a vector of all parameters."""
        sizes = [p.n_edges for p in self.network.patterns] + [p.n_right for p in self.network.patterns]
        parts = np.split(flat, np.cumsum(sizes)[:-1])
        return RealParameters(parts[: len(sizes) // 2], parts[len(sizes) // 2 :])

    def _reserve(self, batch: int) -> None:
        if batch > self._batch:
            self._batch = batch
            self._sums = [np.empty(n * batch, self.dtype) for n in self.network.layers[1:]]
            self._deltas = [np.empty(n * batch, self.dtype) for n in self.network.layers[1:]]

    def _feed_forward(self, inputs: np.ndarray) -> list[np.ndarray]:
        """Activations [N_i, b] of layers 0..L, except that layer L stays at its pre-activations."""
        batch = len(inputs)
        self._reserve(batch)
        layers = [self._junctions[0].first(np.ascontiguousarray(inputs, self.dtype))]
        for i, junction in enumerate(self._junctions):
            sums = self._sums[i][: self.network.layers[i + 1] * batch].reshape(-1, batch)
            junction.sums(layers[i], sums)
            name = self.network.activations[i] if i + 1 < len(self._junctions) else "none"
            sparse_kernels.add_bias(self._own.biases[i], *_CLIPPED.get(name, (-np.inf, np.inf)), sums)
            if name in ACTIVATIONS and name not in _CLIPPED:
                sums[:] = ACTIVATIONS[name].value(sums)
            layers.append(sums)
        return layers

    def _judge(self, sums: np.ndarray, labels: np.ndarray, predictions: np.ndarray) -> tuple[float, np.ndarray]:
        """Summed loss and output deltas of a batch; writes ``predictions``."""
        delta = self._deltas[-1][: sums.size].reshape(sums.shape)
        net = self._flat
        loss = kernels.output_layer(
            net.codes[-1], net.quadratic, net.classes, sums, labels, 1 / labels.size, delta, predictions
        )
        return loss, delta

    def _backpropagate(self, inputs: np.ndarray, labels: np.ndarray, predictions: np.ndarray) -> float:
        """Gradient of one batch, and its summed loss."""
        layers = self._feed_forward(inputs)
        loss, delta = self._judge(layers[-1], labels, predictions)
        for i in reversed(range(len(self._junctions))):
            self._junctions[i].gradient(layers[i], delta)
            sparse_kernels.row_sums(delta, self._own_gradient.biases[i])
            if i:
                left = self._deltas[i - 1][: layers[i].size].reshape(layers[i].shape)
                self._junctions[i].partial_deltas(delta, left)
                kernels.apply_derivative(self._flat.codes[i - 1], layers[i].reshape(-1), left.reshape(-1))
                delta = left
        if self.l2:
            edges = self.network.n_edges
            kernels.add_penalty(2 * self.l2, self._values[:edges], self._gradient[:edges])
        return loss

    def _evaluate(self, inputs: np.ndarray, labels: np.ndarray) -> Trained:
        labels = self._check(inputs, labels)
        predictions = np.empty(labels.size, np.int64)
        loss = 0.0
        with _one_thread():
            for at in _slices(labels.size, EVALUATION_BATCH):
                loss += self._judge(self._feed_forward(inputs[at])[-1], labels[at], predictions[at])[0]
        return Trained(predictions, loss)

    def _check(self, inputs: np.ndarray, labels: np.ndarray) -> npt.NDArray[np.int64]:
        """Labels in the kernels' type, once both arrays are known to fit."""
        labels = np.asarray(labels)
        width, classes = self.network.layers[0], self.network.classes
        if inputs.ndim != 2 or inputs.shape[1] != width:
            raise InputError("inputs", inputs.shape, f"must have shape (n, {width})")
        if not np.issubdtype(inputs.dtype, np.floating):
            raise InputError("inputs", str(inputs.dtype), "must be real numbers of a floating type", ["float32"])
        if labels.shape != (len(inputs),) or not np.issubdtype(labels.dtype, np.integer):
            raise InputError("labels", f"{labels.dtype}{list(labels.shape)}", f"must be integers of shape ({len(inputs)},)")
        if labels.size and not (0 <= int(labels.min()) and int(labels.max()) < classes):
            raise InputError("labels", f"{labels.min()}..{labels.max()}", f"must lie in 0..{classes - 1}")
        return np.ascontiguousarray(labels, np.int64)


def _slices(n: int, size: int) -> Iterator[slice]:
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


@cache
def _thread_pools() -> ThreadpoolController:
    return ThreadpoolController()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Hold BLAS to one thread: several would share out sums differently from machine to machine."""
    with _thread_pools().limit(limits=1, user_api="blas"):
        yield
