"""``data.select``: what it refuses, where it comes in, and which samples tell it."""

import numpy as np
import pytest

from hwsim.commands import app as cli
from hwsim.configuration import data_fit, scatter_windows
from hwsim.configuration.config_file import as_yaml, hardware_fingerprint, load, parse, value_of
from hwsim.design import Design
from models.data import catalogue
from models.data.pooling import pool
from models.data.selection import in_blocks
from models.errors import InputError
from tests.hwsim import runs
from tests.hwsim.frontends import small_frontends

DIGITS = {
    "network": {"layers": [64, 32, 16], "out_degree": [16, 16], "classes": 10},
    "hardware": {"z": [32, 32]},
    "data": {"name": "mnist-mini", "select": {"count": 60}},
}


def digits(**data):
    return parse(DIGITS | {"data": DIGITS["data"] | data})


REFUSED = [
    ("{}", "data.select.count: is missing: give count or inputs"),
    ("{count: 0}", "data.select.count = 0: must be at least 1; nearest: 1"),
    ("{count: 1.5}", "data.select.count = 1.5: must be a whole number"),
    ("{count: 4, inputs: [1]}", "data.select.count = 4: must be left out where inputs are given"),
    ("{count: 4, by: sum}", 'data.select.by = "sum": must be mean or variance; nearest: mean, variance'),
    ("{inputs: []}", "data.select.inputs = []: must have at least 1 entries"),
    ("{inputs: [5, 3, 5]}", "data.select.inputs[2] = 5: is there twice"),
    ("{inputs: [5, -1]}", "data.select.inputs[1] = -1: must be at least 0; nearest: 0"),
    ("{inputs: [true]}", "data.select.inputs[0] = true: must be a whole number"),
    ("{inputs: [5, 784]}", "data.select.inputs[1] = 784: must be an input of mnist-mini: 0..783; nearest: 783"),
    ("{count: 785}", "data.select.count = 785: exceeds the 784 inputs of mnist-mini; nearest: 784"),
    ("{count: 65}", "network.layers[0] = 64: has fewer neurons than the 65 inputs that data.select keeps; nearest: 65"),
    ("{count: 4, order: z}", 'data.select.order = "z": must be rows or blocks; nearest: rows, blocks'),
    ("{cuont: 65}", "data.select.cuont: is an unknown key; nearest: count"),
    ("480", "data.select = 480: must be a section with keys"),
]


@pytest.mark.parametrize(("select", "line"), REFUSED, ids=[select for select, _ in REFUSED])
def test_what_cannot_be_selected_is_refused_in_one_line(select, line):
    with pytest.raises(InputError) as error:
        data_fit.check(digits(select=value_of(select)))
    assert str(error.value) == line


def test_pooling_comes_first():
    config = digits(pool=4, select={"count": 20, "by": "variance"})
    data = Design(config).dataset()
    pooled = pool(catalogue.load("mnist-mini", None, 0), 4)
    varied = np.argsort(-pooled.train.inputs.var(axis=0, dtype=np.float64), kind="stable")[:20]
    assert data.selected.tolist() == sorted(varied.tolist())
    for split in ("train", "test"):
        inputs = getattr(data, split).inputs
        assert inputs[:, :20].tolist() == getattr(pooled, split).inputs[:, data.selected].tolist()
        assert not inputs[:, 20:].any()
    with pytest.raises(InputError, match=r"data.select.count = 50: exceeds the 49 inputs of mnist-mini; nearest: 49"):
        data_fit.check(digits(pool=4, select={"count": 50}))
    spread = Design(digits(pool=4, pad="spread", select={"count": 20, "by": "variance"})).dataset()
    assert spread.test.inputs[:, [0, 3, 6, 9, 12, 16]].tolist() == data.test.inputs[:, :6].tolist()


def test_all_samples_to_train_on_tell_it_and_no_other(tmp_path):
    """Neither those that are held out, nor those of the test, nor how many an epoch has."""
    rng = np.random.default_rng(2)
    train, test = rng.integers(0, 99, (2, 40, 16)).astype(np.uint8)
    train[:30, 3] = 255  # the brightest of the training samples,
    train[30:, 9] = 255  # of those held out,
    test[:, 12] = 255  # and of the test
    labels = np.arange(40) % 4
    np.savez(tmp_path / "mine.npz", train_inputs=train, train_labels=labels, test_inputs=test, test_labels=labels)
    data = {"name": str(tmp_path / "mine.npz"), "validation": 10, "select": {"count": 1}}
    config = parse(runs.FIXED | {"data": data})
    assert Design(config).dataset().selected.tolist() == [3]
    assert Design(config).dataset().validation.inputs[:, 0].tolist() == train[30:, 3].tolist()
    train[:3, 5], train[:3, 3] = 255, 0  # the brightest of the first three only
    np.savez(tmp_path / "mine.npz", train_inputs=train, train_labels=labels, test_inputs=test, test_labels=labels)
    for samples in (3, 30):
        config = parse(runs.FIXED | {"data": data, "training": runs.FIXED["training"] | {"samples": samples}})
        assert Design(config).dataset().selected.tolist() == [3]


def test_a_list_is_taken_in_its_order_and_written_as_it_is(tmp_path):
    config = digits(select={"inputs": [400, 399, 40]})
    data = Design(config).dataset()
    full = catalogue.load("mnist-mini", None, 0)
    assert data.train.inputs[:, :3].tolist() == full.train.inputs[:, [400, 399, 40]].tolist()
    (tmp_path / "again.yaml").write_text(as_yaml(config))
    assert load(tmp_path / "again.yaml") == config
    assert not config.notes()
    noted = digits(select={"inputs": [1], "by": "variance", "order": "blocks"}).notes()
    assert noted == [f"data.select.{key} has no effect on a list of inputs" for key in ("by", "order")]


def test_blocks_are_those_of_the_image_and_need_one(tmp_path):
    rows, blocks = (Design(digits(pool=4, select={"count": 20, "order": o})).dataset().selected for o in ("rows", "blocks"))
    assert blocks.tolist() == in_blocks(rows, (7, 7)).tolist() != rows.tolist() == sorted(blocks)
    runs.write_samples(tmp_path / "plain.npz")
    data = {"name": str(tmp_path / "plain.npz"), "select": {"count": 5, "order": "blocks"}}
    line = "data.select.order = blocks: is that of pixels, and plain has no images; nearest: rows"
    for refused in (data_fit.check, lambda config: Design(config).dataset()):
        with pytest.raises(InputError) as error:
            refused(parse(runs.FIXED | {"data": data}))
        assert str(error.value) == line


def test_it_changes_no_circuit():
    assert (
        hardware_fingerprint(digits()) == hardware_fingerprint(digits(select=None)) == hardware_fingerprint(digits(pool=4))
    )


def test_windows_lie_on_the_inputs_that_are_kept():
    assert scatter_windows.real_inputs(digits()) == (60, None)
    assert scatter_windows.real_inputs(digits(name="elsewhere.npz")) == (60, None)
    grid = scatter_windows.grids(digits())["left_1"]
    assert grid.shape == (60,) and len(grid.size) == 1
    windows = {"scatter": {"windows": {"left_1": {"size": [2, 2], "shape": [6, 10]}}}}
    with pytest.raises(InputError) as error:
        parse(DIGITS | windows)
    assert str(error.value) == (
        "scatter.windows.left_1.shape = [6, 10]: must have one direction: the inputs that data.select keeps are no image, "
        "and stand in one row; nearest: [64]"
    )
    block = [28 * row + column for row in range(6) for column in range(10)]  # whoever cuts out a block knows its shape
    cut = parse(DIGITS | windows | {"data": {"name": "mnist-mini", "select": {"inputs": block}}})
    assert scatter_windows.grids(cut)["left_1"].shape == (6, 10)


def test_a_front_end_needs_its_images(tmp_path, capsys):
    config = small_frontends.write_config(tmp_path)
    assert cli.run(["check", str(config), "--set", "data.select.count=5"]) == 2
    assert capsys.readouterr().err == "hwsim: data.select: must be left out: it tears up the images that a front end needs\n"
