from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from models.connectivity.degrees import Degrees, degrees_of_density, feasible_degrees, nearest_feasible
from models.connectivity.draw import ClashFree, Kind, draw, full
from models.connectivity.files import read_connectivity, write_connectivity
from models.connectivity.pattern import Pattern
from models.errors import InputError
from models.files.npz import read_npz, write_npz

LAYERS = [12, 8, 8, 6, 6, 4, 4]


def one_of_every_kind() -> list[Pattern]:
    rng = np.random.default_rng(0)
    return [
        draw("clash_free", 12, 8, rng, d_out=2, clash_free=ClashFree(4, 1, dither=True)),
        draw("clash_free", 8, 8, rng, d_out=3, clash_free=ClashFree(4, 2, dither=True)),
        draw("structured", 8, 6, rng, d_out=3),
        draw("random", 6, 6, rng, n_edges=13),
        draw("full", 6, 4, rng),
        draw("clash_free", 4, 4, rng, d_out=3, clash_free=ClashFree(2, 3)),
    ]


def assert_same(found: Pattern, expected: Pattern) -> None:
    assert (found.n_left, found.n_right) == (expected.n_left, expected.n_right)
    assert (found.left == expected.left).all()
    assert (found.row_start == expected.row_start).all()
    if found.seeds is None or expected.seeds is None:
        assert found.seeds is expected.seeds
    else:
        assert (found.seeds.kind, found.seeds.z) == (expected.seeds.kind, expected.seeds.z)
        assert (found.seeds.memory == expected.seeds.memory).all()
        assert (found.seeds.address == expected.seeds.address).all()


def test_feasible_densities_are_multiples_of_one_over_the_greatest_common_divisor() -> None:
    assert list(feasible_degrees(12, 8)) == [
        Degrees(2, 3, Fraction(1, 4)),
        Degrees(4, 6, Fraction(1, 2)),
        Degrees(6, 9, Fraction(3, 4)),
        Degrees(8, 12, Fraction(1)),
    ]
    huge = feasible_degrees(10**12, 10**12)  # listed lazily
    assert next(huge) == Degrees(1, 1, Fraction(1, 10**12))


def test_every_feasible_density_is_recognised_from_its_float() -> None:
    rng = np.random.default_rng(1)
    for _ in range(300):
        n_left, n_right = (int(n) for n in rng.integers(1, 200, size=2))
        for degrees in feasible_degrees(n_left, n_right):
            assert n_left * degrees.d_out == n_right * degrees.d_in
            assert degrees.density == Fraction(degrees.d_out, n_right)
            assert degrees_of_density(n_left, n_right, float(degrees.density)) == degrees
    assert degrees_of_density(1024, 64, 0.0625) == Degrees(4, 64, Fraction(1, 16))
    assert degrees_of_density(12, 8, Fraction(1, 2)).d_out == 4


def test_infeasible_densities_name_their_neighbours() -> None:
    assert [d.density for d in nearest_feasible(12, 8, 0.3)] == [Fraction(1, 4), Fraction(1, 2)]
    assert [d.density for d in nearest_feasible(12, 8, 0.01)] == [Fraction(1, 4)]
    assert [d.density for d in nearest_feasible(12, 8, 0.5)] == [Fraction(1, 2)]
    assert [d.density for d in nearest_feasible(12, 8, 7)] == [1]
    with pytest.raises(InputError, match=r"^network\.density\[1\] = 0\.3: .* k/4, k = 1\.\.4; nearest: 0\.25, 0\.5$"):
        degrees_of_density(12, 8, 0.3, "network.density[1]")
    with pytest.raises(InputError, match=r"nearest: 0\.3333333333333333, 0\.6666666666666666$"):
        degrees_of_density(3, 3, 0.3334)
    for impossible in (0.0, -1.0, 1.01, float("nan"), float("inf")):
        with pytest.raises(InputError, match="density"):
            degrees_of_density(12, 8, impossible)


def test_full_connectivity_repeats_the_left_layer() -> None:
    pattern = full(3, 2)
    assert pattern.left.tolist() == [0, 1, 2, 0, 1, 2]
    assert (pattern.density, pattern.seeds) == (1.0, None)


def test_every_kind_is_drawn_with_the_degrees_asked_for() -> None:
    patterns = one_of_every_kind()
    for pattern in patterns:
        pattern.validate()
    assert [pattern.d_out for pattern in patterns] == [2, 3, 3, patterns[3].d_out, 4, 3]
    assert patterns[3].n_edges == 13
    assert [pattern.seeds.kind if pattern.seeds else None for pattern in patterns] == [1, 2, None, None, None, 3]
    assert draw(Kind.RANDOM, 6, 4, np.random.default_rng(0), d_out=1).n_edges == 6


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("structured", "^d_out: structured connectivity needs it$"),
        ("random", "^d_out: random connectivity needs it$"),
        ("clash_free", "^d_out: clash_free connectivity needs it$"),
        ("dense", "^kind = dense: .*nearest: full, random, structured, clash_free$"),
    ],
)
def test_what_is_missing_or_unknown_is_named(kind: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        draw(kind, 4, 4, np.random.default_rng(0))
    with pytest.raises(InputError, match=r"^clash_free: clash_free connectivity needs it$"):
        draw("clash_free", 4, 4, np.random.default_rng(0), d_out=2)


def test_patterns_survive_the_file_with_their_seeds(tmp_path: Path) -> None:
    path, again = tmp_path / "connectivity.npz", tmp_path / "again.npz"
    patterns = one_of_every_kind()
    write_connectivity(path, patterns)
    found = read_connectivity(path, LAYERS)
    assert len(found) == len(patterns)
    for pattern, expected in zip(found, patterns, strict=True):
        assert_same(pattern, expected)
    write_connectivity(again, found)
    assert path.read_bytes() == again.read_bytes()


def test_the_file_holds_these_arrays(tmp_path: Path) -> None:
    path = tmp_path / "connectivity.npz"
    write_connectivity(path, one_of_every_kind())
    arrays = read_npz(path)
    assert {name: array.shape for name, array in arrays.items()} == {
        "left_1": (24,), "address_1": (4,), "memory_1": (4,),
        "left_2": (24,), "address_2": (3, 4), "memory_2": (3, 4),
        "left_3": (24,),
        "left_4": (13,), "right_4": (13,),
        "left_5": (24,),
        "left_6": (12,), "address_6": (3, 2, 2), "memory_6": (3, 2),
    }  # fmt: skip
    assert {array.dtype for array in arrays.values()} == {np.dtype(np.int32)}


def test_left_neurons_alone_are_enough_for_regular_junctions(tmp_path: Path) -> None:
    write_npz(tmp_path / "given.npz", {"left_1": np.array([0, 1, 1, 0])})
    (pattern,) = read_connectivity(tmp_path / "given.npz", [2, 2])
    assert (pattern.d_in, pattern.left.dtype) == (2, np.dtype(np.int32))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"left_1": None}, "left_1: is missing"),
        ({"left_7": [0]}, "has arrays that 6 junctions do not: left_7"),
        ({"left_3": [0] * 23}, "left_3: 23 edges cannot be shared equally by 6 right neurons"),
        ({"left_3": [0] * 24}, "left_3: no two edges may join the same neurons"),
        ({"left_3": [8] * 24}, r"left_3: must lie in 0\.\.7"),
        ({"left_3": [2**40] * 24}, r"left_3: must lie in 0\.\.7"),
        ({"left_3": [0.5] * 24}, "left_3 = float64 .*: must be integers"),
        ({"left_3": [[0] * 4] * 6}, r"left_3 = int64 \[6, 4\]: must be integers of shape \[24\]"),
        ({"right_4": [0] * 12}, r"right_4 = int64 \[12\]: must be integers of shape \[13\]"),
        ({"right_4": np.arange(13)[::-1].astype(np.uint8) // 3}, "right_4: edges must be in the order"),
        ({"right_4": [6] * 13}, r"right_4: must lie in 0\.\.5"),
        ({"address_1": [3, 0, 0, 0]}, r"junction 1: address: must lie in 0\.\.2"),
        ({"address_1": np.zeros((1, 1, 1, 4), int)}, "clash_free_type = 4"),
        ({"memory_1": [0, 0, 1, 2]}, r"junction 1: memory: must be permutations of 0\.\.3"),
        ({"memory_1": None}, "left_1: does not hold the edges that address_1 and memory_1 describe"),
        ({"address_1": [0, 0, 0, 0]}, "left_1: does not hold the edges that address_1 and memory_1 describe"),
    ],
)
def test_a_file_that_describes_no_legal_network_is_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    path = tmp_path / "connectivity.npz"
    write_connectivity(path, one_of_every_kind())
    arrays = read_npz(path) | change
    write_npz(path, {name: np.asarray(array) for name, array in arrays.items() if array is not None})
    with pytest.raises(InputError, match=message):
        read_connectivity(path, LAYERS)
