"""Real and integer parameters: two kinds that nobody takes for one another."""

import numpy as np
import pytest

from models.connectivity.pattern import Pattern
from models.errors import InputError
from models.files.npz import write_npz
from models.fixed.engine import FixedEngine
from models.floating.engine import FloatEngine
from models.network.network import Network
from models.network.order import FLUSH
from models.network.parameters import IntegerParameters, Parameters, RealParameters, initialise
from models.numbers.format import Format
from models.numbers.system import NumberSystem

NUMBERS = NumberSystem.uniform(Format(12, 8))
NETWORK = Network((Pattern.regular(4, 2, [0, 1, 2, 3]),), ("sigmoid",), "cross_entropy", np.arange(2))


def real(*weights):
    return RealParameters([np.array(weights or (0.5, -0.25, 0.75, 1.0))], [np.array([0.25, -0.5])])


def integer(*weights):
    return IntegerParameters([np.array(weights or (128, -64, 192, 256))], [np.array([64, -128])])


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.bool_, np.complex128, "m8[s]", "U1", object])
def test_integer_parameters_hold_integers_only(dtype):
    with pytest.raises(InputError, match=r"weight_1 = .*: must hold integers$"):
        IntegerParameters([np.zeros(4, dtype)], [np.zeros(2, int)])
    with pytest.raises(InputError, match=r"bias_1 = .*: must hold integers$"):
        IntegerParameters([np.zeros(4, int)], [np.zeros(2, dtype)])


@pytest.mark.parametrize("dtype", [np.int32, np.uint8, np.bool_, np.complex128, "M8[s]", "S1", object])
def test_real_parameters_hold_floating_point_numbers_only(dtype):
    with pytest.raises(InputError, match=r"weight_1 = .*: must hold floating-point numbers$"):
        RealParameters([np.zeros(4, dtype)], [np.zeros(2)])
    with pytest.raises(InputError, match=r"bias_1 = .*: must hold floating-point numbers$"):
        RealParameters([np.zeros(4)], [np.zeros(2, dtype)])


def test_parameters_of_no_kind_cannot_be_made():
    with pytest.raises(TypeError, match="abstract"):
        Parameters([np.zeros(4)], [np.zeros(2)])  # type: ignore[abstract]


def test_the_fixed_engine_refuses_real_parameters_and_the_float_engine_integers():
    with pytest.raises(InputError, match="parameters = RealParameters: must be IntegerParameters, which hold integers"):
        FixedEngine(NETWORK, NUMBERS, real(), FLUSH)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="parameters = IntegerParameters: must be RealParameters, which hold floating"):
        FloatEngine(NETWORK, integer())  # type: ignore[arg-type]
    assert FixedEngine(NETWORK, NUMBERS, real().quantise(NUMBERS), FLUSH).parameters.weights[0].tolist() == [
        *(128, -64, 192, 256)
    ]
    assert FloatEngine(NETWORK, integer().real(NUMBERS)).parameters.weights[0].tolist() == [0.5, -0.25, 0.75, 1.0]


@pytest.mark.parametrize(
    ("parameters", "line"),
    [
        (integer(2048, 0, 0, 0), "weight_1 = 0..2048: must lie in -2048..2047 (format s12.8)"),
        (integer(0, 0, 0, -(2**40)), "weight_1 = -1099511627776..0: must lie in -2048..2047"),
        (integer(1, 2, 3), "weight_1 = (3,): must have shape (4,)"),
        (IntegerParameters([], []), "weight_1 = missing: must have shape (4,)"),
        (IntegerParameters([np.zeros(4, int)] * 2, [np.zeros(2, int)]), "weight_2: belongs to no junction: there are 1"),
        (IntegerParameters([np.zeros(4, int)], [np.zeros((2, 1), int)]), "bias_1 = (2, 1): must have shape (2,)"),
        (IntegerParameters([np.zeros(4, int)], [np.full(2, 2**63, np.uint64)]), "bias_1 = 9223372036854775808.."),
    ],
)
def test_the_fixed_engine_refuses_integers_that_do_not_fit(parameters, line):
    with pytest.raises(InputError) as error:
        FixedEngine(NETWORK, NUMBERS, parameters, FLUSH)
    assert str(error.value).startswith(line)


def test_quantise_rounds_halves_up_and_clips():
    lsb = 2**-8
    quantised = real(0.5 * lsb, -0.5 * lsb, -1.5 * lsb, 0.49999 * lsb).quantise(NUMBERS)
    assert quantised.weights[0].tolist() == [1, 0, -1, 0]
    assert real(np.inf, -np.inf, 1e300, -8.001).quantise(NUMBERS).weights[0].tolist() == [2047, -2048, 2047, -2048]


def test_no_integer_is_nearest_to_what_is_no_number():
    with pytest.raises(InputError, match="weight_1 = nan: is no number"):
        real(1, np.nan, 0, 0).quantise(NUMBERS)


def test_each_kind_is_itself_when_asked_for_itself():
    assert integer().quantise(NUMBERS).arrays()["weight_1"].dtype == np.int32
    assert integer().quantise(NUMBERS).weights[0].tolist() == integer().weights[0].tolist()
    assert real().real(NUMBERS).weights[0].tolist() == real().weights[0].tolist()
    with pytest.raises(InputError, match=r"weight_1 = 0\.\.4000: must lie in"):
        integer(4000, 0, 0, 0).quantise(NUMBERS)


def test_a_copy_is_of_the_same_kind():
    assert type(integer().copy()) is IntegerParameters
    assert type(real().copy()) is RealParameters
    assert type(initialise(NETWORK, "he_normal", "sparse", 0.0, np.random.default_rng(0))) is RealParameters


@pytest.mark.parametrize("kind", [np.int8, np.uint16, np.int32, ">i4", np.int64, np.float16, np.float32, np.float64])
def test_the_type_in_the_file_says_which_kind_is_read(tmp_path, kind):
    path = tmp_path / "initial.npz"
    write_npz(path, {"weight_1": np.arange(4).astype(kind), "bias_1": np.zeros(2, kind)})
    mine, other = IntegerParameters, RealParameters
    if np.dtype(kind).kind == "f":
        mine, other = other, mine
    assert type(Parameters.read(path, NETWORK)) is type(mine.read(path, NETWORK)) is mine
    with pytest.raises(InputError, match=rf"initial\.npz = {mine.meaning}: must hold {other.meaning}"):
        other.read(path, NETWORK)


@pytest.mark.parametrize(
    ("arrays", "line"),
    [
        ({"bias_1": np.zeros(2)}, "bias_1 = float64: must hold integers, as weight_1 does"),
        ({"weight_1": np.zeros(4)}, "bias_1 = int64: must hold floating-point numbers, as weight_1 does"),
        ({"weight_1": np.zeros(4, bool)}, "weight_1 = bool: must hold integers or floating-point numbers"),
        ({"weight_1": np.zeros(4, "m8[s]")}, "weight_1 = timedelta64[s]: is not read: only numbers, booleans and text are"),
        ({"weight_1": np.zeros(4, [("a", int)])}, "is not read: only numbers, booleans and text are"),
        ({"weight_1": np.array(["1"] * 4)}, "must hold integers or floating-point numbers"),
    ],
)
def test_a_file_of_no_kind_or_of_both_is_refused(tmp_path, arrays, line):
    path = tmp_path / "initial.npz"
    write_npz(path, {"weight_1": np.zeros(4, int), "bias_1": np.zeros(2, int)} | arrays)
    with pytest.raises(InputError) as error:
        Parameters.read(path, NETWORK)
    assert line in str(error.value)
