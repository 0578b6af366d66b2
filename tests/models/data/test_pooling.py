"""Pooled images: means of blocks, computed pixel by pixel in fractions beside the implementation."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest

from models.data.dataset import Dataset, Split
from models.data.pooling import pool, pooled_image
from models.errors import InputError


def images(shape, dtype, counts=(3, 2, 0)):
    rng = np.random.default_rng(1)
    splits = []
    for n in counts:
        values = rng.integers(0, 256, (n, *shape))
        inputs = values.astype(np.uint8) if dtype == np.uint8 else (values / 255).astype(dtype)
        splits.append(Split(inputs.reshape(n, np.prod(shape)), np.arange(n)))
    return Dataset("images", 10, *splits, shape)


def mean(block, dtype):
    exact = sum(map(Fraction, block.ravel().tolist()), Fraction(0)) / block.size
    return floor(exact + Fraction(1, 2)) if dtype == np.uint8 else np.float32(float(exact))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize(("shape", "side"), [((4, 6), 2), ((6, 3), 3), ((4, 4, 3), 2), ((4, 4, 3), 4), ((2, 2, 1), 1)])
def test_every_input_is_the_mean_of_its_block(shape, side, dtype):
    data = images(shape, dtype)
    small = pool(data, side)
    rows, columns, *channels = small.image
    assert (rows * side, columns * side, *channels) == shape
    for before, after in ((data.train, small.train), (data.test, small.test), (data.validation, small.validation)):
        assert after.inputs.dtype == dtype and after.inputs.shape == (len(before), np.prod(small.image))
        assert np.array_equal(before.labels, after.labels)
        full, found = before.inputs.reshape(-1, *shape), after.inputs.reshape(-1, *small.image)
        for n, *at in np.ndindex(found.shape):
            r, c = at[0] * side, at[1] * side
            block = full[(n, slice(r, r + side), slice(c, c + side), *at[2:])]
            assert found[(n, *at)] == mean(block, dtype)


def test_halves_are_rounded_up_and_nothing_overflows():
    pixels = np.array([[0, 0, 1, 1], [255, 255, 255, 255], [255, 255, 255, 254]], np.uint8)
    data = Dataset(
        "images", 2, Split(pixels, np.zeros(3, np.int64)), *(Split(pixels[:0], np.zeros(0, np.int64)),) * 2, (2, 2)
    )
    assert pool(data, 2).train.inputs.ravel().tolist() == [1, 255, 255]


def test_blocks_of_one_pixel_change_nothing():
    data = images((2, 2), np.uint8)
    assert pool(data, 1) is data
    assert pooled_image("morse", None, 1) is None


@pytest.mark.parametrize(
    ("image", "side", "message"),
    [
        ((28, 28), 3, "data.pool = 3: does not divide the 28×28 pixels of x; nearest: 2, 4"),
        ((12, 8, 3), 8, "data.pool = 8: does not divide the 12×8 pixels of x; nearest: 2, 4"),
        (None, 2, "data.pool = 2: averages pixels, and x has no images; nearest: 1"),
    ],
)
def test_what_cannot_be_pooled_is_refused(image, side, message):
    with pytest.raises(InputError) as refused:
        pooled_image("x", image, side)
    assert str(refused.value) == message
