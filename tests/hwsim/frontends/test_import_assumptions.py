"""What a file does not say: zeros, softmax, normalised inputs, batch normalisation, biases; each is assumed in one line."""

import warnings

import numpy as np
import pytest

from hwsim.commands import app as cli
from hwsim.configuration import config_file
from hwsim.design import Design
from hwsim.training.engines import CycleTrainer, FixedTrainer
from models.data import catalogue
from tests.hwsim.frontends import small_frontends
from tests.hwsim.runs import write_samples

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from hwsim.frontends.torch_state import read  # noqa: E402

pytestmark = pytest.mark.usefixtures("no_pictures")


def told(tmp_path, capsys, content, *options, data="samples.npz", rc=0):
    """Design, figures and lines of an import; its one line on the error stream where it is refused."""
    path = tmp_path / "net.pt"
    torch.save(content.state_dict() if isinstance(content, nn.Module) else content, path)
    if data == "samples.npz":
        data = write_samples(tmp_path / data)
    capsys.readouterr()
    out = tmp_path / "design"
    arguments = ["import-torch", str(path), "--out", str(out), "--force", "--set", f"data.name={data}", *options]
    assert cli.run(arguments) == rc
    printed = capsys.readouterr()
    if rc:
        assert printed.err.count("\n") == 1
        return printed.err
    return Design(config_file.load(out / "config.yaml")), small_frontends.figures(out), printed.out.splitlines()


def right(net, design, change=lambda x: x):
    """Share of test samples that PyTorch itself predicts right."""
    data = design.dataset(None)
    with torch.no_grad():
        found = net.eval()(torch.as_tensor(change(data.test.real()))).argmax(dim=1).numpy()
    return float((found == data.test.labels).mean())


def dense(*zeros, sizes=(16, 8, 4)):
    """A dense network of float64 with zeros at some places of its first layer."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(*sizes[:2]), nn.ReLU(), nn.Linear(*sizes[1:])).double()
    with torch.no_grad():
        for place in zeros:
            net[0].weight[place] = 0
    return net


def mentions(lines, words):
    return [line for line in lines if words in line]


@pytest.mark.parametrize("options", [(), ("--set", "connectivity.kind=full"), ("--zeros", "edges")])
def test_a_zero_weight_is_an_edge_of_a_dense_layer(options, tmp_path, capsys):
    net = dense((0, 0))
    design, figures, lines = told(tmp_path, capsys, net, *options)
    assert design.config.connectivity.kind == "full" and [p.n_edges for p in design.patterns] == [128, 32]
    assert figures["test_accuracy_float"] == right(net, design)
    assert not mentions(lines, "--zeros")


def test_networks_rounded_to_eight_bits_are_dense(tmp_path, capsys):
    net = dense()
    with torch.no_grad():
        for layer in (net[0], net[2]):
            step = layer.weight.abs().max() / 127
            layer.weight.copy_((layer.weight / step).round() * step)
        net[0].weight[:, 3] = 0
    design, figures, _ = told(tmp_path, capsys, net)
    assert design.config.connectivity.kind == "full" and figures["test_accuracy_float"] == right(net, design)


def test_quantised_layers_are_unpacked(tmp_path, capsys):
    net, state = dense(), {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for i in (0, 2):
            weight = torch.quantize_per_tensor(net[i].weight.detach().float(), 0.01, 0, torch.qint8)
            state[f"{i}.scale"], state[f"{i}.zero_point"] = torch.tensor(1.0), torch.tensor(0)
            state[f"{i}._packed_params.dtype"] = torch.qint8
            state[f"{i}._packed_params._packed_params"] = (weight, net[i].bias.detach())
            with torch.no_grad():
                net[i].weight.copy_(weight.dequantize())
    design, figures, _ = told(tmp_path, capsys, state)
    assert design.config.connectivity.kind == "full" and figures["test_accuracy_float"] == right(net, design)


def pruned():
    """Half of the weights of both layers gone, the same number for every neuron."""
    net = dense()
    with torch.no_grad():
        for layer in (net[0], net[2]):
            rows, columns = np.indices(layer.weight.shape)
            layer.weight[torch.as_tensor((rows + columns) % 2 == 1)] = 0
    return net


def test_zeros_that_look_pruned_are_told_and_can_be_left_out(tmp_path, capsys):
    design, figures, lines = told(tmp_path, capsys, pruned())
    assert design.config.connectivity.kind == "full"
    (line,) = mentions(lines, "weights of exactly 0 are edges of a full network (if they were pruned: --zeros absent)")
    assert "0 50.00 %" in line and "2 50.00 %" in line
    for options in (
        ("--zeros", "absent"),
        ("--set", "connectivity.kind=structured"),
        ("--set", "connectivity={kind: structured}"),
        ("--set", "network.density=[0.5, 0.5]"),
        ("--set", "network.out_degree=[4, 2]"),
        ("--set", "connectivity.kind=random"),
    ):
        sparse, its_figures, lines = told(tmp_path, capsys, pruned(), *options)
        assert sparse.config.connectivity.kind == ("random" if "random" in options[1] else "structured")
        assert [p.n_edges for p in sparse.patterns] == [64, 16] and not mentions(lines, "--zeros")
        assert its_figures["test_accuracy_float"] == figures["test_accuracy_float"]
        assert (
            FixedTrainer(sparse, sparse.dataset(None).train).judge(sparse.dataset(None).test)[0]
            == its_figures["test_accuracy"]
        )


def test_irregular_pruning_is_told_too(tmp_path, capsys):
    net = dense()
    with torch.no_grad():
        net[0].weight[torch.as_tensor(np.random.default_rng(0).random((8, 16)) < 0.4)] = 0
    assert mentions(told(tmp_path, capsys, net)[2], "--zeros absent")
    assert "connectivity.kind random" in told(tmp_path, capsys, net, "--zeros", "absent", rc=2)


def test_softmax_is_learned_as_a_sigmoid(tmp_path, capsys):
    net = dense()
    design, figures, lines = told(tmp_path, capsys, net, "--output", "softmax", "--set", "hardware={z: [16, 4]}")
    network = design.config.network
    assert (network.activations, network.cost) == (("relu", "sigmoid"), "cross_entropy")
    assert mentions(lines, "softmax: integers learn its cross-entropy with sigmoid outputs, which predict the same class")
    assert figures["test_accuracy_float"] == right(net, design)
    data = design.dataset(None)
    assert CycleTrainer(design, data.train).judge(data.test)[0] == figures["test_accuracy"]


def trained_on_digits(mean, deviation):
    """A network that PyTorch trained on the shipped digits, normalised."""
    data = catalogue.load("mnist-mini", None, 0).train
    inputs = torch.as_tensor((data.real(np.float32) - mean) / deviation).float()
    labels = torch.as_tensor(data.labels)
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(inputs.shape[1], 32), nn.ReLU(), nn.Linear(32, 10))
    optimiser = torch.optim.Adam(net.parameters(), 2e-3)
    for _ in range(3):
        for part in torch.randperm(len(labels)).split(50):
            optimiser.zero_grad()
            nn.functional.cross_entropy(net(inputs[part]), labels[part]).backward()
            optimiser.step()
    return net.double()


@pytest.mark.parametrize("normalisation", [(0.1307, 0.3081), (0.5, 0.5), (0.0, 1 / 255)])
def test_networks_of_normalised_inputs_are_noticed(normalisation, tmp_path, capsys):
    net = trained_on_digits(*normalisation)
    _, wrong, lines = told(tmp_path, capsys, net, "--output", "softmax", data="mnist-mini")
    hints = mentions(lines, "probably trained on normalised inputs: with --mean ")
    words = hints[0].split()
    mean, deviation = words[words.index("--mean") + 1], words[words.index("--std") + 1].rstrip(",")
    assert abs(float(mean) - normalisation[0]) < 0.02 and abs(float(deviation) / normalisation[1] - 1) < 0.02
    options = ("--output", "softmax", "--mean", mean, "--std", deviation)
    design, figures, lines = told(tmp_path, capsys, net, *options, data="mnist-mini")
    assert figures["test_accuracy_float"] > wrong["test_accuracy_float"] + 0.02
    assert not mentions(lines, "normalised inputs")
    assert (
        abs(figures["test_accuracy_float"] - right(net, design, lambda x: (x - normalisation[0]) / normalisation[1])) < 0.01
    )


def test_networks_of_inputs_as_they_are_give_no_hint(tmp_path, capsys):
    net = trained_on_digits(0, 1)
    design, figures, lines = told(tmp_path, capsys, net, "--output", "softmax", data="mnist-mini")
    assert not mentions(lines, "normalised inputs")
    assert figures["test_accuracy_float"] == right(net, design) > 0.85


def exercised(net):
    """Running figures and factors of batch normalisation that differ from neuron to neuron."""
    net.double().train()
    torch.manual_seed(2)
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, nn.BatchNorm1d) and module.affine:
                module.weight.uniform_(-2, 2)
                module.bias.uniform_(-1, 1)
        for _ in range(20):
            net(torch.rand(50, 16, dtype=torch.float64))
    return net.eval()


@pytest.mark.parametrize(
    ("layers", "folded"),
    [
        (lambda: [nn.Linear(16, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 4)], {"1": "0"}),
        (lambda: [nn.Linear(16, 8, bias=False), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 4, bias=False)], {"1": "0"}),
        (lambda: [nn.Linear(16, 8), nn.ReLU(), nn.BatchNorm1d(8), nn.Linear(8, 4)], {"2": "3"}),
        (lambda: [nn.BatchNorm1d(16), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 4)], {"0": "1"}),
        (lambda: [nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 4), nn.BatchNorm1d(4)], {"3": "2"}),
        (lambda: [nn.Linear(16, 8), nn.BatchNorm1d(8, affine=False), nn.ReLU(), nn.Linear(8, 4)], {"1": "0"}),
        (
            lambda: [nn.Linear(16, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.BatchNorm1d(8), nn.Linear(8, 4)],
            {"1": "0", "3": "4"},
        ),
    ],
)
def test_batch_normalisation_is_folded_exactly(layers, folded, tmp_path, capsys):
    net = exercised(nn.Sequential(*layers()))
    design, figures, lines = told(tmp_path, capsys, net)
    assert figures["test_accuracy_float"] == right(net, design)
    found, inputs = read(tmp_path / "net.pt"), torch.rand(30, 16, dtype=torch.float64)
    assert found.folded == folded and found.assumed == []
    first, last = found.layers
    hidden = np.maximum(inputs.numpy() @ first.weight.T + first.bias, 0)
    with torch.no_grad():
        np.testing.assert_allclose(hidden @ last.weight.T + last.bias, net(inputs).numpy(), atol=1e-12)
    assert mentions(lines, "batch normalisation folded with eps 1e-5")
    without = [name for name, module in net.named_children() if isinstance(module, nn.Linear) and module.bias is None]
    assert found.without_bias == without and bool(mentions(lines, "without a bias")) == bool(without)


class Named(nn.Module):
    """Layers whose names do not say what stands between them."""

    def __init__(self, behind):
        super().__init__()
        self.fc1, self.bn1, self.fc2 = nn.Linear(16, 8), nn.BatchNorm1d(8), nn.Linear(8, 4)
        self.behind = behind

    def forward(self, x):
        x = self.fc1(x)
        return self.fc2(self.bn1(torch.relu(x)) if self.behind == "activation" else torch.relu(self.bn1(x)))


@pytest.mark.parametrize("behind", ["linear", "activation"])
def test_where_batch_normalisation_stands_can_be_said(behind, tmp_path, capsys):
    net = exercised(Named(behind))
    assert mentions(told(tmp_path, capsys, net)[2], "(else --norm-behind activation): bn1")
    design, figures, lines = told(tmp_path, capsys, net, "--norm-behind", behind)
    assert figures["test_accuracy_float"] == right(net, design) and not mentions(lines, "else --norm-behind")


def norm(n):
    return {"weight": torch.ones(n), "bias": torch.zeros(n), "running_mean": torch.zeros(n), "running_var": torch.ones(n)}


def state(**modules):
    """A state_dict of linear layers (left, right) and batch normalisation, in this order."""
    result = {}
    for name, what in modules.items():
        parts = (
            {"weight": torch.ones(what[1], what[0]), "bias": torch.ones(what[1])} if isinstance(what, tuple) else norm(what)
        )
        result |= {f"{name}.{part}": tensor for part, tensor in parts.items()}
    return result


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        (state(fc1=(16, 8), fc2=(8, 8), bn1=8, fc3=(8, 4)), "bn1: stands behind fc2 in the file, but is called like fc1"),
        (state(fc=(16, 8), a=8, b=8, last=(8, 4)), "b: stands behind other batch normalisation in the file"),
        (state(fc=(16, 8), bn=5, last=(8, 4)), "bn: normalises 5 numbers, but fc beside it has 8 outputs"),
        (state(bn=5, fc=(16, 4)), "bn: normalises 5 numbers, but fc beside it has 16 inputs"),
        (state(bn=5), "holds no layer"),
        (
            state(fc=(16, 4), bn=4) | {"bn.running_var": torch.full((4,), -1.0)},
            "bn.running_var = -1.0: must not be negative",
        ),
        (state(fc=(16, 4), bn=4) | {"bn.weight": torch.ones(3)}, "bn = [3]: is batch normalisation whose tensors must all"),
        (state(fc=(16, 4), bn=4) | {"bn.mask": torch.ones(4)}, "bn: is batch normalisation with a mask"),
        (state(fc=(16, 4)) | {"fc.weight": torch.full((4, 16), 1e12)}, "is a weight or bias that no training gives"),
    ],
)
def test_batch_normalisation_that_cannot_be_folded_is_told(content, answer, tmp_path, capsys):
    assert answer in told(tmp_path, capsys, content, rc=2)
