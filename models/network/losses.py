"""The cost of output activations, for reports; training uses the output deltas instead."""

import numpy as np
import numpy.typing as npt

from models.numbers.format import Format

Real = npt.NDArray[np.float64]


def mean_loss(
    outputs: npt.NDArray[np.float64], labels: npt.ArrayLike, output_neurons: np.ndarray, cost: str, step: float = 0.0
) -> float:
    """Mean over the samples of the cost summed over all output neurons, padded ones included (their target is 0).

    Parameters
    ----------
    outputs
        Real activations [n, N_L].
    labels
        Class of each sample, [n].
    output_neurons
        Output neuron of each class.
    cost
        ``cross_entropy``: binary, in nats; ``quadratic``: half the squared error.
    step
        Distance of neighbouring activations: a fixed-point output that cannot come closer to 0 or 1 is taken to be half
        a step away, since an exact 0 would cost infinitely much.
    """
    terms = _terms(outputs, np.zeros(1), cost, step)
    at = (np.arange(len(outputs)), output_neurons[np.asarray(labels)])
    terms[at] = _terms(outputs[at], np.ones(1), cost, step)
    return _mean(terms, cost)


def _terms(outputs: Real, target: Real, cost: str, step: float) -> Real:
    """What every output adds to the cost, but for a factor; the target is 0 or 1."""
    if cost == "quadratic":
        return (outputs - target) ** 2
    least = max(step / 2, np.finfo(np.float64).tiny)
    return np.log(np.clip(outputs if target[0] else 1 - outputs, least, 1))


def _mean(terms: Real, cost: str) -> float:
    return float((terms.sum() / 2 if cost == "quadratic" else -terms.sum()) / max(len(terms), 1))


class LevelLoss:
    """:func:`mean_loss` of fixed-point outputs, bit for bit: their levels are few, so that no logarithm is taken twice.

    Parameters
    ----------
    activation
        Format of the outputs; their distance is the ``step``.
    cost
        As there.
    """

    MOST_BITS = 16

    def __init__(self, activation: Format, cost: str) -> None:
        assert activation.width <= self.MOST_BITS
        self._cost = cost
        # In the order in which negative integers, as indices, count from the end.
        levels = activation.real(np.r_[0 : activation.highest + 1, activation.lowest : 0])
        self._others, self._own = (_terms(levels, np.array([t]), cost, 1 / activation.one) for t in (0.0, 1.0))

    def mean(self, outputs: npt.NDArray[np.int32], labels: npt.ArrayLike, output_neurons: np.ndarray) -> float:
        """Of integers [n, N_L] in the format."""
        terms = self._others[outputs]
        at = (np.arange(len(outputs)), output_neurons[np.asarray(labels)])
        terms[at] = self._own[outputs[at]]
        return _mean(terms, self._cost)
