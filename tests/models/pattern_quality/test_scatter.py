"""Scatter beside its definition, written down as dense matrices, and beside values of the authors' own function."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.connectivity.biregular import draw_random, draw_structured
from models.connectivity.draw import full
from models.connectivity.pattern import Pattern
from models.errors import InputError
from models.pattern_quality.scatter import (
    Coverage,
    SideWindows,
    _counter,
    _Sums,
    backward,
    forward,
    grid_windows,
    network_backward,
    network_forward,
    scatter,
)
from tests.work import calls


def matrix(pattern):
    """A: right neurons by left neurons."""
    a = np.zeros((pattern.n_right, pattern.n_left))
    for edge, left in enumerate(pattern.left.tolist()):
        a[np.searchsorted(pattern.row_start, edge, side="right") - 1, left] += 1
    return a


def naive(counts, windows, ideal, neurons):
    """counts: neurons by neurons of the other side, which has the windows."""
    shares = [[min(sum(counts[k, q] for q in w) / ideal, 1) if ideal else 0 for w in windows] for k in neurons]
    return np.mean(shares)


def naive_scatter(patterns, windows, network, inputs, outputs):
    """Step by step as in the paper, with mean degrees."""
    a = [matrix(p) for p in patterns]
    d_out = [m.sum() / m.shape[1] for m in a]
    d_in = [m.sum() / m.shape[0] for m in a]
    found = {}
    for i, (m, of) in enumerate(zip(a, windows, strict=True), 1):
        outer = outputs if i == len(a) else range(m.shape[0])
        inner = inputs if i == 1 else range(m.shape[1])
        found[f"{i}f"] = naive(m, of.left, len(of.left[0]) * d_out[i - 1] / m.shape[0], outer)
        found[f"{i}b"] = naive(m.T, of.right, len(of.right[0]) * d_in[i - 1] / m.shape[1], inner)
    paths = np.eye(a[0].shape[1])
    for m in a:
        paths = m @ paths
    found["net_f"] = naive(paths, network.left, len(network.left[0]) * math.prod(d_out) / paths.shape[0], outputs)
    found["net_b"] = naive(paths.T, network.right, len(network.right[0]) * math.prod(d_in) / paths.shape[1], inputs)
    return found


def in_order(n_left, d_out, n_right):
    """left[e] = e mod n_left: clash-free with all-zero seeds."""
    return Pattern.regular(n_left, n_right, np.arange(n_left * d_out) % n_left)


def runs(n, size, stride):
    return grid_windows([n], [size], [stride])


def sides(*windows):
    return [SideWindows(left, right) for left, right in zip(windows[::2], windows[1::2], strict=True)]


def test_published_values_of_the_morse_network():
    patterns = [in_order(64, 128, 1024), in_order(1024, 8, 64)]
    inner = sides(runs(64, 8, 8), runs(1024, 8, 8), runs(1024, 8, 8), runs(64, 8, 8))
    found = scatter(patterns, inner, SideWindows(runs(64, 1, 1), runs(64, 1, 1)))
    assert list(found.vector) == ["1f", "1b", "2f", "2b", "net_f", "net_b"]
    assert list(found.vector.values()) == [0.125, 1, 0.125, 1, 1, 1]
    assert (found.minimum, found.worst) == (0.125, "1f")


@pytest.mark.parametrize("inputs", [None, np.arange(784)])
def test_published_values_of_the_image_network(inputs):
    patterns = [in_order(1024, 4, 64), in_order(64, 16, 32)]
    image = grid_windows([32, 32], [4, 4], [4, 4])
    inner = sides(image, runs(64, 16, 16), runs(64, 16, 16), runs(32, 8, 8))
    found = scatter(patterns, inner, SideWindows(image, runs(32, 8, 8)), inputs)
    assert list(found.vector.values()) == [0.125, 1, 0.5, 1, 1, 1]


@pytest.mark.parametrize(("left", "values"), [([0, 1, 2, 3, 4, 5, 6, 7], (0.5, 0.5)), ([0, 4, 1, 5, 2, 6, 3, 7], (1, 0.5))])
def test_published_values_of_eight_to_four(left, values):
    pattern = Pattern.regular(8, 4, left)
    assert (forward(pattern, runs(8, 4, 4)).value, backward(pattern, runs(4, 2, 2)).value) == values


@pytest.mark.parametrize("layers", [(12, 8), (24, 12, 6), (8, 9, 10, 11)])
def test_fully_connected_networks_have_a_scatter_of_exactly_one(layers):
    patterns = [full(a, b) for a, b in itertools.pairwise(layers)]
    windows = [SideWindows(runs(p.n_left, 3, 2), runs(p.n_right, 2, 1)) for p in patterns]
    found = scatter(patterns, windows, SideWindows(runs(layers[0], 5, 3), runs(layers[-1], 4, 4)))
    assert set(found.vector.values()) == {1.0}


def test_windows_of_an_image():
    windows = grid_windows([32, 32], [4, 4], [2, 2])
    assert windows.shape == (225, 16)
    assert windows[0].tolist() == [*range(4), *range(32, 36), *range(64, 68), *range(96, 100)]


def test_windows_of_a_feature_last_map():
    windows = grid_windows([4, 4, 128], [2, 2, 2], [2, 2, 2])
    assert windows.shape == (256, 8)
    assert windows[0].tolist() == [0, 1, 128, 129, 512, 513, 640, 641]


@given(st.data(), st.integers(1, 3))
def test_windows_are_those_of_loops_over_all_directions(data, directions):
    shape = [data.draw(st.integers(1, 6)) for _ in range(directions)]
    size = [data.draw(st.integers(1, n)) for n in shape]
    stride = [data.draw(st.integers(1, 7)) for _ in shape]
    index = np.arange(math.prod(shape)).reshape(shape)
    starts = [range(0, n - s + 1, t) for n, s, t in zip(shape, size, stride, strict=True)]
    expected = [
        index[tuple(slice(a, a + s) for a, s in zip(corner, size, strict=True))].ravel().tolist()
        for corner in np.array(np.meshgrid(*starts, indexing="ij")).reshape(directions, -1).T
    ]
    assert grid_windows(shape, size, stride).tolist() == expected
    assert len(expected) == math.prod((n - s) // t + 1 for n, s, t in zip(shape, size, stride, strict=True))


@pytest.mark.parametrize(
    ("shape", "size", "stride", "answer"),
    [
        ([8], [9], [1], "w.size[0] = 9: does not fit: in this direction the layer has 8 neurons; nearest: 8"),
        ([8], [0], [1], "w.size[0] = 0: does not fit: in this direction the layer has 8 neurons; nearest: 1"),
        ([8, 8], [2, 2], [1, 0], "w.stride[1] = 0: must be at least 1; nearest: 1"),
        ([8, 8], [2], None, "w.size = [2]: must have as many entries as the layer, [8, 8], has directions"),
        ([8], [2], [1, 1], "w.stride = [1, 1]: must have as many entries as the layer, [8], has directions"),
        ([2**20], [2**19], [1], "w.stride = [1]: gives 524289 windows of 524288 neurons: at most 67108864 neurons in all; "),
    ],
)
def test_windows_that_do_not_fit_are_refused(shape, size, stride, answer):
    with pytest.raises(InputError) as caught:
        grid_windows(shape, size, stride, "w")
    assert str(caught.value).startswith(answer)


@st.composite
def networks(draw, most=4, least=2):
    """Small networks of random patterns, some of them nearly empty, with any windows and any padding."""
    layers = draw(st.lists(st.integers(1, 12), min_size=least, max_size=most))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    patterns = []
    for a, b in itertools.pairwise(layers):
        if draw(st.booleans()):
            patterns.append(draw_random(a, b, draw(st.integers(1, a * b)), rng))
        else:
            step = b // math.gcd(a, b)
            patterns.append(draw_structured(a, step * draw(st.integers(1, b // step)), b, rng))

    def windows(n):
        return runs(n, draw(st.integers(1, n)), draw(st.integers(1, n)))

    inner = [SideWindows(windows(a), windows(b)) for a, b in itertools.pairwise(layers)]
    inputs, outputs = (np.flatnonzero(rng.random(n) < 0.7) for n in (layers[0], layers[-1]))
    return (
        patterns,
        inner,
        SideWindows(windows(layers[0]), windows(layers[-1])),
        inputs if inputs.size else np.array([0]),
        outputs if outputs.size else np.array([0]),
    )


@settings(max_examples=150)
@given(networks())
def test_every_value_is_that_of_the_dense_definition(network):
    found, expected = scatter(*network).vector, naive_scatter(*network)
    assert list(found) == list(expected)
    assert list(found.values()) == pytest.approx(list(expected.values()), rel=1e-12, abs=1e-15)


@settings(max_examples=50)
@given(networks(least=3, most=3), st.randoms())
def test_scatter_does_not_depend_on_how_hidden_neurons_are_numbered(network, random):
    """But for windows of the hidden layers themselves: those of the whole network lie outside."""
    patterns, _, outer, inputs, outputs = network
    a, b = patterns[0], patterns[-1]
    order = list(range(a.n_right))
    random.shuffle(order)
    rows = np.split(a.left, a.row_start[1:-1])
    moved = [rows[k] for k in order]
    renamed = Pattern(
        a.n_left,
        a.n_right,
        np.concatenate(moved),
        np.concatenate([[0], np.cumsum([len(r) for r in moved])]).astype(np.int64),
    )
    place = np.argsort(order)
    after = Pattern(b.n_left, b.n_right, place[b.left].astype(np.int32), b.row_start)
    assert network_forward([renamed, after], outer.left, outputs).value == pytest.approx(
        network_forward(patterns, outer.left, outputs).value
    )
    assert network_backward([renamed, after], outer.right, inputs).value == pytest.approx(
        network_backward(patterns, outer.right, inputs).value
    )


@pytest.mark.parametrize(("windows", "outputs"), [(40, 12), (12, 40), (1, 40), (40, 1)])
def test_path_counts_are_the_same_from_either_end(windows, outputs):
    """More columns than are held at once, from the windows or from the neurons, whichever are fewer."""
    rng = np.random.default_rng(0)
    patterns = [draw_random(40, 50, 300, rng), draw_random(50, 40, 300, rng)]
    of = runs(40, 1, 1)[:windows]
    counted = np.arange(outputs)
    paths = matrix(patterns[1]) @ matrix(patterns[0])
    ideal = 300 * 300 / (40 * 50 * 40)
    assert network_forward(patterns, of, counted).value == pytest.approx(naive(paths, of, ideal, counted))
    assert network_backward(patterns, of, counted).value == pytest.approx(naive(paths.T, of, ideal, counted))


@pytest.mark.parametrize("neurons", [1, 2, 3, 4])
def test_what_is_attainable_is_the_best_way_to_share_edges_out(neurons):
    for edges in range(1, 10):
        ideal = edges / neurons
        ways = [way for way in itertools.product(range(edges + 1), repeat=neurons) if sum(way) == edges]
        best = max(np.minimum(np.array(way) / ideal, 1).mean() for way in ways)
        assert Coverage(ideal, np.zeros(1)).attainable == pytest.approx(best, abs=1e-12)


def test_by_window_tells_which_windows_starve():
    pattern = Pattern.regular(8, 4, [0, 1, 2, 3, 0, 1, 2, 4])
    assert forward(pattern, runs(8, 2, 2)).by_window.tolist() == [0.5, 0.5, 0.25, 0.0]


def test_path_counts_beyond_every_integer_type():
    patterns = [full(64, 64)] * 32
    found = scatter(
        patterns, [SideWindows(runs(64, 8, 8), runs(64, 8, 8))] * 32, SideWindows(runs(64, 4, 4), runs(64, 1, 1))
    )
    assert set(found.vector.values()) == {1.0}


@pytest.mark.parametrize(
    ("most", "dtype"), [(65_535, np.uint16), (65_536, np.uint32), (2**32 - 1, np.uint32), (2**32, float)]
)
def test_path_counts_have_as_many_bits_as_they_can_need(most, dtype):
    """A junction counts at most one path from each neuron that is counted from; every other one multiplies."""
    none = np.zeros(0, np.uint32)
    for ones, first in ((9, 1), (1, 9)):
        steps = [_Sums(none, np.array([0, n])) for n in (first, most)]
        assert np.dtype(_counter(steps, ones)) == dtype


def test_patterns_without_an_edge_have_a_scatter_of_zero():
    empty = Pattern(6, 4, np.empty(0, dtype=np.int32), np.zeros(5, dtype=np.int64))
    found = scatter(
        [empty, full(4, 2)],
        sides(runs(6, 2, 2), runs(4, 2, 2), runs(4, 2, 2), runs(2, 1, 1)),
        sides(runs(6, 1, 1), runs(2, 1, 1))[0],
    )
    assert list(found.vector.values()) == [0, 0, 1, 1, 0, 0]


@pytest.mark.parametrize(
    ("layers", "density"),
    [((4096, 512, 10), 0.01), ((100_000, 10_000), 0.001), ((50_000, 5_000, 1_000), 0.002)],
)
def test_no_size_of_network_takes_a_loop_of_the_interpreter(layers, density):
    """About 5 ms, 0.4 s and 1 s."""
    rng = np.random.default_rng(0)
    patterns = [draw_random(a, b, round(a * b * density), rng) for a, b in itertools.pairwise(layers)]
    windows = [SideWindows(runs(p.n_left, p.n_left // 10, p.n_left // 10), runs(p.n_right, 1, 1)) for p in patterns]
    outer = SideWindows(runs(layers[0], 8, 8), runs(layers[-1], 1, 1))
    scatter(
        [full(4, 4)] * 2, [SideWindows(runs(4, 1, 1), runs(4, 1, 1))] * 2, SideWindows(runs(4, 1, 1), runs(4, 1, 1))
    )  # compiles
    assert 0 < scatter(patterns, windows, outer).minimum <= 1
    assert calls(lambda: scatter(patterns, windows, outer)) < 3_000
