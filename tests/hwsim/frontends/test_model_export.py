"""``hwsim export-model``: what a run has learned goes out as a model, computes the same there, and comes back to the bit."""

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

import hwsim
from hwsim.commands import app as cli
from hwsim.configuration import config_file
from hwsim.design import Design
from hwsim.frontends import model_file
from hwsim.frontends.matrices import junctions
from models.floating.engine import FloatEngine
from tests.hwsim import runs
from tests.hwsim.frontends import small_frontends

SINGLE = 2e-6
"""How far single precision may be from double, by sums of at most 16 products of numbers below 8, and a sigmoid."""

FORMS = {"onnx": "net.onnx", "qonnx": "net.onnx", "safetensors": "net.safetensors", "torch": "net.pt"}
RUNS = {
    "fixed pipelined": {},
    "cycle": {},
    "fixed sequential": {"network.activation": ["relu", "sigmoid"], "numbers.weight": {"width": 7, "fraction": 5}},
}


class Quant(OpRun):
    """QONNX's operator for the reference evaluator: exact powers of two need no more of it."""

    op_domain = "qonnx.custom_op.general"

    def _run(self, x, scale, zero, bits, **_):
        integers = np.round(x / scale + zero)
        assert (np.abs(integers) <= 2 ** (bits - 1)).all()
        return (((integers - zero) * scale).astype(x.dtype),)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Runs of training on chip, by kind."""
    folder, found = tmp_path_factory.mktemp("trained"), {}
    for kind, changes in RUNS.items():
        config = runs.write_config(folder, kind, epochs=2, rate_shift=[[0, 3]])
        out = folder / kind.replace(" ", "-")
        design = Design(config_file.load(config, changes))
        hwsim.train(design, out=str(out))
        found[kind] = out
    return found


def exported(run, form, folder):
    out = folder / FORMS[form]
    assert small_frontends.run("export-model", run, "--format", form, "--out", out, "--force") == 0
    return out


def integers(directory, name):
    """Dense integer matrices of a directory's network."""
    stored = hwsim.read_run(directory)
    return junctions(stored.config, stored.patterns, getattr(stored, name))


@pytest.mark.parametrize("kind", RUNS)
@pytest.mark.parametrize("form", FORMS)
def test_what_goes_out_comes_back_to_the_bit(form, kind, trained, tmp_path):
    if form == "torch":
        pytest.importorskip("torch")
    run = trained[kind]
    path = exported(run, form, tmp_path)
    keep = () if "onnx" in form else ("--scale", "keep")
    told = () if "onnx" in form else ("--activation", hwsim.read_run(run).config.network.activations[0])
    options = ("--config", run / "config.yaml", "--out", tmp_path / "back", *keep, *told)
    assert small_frontends.run("import-model", path, *options) == 0
    before, after = integers(run, "final"), integers(tmp_path / "back", "initial")
    for one, other in zip(before, after, strict=True):
        assert np.array_equal(one.weight, other.weight) and np.array_equal(one.bias, other.bias)
        assert one.weight.any() and one.bias.any()
        assert np.array_equal(one.mask, other.mask) and one.activation == other.activation
    assert small_frontends.figures(tmp_path / "back")["test_accuracy"] == small_frontends.figures(run)["test_accuracy"]
    written = path.read_bytes()
    assert exported(tmp_path / "back", form, tmp_path).stat().st_size > 0
    if form in ("safetensors", "torch"):  # an ONNX graph has the name of its design
        assert path.read_bytes() == written


def test_an_edge_whose_weight_has_become_0_stays_one(trained, tmp_path):
    """A design of which a trained weight is 0, and one zero more where the file has no edge."""
    run = trained["fixed pipelined"]
    arrays = dict(np.load(run / "final.npz"))
    arrays["weight_1"] = arrays["weight_1"] * (np.arange(len(arrays["weight_1"])) % 3 > 0)
    np.savez(tmp_path / "zeros.npz", **arrays)
    overrides = {"training.init": "file", "training.init_file": str(tmp_path / "zeros.npz"), "training.epochs": 1}
    design = Design(config_file.load(run / "config.yaml", overrides | {"training.samples": 1}))
    hwsim.train(design, out=str(tmp_path / "run"))
    path = exported(tmp_path / "run", "onnx", tmp_path)
    assert (hwsim.read_run(tmp_path / "run").final.weights[0] == 0).sum() >= 4
    for layer, pattern in zip(model_file.read(path).layers, design.patterns, strict=True):
        edges = np.zeros(layer.weight.shape, bool)
        edges[pattern.right, pattern.left] = True
        assert np.array_equal(layer.mask, edges)


@pytest.mark.parametrize("form", ["onnx", "qonnx"])
@pytest.mark.parametrize("kind", RUNS)
def test_the_model_computes_what_the_network_computes(form, kind, trained, tmp_path):
    stored = hwsim.read_run(trained[kind])
    model = onnx.load_model(exported(trained[kind], form, tmp_path))
    onnx.checker.check_model(model, full_check=True)
    inputs = stored.design.dataset(None).test.real(np.float32)
    found = ReferenceEvaluator(model, new_ops=[Quant] if form == "qonnx" else None).run(None, {"input": inputs})[0]
    real = stored.final.real(stored.config.numbers.system)
    engine = FloatEngine(stored.design.network, real, dtype=np.float64)
    assert np.array_equal(found.argmax(axis=1), engine.predict(inputs.astype(np.float64)))
    signals = inputs.astype(np.float64)
    for junction in integers(trained[kind], "final"):
        sums = signals @ junction.real[0].T + junction.real[1]
        signals = np.maximum(sums, 0) if junction.activation == "relu" else 1 / (1 + np.exp(-sums))
    assert np.abs(found - signals).max() < SINGLE and found.dtype == np.float32


def test_real_numbers_go_out_in_full(tmp_path):
    """Of the float engine, with an activation that only clips and one that only ONNX calls by its name."""
    config = runs.write_config(tmp_path, "float single samples", epochs=1, precision="float64")
    changes = {"network.activation": ["clipped_relu", "softmax"]}
    hwsim.train(Design(config_file.load(config, changes)), out=str(tmp_path / "run"))
    stored = hwsim.read_run(tmp_path / "run")
    path = exported(tmp_path / "run", "onnx", tmp_path)
    model = onnx.load_model(path)
    onnx.checker.check_model(model, full_check=True)
    inputs = stored.design.dataset(None).test.real(np.float64)
    found = ReferenceEvaluator(model).run(None, {"input": inputs})[0]
    assert found.dtype == np.float64 and np.allclose(found.sum(axis=1), 1)
    engine = FloatEngine(stored.design.network, stored.final, dtype=np.float64)
    assert np.array_equal(found.argmax(axis=1), engine.predict(inputs))
    read = model_file.read(path)
    assert read.activations == ["clipped_relu", "softmax"] and not read.quantised
    for one, layer in zip(junctions(stored.config, stored.patterns, stored.final), read.layers, strict=True):
        assert np.array_equal(one.weight, layer.weight) and np.array_equal(one.bias, layer.bias)
    assert cli.run(["export-model", str(tmp_path / "run"), "--format", "qonnx", "--out", str(tmp_path / "q.onnx")]) == 2


def test_pytorch_takes_the_state_dict(trained, tmp_path):
    torch = pytest.importorskip("torch")
    from torch import nn
    from torch.nn.utils import prune

    stored = hwsim.read_run(trained["fixed pipelined"])
    path = exported(stored.path, "torch", tmp_path)
    net = nn.Sequential(nn.Linear(16, 8), nn.Sigmoid(), nn.Linear(8, 4), nn.Sigmoid())
    for layer in (net[0], net[2]):
        prune.identity(layer, "weight")
    net.load_state_dict(torch.load(path, weights_only=True))
    inputs = stored.design.dataset(None).test.real(np.float32)
    with torch.no_grad():
        found = net(torch.as_tensor(inputs)).argmax(dim=1).numpy()
    real = stored.final.real(stored.config.numbers.system)
    assert np.array_equal(
        found, FloatEngine(stored.design.network, real, dtype=np.float64).predict(inputs.astype(np.float64))
    )


def refusal(capsys, *words):
    capsys.readouterr()
    assert cli.run([*map(str, words)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and err.startswith("hwsim: ")
    return err


def test_what_cannot_go_out_is_told_in_one_line(trained, tmp_path, capsys):
    run, out = trained["fixed pipelined"], tmp_path / "net.onnx"
    assert "--format = tflite: must be onnx or" in refusal(capsys, "export-model", run, "--format", "tflite", "--out", out)
    assert "lacks config.yaml" in refusal(capsys, "export-model", tmp_path, "--out", out)
    out.write_text("mine")
    assert "is there and holds something else: --force replaces it" in refusal(capsys, "export-model", run, "--out", out)
    assert out.read_text() == "mine"
    begun = tmp_path / "begun"
    assert cli.run(["check", str(run / "config.yaml"), "--out", str(begun), "-q"]) == 0
    assert "lacks final.npz: it must be the directory of a finished run" in refusal(
        capsys, "export-model", begun, "--out", out
    )
