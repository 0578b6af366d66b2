"""The data sets that can be asked for by name, and the one function that loads any of them."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from models.data import cifar, digits, idx, mini, morse, user_files
from models.data.dataset import Dataset
from models.data.morse import MorseOptions
from models.errors import ArgumentError, InputError
from models.files.regular import folder_content, is_folder, is_there
from models.plugins import Plugins


@dataclass(frozen=True)
class DatasetInfo:
    """One row of the table of data sets.

    Attributes
    ----------
    features, classes
        Inputs per sample and classes.
    counts
        Training, validation and test samples; validation can also be held out of training.
    image
        (rows, columns[, channels]) for images.
    source, licence
        Who made it, and what its makers or distributors state.
    obtained
        How a user gets it.
    read
        Loads it from the data directory, ``None`` unless ``needs_folder``, and the seed, which decides all that is drawn.
    fetchable
        Whether ``hwsim data fetch`` downloads it.
    needs_folder
        Whether loading reads files from a data directory.
    drawn
        Whether the samples depend on the seed.
    """

    name: str
    features: int
    classes: int
    counts: tuple[int, int, int]
    image: tuple[int, ...] | None
    source: str
    licence: str
    obtained: str
    read: Callable[[Path | None, int], Dataset]
    fetchable: bool = False
    needs_folder: bool = False
    drawn: bool = False


_MNIST_SOURCE = "Y. LeCun, C. Cortes, C. J. C. Burges, the MNIST database of handwritten digits"
_MNIST_LICENCE = "commonly given as CC BY-SA 3.0"
_CIFAR_SOURCE = "A. Krizhevsky, V. Nair, G. Hinton, CIFAR-10"
_CIFAR_LICENCE = "none stated; the authors ask for a citation"


def _in_folder(load: Callable[[Path], Dataset]) -> Callable[[Path | None, int], Dataset]:
    def read(data_dir: Path | None, _seed: int) -> Dataset:
        assert data_dir is not None
        return load(data_dir)

    return read


def _generated(_data_dir: Path | None, seed: int, options: MorseOptions | None = None) -> Dataset:
    return morse.generate(options or MorseOptions(), np.random.default_rng(seed))


CATALOGUE: Plugins[DatasetInfo] = Plugins(
    "hwsim.datasets",
    DatasetInfo,
    {
        info.name: info
        for info in (
            DatasetInfo(
                name="mnist",
                features=784,
                classes=10,
                counts=(60000, 0, 10000),
                image=(28, 28),
                source=_MNIST_SOURCE,
                licence=_MNIST_LICENCE,
                obtained="hwsim data fetch mnist",
                read=_in_folder(lambda data_dir: idx.load("mnist", data_dir)),
                fetchable=True,
                needs_folder=True,
            ),
            DatasetInfo(
                name="mnist-mini",
                features=784,
                classes=10,
                counts=(5000, 0, 1000),
                image=(28, 28),
                source=f"{_MNIST_SOURCE}: the first 5,000 and 1,000",
                licence=_MNIST_LICENCE,
                obtained="comes with hwsim",
                read=lambda _, __: mini.load(),
            ),
            DatasetInfo(
                name="fashion-mnist",
                features=784,
                classes=10,
                counts=(60000, 0, 10000),
                image=(28, 28),
                source="H. Xiao, K. Rasul, R. Vollgraf (Zalando), Fashion-MNIST, arXiv 1708.07747",
                licence="MIT",
                obtained="hwsim data fetch fashion-mnist, or Debian's package dataset-fashion-mnist",
                read=_in_folder(lambda data_dir: idx.load("fashion-mnist", data_dir)),
                fetchable=True,
                needs_folder=True,
            ),
            DatasetInfo(
                name="cifar10",
                features=3072,
                classes=10,
                counts=(50000, 0, 10000),
                image=(32, 32, 3),
                source=_CIFAR_SOURCE,
                licence=_CIFAR_LICENCE,
                obtained="hwsim data fetch cifar10",
                read=_in_folder(cifar.load),
                fetchable=True,
                needs_folder=True,
            ),
            DatasetInfo(
                name="cifar10-part",
                features=3072,
                classes=10,
                counts=(5085, 0, 1017),
                image=(32, 32, 3),
                source=f"{_CIFAR_SOURCE}: the first 1,017 of each official batch",
                licence=_CIFAR_LICENCE,
                obtained=f"a file {cifar.PART_FILE} cut from the official batches",
                read=_in_folder(cifar.load_part),
                needs_folder=True,
            ),
            DatasetInfo(
                name="digits",
                features=64,
                classes=10,
                counts=(1437, 0, 360),
                image=(8, 8),
                source="E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI; as shipped by scikit-learn",
                licence="CC BY 4.0 (UCI)",
                obtained="pip install 'hwsim[digits]'",
                read=lambda _, __: digits.load(),
            ),
            DatasetInfo(
                name="morse",
                features=64,
                classes=64,
                counts=(320000, 64000, 64000),
                image=None,
                source="S. Dey, K. M. Chugg, P. A. Beerel, ICCCNT 2018, arXiv 1807.04239; family 4 has 256 features",
                licence="generated here, none needed",
                obtained="generated from the seed",
                read=_generated,
                drawn=True,
            ),
        )
    },
)
"""By name."""


def load(name: str, data_dir: Path | None, seed: int, *, morse_options: MorseOptions | None = None) -> Dataset:
    """Load a data set.

    Parameters
    ----------
    name
        A name of ``CATALOGUE``, or the path of a file or folder (:mod:`models.data.user_files`): as given, else inside
        ``data_dir``.
    data_dir
        Folder with the files of those data sets that have some.
    seed
        Decides everything that is drawn; only the Morse data set draws.
    morse_options
        Family, noise and sizes of the Morse data set.

    Raises
    ------
    InputError
        An unknown name, no data directory where one is needed, and every fault of a file.
    """
    path = file_of(name, data_dir)
    if path is not None:
        return user_files.load(path)
    info = CATALOGUE[name]
    if name == "morse":
        return _generated(None, seed, morse_options)
    if not info.needs_folder:
        return info.read(None, seed)
    if data_dir is None:
        rule = f"is missing: {name} needs a data directory: give <data_dir> or set HWSIM_DATA"
        raise ArgumentError("data_dir", None, rule + _fetch_hint(name))
    if not data_dir.is_dir():
        raise ArgumentError(
            "data_dir", str(data_dir), "no such directory: give the one that holds the data sets" + _fetch_hint(name)
        )
    return info.read(data_dir, seed)


def _fetch_hint(name: str) -> str:
    if name in idx.NAMES:
        return idx.hint(name)
    return f"; `hwsim data fetch {name}` downloads the files" if CATALOGUE[name].fetchable else ""


def file_of(name: str, data_dir: Path | None) -> Path | None:
    """The file or folder that a name stands for: as given, else inside ``data_dir``; ``None`` for names of ``CATALOGUE``.

    A file that is nowhere is where it was given.

    Raises
    ------
    InputError
        If the name is neither in the catalogue nor that of a file or folder.
    """
    if name in CATALOGUE:
        return None
    found = user_files.locate(name, data_dir)
    if found is None and not user_files.names_file(name):
        nearest = difflib.get_close_matches(name.lower(), CATALOGUE, cutoff=0.5)
        rule = f"unknown data set; known are {', '.join(CATALOGUE)} and {user_files.FORMATS}"
        raise InputError("data.name", name, rule, nearest)
    return found or Path(name)


@dataclass(frozen=True)
class Outline:
    """What is known of a data set without its samples.

    Attributes
    ----------
    features, classes, image
        As in :class:`DatasetInfo`.
    counts
        Training, validation and test samples.
    """

    name: str
    features: int
    classes: int
    counts: tuple[int, int, int]
    image: tuple[int, ...] | None


def outline(name: str, data_dir: Path | None, *, morse_options: MorseOptions | None = None) -> Outline | None:
    """Sizes of a data set: of a name in the catalogue those it says, of a file what it holds.

    Returns
    -------
    Outline or None
        ``None`` for a file that is not there.

    Raises
    ------
    InputError
        An unknown name, and every fault of a file.
    """
    path = file_of(name, data_dir)
    if path is not None:
        return None if not is_there(path) else _outline_of_file(path, *_state(path))
    info = CATALOGUE[name]
    if morse_options is not None:
        train, validation, test = (64 * n for n in morse_options.per_class)
        features = morse.FAMILIES[morse_options.family].frame
        return Outline(name, features, info.classes, (train, validation, test), None)
    return Outline(name, info.features, info.classes, info.counts, info.image)


def outline_of(data: Dataset) -> Outline:
    """Sizes of a data set that has been loaded."""
    counts = (len(data.train), len(data.validation), len(data.test))
    return Outline(data.name, data.features, data.classes, counts, data.image)


def _state(path: Path) -> tuple[int, ...]:
    """Changes whenever a file, or one in a folder, does."""
    of = [path, *filter(is_there, folder_content(path))] if is_folder(path) else [path]
    return tuple(n for p in of for n in (p.stat().st_mtime_ns, p.stat().st_size))


@lru_cache(maxsize=64)
def _outline_of_file(path: Path, *_state: int) -> Outline:
    return outline_of(user_files.load(path))
