"""What the engines are compared with: the plainest NumPy program, and PyTorch."""

from collections.abc import Callable

import numpy as np

from hwsim.configuration import config_file
from hwsim.configuration.configuration import Configuration
from hwsim.design import Design
from hwsim.random_streams import Stream
from models.data.dataset import Split
from models.network.activations import sigmoid
from models.numbers.format import narrow, saturate
from models.numbers.system import NumberSystem

SAMPLES = 2048
"""Of random data, which every engine trains."""


def design_of(config: Configuration, **training: object) -> Design:
    """The design of a configuration, trained in another way, on all samples."""
    data = config_file.resolved(config)
    data["training"] |= training
    data["data"] = data.get("data", {}) | {"validation": 0}
    return Design(config_file.parse(data))


def synthetic(design: Design) -> Split:
    """Random images: no zeros to skip, every delta alive, so that no engine profits from easy data."""
    rng = design.generator(Stream.BENCHMARK)
    inputs = rng.integers(0, 256, (SAMPLES, design.config.network.layers[0]), dtype=np.uint8)
    return Split(inputs, rng.integers(0, design.config.classes, SAMPLES))


class GatherLoop:
    """The plainest NumPy program for the fixed-point step, one sample at a time: a yardstick, not an engine.

    It leaves out whatever the common case does not need, but computes the same integers as the sequential fixed engine.
    """

    @staticmethod
    def can_train(config: Configuration) -> bool:
        """Whether this is the common case: sigmoid, cross-entropy, equal in-degrees, one format, exact products."""
        n, net = config.numbers.system, config.network
        ours = {n.weight, n.bias, n.preactivation, n.activation, n.derivative, n.delta}
        exact = n.product_fraction >= n.weight.fraction + max(n.input.fraction, n.weight.fraction)
        common = set(net.activations) == {"sigmoid"} and net.cost == "cross_entropy" and config.out_degrees is not None
        return common and not n.stochastic and exact and len(ours) == 1 and n.delta.one <= n.delta.highest

    def __init__(self, design: Design) -> None:
        self._network, self._numbers = design.network, design.config.numbers.system
        initial = design.initial_integers
        self.weights = [w.astype(np.int64) for w in initial.weights]
        self.biases = [b.astype(np.int64) for b in initial.biases]
        data = synthetic(design)
        self._inputs, self._labels = data.integers(self._numbers.input).astype(np.int64), data.labels

    def train(self, n: int) -> None:
        """Learn from the first ``n`` samples at a rate of 2**-5."""
        for x, y in zip(self._inputs[:n], self._labels[:n], strict=True):
            self._step(x, int(y), 5)

    def _step(self, x: np.ndarray, label: int, kappa: int) -> None:
        numbers: NumberSystem = self._numbers
        rounding, one = numbers.rounding, numbers.activation.one
        activations, derivatives = [x], []
        for j, p in enumerate(self._network.patterns):
            total = np.add.reduceat(self.weights[j] * activations[j][p.left], p.row_start[:-1])
            shift = numbers.weight.fraction + numbers.left_activation(j).fraction - numbers.preactivation.fraction
            total += self.biases[j] << shift
            s = saturate(narrow(total, shift, rounding["preactivation"]), numbers.preactivation)
            real = sigmoid(numbers.preactivation.real(s))
            activations.append(numbers.activation.quantise(real))
            derivatives.append(numbers.derivative.quantise(real * (1 - real)))
        delta = activations[-1].copy()
        delta[self._network.output_neurons[label]] -= one
        for j in range(len(self._network.patterns) - 1, -1, -1):
            p = self._network.patterns[j]
            per_edge = delta[p.right]
            partial = np.bincount(p.left, self.weights[j] * per_edge, p.n_left).astype(np.int64)
            drop = numbers.left_activation(j).fraction + numbers.delta.fraction - numbers.weight.fraction + kappa
            step = narrow(activations[j][p.left] * per_edge, drop, rounding["weight_step"])
            self.weights[j] = saturate(self.weights[j] - step, numbers.weight)
            self.biases[j] = saturate(self.biases[j] - narrow(delta, kappa, rounding["bias_step"]), numbers.bias)
            if j:
                shift = numbers.weight.fraction + numbers.derivative.fraction
                delta = saturate(narrow(partial * derivatives[j - 1], shift, rounding["delta"]), numbers.delta)


def torch_row(config: Configuration) -> tuple[str, Callable[[], object], int] | None:
    """The same network as masked dense layers in PyTorch, batch 1, plain SGD: name, one repetition, its samples.

    Nothing if PyTorch is not installed.
    """
    try:
        import torch
    except ImportError:
        return None
    pairs = [a * b for a, b in zip(config.network.layers, config.network.layers[1:], strict=False)]
    if sum(pairs) > 20_000_000:
        return None
    torch.set_num_threads(1)
    design = design_of(config, engine="float", order="sequential", precision="float32")
    masks, layers = [], []
    for p in design.patterns:
        mask = torch.zeros(p.n_right, p.n_left)
        mask[torch.as_tensor(p.right.astype(np.int64)), torch.as_tensor(p.left.astype(np.int64))] = 1
        masks.append(mask)
        layers.append(torch.nn.Linear(p.n_left, p.n_right))
    optimiser = torch.optim.SGD([q for layer in layers for q in layer.parameters()], lr=0.01)
    data = synthetic(design)
    inputs = torch.as_tensor(data.real(np.float32))
    outputs = torch.as_tensor(design.network.output_neurons[data.labels])
    n = 64

    def train() -> None:
        for x, y in zip(inputs[:n], outputs[:n], strict=True):
            for i, (layer, mask) in enumerate(zip(layers, masks, strict=True)):
                s = torch.nn.functional.linear(x, layer.weight * mask, layer.bias)
                x = s if i == len(layers) - 1 else torch.sigmoid(s)
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(x[None], y[None]).backward()
            optimiser.step()

    return "PyTorch float32, dense with mask, batch 1", train, n
