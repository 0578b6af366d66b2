"""How hard a classification data set is, before anything is trained: the metrics of the Morse paper.

S. Dey, K. M. Chugg, P. A. Beerel, "Morse Code Datasets for Machine Learning", ICCCNT 2018, arXiv 1807.04239. Each class m
counts as a Gaussian cloud around its centroid with one variance s_m² for all features, the mean of theirs; P_m is its share
of the samples, d_mj the Euclidean distance of two centroids, d_m the least of those of class m, M the number of classes, and
Q the upper tail of the standard normal distribution.

============= =========================================== ===============================================================
metric        meaning                                     what the published code computes (souryadey/morse-dataset)
============= =========================================== ===============================================================
lower_bound   L = Σ P_m Q(d_m / 2 s_m)                    Σ P_m Q(d_m / 2 s_m²): a variance in place of a deviation
upper_bound   U = Σ P_m Σ_{j≠m} Q(d_mj / 2 s_m)           Σ P_m (M - 1) Q(d_mc / 2 s_m²): likewise, and every term of the
                                                          inner sum has the last but one class c in place of j
distance      D = mean over m of s_m / d_m                mean over m of s_m² / d_m
close_pairs   T = pairs of centroids whose mean absolute  the same without the pairs that coincide
              difference of features is below 0.05
============= =========================================== ===============================================================

The first two bound the error of the best classifier if the clouds were such Gaussians; U, a union bound, can exceed 1. With
features in [0, 1] deviations are below 1, so a variance in place of a deviation makes a data set look easier. The published
code also takes training, validation and test samples together.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.data.dataset import Split
from models.errors import InputError

THRESHOLD = 0.05
"""Of the mean absolute difference between centroids, for features in [0, 1]."""

_CHUNK = 1 << 22
"""Features held as float64 at a time."""

Float64Array = npt.NDArray[np.float64]


class Clouds(NamedTuple):
    """Classes as clouds of samples; classes without a sample are left out.

    Attributes
    ----------
    share
        [M]: P_m.
    centroid
        [M, features].
    variance
        [M]: s_m², of the samples (divided by their number), mean over the features.
    """

    share: Float64Array
    centroid: Float64Array
    variance: Float64Array


class Difficulty(NamedTuple):
    """The four metrics; ``distance`` is infinite where two centroids coincide."""

    lower_bound: float
    upper_bound: float
    distance: float
    close_pairs: int


def clouds(samples: Split) -> Clouds:
    """Centroids and variances of the classes.

    Raises
    ------
    InputError
        If samples of fewer than two classes are there.
    """
    classes, which = np.unique(samples.labels, return_inverse=True)
    if classes.size < 2:
        raise InputError("data", None, f"difficulty needs samples of two classes, and there are {classes.size}")
    counts = np.bincount(which)
    nothing = np.zeros((classes.size, samples.features))
    centroid = _sums(samples, which, nothing, squared=False) / counts[:, None]
    squares = _sums(samples, which, centroid, squared=True) / counts[:, None]
    return Clouds(counts / counts.sum(), centroid, squares.mean(axis=1))


def difficulty(of: Clouds) -> Difficulty:
    """The metrics as they are meant."""
    apart, near = _distances(of.centroid)
    deviation = np.sqrt(of.variance)
    tails = _tail(apart, deviation[:, None])
    np.fill_diagonal(tails, 0)
    nearest = _nearest(apart)
    return Difficulty(
        float(of.share @ _tail(nearest, deviation)),
        float(of.share @ tails.sum(axis=1)),
        float(_ratio(deviation, nearest).mean()),
        _close_pairs(near, coinciding=True),
    )


def difficulty_as_coded(of: Clouds) -> Difficulty:
    """What the published code makes of the same samples."""
    apart, near = _distances(of.centroid)
    nearest, m = _nearest(apart), of.share.size
    return Difficulty(
        float(of.share @ _tail(nearest, of.variance)),
        float(of.share @ _tail(apart[:, m - 2], of.variance)) * (m - 1),
        float(_ratio(of.variance, nearest).mean()),
        _close_pairs(near, coinciding=False),
    )


def _sums(samples: Split, which: npt.NDArray[np.int64], offset: Float64Array, squared: bool) -> Float64Array:
    """By class, the sum of the features (or of their squares) after that of the class in ``offset`` has been taken off."""
    total = np.zeros_like(offset)
    step = max(1, _CHUNK // max(1, offset.shape[1]))
    for start in range(0, which.size, step):
        classes = which[start : start + step]
        order = np.argsort(classes, kind="stable")
        ordered = classes[order]
        values = samples[start : start + step][order].real()
        values -= offset[ordered]
        if squared:
            np.square(values, out=values)
        first = np.flatnonzero(np.diff(ordered, prepend=-1))
        total[ordered[first]] += np.add.reduceat(values, first, axis=0)
    return total


def _distances(centroid: Float64Array) -> tuple[Float64Array, Float64Array]:
    """[M, M]: Euclidean distances of all pairs, and mean absolute differences of their features."""
    pairs = np.empty((2, len(centroid), len(centroid)))
    for m, here in enumerate(centroid):  # a row at a time: all pairs of all features may not fit into memory
        difference = centroid - here
        pairs[:, m] = np.linalg.norm(difference, axis=1), np.abs(difference).mean(axis=1)
    return pairs[0], pairs[1]


def _nearest(apart: Float64Array) -> Float64Array:
    """The least distance of each class to another."""
    others = apart.copy()
    np.fill_diagonal(others, np.inf)
    return others.min(axis=1)


def _close_pairs(near: Float64Array, coinciding: bool) -> int:
    pairs = near[np.tril_indices(len(near), -1)]
    return int(((pairs < THRESHOLD) & (coinciding | (pairs > 0))).sum())


def _ratio(spread: Float64Array, distance: Float64Array) -> Float64Array:
    return np.divide(spread, distance, out=np.full_like(spread, np.inf), where=distance > 0)


def _tail(distance: Float64Array, spread: Float64Array) -> Float64Array:
    """Q(distance / (2 spread)): a half where centroids coincide, else nothing where there is no spread."""
    halved = np.divide(distance, 2 * spread, out=np.where(distance > 0, np.inf, 0.0), where=spread > 0)
    flat = [math.erfc(v / math.sqrt(2)) / 2 for v in halved.ravel().tolist()]
    return np.array(flat).reshape(halved.shape)
