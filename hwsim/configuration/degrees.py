"""How many edges every neuron and junction has, from the out-degrees or densities of a network."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from models.connectivity.degrees import degrees_of_density
from models.connectivity.draw import in_degree
from models.errors import InputError

OutDegrees = tuple[int, ...] | Literal["full"] | None
Densities = tuple[float, ...] | Literal["full"] | None


@lru_cache(maxsize=1 << 12)
def out_degrees(layers: tuple[int, ...], given: OutDegrees, density: Densities) -> tuple[int, ...]:
    """d_out of every junction; every right neuron gets the same whole number of edges.

    Parameters
    ----------
    layers
        N_0 .. N_L.
    given, density
        Out-degrees or densities, one for each junction; without a list of either every edge is there.

    Raises
    ------
    InputError
        If right neurons cannot have the same number of edges.
    """
    if not isinstance(given, tuple) and not isinstance(density, tuple):
        return layers[1:]
    return tuple(_out_degrees(layers, given, density))


def _out_degrees(layers: tuple[int, ...], given: OutDegrees, density: Densities) -> Iterator[int]:
    for i, (left, right) in enumerate(pairwise(layers)):
        if isinstance(given, tuple):
            in_degree(left, given[i], right, f"network.out_degree[{i}]")  # refuses what does not divide
            yield given[i]
        elif isinstance(density, tuple):
            yield degrees_of_density(left, right, density[i], f"network.density[{i}]").d_out


def random_edges(layers: tuple[int, ...], given: OutDegrees, density: Densities) -> tuple[int, ...]:
    """W of every junction of a random pattern: any density, rounded to whole edges; see :func:`out_degrees`."""
    pairs = [a * b for a, b in pairwise(layers)]
    if isinstance(density, tuple):
        return tuple(max(1, round(d * n)) for d, n in zip(density, pairs, strict=True))
    if not isinstance(given, tuple):
        return tuple(pairs)
    for i, d in enumerate(given):
        if d > layers[i + 1]:
            raise InputError(f"network.out_degree[{i}]", d, f"must not exceed N_{i + 1}", [layers[i + 1]])
    return tuple(a * d for a, d in zip(layers, given, strict=False))
