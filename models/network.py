"""A network as a value: its patterns, activations and cost, and the weights and biases that training changes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.errors import InputError
from models.npz import read_npz
from models.number_system import NumberSystem
from models.pattern import Pattern

INITIALISATIONS = ("glorot_normal", "glorot_uniform", "he_normal", "he_uniform")


@dataclass(frozen=True, eq=False)
class Network:
    """What is trained, without its parameters.

    Attributes
    ----------
    patterns
        One per junction, from the input on.
    activations
        One name per junction: that of its right layer. ``softmax`` is allowed in the last place (float engine only).
    cost
        ``cross_entropy`` or ``quadratic``.
    output_neurons
        int64 [classes]: the output neuron that stands for each class; all others are padding.
    """

    patterns: tuple[Pattern, ...]
    activations: tuple[str, ...]
    cost: str
    output_neurons: npt.NDArray[np.int64]

    @property
    def layers(self) -> tuple[int, ...]:
        """N_0 .. N_L."""
        return (self.patterns[0].n_left, *(p.n_right for p in self.patterns))

    @property
    def n_edges(self) -> int:
        """Edges of all junctions."""
        return sum(p.n_edges for p in self.patterns)

    @property
    def classes(self) -> int:
        """Outputs that count."""
        return int(self.output_neurons.size)

    @property
    def density(self) -> float:
        """Edges over those of the fully connected network of the same layers."""
        return self.n_edges / sum(p.n_left * p.n_right for p in self.patterns)


@dataclass
class Parameters:
    """Weights in edge order and biases, per junction; integers for the fixed engine, floats for the float engine."""

    weights: list[np.ndarray]
    biases: list[np.ndarray]

    def copy(self) -> "Parameters":
        """A deep copy."""
        return Parameters([w.copy() for w in self.weights], [b.copy() for b in self.biases])

    def quantise(self, numbers: NumberSystem) -> "Parameters":
        """Nearest integers in the weight and bias formats (int32)."""
        return Parameters(
            [numbers.weight.quantise(w).astype(np.int32) for w in self.weights],
            [numbers.bias.quantise(b).astype(np.int32) for b in self.biases],
        )

    def real(self, numbers: NumberSystem) -> "Parameters":
        """The real values of integer parameters (float64)."""
        return Parameters([numbers.weight.real(w) for w in self.weights], [numbers.bias.real(b) for b in self.biases])

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays of ``initial.npz`` and ``final.npz``: ``weight_<i>`` [W_i] and ``bias_<i>`` [N_i], i = 1..L."""
        named = {f"weight_{i}": w for i, w in enumerate(self.weights, 1)}
        return named | {f"bias_{i}": b for i, b in enumerate(self.biases, 1)}

    @classmethod
    def read(cls, path: Path, network: Network, numbers: NumberSystem | None = None) -> "Parameters":
        """Read what :meth:`arrays` names; every shape (and with ``numbers`` every range) is checked."""
        arrays = read_npz(path)
        weights: list[np.ndarray] = []
        biases: list[np.ndarray] = []
        for i, pattern in enumerate(network.patterns, 1):
            for name, size, into in ((f"weight_{i}", pattern.n_edges, weights), (f"bias_{i}", pattern.n_right, biases)):
                if name not in arrays or arrays[name].shape != (size,):
                    shape = arrays[name].shape if name in arrays else "missing"
                    raise InputError(f"{path}:{name}", shape, f"must have shape ({size},)")
                if numbers is not None:
                    _check_integers(f"{path}:{name}", arrays[name], numbers, name.startswith("weight"))
                into.append(arrays[name])
        return cls(weights, biases)


def _check_integers(name: str, array: np.ndarray, numbers: NumberSystem, is_weight: bool) -> None:
    legal = numbers.weight if is_weight else numbers.bias
    if not np.issubdtype(array.dtype, np.integer):
        raise InputError(name, str(array.dtype), "must hold integers for a fixed-point engine")
    if array.size and (int(array.min()) < legal.lowest or int(array.max()) > legal.highest):
        raise InputError(
            name, f"{array.min()}..{array.max()}", f"must lie in {legal.lowest}..{legal.highest} (format {legal})"
        )


def initialise(network: Network, kind: str, fan: str, bias: float, rng: np.random.Generator) -> Parameters:
    """Draw initial parameters (float64).

    Parameters
    ----------
    kind
        ``glorot_*``: variance 2 / (fan-in + fan-out); ``he_*``: variance 2 / fan-in.
    fan
        ``sparse`` counts a neuron's actual edges (mean degrees where they vary), ``dense`` the neurons of the layers,
        which is what a masked dense layer of the common frameworks does.
    bias
        Initial value of every bias.
    """
    family, shape = kind.split("_")
    weights, biases = [], []
    for p in network.patterns:
        fan_in, fan_out = (p.n_left, p.n_right) if fan == "dense" else (p.n_edges / p.n_right, p.n_edges / p.n_left)
        deviation = np.sqrt(2 / (fan_in + fan_out if family == "glorot" else fan_in))
        if shape == "uniform":
            limit = deviation * np.sqrt(3)
            weights.append(rng.uniform(-limit, limit, p.n_edges))
        else:
            weights.append(rng.normal(0, deviation, p.n_edges))
        biases.append(np.full(p.n_right, float(bias)))
    return Parameters(weights, biases)
