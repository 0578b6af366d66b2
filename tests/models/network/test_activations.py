"""Activation tables entry by entry against 50-digit decimals, and the functions at their edges."""

import math
from decimal import ROUND_FLOOR, Decimal, localcontext

import numpy as np
import pytest

from models.network.activations import ACTIVATIONS, sigmoid
from models.numbers.format import Format

NAMES = list(ACTIVATIONS)
DIGITS = 50


def exact_value(name, s):
    if name == "relu":
        return max(s, Decimal(0))
    if name == "clipped_relu":
        return min(max(s, Decimal(0)), Decimal(1))
    e = (-2 * s).exp() if name == "tanh" else (-s).exp()
    return (1 - e) / (1 + e) if name == "tanh" else 1 / (1 + e)


def exact_derivative(name, s):
    if name == "relu":
        return Decimal(s > 0)
    if name == "clipped_relu":
        return Decimal(0 < s < 1)
    a = exact_value(name, s)
    return 1 - a * a if name == "tanh" else a * (1 - a)


def entry(exact, to):
    nearest = int((exact * to.one + Decimal(1) / 2).to_integral_value(ROUND_FLOOR))
    return min(max(nearest, to.lowest), to.highest)


def exact_tables(name, argument, value, derivative):
    with localcontext(prec=DIGITS):
        reals = [Decimal(k) / argument.one for k in range(argument.lowest, argument.highest + 1)]
        values = [entry(exact_value(name, s), value) for s in reals]
        return values, [entry(exact_derivative(name, s), derivative) for s in reals]


FORMATS = [
    (Format(12, 8), Format(12, 8), Format(12, 8)),
    (Format(8, 4), Format(8, 4), Format(8, 4)),
    (Format(8, 7), Format(8, 7), Format(8, 7)),  # arguments below one; one is not representable
    (Format(8, 8), Format(8, 8), Format(8, 8)),  # nor is a half
    (Format(6, 0), Format(6, 0), Format(6, 0)),  # integers only: halves everywhere
    (Format(11, 3), Format(12, 11), Format(9, 8)),  # far into both ends
    (Format(10, 5), Format(5, 1), Format(4, 2)),  # coarse entries: ties
    (Format(10, 6), Format(8, 8, signed=False), Format(8, 8, signed=False)),
    (Format(12, 12), Format(16, 13), Format(16, 13)),  # around 0, where the logistic function comes closest to ties
    (Format(15, 15), Format(17, 15), Format(17, 15)),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("formats", FORMATS, ids=lambda formats: "-".join(map(str, formats)))
def test_every_table_entry_is_the_nearest_integer(name, formats):
    values, derivatives = ACTIVATIONS[name].tables(*formats)
    assert (values.tolist(), derivatives.tolist()) == exact_tables(name, *formats)
    assert values.size == derivatives.size == 2 ** formats[0].width


def entries_at(name, s, fmt):
    values, derivatives = ACTIVATIONS[name].tables(fmt, fmt, fmt)
    return int(values[s - fmt.lowest]), int(derivatives[s - fmt.lowest])


@pytest.mark.parametrize(
    ("name", "s", "value", "derivative"),
    [
        ("sigmoid", 0, 128, 64),
        ("sigmoid", 2047, 256, 0),  # 255.91
        ("sigmoid", -2048, 0, 0),
        ("tanh", 0, 0, 256),
        ("tanh", 2047, 256, 0),
        ("tanh", -2048, -256, 0),
        ("relu", 0, 0, 0),
        ("relu", 1, 1, 256),
        ("relu", -1, 0, 0),
        ("relu", 2047, 2047, 256),
        ("relu", -2048, 0, 0),
        ("clipped_relu", 0, 0, 0),
        ("clipped_relu", 1, 1, 256),
        ("clipped_relu", 255, 255, 256),
        ("clipped_relu", 256, 256, 0),
        ("clipped_relu", 2047, 256, 0),
        ("clipped_relu", -1, 0, 0),
    ],
)
def test_twelve_bit_entries_by_hand(name, s, value, derivative):
    assert entries_at(name, s, Format(12, 8)) == (value, derivative)


@pytest.mark.parametrize(
    ("name", "s", "value", "derivative"),
    [
        ("sigmoid", 0, 64, 32),
        ("tanh", 0, 0, 127),  # the slope 1 is cut to 127/128
        ("relu", 1, 1, 127),
        ("relu", 127, 127, 127),
        ("clipped_relu", 127, 127, 127),
    ],
)
def test_where_one_is_not_representable_the_greatest_number_stands_for_it(name, s, value, derivative):
    assert entries_at(name, s, Format(8, 7)) == (value, derivative)


def test_ties_go_up():
    """In integers, sigmoid(0) = 1/2 becomes 1; with one fraction bit, sigmoid'(0) = 1/4 does."""
    assert entries_at("sigmoid", 0, Format(4, 0)) == (1, 0)
    assert entries_at("sigmoid", 0, Format(4, 1)) == (1, 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("name", "limits", "slopes"),
    [
        ("sigmoid", (0, 1), (0, 0)),
        ("tanh", (-1, 1), (0, 0)),
        ("relu", (0, None), (0, 1)),
        ("clipped_relu", (0, 1), (0, 0)),
    ],
)
def test_huge_arguments_reach_the_limits_without_overflow(name, limits, slopes, dtype):
    for huge in (1e4, float(np.finfo(dtype).max), math.inf):
        s = np.array([-huge, huge], dtype)
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            value, slope = ACTIVATIONS[name].value(s), ACTIVATIONS[name].derivative(s)
        assert value.tolist() == [limits[0], s[1] if limits[1] is None else limits[1]]
        assert slope.tolist() == list(slopes)
        assert value.dtype == slope.dtype == dtype


@pytest.mark.parametrize("name", NAMES)
def test_derivative_is_the_slope_of_the_value(name):
    """Central differences in decimals, away from the kinks."""
    points = np.concatenate([np.linspace(-9, 9, 181) + 0.013, [-1e-9, 1e-9, 1 - 1e-9, 1 + 1e-9]])
    with localcontext(prec=DIGITS):
        h = Decimal("1e-16")
        slopes = [(exact_value(name, Decimal(s) + h) - exact_value(name, Decimal(s) - h)) / (2 * h) for s in points.tolist()]
    assert ACTIVATIONS[name].derivative(points).tolist() == pytest.approx([float(slope) for slope in slopes], abs=1e-15)


@pytest.mark.parametrize("name", NAMES)
def test_value_is_exact_to_the_last_digits_of_a_double(name):
    points = np.concatenate([np.linspace(-40, 40, 161), [-1e-9, 0.0, 1e-9]])
    with localcontext(prec=DIGITS):
        exact = [float(exact_value(name, Decimal(s))) for s in points.tolist()]
    assert ACTIVATIONS[name].value(points).tolist() == pytest.approx(exact, rel=2e-15, abs=0)


def test_sigmoid_of_zero_is_exactly_a_half():
    assert sigmoid(np.array([0.0, -0.0])).tolist() == [0.5, 0.5]
