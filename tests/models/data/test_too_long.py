"""Small files that unpack to far more than they should: refused before that fills the memory."""

import gzip
import io
import struct
import sys
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from models.data import cifar, fetch, idx
from models.errors import InputError
from models.files import stored_arrays
from tests.models.data import idx_files
from tests.models.data.memory import refusal

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")

MANY = 1 << 28


def zeros(path: Path, head: bytes, size: int) -> None:
    """A gzip file of zeros behind ``head``."""
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(head)
        for _ in range(size >> 20):
            file.write(bytes(1 << 20))


@pytest.mark.parametrize("count", [3, MANY // 784], ids=["goes on", "says so"])
def test_a_gzip_file_of_images_beyond_the_labels(tmp_path: Path, count: int) -> None:
    idx_files.write(tmp_path, idx_files.contents())
    zeros(tmp_path / f"{idx.TRAIN_IMAGES}.gz", struct.pack(">4I", 0x0803, count, 28, 28), MANY)
    assert (tmp_path / f"{idx.TRAIN_IMAGES}.gz").stat().st_size < 1 << 22

    line = refusal("mnist", tmp_path)

    assert ("goes on after the 2352 bytes" if count == 3 else f"holds 3 labels for {count} images") in line


def test_a_count_that_the_packed_bytes_cannot_hold_or_nobody_could_use(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(struct.pack(">4I", 0x0803, 10**6, 28, 28)))
    with pytest.raises(InputError, match=r"cut short: .* packed of the 784000000 bytes of its 1000000 images"):
        idx.read_images(path)
    path = tmp_path / "y.gz"
    path.write_bytes(gzip.compress(struct.pack(">4I", 0x0803, 6 * 10**6, 28, 28)) + bytes(5 * 10**6))
    with pytest.raises(InputError, match="has 4704000000 bytes of images: more than 4294967296 are not unpacked"):
        idx.read_images(path)


def test_what_is_not_packed_stays_where_it_lies_however_long_it_is(tmp_path: Path) -> None:
    path = tmp_path / "y"
    with path.open("wb") as file:
        file.write(struct.pack(">4I", 0x0803, 6 * 10**6, 28, 28))
        file.truncate(16 + 784 * 6 * 10**6)  # a hole takes no space
    tracemalloc.start()
    images = idx.read_images(path)
    assert images.shape == (6 * 10**6, 784) and not images[-1].any()
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_labels_beyond_reason(tmp_path: Path) -> None:
    for name, shape in (("x", (5 << 30, 1)), ("y", (5 << 30,))):
        with (tmp_path / f"{name}.npy").open("wb") as file:
            file.write(header("<u1", shape))
            file.truncate(file.tell() + int(np.prod(shape)))  # a hole takes no space

    assert "has 5368709120 bytes of samples: more than 4294967296 are not read" in refusal(str(tmp_path), tmp_path)


def header(dtype: str, shape: tuple[int, ...]) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": dtype, "fortran_order": False, "shape": shape})
    return stream.getvalue()


def test_members_of_other_sizes_than_their_headers_say(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    packed = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(path, "w", packed) as archive:
        archive.writestr("x_train.npy", header("<f8", (3, 3)) + bytes(MANY))
    assert f"{MANY} bytes, where its header says float64 (3, 3), that is 72" in refusal(str(path), tmp_path)
    with zipfile.ZipFile(path, "w", packed) as archive:
        archive.writestr("x_train.npy", header("<f8", (1 << 40, 1 << 20)) + bytes(72))
    assert "72 bytes, where its header says" in refusal(str(path), tmp_path)
    with zipfile.ZipFile(path, "w", packed) as archive:
        archive.writestr("x_train.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\x0f" + b" " * MANY)
    assert "has a damaged header" in refusal(str(path), tmp_path)


def test_arrays_that_nobody_asked_for_are_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    arrays = {"x_train": np.eye(2), "y_train": np.arange(2), "x_test": np.eye(2), "y_test": np.arange(2)}
    np.savez_compressed(path, more=np.zeros(MANY, np.uint8), **arrays)

    assert refusal(str(path), tmp_path) == ""


def test_labels_and_samples_that_do_not_belong_together_are_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez_compressed(path, x_train=np.zeros((MANY >> 3, 8), np.uint8), y_train=np.arange(2))

    assert "lacks the array test_inputs" in refusal(str(path), tmp_path)
    np.savez_compressed(path, x=np.zeros((MANY >> 3, 8), np.uint8), y=np.arange(2))
    assert f"y = 2: must be as many as the {MANY >> 3} samples" in refusal(str(path), tmp_path)


def test_an_archive_of_batches_that_goes_on(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / cifar.PYTHON_ARCHIVE, "w:gz", compresslevel=1) as archive:
        info = tarfile.TarInfo("readme")
        info.size = 2 * MANY
        archive.addfile(info, Zeros(info.size))

    assert f"unpacks to more than {MANY} bytes, which no official archive does" in refusal("cifar10", tmp_path)


class Zeros(io.RawIOBase):
    """So many zeros."""

    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, size: int = -1) -> bytes:
        n = min(size, self._left)
        self._left -= n
        return bytes(n)


def test_a_line_of_a_table_that_does_not_end(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    with path.open("wb") as file:
        file.write(b"label,a\n0,")
        file.truncate(MANY)

    assert "line 2: is longer than 16777216 bytes" in refusal(str(path), tmp_path, 3 << 26)


def test_a_download_that_unpacks_to_too_much_is_another_file(tmp_path: Path) -> None:
    file = fetch.SOURCES["mnist"].files[3]
    zeros(tmp_path / file.name, b"", 1 << 24)

    class Counting(gzip.GzipFile):
        unpacked = 0

        def read(self, size: int | None = -1) -> bytes:
            piece = super().read(size)
            Counting.unpacked += len(piece)
            return piece

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(fetch.gzip, "GzipFile", Counting)
        assert not file.matches(tmp_path / file.name)
    assert Counting.unpacked <= 1 << 20


@pytest.mark.parametrize("damage", ["twice", "encrypted", "method", "nested", "no array"])
def test_archives_that_numpy_never_writes(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "x.npz"
    content = header("<u1", (3,)) + bytes(3)
    method = zipfile.ZIP_BZIP2 if damage == "method" else zipfile.ZIP_STORED
    name = {"nested": "folder/x.npy"}.get(damage, "x.npy")
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr(name, b"text" if damage == "no array" else content)
        if damage == "twice":
            with pytest.warns(UserWarning, match="Duplicate"):
                archive.writestr(name, content)
    if damage == "encrypted":
        data = bytearray(path.read_bytes())
        at = data.rfind(b"PK\x01\x02")
        data[at + 8] |= 1
        data[6] |= 1
        path.write_bytes(data)
    faults = {
        "twice": "holds x twice",
        "encrypted": "x: is encrypted",
        "method": "packed in a way that NumPy does not use",
        "no array": "x: is not stored as a NumPy array",
    }
    if damage == "nested":
        assert list(stored_arrays.of_archive(path)) == ["folder/x"]
        return
    with pytest.raises(InputError, match=faults[damage]):
        stored_arrays.of_archive(path)
