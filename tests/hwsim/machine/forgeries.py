"""Forged checkpoints, restored straight into the engines: ``python -m tests.hwsim.machine.forgeries CONFIG SEED``.

Run as a program, since what reaches compiled loops unchecked does not raise an error but kills the process.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hwsim.configuration import config_file
from hwsim.design import Design
from hwsim.training.engines import Trainer, trainer
from models.data.dataset import Dataset
from models.errors import InputError

Arrays = dict[str, np.ndarray]
TYPES = ("?", "i1", "u2", "<i4", ">i4", "i8", "u8", "f4", "f8", "c16", "m8[s]", "U3", [("a", "i4")])


def begun(path: Path, seed: int = 0) -> tuple[Trainer, Dataset]:
    """A trainer with samples in flight."""
    design = Design(config_file.load(path, {"seed": seed}))
    data = design.dataset(None)
    started = trainer(design, data.train)
    started.advance(np.arange(37), 0)
    return started, data


def forgeries(arrays: Arrays, rng: np.random.Generator) -> Iterator[tuple[str, Arrays]]:
    """Checkpoints with one array damaged, and what was done to it."""
    yield "nothing", {}
    yield "one array too many", arrays | {"weight_99": np.zeros(3, np.int32)}
    for name, array in arrays.items():
        yield f"{name} missing", {k: a for k, a in arrays.items() if k != name}
        for what, forged in (*_shapes(array), *_types(array), *_values(array, rng)):
            yield f"{name} {what}", arrays | {name: forged}


def _shapes(array: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    yield "empty", np.zeros(0, array.dtype)
    yield "with one axis more", array[None]
    yield "without axes" if array.ndim else "with axes", np.zeros((1, 1) if not array.ndim else (), array.dtype)
    if array.ndim:
        yield "longer", np.concatenate([array, array[:1]])
        yield "shorter", array[1:]


def _types(array: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    for dtype in map(np.dtype, TYPES):
        if dtype != array.dtype:
            yield f"as {dtype}", np.zeros(array.shape, dtype)


def _values(array: np.ndarray, rng: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
    if array.dtype.kind == "f":
        extremes: list[float] = [np.nan, np.inf, -np.inf, float(np.finfo(array.dtype).max), -1.0]
    else:
        limits = np.iinfo(array.dtype)
        powers = [s * 2**k + d for k in range(0, 63, 10) for s in (-1, 1) for d in (-1, 0, 1)]
        extremes = [int(limits.min), int(limits.max), *(v for v in powers if limits.min <= v <= limits.max)]
    for value in extremes:
        forged = array.copy()
        forged.reshape(-1)[rng.integers(array.size, size=min(1, array.size))] = value
        yield f"with a {value}", forged
        yield f"all {value}", np.full_like(array, value)
    for _ in range(3):
        yield "of random bytes", np.frombuffer(rng.bytes(array.nbytes), array.dtype).reshape(array.shape)


def same(one: Arrays, other: Arrays) -> bool:
    """Equal in names, types and values."""
    return one.keys() == other.keys() and all(
        a.dtype == other[k].dtype and np.array_equal(a, other[k], equal_nan=a.dtype.kind == "f") for k, a in one.items()
    )


def tried(path: Path, seed: int) -> tuple[int, int]:
    """Restore every forgery and train on; returns how many were refused and how many taken.

    A refusal names the array in one line and changes nothing; what is taken is taken as it stands.
    """
    started, data = begun(path, seed)
    arrays, rng = started.arrays(), np.random.default_rng(seed)
    refused = taken = 0
    for what, forged in forgeries(arrays, rng):
        sys.stdout.write(f"{what}\n")
        sys.stdout.flush()  # the last line tells what killed the process
        try:
            started.restore(forged)
        except InputError as error:
            assert "\n" not in str(error) and len(str(error)) < 250, error
            name = what.split()[0]
            # Which entries may be other than 0 follows from these two: one that is forged makes others wrong.
            if name in arrays and name not in ("cycle", "flight_kind"):
                assert name.removeprefix("optimiser_") in str(error), (what, error)
            assert same(started.arrays(), arrays), f"{what}: refused, but not left alone"
            refused += 1
            continue
        assert same(started.arrays(), {k: a.astype(arrays[k].dtype) for k, a in forged.items()}), f"{what}: taken as another"
        with np.errstate(all="ignore"):
            try:
                started.advance(np.arange(30), 0)
                started.drain()
                started.judge(data.test)
            except InputError as error:  # the machine has numbers for so many samples only
                assert str(error).startswith("cycle = "), error
        started.restore(arrays)
        taken += 1
    return refused, taken


if __name__ == "__main__":
    sys.stdout.write(f"refused and taken: {tried(Path(sys.argv[1]), int(sys.argv[2]))}\n")
