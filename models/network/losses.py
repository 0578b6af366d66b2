"""The cost of output activations, for reports; training uses the output deltas instead."""

import numpy as np
import numpy.typing as npt


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
    targets = np.zeros_like(outputs)
    targets[np.arange(len(outputs)), output_neurons[np.asarray(labels)]] = 1
    if cost == "quadratic":
        return float(((outputs - targets) ** 2).sum() / 2 / max(len(outputs), 1))
    least = max(step / 2, np.finfo(np.float64).tiny)
    p = np.clip(np.where(targets == 1, outputs, 1 - outputs), least, 1)
    return float(-np.log(p).sum() / max(len(outputs), 1))
