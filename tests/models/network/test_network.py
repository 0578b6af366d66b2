"""Networks and their parameters: initial values, quantisation, and files in both directions."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.connectivity.draw import full
from models.connectivity.pattern import Pattern
from models.errors import InputError
from models.files.npz import write_npz
from models.network.network import Network
from models.network.parameters import INITIALISATIONS, Parameters, RealParameters, initialise
from models.numbers.format import Format
from models.numbers.system import NumberSystem

NUMBERS = NumberSystem.uniform(Format(12, 8))
MIXED = NumberSystem(  # biases of fewer bits than weights
    weight=Format(12, 8),
    bias=Format(6, 4),
    **dict.fromkeys(["input", "preactivation", "activation", "derivative", "delta"], Format(12, 8)),
    product_fraction=16,
)


def sparse(n_left, n_right, d_in):
    """Right neuron j joins the ``d_in`` left neurons from j on, cyclically."""
    return Pattern.regular(n_left, n_right, [(j + e) % n_left for j in range(n_right) for e in range(d_in)])


def network_of(*patterns):
    return Network(patterns, ("sigmoid",) * len(patterns), "cross_entropy", np.arange(2))


SMALL = network_of(sparse(6, 4, 3), sparse(4, 2, 2))
LARGE = network_of(sparse(800, 400, 50), sparse(400, 100, 200))  # 20,000 edges each; out-degrees 25 and 50


def draw(network=SMALL, kind="glorot_normal", fan="sparse", bias=0.0, seed=0):
    return initialise(network, kind, fan, bias, np.random.default_rng(seed))


def lists(parameters):
    return [w.tolist() for w in parameters.weights], [b.tolist() for b in parameters.biases]


def test_what_a_network_counts():
    assert SMALL.layers == (6, 4, 2)
    assert (SMALL.n_edges, SMALL.classes) == (12 + 4, 2)
    assert SMALL.density == 16 / (24 + 8)
    assert (LARGE.layers, LARGE.n_edges, LARGE.density) == ((800, 400, 100), 40_000, 40_000 / 360_000)


@pytest.mark.parametrize(
    ("kind", "fan", "variances"),
    [
        ("glorot", "sparse", (2 / (50 + 25), 2 / (200 + 50))),
        ("glorot", "dense", (2 / (800 + 400), 2 / (400 + 100))),
        ("he", "sparse", (2 / 50, 2 / 200)),
        ("he", "dense", (2 / 800, 2 / 400)),
    ],
)
@pytest.mark.parametrize("shape", ["normal", "uniform"])
def test_initial_weights_have_the_variance_of_their_fan(kind, fan, variances, shape):
    """Mean and variance within five standard errors; a uniform draw stays below sqrt(3) deviations, a normal does not."""
    for w, variance in zip(draw(LARGE, f"{kind}_{shape}", fan).weights, variances, strict=True):
        excess = {"normal": 2, "uniform": 4 / 5}[shape]  # kurtosis - 1
        assert abs(w.mean()) < 5 * np.sqrt(variance / w.size)
        assert abs(w.var() / variance - 1) < 5 * np.sqrt(excess / w.size)
        assert (np.abs(w).max() <= np.sqrt(3 * variance)) == (shape == "uniform")


@pytest.mark.parametrize("fan", ["sparse", "dense"])
def test_a_positive_start_is_the_normal_one_without_signs_in_junction_1(fan):
    positive, normal = draw(LARGE, "he_positive", fan).weights, draw(LARGE, "he_normal", fan).weights
    assert positive[0].tolist() == np.abs(normal[0]).tolist() and (normal[0] < 0).any()
    assert positive[1].tolist() == normal[1].tolist() and (normal[1] < 0).any()


def test_degrees_that_vary_count_by_their_mean():
    """Eight edges between eight left and four right neurons mean fan-in 2 and fan-out 1, however they are shared."""
    varied = Pattern(8, 4, np.array([0, 1, 2, 3, 4, 5, 0, 1], np.int32), np.array([0, 6, 7, 8, 8]))
    even = Pattern.regular(8, 4, np.arange(8))
    for kind in INITIALISATIONS:
        assert lists(draw(network_of(varied), kind)) == lists(draw(network_of(even), kind))


@pytest.mark.parametrize("kind", INITIALISATIONS)
def test_the_seed_alone_decides(kind):
    assert lists(draw(kind=kind, seed=3)) == lists(draw(kind=kind, seed=3))
    assert lists(draw(kind=kind, seed=3)) != lists(draw(kind=kind, seed=4))
    junctions = draw(network_of(sparse(4, 4, 2), sparse(4, 4, 2)), kind).weights
    assert junctions[0].tolist() != junctions[1].tolist()


def test_every_bias_starts_at_the_given_value():
    assert lists(draw(bias=0.125))[1] == [[0.125] * 4, [0.125] * 2]
    assert lists(draw(bias=0.125))[0] == lists(draw(bias=0.0))[0]
    assert {a.dtype for a in draw(bias=1).arrays().values()} == {np.dtype(np.float64)}


def test_quantise_uses_the_format_of_each_signal():
    parameters = RealParameters([np.array([0.5, -9.0, 9.0, 1 / 512])], [np.array([0.5, -9.0, 9.0, 1 / 32])])
    integers = parameters.quantise(MIXED)
    assert lists(integers) == ([[128, -2048, 2047, 1]], [[8, -32, 31, 1]])
    assert {a.dtype for a in integers.arrays().values()} == {np.dtype(np.int32)}
    assert lists(integers.real(MIXED)) == ([[0.5, -8.0, 2047 / 256, 1 / 256]], [[0.5, -2.0, 31 / 16, 1 / 16]])


def test_quantise_undoes_real():
    integers = draw(bias=0.25).quantise(NUMBERS)
    assert lists(integers.real(NUMBERS).quantise(NUMBERS)) == lists(integers)


def test_a_copy_shares_nothing():
    original = draw()
    copied = original.copy()
    copied.weights[0][0] = copied.biases[1][0] = 99
    assert lists(original) == lists(draw())


def test_arrays_are_named_from_one_on():
    arrays = draw().arrays()
    assert {name: array.shape for name, array in arrays.items()} == {
        "weight_1": (12,),
        "weight_2": (4,),
        "bias_1": (4,),
        "bias_2": (2,),
    }


@pytest.mark.parametrize("numbers", [None, NUMBERS], ids=["float", "fixed"])
def test_what_was_written_is_read_back(tmp_path: Path, numbers):
    parameters = draw(bias=0.1) if numbers is None else draw(bias=0.1).quantise(numbers)
    write_npz(tmp_path / "final.npz", parameters.arrays())
    again = Parameters.read(tmp_path / "final.npz", SMALL, numbers)
    assert lists(again) == lists(parameters)
    assert [a.dtype for a in again.arrays().values()] == [a.dtype for a in parameters.arrays().values()]


def test_the_ends_of_the_format_are_read_and_other_arrays_ignored(tmp_path: Path):
    arrays = draw().quantise(NUMBERS).arrays() | {"cycle": np.array(7)}
    arrays["weight_1"][:2] = -2048, 2047
    write_npz(tmp_path / "final.npz", arrays)
    assert Parameters.read(tmp_path / "final.npz", SMALL, NUMBERS).weights[0][:2].tolist() == [-2048, 2047]


def without(name):
    return {k: v for k, v in draw().quantise(NUMBERS).arrays().items() if k != name}


def with_first(name, value):
    arrays = draw().quantise(NUMBERS).arrays()
    arrays[name] = np.concatenate(([value], arrays[name][1:]))
    return arrays


@pytest.mark.parametrize(
    ("arrays", "line"),
    [
        (without("weight_2"), ":weight_2 = missing: must have shape (4,)"),
        (without("bias_1"), ":bias_1 = missing: must have shape (4,)"),
        ({}, ":weight_1 = missing: must have shape (12,)"),
        (without("weight_1") | {"weight_1": np.zeros(11, np.int32)}, ":weight_1 = (11,): must have shape (12,)"),
        (without("bias_2") | {"bias_2": np.zeros((2, 1), np.int32)}, ":bias_2 = (2, 1): must have shape (2,)"),
        (without("bias_2") | {"bias_2": np.array(3)}, ":bias_2 = (): must have shape (2,)"),
        (
            without("weight_1") | {"weight_1": np.zeros(12)},
            ":weight_1 = float64: must hold integers for a fixed-point engine",
        ),
        (without("bias_1") | {"bias_1": np.zeros(4, bool)}, ":bias_1 = bool: must hold integers for a fixed-point engine"),
    ],
)
def test_unusable_arrays_are_named_in_one_line(tmp_path: Path, arrays, line):
    write_npz(tmp_path / "final.npz", arrays)
    assert error_line(tmp_path / "final.npz") == f"{tmp_path / 'final.npz'}{line}"


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("weight_1", 2048, "must lie in -2048..2047 (format s12.8)"),
        ("weight_2", -2049, "must lie in -2048..2047 (format s12.8)"),
        ("weight_2", 2**40, "must lie in -2048..2047 (format s12.8)"),
        ("bias_1", 32, "must lie in -32..31 (format s6.4)"),
        ("bias_2", -33, "must lie in -32..31 (format s6.4)"),
    ],
)
def test_numbers_outside_their_format_are_named_in_one_line(tmp_path: Path, name, value, rule):
    write_npz(tmp_path / "final.npz", with_first(name, value))
    line = error_line(tmp_path / "final.npz", MIXED)
    assert line.startswith(f"{tmp_path / 'final.npz'}:{name} = ")
    assert str(value) in line
    assert line.endswith(rule)


def truncated(path):
    write_npz(path, draw().quantise(NUMBERS).arrays())
    path.write_bytes(path.read_bytes()[:-100])


def damaged(path):
    write_npz(path, {"weight_1": np.arange(12, dtype=np.int32)})
    path.write_bytes(path.read_bytes().replace(np.int32(11).tobytes(), np.int32(12).tobytes()))


def single_array(path):
    with path.open("wb") as stream:
        np.save(stream, np.zeros(12, np.int32))


def pickled(path):
    with path.open("wb") as stream:
        np.savez(stream, weight_1=np.array([None] * 12, dtype=object))


@pytest.mark.parametrize(
    "make",
    [
        lambda path: None,
        lambda path: path.mkdir(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text("weights\nand biases\n"),
        truncated,
        damaged,
        single_array,
        pickled,
    ],
    ids=["missing", "directory", "empty", "text", "truncated", "damaged", "npy", "pickled"],
)
def test_files_that_are_no_parameters_are_named_in_one_line(tmp_path: Path, make):
    make(tmp_path / "final.npz")
    assert error_line(tmp_path / "final.npz").startswith(f"{tmp_path / 'final.npz'}: ")


def error_line(path, numbers=NUMBERS):
    with pytest.raises(InputError) as error:
        Parameters.read(path, SMALL, numbers)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"patterns": (full(4, 3), full(2, 3))}, "patterns[1].n_left = 2: must have as many left neurons as junction 1"),
        ({"patterns": ()}, "activations = ['sigmoid', 'sigmoid']: must have one entry for each of the 0 junctions"),
        ({"activations": ("sigmoid",)}, "activations = ['sigmoid']: must have one entry for each of the 2 junctions"),
        ({"cost": "absolute"}, "cost = absolute: must be known; nearest: cross_entropy, quadratic"),
        ({"output_neurons": np.array([0, 3])}, "output_neurons = [0, 3]: must be different neurons of 0..2, one for each"),
        ({"output_neurons": np.array([1, 1])}, "output_neurons = [1, 1]: must be different neurons"),
        ({"output_neurons": np.zeros(0, np.int64)}, "output_neurons = []: must be different neurons"),
    ],
)
def test_what_is_no_network_is_refused_at_once(changed, line):
    good = Network((full(4, 3), full(3, 3)), ("sigmoid", "sigmoid"), "quadratic", np.arange(2))
    with pytest.raises(InputError) as error:
        replace(good, **changed)
    assert str(error.value).startswith(line)
