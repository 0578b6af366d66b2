"""Trains a board on the samples of a directory: ``python -m hwsim.host.demo DIR --port /dev/ttyUSB0``.

The directory holds ``registers.json``, which goes with the design's Verilog; ``samples.npz`` with ``train_inputs`` [n, N_0],
``train_labels`` [n], ``train_kappa`` [n], ``test_inputs`` [m, N_0] and ``test_labels`` [m], integers; and ``initial.npz``
with ``weight_<i>`` and ``bias_<i>``.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .accelerator import Accelerator
from .errors import BadValue
from .files import read_arrays
from .program import SAMPLES, Arrays, Parser, counted, ended, read_samples, say
from .streams import connect


def _options(given: Sequence[str] | None) -> argparse.Namespace:
    about = "Train a board on samples, from the beginning or from a checkpoint."
    parser = Parser("demo", about, "registers.json, samples.npz, initial.npz")
    parser.add_argument("--samples", type=counted, metavar="N", help="how many samples to train on (all)")
    parser.add_argument(
        "--every",
        type=counted,
        default=1000,
        metavar="K",
        help="samples between two checkpoints (1000)",
    )
    parser.add_argument("--checkpoint", type=Path, metavar="FILE", help="where they are (DIR/checkpoint.npz)")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint")
    return parser.parse_args(given)


def _samples(of: Path, wanted: int | None) -> tuple[Arrays, int]:
    """The arrays of samples, and how many to train on."""
    known = read_samples(of)
    n = len(known["train_inputs"])
    if wanted is not None and wanted > n:
        raise BadValue(f"--samples {wanted}: must be at most {n}, as many as {of} has")
    return known, n if wanted is None else wanted


def _resumed(accelerator: Accelerator, path: Path, n: int) -> int:
    """Load a checkpoint; how many samples have been trained on."""
    known, of = read_arrays(path), accelerator.map.constants.get("HASH", 0)
    if "samples" not in known or known["samples"].shape:
        raise BadValue(f"{path}: is no checkpoint: it does not say how many samples were trained on")
    done = int(known["samples"])
    if "hash" in known and int(known["hash"]) != of:
        raise BadValue(f"{path}: is of a design with the HASH {int(known['hash']):#x} instead of {of:#x}")
    if not 0 <= done <= n:
        raise BadValue(f"{path}: {done} samples have been trained on and there are {n}")
    accelerator.load(known)
    say(f"{done} samples have been trained on")
    return done


def _loaded(accelerator: Accelerator, folder: Path, checkpoint: Path) -> int:
    """Load the initial parameters: no sample has been trained on."""
    accelerator.load(folder / "initial.npz")
    _checkpoint(accelerator, checkpoint, 0)
    return 0


def _checkpoint(accelerator: Accelerator, path: Path, done: int) -> None:
    accelerator.checkpoint(path, samples=done, hash=accelerator.map.constants.get("HASH", 0))


def run(given: Sequence[str] | None = None) -> None:
    """Train as the command line says, and tell on standard output.

    Raises
    ------
    HostError
        If the board does not do what it should, or what is given cannot be used.
    """
    options = _options(given)
    folder: Path = options.directory
    known, n = _samples(folder / "samples.npz", options.samples)
    checkpoint: Path = options.checkpoint or folder / "checkpoint.npz"
    with connect(options.port, options.baud) as link:
        accelerator = Accelerator(link, folder)
        begun = _resumed(accelerator, checkpoint, n) if options.resume else _loaded(accelerator, folder, checkpoint)
        _train(accelerator, known, range(begun, n, options.every), n, checkpoint)
        accelerator.checkpoint(folder / "final.npz")
        _test(accelerator, known, options.every)


def _train(accelerator: Accelerator, known: Arrays, begins: range, n: int, checkpoint: Path) -> None:
    """Batch by batch, with a checkpoint and a line behind each."""
    for begin in begins:
        part = slice(begin, min(begin + begins.step, n))
        inputs, labels, kappa = (known[name][part] for name in SAMPLES[:3])
        clock = time.monotonic()
        right = accelerator.train(inputs, labels, kappa).prediction == labels
        rate = len(right) / max(time.monotonic() - clock, 1e-9)
        _checkpoint(accelerator, checkpoint, part.stop)
        say(f"{part.stop} of {n} samples: {right.mean():.1%} of the last {len(right)} right, {rate:.0f} samples/s")


def _test(accelerator: Accelerator, known: Arrays, every: int) -> None:
    inputs, labels = known["test_inputs"], known["test_labels"]
    told = [accelerator.predict(inputs[at : at + every]).prediction for at in range(0, len(inputs), every)]
    if told:
        say(f"{(np.concatenate(told) == labels).mean():.1%} of {len(labels)} test samples right")


def main() -> int:
    """The exit code: 0; 2 with one line on standard error; 130 when interrupted."""
    return ended("demo", run, "interrupted; --resume goes on from the last checkpoint")


if __name__ == "__main__":
    sys.exit(main())
