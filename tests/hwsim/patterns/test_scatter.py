"""``hwsim scatter`` and the figures of patterns: published values from a configuration, defaults, refusals, pictures."""

import json
import math
import re

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex

from hwsim.commands import app as cli
from hwsim.configuration import scatter_windows
from hwsim.configuration.config_file import load, parse, value_of
from hwsim.design import Design
from hwsim.patterns import scatter_picture, scatter_report
from hwsim.patterns.figures import PATTERN_FIGURES, pattern_figures
from hwsim.patterns.scatter import scatter
from hwsim.pictures import training
from hwsim.pictures.style import BLUE, RED, panels
from models.connectivity.clash_free import from_seeds
from models.connectivity.files import write_connectivity
from models.data.catalogue import CATALOGUE
from models.data.dataset import padded_positions
from models.errors import InputError
from models.pattern_quality.scatter import Coverage, Scatter
from tests.hwsim.shipped import SHIPPED
from tests.work import calls

MORSE = {
    "network": {"layers": [64, 1024, 64], "out_degree": [128, 8]},
    "connectivity": {"type": 1},
    "hardware": {"z": [8, 8]},
    "data": {"name": "morse"},
}
MORSE_WINDOWS = {
    "left_1": {"size": [8], "stride": [8], "shape": [64]},
    "right_1": {"size": [8]},
    "left_2": {"size": [8]},
    "right_2": {"size": [8], "stride": [8]},
    "network_left": {"size": [1]},
    "network_right": {"size": [1]},
}
IMAGES = {
    "network": {"layers": [1024, 64, 32], "out_degree": [4, 16], "classes": 10},
    "connectivity": {"type": 1},
    "hardware": {"z": [128, 32]},
}
SQUARES = {"shape": [32, 32], "size": [4, 4], "stride": [4, 4]}
IMAGE_WINDOWS = {
    "left_1": SQUARES,
    "right_1": {"size": [16]},
    "left_2": {"size": [16]},
    "right_2": {"size": [8]},
    "network_left": SQUARES,
    "network_right": {"size": [8]},
}


def write(folder, data, windows=None):
    """A configuration file whose pattern has all-zero seeds, as the published values have."""
    layers, z = data["network"]["layers"], data["hardware"]["z"]
    patterns = [
        from_seeds(layers[i], d, layers[i + 1], 1, np.zeros(z[i], dtype=np.int32))
        for i, d in enumerate(data["network"]["out_degree"])
    ]
    write_connectivity(folder / "zeros.npz", patterns)
    path = folder / "design.yaml"
    scatter = {} if windows is None else {"scatter": {"windows": windows}}
    given = data | {"connectivity": data["connectivity"] | {"file": "zeros.npz"}} | scatter
    path.write_text(yaml.safe_dump(given))
    return path


@pytest.fixture
def no_picture(monkeypatch):
    """Pictures take longer than everything else."""
    monkeypatch.setattr(training, "save", lambda *_: None)


def run(path, out, *options):
    assert cli.run(["scatter", str(path), "--out", str(out), "--quiet", *options]) == 0
    return json.loads((out / "scatter.json").read_text())


@pytest.mark.parametrize("windows", [MORSE_WINDOWS, None], ids=["given", "default"])
def test_published_morse_values_from_a_configuration(windows, tmp_path, no_picture):
    """The published windows are also what the default rule gives."""
    found = run(write(tmp_path, MORSE, windows), tmp_path / "out")
    assert list(found["scatter_vector"]["value"].values()) == [0.125, 1, 0.125, 1, 1, 1]
    assert (found["scatter_min"]["value"], found["worst"]["value"]) == (0.125, "1f")


def test_published_image_values_from_a_configuration(tmp_path, no_picture):
    found = run(write(tmp_path, IMAGES, IMAGE_WINDOWS), tmp_path / "out")
    assert list(found["scatter_vector"]["value"].values()) == [0.125, 1, 0.5, 1, 1, 1]


def test_the_file_holds_every_figure_with_unit_and_meaning(tmp_path, no_picture):
    path = write(tmp_path, IMAGES, IMAGE_WINDOWS)
    found = run(path, tmp_path / "out")
    figures = pattern_figures(Design(load(path)))
    for name, value in figures.items():
        known = PATTERN_FIGURES[name]
        assert found[name] == {"value": value, "unit": known.unit, "meaning": known.meaning}
    assert all({"value", "unit", "meaning"} == set(v) for k, v in found.items() if k in PATTERN_FIGURES or k == "windows")
    assert found["configuration_hash"] and found["seed"] == 0
    for name, windows in found["windows"]["value"].items():
        assert np.mean(windows["coverage"]) == pytest.approx(found["scatter_vector"]["value"][name])
    assert found["windows"]["value"]["1f"]["ideal"] == 1 and len(found["windows"]["value"]["1f"]["coverage"]) == 64


def test_what_is_printed_and_that_bytes_repeat(tmp_path, capsys):
    path = next(p for p in SHIPPED if p.stem == "demo")
    assert cli.run(["scatter", str(path), "--out", str(tmp_path / "a"), "--seed", "3"]) == 0
    shown = capsys.readouterr().out
    for expected in ("forward, junction 1", "backward, network", "windows that lack most", "dispersion", "784 of 1,024"):
        assert expected in shown
    run(path, tmp_path / "b", "--set", "seed=3")
    files = ["config.yaml", "scatter.json", "scatter.png"]
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == files
    assert all((tmp_path / "a" / f).read_bytes() == (tmp_path / "b" / f).read_bytes() for f in files)


def test_windows_that_can_do_no_better_do_not_starve_and_places_are_those_of_the_image(capsys):
    path = next(p for p in SHIPPED if p.stem == "demo")
    halves = "{left_1: {size: [2, 2], shape: [28, 28], real: true}, left_2: {size: [1]}, right_2: {size: [3], real: true}}"
    design = Design(load(path, {"scatter.windows": value_of(halves)}))
    found = scatter_report.entries(design, scatter(design))
    entry = {e.name: e for e in found}
    assert [(e.coverage.ideal, e.coverage.attainable) for e in found[:4]] == [(0.25, 0.25), (1, 1), (0.5, 0.5), (1.5, 5 / 6)]
    assert entry["2f"].coverage.value == 0.5 and not any(e.starving for e in found)
    worse = Coverage(0.5, np.array([0.5, 0.24, 0.26, 0.0]))
    starved = entry["2f"]._replace(coverage=worse)
    assert starved.starving == 2 and starved.shares.tolist() == [1, 0.48, 0.52, 0]
    # Window 15 of 14 a row is the second of the second row; its neurons are those of the padded layer.
    assert entry["1f"].place(15) == "rows 2 … 3, columns 2 … 3"
    assert entry["1f"].grid.windows()[15].tolist() == [58, 59, 86, 87]
    assert (entry["2b"].place(1), entry["2f"].place(7)) == ("neurons 3 … 5", "neuron 7")
    assert cli.run(["scatter", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "Windows of layer 0 lie on the 28 × 28 image that these inputs are" in shown
    assert re.search(r"forward, junction 1 .* layer 0 +rows \d+ … \d+, columns \d+ … \d+ ", shown)
    few = ["--set", "data.select.count=480", "--set", "network.layers=[512, 64, 32]"]
    assert cli.run(["scatter", str(path), *few]) == 0
    shown = capsys.readouterr().out
    assert "image" not in shown and "480 of 512 inputs" in shown and "columns" not in shown


def test_a_written_configuration_gives_the_same_figures_and_another_seed_others(tmp_path, no_picture):
    path = next(p for p in SHIPPED if p.stem == "demo")
    first = run(path, tmp_path / "a", "--seed", "3")
    assert run(tmp_path / "a" / "config.yaml", tmp_path / "a") == first
    assert run(path, tmp_path / "b", "--seed", "4")["scatter_min"] != first["scatter_min"]


def test_another_run_is_not_overwritten(tmp_path, capsys, no_picture):
    path = next(p for p in SHIPPED if p.stem == "demo")
    run(path, tmp_path / "a")
    assert cli.run(["scatter", str(path), "--out", str(tmp_path / "a"), "--seed", "3"]) == 2
    assert "holds a run of another configuration" in capsys.readouterr().err


ILLEGAL = [
    ({"windows": {"left_1": {"size": [65]}}}, "scatter.windows.left_1.size[0] = 65: does not fit: ...; nearest: 64"),
    ({"windows": {"left_1": {"size": [0]}}}, "scatter.windows.left_1.size[0] = 0: must be at least 1; nearest: 1"),
    ({"windows": {"left_1": {"size": 8}}}, "scatter.windows.left_1.size = 8: must be a list"),
    ({"windows": {"left_1": {"size": ["8"]}}}, 'scatter.windows.left_1.size[0] = "8": must be a whole number, not text'),
    ({"windows": {"left_1": {"size": []}}}, "scatter.windows.left_1.size = []: must have at least 1 entries"),
    (
        {"windows": {"left_1": {"size": [1] * 4}}},
        "scatter.windows.left_1.size = [1, 1, 1, ...]: must have at most 3 entries",
    ),
    ({"windows": {"left_1": {}}}, "scatter.windows.left_1.size: is missing"),
    ({"windows": {"left_1": 8}}, "scatter.windows.left_1 = 8: must be a section with keys"),
    (
        {"windows": {"left_1": {"size": [8], "stride": [0]}}},
        "scatter.windows.left_1.stride[0] = 0: must be at least 1; ...1",
    ),
    ({"windows": {"left_1": {"size": [8], "step": [8]}}}, "scatter.windows.left_1.step: is an unknown key..."),
    ({"windows": {"left_1": {"size": [2, 2]}}}, "scatter.windows.left_1.size = [2, 2]: must have as many entries as ..."),
    (
        {"windows": {"left_1": {"size": [2, 2], "shape": [8, 9]}}},
        "scatter.windows.left_1.shape = [8, 9]: has 72 neurons, more than the 64 neurons of layer 0; nearest: [64]",
    ),
    (
        {"windows": {"right_2": {"size": [1], "shape": [64], "real": True}}},
        "scatter.windows.right_2.shape = [64]: has 64 neurons, more than the 40 real neurons of layer 2; nearest: [40]",
    ),
    ({"windows": {"left_3": {"size": [1]}}}, "scatter.windows.left_3: is no layer of a junction: ...; nearest: left_2, ..."),
    ({"windows": {"netwrk_left": {"size": [1]}}}, "scatter.windows.netwrk_left: is no layer...; nearest: network_left..."),
    ({"inputs": 65}, "scatter.inputs = 65: must not exceed N_0 = 64; nearest: 64"),
    ({"inputs": 0}, "scatter.inputs = 0: must be at least 1; nearest: 1"),
    ({"window": {}}, "scatter.window: is an unknown key; nearest: windows"),
]


@pytest.mark.parametrize(("section", "answer"), ILLEGAL, ids=[a.split(":")[0] for _, a in ILLEGAL])
def test_bad_windows_are_told_in_one_line(section, answer):
    data = MORSE | {"network": MORSE["network"] | {"classes": 40}, "scatter": section}
    with pytest.raises(InputError) as caught:
        parse(data)
    start, *rest = answer.split("...")
    assert str(caught.value).startswith(start) and all(part in str(caught.value) for part in rest), str(caught.value)


@given(st.integers(1, 300), st.floats(1e-4, 1))
def test_default_windows_are_the_smallest_that_can_be_covered(neurons, density):
    shape, size = scatter_windows.default_grid(neurons, None, density)
    fit = [s for s in range(1, neurons + 1) if neurons % s == 0 and s * density >= 1 - 1e-9]
    assert (shape, size) == ((neurons,), (min(fit, default=neurons),))


@pytest.mark.parametrize(
    ("image", "density", "size"),
    [
        ((28, 28), 1.0, (1, 1)),
        ((28, 28), 0.3, (2, 2)),
        ((28, 28), 1 / 16, (4, 4)),
        ((28, 28), 1e-6, (28, 28)),
        ((32, 32, 3), 0.1, (2, 2, 3)),
        ((6, 9), 1e-3, (3, 3)),
        ((7, 7, 40), 5 / 490, (7, 7, 2)),
        ((4, 4, 256), 1 / 16, (1, 1, 16)),
        ((4, 4, 256), 1 / 512, (2, 2, 128)),
    ],
)
def test_default_windows_of_images_are_squares_through_channels(image, density, size):
    assert scatter_windows.default_grid(math.prod(image), image, density) == (image, size)


@pytest.mark.parametrize("style", ["end", "spread"])
def test_default_windows_skip_padding_wherever_it_is(style):
    config = parse(IMAGES | {"data": {"pad": style, "pad_outputs": style}})
    sides, network = scatter_windows.windows(config)
    inputs, outputs = padded_positions(784, 1024, style), padded_positions(10, 32, style)
    assert sides[0].left[0].tolist() == inputs.reshape(28, 28)[:4, :4].ravel().tolist()
    assert sorted(sides[0].left.ravel()) == inputs.tolist()
    assert sorted(network.right.ravel()) == sorted(sides[1].right.ravel()) == outputs.tolist()
    windows = {"left_1": {"shape": [28, 28], "size": [4, 4], "real": True}}
    given = parse(IMAGES | {"data": {"pad": style, "pad_outputs": style}, "scatter": {"windows": windows}})
    assert scatter_windows.windows(given)[0][0].left.tolist() == sides[0].left.tolist()


@pytest.mark.parametrize(
    ("data", "inputs", "expected"),
    [
        ({"name": "mnist"}, None, (784, (28, 28))),
        ({"name": "mnist"}, 784, (784, (28, 28))),
        ({"name": "mnist"}, 700, (700, None)),
        ({"name": "cifar10"}, None, (1024, None)),  # does not fit
        ({"name": "morse"}, None, (64, None)),
        ({"name": "morse", "morse": {"family": 4}}, None, (256, None)),
        ({"name": "mine.npz"}, None, (1024, None)),
        ({"name": "mine.npz"}, 900, (900, None)),
    ],
)
def test_real_inputs_are_known_without_loading_data(data, inputs, expected):
    assert scatter_windows.real_inputs(parse(IMAGES | {"data": data, "scatter": {"inputs": inputs}})) == expected
    if data["name"] in CATALOGUE and "morse" not in data:
        assert CATALOGUE[data["name"]].features in (784, 3072, 64)


def test_the_features_of_a_front_end_are_a_map_without_padding():
    data = {
        "network": {"layers": [1960, 490, 10], "out_degree": [5, 5]},
        "hardware": {"z": [140, 35]},
        "data": {"name": "mnist"},
    }
    made = parse(data | {"frontend": {"network": "small"}, "training": {"engine": "float"}})
    assert scatter_windows.real_inputs(made) == (1960, (7, 7, 40))
    assert scatter_windows.grids(made)["left_1"].size == (7, 7, 2)
    assert scatter_windows.real_inputs(parse(data)) == (784, (28, 28))


KINDS = {
    "images": IMAGES,
    "morse": MORSE,
    "channels": {
        "network": {"layers": [3072, 16, 4], "out_degree": [1, 2]},
        "hardware": {"z": [192, 4]},
        "data": {"name": "cifar10"},
    },
    "one junction": {"network": {"layers": [40, 20], "out_degree": [3]}, "hardware": {"z": [10]}},
    "single neurons": {"network": {"layers": [1, 1], "out_degree": "full"}, "hardware": {"z": [1]}},
    "random": {"network": {"layers": [60, 30, 7], "density": [0.02, 0.1]}, "connectivity": {"kind": "random"}},
    "ten junctions": {"network": {"layers": [12] * 11, "out_degree": [2] * 10}, "connectivity": {"kind": "structured"}},
    "full": {"network": {"layers": [12, 9, 5]}, "connectivity": {"kind": "full"}},
}


@pytest.mark.parametrize("kind", KINDS)
def test_figures_of_every_kind_of_pattern(kind):
    design = Design(parse(KINDS[kind]))
    figures, junctions = pattern_figures(design), min(len(design.patterns), 8)
    vector = scatter(design).vector
    expected = {
        n for n in PATTERN_FIGURES if not n.startswith("scatter_") or n in ("scatter_min", "scatter_net_f", "scatter_net_b")
    }
    assert set(figures) == expected | {f"scatter_{i}{d}" for i in range(1, junctions + 1) for d in "fb"}
    assert figures["scatter_min"] == min(vector.values())
    assert all(figures[f"scatter_{name}"] == value for name, value in vector.items() if f"scatter_{name}" in figures)
    assert all(type(v) in (int, float) and math.isfinite(v) for v in figures.values())
    assert pattern_figures(Design(parse(KINDS[kind]))) == figures
    if kind == "full":
        assert figures["scatter_min"] == figures["path_diversity"] == 1


def test_figures_of_a_random_pattern_show_what_it_lacks():
    figures = pattern_figures(Design(parse(KINDS["random"])))
    assert figures["unconnected_left"] > 0 and figures["unconnected_right"] > 0
    assert figures["out_degree_least"] == figures["in_degree_least"] == 0 < figures["degree_variation"]
    assert figures["cut_off"] >= figures["unconnected_left"] and figures["path_diversity"] < 0.5


def test_figures_take_milliseconds():
    """About 10 on one core, as few calls."""
    design = Design(parse(IMAGES | {"connectivity": {"type": 2}}))
    pattern_figures(design)
    assert calls(lambda: pattern_figures(design)) < 10_000


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_show_every_entry_and_cut_nothing_off(kind):
    design = Design(parse({"name": "n" * (200 if kind == "random" else 5)} | KINDS[kind]))
    fig = scatter_picture.scatter(design, scatter(design))
    fig.canvas.draw()
    shown = [ax for ax in fig.axes if ax.get_title()]
    assert len(shown) == 2 * min(len(design.patterns) + 1, 5)
    width, height = fig.canvas.get_width_height()
    for text in [t for ax in shown for t in (ax.title, ax.xaxis.label, ax.yaxis.label)] + [fig._suptitle]:
        box = text.get_window_extent()
        assert 0 <= box.x0 <= box.x1 <= width and 0 <= box.y0 <= box.y1 <= height, text.get_text()
    titles = [ax.title.get_window_extent() for ax in shown]
    assert not any(a.overlaps(b) for i, a in enumerate(titles) for b in titles[:i])


def test_pictures_of_images_show_windows_where_they_lie():
    """7 x 7 windows of 4 x 4 pixels, in the coordinates of the image."""
    design = Design(parse(IMAGES))
    found = scatter(design)
    panel = scatter_picture.scatter(design, found).axes[0]
    drawn = panel.collections[0].get_array()
    assert drawn.shape == (7, 7)
    assert drawn.ravel().tolist() == found.coverage["1f"].by_window.tolist()
    assert panel.get_xlim() == (0, 28) and panel.get_ylim() == (28, 0)


def test_pictures_draw_what_is_attainable_and_judge_by_it():
    """With an ideal of half an edge half is all there is: nothing is red there, and maps are of shares of the attainable."""
    path = next(p for p in SHIPPED if p.stem == "demo")
    halves = "{left_1: {size: [2, 2], shape: [28, 28], real: true}, left_2: {size: [1]}}"
    design = Design(load(path, {"scatter.windows": value_of(halves)}))
    found = scatter(design)
    panels = {ax.get_title().split(":")[0]: ax for ax in scatter_picture.scatter(design, found).axes if ax.get_title()}
    shares = found.coverage["1f"].by_window / 0.25
    assert np.array_equal(panels["forward, junction 1"].collections[0].get_array().ravel(), shares) and shares.max() > 0.9

    def drawn(panel):
        heights = {to_hex(patch.get_facecolor()): patch.get_data().values for patch in panel.patches}
        lines = [line.get_ydata()[0] for line in panel.lines]
        return heights[to_hex(BLUE)], heights[to_hex(RED)], lines

    blue, red, lines = drawn(panels["forward, junction 2"])
    assert blue.tolist() == [0.5] * 64 and not red.any() and lines[1] == 0.5
    worse = {**found.coverage, "2f": Coverage(0.5, np.array([0.24, 0.26] * 32))}
    fig = scatter_picture.scatter(design, Scatter(worse))
    blue, red, lines = drawn(next(ax for ax in fig.axes if ax.get_title().startswith("forward, junction 2")))
    assert blue.tolist() == [0, 0.26] * 32 and red.tolist() == [0.24, 0] * 32 and lines == [0.25, 0.5]


def test_the_house_style_has_as_many_panels_in_a_row_as_wanted():
    assert len(panels(4, per_row=2)[1]) == 4
