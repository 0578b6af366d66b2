"""Means with confidence intervals, and fronts of what is not beaten in two figures at once."""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

CONFIDENCE = 0.90

# Student's t for a two-sided 90 % interval, 1..30 degrees of freedom.
_T90 = (
    6.313752, 2.919986, 2.353363, 2.131847, 2.015048, 1.943180, 1.894579, 1.859548, 1.833113, 1.812461,
    1.795885, 1.782288, 1.770933, 1.761310, 1.753050, 1.745884, 1.739607, 1.734064, 1.729133, 1.724718,
    1.720743, 1.717144, 1.713872, 1.710882, 1.708141, 1.705618, 1.703288, 1.701131, 1.699127, 1.697261,
)  # fmt: skip


class Estimate(NamedTuple):
    """A mean over ``n`` values and half the width of its 90 % confidence interval; infinitely wide for a single value."""

    mean: float
    half_width: float
    n: int


def student_t(degrees: int) -> float:
    """The quantile that bounds a two-sided 90 % interval."""
    if degrees <= len(_T90):
        return _T90[degrees - 1]
    # Cornish-Fisher expansion around the normal distribution: good to 1e-7 from here on.
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + sum(term / degrees**k for k, term in enumerate(terms, 1))


def estimate(values: Sequence[float]) -> Estimate:
    """Mean and interval of measurements that differ in the seed only; equal values have an interval of width 0."""
    n = len(values)
    if n == 1:
        return Estimate(float(values[0]), math.inf, 1)
    if min(values) == max(values):  # else rounding of the mean would make them differ
        return Estimate(float(values[0]), 0.0, n)
    mean = math.fsum(values) / n
    if any(not math.isfinite(v) for v in values):
        return Estimate(mean, math.nan, n)
    variance = math.fsum((v - mean) ** 2 for v in values) / (n - 1)
    return Estimate(mean, student_t(n - 1) * math.sqrt(variance / n), n)


def pareto_front(points: Sequence[tuple[float, float]], better: tuple[str, str]) -> list[int]:
    """Which points no other beats: none is at least as good in both figures and better in one.

    Parameters
    ----------
    better
        ``less`` or ``more`` for each figure.

    Returns
    -------
    list of int
        Positions in ``points``, along the first figure, the best first; equal points are all there.
    """
    signs = [1 if b == "less" else -1 for b in better]
    cost = {i: (signs[0] * x, signs[1] * y) for i, (x, y) in enumerate(points) if math.isfinite(x) and math.isfinite(y)}
    front: list[int] = []
    best = math.inf
    previous: tuple[float, float] | None = None
    for i in sorted(cost, key=lambda i: (*cost[i], i)):
        if cost[i][1] < best or cost[i] == previous:
            front.append(i)
            best, previous = cost[i][1], cost[i]
    return front
