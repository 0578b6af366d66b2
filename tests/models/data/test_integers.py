"""Inputs in a fixed-point format, in whatever type it fits."""

import numpy as np
import pytest

from models.data.dataset import Split
from models.numbers.format import Format

LABELS = np.zeros(16, np.int64)
IMAGES = Split(np.arange(256, dtype=np.uint8).reshape(16, 16), LABELS)
REAL = Split(np.linspace(-40, 40, 256, dtype=np.float32).reshape(16, 16), LABELS)


@pytest.mark.parametrize("split", [IMAGES, REAL], ids=["images", "real"])
@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize(("width", "fraction"), [(8, 8), (8, 4), (12, 8), (12, 11), (15, 14), (9, 9), (14, 10)])
def test_a_short_type_holds_the_same_integers(split, signed, width, fraction):
    to = Format(width, fraction, signed)
    wide, short = split.integers(to), split.integers(to, np.int16)
    assert (wide.dtype, short.dtype) == (np.int32, np.int16) and (wide == short).all()
    real = split.real(np.float64).ravel()
    assert wide.ravel().tolist() == [
        int(min(max(np.floor(x * 2.0**fraction + 0.5), to.lowest), to.highest)) for x in real
    ]  # by hand
