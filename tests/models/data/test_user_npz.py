from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.data import user_npz
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
