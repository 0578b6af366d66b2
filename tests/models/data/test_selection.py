"""Selected inputs are those of an exact ranking of the training samples, of equals the first."""

from fractions import Fraction

import numpy as np
import pytest

from models.data.arrays import dataset
from models.data.dataset import Split
from models.data.selection import MEASURES, check, greatest, in_blocks, select
from models.errors import InputError


def ranked(inputs, by):
    """Inputs from the greatest exact mean or variance to the least."""

    def measure(column):
        values = [Fraction(float(v)) for v in column]
        mean = sum(values) / len(values)
        return mean if by == "mean" else sum((v - mean) ** 2 for v in values) / len(values)

    return sorted(range(inputs.shape[1]), key=lambda k: (-measure(inputs[:, k]), k))


@pytest.mark.parametrize("by", MEASURES)
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_the_greatest_are_those_of_exact_arithmetic(kind, by):
    rng = np.random.default_rng(5)
    levels = rng.integers(0, 2, 20) * 200 + rng.integers(1, 30, 20)
    inputs = rng.integers(0, levels, (40, 20)).astype(np.uint8)
    inputs[:, 7] = inputs[::-1, 3]  # the same values in another order
    inputs[:, 12:15] = 9  # no variance at all
    if kind is np.float32:
        inputs = (inputs / 256).astype(np.float32)
    order, samples = ranked(inputs, by), Split(inputs, np.zeros(40, np.int64))
    for count in range(1, 21):
        assert greatest(samples, count, by).tolist() == sorted(order[:count])
    assert ranked(inputs, "mean") != ranked(inputs, "variance")


@pytest.mark.parametrize("by", MEASURES)
def test_of_equals_the_lowest_come_first_however_many_samples_there_are(by):
    rng = np.random.default_rng(0)
    column = rng.random(9000, np.float32)
    inputs = np.stack([rng.permutation(column) for _ in range(8)], axis=1)  # floating-point sums would tell them apart
    assert greatest(Split(inputs, np.zeros(9000, np.int64)), 3, by).tolist() == [0, 1, 2]
    inputs[8500, 6] = 1.0  # beyond the first piece; a brighter and a more varied one
    inputs[8501, 6] = 1.0 if by == "mean" else 0.0
    assert greatest(Split(inputs, np.zeros(9000, np.int64)), 3, by).tolist() == [0, 1, 6]


def test_all_splits_keep_the_same_inputs_in_the_order_given():
    rng = np.random.default_rng(1)
    parts = [(rng.integers(0, 256, (n, 3, 4)).astype(np.uint8), np.arange(n) % 2) for n in (9, 5, 4)]
    data = dataset(*parts)
    few = select(data, np.array([11, 0, 5]))
    for split in ("train", "test", "validation"):
        before, after = getattr(data, split), getattr(few, split)
        assert after.inputs.tolist() == [[row[11], row[0], row[5]] for row in before.inputs.tolist()]
        assert after.inputs.dtype == np.uint8 and after.labels is before.labels
    assert (few.features, few.image, few.selected.tolist()) == (3, None, [11, 0, 5])
    assert (data.features, data.image, data.selected) == (12, (3, 4), None)
    with pytest.raises(InputError, match=r"^data.select.inputs\[1\] = 12: must be an input of arrays: 0..11; nearest: 11$"):
        select(data, np.array([0, 12]))


def test_in_blocks_every_run_of_four_to_a_power_is_a_square():
    for image in ((8, 8), (8, 8, 3)):
        pixels = np.arange(np.prod(image))
        order = in_blocks(pixels, image)
        assert sorted(order) == pixels.tolist()
        channels = order.reshape(64, -1)
        assert (channels - channels[:, :1] == np.arange(channels.shape[1])).all()
        row, column = np.divmod(channels[:, 0] // channels.shape[1], 8)
        for side in (1, 2, 4):
            for axis in (row // side, column // side):
                runs = axis.reshape(-1, side * side)
                assert (runs == runs[:, :1]).all()
    rest = np.array([0, 3, 9, 11, 12, 17])  # of 3 rows with 6 pixels: those left out leave the others where they are
    assert in_blocks(rest, (3, 6)).tolist() == [k for k in in_blocks(np.arange(18), (3, 6)) if k in rest]
    assert in_blocks(np.arange(18), (3, 6)).tolist()[:8] == [0, 1, 6, 7, 2, 3, 8, 9]


def test_what_is_not_there_cannot_be_selected():
    for count, inputs, line in (
        (17, None, "data.select.count = 17: exceeds the 16 inputs of x; nearest: 16"),
        (None, [3, 16], "data.select.inputs[1] = 16: must be an input of x: 0..15; nearest: 15"),
        (None, [-1], "data.select.inputs[0] = -1: must be an input of x: 0..15; nearest: 0"),
    ):
        with pytest.raises(InputError) as error:
            check("x", 16, count, inputs)
        assert str(error.value) == line
    check("x", 16, 16, None)
    check("x", 16, None, [15, 0])
