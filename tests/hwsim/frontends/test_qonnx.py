"""Quantised weights: QONNX's quantisers and ONNX's integers stand for numbers, which the formats of a design must hold."""

import numpy as np
import pytest

from hwsim.commands import app as cli
from hwsim.frontends import model_file
from hwsim.frontends.matrices import junctions
from hwsim.results.stored import read_run
from tests.hwsim.frontends.small_models import arrays, model, node
from tests.hwsim.runs import write_samples

LAYERS = arrays()
X = np.array([5.5, 2.5, 1.6, 1.1, 1.0, -1.0, -1.1, -1.6, -2.5, -5.5], np.float32)
ROUNDINGS = {
    "ROUND": [6, 2, 2, 1, 1, -1, -1, -2, -2, -6],
    "HALF_EVEN": [6, 2, 2, 1, 1, -1, -1, -2, -2, -6],
    "CEIL": [6, 3, 2, 2, 1, -1, -1, -1, -2, -5],
    "FLOOR": [5, 2, 1, 1, 1, -1, -2, -2, -3, -6],
    "UP": [6, 3, 2, 2, 1, -1, -2, -2, -3, -6],
    "DOWN": [5, 2, 1, 1, 1, -1, -1, -1, -2, -5],
    "HALF_UP": [6, 3, 2, 1, 1, -1, -1, -2, -3, -6],
    "HALF_DOWN": [5, 2, 2, 1, 1, -1, -1, -2, -2, -5],
}
"""The table in the description of the operator."""


def weights_of(path, *nodes, **constants):
    """What a first layer has whose weights come from ``nodes``."""
    gemm = node("Gemm", ["x", nodes[-1].output[0]], "fc", transB=1)
    model([*nodes, gemm], constants, path, shape=("batch", "inputs"), domains=("", "qonnx.custom_op.general"))
    return model_file.read(path).layers[0].weight


def quant(x="w", scale="s", zero="z", bits="b", **more):
    return node("Quant", [x, scale, zero, bits], "q", domain="qonnx.custom_op.general", **more)


@pytest.mark.parametrize("mode", ROUNDINGS)
def test_every_rounding_is_the_operators(mode, tmp_path):
    constants = {"w": np.tile(X, (2, 1)), "s": np.float32(1), "z": np.float32(0), "b": np.float32(8)}
    found = weights_of(tmp_path / "n.onnx", quant(rounding_mode=mode.lower()), **constants)
    assert found.tolist() == [ROUNDINGS[mode]] * 2


@pytest.mark.parametrize(
    ("more", "limits"),
    [({}, (-8, 7)), ({"narrow": 1}, (-7, 7)), ({"signed": 0}, (0, 15)), ({"signed": 0, "narrow": 1}, (0, 14))],
)
def test_ranges_are_the_operators(more, limits, tmp_path):
    constants = {"w": np.float32([[-100, 100, 0.26]]), "s": np.float32([[0.5]]), "z": np.float32(0), "b": np.float32(4)}
    found = weights_of(tmp_path / "n.onnx", quant(**more), **constants)
    assert found.tolist() == [[limits[0] * 0.5, limits[1] * 0.5, 0.5]]


def test_steps_by_neuron_and_zero_points(tmp_path):
    w = np.arange(12, dtype=np.float32).reshape(3, 4) / 4
    s = np.float32([[0.25], [0.5], [1]])
    found = weights_of(tmp_path / "n.onnx", quant(), w=w, s=s, z=np.float32(2), b=np.float32(8))
    assert found.tolist() == (np.round(w / s) * s).tolist()
    integers = np.arange(-6, 6, dtype=np.int8).reshape(3, 4)
    node_ = node("DequantizeLinear", ["w", "s", "z"], "d", axis=0)
    found = weights_of(tmp_path / "n.onnx", node_, w=integers, s=s.reshape(-1), z=np.full(3, 2, np.int8))
    assert found.tolist() == ((integers - 2.0) * s).tolist()
    found = weights_of(
        tmp_path / "n.onnx", node("BipolarQuant", ["w", "s"], "b", domain="onnx.brevitas"), w=w - 1, s=np.float32(0.5)
    )
    assert np.array_equal(found, np.where(w >= 1, 0.5, -0.5))


def test_division_is_that_of_single_precision(tmp_path):
    """0.15 / 0.1 is 1.5 there, and the even neighbour of it is 2; in double precision it is a little above or below."""
    w = np.float32([[0.15, 0.25, 0.35]])
    found = weights_of(tmp_path / "n.onnx", quant(), w=w, s=np.float32(0.1), z=np.float32(0), b=np.float32(8))
    assert np.array_equal(found, np.round(w / np.float32(0.1)).astype(np.float64) * np.float64(np.float32(0.1)))


BASE = {"w": np.ones((4, 16), np.float32), "s": np.float32(0.5), "z": np.float32(0), "b": np.float32(8)}


@pytest.mark.parametrize(
    ("nodes", "changes", "answer"),
    [
        ([quant()], {"b": np.float32(0)}, "q (Quant): must have one bit width, a whole number in 1..32"),
        ([quant()], {"b": np.float32(2.5)}, "q (Quant): must have one bit width"),
        ([quant()], {"b": np.float32([2, 3])}, "q (Quant): must have one bit width"),
        ([quant()], {"s": np.float32(0)}, "q (Quant): must have a positive step"),
        ([quant()], {"s": np.ones((5, 4, 16), np.float32)}, "q (Quant): must have a positive step"),
        ([quant()], {"s": np.ones(3, np.float32)}, "q (Quant): does not fit its inputs"),
        ([quant(rounding_mode="STOCHASTIC")], {}, "q (Quant): rounds by STOCHASTIC: must be ROUND, HALF_EVEN"),
        ([quant(bits="x")], {}, "q (Quant): takes the signals where a constant must be"),
        ([node("Quant", ["w"], "q", domain="qonnx.custom_op.general")], {}, "q (Quant): lacks inputs"),
        (
            [node("DequantizeLinear", ["w", "s"], "d", axis=7)],
            {"s": np.ones(4, np.float32)},
            "d (DequantizeLinear): does not fit",
        ),
        ([node("DequantizeLinear", ["w", "s"], "d", block_size=2)], {}, "d (DequantizeLinear): has a step for every block"),
        ([node("Where", ["m", "w", "s"], "v")], {"m": np.ones((4, 16), bool)}, "v (Where): must choose between weights"),
    ],
)
def test_quantisers_that_say_nothing_clear_are_refused(nodes, changes, answer, tmp_path, capsys):
    path = tmp_path / "n.onnx"
    gemm = node("Gemm", ["x", nodes[-1].output[0]], "fc", transB=1)
    model([*nodes, gemm], BASE | changes, path, domains=("", "qonnx.custom_op.general"))
    assert cli.run(["import-model", str(path), "--out", str(tmp_path / "o")]) == 2
    err = capsys.readouterr().err
    assert answer in err and err.count("\n") == 1


def test_a_mask_tells_of_edges_as_long_as_the_weights_elsewhere_are_0(tmp_path):
    w, mask = np.ones((4, 16), np.float32), np.indices((4, 16)).sum(axis=0) % 2 == 0
    chosen = node("Where", ["m", "w", "none"], "chosen")
    constants = {"w": w, "m": mask, "none": np.float32(0)}
    path = tmp_path / "n.onnx"
    for last, wanted in ((node("Mul", ["chosen", "w"], "d"), mask), (node("Add", ["chosen", "w"], "d"), None)):
        model([chosen, last, node("Gemm", ["x", "d"], "fc", transB=1)], constants, path)
        found = model_file.read(path).layers[0].mask
        assert found is None if wanted is None else np.array_equal(found, wanted)


def quantised(path, bits, step):
    """The small network as Brevitas exports it: quantisers in front of weights and behind activations."""
    constants = {"s": np.float32(step), "z": np.float32(0), "b": np.float32(bits), "sa": np.float32(1 / 16)}
    nodes, at = [], "x"
    for i, (weight, bias) in enumerate(LAYERS, 1):
        constants |= {f"w{i}": weight, f"c{i}": np.round(bias * 16) / 16}
        nodes.append(node("Quant", [f"w{i}", "s", "z", "b"], f"q{i}", domain="qonnx.custom_op.general"))
        nodes.append(node("Gemm", [at, f"q{i}", f"c{i}"], f"fc{i}", transB=1))
        nodes.append(node("Relu", [f"fc{i}"], f"r{i}"))
        nodes.append(node("Quant", [f"r{i}", "sa", "z", "b"], f"a{i}", domain="qonnx.custom_op.general", signed=0))
        at = f"a{i}"
    model(nodes, constants, path, domains=("", "qonnx.custom_op.general"))
    return path


def brought(path, *options):
    write_samples(path.parent / "samples.npz")
    data = ("--set", f"data.name={path.parent / 'samples.npz'}")
    return cli.run(["import-model", str(path), "--out", str(path.parent / "out"), "--force", *data, *options])


def test_weights_keep_their_integers(tmp_path, capsys):
    path = quantised(tmp_path / "net.onnx", 6, 2**-4)
    assert brought(path, "--set", "numbers.width=12", "--set", "numbers.fraction=8") == 0
    assert "quantisers of signals left out, as hwsim's own formats stand in their place: a1, a2" in capsys.readouterr().out
    stored = read_run(tmp_path / "out")
    for junction, (weight, bias) in zip(junctions(stored.config, stored.patterns, stored.initial), LAYERS, strict=True):
        six = np.clip(np.round(weight.astype(np.float64) * 16), -32, 31).astype(int)
        assert np.array_equal(junction.weight, six * 16)
        assert np.array_equal(junction.bias, np.round(bias * 16).astype(int) * 16)


def test_formats_that_hold_them_not_are_told_with_one_that_does(tmp_path, capsys):
    path = quantised(tmp_path / "net.onnx", 6, 2**-4)
    assert brought(path, "--set", "numbers.weight={width: 4, fraction: 2}") == 2
    err = capsys.readouterr().err
    assert err.startswith(f"hwsim: --scale = keep: {path}: fc1.weight = ")
    assert "of the format s4.2 of numbers.weight: choose another, or --scale fit; nearest: width 6, fraction 4" in err
    assert err.count("\n") == 1
    assert brought(path, "--set", "numbers.weight={width: 6, fraction: 4}", "--quiet") == 0
    assert brought(path, "--set", "numbers.weight={width: 4, fraction: 2}", "--scale", "fit", "--quiet") == 0


def test_steps_that_are_no_power_of_two_are_fitted_only_when_asked(tmp_path, capsys):
    path = quantised(tmp_path / "net.onnx", 6, 0.03)
    assert brought(path) == 2
    err = capsys.readouterr().err
    assert "is no value of the format s12.8 of numbers.weight" in err and "--scale fit" in err and "nearest" not in err
    assert brought(path, "--scale", "fit", "--quiet") == 0
