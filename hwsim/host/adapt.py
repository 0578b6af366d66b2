"""Has a board adapt to a newcomer: ``python -m hwsim.host.adapt DIR --port /dev/ttyUSB0``.

The directory holds ``registers.json``, which goes with the design's Verilog; ``pretrained.npz`` with ``weight_<i>`` and
``bias_<i>``, learned from others; and ``newcomer.npz`` with the newcomer's samples: ``train_inputs`` [n, N_0],
``train_labels`` [n], ``train_kappa`` [n], which the board learns from, each once and in order, ``test_inputs`` [m, N_0] and
``test_labels`` [m], by which it is judged, and ``known_inputs`` [k, N_0] and ``known_labels`` [k] of the others. What it has
become is left in ``adapted.npz``, with ``after`` [looks], samples learned from, ``right`` [looks], how many of the test
samples it then predicts right, and ``known_right`` [2], of the others' before the first and after the last.
"""

import argparse
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .accelerator import Accelerator
from .errors import BadValue
from .files import write_arrays
from .program import Arrays, Parser, counted, ended, read_samples, say
from .streams import connect

PRETRAINED, NEWCOMER, ADAPTED = "pretrained.npz", "newcomer.npz", "adapted.npz"
KNOWN = ("known_inputs", "known_labels")
_BATCH = 200
"""Samples that are sent at a time to judge by: an interrupt is answered between two."""


def _options(given: Sequence[str] | None) -> argparse.Namespace:
    about = "Have a board that was trained on some learn from the samples of another, and tell how right it is."
    parser = Parser("adapt", about, f"registers.json, {PRETRAINED}, {NEWCOMER}")
    parser.add_argument(
        "--after",
        type=counted,
        nargs="+",
        metavar="N",
        default=[10, 50, 200],
        help="samples of the newcomer after which it is judged (10 50 200)",
    )
    return parser.parse_args(given)


def _stops(wanted: Sequence[int], n: int) -> list[int]:
    """After how many samples it is judged, in ascending order."""
    if max(wanted) > n:
        raise BadValue(f"--after {max(wanted)}: must be at most {n}, as many as the newcomer has")
    return sorted(set(wanted))


def run(given: Sequence[str] | None = None) -> None:
    """Adapt as the command line says, and tell on standard output.

    Raises
    ------
    HostError
        If the board does not do what it should, or what is given cannot be used.
    """
    options = _options(given)
    folder: Path = options.directory
    known = read_samples(folder / NEWCOMER, KNOWN)
    stops = _stops(options.after, len(known["train_inputs"]))
    with connect(options.port, options.baud) as link:
        accelerator = Accelerator(link, folder)
        accelerator.load(folder / PRETRAINED)
        right, known_right = [_right(accelerator, known, "test")], [_right(accelerator, known, "known")]
        _tell("before", _share(right[0], known, "test"), _share(known_right[0], known, "known"))
        for begin, end in itertools.pairwise([0, *stops]):
            accelerator.train(*(known[f"train_{of}"][begin:end] for of in ("inputs", "labels", "kappa")))
            right.append(_right(accelerator, known, "test"))
            last = [_right(accelerator, known, "known")] if end == stops[-1] else []
            known_right += last
            _tell(f"after {end} samples", _share(right[-1], known, "test"), *(_share(r, known, "known") for r in last))
        counts = {"after": [0, *stops], "right": right, "known_right": known_right}
        write_arrays(folder / ADAPTED, accelerator.read() | {name: np.array(of) for name, of in counts.items()})


def _right(accelerator: Accelerator, known: Arrays, kind: str) -> int:
    """How many samples of a kind it predicts right."""
    inputs, labels = known[f"{kind}_inputs"], known[f"{kind}_labels"]
    parts = [slice(at, at + _BATCH) for at in range(0, len(inputs), _BATCH)]
    return sum(int((accelerator.predict(inputs[part]).prediction == labels[part]).sum()) for part in parts)


def _share(right: int, known: Arrays, kind: str) -> str:
    n, whose = len(known[f"{kind}_labels"]), {"test": "the newcomer's", "known": "the others'"}[kind]
    return f"{right / max(n, 1):.1%} of {whose} {n} samples right"


def _tell(when: str, *shares: str) -> None:
    say(f"{when}: {', '.join(shares)}")


def main() -> int:
    """The exit code: 0; 2 with one line on standard error; 130 when interrupted."""
    return ended("adapt", run, "interrupted; the board has learned from some of the samples")


if __name__ == "__main__":
    sys.exit(main())
