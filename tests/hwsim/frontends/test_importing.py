"""``hwsim import-torch``: layers of a plain state_dict become a design, and what cannot be mapped is told in one line."""

from itertools import pairwise

import numpy as np
import pytest

from hwsim.commands import app as cli
from hwsim.configuration import config_file
from hwsim.design import Design
from hwsim.training.engines import CycleTrainer, FixedTrainer
from models.connectivity import draw
from tests.hwsim.frontends import small_frontends
from tests.hwsim.runs import files, write_samples

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn.utils import prune  # noqa: E402

pytestmark = pytest.mark.usefixtures("no_pictures")


def masks(degrees=((16, 8, 2), (8, 4, 2))):
    """Masks [outputs, inputs] of the project's own patterns."""
    result = []
    for n_left, n_right, d_out in degrees:
        pattern = draw.draw("structured", n_left, n_right, np.random.default_rng(7), d_out=d_out)
        mask = torch.zeros(n_right, n_left)
        mask[pattern.right.astype(np.int64), pattern.left.astype(np.int64)] = 1
        result.append(mask)
    return result


def model(how):
    """A network trained a little on the samples beside it; its masks are kept in one of the ways of PyTorch's users."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 4))
    for layer, mask in zip((net[0], net[2]), masks(), strict=True):
        if how == "pruned":
            prune.custom_from_mask(layer, "weight", mask)
        elif how == "zeros":
            with torch.no_grad():
                layer.weight *= mask
    return net


def saved(tmp_path, content, name="net.pt"):
    torch.save(content.state_dict() if isinstance(content, nn.Module) else content, tmp_path / name)
    if not (tmp_path / "samples.npz").exists():
        write_samples(tmp_path / "samples.npz")
    return tmp_path / name


def imported(path, *options, out="design"):
    """Directory, design and figures."""
    folder = path.parent / out
    data = ("--set", f"data.name={path.parent / 'samples.npz'}")
    assert small_frontends.run("import-torch", path, "--out", folder, *data, *options) == 0
    return folder, Design(config_file.load(folder / "config.yaml")), small_frontends.figures(folder)


def refusal(capsys, tmp_path, content, *options):
    path = saved(tmp_path, content)
    data = ("--set", f"data.name={tmp_path / 'samples.npz'}")
    assert cli.run(["import-torch", str(path), "--out", str(tmp_path / "out"), *data, *options]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and len(lines[0]) < 500
    assert not (tmp_path / "out").exists()
    return lines[0].removeprefix(f"hwsim: {path}: ")


@pytest.mark.parametrize("how", ["zeros", "pruned", "dense"])
def test_every_form_of_a_network_is_imported(how, tmp_path):
    net = model(how)
    folder, design, figures = imported(saved(tmp_path, net), *["--zeros", "absent"] * (how == "zeros"))
    data = design.dataset(None)
    with torch.no_grad():
        wanted = net(torch.as_tensor(data.test.real(np.float32))).argmax(dim=1).numpy()
    assert figures["test_accuracy_float"] == float((wanted == data.test.labels).mean())
    assert figures["same_predictions"] >= 0.9
    assert FixedTrainer(design, data.train).judge(data.test)[0] == figures["test_accuracy"]
    assert design.config.connectivity.kind == ("full" if how == "dense" else "structured")
    for pattern, mask in zip(design.patterns, masks(), strict=True):
        right, left = np.nonzero(np.ones(mask.shape) if how == "dense" else mask.numpy())
        assert np.array_equal(pattern.left, left) and np.array_equal(pattern.right, right)
    out = tmp_path / "trained"
    assert small_frontends.run("train", folder / "config.yaml", "--epochs", "1", "--out", out) == 0
    assert files(out)["initial.npz"] == files(folder)["initial.npz"]


def test_weights_keep_their_edges(tmp_path):
    net = model("zeros")
    numbers = ("--set", "numbers.width=20", "--set", "numbers.fraction=14")
    _, design, figures = imported(saved(tmp_path, net), "--zeros", "absent", *numbers)
    scale = figures["signal_divisors"]
    real = design.initial.real(design.config.numbers.system)
    for i, layer in enumerate((net[0], net[2])):
        pattern, matrix = design.patterns[i], layer.weight.detach().numpy()
        wanted = matrix[pattern.right, pattern.left] * scale[i] / scale[i + 1]
        np.testing.assert_allclose(real.weights[i], wanted, atol=2**-15)


def test_the_machine_takes_an_import(tmp_path):
    path = saved(tmp_path, model("pruned"))
    folder, design, figures = imported(path, "--set", "hardware={z: [8, 4]}")
    data = design.dataset(None)
    assert CycleTrainer(design, data.train).judge(data.test)[0] == figures["test_accuracy"]
    assert small_frontends.run("simulate", folder / "config.yaml", "--samples", "20", "--out", tmp_path / "machine") == 0


def test_normalised_inputs_are_folded_into_the_first_layer(tmp_path):
    net = model("zeros")
    _, design, figures = imported(saved(tmp_path, net), "--mean", "0.4", "--std", "0.25")
    data = design.dataset(None)
    with torch.no_grad():
        wanted = net(torch.as_tensor((data.test.real(np.float32) - 0.4) / 0.25)).argmax(dim=1).numpy()
    assert figures["test_accuracy_float"] == float((wanted == data.test.labels).mean())
    assert figures["same_predictions"] >= 0.9


def test_a_configuration_gives_what_a_file_does_not_say(tmp_path):
    base = small_frontends.write_config(tmp_path, network={"layers": [160, 20, 4]}, numbers={"width": 14, "fraction": 9})
    _, design, _ = imported(saved(tmp_path, model("zeros")), "--config", base, "--set", "hardware={z: [4, 2]}")
    assert (design.config.name, design.config.seed, design.config.numbers.width) == ("fronted", 3, 14)
    assert design.config.hardware.z == (4, 2) and design.config.network.layers == (16, 8, 4)


def test_degrees_of_no_hardware_go_to_the_reference_when_asked(tmp_path):
    net = model("zeros")
    with torch.no_grad():
        net[0].weight[0, :] = 0
        net[0].weight[0, 3] = 1
    _, design, figures = imported(saved(tmp_path, net), "--set", "connectivity.kind=random")
    assert design.patterns[0].in_degrees[0] == 1 and design.patterns[0].d_in is None
    assert FixedTrainer(design, design.dataset(None).train).judge(design.dataset(None).test)[0] == figures["test_accuracy"]


def linear(*sizes, **more):
    """A state_dict of dense layers, and other entries."""
    state = {}
    for i, (a, b) in enumerate(pairwise(sizes)):
        state |= {f"fc{i}.weight": torch.ones(b, a), f"fc{i}.bias": torch.zeros(b)}
    return state | {k.replace("__", "."): v for k, v in more.items()}


ONE_ROW_SHORT = torch.ones(8, 16)
ONE_ROW_SHORT[0, 0] = 0


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        (linear(16, 8, 4, conv__weight=torch.ones(4, 3, 3, 3), conv__bias=torch.zeros(4)), "conv = [4, 3, 3, 3]: is a conv"),
        (linear(16, 8, 4, bn__running_mean=torch.ones(4)), "bn: is batch normalisation without running_var"),
        (linear(16, 8, 4, scale=torch.ones(4)), "scale: is no part of a linear layer"),
        (linear(16, 8, 4, bn__weight=torch.ones(4), bn__bias=torch.ones(4)), "bn = [4]: is no linear layer"),
        ({"fc.bias": torch.ones(4)}, "fc: has no weight"),
        ({"fc.weight": torch.ones(4, 16), "fc.bias": torch.zeros(3)}, "fc.bias = [3]: must have the shape [4]"),
        (linear(16, 8) | {"last.weight": torch.ones(4, 9), "last.bias": torch.zeros(4)}, "last: takes 9 inputs, but fc0"),
        (
            {"fc.weight_orig": torch.ones(8, 16), "fc.weight_mask": ONE_ROW_SHORT, "fc.bias": torch.zeros(8)},
            "fc: has inputs with 7 to 8 edges, but hardware patterns give all the same number",
        ),
        (
            {"fc.weight_orig": torch.ones(4, 16), "fc.weight_mask": torch.full((4, 16), 0.5), "fc.bias": torch.zeros(4)},
            "fc.weight_mask = [4, 16]: must hold zeros and ones only",
        ),
        ({"fc.weight": torch.ones(4, 16), "fc.weight_orig": torch.ones(4, 16)}, "fc: has both weight and weight_orig"),
        ({"fc.weight": torch.full((4, 16), torch.nan), "fc.bias": torch.zeros(4)}, "fc.weight: holds values that are no"),
        ({"fc.weight": torch.ones(4, 16) * 1j, "fc.bias": torch.zeros(4)}, "fc.weight = torch.complex64, torch.strided"),
        ({"fc.weight": torch.eye(16).to_sparse()}, "fc.weight = torch.float32, torch.sparse_coo: must be a dense tensor"),
        ({"epoch": 3, "optimizer": {"state": {}}}, "holds a dict (a dictionary with epoch, optimizer), not a state_dict"),
        ([torch.ones(3)], "holds a list, not a state_dict"),
        ({}, "holds no layer"),
        (linear(15, 8, 4), "hwsim: network.layers[0] = 15: has fewer neurons than the 16 features"),
    ],
    ids=str,
)
def test_what_cannot_be_mapped_is_told_in_one_line(content, answer, tmp_path, capsys):
    line = refusal(capsys, tmp_path, content)
    assert line.startswith(answer) or f"{tmp_path / 'net.pt'}{answer}" in line, line


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        (["--std", "0"], "--std = 0.0: must be positive"),
        (["--activation", "gelu"], "--activation = gelu: must be sigmoid or relu"),
        (["--activation", "softmax"], "--activation = softmax: must be sigmoid or relu"),
        (["--output", "logits"], "--output = logits: must be sigmoid or relu"),
        (["--zeros", "pruned"], "--zeros = pruned: must be edges or absent"),
        (["--norm-behind", "x"], "--norm-behind = x: must be linear or activation"),
        (["--mean", "nan"], "--mean = nan: must be finite"),
        (["--set", "training.init=he_normal"], "training.init = he_normal: cannot be chosen"),
        (["--set", "training={init_file: x.npz}"], "training.init_file = x.npz: cannot be chosen"),
        (["--set", "connectivity={kind: structured, file: x.npz}"], "connectivity.file = x.npz: cannot be chosen"),
        (["--set", "network.density=[0.5, 0.5]"], "has out-degree 2 in junction 1, where the network section says 4"),
        (["--set", "hardware={z: [3, 4]}"], "hardware.z[0] = 3: does not divide N_0 = 16"),
    ],
)
def test_options_that_do_not_fit_are_told_in_one_line(options, answer, tmp_path, capsys):
    assert answer in refusal(capsys, tmp_path, model("zeros"), *options)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 no archive", b"\x80\x02}q\x00.", None])
def test_damaged_files_are_told_in_one_line(damage, tmp_path, capsys):
    path = tmp_path / "net.pt"
    if damage is not None:
        path.write_bytes(damage)
    assert cli.run(["import-torch", str(path), "--out", str(tmp_path / "out")]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and str(path) in lines[0] and len(lines[0]) < 500
