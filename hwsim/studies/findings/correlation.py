"""How closely two figures go together: Pearson's and Spearman's coefficients with 90 % confidence intervals.

Intervals come from Fisher's transformation, z = artanh r with variance 1 / (n - 3); for ranks the variance is
(1 + r² / 2) / (n - 3) (D. G. Bonett, T. A. Wright, Psychometrika 65, 2000). They take the designs as a random sample, which
a grid of designs is not, and Pearson's also takes both figures as normal.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hwsim.studies.findings.estimates import CONFIDENCE

FEWEST = 3
"""Pairs from which a coefficient says anything: through two points there is always a line."""

Float64Array = npt.NDArray[np.float64]


class Coefficient(NamedTuple):
    """A coefficient in -1..1 and its interval; the interval is infinite in both directions below four pairs."""

    value: float
    low: float
    high: float


class Correlation(NamedTuple):
    """Of ``n`` pairs; coefficients are ``None`` where a figure is constant or pairs are fewer than :data:`FEWEST`."""

    n: int
    pearson: Coefficient | None
    spearman: Coefficient | None


def correlation(x: Sequence[float], y: Sequence[float]) -> Correlation:
    """Both coefficients of pairs of finite numbers."""
    a, b = np.asarray(x, np.float64), np.asarray(y, np.float64)
    r, rho = pearson(a, b), pearson(ranks(a), ranks(b))
    if a.size < FEWEST or r is None or rho is None:
        return Correlation(a.size, None, None)
    return Correlation(a.size, _with_interval(r, a.size, 1.0), _with_interval(rho, a.size, 1 + rho**2 / 2))


def pearson(x: Float64Array, y: Float64Array) -> float | None:
    """Pearson's coefficient; ``None`` if there is none because all values of one are equal, or there are no pairs."""
    deviations = []
    for values in (x, y):
        if not values.size or values.max() == values.min():
            return None
        # Any scale will do; this one neither overflows nor vanishes.
        scaled = values / np.abs(values).max()
        centred = scaled - scaled.mean()
        norm = float(np.sqrt(centred @ centred))
        if norm == 0:
            return None
        deviations.append(centred / norm)
    return float(np.clip(deviations[0] @ deviations[1], -1, 1))


def ranks(values: Float64Array) -> Float64Array:
    """Ranks from 1; equal values share the mean of theirs."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[which]


def _with_interval(r: float, n: int, variance: float) -> Coefficient:
    if n <= 3:
        return Coefficient(r, -math.inf, math.inf)
    if abs(r) == 1:
        return Coefficient(r, r, r)
    half = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * math.sqrt(variance / (n - 3))
    return Coefficient(r, math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half))
