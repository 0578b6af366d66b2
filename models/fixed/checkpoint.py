"""The form of a fixed-point checkpoint: what each of its arrays must be before an engine takes anything over.

A file is only bytes that somebody wrote. Labels and kinds choose places in memory, and exact sums are proved to fit their
accumulators for numbers within their formats only: compiled loops check neither.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.errors import InputError
from models.fixed.ranges import Ranges
from models.network.network import Network
from models.network.order import Hops
from models.numbers import stochastic
from models.numbers.system import NumberSystem

BUBBLE, INFERENCE, TRAINING = 0, 1, 2
"""What may have entered in a junction cycle, as ``flight_kind`` tells it."""

KAPPAS = (0, np.iinfo(np.int32).max)
"""Learning-rate shifts that can be computed with."""

MOST_CYCLES = 1 << 62
"""Counters stay clear of the end of int64."""

_SHORT_PARTIAL = np.iinfo(np.int32).max
"""The greatest partial delta in loops on vectors."""

_Limit = int | npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Form:
    """Type, shape and range of an array; limits are numbers, or arrays with one for each column."""

    dtype: npt.DTypeLike
    shape: tuple[int, ...]
    lowest: _Limit
    highest: _Limit

    def check(self, field: str, given: np.ndarray | None, alive: npt.NDArray[np.bool_] | None = None) -> np.ndarray:
        """``given`` if it is of this form; what is not ``alive`` must be 0.

        Raises
        ------
        InputError
            If it is not.
        """
        if given is None:
            raise InputError(field, None, f"must be present with shape {self.shape}")
        if given.dtype != self.dtype:
            raise InputError(field, str(given.dtype), f"must be of type {np.dtype(self.dtype)}")
        if given.shape != self.shape:
            raise InputError(field, given.shape, f"must have shape {self.shape}")
        outside = (given < self.lowest) | (given > self.highest)
        if alive is not None:
            outside = np.where(alive, outside, given != 0)
        if outside.any():
            self._refuse(field, given, np.unravel_index(int(outside.argmax()), self.shape), alive)
        return given

    def _refuse(self, field: str, given: np.ndarray, at: tuple[np.intp, ...], alive: np.ndarray | None) -> None:
        """Name the first value that is not legal."""
        place = f"[{', '.join(map(str, at))}]" if at else ""
        if alive is not None and not alive[at]:
            raise InputError(f"{field}{place}", int(given[at]), "must be 0, since no later step reads it")
        lowest, highest = (int(np.broadcast_to(limit, self.shape)[at]) for limit in (self.lowest, self.highest))
        raise InputError(f"{field}{place}", int(given[at]), f"must lie in {lowest}..{highest}")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a checkpoint of one design holds, whichever engine wrote it; see :meth:`models.fixed.engine.FixedEngine.arrays`.

    Attributes
    ----------
    network, numbers, hops, ranges
        The design, and the proved ranges of its sums.
    """

    network: Network
    numbers: NumberSystem
    hops: Hops
    ranges: Ranges

    def check(self, arrays: Mapping[str, np.ndarray], kappas: tuple[int, int] = KAPPAS, cycles: int = MOST_CYCLES) -> None:
        """Refuse arrays that are not such a checkpoint: each must be there, of its type, shape and range, and no other.

        Parameters
        ----------
        arrays
            By name, as they were read.
        kappas
            Least and greatest learning-rate shift of samples in flight.
        cycles
            The greatest number of junction cycles.

        Raises
        ------
        InputError
            Names the first array that does not fit, and its first value that does not.
        """
        for name, form in self._state(cycles):
            form.check(f"checkpoint:{name}", arrays.get(name))
        flight = self._flight(kappas)
        kinds = flight["kind"].check("checkpoint:flight_kind", arrays.get("flight_kind"))
        alive = self.alive(kinds, int(arrays["cycle"]))
        for name, form in flight.items():
            form.check(f"checkpoint:flight_{name}", arrays.get(f"flight_{name}"), alive[name])
        known = {name for name, _ in self._state(cycles)} | {f"flight_{name}" for name in flight}
        if unknown := sorted(arrays.keys() - known):
            raise InputError(f"checkpoint:{unknown[0]}", None, "is nothing that an engine of this design keeps")

    def fits_vectors(self, arrays: Mapping[str, np.ndarray]) -> bool:
        """Whether samples in flight stay within what tables hold, by which loops on vectors are proved to do."""
        layers, ranges = self.network.layers, self.ranges
        lowest, highest = (np.repeat(ends, layers[:-1]) for ends in zip(*ranges.lefts, strict=True))
        activation, delta, partial = (arrays[f"flight_{name}"] for name in ("activation", "output_delta", "partial"))
        least, most = ranges.output_delta
        inside = (lowest <= activation) & (activation <= highest)
        return bool(
            inside.all() and ((least <= delta) & (delta <= most)).all() and (np.abs(partial) <= _SHORT_PARTIAL).all()
        )

    def _state(self, cycles: int) -> Iterator[tuple[str, Form]]:
        weight, bias = self.numbers.weight, self.numbers.bias
        for i, p in enumerate(self.network.patterns, 1):
            yield f"weight_{i}", Form(np.int32, (p.n_edges,), weight.lowest, weight.highest)
        for i, p in enumerate(self.network.patterns, 1):
            yield f"bias_{i}", Form(np.int32, (p.n_right,), bias.lowest, bias.highest)
        if self.numbers.stochastic:
            for i in range(1, len(self.network.patterns) + 1):
                yield f"random_{i}", Form(np.uint32, (), 1, (1 << stochastic.BITS) - 1)
        yield "saturation", Form(np.int64, (len(self.network.patterns), 4), 0, MOST_CYCLES)
        yield "cycle", Form(np.int64, (), 0, cycles)

    def _flight(self, kappas: tuple[int, int]) -> dict[str, Form]:
        n, layers, numbers = self.hops.drain(len(self.network.patterns)), self.network.layers, self.numbers
        left = [numbers.left_activation(j) for j in range(len(layers) - 1)]
        hidden, sums = layers[1:-1], self.ranges.partials[1:]
        partial = np.int32 if self.ranges.narrow else np.int64
        most = np.repeat(np.array(sums, np.int64), hidden)
        most_kappa = numbers.most_kappa(len(layers) - 1)
        if most_kappa is not None:
            kappas = kappas[0], min(kappas[1], most_kappa)
        return {
            "kind": Form(np.int8, (n,), BUBBLE, TRAINING),
            "label": Form(np.int32, (n,), 0, self.network.classes - 1),
            "kappa": Form(np.int32, (n,), *kappas),
            "activation": Form(
                np.int32,
                (n, sum(layers[:-1])),
                np.repeat([f.lowest for f in left], layers[:-1]),
                np.repeat([f.highest for f in left], layers[:-1]),
            ),
            "derivative": Form(np.int32, (n, sum(hidden)), numbers.derivative.lowest, numbers.derivative.highest),
            "partial": Form(partial, (n, sum(hidden)), -most, most),
            "output_delta": Form(np.int32, (n, layers[-1]), numbers.delta.lowest, numbers.delta.highest),
        }

    def alive(self, kind: npt.NDArray[np.int8], cycle: int) -> dict[str, npt.NDArray[np.bool_]]:
        """Which entries of the samples in flight will still be read at ``cycle``; masks in the shapes of the arrays."""
        layers, n = self.network.layers, len(self.network.patterns)
        forward = [-1] + [self.hops.feedforward_lag(i) for i in range(1, n + 1)]
        backward = [0] + [self.hops.backward_lag(i, n) for i in range(1, n + 1)]
        age = np.arange(kind.size, 0, -1)  # a step of lag < age has been done
        entered = age <= cycle
        training, bubble = entered & (kind == TRAINING), ~entered | (kind == BUBBLE)
        leaves = np.where(training, backward[1], np.where(bubble, -1, forward[n]))

        def layer(i: int, written: int, read: np.ndarray | int, only: np.ndarray) -> np.ndarray:
            return np.repeat(((written < age) & (age <= read) & only)[:, None], layers[i], axis=1)

        def side_by_side(masks: list[np.ndarray]) -> np.ndarray:
            return np.concatenate([np.zeros((kind.size, 0), np.bool_), *masks], axis=1)

        hidden = range(1, n)
        last_read = [np.where(training, backward[i + 1], forward[i + 1]) for i in range(n)]
        return {
            "kind": age <= leaves,
            "label": (age <= forward[n]) & ~bubble,
            "kappa": (age <= backward[1]) & training,
            "activation": side_by_side([layer(i, forward[i], last_read[i], ~bubble) for i in range(n)]),
            "derivative": side_by_side([layer(i, forward[i], backward[i], training) for i in hidden]),
            "partial": side_by_side([layer(i, backward[i + 1], backward[i], training) for i in hidden]),
            "output_delta": layer(n, forward[n], backward[n], training),
        }
