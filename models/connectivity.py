"""All kinds of connectivity behind one door: feasible degrees, drawing, and ``connectivity.npz``."""

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from models.biregular import draw_random, draw_structured, feasible_out_degrees, in_degree
from models.clash_free import draw_clash_free, from_seeds, plain_order
from models.errors import InputError
from models.npz import read_npz, write_npz
from models.pattern import Pattern

__all__ = [
    "ClashFree",
    "Degrees",
    "Kind",
    "degrees_of_density",
    "draw",
    "feasible_degrees",
    "feasible_out_degrees",
    "full",
    "in_degree",
    "nearest_feasible",
    "read_connectivity",
    "write_connectivity",
]

_Value = TypeVar("_Value")

_DENSITY_TOLERANCE = 1e-9
"""How far a density written as a decimal may be from k / g, relative to 1; neighbours are at least 1 / g apart."""


class Kind(StrEnum):
    """Kinds of connectivity."""

    FULL = "full"  # every pair of neurons
    RANDOM = "random"  # a number of edges, degrees free
    STRUCTURED = "structured"  # exact degrees
    CLASH_FREE = "clash_free"  # exact degrees, and z edges per clock from z different memories


@dataclass(frozen=True)
class ClashFree:
    """How clash-free connectivity is drawn.

    Attributes
    ----------
    z, type, dither
        Edges per clock, type of the access sequences and whether memories are dithered, see
        :func:`~models.clash_free.draw_clash_free`.
    zero_seeds
        Nothing is drawn, see :func:`~models.clash_free.plain_order`; ``dither`` plays no part.
    """

    z: int
    type: int = 1
    dither: bool = False
    zero_seeds: bool = False


@dataclass(frozen=True)
class Degrees:
    """Out-degree and in-degree that fit together, and the density W / (n_left * n_right), exactly."""

    d_out: int
    d_in: int
    density: Fraction


def feasible_degrees(n_left: int, n_right: int) -> Iterator[Degrees]:
    """Every feasible density k / g, ascending, k = 1..g = gcd(n_left, n_right), with its degrees."""
    return (_degrees(k, n_left, n_right) for k in range(1, len(feasible_out_degrees(n_left, n_right)) + 1))


def nearest_feasible(n_left: int, n_right: int, density: float | Fraction) -> list[Degrees]:
    """The feasible neighbours of ``density``, ascending: itself if feasible, else one on either side if there is one."""
    g = len(feasible_out_degrees(n_left, n_right))
    scaled = min(max(Fraction(density), Fraction(1, g)), Fraction(1)) * g
    k = round(scaled)
    ks = [k] if abs(scaled - k) <= _DENSITY_TOLERANCE * g else [math.floor(scaled), math.ceil(scaled)]
    return [_degrees(k, n_left, n_right) for k in ks]


def degrees_of_density(n_left: int, n_right: int, density: float | Fraction, field: str = "density") -> Degrees:
    """The degrees that give a feasible density.

    Raises
    ------
    InputError
        When ``density`` is no k / g (up to 1e-9), naming the feasible neighbours.
    """
    if not math.isfinite(density):
        raise InputError(field, density, "a density lies above 0 and up to 1")
    nearest = nearest_feasible(n_left, n_right, density)
    if abs(nearest[0].density - Fraction(density)) <= _DENSITY_TOLERANCE:
        return nearest[0]
    g = len(feasible_out_degrees(n_left, n_right))
    raise InputError(
        field,
        density,
        f"between {n_left} and {n_right} neurons a density must be k/{g}, k = 1..{g}",
        [float(degrees.density) for degrees in nearest],
    )


def full(n_left: int, n_right: int) -> Pattern:
    """Every pair of neurons, left[e] = e mod n_left: clash-free type 1 with φ = 0 for every z that divides n_left."""
    in_degree(n_left, n_right, n_right)
    return Pattern.regular(n_left, n_right, np.tile(np.arange(n_left, dtype=np.int32), n_right))


def draw(
    kind: Kind | str,
    n_left: int,
    n_right: int,
    rng: np.random.Generator,
    *,
    d_out: int | None = None,
    n_edges: int | None = None,
    clash_free: ClashFree | None = None,
) -> Pattern:
    """Draw the connectivity of one junction.

    Parameters
    ----------
    kind
        Kind of connectivity.
    n_left, n_right
        Neurons on either side.
    rng
        Source of every random choice; full connectivity makes none.
    d_out
        Out-degree of structured and clash-free connectivity; random connectivity takes n_left * d_out edges from it if
        ``n_edges`` is not given.
    n_edges
        Random only.
    clash_free
        Clash-free only.

    Raises
    ------
    InputError
        For an unknown kind, a parameter that the kind needs and that is missing, and illegal values.
    """
    if kind == Kind.FULL:
        return full(n_left, n_right)
    if kind == Kind.RANDOM:
        if n_edges is None:
            n_edges = n_left * _needed("d_out", d_out, kind)
        return draw_random(n_left, n_right, n_edges, rng)
    if kind == Kind.STRUCTURED:
        return draw_structured(n_left, _needed("d_out", d_out, kind), n_right, rng)
    if kind == Kind.CLASH_FREE:
        out_degree, how = _needed("d_out", d_out, kind), _needed("clash_free", clash_free, kind)
        if how.zero_seeds:
            return plain_order(n_left, out_degree, n_right, how.z, how.type)
        return draw_clash_free(n_left, out_degree, n_right, how.z, how.type, how.dither, rng)
    raise InputError("kind", str(kind), "unknown kind of connectivity", list(map(str, Kind)))


def write_connectivity(path: str | os.PathLike[str], patterns: Sequence[Pattern]) -> None:
    """Write the patterns of junctions 1..L to an ``.npz`` file; equal patterns give equal bytes.

    For each junction i, in edge order:

    - ``left_<i>`` int32 [W_i], always;
    - ``right_<i>`` int32 [W_i], non-decreasing, where right neurons differ in their number of edges;
    - ``address_<i>`` and ``memory_<i>`` int32 for clash-free patterns, as :func:`~models.clash_free.from_seeds` takes them:
      φ [z] and v [z] for type 1, φ_s [d_out, z] and v_s [d_out, z] for type 2, t_s [d_out, D, z] and v_s for type 3. So
      ``address_<i>`` has as many dimensions as the number of the type says.
    """
    arrays: dict[str, npt.NDArray] = {}
    for i, pattern in enumerate(patterns, 1):
        arrays[f"left_{i}"] = pattern.left
        if pattern.d_in is None:
            arrays[f"right_{i}"] = pattern.right
        if pattern.seeds is not None:
            address, memory = pattern.seeds.address, pattern.seeds.memory
            arrays[f"address_{i}"] = {1: address[0, 0], 2: address[:, 0], 3: address}[pattern.seeds.kind]
            arrays[f"memory_{i}"] = memory[0] if pattern.seeds.kind == 1 else memory
    write_npz(path, arrays)


def read_connectivity(path: str | os.PathLike[str], layers: Sequence[int]) -> list[Pattern]:
    """Read the patterns of junctions 1..L, seeds included.

    Parameters
    ----------
    path
        A file of :func:`write_connectivity`, or any that follows its layout.
    layers
        Neurons N_0 .. N_L.

    Raises
    ------
    InputError
        When the file cannot be read or does not describe legal patterns between those layers.
    """
    arrays = read_npz(path)
    patterns = [
        _read_junction(arrays, i, n_left, n_right, f"{os.fspath(path)}: ")
        for i, (n_left, n_right) in enumerate(pairwise(layers), 1)
    ]
    if arrays:
        raise InputError(os.fspath(path), None, f"has arrays that {len(patterns)} junctions do not: {', '.join(arrays)}")
    return patterns


def _read_junction(arrays: dict[str, npt.NDArray[Any]], i: int, n_left: int, n_right: int, where: str) -> Pattern:
    """Take the arrays of junction i out of ``arrays`` and make a pattern of them."""
    left, right, address, memory = (arrays.pop(f"{name}_{i}", None) for name in ("left", "right", "address", "memory"))
    name = f"{where}left_{i}"
    if left is None:
        raise InputError(name, None, "is missing")
    if right is None:
        if left.size % n_right:
            raise InputError(name, None, f"{left.size} edges cannot be shared equally by {n_right} right neurons")
        row_start = np.arange(n_right + 1) * (left.size // n_right)
    else:
        _check_vector(right, left.size, n_right, f"{where}right_{i}")
        if (right[1:] < right[:-1]).any():
            raise InputError(f"{where}right_{i}", None, "edges must be in the order of their right neurons")
        row_start = np.searchsorted(right, np.arange(n_right + 1))
    _check_vector(left, left.size, n_left, name)
    pattern = Pattern(n_left, n_right, left.astype(np.int32), row_start.astype(np.int64))
    pattern.validate(name)
    if address is None:
        return pattern
    seeded = from_seeds(n_left, left.size // n_left, n_right, address.ndim, address, memory, f"{where}junction {i}")
    if not np.array_equal(seeded.left, pattern.left):
        raise InputError(name, None, f"does not hold the edges that address_{i} and memory_{i} describe")
    return seeded


def _check_vector(values: npt.NDArray[Any], size: int, limit: int, name: str) -> None:
    if values.shape != (size,) or not np.issubdtype(values.dtype, np.integer):
        raise InputError(name, f"{values.dtype} {list(values.shape)}", f"must be integers of shape {[size]}")
    if size and not (0 <= values.min() and values.max() < limit):
        raise InputError(name, None, f"must lie in 0..{limit - 1}")


def _degrees(k: int, n_left: int, n_right: int) -> Degrees:
    g = math.gcd(n_left, n_right)
    return Degrees(k * n_right // g, k * n_left // g, Fraction(k, g))


def _needed(name: str, value: _Value | None, kind: Kind | str) -> _Value:
    if value is None:
        raise InputError(name, None, f"{kind} connectivity needs it")
    return value
