"""``hwsim import-model``: the same network from every kind of file is the same design, and computes the same."""

import numpy as np
import pytest
from safetensors import numpy as safetensors

from hwsim.commands import app as cli
from hwsim.configuration import config_file
from hwsim.design import Design
from hwsim.frontends import model_file
from hwsim.training.engines import CycleTrainer, FixedTrainer
from models.network.parameters import Parameters
from tests.hwsim.frontends import small_frontends
from tests.hwsim.frontends.small_models import (
    SIZES,
    arrays,
    dense,
    functional,
    gemms,
    keras,
    kernels,
    layer,
    model,
    node,
    sequential,
    signals,
)
from tests.hwsim.runs import files, write_samples

LAYERS = arrays()


def onnx_gemm(folder):
    model(*gemms(LAYERS, ("Relu", "Sigmoid")), folder / "net.onnx")
    return folder / "net.onnx"


def onnx_matmul(folder):
    """As TensorFlow's converter writes it: matrices turned round, biases added by themselves, images flattened first."""
    (w1, b1), (w2, b2) = LAYERS
    nodes = [
        node("Reshape", ["x", "row"], "flat"),
        node("MatMul", ["flat", "w1"], "m1"),
        node("Add", ["m1", "b1"], "fc1"),
        node("Relu", ["fc1"], "act1"),
        node("Dropout", ["act1"], "drop"),
        node("Transpose", ["w2"], "w2t", perm=[1, 0]),
        node("MatMul", ["drop", "w2t"], "m2"),
        node("Add", ["b2", "m2"], "fc2"),
        node("Sigmoid", ["fc2"], "act2"),
        node("Identity", ["act2"], "y"),
    ]
    constants = {"w1": w1.T.copy(), "b1": b1, "w2": w2, "b2": b2, "row": np.array([-1, 16])}
    model(nodes, constants, folder / "net.onnx", shape=("batch", 1, 4, 4))
    return folder / "net.onnx"


def keras_sequential(folder, name="net.keras"):
    config = sequential(
        layer("Flatten", name="flatten"),
        dense("dense", 8, "relu"),
        layer("Dropout", name="dropout", rate=0.5),
        dense("dense_1", 4),
        layer("Activation", name="activation", activation="sigmoid"),
    )
    return keras(folder / name, config, kernels(LAYERS))


def keras_functional(folder):
    config = functional(dense("dense", 8), layer("ReLU", name="re_lu", max_value=None), dense("dense_1", 4, "sigmoid"))
    config["config"]["layers"].reverse()  # a file need not list them in the order of use; the weights go with the names
    return keras(folder / "net.h5", config, kernels(LAYERS))


def tensors(folder):
    named = {f"{2 * i}.{part}": a for i, pair in enumerate(LAYERS) for part, a in zip(("weight", "bias"), pair, strict=True)}
    (folder / "net.safetensors").write_bytes(safetensors.save(named))
    return folder / "net.safetensors"


WRITERS = {
    "ONNX of PyTorch": onnx_gemm,
    "ONNX of TensorFlow": onnx_matmul,
    "Keras archive": keras_sequential,
    "Keras HDF5": lambda folder: keras_sequential(folder, "net.h5"),
    "Keras Functional": keras_functional,
    "safetensors": tensors,
}


def imported(path, *options, out="design"):
    folder = path.parent / out
    if not (path.parent / "samples.npz").exists():
        write_samples(path.parent / "samples.npz")
    data = ("--set", f"data.name={path.parent / 'samples.npz'}")
    assert small_frontends.run("import-model", path, "--out", folder, *data, *options) == 0
    return folder, Design(config_file.load(folder / "config.yaml")), small_frontends.figures(folder)


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """The parameters of the design that the first kind of file becomes."""
    folder, design, _ = imported(onnx_gemm(tmp_path_factory.mktemp("reference")))
    return Parameters.read(folder / "given_initial.npz", design.network)


@pytest.mark.parametrize("kind", WRITERS)
def test_every_kind_of_file_is_the_same_network(kind, reference, tmp_path):
    path = WRITERS[kind](tmp_path)
    found = model_file.read(path)
    for layer_, (weight, bias) in zip(found.layers, LAYERS, strict=True):
        assert np.array_equal(layer_.weight, weight) and np.array_equal(layer_.bias, bias)
    assert found.activations in (["relu", "sigmoid"], None)
    folder, design, figures = imported(path)
    assert design.config.network.activations == ("relu", "sigmoid") and design.config.network.layers == SIZES
    data = design.dataset(None)
    wanted = signals(LAYERS, data.test.real()).argmax(axis=1)
    assert figures["test_accuracy_float"] == float((wanted == data.test.labels).mean())
    assert FixedTrainer(design, data.train).judge(data.test)[0] == figures["test_accuracy"]
    own = Parameters.read(folder / "given_initial.npz", design.network).arrays()
    assert all(np.array_equal(own[name], array) for name, array in reference.arrays().items())


def test_the_machine_takes_a_model_and_trains_it_on(tmp_path, no_pictures):
    path = onnx_gemm(tmp_path)
    folder, design, figures = imported(path, "--set", "hardware={z: [16, 4]}")
    data = design.dataset(None)
    assert CycleTrainer(design, data.train).judge(data.test)[0] == figures["test_accuracy"]
    assert small_frontends.run("train", folder / "config.yaml", "--epochs", "1", "--out", tmp_path / "trained") == 0
    assert files(tmp_path / "trained")["initial.npz"] == files(folder)["initial.npz"]


def told(capsys, path, *options):
    """The lines that an import prints."""
    write_samples(path.parent / "samples.npz")
    capsys.readouterr()
    data = ("--set", f"data.name={path.parent / 'samples.npz'}")
    assert cli.run(["import-model", str(path), "--out", str(path.parent / "out"), *data, *options]) == 0
    return capsys.readouterr().out


def test_what_a_file_says_of_activations_is_not_overruled(tmp_path, capsys):
    path = onnx_gemm(tmp_path)
    out = ["--out", str(tmp_path / "out")]
    assert cli.run(["import-model", str(path), *out, "--activation", "sigmoid"]) == 2
    assert capsys.readouterr().err == "hwsim: --activation = sigmoid: is not what the file has there: relu; nearest: relu\n"
    assert cli.run(["import-model", str(path), *out, "--output", "relu"]) == 2
    assert "--output = relu: is not what the file has there: sigmoid" in capsys.readouterr().err
    assert "without an activation behind the last layer" not in told(capsys, path)


def test_logits_are_taken_for_a_sigmoid_and_softmax_becomes_one(tmp_path, capsys):
    model(*gemms(LAYERS), tmp_path / "net.onnx")
    assert "without an activation behind the last layer, which is taken for a sigmoid" in told(capsys, tmp_path / "net.onnx")
    model(*gemms(LAYERS, ("Tanh", "Softmax")), tmp_path / "soft.onnx")
    assert "softmax: integers learn its cross-entropy with sigmoid" in told(capsys, tmp_path / "soft.onnx", "--force")
    config = config_file.load(tmp_path / "out/config.yaml")
    assert config.network.activations == ("tanh", "sigmoid")


def test_pruned_weights_are_no_edges_where_that_is_said(tmp_path):
    rows, columns = np.indices((8, 16))
    mask = (rows + columns) % 2 == 0
    layers = [(LAYERS[0][0] * mask, LAYERS[0][1]), LAYERS[1]]
    model(*gemms(layers, ("Relu", "Sigmoid")), tmp_path / "net.onnx")
    _, design, _ = imported(tmp_path / "net.onnx", "--zeros", "absent")
    assert [p.n_edges for p in design.patterns] == [64, 32]
    _, design, _ = imported(tmp_path / "net.onnx", out="full")
    assert [p.n_edges for p in design.patterns] == [128, 32]


def test_scales_and_shifts_are_folded_wherever_they_stand(tmp_path):
    rng = np.random.default_rng(5)
    (w1, b1), (w2, b2) = LAYERS
    norm = {n: rng.uniform(0.5, 2, 8).astype(np.float32) for n in ("gamma", "beta", "mean", "var")}
    nodes = [
        node("Sub", ["x", "centre"], "centred"),
        node("Div", ["centred", "width"], "normal"),
        node("Gemm", ["normal", "w1", "b1"], "fc1", transB=1, alpha=0.5, beta=2.0),
        node("BatchNormalization", ["fc1", "gamma", "beta", "mean", "var"], "bn", epsilon=1e-3),
        node("Relu", ["bn"], "act1"),
        node("Mul", ["act1", "gain"], "times"),
        node("Add", ["times", "shift"], "plus"),
        node("Gemm", ["plus", "w2", "b2"], "fc2", transB=1),
        node("Mul", ["fc2", "gain"], "y"),
    ]
    constants = {"w1": w1, "b1": b1, "w2": w2, "b2": b2, "centre": np.float32([0.4]), "width": np.full(16, 0.3, np.float32)}
    constants |= norm | {"gain": np.array(1.5, np.float32), "shift": rng.normal(size=8).astype(np.float32)}
    model(nodes, constants, tmp_path / "net.onnx")
    found = model_file.read(tmp_path / "net.onnx")
    assert found.folded == {"centred": "fc1", "normal": "fc1", "bn": "fc1", "times": "fc2", "plus": "fc2", "y": "fc2"}
    x = rng.uniform(size=(30, 16))
    f = {name: np.asarray(a, np.float64) for name, a in constants.items()}
    hidden = (0.5 * ((x - f["centre"]) / f["width"]) @ f["w1"].T + 2 * f["b1"] - f["mean"]) / np.sqrt(
        f["var"] + np.float32(1e-3)
    )
    hidden = np.maximum(hidden * f["gamma"] + f["beta"], 0) * 1.5 + f["shift"]
    wanted = (hidden @ f["w2"].T + f["b2"]) * 1.5
    layers = [(one.weight, one.bias) for one in found.layers]
    np.testing.assert_allclose(signals(layers, x, ("relu", None)), wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("flags", [{}, {"scale": False}, {"center": False, "epsilon": 0.1}])
def test_batch_normalisation_of_keras_is_folded(suffix, flags, tmp_path):
    rng = np.random.default_rng(6)
    names = [n for n, is_there in (("gamma", flags.get("scale", True)), ("beta", flags.get("center", True))) if is_there]
    parts = {n: rng.uniform(0.5, 2, 8).astype(np.float32) for n in (*names, "moving_mean", "moving_variance")}
    norm = layer("BatchNormalization", name="bn", axis=-1, **{"epsilon": 1e-3, "center": True, "scale": True} | flags)
    config = sequential(
        dense("dense", 8, use_bias=False), norm, layer("ReLU", name="r", max_value=None), dense("dense_1", 4)
    )
    weights = kernels(LAYERS)
    del weights["dense"]["bias"]
    found = model_file.read(keras(tmp_path / f"net{suffix}", config, weights | {"bn": parts}))
    x = rng.uniform(size=(30, 16))
    one = {"gamma": 1.0, "beta": 0.0} | {n: a.astype(np.float64) for n, a in parts.items()}
    sums = (x @ LAYERS[0][0].T.astype(np.float64) - one["moving_mean"]) / np.sqrt(
        one["moving_variance"] + flags.get("epsilon", 1e-3)
    )
    hidden = np.maximum(sums * one["gamma"] + one["beta"], 0)
    wanted = hidden @ LAYERS[1][0].T.astype(np.float64) + LAYERS[1][1]
    layers = [(layer_.weight, layer_.bias) for layer_ in found.layers]
    np.testing.assert_allclose(signals(layers, x, ("relu", None)), wanted, rtol=1e-12, atol=1e-12)


def test_order_comes_from_names_or_sizes_in_safetensors(tmp_path, capsys):
    (w1, b1), (w2, b2) = LAYERS
    path = tmp_path / "net.safetensors"
    ten = {"layer2.weight": w1, "layer2.bias": b1, "layer10.weight": w2, "layer10.bias": b2}
    path.write_bytes(safetensors.save(ten))
    assert [one.name for one in model_file.read(path).layers] == ["layer2", "layer10"]
    path.write_bytes(safetensors.save({"z.weight": w1, "z.bias": b1, "a.weight": w2, "a.bias": b2}))
    assert [one.name for one in model_file.read(path).layers] == ["z", "a"]
    assert "in the order that names or sizes tell, as safetensors keeps none: z, a" in told(capsys, path)
