"""Degrees and paths beside a count edge by edge and path by path."""

import itertools
import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.connectivity.biregular import draw_random
from models.connectivity.clash_free import draw_clash_free
from models.connectivity.draw import full
from models.connectivity.pattern import Pattern
from models.pattern_quality import statistics
from models.pattern_quality.interleaver import dispersion, interleaver, spread
from models.pattern_quality.scatter import SideWindows, grid_windows, scatter
from models.pattern_quality.statistics import in_degrees, input_sets, out_degrees, paths
from tests.work import calls


@st.composite
def networks(draw):
    layers = draw(st.lists(st.integers(1, 7), min_size=2, max_size=4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    patterns = [draw_random(a, b, draw(st.integers(0, a * b)), rng) for a, b in itertools.pairwise(layers)]
    chosen = [sorted(draw(st.sets(st.integers(0, n - 1), min_size=1))) for n in (layers[0], layers[-1])]
    return patterns, np.array(chosen[0]), np.array(chosen[1])


def edges(pattern):
    return list(zip(pattern.left.tolist(), pattern.right.tolist(), strict=True))


def all_paths(patterns, inputs, outputs):
    """Every path as a tuple of neurons."""
    found = [(k,) for k in inputs.tolist()]
    for pattern in patterns:
        found = [(*path, right) for path in found for left, right in edges(pattern) if left == path[-1]]
    return [path for path in found if path[-1] in outputs.tolist()]


@settings(max_examples=150)
@given(networks())
def test_paths_are_those_that_one_can_walk(network):
    patterns, inputs, outputs = network
    walked = all_paths(*network)
    found = paths(*network)
    joined = {(path[0], path[-1]) for path in walked}
    assert (found.joined, found.pairs) == (len(joined), inputs.size * outputs.size)
    assert found.diversity == len(joined) / found.pairs
    assert (found.total, found.per_pair) == (len(walked), len(walked) / found.pairs)
    hidden = [range(p.n_right) for p in patterns[:-1]]
    met = [{path[i] for path in walked} for i in range(len(patterns) + 1)]
    assert found.cut_off == sum(len(set(n) - m) for n, m in zip([inputs, *hidden, outputs], met, strict=True))


@settings(max_examples=100)
@given(networks())
def test_degrees_are_counted_edge_by_edge(network):
    pattern, inputs = network[0][0], network[1]
    lefts = [left for left, _ in edges(pattern)]
    counts = [lefts.count(k) for k in inputs.tolist()]
    found = out_degrees(pattern, inputs)
    assert (found.least, found.most, found.unconnected) == (min(counts), max(counts), counts.count(0))
    assert (found.mean, found.deviation) == pytest.approx((np.mean(counts), np.std(counts)))
    rights = [right for _, right in edges(pattern)]
    assert in_degrees(pattern).most == max(rights.count(k) for k in range(pattern.n_right))


def test_full_networks_join_all_pairs_by_all_paths():
    found = paths([full(100, 20), full(20, 30), full(30, 130)])
    assert (found.diversity, found.per_pair, found.cut_off) == (1.0, 600.0, 0)


def test_every_output_beyond_the_first_word_of_bits_counts():
    straight = Pattern.regular(200, 200, np.arange(200))
    found = paths([straight, straight], np.arange(150), np.arange(50, 200))
    assert (found.joined, found.total, found.diversity) == (100, 100, 100 / 150**2)


def test_large_networks_take_a_moment():
    rng = np.random.default_rng(0)
    patterns = [draw_random(100_000, 10_000, 10**6, rng), draw_random(10_000, 1_000, 10**5, rng)]
    paths([full(2, 2)])
    assert paths(patterns).diversity > 0.05
    assert calls(lambda: paths(patterns)) < 3_000


@settings(max_examples=150)
@given(networks())
def test_input_sets_are_different_sets(network):
    patterns, _, outputs = network
    pattern = patterns[-1]
    inputs = {j: frozenset(left for left, right in edges(pattern) if right == j) for j in range(pattern.n_right)}
    assert input_sets(pattern) == len(set(inputs.values()))
    assert input_sets(pattern, outputs) == len({inputs[j] for j in outputs.tolist()})


def test_input_sets_of_equal_sums_are_compared_one_by_one(monkeypatch):
    """If sums told nothing, every two rows would have to be compared."""
    monkeypatch.setattr(statistics, "_sum_marks", lambda *_: None)
    rng = np.random.default_rng(0)
    for _ in range(20):
        pattern = draw_random(6, 40, 70, rng)
        assert input_sets(pattern) == len(
            {frozenset(map(int, row)) for row in np.split(pattern.left, pattern.row_start[1:-1])}
        )


@pytest.mark.parametrize("density", [0.05, 0.2])
def test_no_figure_takes_more_than_a_few_bytes_an_edge(density):
    rng = np.random.default_rng(0)
    patterns = [draw_random(2000, 3000, round(6e6 * density), rng), draw_random(3000, 50, 3000, rng)]
    windows = [SideWindows(grid_windows([p.n_left], [40]), grid_windows([p.n_right], [25])) for p in patterns]
    outer = SideWindows(grid_windows([2000], [1]), grid_windows([50], [1]))
    edges, fixed = sum(p.n_edges for p in patterns), 4 << 20
    for figure, an_edge in (
        (lambda: scatter(patterns, windows, outer), 4),
        (lambda: paths(patterns), 0),
        (lambda: [input_sets(p) for p in patterns], 0),
        (lambda: [out_degrees(p) for p in patterns], 0),
        (lambda: [spread(interleaver(p)) for p in patterns], 4),
        (lambda: [dispersion(interleaver(p)) for p in patterns], 4.5),
    ):
        figure()  # compiled
        for p in patterns:
            vars(p).pop("out_degrees", None)
        tracemalloc.start()
        figure()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < an_edge * edges + fixed


@pytest.mark.parametrize(
    ("kind", "dither", "sets"),
    [(1, False, 8), (1, True, 8), (2, False, 8), (3, False, 8), (2, True, None), (3, True, None)],
)
def test_a_sweep_that_repeats_itself_has_few_input_sets(kind, dither, sets):
    """64 neurons in 64 memories, 8 edges to each of 1,024: more than 64 / 8 sets only if every sweep has its own dither."""
    pattern = draw_clash_free(64, 128, 1024, 64, kind, dither, np.random.default_rng(0))
    assert input_sets(pattern) == sets or (sets is None and input_sets(pattern) > 1000)


@pytest.mark.parametrize(("n_left", "d_out", "n_right", "z"), [(1024, 4, 64, 128), (64, 128, 1024, 8), (48, 10, 15, 4)])
def test_type_1_repeats_itself(n_left, d_out, n_right, z):
    pattern = draw_clash_free(n_left, d_out, n_right, z, 1, False, np.random.default_rng(1))
    assert input_sets(pattern) == min(n_right, n_left // math.gcd(n_left, pattern.d_in))


def test_a_fully_connected_junction_has_one_input_set():
    assert input_sets(full(5, 3)) == 1
