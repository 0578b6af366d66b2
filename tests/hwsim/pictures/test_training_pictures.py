"""Pictures: made for every kind of run, the same bytes each time, nothing cut off, and true to the edge."""

import itertools

import numpy as np
import pytest

from hwsim.configuration.config_file import parse
from hwsim.design import Design
from hwsim.pictures import training
from hwsim.pictures.connectivity import _block, connectivity
from hwsim.results.directory import RunDirectory
from hwsim.training.outcome import Epoch, Outcome

FLOAT = {"engine": "float", "order": "sequential"}
KINDS = {
    "fixed": {"network": {"layers": [32, 16, 4], "out_degree": [4, 2]}, "hardware": {"z": [8, 4]}},
    "few bits": {
        "network": {"layers": [32, 16, 4], "out_degree": [4, 2]},
        "hardware": {"z": [8, 4]},
        "numbers": {"width": 4, "fraction": 1},
        "connectivity": {"type": 3, "dither": True},
    },
    "one junction": {"network": {"layers": [64, 64], "out_degree": [8]}, "hardware": {"z": [8]}},
    "seven junctions": {"network": {"layers": [8] * 8, "out_degree": [2] * 7}, "hardware": {"z": [8] * 7}},
    "float": {
        "network": {"layers": [200, 40, 10], "out_degree": "full", "activation": ["relu", "softmax"]},
        "connectivity": {"kind": "full"},
        "training": FLOAT | {"learning_rate": 0.1},
    },
    "random": {
        "network": {"layers": [300, 40, 10], "density": [0.013, 1]},
        "connectivity": {"kind": "random"},
        "training": FLOAT | {"rate_shift": [[i, min(i, 31)] for i in range(40)]},
    },
    "large": {"network": {"layers": [4000, 1000, 10], "density": [0.01, 0.5]}, "connectivity": {"kind": "structured"}},
    "single neurons": {"network": {"layers": [1, 1], "out_degree": "full"}, "hardware": {"z": [1]}},
    "long name": {
        "name": "n" * 200,
        "network": {"layers": [999] * 9, "density": [1 / 999] * 8},
        "connectivity": {"kind": "structured"},
    },
}


def design(kind):
    return Design(parse({"name": "picture"} | KINDS[kind]))


def history(d, epochs):
    names = ("preactivation", "delta", "weight", "bias") if d.config.training.engine == "fixed" else ()
    saturated = {s: [1234567] * len(d.patterns) for s in names}
    return [Epoch(e, 100, min(50 + e, 100), 230 / (e + 1), 0.5, 1.0, 0.4, 1.1, saturated) for e in range(epochs)]


def trained(d):
    """Parameters as after some training: some weights are at the limits."""
    final = d.initial.copy()
    for w in final.weights:
        w[:] = w * 3
        if d.config.training.engine == "fixed":
            legal = d.config.numbers.system.weight
            w[:] = np.clip(w, legal.lowest, legal.highest)
            w[0], w[-1] = legal.lowest, legal.highest
    return final


def visible_texts(fig):
    """Everything written in a figure with its place in pixels."""
    fig.draw_without_rendering()
    renderer = fig.canvas.get_renderer()
    texts = [fig._suptitle] + [t for legend in fig.legends for t in legend.get_texts()]
    for ax in fig.axes:
        texts += [ax.title, ax.xaxis.label, ax.yaxis.label, *ax.texts]
        for axis in (ax.xaxis, ax.yaxis):
            low, high = sorted(axis.get_view_interval())
            texts += [t.label1 for t in axis.get_major_ticks() if low <= t.get_loc() <= high]
            texts += [t.label2 for t in axis.get_major_ticks() if low <= t.get_loc() <= high]
    return [(t.get_text(), t.get_window_extent(renderer)) for t in texts if t.get_text() and t.get_visible()]


def check_layout(fig):
    """Nothing is cut off at the border, and no two texts overlap."""
    texts = visible_texts(fig)
    assert len(texts) > 5
    for text, box in texts:
        assert fig.bbox.x0 <= box.x0 and box.x1 <= fig.bbox.x1 and fig.bbox.y0 <= box.y0 and box.y1 <= fig.bbox.y1, text
    for (one, a), (other, b) in itertools.combinations(texts, 2):
        shared_width, shared_height = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        assert shared_width < 2 or shared_height < 2, (one, other)


QUICK = ("few bits", "random")


@pytest.mark.parametrize("kind", [k if k in QUICK else pytest.param(k, marks=pytest.mark.slow) for k in KINDS])
def test_pictures_of_connectivity_and_weights_can_be_read(kind):
    d = design(kind)
    check_layout(connectivity(d))
    check_layout(training.weights(d, trained(d), history(d, 1)))
    check_layout(training.weights(d, d.initial, []))


@pytest.mark.parametrize(("kind", "epochs"), [("fixed", 1), ("random", 30), ("long name", 2), ("fixed", 1000)])
def test_pictures_of_training_can_be_read(kind, epochs):
    d = design(kind)
    check_layout(training.training(d, history(d, epochs)))


@pytest.mark.parametrize("kind", ["fixed", pytest.param("float", marks=pytest.mark.slow)])
def test_pictures_are_the_same_bytes_each_time(kind, tmp_path):
    d = design(kind)
    written = []
    for name in ("one", "two"):
        directory = RunDirectory(tmp_path / name, d.config)
        with directory.locked():
            directory.write_config()
            names = training.all_of_training(Outcome(d, history(d, 3), True, 1.0, 300, trained(d)), directory)
        assert names == ["connectivity.png", "training.png", "weights.png"]
        written.append([(directory / n).read_bytes() for n in names])
    assert written[0] == written[1]
    assert all(content.startswith(b"\x89PNG") for content in written[0])


def mesh(ax):
    """The cells of a connectivity picture, [rows, columns], and the pixels of the smallest."""
    cells = ax.collections[0]
    corners = ax.transData.transform(np.asarray(cells.get_coordinates()).reshape(-1, 2)).reshape(
        cells.get_coordinates().shape
    )
    sides = np.abs(np.diff(corners[:, :, 0], axis=1)).min(), np.abs(np.diff(corners[:, :, 1], axis=0)).min()
    return np.asarray(cells.get_array()).reshape(np.array(corners.shape[:2]) - 1), min(sides)


@pytest.mark.parametrize("kind", ["fixed", "seven junctions", "one junction", "single neurons"])
def test_small_patterns_are_drawn_edge_by_edge(kind):
    d = design(kind)
    fig = connectivity(d)
    fig.draw_without_rendering()
    for ax, p in zip(fig.axes, d.patterns, strict=False):
        drawn, pixels = mesh(ax)
        there = np.zeros((p.n_right, p.n_left))
        there[p.right, p.left] = 1
        assert (drawn == there).all() and pixels > 3


@pytest.mark.parametrize("kind", ["large", "random", "float"])
def test_large_patterns_are_drawn_as_shares_that_account_for_every_edge(kind):
    d = design(kind)
    fig = connectivity(d)
    fig.draw_without_rendering()
    p, (drawn, pixels) = d.patterns[0], mesh(fig.axes[0])
    across, down = _block(p.n_left), _block(p.n_right)
    there = np.zeros((p.n_right, p.n_left))
    there[p.right, p.left] = 1
    by_hand = [
        [there[y : y + down, x : x + across].mean() for x in range(0, p.n_left, across)] for y in range(0, p.n_right, down)
    ]
    assert np.allclose(drawn, by_hand) and pixels > 2.5


def test_every_weight_is_in_a_bin_and_bins_hold_equally_many_representable_values():
    d = design("few bits")
    legal = d.config.numbers.system.weight
    for values in (np.arange(legal.lowest, legal.highest + 1) / legal.one, np.array([0.5]), np.array([-4.0]), np.zeros(0)):
        edges = np.array(training._bin_edges(values, legal))
        assert np.histogram(values, edges)[0].sum() == values.size
        scaled = edges * legal.one
        assert (scaled % 1 == 0.5).all() and len(set(np.diff(scaled))) == 1


def test_weights_that_are_no_numbers_are_counted_and_left_out():
    d = design("float")
    final = d.initial.copy()
    final.weights[0][:7] = np.nan
    final.weights[0][7:9] = np.inf
    fig = training.weights(d, final, history(d, 1))
    assert "9 weights are no finite numbers" in fig.axes[0].get_title()
    final.weights[0][:] = np.nan
    training.weights(d, final, history(d, 1)).draw_without_rendering()


def test_losses_that_are_no_numbers_leave_a_gap():
    d = design("float")
    epochs = history(d, 5)
    epochs[3].loss_sum, epochs[4].test_loss = float("nan"), float("inf")
    training.training(d, epochs).draw_without_rendering()


def test_learning_rates_are_marked_where_they_change():
    d = Design(parse(KINDS["fixed"] | {"training": {"rate_shift": [[0, 3], [2, 4], [8, 5], [20, 6]]}}))
    left = training.training(d, history(d, 10)).axes[0]
    marks = {line.get_xdata()[0] for line in left.lines if len(set(line.get_xdata())) == 1}
    assert marks == {2.5, 8.5}  # between the last epoch at the old rate and the first at the new
    assert [t.get_text().strip() for t in left.texts] == ["$\\eta = 2^{-3}$", "$2^{-4}$", "$2^{-5}$"]
    assert not training.training(design("float"), history(design("float"), 10)).axes[0].texts  # trained at a fixed rate
