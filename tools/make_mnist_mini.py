"""Cut models/data/mnist_mini.npz out of the official MNIST files.

Usage: python tools/make_mnist_mini.py DATA_DIR [OUTPUT]

DATA_DIR holds the four MNIST files, or a folder ``mnist`` with them. The first 5,000 training and the first 1,000 test
digits are taken as they are. The same files give the same bytes with the same zlib.
"""

import argparse
import zipfile
from pathlib import Path

import numpy as np

from models.data import idx
from models.data.dataset import Split

TRAIN, TEST = 5000, 1000
OUTPUT = Path(__file__).resolve().parents[1] / "models" / "data" / "mnist_mini.npz"
# A fixed date, the earliest that zip knows: np.savez leaves the date to zipfile, which need not stay the same.
DATE = (1980, 1, 1, 0, 0, 0)


def make(data_dir: Path, output: Path) -> None:
    """Write the npz file."""
    full = idx.load("mnist", data_dir)
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, split in (("train", full.train[:TRAIN]), ("test", full.test[:TEST])):
            for key, array in _arrays(split, full.image or ()):
                member = zipfile.ZipInfo(f"{name}_{key}.npy", DATE)
                member.compress_type = zipfile.ZIP_DEFLATED
                member.create_system = 3  # Unix, wherever this runs
                with archive.open(member, "w") as stream:
                    np.lib.format.write_array(stream, array, version=(1, 0), allow_pickle=False)


def _arrays(split: Split, image: tuple[int, ...]) -> list[tuple[str, np.ndarray]]:
    return [("inputs", split.inputs.reshape(-1, *image)), ("labels", split.labels.astype(np.uint8))]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("output", type=Path, nargs="?", default=OUTPUT)
    arguments = parser.parse_args()
    make(arguments.data_dir, arguments.output)


if __name__ == "__main__":
    main()
