import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from models.errors import InputError
from models.files.npz import read_npz, write_npz

ARRAYS: dict[str, np.ndarray] = {
    "left_1": np.arange(12, dtype=np.int32),
    "weight": np.linspace(-1, 1, 7).reshape(7, 1),
    "empty": np.zeros((0, 3), dtype=np.int64),
    "scalar": np.array(5, dtype=np.uint8),
    "words": np.array(["sweep", "bank"]),
}


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert (found[name] == array).all()


def test_what_was_written_is_read_back_here_and_by_numpy(tmp_path: Path) -> None:
    path = tmp_path / "arrays.npz"
    write_npz(path, ARRAYS)
    assert_same(read_npz(path), ARRAYS)
    with np.load(path, allow_pickle=False) as loaded:
        assert_same(dict(loaded), ARRAYS)


def test_archives_of_numpy_are_read(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "arrays.npz", allow_pickle=False, **ARRAYS)
    assert_same(read_npz(tmp_path / "arrays.npz"), ARRAYS)


def test_the_same_content_gives_the_same_bytes_whatever_its_order_layout_and_time(tmp_path: Path) -> None:
    table = np.arange(6).reshape(2, 3)
    write_npz(tmp_path / "a.npz", {"x": table, "y": np.arange(3)})
    write_npz(tmp_path / "b.npz", {"y": np.arange(6)[::2] // 2, "x": np.asfortranarray(table)})
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_failed_write_leaves_the_former_file_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "arrays.npz"
    write_npz(path, ARRAYS)

    def disk_full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", disk_full)
    with pytest.raises(InputError, match="cannot be written: No space left on device"):
        write_npz(path, {"x": np.zeros(3)})
    assert_same(read_npz(path), ARRAYS)
    assert [entry.name for entry in tmp_path.iterdir()] == ["arrays.npz"]


def test_object_arrays_are_refused_in_both_directions(tmp_path: Path) -> None:
    path = tmp_path / "objects.npz"
    with pytest.raises(InputError, match="x = object"):
        write_npz(path, {"x": np.array([{}, None])})
    assert not path.exists()
    np.savez(path, x=np.array([{}, None]))
    with pytest.raises(InputError, match="x = object: Object arrays are not read"):
        read_npz(path)


@pytest.mark.parametrize("name", ["", "a/b"])
def test_names_that_are_no_file_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="array name"):
        write_npz(tmp_path / "x.npz", {name: np.zeros(1)})


def test_missing_files_and_directories_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.npz: cannot be read: No such file"):
        read_npz(tmp_path / "nowhere.npz")
    with pytest.raises(InputError, match="cannot be read: it is a folder"):
        read_npz(tmp_path)
    with pytest.raises(InputError, match=r"x\.npz: cannot be written: No such file"):
        write_npz(tmp_path / "absent" / "x.npz", {"x": np.zeros(1)})


def test_a_lone_npy_file_is_not_an_archive(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros(3))
    with pytest.raises(InputError, match="is no sound archive of arrays"):
        read_npz(tmp_path / "x.npy")


def test_every_truncation_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "whole.npz"
    write_npz(path, {"x": np.arange(5), "y": np.arange(2)})
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError) as caught:
            read_npz(path)
        assert "\n" not in str(caught.value)


def test_a_damaged_byte_is_noticed_or_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "whole.npz"
    arrays = {"x": np.arange(5), "y": np.arange(2)}
    write_npz(path, arrays)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    noticed = 0
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        try:
            found = read_npz(path)
        except InputError:
            noticed += 1
        else:  # dates, attributes and the like; a name lives in the directory only and has no checksum
            for name in found.keys() & arrays.keys():
                assert (found[name] == arrays[name]).all()
    assert noticed > len(whole) // 2


def test_a_fault_that_quotes_a_damaged_file_is_cut(tmp_path):
    """Where a local header disagrees with the directory of the archive, the standard library quotes both."""
    path = tmp_path / "a.npz"
    write_npz(path, {"left": np.arange(3000, dtype=np.int32)})
    content = bytearray(path.read_bytes())
    content[26:28] = (9000).to_bytes(2, "little")  # the length of the first member's name
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_npz(path)
    assert "is no sound archive of arrays" in str(caught.value) and len(str(caught.value)) < 1000
