"""Weights and biases, real or integer, and how they are initialised."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from models.errors import InputError
from models.files.npz import read_npz
from models.network.network import Network
from models.numbers.system import NumberSystem

INITIALISATIONS = ("glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "he_positive")


@dataclass
class Parameters(ABC):
    """Weights in edge order and biases, per junction; what real and integer parameters have in common.

    Attributes
    ----------
    weights, biases
        [W_i] and [N_i] for each junction i = 1..L.

    Raises
    ------
    InputError
        If an array holds another kind of number than the class is for.
    """

    weights: list[np.ndarray]
    biases: list[np.ndarray]

    kinds: ClassVar[str]
    """Kinds of the dtypes that the arrays may have."""
    meaning: ClassVar[str]
    """What the arrays hold, in words."""

    def __post_init__(self) -> None:
        for name, array in self.arrays().items():
            if array.dtype.kind not in self.kinds:
                raise InputError(name, str(array.dtype), f"must hold {self.meaning}")

    @abstractmethod
    def quantise(self, numbers: NumberSystem) -> "IntegerParameters":
        """As int32 in the weight and bias formats."""

    @abstractmethod
    def real(self, numbers: NumberSystem) -> "RealParameters":
        """As the real numbers that they stand for."""

    @classmethod
    def of_this_kind(cls, given: "Parameters") -> Self:
        """``given`` itself, refused if it is of another kind: a conversion that nobody asked for would go unnoticed."""
        if not isinstance(given, cls):
            raise InputError("parameters", type(given).__name__, f"must be {cls.__name__}, which hold {cls.meaning}")
        return given

    def copy(self) -> Self:
        """A deep copy."""
        return type(self)([w.copy() for w in self.weights], [b.copy() for b in self.biases])

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays of ``initial.npz`` and ``final.npz``: ``weight_<i>`` [W_i] and ``bias_<i>`` [N_i], i = 1..L."""
        named = {f"weight_{i}": w for i, w in enumerate(self.weights, 1)}
        return named | {f"bias_{i}": b for i, b in enumerate(self.biases, 1)}

    def check_shapes(self, network: Network, where: str = "") -> None:
        """Refuse arrays that are not those of ``network``; ``where`` stands in front of their names."""
        sizes = {f"weight_{i}": p.n_edges for i, p in enumerate(network.patterns, 1)}
        sizes |= {f"bias_{i}": p.n_right for i, p in enumerate(network.patterns, 1)}
        arrays = self.arrays()
        if more := sorted(arrays.keys() - sizes):
            raise InputError(f"{where}{more[0]}", None, f"belongs to no junction: there are {len(network.patterns)}")
        for name, size in sizes.items():
            _check_shape(f"{where}{name}", arrays.get(name), size)

    @classmethod
    def read(cls, path: Path, network: Network, numbers: NumberSystem | None = None) -> Self:
        """Read what :meth:`arrays` names; every shape (and with ``numbers`` every range) is checked.

        The dtype in the file says which kind it holds: called on this class, either is read; called on one of the two
        kinds, the other is refused. ``numbers`` asks for integers, too.
        """
        arrays = read_npz(path)
        weights: list[np.ndarray] = []
        biases: list[np.ndarray] = []
        kind: type[Parameters] | None = None if numbers is None else IntegerParameters
        rule = f"must hold {IntegerParameters.meaning} for a fixed-point engine"
        for i, pattern in enumerate(network.patterns, 1):
            for name, size, into in ((f"weight_{i}", pattern.n_edges, weights), (f"bias_{i}", pattern.n_right, biases)):
                array = arrays.get(name)
                _check_shape(f"{path}:{name}", array, size)
                assert array is not None
                if kind is None:  # the first array speaks for all
                    kind = _kind(f"{path}:{name}", array)
                    rule = f"must hold {kind.meaning}, as {name} does"
                if array.dtype.kind not in kind.kinds:
                    raise InputError(f"{path}:{name}", str(array.dtype), rule)
                into.append(array)
        assert kind is not None  # a network has a junction
        found = kind(weights, biases)
        if numbers is not None and isinstance(found, IntegerParameters):
            found.check_ranges(numbers, f"{path}:")
        if not isinstance(found, cls):
            raise InputError(str(path), found.meaning, f"must hold {cls.meaning}")
        return found


class RealParameters(Parameters):
    """Floating-point weights and biases: what is drawn, what the float engine trains."""

    kinds = "f"
    meaning = "floating-point numbers"

    def quantise(self, numbers: NumberSystem) -> "IntegerParameters":
        """Nearest integers in the weight and bias formats (int32): floor(v 2**f + 1/2), clipped to the format.

        Raises
        ------
        InputError
            If one of them is no number (NaN), to which no integer is near.
        """
        for name, array in self.arrays().items():
            if np.isnan(array).any():
                raise InputError(name, "nan", "is no number, so that no integer is nearest to it")
        return IntegerParameters(
            [numbers.weight.quantise(w).astype(np.int32) for w in self.weights],
            [numbers.bias.quantise(b).astype(np.int32) for b in self.biases],
        )

    def real(self, numbers: NumberSystem) -> "RealParameters":
        """These."""
        return self

    def check_finite(self, where: str = "") -> None:
        """Refuse NaN and infinity; ``where`` stands in front of the arrays' names."""
        for name, array in self.arrays().items():
            if not np.isfinite(array).all():
                raise InputError(f"{where}{name}", float(array[~np.isfinite(array)][0]), "must hold finite numbers")


class IntegerParameters(Parameters):
    """Fixed-point weights and biases: what the fixed engine, the machine and the hardware compute with."""

    kinds = "iu"
    meaning = "integers"

    def quantise(self, numbers: NumberSystem) -> "IntegerParameters":
        """The same integers as int32.

        Raises
        ------
        InputError
            If one of them lies outside its format.
        """
        self.check_ranges(numbers)
        return IntegerParameters(*([a.astype(np.int32) for a in part] for part in (self.weights, self.biases)))

    def real(self, numbers: NumberSystem) -> RealParameters:
        """The real values (float64)."""
        return RealParameters([numbers.weight.real(w) for w in self.weights], [numbers.bias.real(b) for b in self.biases])

    def check_ranges(self, numbers: NumberSystem, where: str = "") -> None:
        """Refuse integers outside their formats; ``where`` stands in front of the arrays' names."""
        for name, array in self.arrays().items():
            legal = numbers.weight if name.startswith("weight") else numbers.bias
            if array.size and (int(array.min()) < legal.lowest or int(array.max()) > legal.highest):
                rule = f"must lie in {legal.lowest}..{legal.highest} (format {legal})"
                raise InputError(f"{where}{name}", f"{array.min()}..{array.max()}", rule)


def _kind(name: str, array: np.ndarray) -> type[Parameters]:
    for kind in (IntegerParameters, RealParameters):
        if array.dtype.kind in kind.kinds:
            return kind
    raise InputError(name, str(array.dtype), "must hold integers or floating-point numbers")


def _check_shape(name: str, array: np.ndarray | None, size: int) -> None:
    if array is None or array.shape != (size,):
        raise InputError(name, "missing" if array is None else array.shape, f"must have shape ({size},)")


def initialise(network: Network, kind: str, fan: str, bias: float, rng: np.random.Generator) -> RealParameters:
    """Draw initial parameters (float64).

    Parameters
    ----------
    kind
        ``glorot_*``: variance 2 / (fan-in + fan-out); ``he_*``: variance 2 / fan-in. ``he_positive`` is ``he_normal``
        with the absolute values in the first junction: where inputs are never negative, a neuron of few edges could
        otherwise have negative ones only, and a ReLU that is dead from the start.
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
            drawn = rng.normal(0, deviation, p.n_edges)
            weights.append(np.abs(drawn) if shape == "positive" and not weights else drawn)
        biases.append(np.full(p.n_right, float(bias)))
    return RealParameters(weights, biases)
