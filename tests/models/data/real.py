"""Where the real data sets are, if this machine has them."""

import os
from pathlib import Path

import pytest


def data_dir(needed: str) -> Path:
    """The data directory holding the file ``needed``; skips the test if there is none."""
    beside = Path(__file__).resolve().parents[4] / "shared" / "data"
    folder = Path(os.environ.get("HWSIM_DATA") or beside)
    if not (folder / needed).is_file():
        pytest.skip(f"needs {needed} in the directory named by HWSIM_DATA")
    return folder


def mnist_dir() -> Path:
    """The data directory with the official MNIST files in its folder ``mnist``."""
    return data_dir("mnist/train-images-idx3-ubyte.gz")
