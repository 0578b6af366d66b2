"""A checkpoint as a sealed archive: the state of a run and its arrays, and a digest by which any change shows."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from models.files import json_text

_STATE, _SEAL = "run", "seal"


def sealed(arrays: Mapping[str, np.ndarray], state: Mapping[str, Any]) -> dict[str, npt.NDArray[Any]]:
    """The arrays of ``checkpoint.npz``.

    Parameters
    ----------
    arrays
        Of the engine and of the run.
    state
        What JSON can hold; says which configuration and which files the checkpoint belongs to.
    """
    together = {**arrays, _STATE: np.array(json.dumps(state))}
    return together | {_SEAL: np.array(_digest(together))}


def opened(arrays: dict[str, npt.NDArray[Any]]) -> dict[str, Any]:
    """The state; takes it and the seal out of ``arrays``, so that those of :func:`sealed` remain.

    Raises
    ------
    ValueError, KeyError, TypeError
        If anything in it is not as it was sealed.
    """
    seal = str(arrays.pop(_SEAL))
    if seal != _digest(arrays):
        raise ValueError("its content is not what was written")
    state = json_text.parsed(str(arrays.pop(_STATE)))
    if not isinstance(state, dict):
        raise TypeError("the state of the run is none")
    return state


def _digest(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of names, types, shapes and values."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.asarray(arrays[name])
        digest.update(json.dumps([name, array.dtype.str, array.shape]).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
