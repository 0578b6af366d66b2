"""Drawing connectivity: patterns of every kind from one seed."""

from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TypeVar

import numpy as np

from models.connectivity.biregular import draw_random, draw_structured, feasible_out_degrees, in_degree
from models.connectivity.clash_free import check_clash_free, draw_clash_free, draw_seeds, plain_order
from models.connectivity.degrees import Degrees, degrees_of_density, feasible_degrees, nearest_feasible
from models.connectivity.files import read_connectivity, write_connectivity
from models.connectivity.pattern import Pattern, RegularPattern
from models.errors import InputError

__all__ = [
    "ClashFree",
    "Degrees",
    "Kind",
    "degrees_of_density",
    "draw",
    "draw_later",
    "feasible_degrees",
    "feasible_out_degrees",
    "full",
    "in_degree",
    "nearest_feasible",
    "read_connectivity",
    "write_connectivity",
]

_Value = TypeVar("_Value")


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
        :func:`~models.connectivity.clash_free.draw_clash_free`.
    zero_seeds
        Nothing is drawn, see :func:`~models.connectivity.clash_free.plain_order`; ``dither`` plays no part.
    """

    z: int
    type: int = 1
    dither: bool = False
    zero_seeds: bool = False


def full(n_left: int, n_right: int) -> Pattern:
    """Every pair of neurons, left[e] = e mod n_left: clash-free type 1 with φ = 0 for every z that divides n_left."""
    in_degree(n_left, n_right, n_right)
    return RegularPattern(n_left, n_right, n_right, lambda: np.tile(np.arange(n_left, dtype=np.int32), n_right))


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


def draw_later(
    kind: Kind | str,
    n_left: int,
    n_right: int,
    rng: np.random.Generator,
    *,
    d_out: int | None = None,
    n_edges: int | None = None,
    clash_free: ClashFree | None = None,
) -> Pattern:
    """The pattern that :func:`draw` draws, with its errors, drawn when somebody asks for an edge.

    Where degrees are exact nothing but edges need be drawn to be known. ``rng`` must be used by nobody else.
    """
    if kind not in (Kind.STRUCTURED, Kind.CLASH_FREE) or d_out is None or (clash_free is not None and clash_free.zero_seeds):
        return draw(kind, n_left, n_right, rng, d_out=d_out, n_edges=n_edges, clash_free=clash_free)
    if kind == Kind.STRUCTURED:
        in_degree(n_left, d_out, n_right)
        return RegularPattern(n_left, d_out, n_right, lambda: draw_structured(n_left, d_out, n_right, rng).left)
    how = _needed("clash_free", clash_free, kind)
    check_clash_free(n_left, d_out, n_right, how.z, how.type)
    drawn = partial(draw_seeds, n_left, d_out, n_right, how.z, how.type, how.dither, rng)
    return RegularPattern(n_left, d_out, n_right, drawn, seeded=True)


def _needed(name: str, value: _Value | None, kind: Kind | str) -> _Value:
    if value is None:
        raise InputError(name, None, f"{kind} connectivity needs it")
    return value
