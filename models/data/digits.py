"""The 1,797 small handwritten digits that scikit-learn ships (8x8, from the UCI repository)."""

import numpy as np

from models.data.dataset import Dataset, Split
from models.errors import InputError

_TRAIN = 1437
_STEP = 15  # the grey levels 0..16 become 0, 15, .., 240: bytes that, read as n / 256, span almost all of [0, 1)


def load() -> Dataset:
    """The digits in the order of scikit-learn: the first 1,437 for training, the last 360 for testing.

    Returns
    -------
    Dataset
        uint8 [n, 64], row-major images of (8, 8); a pixel is 15 times its original value 0..16.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise InputError("digits", None, "needs scikit-learn: pip install 'hwsim[digits]'") from error
    original = load_digits()
    inputs = (original.data * _STEP).astype(np.uint8)
    labels = original.target.astype(np.int64)
    train, test = Split(inputs[:_TRAIN], labels[:_TRAIN]), Split(inputs[_TRAIN:], labels[_TRAIN:])
    return Dataset("digits", 10, train=train, test=test, validation=train[:0], image=(8, 8))
