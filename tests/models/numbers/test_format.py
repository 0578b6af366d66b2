"""Narrowing, saturation and quantisation: by hand at every boundary, and against APyTypes everywhere."""

import math
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
from apytypes import APyFixed, APyFixedArray, OverflowMode, QuantizationMode
from hypothesis import given
from hypothesis import strategies as st

from models.errors import InputError
from models.numbers.format import NEAREST, Format, Rounding, narrow, saturate

ROUNDINGS = list(NEAREST)
QUANTIZATION = {
    Rounding.FLOOR: QuantizationMode.TO_NEG,
    Rounding.HALF_UP: QuantizationMode.TIES_POS,
    Rounding.HALF_EVEN: QuantizationMode.TIES_EVEN,
}
SMALL_FORMATS = [Format(w, f, signed) for w in range(1, 8) for f in (0, w // 2, w) for signed in (True, False)]
WHOLE = SimpleNamespace(width=80, fraction=0, signed=True, lowest=-(2**79))  # wider than any format of ours
LIMIT = 2**62  # narrow() promises its results below this magnitude


def signed(pattern, bits):
    return pattern - (1 << bits) if pattern >> (bits - 1) else pattern


def apy(integers, fraction):
    """``integers / 2**fraction`` as APyTypes holds them."""
    return APyFixedArray([int(x) for x in integers], bits=80, frac_bits=fraction)


def apy_cast(numbers, to, rounding):
    """What APyTypes makes of ``numbers`` in format ``to``, as integers."""
    bits = to.width if to.signed else to.width + 1  # it has signed numbers only: negative ones are cut off below
    cast = numbers.cast(bits=bits, frac_bits=to.fraction, quantization=QUANTIZATION[rounding], overflow=OverflowMode.SAT)
    patterns = cast.to_bits() if isinstance(cast, APyFixedArray) else [cast.to_bits()]
    return [max(signed(p, bits), to.lowest) for p in patterns]


# x, bits dropped, floor, half_up, half_even
BY_HAND = [
    (0, 3, 0, 0, 0),
    (3, 3, 0, 0, 0),
    (4, 3, 0, 1, 0),  # 1/2
    (5, 3, 0, 1, 1),
    (12, 3, 1, 2, 2),  # 3/2
    (20, 3, 2, 3, 2),  # 5/2
    (-3, 3, -1, 0, 0),
    (-4, 3, -1, 0, 0),  # -1/2
    (-5, 3, -1, -1, -1),
    (-12, 3, -2, -1, -2),  # -3/2
    (-20, 3, -3, -2, -2),  # -5/2
    (1, 1, 0, 1, 0),
    (3, 1, 1, 2, 2),
    (-1, 1, -1, 0, 0),
    (-3, 1, -2, -1, -2),
    (7, 0, 7, 7, 7),
    (-7, 0, -7, -7, -7),
    (7, -2, 28, 28, 28),
    (-7, -2, -28, -28, -28),
    (-1, -61, -(2**61), -(2**61), -(2**61)),
    (2048 * 2048, 8, 16384, 16384, 16384),  # the most negative 12-bit number squared
    (-2048 * 2047, 8, -16376, -16376, -16376),
    (2**60, 30, 2**30, 2**30, 2**30),  # the most negative 31-bit number squared
    (2**61 - 1, 62, 0, 0, 0),
    (2**61, 62, 0, 1, 0),  # 1/2
    (2**61 + 1, 62, 0, 1, 1),
    (LIMIT - 1, 62, 0, 1, 1),
    (-1, 62, -1, 0, 0),
    (-(2**61), 62, -1, 0, 0),  # -1/2
    (-(2**61) - 1, 62, -1, -1, -1),
    (1 - LIMIT, 62, -1, -1, -1),
    (LIMIT - 1, 61, 1, 2, 2),
    (LIMIT - 1, 1, 2**61 - 1, 2**61, 2**61),  # a tie between an odd and an even number
    (1 - LIMIT, 1, -(2**61), 1 - 2**61, -(2**61)),
]


@pytest.mark.parametrize(("x", "drop", "floor", "half_up", "half_even"), BY_HAND)
def test_narrow_by_hand(x, drop, floor, half_up, half_even):
    assert [int(narrow(x, drop, r)) for r in ROUNDINGS] == [floor, half_up, half_even]


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("drop", range(-3, 12))
def test_narrow_equals_apytypes_on_all_small_integers(drop, rounding):
    x = np.arange(-1024, 1024)
    assert narrow(x, drop, rounding).tolist() == apy_cast(apy(x, drop), WHOLE, rounding)


@given(
    xs=st.lists(st.integers(1 - LIMIT, LIMIT - 1), min_size=1, max_size=20),
    drop=st.integers(0, 62),
    rounding=st.sampled_from(ROUNDINGS),
)
def test_narrow_equals_apytypes_on_large_integers(xs, drop, rounding):
    # Numbers beside a tie are what random ones never hit.
    xs += [(x >> drop << drop) + near for x in xs for near in ((1 << drop >> 1) - 1, 1 << drop >> 1, (1 << drop >> 1) + 1)]
    xs = [x for x in xs if abs(x) < LIMIT]
    assert narrow(xs, drop, rounding).tolist() == apy_cast(apy(xs, drop), WHOLE, rounding)


@given(x=st.integers(-(2**20), 2**20), appended=st.integers(0, 41), rounding=st.sampled_from(ROUNDINGS))
def test_a_negative_drop_is_exact_and_undone_by_its_opposite(x, appended, rounding):
    assert int(narrow(x, -appended, rounding)) == x * 2**appended
    assert int(narrow(narrow(x, -appended, rounding), appended, rounding)) == x


def test_narrow_keeps_the_shape_and_widens_to_64_bits():
    x = np.full((2, 3), -(2**31), np.int32)
    assert narrow(x, -3, Rounding.FLOOR).tolist() == [[-(2**34)] * 3] * 2
    assert narrow(x, 1, Rounding.HALF_UP).dtype == np.int64
    assert narrow([], 5, Rounding.HALF_EVEN).shape == (0,)


@pytest.mark.parametrize(
    ("to", "x", "expected"),
    [
        (Format(12, 8), [-2049, -2048, -2047, 2046, 2047, 2048], [-2048, -2048, -2047, 2046, 2047, 2047]),
        (Format(8, 8, signed=False), [-1, 0, 1, 254, 255, 256], [0, 0, 1, 254, 255, 255]),
        (Format(12, 8), [-(2**62), 2**62], [-2048, 2047]),
        (Format(1, 0), [-2, -1, 0, 1], [-1, -1, 0, 0]),
    ],
)
def test_saturate_by_hand(to, x, expected):
    assert saturate(x, to).tolist() == expected


@pytest.mark.parametrize("to", SMALL_FORMATS, ids=str)
def test_narrowed_and_saturated_equals_apytypes(to):
    x = np.arange(-512, 512)
    for rounding in ROUNDINGS:
        for drop in range(7):
            expected = apy_cast(apy(x, to.fraction + drop), to, rounding)
            assert saturate(narrow(x, drop, rounding), to).tolist() == expected


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_all_products_of_two_formats_equal_apytypes(rounding):
    a, b, to = Format(5, 3), Format(4, 1), Format(5, 2)
    x, y = (m.ravel() for m in np.meshgrid(np.arange(a.lowest, a.highest + 1), np.arange(b.lowest, b.highest + 1)))
    product = apy(x, a.fraction) * apy(y, b.fraction)
    own = saturate(narrow(x * y, a.fraction + b.fraction - to.fraction, rounding), to)
    assert own.tolist() == apy_cast(product, to, rounding)


@pytest.mark.parametrize("width", [2, 12, 24])
@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_only_the_most_negative_number_squared_leaves_its_format(width, rounding):
    """(-1)·(-1) = 1, which a format without integer bits lacks; every other product of extremes fits."""
    fmt = Format(width, width - 1)
    ends = np.array([fmt.lowest, fmt.lowest + 1])
    wide = narrow(ends * fmt.lowest, fmt.fraction, rounding)
    assert wide.tolist() == [fmt.one, fmt.one - 1]
    assert saturate(wide, fmt).tolist() == [fmt.highest, fmt.highest]


@pytest.mark.parametrize("fmt", SMALL_FORMATS, ids=str)
def test_quantise_equals_apytypes_on_a_grid_of_eighths(fmt):
    eighths = np.arange(8 * (fmt.lowest - 2), 8 * (fmt.highest + 3))
    expected = apy_cast(apy(eighths, fmt.fraction + 3), fmt, Rounding.HALF_UP)
    assert fmt.quantise(eighths / 8 / fmt.one).tolist() == expected


@given(
    value=st.floats(allow_nan=False, allow_infinity=False),
    bits=st.tuples(st.integers(0, 24), st.integers(2, 24)).map(sorted),
    is_signed=st.booleans(),
)
def test_quantise_equals_apytypes_on_any_double(value, bits, is_signed):
    fraction, width = bits
    fmt = Format(width, fraction, is_signed)
    exact = APyFixed.from_float(value, int_bits=1026, frac_bits=1075)
    assert [int(fmt.quantise(value))] == apy_cast(exact, fmt, Rounding.HALF_UP)


@given(near=st.integers(-2100, 2100), step=st.integers(-2, 2), fraction=st.integers(0, 12))
def test_quantise_beside_a_tie(near, step, fraction):
    """Halves, and the doubles next to them, go where their exact value belongs."""
    fmt = Format(12, fraction)
    value = (near + 0.5) / fmt.one
    for _ in range(abs(step)):
        value = math.nextafter(value, math.copysign(math.inf, step))
    nearest = math.floor(Fraction(value) * fmt.one + Fraction(1, 2))
    assert int(fmt.quantise(value)) == min(max(nearest, fmt.lowest), fmt.highest)


@pytest.mark.parametrize(
    ("fmt", "value", "expected"),
    [
        (Format(12, 8), 1.0, 256),
        (Format(12, 8), -0.0, 0),
        (Format(12, 8), 7.99609375, 2047),  # the greatest value
        (Format(12, 8), 7.998046875, 2047),  # the tie above it
        (Format(12, 8), -8.0, -2048),
        (Format(12, 8), -8.001953125, -2048),  # the tie below the least value
        (Format(12, 8), 0.001953125, 1),  # half an LSB goes up
        (Format(12, 8), -0.001953125, 0),
        (Format(12, 8), -0.005859375, -1),
        (Format(12, 11), 1.0, 2047),  # one is not representable
        (Format(8, 8, signed=False), 1.0, 255),
        (Format(8, 8, signed=False), -1e-9, 0),
        (Format(8, 8, signed=False), -1.0, 0),
        (Format(8, 0), 0.49999999999999994, 0),  # plus 1/2, in doubles, this is 1
        (Format(24, 24), 1e308, 2**23 - 1),
        (Format(24, 24), -1e308, -(2**23)),
        (Format(12, 8), math.inf, 2047),
        (Format(12, 8), -math.inf, -2048),
    ],
)
def test_quantise_by_hand(fmt, value, expected):
    assert int(fmt.quantise(value)) == expected


@pytest.mark.parametrize("fmt", [*SMALL_FORMATS, Format(16, 11), Format(4, 4)], ids=str)
def test_quantise_undoes_real_on_every_integer(fmt):
    integers = np.arange(fmt.lowest, fmt.highest + 1)
    assert [Fraction(v) for v in fmt.real(integers)] == [Fraction(int(k), 2**fmt.fraction) for k in integers]
    assert (fmt.quantise(fmt.real(integers)) == integers).all()


@pytest.mark.parametrize(
    ("fmt", "lowest", "highest", "one", "magnitude", "text"),
    [
        (Format(12, 8), -2048, 2047, 256, 2048, "s12.8"),
        (Format(12, 8, signed=False), 0, 4095, 256, 4095, "u12.8"),
        (Format(8, 8, signed=False), 0, 255, 256, 255, "u8.8"),
        (Format(12, 11), -2048, 2047, 2048, 2048, "s12.11"),
        (Format(8, 8), -128, 127, 256, 128, "s8.8"),
        (Format(2, 0), -2, 1, 1, 2, "s2.0"),
        (Format(1, 0), -1, 0, 1, 1, "s1.0"),
        (Format(1, 0, signed=False), 0, 1, 1, 1, "u1.0"),
    ],
)
def test_format_properties(fmt, lowest, highest, one, magnitude, text):
    assert (fmt.lowest, fmt.highest, fmt.one, fmt.magnitude, str(fmt)) == (lowest, highest, one, magnitude, text)
    assert fmt.highest - fmt.lowest + 1 == 2**fmt.width


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((4, 9), "fraction = 9: must not exceed the width 4; nearest: 4"),
        ((4, -1), "fraction = -1: must not be negative; nearest: 0"),
        ((0, 0), "width = 0: must lie in 1..32; nearest: 1"),
        ((33, 0), "width = 33: must lie in 1..32; nearest: 32"),
        ((32, 0, False), "width = 32: must lie in 1..31; nearest: 31"),
        ((4.0, 2), "width = 4.0: must be a whole number"),
        ((4, True), "fraction = True: must be a whole number"),
        ((4, 2, 0), "signed = 0: must be true or false"),
    ],
)
def test_what_is_no_format_is_refused_at_once(arguments, line):
    with pytest.raises(InputError) as error:
        Format(*arguments)
    assert str(error.value) == line


@pytest.mark.parametrize(("width", "is_signed"), [(32, True), (31, False)])
def test_every_integer_of_the_widest_format_is_an_int32(width, is_signed):
    fmt = Format(width, width, is_signed)
    assert np.array([fmt.lowest, fmt.highest], np.int64).astype(np.int32).tolist() == [fmt.lowest, fmt.highest]
