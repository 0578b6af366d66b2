"""What the programs that come with the driver share: their options, their samples, and how they end."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import numpy.typing as npt

from .errors import BadValue, HostError
from .files import read_arrays

SAMPLES = ("train_inputs", "train_labels", "train_kappa", "test_inputs", "test_labels")
"""Arrays of a file of samples."""

Arrays = dict[str, npt.NDArray]


class Parser(argparse.ArgumentParser):
    """Options of a program at a board; what is wrong with them is a :class:`~.errors.BadValue`.

    Parameters
    ----------
    holds
        What its directory holds.
    """

    def __init__(self, name: str, about: str, holds: str) -> None:
        super().__init__(prog=name, description=about)
        self.add_argument("directory", metavar="DIR", type=Path, help=holds)
        self.add_argument("--port", required=True, help="/dev/ttyUSB0, COM3, /dev/pts/4 or tcp:host:port")
        self.add_argument("--baud", type=int, default=115200, help="bits per second of a serial port (115200)")

    def error(self, message: str) -> NoReturn:
        """In place of the end of the process."""
        raise BadValue(message)


def counted(text: str) -> int:
    """A number of samples, from 1."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of samples: must be 1 or more")
    return int(text)


def read_samples(of: Path, more: tuple[str, ...] = ()) -> Arrays:
    """The arrays of a file of samples.

    Parameters
    ----------
    more
        Inputs and labels that must be there beside :data:`SAMPLES`.

    Raises
    ------
    BadValue
        If one is missing, or they do not go together.
    """
    known = read_arrays(of)
    missing = [name for name in (*SAMPLES, *more) if name not in known]
    if missing:
        raise BadValue(f"{of}: {missing[0]} is missing; there are {', '.join(sorted(known)) or 'no arrays'}")
    for inputs, *others in (SAMPLES[:3], SAMPLES[3:], *([more] if more else [])):
        for name in others:
            if known[name].shape != known[inputs].shape[:1] or known[inputs].ndim != 2:
                raise BadValue(f"{of}: {name} has the shape {list(known[name].shape)}, {inputs} {list(known[inputs].shape)}")
    return known


def say(line: str) -> None:
    """A line on standard output, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def ended(name: str, run: Callable[[], None], interrupted: str) -> int:
    """The exit code of a program: 0; 2 with one line on standard error; 130 when it is interrupted, which is told, too."""
    try:
        run()
    except (HostError, OSError) as e:
        sys.stderr.write(f"{name}: {' '.join(str(e).split())}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write(f"{name}: {interrupted}\n")
        return 130
    return 0
