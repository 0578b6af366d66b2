import os
from pathlib import Path

import numpy as np
import pytest

from models.data import catalogue
from models.data.dataset import Dataset
from models.errors import InputError

ROWS = [(k % 3, (k * 37 % 256, 255 - k, k)) for k in range(30)]
"""A label and three pixels."""


def text(rows: list[tuple[object, tuple[int, ...]]], at: int, header: str | None = None, delimiter: str = ",") -> str:
    lines = [] if header is None else [header]
    for label, pixels in rows:
        cells = [str(p) for p in pixels]
        cells.insert(at, str(label))
        lines.append(delimiter.join(cells))
    return "\n".join(lines) + "\n"


def load(path: Path, content: str | bytes | None = None) -> Dataset:
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return catalogue.load(str(path), None, seed=0)


def samples(data: Dataset) -> set[tuple[int, ...]]:
    return {(int(y), *map(int, x)) for s in (data.train, data.test) for x, y in zip(s.inputs, s.labels, strict=True)}


SAMPLES = {(label, *pixels) for label, pixels in ROWS}


@pytest.mark.parametrize(
    "content",
    [
        text(ROWS, 0),
        text(ROWS, 3),
        text(ROWS, 0, "label,pixel0,pixel1,pixel2"),
        text(ROWS, 1, "a,Class,b,c"),
        text(ROWS, 3, "0,1,2,target"),
        "\ufeff" + text(ROWS, 3, "a;b;c;y", ";").replace("\n", "\r\n\r\n"),
        text(ROWS, 2, "a\tb\tlabels\tc", "\t"),
        text(ROWS, 0).replace("0,", '"0",', 1),
        text([(("ant", "bee", "cat")[label], pixels) for label, pixels in ROWS], 3),
    ],
)
def test_a_label_column_wherever_it_is_unambiguous(tmp_path: Path, content: str) -> None:
    data = load(tmp_path / "mine.csv", content)

    assert samples(data) == SAMPLES
    assert (data.name, data.classes, data.features, data.train.inputs.dtype) == ("mine", 3, 3, np.uint8)
    assert (len(data.train), len(data.test)) == (24, 6)


def test_a_fifth_of_every_class_is_set_aside_and_neither_the_order_nor_the_seed_decides(tmp_path: Path) -> None:
    ascending = sorted(ROWS)
    data = load(tmp_path / "mine.csv", text(ascending, 0))

    assert np.bincount(data.test.labels).tolist() == [2, 2, 2]
    assert len(set(data.train.labels[:8])) == 3  # a part of the training samples is a fair one
    other = catalogue.load(str(tmp_path / "mine.csv"), None, seed=7)
    assert np.array_equal(other.test.inputs, data.test.inputs)


def test_a_folder_with_a_split_of_its_own(tmp_path: Path) -> None:
    named = [(("no", "yes", "maybe")[label], pixels) for label, pixels in ROWS]
    for name, rows in (("train", named[:20]), ("validation", named[20:24]), ("test", named[24:])):
        (tmp_path / f"{name}.csv").write_text(text(rows, 0, "label,a,b,c"))
    data = load(tmp_path)

    assert (len(data.train), len(data.validation), len(data.test), data.name) == (20, 4, 6, tmp_path.name)
    assert data.train.labels[:3].tolist() == [1, 2, 0]  # maybe, no, yes
    (tmp_path / "test.csv").write_text(text([("never", (1, 2, 3))], 0, "label,a,b,c"))
    with pytest.raises(InputError, match="never: does not occur among the training labels; nearest: maybe, no, yes"):
        load(tmp_path)
    (tmp_path / "test.csv").write_text(text(named, 0, "label,a,b,d"))
    with pytest.raises(InputError, match=r"test\.csv: must have the same columns as train\.csv"):
        load(tmp_path)


def test_real_numbers(tmp_path: Path) -> None:
    lines = [f"{k / 29},{1 - k / 29},{k % 2}" for k in range(30)]
    data = load(tmp_path / "x.CSV", "\n".join(lines))

    assert data.train.inputs.dtype == np.float32
    assert data.classes == 2


def test_an_array_with_the_label_in_a_column(tmp_path: Path) -> None:
    table = np.array([(label, *pixels) for label, pixels in ROWS])
    for name, array in (("a.npy", table), ("b.npy", np.roll(table, -1, axis=1).astype(np.float64)), ("c.NPY", table)):
        with (tmp_path / name).open("wb") as file:
            np.save(file, array)
        assert samples(load(tmp_path / name)) == SAMPLES


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("label,a,b\n", "holds no samples"),
        ("1 2 3\n", "commas, semicolons or tabs alone: found none of them"),
        ("1,5;2,5;0\n", "found ',' and ';'"),
        ("0,1,2\n1,2\n", "sample 2: has 2 columns where the first row has 3"),
        ("0,0.5,0.1\n0,,0.1\n1,0,0\n1,0,0.3\n", r"sample 2 = \(empty\): must be a number"),
        ("0,0.5,0.1\n0,1_0,0.1\n1,0,0\n1,0,0.3\n", "sample 2 = 1_0: must be a number"),
        ("0,7,0\n1,7,0\n" * 5, "found 0..7 .or pixels: whole numbers 0..255, one of them above 127"),
        ("0,7,0\n1,7,1\n" * 5, "first and the last column both can be the label"),
        ("0.5,1,0.5\n" * 5, "neither the first nor the last column can be the label"),
        ("class,a,y\n1,2,3\n", "two columns that can be the label, class and y"),
        (",a,label\n0,1,2\n", r"column = \(no name\): looks like numbers of the rows"),
        ("id,a,label\n0,1,2\n", "column = id: looks like numbers of the rows"),
        ("label,a\n" + "1,0.5\n2,0.5\n" * 5, "class 0 never occurs"),
        ("label,a\n" + "0,0.5\n-1,0.5\n" * 5, "-1: must be 0..classes - 1"),
        ("label,a\n" + "0,0.5\n,0.5\n" * 5, "must be whole numbers, or names"),
        ("label,a\n" + "0,0.5\nnan,0.5\n" * 5, "nan: must be whole numbers, or names"),
        ("label,a\n" + "0,0.5\n1,nan\n" * 5, "in 0..1, not a number"),
        ("label,a\n" + "0,0.5\n1,1e300\n" * 5, "found 0.5..inf"),
        ("label,a\n" + "0,0.5\n1,7.9\n" * 5, "found 0.5..7.9 "),
        ("label,a\n0,0.5\n", "1: are too few to set a fifth aside"),
        (b"label,a\n\xff\xfe,1\n", "is not a text file in UTF-8"),
        ('label,a\n"0,0.5\n', "is no CSV file"),
        ("label,a\n0," + "9" * (1 << 24) + "\n", "line 2: is longer than 16777216 bytes"),
    ],
)
def test_every_fault_of_a_table_is_one_line(tmp_path: Path, content: str | bytes, fault: str) -> None:
    with pytest.raises(InputError, match=fault) as caught:
        load(tmp_path / "mine.csv", content)
    assert "mine.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("array", "fault"),
    [
        (np.zeros(9), r"must be a table \[n, features \+ 1\].* put separate arrays into a folder"),
        (np.zeros((9, 2, 2)), "must be a table"),
        (np.zeros((9, 1)), "must be a table"),
        (np.zeros(9, dtype=[("a", "f4"), ("b", "i4")]), "must be a table"),
        (np.zeros((9, 3), dtype=[("a", "f4")]), "structured: must be uint8"),
        (np.zeros((9, 3), dtype="M8[s]"), "must be uint8"),
        (np.zeros((9, 3), dtype=complex), "must be uint8"),
        (np.full((9, 3), "a"), "must be uint8"),
        (np.full((9, 3), object()), "Object arrays are not read"),
        (np.zeros((0, 3)), "none of them 0"),
        (np.full((9, 3), np.nan), "neither the first nor the last"),
    ],
)
def test_every_fault_of_an_array_is_one_line(tmp_path: Path, array: np.ndarray, fault: str) -> None:
    np.save(tmp_path / "mine.npy", array, allow_pickle=True)
    with pytest.raises(InputError, match=fault) as caught:
        load(tmp_path / "mine.npy")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".csv", ".npy", ".npz"])
def test_what_is_no_file_is_refused_and_nobody_waits_for_it(tmp_path: Path, suffix: str) -> None:
    os.mkfifo(tmp_path / f"pipe{suffix}")
    (tmp_path / f"loop{suffix}").symlink_to(tmp_path / f"loop{suffix}")
    (tmp_path / f"folder{suffix}").mkdir()
    for name, fault in (
        ("pipe", "it is no file"),
        ("loop", "Too many levels"),
        ("folder", "it is a folder"),
        ("no", "No such"),
    ):
        with pytest.raises(InputError, match=f"cannot be read: {fault}"):
            load(tmp_path / f"{name}{suffix}")


def test_folders_that_hold_none_or_two(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no data set: neither \.npy arrays"):
        load(tmp_path)
    (tmp_path / "train.csv").write_text(text(ROWS, 0))
    with pytest.raises(InputError, match=r"test\.csv: cannot be read"):
        load(tmp_path)
    np.save(tmp_path / "x_train.npy", np.zeros((2, 3)))
    with pytest.raises(InputError, match=r"holds both \.npy arrays and train\.csv"):
        load(tmp_path)
