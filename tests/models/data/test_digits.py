import sys

import numpy as np
import pytest

from models.data import digits
from models.errors import InputError


def test_scaled_digits_in_their_order() -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    original = datasets.load_digits()

    data = digits.load()

    assert (len(data.train), len(data.test), data.features, data.image) == (1437, 360, 64, (8, 8))
    assert np.array_equal(data.train.inputs[1000], original.data[1000] * 15)
    assert np.array_equal(data.test.labels, original.target[1437:])
    assert (data.train.inputs.dtype, data.train.inputs.max()) == (np.uint8, 240)


def test_without_scikit_learn_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)  # how Python marks a module that cannot be imported

    with pytest.raises(InputError, match=r"pip install 'hwsim\[digits\]'"):
        digits.load()
