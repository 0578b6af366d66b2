"""Update rules of the float engine: gradient descent, momentum and Adam, with the decay of the papers' framework.

The papers trained with Keras 2.2; its rules are reproduced, constants included. With the update number t = 0, 1, 2, ...
and the gradient g of the cost:

========  ====================================================================================================
decay     r_t = rate / (1 + decay t), for every rule
sgd       w ← w − r_t g
momentum  v ← momentum v − r_t g; w ← w + v
adam      m ← beta1 m + (1 − beta1) g; v ← beta2 v + (1 − beta2) g²;
          w ← w − r_t √(1 − beta2^(t+1)) / (1 − beta1^(t+1)) · m / (√v + epsilon)   (Kingma and Ba, arXiv 1412.6980)
========  ====================================================================================================
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from models.errors import InputError
from models.floating import kernels

Kind = Literal["sgd", "momentum", "adam"]
OPTIMISERS: tuple[str, ...] = get_args(Kind)

_MOST_ITERATIONS = 1 << 62
"""Clear of the end of int64, in which compiled loops count."""

_MOMENTS = {"sgd": (), "momentum": ("first",), "adam": ("first", "second")}


@dataclass(frozen=True)
class Optimiser:
    """What an update does; what it remembers is an :class:`OptimiserState`.

    Attributes
    ----------
    kind
        ``sgd``, ``momentum`` or ``adam``.
    rate
        Learning rate before decay.
    decay
        Per update, see the head of this module.
    momentum
        Of ``momentum``.
    beta1, beta2, epsilon
        Of ``adam``. Keras 2.2 has an epsilon of 1e-7; 1e-8 stood in Keras up to 2.1 and stands in the paper of Adam.
    """

    kind: Kind = "adam"
    rate: float = 1e-3
    decay: float = 0.0
    momentum: float = 0.9
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-7

    def __post_init__(self) -> None:
        if self.kind not in OPTIMISERS:
            raise InputError("optimiser.kind", self.kind, "must be a known optimiser", OPTIMISERS)
        for name in ("rate", "epsilon"):
            value = getattr(self, name)
            if not 0 < value < np.inf:
                raise InputError(f"optimiser.{name}", value, "must be positive and finite")
        if not 0 <= self.decay < np.inf:
            raise InputError("optimiser.decay", self.decay, "must not be negative, and finite", [0.0])
        for name in ("momentum", "beta1", "beta2"):
            value = getattr(self, name)
            if not 0 <= value < 1:
                raise InputError(f"optimiser.{name}", value, "must lie in [0, 1)")

    @property
    def code(self) -> int:
        """The kernels' number for :attr:`kind`."""
        return kernels.OPTIMISER_CODES[self.kind]

    def hyper(self, rate: float | None = None) -> npt.NDArray[np.float64]:
        """float64 [6] as the kernels take it, with ``rate`` in place of the optimiser's own if given."""
        used = self.rate if rate is None else rate
        return np.array([used, self.decay, self.momentum, self.beta1, self.beta2, self.epsilon])


class OptimiserState:
    """The memory of an optimiser for a flat vector of parameters.

    Parameters
    ----------
    optimiser
        The rule.
    size
        Parameters.
    dtype
        float32 or float64, that of the parameters.
    scales
        (n, factor) of runs at the head of the vector: so many parameters learn at so many times the rate; the rest at the
        rate itself.

    Attributes
    ----------
    iterations
        Updates made so far.
    first, second
        [size]: velocity or first moment, and second moment; length 0 where the rule has none.
    """

    def __init__(
        self, optimiser: Optimiser, size: int, dtype: npt.DTypeLike, scales: Sequence[tuple[int, float]] = ()
    ) -> None:
        self.optimiser = optimiser
        self._runs = _runs(size, scales)
        self.iterations = 0
        moments = _MOMENTS[optimiser.kind]
        self.first: np.ndarray = np.zeros(size if "first" in moments else 0, dtype)
        self.second: np.ndarray = np.zeros(size if "second" in moments else 0, dtype)

    def step(self, values: np.ndarray, gradient: np.ndarray, rate: float | None = None) -> None:
        """Update ``values`` [size] in place; ``rate`` stands in for the optimiser's own (decay still applies)."""
        for at, factor in self._runs:
            hyper = self.optimiser.hyper(rate)
            hyper[0] *= factor
            moments = self.first[at], self.second[at]
            kernels.step(self.optimiser.code, hyper, self.iterations, values[at], gradient[at], *moments)
        self.iterations += 1

    def arrays(self) -> dict[str, np.ndarray]:
        """Copies of what an exact continuation needs: ``iterations`` (int64, no axes) and the moments in use."""
        named: dict[str, np.ndarray] = {"iterations": np.array(self.iterations, np.int64)}
        return named | {name: getattr(self, name).copy() for name in _MOMENTS[self.optimiser.kind]}

    def checked(self, arrays: Mapping[str, np.ndarray], field: str = "optimiser") -> dict[str, np.ndarray]:
        """What :meth:`restore` would take over; ``field`` is what messages call it.

        Moments may be infinite or no number at all, as a training that diverges leaves them.

        Raises
        ------
        InputError
            If they are not what a state of this optimiser and size could have given.
        """
        found = all_exactly(arrays, self.arrays(), f"{field}.")
        if arrays["iterations"].dtype.kind not in "iu" or not 0 <= found["iterations"] <= _MOST_ITERATIONS:
            rule = f"must be an integer in 0..{_MOST_ITERATIONS}"
            raise InputError(f"{field}.iterations", arrays["iterations"].item(), rule)
        if "second" in found and (found["second"] < 0).any():
            raise InputError(f"{field}.second", float(found["second"].min()), "is a mean of squares: must not be negative")
        return found

    def restore(self, arrays: Mapping[str, np.ndarray], field: str = "optimiser") -> None:
        """Take over what :meth:`arrays` gave, all of it or, with an error of :meth:`checked`, nothing."""
        checked = self.checked(arrays, field)
        self.iterations = int(checked["iterations"])
        for name in _MOMENTS[self.optimiser.kind]:
            getattr(self, name)[:] = checked[name]


def rate_scales(kind: Literal["none", "density"], densities: Sequence[float]) -> list[float]:
    """By how much faster the weights of every junction learn than biases.

    ``none`` gives 1. ``density`` gives 1 / √density, by as much as weights start wider in a sparse junction than in a full
    one: a step of Adam, whose size is the rate whatever the gradient, then moves them by the same share of what they are.
    """
    return [1.0 if kind == "none" else density**-0.5 for density in densities]


def _runs(size: int, scales: Sequence[tuple[int, float]]) -> list[tuple[slice, float]]:
    """All of a vector in runs of one factor."""
    if all(factor == 1 for _, factor in scales):
        return [(slice(0, size), 1.0)]
    runs: list[tuple[slice, float]] = []
    start = 0
    for n, factor in (*scales, (size - sum(n for n, _ in scales), 1.0)):
        runs.append((slice(start, start + n), factor))
        start += n
    return runs


def all_exactly(given: Mapping[str, np.ndarray], own: Mapping[str, np.ndarray], where: str = "") -> dict[str, np.ndarray]:
    """:func:`exactly` for every array in ``own``, by name; ``given`` must hold no others. ``where`` precedes their names."""
    if unknown := sorted(given.keys() - own.keys()):
        raise InputError(f"{where}{unknown[0]}", None, "is nothing that belongs here")
    for name in own:
        if name not in given:
            raise InputError(f"{where}{name}", None, "is missing")
    return {name: exactly(given[name], like, f"{where}{name}") for name, like in own.items()}


def exactly(array: np.ndarray, like: np.ndarray, field: str) -> np.ndarray:
    """``array`` in the type of ``like``; refused when the shape differs or a single value would change."""
    if array.shape != like.shape:
        raise InputError(field, array.shape, f"must have shape {like.shape}")
    if array.dtype.kind not in "fiu":
        raise InputError(field, str(array.dtype), "must hold real numbers")
    with np.errstate(over="ignore", invalid="ignore"):
        converted = array.astype(like.dtype)
    if not np.array_equal(converted.astype(array.dtype), array, equal_nan=array.dtype.kind == "f"):
        raise InputError(field, str(array.dtype), f"cannot be held by {like.dtype} without loss")
    return converted
