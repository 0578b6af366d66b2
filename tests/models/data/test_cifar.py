import contextlib
import gzip
import io
import pickle
import subprocess
import tarfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.data import cifar
from models.errors import InputError
from models.files.npz import write_npz
from tests.models.data import real

NAMES = [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]


def planes(batch: int, count: int = 2) -> np.ndarray:
    """uint8 [count, 3, 32, 32], as the official files store images."""
    return np.random.default_rng(batch).integers(0, 256, (count, 3, 32, 32), dtype=np.uint8)


def labels(batch: int) -> list[int]:
    return [batch, 9 - batch]


def python_batch(batch: int) -> bytes:
    """Opcode by opcode as Python 2 and NumPy 1 wrote the official batches, whose strings are bytes today."""
    raw = planes(batch).tobytes()
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    shape = b"K\x02M\x00\x0c\x86"
    dtype = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    data = array + b"(K\x01" + shape + dtype + b"\x89T" + len(raw).to_bytes(4, "little") + raw + b"tb"
    numbers = b"".join(b"K" + bytes([label]) for label in labels(batch))
    return b"\x80\x02}q\x01(U\x0bbatch_labelU\x00U\x06labels](" + numbers + b"eU\x04data" + data + b"u."


def binary_batch(batch: int) -> bytes:
    records = zip(labels(batch), planes(batch), strict=True)
    return b"".join(bytes([label]) + image.tobytes() for label, image in records)


MAKERS: dict[str, tuple[Callable[[int], bytes], str, str, str]] = {
    "python": (python_batch, "", "cifar-10-batches-py", cifar.PYTHON_ARCHIVE),
    "binary": (binary_batch, ".bin", "cifar-10-batches-bin", cifar.BINARY_ARCHIVE),
}


def write_folder(version: str, folder: Path) -> None:
    make, suffix, _, _ = MAKERS[version]
    folder.mkdir(parents=True, exist_ok=True)
    for batch, name in enumerate(NAMES):
        (folder / f"{name}{suffix}").write_bytes(make(batch))


def write_archive(version: str, folder: Path) -> Path:
    make, suffix, inside, archive_name = MAKERS[version]
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / archive_name, "w:gz") as archive:
        for batch, name in reversed(list(enumerate(NAMES))):  # the official archives are not in order either
            data = make(batch)
            member = tarfile.TarInfo(f"{inside}/{name}{suffix}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return folder / archive_name


@pytest.mark.parametrize("version", MAKERS)
@pytest.mark.parametrize("place", ["cifar10", ""])
@pytest.mark.parametrize("form", ["extracted", "extracted as is", "archive"])
def test_every_form_gives_the_same_images(tmp_path: Path, version: str, place: str, form: str) -> None:
    if form == "archive":
        write_archive(version, tmp_path / place)
    else:
        write_folder(version, tmp_path / place / (MAKERS[version][2] if form == "extracted" else ""))

    images = cifar.load(tmp_path)

    assert images.train.labels.tolist() == [label for batch in range(5) for label in labels(batch)]
    assert images.test.labels.tolist() == labels(5)
    assert (images.train.inputs.shape, images.image, images.classes) == ((10, 3072), (32, 32, 3), 10)
    row, column, channel, sample = 3, 30, 2, 7  # the second image of the fourth batch
    index = (row * 32 + column) * 3 + channel
    assert images.train.inputs[sample, index] == planes(3)[1, channel, row, column]
    assert np.array_equal(images.test.inputs.reshape(2, 32, 32, 3)[..., 1], planes(5)[:, 1])


class Bomb:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return (subprocess.call, (["touch", str(self.marker)],))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_runs_nothing(tmp_path: Path, protocol: int) -> None:
    write_folder("python", tmp_path)
    content = {b"labels": Bomb(tmp_path / "ran"), b"data": planes(0)}
    (tmp_path / "data_batch_1").write_bytes(pickle.dumps(content, protocol))

    with pytest.raises(InputError, match=r"data_batch_1: not a CIFAR-10 batch: (refers to|uses)"):
        cifar.load(tmp_path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["builtins.eval", "os.system", "numpy.load", "numpy.core.multiarray.scalar"])
def test_no_other_name_is_looked_up(tmp_path: Path, name: str) -> None:
    write_folder("python", tmp_path)
    module, _, attribute = name.rpartition(".")
    (tmp_path / "test_batch").write_bytes(f"c{module}\n{attribute}\n.".encode())

    with pytest.raises(InputError, match=f"refers to {name}"):
        cifar.load(tmp_path)


def batch_with(**changes: Any) -> bytes:
    return pickle.dumps({"labels": [1, 2], "data": planes(0).reshape(2, 3072)} | changes, protocol=3)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "not a CIFAR-10 batch"),
        (b"<html>", "not a CIFAR-10 batch"),
        (python_batch(0)[:3000], "not a CIFAR-10 batch"),
        (pickle.dumps([1, 2], protocol=2), "must hold a dictionary"),
        (b"\x80\x02}r\xff\xff\xff\xff.", "numbers more objects than it has bytes"),
        (b"\x80\x05\x96" + b"\xff" * 7 + b"\x0f.", "not a CIFAR-10 batch"),
        (b"\x80\x02(i__main__\nBomb\n.", "uses INST"),
        (batch_with(data=None), "`data` must be a uint8 array"),
        (batch_with(data=planes(0).reshape(2, 3072).astype(np.int16)), "`data` must be a uint8 array"),
        (batch_with(data=planes(0).reshape(4, 1536)), "`data` must be a uint8 array"),
        (batch_with(labels=[1]), "holds 1 labels for 2 images"),
        (batch_with(labels=[1, 10]), r"must be 0\.\.9, found 1\.\.10"),
        (batch_with(labels=[-1, 1]), r"must be 0\.\.9, found -1\.\.1"),
        (batch_with(labels=[1, 10**40]), "list of integers"),
        (batch_with(labels=["a", "b"]), "list of integers"),
        (batch_with(labels=[], data=planes(0)[:0].reshape(0, 3072)), "holds no images"),
    ],
)
def test_every_fault_of_a_python_batch(tmp_path: Path, content: bytes, fault: str) -> None:
    write_folder("python", tmp_path)
    (tmp_path / "data_batch_3").write_bytes(content)

    with pytest.raises(InputError, match=fault) as caught:
        cifar.load(tmp_path)
    assert "data_batch_3" in str(caught.value)
    assert "\n" not in str(caught.value)


@given(position=st.integers(0, 10_000), value=st.integers(0, 255))
def test_no_damaged_pickle_raises_anything_but_an_input_error(
    tmp_path_factory: pytest.TempPathFactory, position: int, value: int
) -> None:
    folder = tmp_path_factory.getbasetemp() / "damaged-cifar"
    if not folder.exists():
        write_folder("python", folder)
    # Only the frame around the pixels, which make up nearly all of the file.
    data = bytearray(python_batch(0))
    pixels = data.index(planes(0).tobytes())
    frame = [k for k in range(len(data)) if not pixels <= k < pixels + 6144]
    data[frame[position % len(frame)]] = value
    (folder / "data_batch_1").write_bytes(data)
    with contextlib.suppress(InputError):
        cifar.load(folder)


def test_a_damaged_batch_is_told_without_a_warning(tmp_path: Path) -> None:
    """Its text is no escape sequence that Python knows, which the standard library would tell the user."""
    write_folder("python", tmp_path)
    (tmp_path / "test_batch").write_bytes(b"S'\\y'\n.")
    with warnings.catch_warnings(record=True) as told, pytest.raises(InputError, match="not a CIFAR-10 batch"):
        warnings.simplefilter("always")
        cifar.load(tmp_path)
    assert not told


def test_the_batches_of_these_tests_are_what_numpy_itself_would_read() -> None:
    content = pickle.loads(python_batch(3), encoding="bytes")

    assert np.array_equal(content[b"data"].reshape(2, 3, 32, 32), planes(3))
    assert content[b"labels"] == labels(3)


def test_column_major_arrays_are_put_right(tmp_path: Path) -> None:
    write_folder("python", tmp_path)
    (tmp_path / "data_batch_1").write_bytes(batch_with(data=np.asfortranarray(planes(0).reshape(2, 3072))))

    assert cifar.load(tmp_path).train.inputs[0, 5] == planes(0)[0, 2, 0, 1]


def test_binary_records_must_be_whole(tmp_path: Path) -> None:
    write_folder("binary", tmp_path)
    (tmp_path / "test_batch.bin").write_bytes(binary_batch(5)[:-1])

    with pytest.raises(InputError, match=r"test_batch\.bin: cut short: 6145 bytes"):
        cifar.load(tmp_path)


@pytest.mark.parametrize("version", MAKERS)
@pytest.mark.parametrize("damage", ["cut", "flipped", "checksum", "no gzip"])
def test_a_damaged_archive(tmp_path: Path, version: str, damage: str) -> None:
    path = write_archive(version, tmp_path)
    data = bytearray(path.read_bytes())
    if damage == "cut":
        del data[len(data) // 2 :]
    elif damage == "flipped":
        data[len(data) // 2] ^= 0xFF
    elif damage == "checksum":
        data[-6] ^= 0xFF
    else:
        data = bytearray(b"<html>not found</html>")
    path.write_bytes(data)

    with pytest.raises(InputError) as caught:
        cifar.load(tmp_path)
    assert str(path) in str(caught.value)


def test_an_archive_without_all_batches(tmp_path: Path) -> None:
    path = tmp_path / cifar.BINARY_ARCHIVE
    with gzip.open(path, "wb") as stream, tarfile.open(fileobj=stream, mode="w"):
        pass

    with pytest.raises(InputError, match="lacks data_batch_1, data_batch_2"):
        cifar.load(tmp_path)


def test_a_huge_batch_is_not_read(tmp_path: Path) -> None:
    write_folder("binary", tmp_path)
    with (tmp_path / "data_batch_2.bin").open("wb") as file:
        file.truncate(1 << 40)

    with pytest.raises(InputError, match="no CIFAR-10 batch is larger"):
        cifar.load(tmp_path)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="`hwsim data fetch cifar10` downloads"):
        cifar.load(tmp_path)
    with pytest.raises(InputError, match=r"cifar10_first1017_per_batch\.npz not found"):
        cifar.load_part(tmp_path)


def part(**changes: Any) -> dict[str, Any]:
    good = {"xtrain": planes(0), "ytrain": np.array([1, 2]), "xtest": planes(1), "ytest": np.array([3, 9])}
    return {name: value for name, value in (good | changes).items() if value is not None}


def test_the_part(tmp_path: Path) -> None:
    write_npz(tmp_path / cifar.PART_FILE, part())

    images = cifar.load_part(tmp_path)

    assert np.array_equal(images.train.inputs.reshape(2, 32, 32, 3), np.moveaxis(planes(0), 1, 3))
    assert images.test.labels.tolist() == [3, 9]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"ytest": None}, "lacks the array ytest"),
        ({"xtrain": planes(0).astype(float)}, "xtrain must be uint8"),
        ({"xtest": planes(0).reshape(2, 3072)}, "xtest must be uint8"),
        ({"ytrain": np.array([0.5, 1])}, "ytrain must be integers"),
        ({"ytrain": np.array([1])}, "1 labels for 2 images"),
        ({"ytrain": np.array([1, 10])}, "found 1..10"),
    ],
)
def test_every_fault_of_the_part(tmp_path: Path, changes: dict[str, Any], fault: str) -> None:
    write_npz(tmp_path / cifar.PART_FILE, part(**changes))

    with pytest.raises(InputError, match=fault):
        cifar.load_part(tmp_path)


def test_real_part() -> None:
    images = cifar.load_part(real.data_dir(f"cifar10-part/{cifar.PART_FILE}"))

    assert (images.train.inputs.shape, images.test.inputs.shape) == ((5085, 3072), (1017, 3072))
    assert images.train.inputs[0, :3].tolist() == [59, 62, 63]  # red, green, blue of the frog's first pixel
    assert images.train.labels[:5].tolist() == [6, 9, 9, 4, 1]
