import subprocess
import sys
from pathlib import Path

import numpy as np

from models.data import idx, mini
from tests.models.data import idx_files, real

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = ROOT / "models" / "data" / "mnist_mini.npz"


def make(data_dir: Path, output: Path) -> bytes:
    subprocess.run([sys.executable, ROOT / "tools" / "make_mnist_mini.py", data_dir, output], check=True)
    return output.read_bytes()


def test_what_is_shipped() -> None:
    digits = mini.load()

    assert (digits.name, digits.features, digits.classes, digits.image) == ("mnist-mini", 784, 10, (28, 28))
    assert (len(digits.train), len(digits.test), len(digits.validation)) == (5000, 1000, 0)
    assert digits.train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert np.bincount(digits.test.labels).tolist() == [85, 126, 116, 107, 110, 87, 87, 99, 89, 94]
    assert SHIPPED.stat().st_size < 2_000_000


def test_the_maker_gives_the_same_bytes_again(tmp_path: Path) -> None:
    idx_files.write(tmp_path, idx_files.contents())

    assert make(tmp_path, tmp_path / "one.npz") == make(tmp_path, tmp_path / "two.npz")


def test_it_is_the_beginning_of_the_real_one() -> None:
    full, digits = idx.load("mnist", real.mnist_dir()), mini.load()

    assert np.array_equal(digits.train.inputs, full.train.inputs[:5000])
    assert np.array_equal(digits.train.labels, full.train.labels[:5000])
    assert np.array_equal(digits.test.inputs, full.test.inputs[:1000])
    assert np.array_equal(digits.test.labels, full.test.labels[:1000])
