"""Junctions as the dense matrices that other programs know, with the masks of their edges."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hwsim.configuration.configuration import Configuration
from models.connectivity.pattern import Pattern
from models.network.parameters import IntegerParameters, Parameters
from models.numbers.format import Format


@dataclass(frozen=True, eq=False)
class Junction:
    """One junction as matrices.

    Attributes
    ----------
    weight, bias
        [n_right, n_left] and [n_right]: int32 of the fixed-point engines, else float64.
    mask
        bool of the shape of the weights, true where an edge is; None if every place has one.
    activation
        Its name in the configuration.
    weight_format, bias_format
        Of the integers; None of real numbers.
    """

    weight: np.ndarray
    bias: np.ndarray
    mask: np.ndarray | None
    activation: str
    weight_format: Format | None
    bias_format: Format | None

    @property
    def real(self) -> tuple[np.ndarray, np.ndarray]:
        """Weights and biases as real numbers, float64."""
        pairs = (self.weight, self.weight_format), (self.bias, self.bias_format)
        weight, bias = (a.astype(np.float64) if of is None else of.real(a) for a, of in pairs)
        return weight, bias


def junctions(config: Configuration, patterns: Sequence[Pattern], parameters: Parameters) -> list[Junction]:
    """A network as matrices."""
    numbers = config.numbers.system if isinstance(parameters, IntegerParameters) else None
    found = []
    for i, pattern in enumerate(patterns):
        weight = np.zeros((pattern.n_right, pattern.n_left), parameters.weights[i].dtype)
        mask = np.zeros(weight.shape, bool)
        weight[pattern.right, pattern.left] = parameters.weights[i]
        mask[pattern.right, pattern.left] = True
        formats = (None, None) if numbers is None else (numbers.weight, numbers.bias)
        edges = None if mask.all() else mask
        found.append(Junction(weight, parameters.biases[i], edges, config.network.activations[i], *formats))
    return found


def real_type(found: Sequence[Junction]) -> type[np.floating]:
    """Single precision where that holds every number exactly, else double."""
    arrays = [array for junction in found for array in junction.real]
    with np.errstate(over="ignore"):  # what is infinite is not the same
        single = all((array == array.astype(np.float32)).all() for array in arrays)
    return np.float32 if single else np.float64
