"""A user's own data set: which files and folders can be one, where they are, and who reads them."""

from collections.abc import Callable
from pathlib import Path

from models.data import user_npz, user_table
from models.data.dataset import Dataset
from models.errors import InputError
from models.files.regular import folder_content, is_file, is_folder

_READERS: dict[str, Callable[[Path], Dataset]] = {
    ".npz": user_npz.load,
    ".npy": user_table.load_npy,
    ".csv": user_table.load_csv,
}

FORMATS = "the path of an .npz, .npy or .csv file or of a folder with .npy or .csv files"
"""For messages: what a name that is not in the catalogue can be."""


def names_file(name: str) -> bool:
    """Whether a name ends like that of a file with a data set, in small or capital letters."""
    return Path(name).suffix.lower() in _READERS


def locate(name: str, folder: Path | None) -> Path | None:
    """The file or folder of that name, as given or else inside ``folder``; ``None`` if there is neither."""
    places = [Path(name), *([] if folder is None else [folder / name])]
    there = is_file if names_file(name) else is_folder
    return next((place for place in places if there(place)), None)


def load(path: Path) -> Dataset:
    """Read the data set in a file or folder.

    Raises
    ------
    InputError
        If it cannot be read or holds no data set.
    """
    if names_file(path.name):
        return _READERS[path.suffix.lower()](path)
    arrays = any(p.suffix.lower() == ".npy" for p in folder_content(path))
    tables = is_file(path / "train.csv")
    if arrays and tables:
        raise InputError(str(path), None, "holds both .npy arrays and train.csv: keep one kind")
    if not arrays and not tables:
        rule = "holds no data set: neither .npy arrays such as train_inputs.npy, nor train.csv and test.csv"
        raise InputError(str(path), None, rule)
    return user_npz.load(path) if arrays else user_table.load_folder(path)
