"""Feasible degrees and densities of a junction."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from models.connectivity.biregular import feasible_out_degrees
from models.errors import InputError

_DENSITY_TOLERANCE = 1e-9
"""How far a density written as a decimal may be from k / g, relative to 1; neighbours are at least 1 / g apart."""


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


def _degrees(k: int, n_left: int, n_right: int) -> Degrees:
    g = math.gcd(n_left, n_right)
    return Degrees(k * n_right // g, k * n_left // g, Fraction(k, g))
