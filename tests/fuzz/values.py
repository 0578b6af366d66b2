"""Changes to arrays: other values, types and shapes."""

import random
import warnings
from collections.abc import Callable

import numpy as np

TYPES = ("?", "i1", "u1", "<i2", ">i4", "i8", "u8", "f2", "f4", ">f8", "c16", "U3", "S2", "M8[s]", "m8[D]", "V4")
_EXTREMES = (0, 1, -1, 2, 127, 128, 255, 256, 5000, 2**15, -(2**15), 2**31 - 1, -(2**31), 2**31, 2**63 - 1, -(2**63))


def _with_value(array: np.ndarray, rng: random.Random, value: object) -> np.ndarray:
    flat = array.reshape(-1).copy()
    flat[rng.randrange(flat.size)] = value
    return flat.reshape(array.shape)


def _extreme(array: np.ndarray, rng: random.Random) -> np.ndarray:
    if array.dtype.kind == "f":
        return _with_value(array, rng, rng.choice((np.nan, np.inf, -np.inf, 1e30, -1e-45, 0.0, -0.0, 1.0000001)))
    legal = [v for v in _EXTREMES if np.iinfo(array.dtype).min <= v <= np.iinfo(array.dtype).max]
    return _with_value(array, rng, rng.choice(legal))


def _off_by_one(array: np.ndarray, rng: random.Random) -> np.ndarray:
    flat = array.reshape(-1).copy()
    flat[rng.randrange(flat.size)] += rng.choice((1, -1)) if array.dtype.kind != "u" else 1
    return flat.reshape(array.shape)


def _two_swapped(array: np.ndarray, rng: random.Random) -> np.ndarray:
    flat = array.reshape(-1).copy()
    a, b = rng.randrange(flat.size), rng.randrange(flat.size)
    flat[[a, b]] = flat[[b, a]]
    return flat.reshape(array.shape)


def _random(array: np.ndarray, rng: random.Random) -> np.ndarray:
    return np.frombuffer(rng.randbytes(array.nbytes), array.dtype).reshape(array.shape)


_OF_NUMBERS: dict[str, Callable[[np.ndarray, random.Random], np.ndarray]] = {
    "one extreme": _extreme,
    "one off by one": _off_by_one,
    "two swapped": _two_swapped,
    "of random bytes": _random,
    "all the same": lambda a, rng: np.full_like(a, a.reshape(-1)[rng.randrange(a.size)]),
    "all one more": lambda a, _: a + a.dtype.type(1),
    "reversed": lambda a, _: a[::-1].copy() if a.ndim else a,
}
_OF_SHAPES: dict[str, Callable[[np.ndarray, random.Random], np.ndarray]] = {
    "longer": lambda a, _: np.concatenate([a, a[:1]]) if a.ndim else a[None],
    "shorter": lambda a, _: a[1:] if a.ndim else a[None],
    "doubled": lambda a, _: np.concatenate([a, a]) if a.ndim else a[None],
    "empty": lambda a, _: np.zeros((0, *a.shape[1:]), a.dtype),
    "with an axis more": lambda a, rng: a[..., None] if rng.random() < 0.5 else a[None],
    "flat": lambda a, _: a.reshape(-1),
    "transposed": lambda a, _: a.T if a.ndim > 1 else a[:, None].T if a.ndim else a,
    "a scalar": lambda a, _: a.reshape(-1)[0] if a.size else np.zeros((), a.dtype),
    "in another order of memory": lambda a, _: np.asfortranarray(a),
}


def _as_type(array: np.ndarray, rng: random.Random) -> np.ndarray:
    dtype = rng.choice(TYPES)
    try:
        return array.astype(dtype)
    except (TypeError, ValueError):
        return np.zeros(array.shape, dtype)


def _structured(array: np.ndarray, rng: random.Random) -> np.ndarray:
    fields = rng.choice(([("a", "<i4")], [("a", "<i4"), ("b", "f8")], [], [("a", "<i4", (2, 2))]))
    return np.zeros(array.shape, np.dtype(fields))


_OF_TYPES: dict[str, Callable[[np.ndarray, random.Random], np.ndarray]] = {
    "of another type": _as_type,
    "structured": _structured,
    "of objects": lambda a, _: a.astype(object),
    "text": lambda a, _: np.array("x" * 50),
}


def changed(array: np.ndarray, rng: random.Random) -> tuple[str, np.ndarray]:
    """What was done to an array, and what came of it; the array itself stays."""
    kinds = _OF_SHAPES | _OF_TYPES
    if array.dtype.kind in "iuf" and array.size:
        kinds = kinds | _OF_NUMBERS if rng.random() < 0.3 else _OF_NUMBERS
    what = rng.choice(list(kinds))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return what, np.asarray(kinds[what](array, rng))


def odd_array(rng: random.Random) -> np.ndarray:
    """Something that no archive of hwsim holds."""
    return changed(np.arange(6, dtype=rng.choice(("<i4", "f8", "u1"))).reshape(2, 3), rng)[1]
