"""Connectivity as ``connectivity.npz``: edges in right-neuron order, and the seeds of clash-free patterns."""

import os
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from models.connectivity.clash_free import from_seeds
from models.connectivity.pattern import Pattern
from models.errors import InputError
from models.files.npz import read_npz, write_npz


def write_connectivity(path: str | os.PathLike[str], patterns: Sequence[Pattern]) -> None:
    """Write the patterns of junctions 1..L to an ``.npz`` file; equal patterns give equal bytes.

    For each junction i, in edge order:

    - ``left_<i>`` int32 [W_i], always;
    - ``right_<i>`` int32 [W_i], non-decreasing, where right neurons differ in their number of edges;
    - ``address_<i>`` and ``memory_<i>`` int32 for clash-free patterns, as
      :func:`~models.connectivity.clash_free.from_seeds` takes them: φ [z] and v [z] for type 1, φ_s [d_out, z] and
      v_s [d_out, z] for type 2, t_s [d_out, D, z] and v_s for type 3. So ``address_<i>`` has as many dimensions as the
      number of the type says.
    """
    arrays: dict[str, npt.NDArray] = {}
    for i, pattern in enumerate(patterns, 1):
        arrays[f"left_{i}"] = pattern.left
        if pattern.d_in is None:
            arrays[f"right_{i}"] = pattern.right
        if pattern.seeds is not None:
            address, memory = pattern.seeds.given, pattern.seeds.memory
            arrays[f"address_{i}"] = address[0] if pattern.seeds.kind == 1 else address
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
    pattern = Pattern(n_left, n_right, left.astype(np.int32, copy=False), row_start.astype(np.int64))
    pattern.validate(name)
    if address is None:
        return pattern
    seeded = from_seeds(n_left, left.size // n_left, n_right, address.ndim, address, memory, f"{where}junction {i}")
    if not all(np.array_equal(*both) for both in _sweep_by_sweep(seeded, left)):
        raise InputError(name, None, f"does not hold the edges that address_{i} and memory_{i} describe")
    return seeded


def _sweep_by_sweep(seeded: Pattern, left: npt.NDArray[Any]) -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
    """The left neurons that follow from seeds beside those that were stored, some sweeps at a time."""
    assert seeded.seeds is not None
    seeds = seeded.seeds
    step = max(1, (1 << 18) // seeds.n_left)
    for s in range(0, seeds.sweeps, step):
        stop = min(s + step, seeds.sweeps)
        yield seeds.left(s, stop), left[s * seeds.n_left : stop * seeds.n_left]


def _check_vector(values: npt.NDArray[Any], size: int, limit: int, name: str) -> None:
    if values.shape != (size,) or not np.issubdtype(values.dtype, np.integer):
        raise InputError(name, f"{values.dtype} {list(values.shape)}", f"must be integers of shape {[size]}")
    if size and not (0 <= values.min() and values.max() < limit):
        raise InputError(name, None, f"must lie in 0..{limit - 1}")
