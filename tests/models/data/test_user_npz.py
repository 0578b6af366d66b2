import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.data import catalogue, user_npz
from models.errors import InputError

INPUTS = np.arange(12, dtype=np.uint8).reshape(4, 3)
GOOD: dict[str, Any] = {
    "train_inputs": INPUTS,
    "train_labels": np.array([0, 1, 2, 1]),
    "test_inputs": INPUTS[:2],
    "test_labels": np.array([2, 0]),
}


def write(folder: Path, **changes: Any) -> Path:
    """A good file with changes; ``None`` leaves an array out."""
    arrays = {name: value for name, value in (GOOD | changes).items() if value is not None}
    np.savez(folder / "mine.npz", **arrays)
    return folder / "mine.npz"


def test_a_good_file(tmp_path: Path) -> None:
    mine = user_npz.load(write(tmp_path))

    assert (mine.name, mine.classes, mine.features, mine.image) == ("mine", 3, 3, None)
    assert np.array_equal(mine.train.inputs, INPUTS)
    assert mine.train.inputs.dtype == np.uint8
    assert mine.test.labels.tolist() == [2, 0]
    assert len(mine.validation) == 0


def test_keras_names_images_and_columns_of_labels(tmp_path: Path) -> None:
    images = np.arange(48, dtype=np.uint8).reshape(4, 2, 2, 3)
    column = np.array([[0], [1], [2], [1]], dtype=np.uint8)
    path = tmp_path / "keras.npz"
    np.savez(path, x_train=images, y_train=column, x_test=images[:1], y_test=column[:1], x_val=images, y_val=column)

    mine = user_npz.load(path)

    assert (mine.image, mine.features, mine.classes, len(mine.validation)) == ((2, 2, 3), 12, 3, 4)
    assert np.array_equal(mine.train.inputs[1], np.arange(12, 24))
    assert mine.train.labels.dtype == np.int64


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floating_point_becomes_float32(tmp_path: Path, dtype: type) -> None:
    values = np.linspace(0, 1, 12, dtype=dtype).reshape(4, 3)

    mine = user_npz.load(write(tmp_path, train_inputs=values, test_inputs=values[:2]))

    assert mine.train.inputs.dtype == np.float32
    assert np.array_equal(mine.train.inputs, values.astype(np.float32))


def test_the_number_of_classes_can_be_stated(tmp_path: Path) -> None:
    path = write(tmp_path, train_labels=np.array([0, 3, 3, 0]), classes=np.array(5))

    assert user_npz.load(path).classes == 5


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"test_labels": None}, r"lacks the array test_labels \(or y_test, yte, ytest\); it holds test_inputs"),
        ({"x_train": INPUTS}, "holds both train_inputs and x_train"),
        ({"train_inputs": np.array([[0, 0.5, np.nan]] * 4, dtype=np.float32)}, "train_inputs: .* 0..1, not a number"),
        ({"train_inputs": np.array([[0, 0.5, 1.5]] * 4, dtype=np.float32)}, "in 0..1, found 0..1.5"),
        ({"test_inputs": np.array([[-0.1, 0.5, 1]] * 2, dtype=np.float32)}, "test_inputs: .* found -0.1..1"),
        ({"train_inputs": np.array([[0, 0.5, np.inf]] * 4, dtype=np.float32)}, "found 0..inf"),
        ({"train_inputs": INPUTS.astype(np.int64)}, "int64: must be uint8"),
        ({"train_inputs": INPUTS.astype(bool)}, "bool: must be uint8"),
        ({"train_inputs": INPUTS.astype(complex)}, "complex128: must be uint8"),
        ({"train_inputs": INPUTS.ravel()}, "must have the shape"),
        ({"train_inputs": INPUTS[:0]}, "none of them 0"),
        ({"train_inputs": INPUTS[:, :0]}, "none of them 0"),
        ({"train_inputs": INPUTS[:3]}, "train_labels = 4: must be as many as the 3 samples"),
        ({"test_inputs": INPUTS[:2, :2]}, r"test_inputs = uint8 \(2, 2\): must be uint8 samples of \(3,\)"),
        ({"test_inputs": np.float32(INPUTS[:2] / 99)}, "like the training inputs"),
        ({"train_labels": np.array([0, 1, 2, -1])}, "train_labels = -1"),
        ({"train_labels": np.array([1, 2, 3, 1])}, "class 0 never occurs"),
        ({"train_labels": np.array([0, 1, 3, 1])}, "class 2 never occurs"),
        ({"train_labels": np.array([0.0, 1, 2, 1])}, "float64: must be integers"),
        ({"train_labels": np.eye(4) * 2}, "one-hot: row 0 is not a single 1"),
        ({"train_labels": np.array([0, 1, 2, 2**63], dtype=np.uint64)}, "beyond any network"),
        ({"test_labels": np.array([2, 3])}, "test_labels = 3: must be 0..2"),
        ({"classes": np.array(2)}, "train_labels = 2: must be 0..1"),
        ({"classes": np.array(0)}, "must be one positive integer"),
        ({"validation_inputs": INPUTS}, "lacks the array validation_labels"),
        ({"train_inputs": np.array([[object()] * 3] * 4)}, "[Oo]bject arrays"),
    ],
)
def test_every_fault_is_one_line_with_file_and_array(tmp_path: Path, changes: dict[str, Any], fault: str) -> None:
    path = write(tmp_path, **changes)

    with pytest.raises(InputError, match=fault) as caught:
        user_npz.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_cut_short(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.write_bytes(path.read_bytes()[:-30])

    with pytest.raises(InputError, match=r"mine\.npz"):
        user_npz.load(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"mine\.npz: cannot be read"):
        user_npz.load(tmp_path / "mine.npz")


NAMES = {
    "Keras": ("x_train", "y_train", "x_test", "y_test", "x_val", "y_val"),
    "scikit-learn": ("X_train", "y_train", "X_test", "y_test", "X_val", "y_val"),
    "original authors": ("xtr", "ytr", "xte", "yte", "xva", "yva"),
    "MedMNIST": ("train_images", "train_labels", "test_images", "test_labels", "val_images", "val_labels"),
}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("form", ["integers", "column", "one-hot"])
@pytest.mark.parametrize("kept", ["x.npz", "X.NPZ", "folder"])
def test_names_that_others_use_with_labels_as_they_have_them(
    tmp_path: Path, names: tuple[str, ...], form: str, kept: str
) -> None:
    labels = np.array([0, 1, 2, 1])
    stored = {"integers": labels, "column": labels[:, None], "one-hot": np.eye(3)[labels]}[form]
    values = [INPUTS, stored, INPUTS[1:3], stored[1:3], INPUTS[2:], stored[2:]]
    arrays = dict(zip(names, values, strict=True))
    path = tmp_path / kept
    if kept == "folder":
        path.mkdir()
        for name, value in arrays.items():
            np.save(path / name, value)
    else:
        with path.open("wb") as file:
            np.savez(file, **arrays)

    mine = catalogue.load(str(path), None, seed=0)

    assert (mine.classes, mine.name) == (3, path.stem)
    for split, at in ((mine.train, slice(0, 4)), (mine.test, slice(1, 3)), (mine.validation, slice(2, 4))):
        assert np.array_equal(split.inputs, INPUTS[at])
        assert np.array_equal(split.labels, labels[at])


def test_one_pair_without_a_split_is_split(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", X=np.arange(20, dtype=np.uint8)[:, None], y=np.arange(20) % 2)

    mine = user_npz.load(tmp_path / "x.npz")

    assert (len(mine.train), len(mine.test)) == (16, 4)
    assert sorted([*mine.train.inputs.flat, *mine.test.inputs.flat]) == [*range(20)]
    assert np.array_equal(mine.train.labels, mine.train.inputs[:, 0] % 2)


def test_rounding_errors_are_clipped_and_what_is_more_is_told_with_all_digits(tmp_path: Path) -> None:
    values = np.linspace(0, 1, 12, dtype=np.float32).reshape(4, 3)
    beyond = values.copy()
    beyond[3, 2], beyond[0, 0] = np.nextafter(np.float32(1), np.float32(2)), -1e-7

    mine = user_npz.load(write(tmp_path, train_inputs=beyond, test_inputs=values[:2]))

    assert np.array_equal(mine.train.inputs, values)
    beyond[3, 2] = 1.00001
    with pytest.raises(InputError, match=r"must be in 0\.\.1, found -1e-07\.\.1\.00001 "):
        user_npz.load(write(tmp_path, train_inputs=beyond, test_inputs=values[:2]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint16])
def test_pixels_in_other_types_are_bytes(tmp_path: Path, dtype: type) -> None:
    bright = INPUTS * np.uint8(23)

    mine = user_npz.load(write(tmp_path, train_inputs=bright.astype(dtype), test_inputs=INPUTS[:2].astype(dtype)))

    assert mine.train.inputs.dtype == mine.test.inputs.dtype == np.uint8
    assert np.array_equal(mine.train.inputs, bright)
    assert np.array_equal(mine.test.inputs, INPUTS[:2])
    with pytest.raises(InputError, match=r"test_inputs: floating-point inputs must be in 0\.\.1, found 0\.\.2\.5"):
        user_npz.load(write(tmp_path, train_inputs=bright.astype(dtype), test_inputs=INPUTS[:2] / 2))


@pytest.mark.parametrize(
    ("shape", "image"),
    [
        ((28, 28), (28, 28)),
        ((1, 28, 28), (28, 28, 1)),
        ((28, 28, 1), (28, 28, 1)),
        ((3, 32, 40), (32, 40, 3)),
        ((32, 40, 3), (32, 40, 3)),
        ((2, 2, 3), (2, 2, 3)),
        ((8, 9, 4), (8, 9, 4)),
        ((4, 8, 9), (8, 9, 4)),
    ],
)
def test_the_order_of_channels_is_what_the_shape_says(
    tmp_path: Path, shape: tuple[int, ...], image: tuple[int, ...]
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, *shape), dtype=np.uint8)

    mine = user_npz.load(write(tmp_path, train_inputs=pixels, test_inputs=pixels[:2]))

    last = pixels if shape == image else pixels.transpose(0, 2, 3, 1)
    assert mine.image == image
    assert np.array_equal(mine.train.inputs, last.reshape(4, -1))
    assert np.array_equal(mine.test.inputs, last[:2].reshape(2, -1))


@pytest.mark.parametrize("shape", [(3, 32, 3), (1, 9, 3), (8, 8, 8), (4, 4, 40), (1, 1, 1)])
def test_an_order_of_channels_that_cannot_be_told_is_refused_with_the_order_kept(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    pixels = np.zeros((4, *shape), dtype=np.uint8)
    with pytest.raises(
        InputError, match=r"can be \[n, rows, columns, channels\], which is the order kept, or \[n, channels"
    ):
        user_npz.load(write(tmp_path, train_inputs=pixels, test_inputs=pixels[:2]))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"train_labels": np.array([[1, 0, 1]] * 4)}, "one-hot: row 0 is not a single 1"),
        ({"train_labels": np.array([[1, 0, 0]] * 3 + [[0, 0, 0]])}, "row 3 is not a single 1"),
        ({"train_labels": np.array([[1, 0, np.nan]] * 4)}, "row 0 is not a single 1"),
        ({"train_labels": np.zeros((4, 2, 2))}, "must have the shape"),
        ({"train_labels": np.array(["a", "b", "c", "a"])}, "<U1: must be integers"),
        ({"train_labels": np.zeros(4, dtype="M8[s]")}, "must be integers"),
        ({"train_labels": np.zeros(4, dtype=[("a", "i4")])}, "structured: must be integers"),
        ({"train_inputs": np.zeros((4, 3), dtype=[("a", "f4")])}, "structured: must be uint8"),
        ({"train_inputs": np.zeros((4, 3), dtype="m8[s]")}, "must be uint8"),
        ({"train_inputs": np.full((4, 3), "0.5")}, "must be uint8"),
        ({"train_inputs": np.zeros((4, 3), dtype="V3")}, "must be uint8"),
        ({"train_inputs": np.zeros((4, 3), dtype="U0")}, "must be uint8"),
        ({"TRAIN_INPUTS": INPUTS}, "holds .* in small and in capital letters"),
        ({"classes": np.zeros(10**6, dtype=int)}, "must be one positive integer"),
        ({"classes": np.array("many")}, "must be one positive integer"),
    ],
)
def test_what_else_arrays_can_be(tmp_path: Path, changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(InputError, match=fault) as caught:
        user_npz.load(write(tmp_path, **changes))
    assert "\n" not in str(caught.value)


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, 10**4), st.integers(0, 255)), min_size=1, max_size=4), st.integers(0, 10**4))
def test_no_damage_raises_anything_but_an_input_error(
    tmp_path_factory: pytest.TempPathFactory, bytes_: list[tuple[int, int]], length: int
) -> None:
    folder = tmp_path_factory.getbasetemp()
    data = bytearray(write(folder).read_bytes())
    for at, value in bytes_:
        data[at % len(data)] = value
    (folder / "damaged.npz").write_bytes(data[:length] if length % 3 == 0 else data)
    with contextlib.suppress(InputError):
        assert len(user_npz.load(folder / "damaged.npz").train) == 4
