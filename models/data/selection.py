"""Fewer inputs: the brightest or the most varied of the training samples, or those of a list."""

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np
import numpy.typing as npt

from models.data.dataset import Dataset, Split
from models.errors import InputError

Inputs = npt.NDArray[np.int64]

MEASURES = "mean", "variance"
_BITS = 16
"""Behind the binary point, to which floating point is rounded here, so that sums are exact and the same on every machine."""
_ROWS = 4096


def check(name: str, features: int, count: int | None, inputs: Sequence[int] | None) -> None:
    """Refuse a number of inputs, or a list of them, that a data set does not have.

    Parameters
    ----------
    name, features
        Of the data set.
    count, inputs
        How many are kept, or which; None if the other says it.

    Raises
    ------
    InputError
        If there are not so many, or not that one.
    """
    if count is not None and count > features:
        raise InputError("data.select.count", count, f"exceeds the {features} inputs of {name}", [features])
    for k, at in enumerate(inputs or ()):
        if not 0 <= at < features:
            rule = f"must be an input of {name}: 0..{features - 1}"
            raise InputError(f"data.select.inputs[{k}]", at, rule, [features - 1 if at > 0 else 0])


def greatest(samples: Split, count: int, by: str) -> Inputs:
    """The inputs of the greatest mean or variance; of equals those of the lowest index.

    Parameters
    ----------
    samples
        From which alone it is told: those of training.
    count
        How many, at most as many as there are.
    by
        One of ``MEASURES``.

    Returns
    -------
    int64 [count]
        Ascending.
    """
    sums, squares = _sums(samples)
    measure = sums if by == "mean" else [len(samples) * s - t * t for s, t in zip(squares, sums, strict=True)]
    first = sorted(range(len(measure)), key=lambda k: (-measure[k], k))[:count]
    return np.array(sorted(first), dtype=np.int64)


def in_blocks(inputs: Inputs, image: tuple[int, ...]) -> Inputs:
    """Inputs in Z-order: runs of 4^k of them are squares of the image where none is left out, and else compact.

    Parameters
    ----------
    inputs
        int64 [n], ascending.
    image
        (rows, columns) or (rows, columns, channels); channels stay together.
    """
    row, column = np.divmod(inputs // prod(image[2:]), image[1])
    bits = range(max(image[:2]).bit_length())
    place = sum((row >> b & 1) << 2 * b + 1 | (column >> b & 1) << 2 * b for b in bits)
    return inputs[np.argsort(place, kind="stable")]


def _sums(samples: Split) -> tuple[list[int], list[int]]:
    """Of every input over the samples, and of its square, in integers of any size."""
    sums, squares = np.zeros((2, samples.features), dtype=object)
    for begin in range(0, len(samples), _ROWS):
        part = samples[begin : begin + _ROWS].inputs
        whole = part.astype(np.int64) if part.dtype == np.uint8 else np.rint(np.ldexp(part, _BITS)).astype(np.int64)
        sums += whole.sum(axis=0)
        squares += (whole * whole).sum(axis=0)
    return [int(s) for s in sums], [int(s) for s in squares]


def select(data: Dataset, inputs: Inputs) -> Dataset:
    """The data set with these inputs only, in their order; they are no image any more.

    Parameters
    ----------
    data
        With all its inputs.
    inputs
        int64 [n], different ones of 0..features - 1.

    Raises
    ------
    InputError
        If there is not that one.
    """
    check(data.name, data.features, None, inputs.tolist())

    def fewer(split: Split) -> Split:
        return Split(np.concatenate([part.inputs[:, inputs] for part in split.parts()]), split.labels)

    train, test, validation = map(fewer, (data.train, data.test, data.validation))
    return replace(data, train=train, test=test, validation=validation, image=None, selected=inputs)
