"""Convolutional front ends: sizes as published, and the arithmetic of a small one beside loops over pixels."""

import sys

import numpy as np
import pytest

from models.connectivity.draw import draw
from models.errors import InputError
from models.network.network import Network
from models.network.parameters import initialise
from models.torch_layers import require
from models.torch_layers.front_ends import FRONT_ENDS, FrontEnd, Stage

CIFAR, MNIST = (32, 32, 3), (28, 28)


def test_the_published_networks_have_the_published_sizes():
    assert FRONT_ENDS["deep"].shape(CIFAR) == FRONT_ENDS["shallow"].shape(CIFAR) == (4, 4, 250)
    assert FRONT_ENDS["deep"].features(CIFAR) == FRONT_ENDS["shallow"].features(CIFAR) == 4000
    assert [s.channels for s in FRONT_ENDS["deep"].stages] == [60, 60, 125, 125, 250, 250]
    assert FRONT_ENDS["small"].features(MNIST) == 1960


def test_an_image_that_is_too_small_is_refused():
    with pytest.raises(InputError, match="image = 7×32×3: is too small"):
        FRONT_ENDS["shallow"].shape((7, 32, 3))


def test_a_missing_pytorch_is_told_in_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InputError, match=r"^package torch: is missing: .*hwsim\[torch\]"):
        require()


def by_pixel(images, kernel, stage, mean, variance):
    """Features of one stage in evaluation, pixel by pixel, flattened channel-last."""
    padded = np.pad(images, ((0, 0), (stage.padding,) * 2, (stage.padding,) * 2, (0, 0)))
    size = stage.size(images.shape[1])
    out = np.full((len(images), size, size, stage.channels), -np.inf)
    for y in range(size * stage.pool):
        for x in range(size * stage.pool):
            for c in range(stage.channels):
                rows = slice(y * stage.stride, y * stage.stride + stage.kernel)
                columns = slice(x * stage.stride, x * stage.stride + stage.kernel)
                window = padded[:, rows, columns, :]
                s = (window * kernel[c].transpose(1, 2, 0)).sum(axis=(1, 2, 3))
                s = (s - mean[c]) / np.sqrt(variance[c] + 1e-5)
                best = out[:, y // stage.pool, x // stage.pool, c]
                out[:, y // stage.pool, x // stage.pool, c] = np.maximum(best, np.maximum(s, 0))
    return out.reshape(len(images), -1)


@pytest.mark.parametrize("stage", [Stage(3, 3, padding=1, pool=2), Stage(2, 5, stride=2, padding=2), Stage(4, 3)], ids=str)
@pytest.mark.parametrize("channels", [1, 3])
def test_features_are_those_of_loops_over_pixels(stage, channels):
    torch = pytest.importorskip("torch")
    from models.torch_layers.convolutions import Convolutions

    rng = np.random.default_rng(4)
    front = Convolutions(FrontEnd((stage,), dropout=0.5), (8, 8, channels)).double().eval()
    front.initialise(rng)
    norm = front.layers[1]
    norm.running_mean.copy_(torch.as_tensor(mean := rng.normal(size=stage.channels)))
    norm.running_var.copy_(torch.as_tensor(variance := rng.uniform(0.5, 2, stage.channels)))
    images = rng.random((5, 8, 8, channels))
    ours = front(torch.as_tensor(images.reshape(5, -1))).detach().numpy()
    wanted = by_pixel(images, front.kernels[0].detach().numpy(), stage, mean, variance)
    assert ours.shape == (5, front.features)
    np.testing.assert_allclose(ours, wanted, rtol=1e-10, atol=1e-10)


def test_a_published_network_counts_its_numbers():
    pytest.importorskip("torch")
    from models.torch_layers.convolutions import Convolutions, FrontedNetwork

    rng = np.random.default_rng(0)
    patterns = tuple(draw("structured", a, b, rng, d_out=d) for a, b, d in ((4000, 500, 1), (500, 100, 1)))
    network = Network(patterns, ("relu", "softmax"), "cross_entropy", np.arange(100))
    made = {n: FrontedNetwork(Convolutions(FRONT_ENDS[n], CIFAR), network) for n in ("shallow", "deep")}
    for form in made.values():
        form.classifier.load(initialise(network, "he_normal", "sparse", 0.0, rng))
    kernels = {n: sum(k.numel() for k in net.convolutions.kernels) for n, net in made.items()}
    layers = [(3, 60), (60, 60), (60, 125), (125, 125), (125, 250), (250, 250)]
    assert kernels == {"shallow": 5 * 5 * 3 * 250, "deep": sum(9 * a * b for a, b in layers)}
    assert made["shallow"].trained_numbers == 18_750 + 2 * 250 + 4000 + 500 + 600
