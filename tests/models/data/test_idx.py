import contextlib
import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.commands import app as cli
from models.data import idx
from models.errors import InputError
from tests.models.data import idx_files, real


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("folder", ["mnist", "", "MNIST/raw"])
def test_finds_packed_and_unpacked_files_in_either_folder(tmp_path: Path, packed: bool, folder: str) -> None:
    idx_files.write(tmp_path / folder, idx_files.contents(), packed)

    digits = idx.load("mnist", tmp_path)

    assert np.array_equal(digits.train.inputs, idx_files.images(3).reshape(3, 784))
    assert np.array_equal(digits.test.inputs, idx_files.images(2, seed=1).reshape(2, 784))
    assert digits.train.labels.tolist() == [7, 0, 9]
    assert digits.test.labels.tolist() == [1, 2]
    assert digits.train.inputs.dtype == np.uint8
    assert digits.train.labels.dtype == np.int64
    assert (digits.features, digits.classes, digits.image, len(digits.validation)) == (784, 10, (28, 28), 0)


def test_the_root_of_torchvision_holds_several_data_sets(tmp_path: Path) -> None:
    idx_files.write(tmp_path / "MNIST/raw", idx_files.contents(), packed=False)
    clothes = idx_files.contents() | {idx.TRAIN_LABELS: idx_files.label_file([1, 2, 3])}
    idx_files.write(tmp_path / "FashionMNIST/raw", clothes)

    assert idx.load("mnist", tmp_path).train.labels.tolist() == [7, 0, 9]
    assert idx.load("fashion-mnist", tmp_path).train.labels.tolist() == [1, 2, 3]


def test_content_decides_about_unpacking_not_the_name(tmp_path: Path) -> None:
    files = idx_files.contents()
    idx_files.write(tmp_path, files, packed=False)
    (tmp_path / idx.TRAIN_IMAGES).rename(tmp_path / f"{idx.TRAIN_IMAGES}.gz")

    assert len(idx.load("mnist", tmp_path).train) == 3


def test_a_missing_file_is_named_with_the_command_that_gets_it(tmp_path: Path) -> None:
    idx_files.write(tmp_path / "mnist", idx_files.contents())
    (tmp_path / "mnist" / f"{idx.TEST_LABELS}.gz").unlink()

    with pytest.raises(InputError, match=r"t10k-labels-idx1-ubyte\.gz not found") as caught:
        idx.load("mnist", tmp_path)
    assert "hwsim data fetch mnist" in str(caught.value)
    assert "train-images" not in str(caught.value)


def test_where_the_files_are_installed_the_folder_is_named(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.delenv("HWSIM_DATA", raising=False)
    monkeypatch.setattr(idx, "DEBIAN", tmp_path / "datasets")
    clothes = idx_files.contents() | {idx.TRAIN_LABELS: idx_files.label_file([9, 2, 1])}
    idx_files.write(tmp_path / "datasets/fashion-mnist", clothes)
    (tmp_path / "empty").mkdir()
    for options in ([], ["--data-dir", f"{tmp_path}/empty"], ["--data-dir", f"{tmp_path}/nowhere"]):
        assert cli.run(["data", "difficulty", "fashion-mnist", *options]) == 2
        line = capsys.readouterr().err
        assert line.endswith(f"; they are installed: give --data-dir {tmp_path}/datasets\n") and "fetch" not in line
        assert cli.run(["data", "difficulty", "mnist", *options]) == 2
        assert "installed" not in capsys.readouterr().err
    assert len(idx.load("fashion-mnist", tmp_path / "datasets").train) == 3
    (tmp_path / "datasets/fashion-mnist" / f"{idx.TEST_LABELS}.gz").unlink()
    assert cli.run(["data", "difficulty", "fashion-mnist"]) == 2
    assert "installed" not in capsys.readouterr().err  # not all of them


def header(*words: int) -> bytes:
    return struct.pack(f">{len(words)}I", *words)


@pytest.mark.parametrize(
    ("base", "content", "fault"),
    [
        (idx.TRAIN_IMAGES, b"", "starts with nothing"),
        (idx.TRAIN_IMAGES, b"<html>404</html>", "not an IDX file of images"),
        (idx.TRAIN_IMAGES, idx_files.label_file([1, 2, 3]), "starts with 00 00 08 01"),
        (idx.TRAIN_IMAGES, header(0x0803, 3, 28), "ends inside its header"),
        (idx.TRAIN_IMAGES, header(0x0803, 3, 28, 27) + bytes(3 * 28 * 27), r"shape \(28, 27\)"),
        (idx.TRAIN_IMAGES, header(0x0803, 0, 28, 28), "holds no images"),
        (idx.TRAIN_IMAGES, header(0x0803, 3, 28, 28) + bytes(2351), "cut short: 2351 of the 2352 bytes"),
        (idx.TRAIN_IMAGES, header(0x0803, 3, 28, 28) + bytes(2353), "goes on after the 2352 bytes"),
        (idx.TRAIN_IMAGES, header(0x0803, 0xFFFFFFFF, 28, 28) + bytes(99), "cut short: 99 of the"),
        (idx.TRAIN_LABELS, idx_files.label_file([1, 2]), "holds 2 labels for 3 images"),
        (idx.TRAIN_LABELS, idx_files.label_file([1, 10, 2]), "holds the label 10: must be 0..9"),
        (idx.TEST_LABELS, idx_files.label_file([1, 2, 3]), "holds 3 labels for 2 images"),
    ],
)
def test_every_fault_names_the_file_and_the_cause(tmp_path: Path, base: str, content: bytes, fault: str) -> None:
    idx_files.write(tmp_path, idx_files.contents() | {base: content}, packed=False)

    with pytest.raises(InputError, match=fault) as caught:
        idx.load("mnist", tmp_path)
    assert base in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("damage", [lambda d: d[:-9], lambda d: d[:40] + bytes(40) + d[80:], lambda d: d[:5]])
def test_a_damaged_gzip_file_is_told_apart(tmp_path: Path, damage: object) -> None:
    idx_files.write(tmp_path, idx_files.contents())
    path = tmp_path / f"{idx.TRAIN_IMAGES}.gz"
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]

    with pytest.raises(InputError, match="damaged gzip file"):
        idx.load("mnist", tmp_path)


@given(position=st.integers(0, 2_400), value=st.integers(0, 255), length=st.integers(0, 2_400))
def test_no_damage_raises_anything_but_an_input_error(
    tmp_path_factory: pytest.TempPathFactory, position: int, value: int, length: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged-idx"
    data = bytearray(gzip.compress(idx_files.image_file(idx_files.images(3)), mtime=0))
    data[position % len(data)] = value
    path.write_bytes(data[:length] if length % 2 else data)
    with contextlib.suppress(InputError):
        assert idx.read_images(path).shape[1] == 784


@pytest.mark.parametrize(
    ("asked", "labels"),
    [("mnist", [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]), ("fashion-mnist", [5, 0, 4, 1, 9, 2, 1, 3, 1, 4])],
)
def test_the_two_data_sets_are_not_mistaken_for_each_other(tmp_path: Path, asked: str, labels: list[int]) -> None:
    swapped = {idx.TRAIN_IMAGES: idx_files.image_file(idx_files.images(10)), idx.TRAIN_LABELS: idx_files.label_file(labels)}
    idx_files.write(tmp_path, idx_files.contents() | swapped)

    with pytest.raises(InputError, match="belongs to"):
        idx.load(asked, tmp_path)


def test_real_mnist() -> None:
    digits = idx.load("mnist", real.mnist_dir())

    assert (digits.train.inputs.shape, digits.test.inputs.shape) == ((60000, 784), (10000, 784))
    assert digits.train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert np.bincount(digits.test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert digits.train.inputs.mean() == pytest.approx(33.318, abs=1e-3)
