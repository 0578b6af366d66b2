"""``inputs.json``: which inputs of the data set a run has kept, for whoever goes on with it and for scripts of one's own."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from hwsim.configuration.configuration import Configuration
from hwsim.results.directory import INPUTS, RunDirectory
from models.data.dataset import Dataset
from models.errors import InputError
from models.files import json_text
from models.files.regular import is_file


def write(directory: RunDirectory, config: Configuration, data: Dataset) -> list[str]:
    """Write the file where some inputs are left out, unless it is there; returns its name, if it has one.

    ``inputs`` are counted from 0 among the data set's own, of images row by row after ``pool``; input ``inputs[k]`` is the
    k-th that the network is given.
    """
    if data.selected is None:
        return []
    if not is_file(directory / INPUTS):
        about = {"data": data.name, "pool": config.data.pool, "pad": config.data.pad}
        directory.write_json(INPUTS, about | {"inputs": data.selected.tolist()})
    return [INPUTS]


def read(folder: Path, config: Configuration) -> npt.NDArray[np.int64] | None:
    """int64 [n]: what a run has kept; None if it has stored nothing.

    Raises
    ------
    InputError
        If the file is damaged, or is not of this configuration.
    """
    path, wanted = folder / INPUTS, config.data.select
    if wanted is None or not is_file(path):
        return None
    found = json_text.read(path)
    inputs = found.get("inputs") if isinstance(found, dict) else None
    if not isinstance(inputs, list) or not all(type(k) is int and 0 <= k < 2**20 for k in inputs):
        raise InputError(str(path), None, "is damaged: inputs must be a list of their numbers")
    kept = np.array(inputs, dtype=np.int64)
    if kept.size != wanted.kept or np.unique(kept).size != kept.size or wanted.inputs not in (None, tuple(inputs)):
        raise InputError(str(path), None, f"does not hold the {wanted.kept} inputs that data.select of its run asks for")
    return kept
