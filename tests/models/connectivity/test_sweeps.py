"""Left neurons computed from seeds, and patterns whose edges nobody has asked for."""

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.connectivity import clash_free, sweeps
from models.connectivity.biregular import draw_structured
from models.connectivity.clash_free import draw_clash_free, from_seeds, is_clash_free
from models.connectivity.draw import ClashFree, draw, draw_later, feasible_out_degrees, full
from models.connectivity.files import read_connectivity, write_connectivity
from models.connectivity.pattern import Pattern
from models.connectivity.sweeps import SweepSeeds
from models.errors import InputError

LAYERS = st.sampled_from([(12, 8), (35, 20), (24, 36), (6, 6), (64, 32)])


def walked(seeds: SweepSeeds) -> list[int]:
    """Lane by lane, as the definition says."""
    left = []
    for s in range(seeds.sweeps):
        for r in range(seeds.depth):
            for memory in seeds.memory[s].tolist():
                begins = seeds.given[s]
                at = int(begins[r, memory]) if seeds.kind == 3 else (int(begins[memory]) + r) % seeds.depth
                left.append(at * seeds.z + memory)
    return left


@settings(max_examples=60)
@given(st.data(), LAYERS, st.sampled_from([1, 2, 3]), st.booleans(), st.integers(0, 99), st.sampled_from([1, 7, 1 << 18]))
def test_edges_are_those_of_a_walk(
    data: st.DataObject, layers: tuple[int, int], kind: int, dither: bool, seed: int, block: int
) -> None:
    """However many are computed together."""
    n_left, n_right = layers
    d_out = data.draw(st.sampled_from(feasible_out_degrees(n_left, n_right)))
    z = data.draw(st.sampled_from([d for d in range(1, n_left + 1) if n_left % d == 0]))
    with pytest.MonkeyPatch.context() as patch:
        for module, name in ((sweeps, "_BLOCK"), (clash_free, "_SEEDS")):
            patch.setattr(module, name, block)
        pattern = draw_clash_free(n_left, d_out, n_right, z, kind, dither, np.random.default_rng(seed))
        seeds = pattern.seeds
        assert seeds is not None
        assert pattern.left.dtype == np.int32 and pattern.left.tolist() == walked(seeds)
        assert seeds.left(d_out - 1).tolist() == walked(seeds)[-n_left:]
        assert is_clash_free(pattern, z) and not pattern.has_repeated_edge()
    whole = draw_clash_free(n_left, d_out, n_right, z, kind, dither, np.random.default_rng(seed))
    assert np.array_equal(whole.left, pattern.left)


@settings(max_examples=60)
@given(LAYERS, st.sampled_from([2, 3]), st.integers(0, 999), st.sampled_from([1, 1 << 18]), st.data())
def test_seeds_that_join_two_neurons_twice_are_refused_and_no_others(
    layers: tuple[int, int], kind: int, seed: int, block: int, data: st.DataObject
) -> None:
    n_left, n_right = layers
    d_out = data.draw(st.sampled_from(feasible_out_degrees(n_left, n_right)))
    z = data.draw(st.sampled_from([d for d in range(1, n_left + 1) if n_left % d == 0]))
    rng, depth = np.random.default_rng(seed), n_left // z
    order = rng.permuted(np.tile(np.arange(depth), (d_out, z, 1)), axis=2).transpose(0, 2, 1)
    given_ = order if kind == 3 else rng.integers(depth, size=(d_out, z))
    memory = rng.permuted(np.tile(np.arange(z), (d_out, 1)), axis=1)
    seeds = SweepSeeds(kind, depth, memory.astype(np.int32), given_.astype(np.int32))
    repeats = any(len(set(row)) < len(row) for row in np.reshape(walked(seeds), (n_right, -1)).tolist())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clash_free, "_SEEDS", block)
        if repeats:
            with pytest.raises(InputError, match="straddles two sweeps would draw a left neuron twice"):
                from_seeds(n_left, d_out, n_right, kind, given_, memory)
        else:
            assert from_seeds(n_left, d_out, n_right, kind, given_, memory).left.tolist() == walked(seeds)


@pytest.mark.parametrize("blocks", [1, 10, 1 << 18])
def test_repeated_edges_are_found_wherever_rows_are_divided(blocks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.connectivity.pattern._BLOCK", blocks)
    starts = np.array([0, 0, 3, 3, 5, 9])
    left = [0, 4, 2, 2, 4, 3, 0, 1, 4]
    legal = Pattern(5, 5, np.array(left, np.int32), starts)
    assert not legal.has_repeated_edge() and legal.out_degrees.tolist() == [2, 1, 2, 1, 3]
    assert [(a, b, part.tolist()) for a, b, part in legal.blocks()][-1][1] == 5
    assert np.concatenate([part for _, _, part in legal.blocks()]).tolist() == left
    for k, twin in ((1, 0), (4, 3), (8, 5)):
        again = legal.left.copy()
        again[k] = again[twin]
        assert Pattern(5, 5, again, starts).has_repeated_edge()


LATER: list[tuple[str, dict[str, object]]] = [
    ("structured", {}),
    *[("clash_free", {"clash_free": ClashFree(6, kind, dither)}) for kind in (1, 2, 3) for dither in (False, True)],
    ("clash_free", {"clash_free": ClashFree(6, 2, zero_seeds=True)}),
    ("full", {}),
    ("random", {}),
]


@pytest.mark.parametrize(("kind", "how"), LATER)
def test_what_is_drawn_later_is_the_same(kind: str, how: dict[str, object]) -> None:
    d_out = 8 if kind == "full" else 4
    now = draw(kind, 12, 8, np.random.default_rng(5), d_out=d_out, **how)  # type: ignore[arg-type]
    later = draw_later(kind, 12, 8, np.random.default_rng(5), d_out=d_out, **how)  # type: ignore[arg-type]
    for name in ("n_left", "n_right", "n_edges", "density", "d_in", "d_out"):
        assert getattr(later, name) == getattr(now, name)
    for name in ("row_start", "in_degrees", "out_degrees", "left", "right", "left_order"):
        there, wanted = getattr(later, name), getattr(now, name)
        assert there.dtype == wanted.dtype and np.array_equal(there, wanted)
    assert (later.seeds is None) == (now.seeds is None)
    counted = Pattern(12, 8, now.left, now.row_start)
    assert np.array_equal(later.in_degrees, counted.in_degrees) and np.array_equal(later.out_degrees, counted.out_degrees)


@pytest.mark.parametrize(
    ("how", "line"),
    [
        ({"kind": "structured", "d_out": 3}, "d_out = 3"),
        ({"kind": "clash_free", "d_out": 4, "clash_free": ClashFree(5)}, "z = 5: must divide"),
        ({"kind": "clash_free", "d_out": 4, "clash_free": ClashFree(6, 4)}, "clash_free_type = 4"),
        ({"kind": "clash_free", "d_out": 4}, "clash_free: clash_free connectivity needs it"),
        ({"kind": "structured"}, "d_out: structured connectivity needs it"),
    ],
)
def test_what_cannot_be_drawn_is_refused_at_once(how: dict[str, object], line: str) -> None:
    with pytest.raises(InputError, match=f"^{line}"):
        draw_later(n_left=12, n_right=8, rng=np.random.default_rng(0), **how)  # type: ignore[arg-type]


def bytes_taken(make: Callable[[], object]) -> int:
    """The most that was allocated at once."""
    tracemalloc.start()
    try:
        kept = make()
        return tracemalloc.get_traced_memory()[1] if kept is not None else 0
    finally:
        tracemalloc.stop()


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("d_out", [200, 800])
def test_patterns_take_a_few_bytes_an_edge_however_many_there_are(
    d_out: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    n, edges = 4000, 4000 * d_out
    seeds, temporary = edges // 100 * 4, 20 << 20  # z = 40; what is made of some hundred thousand edges
    for kind in (1, 2):
        assert bytes_taken(lambda kind=kind: draw_clash_free(n, d_out, n, 40, kind, False, rng())) < seeds + temporary
        stored = draw_clash_free(n, d_out, n, 40, kind, False, rng())
        assert bytes_taken(lambda stored=stored: stored.left) < 4 * edges + temporary
        assert bytes_taken(lambda stored=stored: (stored.out_degrees, stored.in_degrees)) < temporary
    draw_clash_free(n, 1, n, 40, 3, False, rng()), draw_structured(n, 1, n, rng())  # compiled
    assert bytes_taken(lambda: draw_clash_free(n, d_out, n, 40, 3, False, rng())) < 4 * edges + temporary
    assert bytes_taken(lambda: draw_structured(n, d_out, n, rng())) < 9 * edges + temporary  # sorted, then shuffled rows
    assert bytes_taken(lambda: draw_later("structured", n, n, rng(), d_out=d_out).out_degrees) < 1 << 20
    assert bytes_taken(lambda: full(n, d_out).in_degrees) < 1 << 20
    drawn = Pattern(n, n, stored.left, stored.row_start)
    assert bytes_taken(drawn.has_repeated_edge) < temporary
    path = tmp_path_factory.mktemp("patterns") / "connectivity.npz"
    write_connectivity(path, [stored])
    again = read_connectivity(path, [n, n])[0]
    assert "left" not in vars(again) and np.array_equal(again.left, stored.left)
    assert bytes_taken(lambda: read_connectivity(path, [n, n])) < 9 * edges + temporary
