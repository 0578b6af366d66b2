"""ONNX files as nobody means them: refused in one line that names node, operator and rule; nothing is written."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from hwsim.commands import app as cli
from tests.hwsim.frontends.small_models import arrays, gemms, model, node

LAYERS = arrays()
(W1, B1), (W2, B2) = LAYERS
ACTIVATION = node("Relu", ["fc1"], "act1")


def refusal(capsys, path, *options):
    capsys.readouterr()
    out = path.parent / "out"
    assert cli.run(["import-model", str(path), "--out", str(out), *options]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and len(err) < 600 and not out.exists(), err
    return err.removeprefix("hwsim: ").removeprefix(f"{path}: ").rstrip("\n")


def stored_elsewhere(location, **more):
    """The first weight, said to lie in another file."""
    tensor = numpy_helper.from_array(W1, "fc1.weight")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **more}.items():
        tensor.external_data.add(key=key, value=str(value))
    return tensor


def with_weight(tensor):
    nodes, constants = gemms(LAYERS)
    return model(nodes, constants | {"fc1.weight": tensor})


def tensor(dims, kind=TensorProto.FLOAT, raw=b""):
    made = TensorProto(name="fc1.weight", data_type=kind, raw_data=raw)
    made.dims.extend(dims)
    return made


def changed(change):
    """The small network after a change of its graph."""
    made = model(*gemms(LAYERS))
    change(made.graph)
    return made


def nodes_of(*nodes, **constants):
    """Another network of the same weights."""
    return model(list(nodes), {"fc1.weight": W1, "fc1.bias": B1, "fc2.weight": W2} | constants)


FC1 = node("Gemm", ["x", "fc1.weight", "fc1.bias"], "fc1", transB=1)
BAD = np.where(np.arange(8) == 3, np.nan, 1).astype(np.float32)
CASES = {
    "a second input": (
        lambda: changed(lambda g: g.input.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, [1]))),
        "has 2 inputs (x, z), where one must be",
    ),
    "a second output": (
        lambda: changed(lambda g: g.output.append(helper.make_tensor_value_info("fc1", TensorProto.FLOAT, None))),
        "has the outputs fc2, fc1: must be one, the last of its nodes, fc2",
    ),
    "two constants of one name": (
        lambda: changed(lambda g: g.initializer.append(numpy_helper.from_array(B1, "fc1.bias"))),
        "fc1.bias: has the name fc1.bias, which another tensor has already",
    ),
    "two nodes of one output": (
        lambda: changed(lambda g: g.node.append(node("Relu", ["fc2"], "act1"))),
        "act1 (Relu): has the name act1, which another tensor has already",
    ),
    "a circle": (
        lambda: nodes_of(node("Add", ["x", "late"], "sum"), node("Relu", ["sum"], "late")),
        "sum (Add): takes late, which no node before it makes: a circle, or nodes out of order",
    ),
    "a branch": (
        lambda: nodes_of(FC1, ACTIVATION, node("Add", ["act1", "fc1"], "sum")),
        "sum (Add): takes fc1, which other nodes take, too: branches do not map to junctions in a row",
    ),
    "signals twice": (
        lambda: nodes_of(FC1, node("Mul", ["fc1", "fc1"], "square")),
        "square (Mul): takes the same signals twice",
    ),
    "a convolution": (
        lambda: nodes_of(node("Conv", ["x", "fc1.weight"], "conv")),
        "conv (Conv): is a convolution: only linear layers can be imported; `hwsim frontend`",
    ),
    "an activation of another kind": (
        lambda: nodes_of(FC1, node("LeakyRelu", ["fc1"], "leaky")),
        "leaky (LeakyRelu): is an activation that the accelerator does not have: train with Relu",
    ),
    "two activations": (
        lambda: nodes_of(FC1, ACTIVATION, node("Tanh", ["act1"], "t")),
        "t (Tanh): is a second activation behind fc1",
    ),
    "no activation": (
        lambda: nodes_of(FC1, node("Gemm", ["fc1", "fc2.weight"], "fc2", transB=1)),
        "fc2 (Gemm): follows fc1 without an activation between: multiply the two matrices to one",
    ),
    "an activation first": (
        lambda: nodes_of(node("Relu", ["x"], "r"), FC1),
        "r (Relu): is an activation in front of the first",
    ),
    "a layer behind a softmax": (
        lambda: nodes_of(FC1, node("Softmax", ["fc1"], "s"), node("Gemm", ["s", "fc2.weight"], "fc2", transB=1)),
        "fc2 (Gemm): stands behind a softmax, which can only be the last of all",
    ),
    "a scale at the end": (
        lambda: nodes_of(FC1, ACTIVATION, node("Mul", ["act1", "fc1.bias"], "m")),
        "m: scales or shifts what leaves the last activation",
    ),
    "layers that do not fit": (
        lambda: nodes_of(FC1, ACTIVATION, node("Gemm", ["act1", "fc1.weight"], "fc2", transB=1)),
        "fc2 (Gemm): takes 16 inputs, but a sample has 8 there",
    ),
    "a matrix in front": (
        lambda: nodes_of(node("MatMul", ["fc1.weight", "x"], "m")),
        "m (MatMul): must multiply the signals by a",
    ),
    "a clip of another range": (
        lambda: nodes_of(FC1, node("Clip", ["fc1", "low", "high"], "c"), low=np.float32(0), high=np.float32(6)),
        "c (Clip): must clip to 0..1, or from 0 on",
    ),
    "a softmax over samples": (
        lambda: nodes_of(FC1, node("Softmax", ["fc1"], "s", axis=0)),
        "s (Softmax): must go over the last axis",
    ),
    "a division by 0": (
        lambda: nodes_of(FC1, node("Div", ["fc1", "no"], "d"), no=np.zeros(8, np.float32)),
        "d (Div): divides by 0",
    ),
    "a bias of other length": (
        lambda: nodes_of(node("Gemm", ["x", "fc1.weight", "more"], "fc1", transB=1), more=np.ones(5, np.float32)),
        "fc1 (Gemm) = [5]: must have one number, or one for each of the 8 neurons",
    ),
    "rows that mix samples": (
        lambda: nodes_of(node("Reshape", ["x", "to"], "r"), to=np.array([-1, 8])),
        "r (Reshape): must make one row of every sample",
    ),
    "an operator of another domain": (
        lambda: model([node("Gelu", ["x"], "g", domain="com.microsoft")], {}, domains=("", "com.microsoft")),
        "g (com.microsoft.Gelu): is no linear layer, activation or part of one",
    ),
    "control flow": (
        lambda: nodes_of(FC1, node("If", ["fc1"], "i", then_branch=helper.make_graph([], "a", [], []))),
        "i (If): is no linear layer, activation or part of one",
    ),
    "constants made at run time": (
        lambda: nodes_of(node("RandomNormal", [], "noise", shape=[1 << 20, 1 << 20]), FC1),
        "noise (RandomNormal): makes constants in a way that is not read",
    ),
    "a product that fills the memory": (
        lambda: nodes_of(
            node("Mul", ["tall", "wide"], "all"),
            FC1,
            tall=np.ones((1 << 16, 1), np.float32),
            wide=np.ones((1, 1 << 16), np.float32),
        ),
        "all (Mul): makes more than 67108864 numbers",
    ),
    "training mode": (
        lambda: nodes_of(FC1, node("BatchNormalization", ["fc1", *["fc1.bias"] * 4], "bn", training_mode=1)),
        "bn (BatchNormalization): must be batch normalisation after training",
    ),
    "a negative variance": (
        lambda: nodes_of(FC1, node("BatchNormalization", ["fc1", *["fc1.bias"] * 3, "v"], "bn"), v=-np.ones(8, np.float32)),
        "bn.running_var = -1.0: must not be negative",
    ),
    "a weight beyond all training": (
        lambda: nodes_of(FC1, **{"fc1.weight": W1 * 1e12}),
        "is a weight or bias that no training gives",
    ),
    "a scale that overflows": (
        lambda: nodes_of(FC1, node("Mul", ["fc1", "a"], "m"), node("Mul", ["m", "a"], "n"), a=np.float64(1e300)),
        "is a weight or bias that no training gives",
    ),
    "NaN among biases": (lambda: nodes_of(FC1, **{"fc1.bias": BAD}), "fc1.bias: holds values that are no finite numbers"),
    "an infinite factor": (
        lambda: nodes_of(FC1, node("Mul", ["fc1", "c"], "m"), c=np.float32("inf")),
        "c: holds values that are no",
    ),
    "text": (
        lambda: with_weight(helper.make_tensor("fc1.weight", TensorProto.STRING, [1], [b"a"])),
        "fc1.weight = STRING: is of a type",
    ),
    "complex numbers": (
        lambda: with_weight(tensor([8, 16], TensorProto.COMPLEX64, bytes(1024))),
        "fc1.weight = COMPLEX64: is of a type",
    ),
    "an unknown type": (lambda: with_weight(tensor([8, 16], 99)), "fc1.weight = 99: is of a type that is not read"),
    "truth values": (
        lambda: with_weight(numpy_helper.from_array(W1 > 0, "fc1.weight")),
        "fc1 (Gemm) = [8, 16]: must have weights of",
    ),
    "huge sizes": (
        lambda: with_weight(tensor([1 << 40, 1 << 40])),
        "fc1.weight = [1099511627776, 1099511627776]: has a shape that is none",
    ),
    "sizes below 0": (lambda: with_weight(tensor([-8, -16])), "fc1.weight = [-8, -16]: has a shape that is none"),
    "fewer bytes than numbers": (
        lambda: with_weight(tensor([8, 16], raw=bytes(12))),
        "fc1.weight: has 12 bytes, where FLOAT of the",
    ),
    "no bytes at all": (
        lambda: with_weight(TensorProto(name="fc1.weight", data_type=1, dims=[8, 16])),
        "fc1.weight: holds no FLOAT of",
    ),
    "another folder": (
        lambda: with_weight(stored_elsewhere("../secret")),
        "fc1.weight = ../secret: lies outside of the folder",
    ),
    "a whole path": (
        lambda: with_weight(stored_elsewhere("/etc/passwd")),
        "fc1.weight = /etc/passwd: lies outside of the folder",
    ),
    "a link out of the folder": (
        lambda: with_weight(stored_elsewhere("link")),
        "fc1.weight = link: lies outside of the folder",
    ),
    "a file that is missing": (lambda: with_weight(stored_elsewhere("none")), "none: cannot be read: No such file"),
    "a file that is cut off": (
        lambda: with_weight(stored_elsewhere("short")),
        "fc1.weight: has 100 of its 512 bytes in short",
    ),
    "a place beyond the end": (
        lambda: with_weight(stored_elsewhere("short", offset=1 << 40)),
        "fc1.weight: has 0 of its 512 bytes",
    ),
    "a place that is none": (
        lambda: with_weight(stored_elsewhere("short", offset="-3")),
        "fc1.weight = -3, 512: must say where",
    ),
    "another length": (
        lambda: with_weight(stored_elsewhere("short", length=100)),
        "fc1.weight = 0, 100: must say where its 512 bytes",
    ),
    "no place": (lambda: with_weight(stored_elsewhere("")), "fc1.weight = : lies outside of the folder"),
    "no node": (lambda: model([], {}, output="x"), "is no ONNX model, or is damaged: there is no graph of nodes in it"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_model_that_cannot_be_mapped_is_told_in_one_line(case, tmp_path, capsys):
    make, answer = CASES[case]
    folder = tmp_path / "f"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(W1.tobytes())
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "short").write_bytes(bytes(100))
    (folder / "net.onnx").write_bytes(make().SerializeToString())
    assert answer in refusal(capsys, folder / "net.onnx").replace(f"{folder}/", "")


def test_any_cut_and_any_damage_ends_in_one_line_or_a_network(tmp_path, capsys):
    whole = model(*gemms(LAYERS)).SerializeToString()
    rng = np.random.default_rng(0)
    path, damaged = tmp_path / "net.onnx", []
    for cut in rng.integers(0, len(whole), 10):
        damaged.append(whole[:cut])
    for place in rng.integers(0, len(whole), 30):
        damaged.append(whole[:place] + bytes([whole[place] ^ 1 << rng.integers(8)]) + whole[place + 1 :])
    refused = 0
    for content in damaged:
        path.write_bytes(content)
        code = cli.run(["import-model", str(path), "--out", str(tmp_path / "out"), "--quiet", "--set", "data.name=none"])
        err = capsys.readouterr().err
        assert code == 2 and err.count("\n") == 1 and "Traceback" not in err
        refused += "data.name" not in err
    assert refused >= 10


def test_weights_beside_the_model_are_read(tmp_path):
    from hwsim.frontends import model_file

    (tmp_path / "inner").mkdir()
    (tmp_path / "inner/data").write_bytes(bytes(64) + W1.tobytes())
    made = with_weight(stored_elsewhere("inner/data", offset=64, length=W1.nbytes))
    (tmp_path / "net.onnx").write_bytes(made.SerializeToString())
    assert np.array_equal(model_file.read(tmp_path / "net.onnx").layers[0].weight, W1)


def test_functions_of_the_models_own_are_refused(tmp_path, capsys):
    made = model([node("Twice", ["x"], "y", domain="own")], {}, domains=("", "own"))
    inner = [helper.make_node("Add", ["a", "a"], ["b"])]
    made.functions.append(helper.make_function("own", "Twice", ["a"], ["b"], inner, [helper.make_opsetid("", 17)]))
    onnx.save(made, tmp_path / "net.onnx")
    assert "y (own.Twice): is a function of the model's own: inline it" in refusal(capsys, tmp_path / "net.onnx")


def test_images_of_channels_first_are_refused(tmp_path, capsys):
    weight = np.ones((8, 48), np.float32)
    nodes = [node("Flatten", ["x"], "flat"), node("Gemm", ["flat", "w"], "fc", transB=1)]
    model(nodes, {"w": weight}, tmp_path / "net.onnx", shape=("batch", 3, 4, 4))
    assert "flat (Flatten) = [3, 4, 4]: flattens images whose channels come first" in refusal(capsys, tmp_path / "net.onnx")
    model(nodes[1:], {"w": weight}, tmp_path / "net.onnx", shape=("batch", 3, 4, 4))
    assert "flat, which no node before it makes" in refusal(capsys, tmp_path / "net.onnx")
    model([node("MatMul", ["x", "w"], "fc")], {"w": weight[:4].T}, tmp_path / "net.onnx", shape=("batch", 1, 4, 48))
    assert "fc (MatMul) = [1, 4, 48]: takes samples of more than one axis" in refusal(capsys, tmp_path / "net.onnx")
