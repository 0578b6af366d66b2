"""Whether a network was trained on normalised inputs, judged by what it predicts."""

from dataclasses import dataclass

import numpy as np

from models.floating.engine import FloatEngine
from models.network.network import Network
from models.network.parameters import RealParameters

_USUAL = ((0.5, 0.5), (0.0, 0.0039))
"""Mean and deviation: inputs in −1..1, and bytes as they are."""

_LEAST_RISE = 0.02
_LEAST_SIGNIFICANCE = 4.0
"""Standard deviations by which samples that turn right must outnumber those that turn wrong."""


@dataclass(frozen=True)
class Normalisation:
    """``mean`` and ``deviation`` with which more samples are predicted right, and the shares right without and with."""

    mean: float
    deviation: float
    without: float
    with_it: float


def suspected(
    network: Network, parameters: RealParameters, inputs: np.ndarray, labels: np.ndarray, features: np.ndarray
) -> Normalisation | None:
    """The usual normalisation with which the network predicts clearly more samples right, if there is one.

    Tried are the samples' own mean and deviation, -1..1 and bytes. A network predicts best on inputs like those that it was
    trained on, so one that was trained on inputs as they are gains nothing.

    Parameters
    ----------
    parameters
        Real numbers, for inputs as they are.
    inputs, labels
        Samples [n, N_0] and classes [n].
    features
        The inputs without padding, [n, features]: whose mean and deviation are meant.
    """
    own = (round(float(features.mean()), 4), round(float(features.std()), 4))
    before = _right(network, parameters, inputs, labels)
    best: Normalisation | None = None
    for mean, deviation in (own, *_USUAL):
        if deviation == 0:
            continue
        after = _right(network, parameters, (inputs - mean) / deviation, labels)
        better, worse = int((after & ~before).sum()), int((before & ~after).sum())
        rise = (better - worse) / len(labels)
        clear = better - worse > _LEAST_SIGNIFICANCE * np.sqrt(better + worse)
        if clear and rise >= _LEAST_RISE and (best is None or after.mean() > best.with_it):
            best = Normalisation(mean, deviation, float(before.mean()), float(after.mean()))
    return best


def _right(network: Network, parameters: RealParameters, inputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Which samples are predicted right, bool [n]."""
    return FloatEngine(network, parameters, dtype=np.float64).predict(inputs) == labels
