"""A data set of NumPy arrays is the one that a file with the same arrays would be."""

import numpy as np
import pytest

from models.data import user_npz
from models.data.arrays import dataset
from models.errors import InputError

RNG = np.random.default_rng(0)
INPUTS, LABELS = RNG.integers(0, 256, (60, 4, 5), np.uint8), np.arange(60) % 3


def test_arrays_are_samples_as_a_file_of_them_is(tmp_path):
    np.savez(tmp_path / "own.npz", train_inputs=INPUTS, train_labels=LABELS, test_inputs=INPUTS[:9], test_labels=LABELS[:9])
    stored, given = user_npz.load(tmp_path / "own.npz"), dataset((INPUTS, LABELS), (INPUTS[:9], LABELS[:9]), name="own")
    assert (given.name, given.classes, given.image) == (stored.name, stored.classes, stored.image) == ("own", 3, (4, 5))
    for split in ("train", "test", "validation"):
        ours, theirs = getattr(given, split), getattr(stored, split)
        assert np.array_equal(ours.inputs, theirs.inputs) and ours.inputs.dtype == theirs.inputs.dtype == np.uint8
        assert np.array_equal(ours.labels, theirs.labels)


def test_lists_and_one_hot_labels_will_do():
    given = dataset(([[0.0, 0.5], [1.0, 0.25]] * 5, [[1, 0], [0, 1]] * 5), validation=([[0.5, 0.5]], [1]))
    assert given.train.inputs.dtype == np.float32 and given.classes == 2 and given.features == 2
    assert (len(given.train), len(given.test), given.validation.labels.tolist()) == (8, 2, [1])


def test_classes_can_be_told():
    assert dataset((INPUTS, LABELS), classes=7).classes == 7


@pytest.mark.parametrize(
    "changes, rule",
    [
        ({"train": (INPUTS[:, 0, 0], LABELS)}, "train inputs = (60,): must have the shape"),
        ({"train": (INPUTS, LABELS[:5])}, "train labels = 5: must be as many as the 60 samples"),
        ({"train": (INPUTS + 0.5, LABELS)}, "train inputs: floating-point inputs must be in 0..1"),
        ({"train": (INPUTS, LABELS / 2)}, "train labels = float64: must be integers"),
        ({"test": (INPUTS[:, :2], LABELS)}, "test inputs = uint8 (60, 2, 5): must be uint8 samples of (4, 5)"),
        ({"train": (INPUTS[:0], LABELS[:0])}, "train inputs = (0, 4, 5): must have the shape"),
        ({"classes": 2}, "train labels = 2: must be 0..1"),
        ({"classes": 0}, "classes = [0]: must be one positive integer"),
    ],
)
def test_what_are_no_samples_is_told(changes, rule):
    with pytest.raises(InputError) as refused:
        dataset(**{"train": (INPUTS, LABELS)} | changes)
    assert rule in str(refused.value)
